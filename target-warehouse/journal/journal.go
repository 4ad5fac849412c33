// Package journal gives the rows of tapline's own tables types: what a run, a table or a change of schema is, how each is
// written as a row, and how rows are read again. The loader writes with it, the commands of target-warehouse read with it.
//
// The tables themselves are listed in package destination. A row that is read may have been written by an older version of
// the program: what it does not hold is the zero value here.
package journal

import (
	"encoding/json"
	"time"

	"tapline/target-warehouse/destination"
)

// get returns a row's value in a column, and the zero value where the row has none.
func get[T any](r destination.Row, column string) T {
	value, _ := lookup[T](r, column)
	return value
}

// lookup is get that also tells whether the row has a value in the column.
func lookup[T any](r destination.Row, column string) (value T, ok bool) {
	for i, c := range r.Table.Columns {
		if c.Name == column && i < len(r.Values) {
			value, ok = r.Values[i].(T)
		}
	}
	return value, ok
}

// raw returns the JSON text in a column, nil where there is none.
func raw(r destination.Row, column string) json.RawMessage {
	text, ok := lookup[string](r, column)
	if !ok {
		return nil
	}
	return json.RawMessage(text)
}

// counts reads what became of the rows that a row of a table speaks of.
func counts(r destination.Row) destination.Counts {
	return destination.Counts{
		Inserted: get[int64](r, "rows_inserted"), Updated: get[int64](r, "rows_updated"), Deleted: get[int64](r, "rows_deleted"),
	}
}

// moment is a time as rows hold it; the zero time is NULL.
func moment(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Truncate(time.Microsecond)
}

// text is text as rows hold it where it may be missing; "" is NULL.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// document is JSON as rows hold it; nil is NULL.
func document(d json.RawMessage) any {
	if d == nil {
		return nil
	}
	return string(d)
}
