// Package duckdb keeps a warehouse in one DuckDB file. A path is its whole configuration: there is no server, and the
// engine is linked into the binary.
//
// One DuckDB transaction covers everything that a Load does: schemas, tables, new columns, rows and tapline's own
// tables _singer_state, _singer_runs and _singer_tables, which live in the schema main. A process killed before Commit
// returns leaves all of it or, if the engine's commit record was not yet on disk, nothing of it.
//
// # How rows reach a table
//
// The Arrow buffers of the batches are lent to DuckDB through the Arrow C stream interface, so no value is copied or
// formatted on the way ([Allocator] says where they must lie). Rows without a key are inserted as they come. With a
// key, a temporary table of the batches' distinct keys, each with its greatest ordinal, decides which rows win; the
// rows they replace are deleted and the winners are inserted. There is no index: it would slow every load down as the
// table grows. MERGE INTO was measured against it. It updates in place, which is quicker where most of a table changes,
// but a thousand changed rows spread over a table make DuckDB write every row group again, so that a small load would
// cost as much as the table is large.
//
// # Names
//
// Names are quoted everywhere and may hold any character. DuckDB compares them without regard to case, so two columns
// that differ only in case cannot be in one table; Migrate says so.
package duckdb
