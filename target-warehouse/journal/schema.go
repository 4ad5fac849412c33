package journal

import (
	"time"

	"tapline/target-warehouse/destination"
)

// Column is a column that a stream has filled at some time. It keeps its name for good.
type Column struct {
	Pipeline    string    `json:"pipeline"`
	Stream      string    `json:"stream"`
	Path        string    `json:"path"`         // JSON array of the names that lead to the value; [] for tapline's own columns
	Name        string    `json:"column"`       // as the Table names it
	StoredAs    string    `json:"stored_as"`    // as the warehouse names it
	LogicalType string    `json:"logical_type"` // as [table.Type] spells it
	StoredType  string    `json:"stored_type"`  // as the engine's SQL spells it
	Nullable    bool      `json:"nullable"`
	FirstSeenAt time.Time `json:"first_seen_at"`
	LastSeenAt  time.Time `json:"last_seen_at"` // when a SCHEMA last had it
}

// Row is c as a row of [destination.Columns].
func (c Column) Row() destination.Row {
	return destination.Row{Table: destination.Columns, Values: []any{
		c.Pipeline, c.Stream, c.Path, c.Name,
		text(c.StoredAs), text(c.LogicalType), text(c.StoredType), c.Nullable,
		moment(c.FirstSeenAt), moment(c.LastSeenAt),
	}}
}

func columnOf(r destination.Row) Column {
	return Column{
		Pipeline: get[string](r, "pipeline"), Stream: get[string](r, "stream"), Path: get[string](r, "path"), Name: get[string](r, "column_name"),
		StoredAs: get[string](r, "stored_as"), LogicalType: get[string](r, "logical_type"), StoredType: get[string](r, "stored_type"),
		Nullable: get[bool](r, "nullable"), FirstSeenAt: get[time.Time](r, "first_seen_at"), LastSeenAt: get[time.Time](r, "last_seen_at"),
	}
}

// Change is one change that a run made to a table.
type Change struct {
	RunID  string
	Number int64 // of the change in its run, from 1
	Stream string
	At     time.Time
	Schema string // "" for the engine's default
	Table  string
	destination.Change
}

// Row is c as a row of [destination.SchemaChanges].
func (c Change) Row() destination.Row {
	return destination.Row{Table: destination.SchemaChanges, Values: []any{
		c.RunID, c.Number, c.Stream, moment(c.At),
		c.Schema, c.Table, text(string(c.Kind)), text(c.Column), text(c.From), text(c.To),
	}}
}

func changeOf(r destination.Row) Change {
	return Change{
		RunID: get[string](r, "run_id"), Number: get[int64](r, "number"), Stream: get[string](r, "stream"), At: get[time.Time](r, "at"),
		Schema: get[string](r, "table_schema"), Table: get[string](r, "table_name"),
		Change: destination.Change{
			Kind: destination.ChangeKind(get[string](r, "kind")), Column: get[string](r, "column_name"),
			From: get[string](r, "from_type"), To: get[string](r, "to_type"),
		},
	}
}

// Reject is a record, or a value of one, that the warehouse could not take. Rows of this kind are loaded like a stream's.
type Reject struct {
	RunID   string    `json:"run_id"`
	Stream  string    `json:"stream"`
	Ordinal int64     `json:"ordinal"` // of the record in the run, from 1
	At      time.Time `json:"at"`
	Field   string    `json:"field"` // whose value became NULL; "" where the whole record was left out
	Reason  string    `json:"reason"`
	Record  string    `json:"record"` // as it was sent
}

func rejectOf(r destination.Row) Reject {
	return Reject{
		RunID: get[string](r, "run_id"), Stream: get[string](r, "stream"), Ordinal: get[int64](r, "ordinal"), At: get[time.Time](r, "at"),
		Field: get[string](r, "field"), Reason: get[string](r, "reason"), Record: get[string](r, "record"),
	}
}
