package journal

import (
	"time"

	"tapline/target-warehouse/destination"
)

// Load is what one commit did to one table.
type Load struct {
	RunID        string             `json:"run_id"`
	Number       int64              `json:"commit"` // of the commit in its run, from 1
	Stream       string             `json:"stream"`
	Method       string             `json:"method"` // as the setting load_method spells it, or history
	StartedAt    time.Time          `json:"started_at"`
	EndedAt      time.Time          `json:"ended_at"`
	FirstOrdinal int64              `json:"first_ordinal"` // of the records, counted from 1 in the run; 0 if there was none
	LastOrdinal  int64              `json:"last_ordinal"`
	Counts       destination.Counts `json:"rows"`
	Rejected     int64              `json:"rejected"`
	Bytes        int64              `json:"bytes"` // of the rows in memory
}

// Row is l as a row of [destination.Loads].
func (l Load) Row() destination.Row {
	return destination.Row{Table: destination.Loads, Values: []any{
		l.RunID, l.Number, l.Stream, text(l.Method),
		moment(l.StartedAt), moment(l.EndedAt), l.FirstOrdinal, l.LastOrdinal,
		l.Counts.Inserted, l.Counts.Updated, l.Counts.Deleted, l.Rejected, l.Bytes,
	}}
}

func loadOf(r destination.Row) Load {
	return Load{
		RunID: get[string](r, "run_id"), Number: get[int64](r, "commit_number"), Stream: get[string](r, "stream"), Method: get[string](r, "method"),
		StartedAt: get[time.Time](r, "started_at"), EndedAt: get[time.Time](r, "ended_at"),
		FirstOrdinal: get[int64](r, "first_ordinal"), LastOrdinal: get[int64](r, "last_ordinal"),
		Counts: counts(r), Rejected: get[int64](r, "rows_rejected"), Bytes: get[int64](r, "bytes"),
	}
}
