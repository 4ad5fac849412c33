package table

import "slices"

// Metadata lists the columns that tapline adds to every table when add_record_metadata is on, with the names and
// meanings that the Singer SDK gave them (https://sdk.meltano.com/en/latest/implementation/record_metadata.html).
// They stand behind the columns of the SCHEMA, in this order.
var Metadata = []Column{
	{Name: ExtractedAt, Type: Timestamp, Nullable: true},          // time_extracted of the RECORD, else when it was received
	{Name: "_sdc_received_at", Type: Timestamp, Nullable: true},   // when the target read the RECORD
	{Name: "_sdc_batched_at", Type: Timestamp, Nullable: true},    // when the row's batch was decoded
	{Name: DeletedAt, Type: Timestamp, Nullable: true},            // when the row was found deleted at the source
	{Name: "_sdc_sequence", Type: Integer, Nullable: true},        // start of the run in nanoseconds since 1970 plus the row's ordinal
	{Name: TableVersion, Type: Integer, Nullable: true},           // version of the RECORD
	{Name: "_sdc_sync_started_at", Type: Integer, Nullable: true}, // start of the run in milliseconds since 1970
}

// Extra is the JSON column that holds, as one object, the properties of a record that its SCHEMA does not name. A table
// has it once such a property has been seen.
const Extra = "_sdc_extra"

// The columns of [Metadata] that decide about rows.
const (
	ExtractedAt  = "_sdc_extracted_at"
	DeletedAt    = "_sdc_deleted_at"
	TableVersion = "_sdc_table_version"
)

// ValidFrom and ValidTo are the last two columns of a table that keeps [History], both Timestamp: since when a version of
// a row holds, which is its ExtractedAt, and until when it held, NULL for the newest.
const (
	ValidFrom = "_sdc_valid_from"
	ValidTo   = "_sdc_valid_to"
)

// isOwn tells whether a name is one of tapline's own columns.
func isOwn(name string) bool { return slices.Contains(ownNames(), name) }

func isMetadata(name string) bool {
	return slices.ContainsFunc(Metadata, func(m Column) bool { return m.Name == name })
}

// ownNames returns the names that no property is given, but that a property with the name of one of [Metadata] may have
// in its place. [Ordinal] is not stored, but stands beside the columns of a [Batch].
func ownNames() []string {
	names := []string{Extra, Ordinal, ValidFrom, ValidTo}
	for _, m := range Metadata {
		names = append(names, m.Name)
	}
	return names
}

// mayBeOwn tells whether a property of the name of one of [Metadata]'s columns may have values of that column's type. A
// tap that sends _sdc_deleted_at often declares it as no more than a string.
func (p property) mayBeOwn() bool {
	for _, m := range Metadata {
		switch {
		case m.Name != p.name:
		case m.Type == Timestamp:
			return p.kinds&(DateTimeKind|OtherKind) != 0
		case m.Type == Integer:
			return p.kinds&IntegerKind != 0
		}
	}
	return false
}

// addOwn appends the columns that tapline fills.
func (t *Table) addOwn(o Options) {
	declared := t.Columns
	for _, m := range Metadata {
		sent := slices.ContainsFunc(declared, func(c Column) bool { return c.Name == m.Name })
		if !sent && (o.Metadata || t.needs(m.Name)) {
			t.Columns = append(t.Columns, m)
		}
	}
	if t.Method == History {
		t.Columns = append(t.Columns, Column{Name: ValidFrom, Type: Timestamp, Nullable: true}, Column{Name: ValidTo, Type: Timestamp, Nullable: true})
	}
}

// needs tells whether t's way of loading needs a column of [Metadata].
func (t *Table) needs(name string) bool {
	switch name {
	case ExtractedAt:
		return t.Method == History
	case DeletedAt, TableVersion:
		return t.Method == History || t.HardDelete
	}
	return false
}
