package duckdb

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

// logged turns DuckDB's log of statements on and returns what counts those that hold some words.
func logged(t *testing.T, w *Warehouse) func(words string) int {
	t.Helper()
	mustExec(t, w, "CALL enable_logging('QueryLog')")
	return func(words string) (n int) {
		t.Helper()
		if err := w.db.QueryRow("SELECT count(*) FROM duckdb_logs WHERE type = 'QueryLog' AND contains(message, ?) AND NOT contains(message, 'duckdb_logs')", words).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
}

// loadRows loads a row into each of some small tables, all in one load.
func loadRows(t *testing.T, w *Warehouse, tables []*table.Table, id int) {
	t.Helper()
	l, err := w.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, tab := range tables {
		if _, err := l.Migrate(t.Context(), tab); err != nil {
			t.Fatal(err)
		}
		row := make(destinationtest.Row, len(tab.Columns))
		row[0] = int64(id)
		b := destinationtest.Batch(Allocator(), tab, int64(id), row)
		_, err := l.Append(t.Context(), []*table.Batch{b})
		b.Rows.Release()
		if err != nil {
			t.Fatal(err)
		}
	}
	commitTo(t, l)
}

func TestStatementsOfALoadOfManyTables(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.duckdb")
	const count = 20
	var tables []*table.Table
	for i := range count {
		tables = append(tables, smallTable(i))
	}
	for _, test := range []struct {
		name    string
		listing int // of tables by the load, beside those for tapline's own
		all     int // for each table, at most; one more fails
		behind  int // likewise, of the next load
	}{
		{"makes the tables", 1, 11, 7},
		{"finds the tables", 1, 10, 8},
	} {
		w := mustOpen(t, path)
		statements := logged(t, w)
		loadRows(t, w, tables, 1)
		if n := statements("SELECT schema_name, table_name, coalesce(comment, '') FROM duckdb_tables()"); n != test.listing {
			t.Errorf("a load that %s lists all tables %d times, not %d", test.name, n, test.listing)
		}
		if n := statements("duckdb_tables()"); n > test.listing+len(destination.OwnTables) {
			t.Errorf("a load that %s asks %d times about tables", test.name, n)
		}
		if n := statements(""); n > test.all*count+25 { // with those for tapline's own tables
			t.Errorf("a load that %s runs %d statements for %d tables", test.name, n, count)
		}
		before := statements("")
		loadRows(t, w, tables, 2)
		if n := statements("") - before; n > test.behind*count+15 {
			t.Errorf("the load behind one that %s runs %d statements for %d tables", test.name, n, count)
		}
		if n := statements("CHECKPOINT"); n > 0 {
			t.Errorf("loads that are not crowded run %d checkpoints", n)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestATableIsLookedUpAfreshOnceALoadHasAnswered is the list of tables, which knows nothing of what the load does.
func TestATableIsLookedUpAfreshOnceALoadHasAnswered(t *testing.T) {
	w := openEmpty(t)
	mustExec(t, w, "CREATE TABLE Known (id BIGINT)")
	mustExec(t, w, "COMMENT ON TABLE known IS 'a person''s'")
	begun, err := w.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l := begun.(*load)
	defer l.Rollback()
	look := func(name string) string {
		t.Helper()
		found, comment, err := l.lookUp(t.Context(), "MAIN", name)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(found, " ", comment)
	}
	if got := look("KNOWN") + ", " + look("new"); got != "true a person's, false " {
		t.Errorf("the list says %s", got)
	}
	for _, statement := range []string{"DROP TABLE known", "CREATE TABLE new (id BIGINT)", "COMMENT ON TABLE new IS 'tapline''s'"} {
		if _, err := l.exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if got := look("known") + ", " + look("New"); got != "false , true tapline's" {
		t.Errorf("asked again, the load says %s", strings.TrimSpace(got))
	}
}
