package journal

import (
	"time"

	"tapline/target-warehouse/destination"
)

// Table is what is known of one table that a pipeline loads.
type Table struct {
	Pipeline string      `json:"pipeline"`
	Stream   string      `json:"stream"`
	Schema   string      `json:"schema"` // "" for the engine's default
	Name     string      `json:"table"`
	Status   TableStatus `json:"status"`

	// LastReplicatedAt says how new the data is: when the newest record was extracted, or when a run that had none for the
	// stream ended well.
	LastReplicatedAt time.Time `json:"last_replicated_at,omitzero"`
	LastLoadedAt     time.Time `json:"last_loaded_at,omitzero"` // when the last commit with something of the stream was made
	LastRunID        string    `json:"last_run_id,omitempty"`   // of the run that made it

	RowCount int64              `json:"rows"`     // in the table, -1 if that is not known
	Counts   destination.Counts `json:"last_run"` // what became of rows in that run
	Rejected int64              `json:"rejected"` // in that run

	ActiveVersion int64 `json:"active_version"` // of the newest ACTIVATE_VERSION, if HasVersion
	HasVersion    bool  `json:"has_version"`
	// VersionPending tells that records of a newer version than the active one are loaded: when a version is activated
	// next, in whichever run, the rows without one are older than that.
	VersionPending bool `json:"version_pending,omitzero"`

	SchemaHash        string    `json:"schema_hash,omitempty"`    // of the stream's last SCHEMA
	FailureReason     string    `json:"failure_reason,omitempty"` // of a Failed one
	ReloadRequestedAt time.Time `json:"reload_requested_at,omitzero"`
}

// TableStatus says how a table stands.
type TableStatus string

// The statuses of a table.
const (
	Synced          TableStatus = "synced"
	Loading         TableStatus = "loading" // its run is going on, or was killed
	TableFailed     TableStatus = "failed"
	ReloadRequested TableStatus = "reload_requested" // the next run reads the stream from its beginning
	Reloading       TableStatus = "reloading"        // such a run is going on, or was killed
)

// unknownRows is the RowCount of a table whose rows were not counted.
const unknownRows = -1

// Row is t as a row of [destination.Tables].
func (t Table) Row() destination.Row {
	var rows, version any
	if t.RowCount >= 0 {
		rows = t.RowCount
	}
	if t.HasVersion {
		version = t.ActiveVersion
	}
	return destination.Row{Table: destination.Tables, Values: []any{
		t.Pipeline, t.Stream, t.Schema, t.Name,
		text(string(t.Status)), moment(t.LastReplicatedAt), moment(t.LastLoadedAt), text(t.LastRunID),
		rows, t.Counts.Inserted, t.Counts.Updated, t.Counts.Deleted,
		t.Rejected, version, text(t.SchemaHash), text(t.FailureReason),
		moment(t.ReloadRequestedAt), t.VersionPending,
	}}
}

func tableOf(r destination.Row) Table {
	t := Table{
		Pipeline: get[string](r, "pipeline"), Stream: get[string](r, "stream"), Schema: get[string](r, "table_schema"), Name: get[string](r, "table_name"),
		Status: TableStatus(get[string](r, "status")), LastRunID: get[string](r, "last_run_id"),
		LastReplicatedAt: get[time.Time](r, "last_replicated_at"), LastLoadedAt: get[time.Time](r, "last_loaded_at"),
		Counts: counts(r), Rejected: get[int64](r, "rows_rejected"),
		SchemaHash: get[string](r, "schema_hash"), FailureReason: get[string](r, "failure_reason"),
		ReloadRequestedAt: get[time.Time](r, "reload_requested_at"), VersionPending: get[bool](r, "version_pending"),
	}
	t.ActiveVersion, t.HasVersion = lookup[int64](r, "active_version")
	var counted bool
	if t.RowCount, counted = lookup[int64](r, "row_count"); !counted {
		t.RowCount = unknownRows
	}
	if t.Status == "" { // versions before statuses recorded what was durable alone
		t.Status = Synced
	}
	return t
}
