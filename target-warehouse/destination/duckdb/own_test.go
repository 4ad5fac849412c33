package duckdb

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tapline/target-warehouse/destination"
)

// earlierTables are tapline's own tables as its first version made them, with a row each.
const earlierTables = `
	CREATE TABLE _singer_state (pipeline VARCHAR, state VARCHAR, run_id VARCHAR, updated_at TIMESTAMPTZ);
	CREATE TABLE _singer_runs (run_id VARCHAR, pipeline VARCHAR, target_version VARCHAR, started_at TIMESTAMPTZ, ended_at TIMESTAMPTZ, status VARCHAR,
		message VARCHAR, rows_in BIGINT, rows_loaded BIGINT, bytes_in BIGINT, states_emitted BIGINT, tables JSON);
	CREATE TABLE _singer_tables (pipeline VARCHAR, stream VARCHAR, table_schema VARCHAR, table_name VARCHAR, last_loaded_at TIMESTAMPTZ, last_run_id VARCHAR);
	INSERT INTO _singer_state VALUES ('p', '{"n": 1.0}', 'r1', '2026-03-04 05:06:07Z');
	INSERT INTO _singer_runs VALUES ('r1', 'p', '0.1', '2026-03-04 05:06:07Z', NULL, 'running', '', 1, 2, 3, 4, '{}');
	INSERT INTO _singer_tables VALUES ('p', 's', 'main', 's', '2026-03-04 05:06:07Z', 'r1')`

// filled gives the values of the columns of a row that are not NULL.
func filled(rows []destination.Row) []map[string]any {
	var all []map[string]any
	for _, r := range rows {
		values := map[string]any{}
		for i, v := range r.Values {
			if v != nil {
				values[r.Table.Columns[i].Name] = v
			}
		}
		all = append(all, values)
	}
	return all
}

func TestRecordsOfAnEarlierVersionStayReadable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.duckdb")
	w := mustOpen(t, path)
	mustExec(t, w, earlierTables)
	w.Close()

	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	want := map[*destination.OwnTable][]map[string]any{
		destination.States: {{"pipeline": "p", "state": `{"n": 1.0}`, "run_id": "r1", "updated_at": at}},
		destination.Runs: {{"run_id": "r1", "pipeline": "p", "target_version": "0.1", "started_at": at, "status": "running", "message": "",
			"rows_in": int64(1), "rows_loaded": int64(2), "bytes_in": int64(3), "states_emitted": int64(4)}},
		destination.Tables: {{"pipeline": "p", "stream": "s", "table_schema": "main", "table_name": "s", "last_loaded_at": at, "last_run_id": "r1"}},
	}
	expect := func(w *Warehouse) {
		t.Helper()
		for own, rows := range want {
			got, err := w.Read(t.Context(), own, 0)
			if diff := gocmp.Diff(rows, filled(got)); diff != "" || err != nil {
				t.Errorf("%s: %v (-want +got):\n%s", own.Name, err, diff)
			}
		}
	}
	w, err := OpenReadOnly(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	expect(w)
	w.Close()

	w = mustOpen(t, path)
	defer w.Close()
	run := destination.Row{Table: destination.Runs, Values: make([]any, len(destination.Runs.Columns))}
	run.Values[0], run.Values[4] = "r2", "host"
	table := destination.Row{Table: destination.Tables, Values: make([]any, len(destination.Tables.Columns))}
	copy(table.Values, []any{"p", "s", "main", "s", "synced"})
	c := destination.Checkpoint{Pipeline: "q", RunID: "r2", Fence: 7, Rows: []destination.Row{run, table}}
	commit(t, w, c)
	want[destination.Runs] = append([]map[string]any{{"run_id": "r2", "host": "host"}}, want[destination.Runs]...)
	want[destination.Tables] = []map[string]any{{"pipeline": "p", "stream": "s", "table_schema": "main", "table_name": "s", "status": "synced"}}
	got, err := w.Read(t.Context(), destination.States, 1)
	if err != nil {
		t.Fatal(err)
	}
	want[destination.States] = append([]map[string]any{{"pipeline": "q", "fence": int64(7), "run_id": "r2", "updated_at": got[0].Values[4]}}, want[destination.States]...)
	expect(w)

	// Any run may take over from one that had no fence, and from then on the fence holds.
	commit(t, w, destination.Checkpoint{Pipeline: "p", RunID: "r2", Fence: -5})
	l, err := w.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Rollback()
	if err := l.Commit(t.Context(), destination.Checkpoint{Pipeline: "p", RunID: "r3", Fence: -6}); !errors.Is(err, destination.ErrFenced) {
		t.Errorf("a lower fence: %v, want ErrFenced", err)
	}
}

func commit(t testing.TB, w *Warehouse, c destination.Checkpoint) {
	t.Helper()
	l, err := w.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

// smallRun are the records of a commit of ten streams with a few rows each.
func smallRun(n int) []destination.Row {
	var rows []destination.Row
	add := func(t *destination.OwnTable, key ...any) {
		r := destination.Row{Table: t, Values: make([]any, len(t.Columns))}
		copy(r.Values, key)
		rows = append(rows, r)
	}
	add(destination.Runs, "run")
	for i := range 10 {
		stream := fmt.Sprint("stream ", i)
		add(destination.Tables, "p", stream, "main", stream, "synced")
		add(destination.Loads, "run", int64(n), stream, "upsert")
	}
	return rows
}

// BenchmarkSmallCommit commits the records of a small sync again and again, which is what a state costs.
func BenchmarkSmallCommit(b *testing.B) {
	w, err := Open(b.Context(), Config{Path: filepath.Join(b.TempDir(), "w.duckdb")})
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	for n := 0; b.Loop(); n++ {
		commit(b, w, destination.Checkpoint{Pipeline: "p", RunID: "run", Fence: 1, State: []byte("{}"), Rows: smallRun(n)})
	}
}
