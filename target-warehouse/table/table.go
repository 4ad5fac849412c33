// Package table holds the logical side of a load: tables, columns and their types, independent of any engine and of the
// bytes that fill them. It is pure: nothing here reads, writes or remembers.
package table

import "github.com/apache/arrow/go/v15/arrow"

// Type is the logical type of a column. The list is closed; nullability is kept apart, in [Column].
type Type uint8

// The types, each with the Arrow type in which a [Batch] carries it.
const (
	// Boolean is true or false: Arrow bool.
	Boolean Type = iota + 1
	// Integer is a whole number of 64 bits: Arrow int64.
	Integer
	// Number is a number that a 64-bit float holds without changing a digit of its shortest decimal form: Arrow
	// float64.
	Number
	// Text is Unicode text: Arrow string.
	Text
	// Timestamp is a moment, in microseconds since 1970 UTC: Arrow timestamp[us, UTC].
	Timestamp
	// Date is a calendar day: Arrow date32.
	Date
	// JSON is a JSON value of any kind, kept as the text it came in: Arrow string.
	JSON
)

// Column is one column of a table.
type Column struct {
	// Name is the column's name in the warehouse: the property's name unless that had to be made unique or shorter.
	Name string
	// Property is the name of the record's property that fills the column, as the SCHEMA spells it; empty for a
	// column that tapline itself fills (see metadata.go).
	Property string
	Type     Type
	// Nullable is false only for the columns of the key.
	Nullable bool
}

// Table is one version of the shape of a stream's rows. It is immutable: another SCHEMA makes another Table.
type Table struct {
	// Stream is the Singer stream that the rows come from.
	Stream string
	// Schema and Name say where the table is in the warehouse; Schema may be "" for the engine's default schema.
	Schema, Name string
	Columns      []Column
	// Key lists the indexes in Columns of the columns that identify a row; empty for a table without a key.
	Key []int
	// AppendOnly says that rows are added even where a row with the same key exists (load method append-only).
	AppendOnly bool
}

// Batch is a run of rows of one Table in the order they arrived. Rows has the Table's columns in the Table's order,
// with the types that Type names, and behind them one int64 column, [Ordinal], that orders rows within a run. Whoever
// holds a Batch owns one reference of Rows and calls Rows.Release once.
type Batch struct {
	Table *Table
	Rows  arrow.Record
	// Bytes is the size of the Arrow buffers, for the memory budget.
	Bytes int64
}

// Ordinal is the name of a Batch's last column: the number of the row's RECORD in the run, from 1. Of two rows with one
// key the one with the greater ordinal wins. It is not a column of the Table and is not stored.
const Ordinal = "_ordinal"
