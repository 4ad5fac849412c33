// Package destination says what the loader asks of a warehouse. Each engine implements it in a folder of its own, and
// package destinationtest holds the one suite that every engine must pass.
package destination

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"tapline/target-warehouse/table"
)

// Destination is an open warehouse. Its methods are called from one goroutine at a time.
type Destination interface {
	// Begin starts a load. At most one load is open at a time.
	Begin(ctx context.Context) (Load, error)
	// Status reads what earlier loads recorded. It changes nothing and works on a warehouse that was never loaded,
	// giving a zero Status.
	Status(ctx context.Context) (*Status, error)
	// Close ends the use of the warehouse; an open Load must have ended before.
	Close() error
}

// Load is one unit of work: everything done through it becomes visible and durable together at Commit, or not at all.
// The order of calls is: any number of Migrate and Append, those of a table in this order, then one Commit or one
// Rollback; after that the Load is dead. When a method fails, only Rollback may follow.
type Load interface {
	// Migrate makes the table fit t: it creates the schema and the table, or adds the columns that it lacks. Existing
	// rows and columns stay. A column whose type in the warehouse cannot hold t's type is a failure that names both.
	Migrate(ctx context.Context, t *table.Table) error
	// Append adds the rows of the batches in order. All batches are of one Table, to which Migrate has been called in
	// this Load. With a key and without AppendOnly, a row replaces the row with the same key, and the last of several
	// wins. The batches stay the caller's and may be released once Append has returned.
	Append(ctx context.Context, batches []*table.Batch) (Counts, error)
	// Commit makes the load durable together with the checkpoint.
	Commit(ctx context.Context, c Checkpoint) error
	// Rollback undoes the load. It is harmless after Commit.
	Rollback() error
}

// Counts says what an Append did to the table.
type Counts struct {
	Inserted int64 `json:"inserted"` // rows with a key that the table did not have, or without a key
	Updated  int64 `json:"updated"`  // rows that took the place of a row with the same key
}

// Checkpoint is what a Commit records beside the rows.
type Checkpoint struct {
	// State is the newest state that the rows made durable so far cover, or nil when this commit covers no new state.
	State json.RawMessage
	// Run is the run's row in _singer_runs as of this commit.
	Run Run
}

// Run is one execution of the target, a row of _singer_runs. A commit without rows records it at the start and at the
// end.
type Run struct {
	ID        string            `json:"run_id"`   // ULID, so that text order is order of start
	Pipeline  string            `json:"pipeline"` // names the state's row in _singer_state; a warehouse may hold several pipelines
	Version   string            `json:"version"`  // of target-warehouse
	StartedAt time.Time         `json:"started_at"`
	EndedAt   time.Time         `json:"ended_at,omitzero"` // zero while the run is going on
	Status    RunStatus         `json:"status"`
	Message   string            `json:"message,omitempty"` // the diagnosis of a failed run, else ""
	RowsIn    int64             `json:"rows_in"`           // RECORD lines read
	Rows      int64             `json:"rows"`              // rows made durable
	BytesIn   int64             `json:"bytes_in"`
	States    int64             `json:"states"` // states emitted
	Tables    map[string]Counts `json:"tables"` // by stream, of this run so far
}

// RunStatus is what became of a run.
type RunStatus string

// The statuses of a run. A run that was killed stays Running; Status tells such a row by the missing end.
const (
	Running     RunStatus = "running"
	Succeeded   RunStatus = "succeeded"
	Failed      RunStatus = "failed"
	Interrupted RunStatus = "interrupted"
)

// Status is what `target-warehouse status` shows.
type Status struct {
	Tables []TableStatus `json:"tables"`
	Runs   []Run         `json:"runs"` // newest first, at most 20
	// States by pipeline.
	States map[string]json.RawMessage `json:"states"`
}

// TableStatus is the state of one table that tapline loads.
type TableStatus struct {
	Stream       string    `json:"stream"`
	Schema       string    `json:"schema"`
	Name         string    `json:"name"`
	Rows         int64     `json:"rows"`
	LastLoadedAt time.Time `json:"last_loaded_at,omitzero"`
	LastRunID    string    `json:"last_run_id,omitempty"`
}

// ErrLocked means that another process holds the warehouse.
var ErrLocked = errors.New("another process holds it")
