package journal

import (
	"encoding/json"
	"time"

	"tapline/target-warehouse/destination"
)

// Run is one run of the target, as far as it came by the commit that recorded it.
type Run struct {
	ID          string    `json:"run_id"` // ULID, so that text order is order of start
	Pipeline    string    `json:"pipeline"`
	Integration string    `json:"integration_name"` // "" if the pipeline's tables are not named after one
	Version     string    `json:"target_version"`
	Host        string    `json:"host"`
	StartedAt   time.Time `json:"started_at"`
	EndedAt     time.Time `json:"ended_at,omitzero"` // zero while the run is going on
	Status      RunStatus `json:"status"`
	Message     string    `json:"message,omitempty"` // why the run failed

	RowsIn   int64 `json:"rows_in"`       // records read
	Rows     int64 `json:"rows_loaded"`   // records made durable
	Rejected int64 `json:"rows_rejected"` // records left out, and values that became NULL
	BytesIn  int64 `json:"bytes_in"`      // of the lines read
	States   int64 `json:"states_emitted"`

	// FirstState and LastState are the first and the newest state that the run emitted, byte for byte; nil if none.
	FirstState json.RawMessage `json:"-"`
	LastState  json.RawMessage `json:"-"`
}

// RunStatus says what became of a run.
type RunStatus string

// The statuses of a run. One that was killed stays Running and has no end.
const (
	Running     RunStatus = "running"
	Succeeded   RunStatus = "succeeded"
	Partial     RunStatus = "partial" // everything durable but what was rejected
	Failed      RunStatus = "failed"
	Interrupted RunStatus = "interrupted" // by a signal; what was read before is durable
)

// Row is r as a row of [destination.Runs].
func (r Run) Row() destination.Row {
	return destination.Row{Table: destination.Runs, Values: []any{
		r.ID, r.Pipeline, text(r.Integration), text(r.Version), text(r.Host),
		moment(r.StartedAt), moment(r.EndedAt), text(string(r.Status)), text(r.Message),
		r.RowsIn, r.Rows, r.Rejected, r.BytesIn,
		r.States, document(r.FirstState), document(r.LastState),
	}}
}

func runOf(r destination.Row) Run {
	return Run{
		ID: get[string](r, "run_id"), Pipeline: get[string](r, "pipeline"), Integration: get[string](r, "integration_name"),
		Version: get[string](r, "target_version"), Host: get[string](r, "host"),
		StartedAt: get[time.Time](r, "started_at"), EndedAt: get[time.Time](r, "ended_at"),
		Status: RunStatus(get[string](r, "status")), Message: get[string](r, "message"),
		RowsIn: get[int64](r, "rows_in"), Rows: get[int64](r, "rows_loaded"), Rejected: get[int64](r, "rows_rejected"),
		BytesIn: get[int64](r, "bytes_in"), States: get[int64](r, "states_emitted"),
		FirstState: raw(r, "first_state"), LastState: raw(r, "last_state"),
	}
}
