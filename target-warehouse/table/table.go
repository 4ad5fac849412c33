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
	// Decimal is an exact decimal number: Arrow string, in the one spelling that equal numbers share: a minus sign if it
	// is below zero, digits without a zero ahead of another, and if need be a point and digits that do not end in zero.
	// There is no exponent. [Column] says how many digits there may be.
	Decimal
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
	// Below leads from the property's value, an object, to the value that fills the column, a name for each level; nil
	// for a column that takes the property's whole value. Only flattening makes such columns.
	Below []string
	Type  Type
	// Precision and Scale bound a Decimal: at most so many digits in all, and so many of them behind the point. Both are
	// 0 for a Decimal of any length, and for every other type. Precision is at most 38.
	Precision, Scale int
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
	// Rules has what the SCHEMA asks of the first Columns, those that it declares, one Rule for each; columns behind them
	// have none.
	Rules []Rule
	// Key lists the indexes in Columns of the columns that identify a row; empty for a table without a key.
	Key []int
	// Method says how rows come into the table.
	Method Method
	// HardDelete says that a row with a value in [DeletedAt] deletes the row with its key instead of replacing it, and
	// that rows of versions that are gone are deleted and not only marked.
	HardDelete bool
	// Conflict says what to do where a column of the warehouse cannot hold what this Table's column holds.
	Conflict Conflict
	// Own says that the table is one of tapline's records, such as _singer_rejects; its Schema is "".
	Own bool
}

// Method is a way of loading rows into a table.
type Method uint8

// The load methods.
const (
	// Upsert lets a row replace the row with the same key. Without a key every row is added.
	Upsert Method = iota
	// AppendOnly adds every row, even where a row with the same key exists.
	AppendOnly
	// Overwrite collects rows, as Upsert does, in a table that nobody sees yet, until the version they belong to is
	// activated: then they take the place of all that the table had.
	Overwrite
	// History keeps every version of a row: a row that differs from the newest one with its key ends that one's validity
	// ([ValidTo]) and is added beside it.
	History
)

// Conflict is what to do where the warehouse has a column of another type than a load needs.
type Conflict uint8

// The policies. A conflict is found only where the column's type cannot hold the values as it is.
const (
	// Widen changes the column to the narrowest type that holds both its values and the new ones ([Join]).
	Widen Conflict = iota
	// NewColumn leaves the column alone and puts the values into another, named after it and the type.
	NewColumn
	// ToJSON changes the column to JSON, which keeps values of every kind apart.
	ToJSON
	// Fail refuses the load.
	Fail
)

// Keyed tells whether a row replaces one with the same key, be it in the table itself or among the newest of its history.
func (t *Table) Keyed() bool { return len(t.Key) > 0 && t.Method != AppendOnly }

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
