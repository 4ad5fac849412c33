// Package duckdb keeps a warehouse in one DuckDB file. A path is its whole configuration: there is no server, and the
// engine is linked into the binary.
//
// One DuckDB transaction covers everything that a Load does: schemas, tables, columns, rows and tapline's own tables, which
// live in the schema main. A process killed before Commit returns leaves all of it or, if the engine's commit record was not
// yet on disk, nothing of it.
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
// An overwrite collects its rows in a table _singer_new_NAME beside the visible one and is renamed over it. A history is
// kept by comparing, for each key, the newest stored row and the rows that arrive with the one before each of them.
//
// What bounds a load is DuckDB copying, compressing and writing the rows; looking for keys takes about a tenth of the
// time. DuckDB divides among its threads what one statement reads, and one Append brings little: with more threads its
// rows take more processor time and no less of the clock's. So large Appends without a key go on as one statement (see
// feed), whose threads leave the rows in no particular order, and of others only those of very many rows have more than
// one thread. Without compression a load takes two thirds of the time and the file is four times as large; without
// dictionaries alone a quarter is gained, and a query that groups by a column of few values takes seven times as long
// ever after. So both are left to DuckDB.
//
// # Types
//
// A column that must hold values of another type is changed to the narrowest type that takes all of them, but only after a
// query has found that every stored value survives the change and the way back. In a column of text numbers are plain
// digits without an exponent, and moments are RFC 3339 in UTC, so that equal values have one spelling. Whole numbers and
// others share a DOUBLE as long as it holds every one of them exactly, and text otherwise. A Decimal of any length is text.
// NaN and infinities are stored as they are and, where a column is JSON, as strings.
//
// The comment on a table keeps the key of its last load, and that on a column __TYPE beside another says whose values it
// takes. A comment that a person writes on a table is left alone; a change of the key is not noticed then.
//
// # Names
//
// Names are quoted everywhere and may hold any character. DuckDB compares them without regard to case, so two columns
// that differ only in case cannot be in one table; Migrate says so.
package duckdb
