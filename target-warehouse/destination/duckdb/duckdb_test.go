package duckdb

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
)

func TestSuite(t *testing.T) {
	destinationtest.Run(t, newHarness)
}

// Rows that go through feeds, which otherwise only large loads do, become what they become without.
func TestSuiteOfFeeds(t *testing.T) {
	destinationtest.Run(t, func(t *testing.T) *destinationtest.Harness {
		h := newHarness(t)
		open, crash := h.Open, h.Crash
		h.Open = func(t *testing.T) destination.Destination { return fed(open(t)) }
		h.Crash = func(t *testing.T) destination.Destination { return fed(crash(t)) }
		return h
	})
}

// fed is a warehouse whose feeds begin with any Append.
func fed(d destination.Destination) destination.Destination {
	d.(*Warehouse).feedBytes = 0
	return d
}

// newHarness has its warehouse in a file named like the schema of the suite's tables.
func newHarness(t *testing.T) *destinationtest.Harness {
	mem := new(allocator)
	t.Cleanup(func() {
		if n := mem.held.Load(); n != 0 {
			t.Errorf("%d bytes of batches were not given back", n)
		}
	})
	path := filepath.Join(t.TempDir(), "shop.duckdb")
	var w *Warehouse
	return &destinationtest.Harness{
		Allocator: mem,
		Open: func(t *testing.T) destination.Destination {
			w = mustOpen(t, path)
			return w
		},
		// The file and its log, copied while no load is open, are what a kill would leave.
		Crash: func(t *testing.T) destination.Destination {
			left := leftBehind(t, path)
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			path = left
			w = mustOpen(t, path)
			return w
		},
		Read: func(t *testing.T, schema, name string, columns []string) []destinationtest.Row {
			return readTable(t, w, schema, name, columns)
		},
		Exists: func(t *testing.T, schema, name string) bool {
			return len(query(t, w, "SELECT 1 FROM duckdb_tables() WHERE schema_name = ? AND table_name = ?", schema, name)) > 0
		},
	}
}

// leftBehind copies a file and its log, which is what a kill would leave of them.
func leftBehind(t *testing.T, path string) string {
	t.Helper()
	left := filepath.Join(t.TempDir(), filepath.Base(path))
	for _, suffix := range []string{"", ".wal"} {
		text, err := os.ReadFile(path + suffix)
		if err == nil {
			err = os.WriteFile(left+suffix, text, 0o600)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	return left
}

func mustOpen(t *testing.T, path string) *Warehouse {
	t.Helper()
	w, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func readTable(t *testing.T, w *Warehouse, schema, name string, columns []string) []destinationtest.Row {
	t.Helper()
	if schema == "" {
		schema = "main"
	}
	// The driver would decode JSON values, so they are read as the text that is stored.
	types := map[string]string{}
	for _, r := range query(t, w, "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = ? AND table_name = ?", schema, name) {
		types[r[0].(string)] = r[1].(string)
	}
	var selected []string
	for _, c := range columns {
		expression := quote(c)
		if types[c] == "JSON" {
			expression += "::VARCHAR"
		} else if strings.HasPrefix(types[c], "DECIMAL") { // with the zeros behind the last digit that DuckDB adds
			expression = "regexp_replace(" + expression + "::VARCHAR, '(\\.[0-9]*?)0*$', '\\1')"
			expression = "rtrim(" + expression + ", '.')"
		}
		selected = append(selected, expression)
	}
	return query(t, w, "SELECT "+strings.Join(selected, ", ")+" FROM "+quote(w.catalog)+"."+quote(schema)+"."+quote(name))
}

// states are the states that a warehouse has, by pipeline.
func states(t *testing.T, w *Warehouse) map[string]string {
	t.Helper()
	rows, err := w.Read(t.Context(), destination.States, 0)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, r := range rows {
		state, _ := r.Values[2].(string)
		all[r.Values[0].(string)] = state
	}
	return all
}

// query reads all rows of a query.
func query(t *testing.T, w *Warehouse, text string, args ...any) []destinationtest.Row {
	t.Helper()
	rows, err := w.db.QueryContext(context.Background(), text, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var all []destinationtest.Row
	for rows.Next() {
		row := make(destinationtest.Row, len(columns))
		into := make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		for i, v := range row {
			if at, ok := v.(time.Time); ok {
				row[i] = at.UTC()
			}
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
