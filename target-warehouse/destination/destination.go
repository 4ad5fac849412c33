// Package destination says what the loader asks of a warehouse. Each engine implements it in a folder of its own, and
// package destinationtest holds the one suite that every engine must pass.
package destination

import (
	"context"
	"encoding/json"
	"errors"

	"tapline/target-warehouse/table"
)

// Destination is an open warehouse. Its methods are called from one goroutine at a time.
type Destination interface {
	// Begin starts a load. At most one load is open at a time.
	Begin(ctx context.Context) (Load, error)
	// Read reads rows of one of tapline's own tables, those with the greatest keys first: all, or as many as newest says
	// if that is not 0. It sees what is committed, changes nothing, and gives none where there is no such table yet.
	Read(ctx context.Context, t *OwnTable, newest int) ([]Row, error)
	// Count counts the rows of a table. exists is false where there is none.
	Count(ctx context.Context, schema, name string) (rows int64, exists bool, err error)
	// Close ends the use of the warehouse; an open Load must have ended before.
	Close() error
}

// Load is one unit of work: everything done through it becomes visible and durable together at Commit, or not at all.
// The order of calls is: any number of Migrate, Append and Activate, those of a table in this order, then one Commit or one
// Rollback; after that the Load is dead. When a method fails, only Rollback may follow.
type Load interface {
	// Migrate makes the table fit t: it creates the schema and the table, adds the columns that it lacks, and where a
	// column's type in the warehouse cannot hold t's type, does what t.Conflict says. Existing rows and columns stay, and
	// so does every value. It tells what the table is like and what was changed. For a table that is to be overwritten it
	// makes the hidden one that collects the rows, without what an earlier run left in it.
	Migrate(ctx context.Context, t *table.Table) (*Migration, error)
	// Append adds the rows of the batches in order, and what becomes of a row does not depend on how they are cut. All
	// batches are of one Table, to which Migrate has been called in this Load. Where t.Keyed, a row replaces the row with
	// the same key, and the last of several wins; what becomes of the row replaced is up to t.Method and t.HardDelete. A
	// row that differs from the one it replaces only in [table.Metadata] other than [table.TableVersion] and
	// [table.DeletedAt] may stay unwritten. With table.History a row that says the same as the newest version of its key,
	// while that still holds, only brings its metadata up to date; one whose [table.ValidFrom] is earlier than that of a
	// version of its key is skipped, so that rows which come again add nothing. The batches stay the caller's and may be
	// released once Append has returned. An engine may go on with the rows then: what fails later fails the next call.
	Append(ctx context.Context, batches []*table.Batch) (Counts, error)
	// Activate makes rows of older versions than a's go from t, to which Migrate has been called in this Load. With
	// table.Overwrite it puts the rows collected so far, of whatever version, in the place of the table's, which all count
	// as deleted.
	Activate(ctx context.Context, t *table.Table, a Activation) (Counts, error)
	// Commit makes the load durable together with the checkpoint. It fails with [ErrFenced], and nothing is kept, when
	// another run of the pipeline has begun since.
	Commit(ctx context.Context, c Checkpoint) error
	// Rollback undoes the load. It is harmless after Commit.
	Rollback() error
}

// ParquetLoad is a Load that can take whole Parquet files.
type ParquetLoad interface {
	Load
	// AppendParquet adds the rows of a local Parquet file, in the file's order, as Append would add them, without decoding
	// them. Migrate must have been called with t. It fails with [ErrNotParquet] unless every column of t is filled by a
	// column of the file that has the property's name and exactly the type of the warehouse's column, and the file has no
	// others.
	AppendParquet(ctx context.Context, t *table.Table, path string) (Counts, error)
}

// Crowder is a Load that can fill up: once Crowded, it had better be committed before rows of more tables are appended.
type Crowder interface{ Crowded() bool }

// Eager is a Destination to which the rows of some tables had better go while more are on their way.
type Eager interface {
	// Eager tells how many bytes of t's rows are worth an Append; 0 for as many as can wait, which saves work where every
	// Append looks for keys.
	Eager(t *table.Table) int64
}

// Watcher is a Destination that can tell whether a pipeline is being loaded.
type Watcher interface {
	// Loading tells whether another process may be loading the pipeline.
	Loading(ctx context.Context, pipeline string) (bool, error)
}

// Counts says what became of rows, counted as if they had been applied one by one. A row that equals the one it replaces
// counts as updated, and so does one that a history skips. A row with a [table.DeletedAt] that is not to delete its key
// counts as inserted or updated like any other.
type Counts struct {
	Inserted int64 `json:"inserted"` // rows with a key that the table did not have, or without a key
	Updated  int64 `json:"updated"`  // rows that took the place of a row with the same key
	Deleted  int64 `json:"deleted"`  // rows removed or, where they stay, marked as deleted
}

// Plus adds up.
func (c Counts) Plus(d Counts) Counts {
	return Counts{c.Inserted + d.Inserted, c.Updated + d.Updated, c.Deleted + d.Deleted}
}

// Activation says which rows of a table are gone from the source: those whose [table.TableVersion] is lower than Version
// and, with Unversioned, those that have none. With t.HardDelete they are deleted; without, those that have no
// [table.DeletedAt] get At as one. In a table with [table.History] only the newest rows of their keys are looked at, and
// they also get At as [table.ValidTo]; they are never deleted.
type Activation struct {
	Version     int64
	Unversioned bool
	AtMicros    int64 // microseconds since 1970 UTC
}

// Migration is what Migrate found and did.
type Migration struct {
	Columns []Stored // one for each of the Table's columns, in their order
	Changes []Change
}

// Stored says where and as what the warehouse keeps a column.
type Stored struct {
	Name string // of the column, as stored
	Type string // as the engine's SQL writes it
}

// Change is a change that was made to a table for the sake of a Table.
type Change struct {
	Kind   ChangeKind
	Column string // as stored; "" if the change is about the whole table
	From   string // the type or key before; "" where there was none
	To     string // the type or key since
}

// ChangeKind says what was changed.
type ChangeKind string

// The kinds of changes.
const (
	CreateTable ChangeKind = "create" // To lists the key's columns
	AddColumn   ChangeKind = "add"
	WidenColumn ChangeKind = "widen"
	RelaxColumn ChangeKind = "relax" // the column may be NULL now
	SplitColumn ChangeKind = "split" // values of another type have a column of their own; Column is the new one
	ChangeKey   ChangeKind = "key"
)

// Checkpoint is what a Commit records beside the rows.
type Checkpoint struct {
	Pipeline string // names the state; a warehouse may hold several pipelines
	RunID    string
	// Fence is greater than that of every run of the pipeline that began before. A Commit with a lower fence than the one
	// stored, or with the same one of another run, fails with [ErrFenced].
	Fence int64
	// State is the newest state that the rows made durable so far cover, or nil when this commit covers no new state: then
	// the one stored stays. It is kept byte for byte.
	State json.RawMessage
	// Rows go into tapline's own tables, each in the place of the row with the same key. At most one has the same table
	// and key. None is of [States], which the rest of the Checkpoint tells.
	Rows []Row
}

// The failures that callers tell apart.
var (
	// ErrLocked means that another process holds the warehouse.
	ErrLocked = errors.New("another process holds it")
	// ErrFenced means that a later run of the same pipeline took over.
	ErrFenced = errors.New("another run of this pipeline has begun since")
	// ErrNotParquet means that a Parquet file cannot go into its table as it is. Nothing was done and the load goes on:
	// the file's records can be decoded and appended instead.
	ErrNotParquet = errors.New("the Parquet file cannot be loaded as it is")
)
