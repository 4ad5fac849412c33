package duckdb

import (
	"path/filepath"
	"strings"
	"testing"

	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

// What a person has added to a table, and DuckDB then refuses, is named with what to do about it.
func TestWhatAPersonsTableForbidsIsExplained(t *testing.T) {
	text := func(name string) table.Column { return table.Column{Name: name, Type: table.Text, Nullable: true} }
	for _, test := range []struct {
		name   string
		made   string
		method table.Method
		column table.Column // beside id
		want   string       // of the failure; "" if there is none
		cure   string
	}{
		{"a unique index", "CREATE TABLE things (id BIGINT, v VARCHAR); CREATE UNIQUE INDEX i ON things (v); INSERT INTO things VALUES (2, 'new')", table.Upsert, text("v"),
			"a unique index against; drop the index", "DROP INDEX i"},
		{"an index of a column to be widened", "CREATE TABLE things (id BIGINT, v BIGINT); CREATE INDEX i ON things (v)", table.Upsert, text("v"),
			"keeps DuckDB from changing it; drop the index", "DROP INDEX i"},
		{"an index of another column", "CREATE TABLE things (id BIGINT, v BIGINT); CREATE INDEX i ON things (id)", table.Upsert, text("v"),
			"keeps DuckDB from changing it; drop the index", "DROP INDEX i"},
		{"a condition", "CREATE TABLE things (id BIGINT, v VARCHAR CHECK (v <> 'new'))", table.Upsert, text("v"), "has as CHECK; make the table anew",
			"CREATE TABLE copy AS FROM things; DROP TABLE things; ALTER TABLE copy RENAME TO things"},
		{"a foreign key to it", "CREATE TABLE things (id BIGINT PRIMARY KEY, v VARCHAR); CREATE TABLE parts (id BIGINT REFERENCES things (id))", table.Upsert, text("v"),
			"a foreign key of the table, or one that leads to it, forbids the rows", "DROP TABLE parts"},
		{"a foreign key to what is overwritten", "CREATE TABLE things (id BIGINT PRIMARY KEY, v VARCHAR); CREATE TABLE parts (id BIGINT REFERENCES things (id))", table.Overwrite, text("v"),
			"a foreign key that leads to it, keeps DuckDB from changing it", "DROP TABLE parts"},
		{"a column that is computed", "CREATE TABLE things (id BIGINT, v VARCHAR AS (upper(id::VARCHAR)))", table.Upsert, text("v"),
			"a column that the table computes itself; drop that column", "ALTER TABLE things DROP v"},
		{"a key of another column", "CREATE TABLE things (id BIGINT, v VARCHAR, number BIGINT PRIMARY KEY)", table.Upsert, text("v"), "a column that the stream does not fill",
			"CREATE TABLE copy AS FROM things; DROP TABLE things; ALTER TABLE copy RENAME TO things"},
		{"a computed column that the stream does not have", "CREATE TABLE things (id BIGINT, v VARCHAR, w VARCHAR AS (upper(v)))", table.Upsert, text("v"), "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "w.duckdb")
			w := mustOpen(t, path)
			mustExec(t, w, test.made)
			mustExec(t, w, "INSERT INTO things BY NAME SELECT 1 AS id "+map[bool]string{true: ", 1 AS number"}[strings.Contains(test.made, "number")])
			if strings.Contains(test.made, "parts") {
				mustExec(t, w, "INSERT INTO parts VALUES (1)")
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			w = openAt(t, path)
			tab := &table.Table{Stream: "things", Name: "things", Method: test.method, Conflict: table.Widen, Key: []int{0}, Columns: []table.Column{{Name: "id", Type: table.Integer}, test.column}}
			err := loadOne(t, w, tab)
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("the failure is %v, want one with %q", err, test.want)
			}
			mustExec(t, w, test.cure)
			if err := loadOne(t, w, tab); err != nil {
				t.Errorf("behind the cure: %v", err)
			}
		})
	}
}

// loadOne loads the row 1, new.
func loadOne(t *testing.T, w *Warehouse, tab *table.Table) error {
	t.Helper()
	_, _, err := tryLoad(t, w, tab, destinationtest.Row{int64(1), "new"})
	return err
}
