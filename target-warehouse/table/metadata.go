package table

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
