package destination

import "tapline/target-warehouse/table"

// OwnTable is one of the tables in which tapline records what it did. An engine keeps them all in one place: the schema
// that its config names or its default. They are data here, so that an engine has one piece of code for all of them.
type OwnTable struct {
	Name    string
	Key     int // so many of the first columns identify a row; 0 for a table that is only added to
	Columns []OwnColumn
}

// OwnColumn is a column of an [OwnTable]. Type is Text, Integer, Boolean, Timestamp or JSON.
type OwnColumn struct {
	Name string
	Type table.Type
}

// Row is a row of an own table, with a value for each column: nil, string for Text and JSON, int64, bool, and time.Time
// in UTC, to the microsecond, for Timestamp.
type Row struct {
	Table  *OwnTable
	Values []any
}

// States has the newest state of every pipeline; [Checkpoint] fills it.
var States = &OwnTable{"_singer_state", 1, []OwnColumn{
	{"pipeline", table.Text}, {"fence", table.Integer}, {"state", table.Text}, {"run_id", table.Text}, {"updated_at", table.Timestamp},
}}

// Runs has a row for every run of the target.
var Runs = &OwnTable{"_singer_runs", 1, []OwnColumn{
	{"run_id", table.Text}, // ULID, so that text order is order of start
	{"pipeline", table.Text}, {"integration_name", table.Text}, {"target_version", table.Text}, {"host", table.Text},
	{"started_at", table.Timestamp}, {"ended_at", table.Timestamp}, {"status", table.Text}, {"message", table.Text},
	{"rows_in", table.Integer}, {"rows_loaded", table.Integer}, {"rows_rejected", table.Integer}, {"bytes_in", table.Integer},
	{"states_emitted", table.Integer}, {"first_state", table.Text}, {"last_state", table.Text},
}}

// Tables has a row for every table that a pipeline loads.
var Tables = &OwnTable{"_singer_tables", 4, []OwnColumn{
	{"pipeline", table.Text}, {"stream", table.Text}, {"table_schema", table.Text}, {"table_name", table.Text},
	{"status", table.Text}, {"last_replicated_at", table.Timestamp}, {"last_loaded_at", table.Timestamp}, {"last_run_id", table.Text},
	{"row_count", table.Integer}, {"rows_inserted", table.Integer}, {"rows_updated", table.Integer}, {"rows_deleted", table.Integer},
	{"rows_rejected", table.Integer}, {"active_version", table.Integer}, {"schema_hash", table.Text}, {"failure_reason", table.Text},
	{"reload_requested_at", table.Timestamp}, {"version_pending", table.Boolean},
}}

// Loads has a row for every table in every commit.
var Loads = &OwnTable{"_singer_loads", 3, []OwnColumn{
	{"run_id", table.Text}, {"commit_number", table.Integer}, {"stream", table.Text}, {"method", table.Text},
	{"started_at", table.Timestamp}, {"ended_at", table.Timestamp}, {"first_ordinal", table.Integer}, {"last_ordinal", table.Integer},
	{"rows_inserted", table.Integer}, {"rows_updated", table.Integer}, {"rows_deleted", table.Integer}, {"rows_rejected", table.Integer}, {"bytes", table.Integer},
}}

// Columns has a row for every column that a stream has ever filled, and keeps the names of columns from changing.
var Columns = &OwnTable{"_singer_columns", 4, []OwnColumn{
	{"pipeline", table.Text}, {"stream", table.Text},
	{"path", table.Text},        // JSON array of the names that lead to the value in a record; [] for tapline's own columns
	{"column_name", table.Text}, // as the Table names it
	{"stored_as", table.Text}, {"logical_type", table.Text}, {"stored_type", table.Text}, {"nullable", table.Boolean},
	{"first_seen_at", table.Timestamp}, {"last_seen_at", table.Timestamp},
}}

// SchemaChanges has a row for every change made to a table.
var SchemaChanges = &OwnTable{"_singer_schema_changes", 3, []OwnColumn{
	{"run_id", table.Text}, {"number", table.Integer}, {"stream", table.Text}, {"at", table.Timestamp},
	{"table_schema", table.Text}, {"table_name", table.Text}, {"kind", table.Text}, {"column_name", table.Text}, {"from_type", table.Text}, {"to_type", table.Text},
}}

// Rejects has a row for every record, or part of one, that the warehouse could not take as it was sent.
var Rejects = &OwnTable{"_singer_rejects", 0, []OwnColumn{
	{"run_id", table.Text}, {"stream", table.Text}, {"ordinal", table.Integer}, {"at", table.Timestamp},
	{"field", table.Text}, // whose value is NULL in the table; "" where the whole record was left out
	{"reason", table.Text}, {"record", table.Text},
}}

// OwnTables lists all of them.
var OwnTables = []*OwnTable{States, Runs, Tables, Loads, Columns, SchemaChanges, Rejects}

// Shape is t as a Table that batches can be of, for own tables that take many rows.
func (t *OwnTable) Shape() *table.Table {
	shape := &table.Table{Stream: t.Name, Name: t.Name, Method: table.AppendOnly, Own: true}
	for _, c := range t.Columns {
		shape.Columns = append(shape.Columns, table.Column{Name: c.Name, Type: c.Type, Nullable: true})
	}
	return shape
}
