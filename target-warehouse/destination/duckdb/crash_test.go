package duckdb

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

// openAt opens a new file and closes it at the end of the test.
func openAt(t *testing.T, path string) *Warehouse {
	t.Helper()
	w := mustOpen(t, path)
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// seen is all that can be seen of the tables that are not tapline's own: definitions, comments and rows in their order.
func seen(t *testing.T, w *Warehouse) []string {
	t.Helper()
	var all []string
	for _, r := range query(t, w, "SELECT schema_name, table_name, sql, comment FROM duckdb_tables() WHERE NOT starts_with(table_name, '_singer_') ORDER BY ALL") {
		all = append(all, fmt.Sprint(r))
		name := quote(r[0].(string)) + "." + quote(r[1].(string))
		for _, row := range query(t, w, "SELECT x::VARCHAR FROM "+name+" AS x ORDER BY rowid") {
			all = append(all, fmt.Sprint(row))
		}
	}
	for _, r := range query(t, w, "SELECT schema_name, table_name, column_name, comment FROM duckdb_columns() WHERE comment IS NOT NULL ORDER BY ALL") {
		all = append(all, fmt.Sprint(r))
	}
	return all
}

// wantReplayed compares what is seen now with what a process would see after this one was killed.
func wantReplayed(t *testing.T, w *Warehouse, path, what string) {
	t.Helper()
	want := seen(t, w)
	after, err := Open(t.Context(), Config{Path: leftBehind(t, path)})
	if err != nil {
		t.Errorf("%s: after a kill: %v", what, err)
		return
	}
	defer after.Close()
	if diff := gocmp.Diff(want, seen(t, after)); diff != "" {
		t.Errorf("%s (-before +after a kill):\n%s", what, diff)
	}
}

// arrivals has a column of every type with a value.
var arrivals = []struct {
	column table.Column
	value  any
}{
	{table.Column{Type: table.Boolean}, true},
	{table.Column{Type: table.Integer}, int64(1<<62 + 1)},
	{table.Column{Type: table.Number}, 0.5},
	{table.Column{Type: table.Text}, "new"},
	{table.Column{Type: table.Timestamp}, time.Unix(1, 0).UTC()},
	{table.Column{Type: table.Date}, time.Unix(0, 0).UTC()},
	{table.Column{Type: table.JSON}, `{"new": 1}`},
	{table.Column{Type: table.Decimal}, "0.1234567890123456789012345678901234567890"},
	{table.Column{Type: table.Decimal, Precision: 30, Scale: 9}, "1.5"},
}

// tables are what a person may have made around a column of a type and a value.
var tables = map[string]string{
	"plain": `CREATE TABLE things (k BIGINT, value %[1]s, "o""(,x" VARCHAR NOT NULL, n BIGINT); INSERT INTO things VALUES (1, %[2]s, 'a', 1), (2, NULL, 'b', 2);
		COMMENT ON TABLE things IS 'of a ''person'; COMMENT ON COLUMN things.value IS 'tapline: v'; COMMENT ON COLUMN things.n IS 'tapline: n'`,
	"computed": `CREATE TABLE things (b INTEGER NOT NULL DEFAULT (1 + 2), value %[1]s, "o""(,x" VARCHAR DEFAULT upper('x, y('), twice BIGINT AS (2 * b),
		m ENUM('a,(', 'b'), n VARCHAR NOT NULL, CHECK (b < 100)); INSERT INTO things (b, value, m, n) VALUES (1, %[2]s, 'b', ''), (2, NULL, 'a,(', '');
		COMMENT ON COLUMN things.value IS 'tapline: v'; COMMENT ON COLUMN things.b IS 'tapline: b'`,
}

// TestEveryConversionSurvivesAKill widens columns of every type for values of every other.
func TestEveryConversionSurvivesAKill(t *testing.T) {
	for _, stored := range []struct{ typ, value string }{
		{"BOOLEAN", "true"}, {"BIGINT", "9007199254740993"}, {"DOUBLE", "1e-7"}, {"VARCHAR", "'a'"}, {"DATE", "'2024-02-29'"},
		{"TIMESTAMPTZ", "'2024-02-29 01:02:03.5Z'"}, {"JSON", "'[1]'"}, {"DECIMAL(5,2)", "1.5"}, {"DECIMAL(38,9)", "12"},
		{"TINYINT", "-128"}, {"HUGEINT", "-170141183460469231731687303715884105728"}, {"FLOAT", "0.1"},
		{"UUID", "'00000000-0000-0000-0000-0000000000ff'"}, {"TIMESTAMP", "'2024-02-29 01:02:03.5'"}, {"BLOB", `'\xFF\x00a'`},
		{"ENUM('it''s', 'b')", "'it''s'"}, {"INTEGER[]", "[1, NULL]"}, {"STRUCT(a VARCHAR)", "{'a': 'x'}"},
	} {
		for kind, create := range tables {
			convertAll(t, kind, create, stored.typ, stored.value)
		}
	}
}

// convertAll has a table for each value of arrivals and policy, and loads all of them at once.
func convertAll(t *testing.T, kind, create, typ, value string) {
	path := filepath.Join(t.TempDir(), "w.duckdb")
	w := openAt(t, path)
	var all []*table.Table
	var rows []destinationtest.Row
	for i, a := range arrivals {
		for _, conflict := range []table.Conflict{table.Widen, table.ToJSON, table.NewColumn} {
			text := a.column.Type == table.Text || a.column.Type == table.JSON
			if !text && (kind == "computed" || conflict == table.ToJSON) {
				continue // like others
			}
			c := a.column
			c.Name, c.Nullable = "value", true
			schema := fmt.Sprint("policy_", conflict, "_", i)
			mustExec(t, w, "CREATE SCHEMA "+schema+"; USE w."+schema+"; "+fmt.Sprintf(create, typ, value)+"; USE w.main")
			all = append(all, &table.Table{Stream: "things", Schema: schema, Name: "things", Conflict: conflict, Columns: []table.Column{c}})
			rows = append(rows, destinationtest.Row{a.value})
		}
	}
	mustExec(t, w, "CHECKPOINT")
	l, err := w.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Rollback()
	for i, tab := range all {
		what := fmt.Sprintf("%v for %s in a %s table, policy %v", tab.Columns[0].Type, typ, kind, tab.Conflict)
		if _, err := l.Migrate(t.Context(), tab); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		b := destinationtest.Batch(Allocator(), tab, 1, rows[i])
		_, err := l.Append(t.Context(), []*table.Batch{b})
		b.Rows.Release()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	before := columnNames(t, w, all[0].Schema)
	if err := l.Commit(t.Context(), destination.Checkpoint{RunID: "1"}); err != nil {
		t.Fatalf("%s in %s tables: %v", typ, kind, err)
	}
	for _, tab := range all {
		if got := columnNames(t, w, tab.Schema); !strings.HasPrefix(got, before) {
			t.Errorf("%v for %s: columns are %s, were %s", tab.Columns[0].Type, typ, got, before)
		}
	}
	wantReplayed(t, w, path, typ+" in "+kind+" tables")
}

// columnNames lists the columns of the table things.
func columnNames(t *testing.T, w *Warehouse, schema string) string {
	t.Helper()
	return query(t, w, "SELECT string_agg(column_name, ' ' ORDER BY column_index) FROM duckdb_columns() WHERE table_name = 'things' AND schema_name = ?", schema)[0][0].(string)
}

// TestColumnsChangeBehindReplacedRows has a load whose rows make a column wider behind others that replaced rows.
func TestColumnsChangeBehindReplacedRows(t *testing.T) {
	for kind, create := range map[string]string{
		"plain": `CREATE TABLE things (id BIGINT, "va(l" DOUBLE, other BIGINT NOT NULL DEFAULT 3)`,
		"computed": `CREATE TABLE things (id BIGINT, "va(l" DOUBLE, other BIGINT DEFAULT (1 + 2), twice BIGINT AS (2 * id), "t(2" BIGINT AS (3 * id), CHECK (id < 100));
			COMMENT ON TABLE things IS 'mine'; COMMENT ON COLUMN things.other IS 'other'`,
	} {
		t.Run(kind, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "w.duckdb")
			w := openAt(t, path)
			mustExec(t, w, create+"; INSERT INTO things (id, \"va(l\") VALUES (1, 0.5), (2, 1), (3, 1e-7); CHECKPOINT")
			before, comments := columnNames(t, w, "main"), query(t, w, "SELECT comment FROM duckdb_columns() WHERE table_name = 'things' ORDER BY column_index")
			tab := &table.Table{Stream: "things", Name: "things", Key: []int{0}, Columns: []table.Column{
				{Name: "id", Type: table.Integer}, {Name: "va(l", Type: table.Integer, Nullable: true},
			}}
			l, err := w.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer l.Rollback()
			if _, err := l.Migrate(t.Context(), tab); err != nil {
				t.Fatal(err)
			}
			for _, row := range []destinationtest.Row{{int64(1), int64(7)}, {int64(2), int64(math.MaxInt64)}, {int64(1), int64(8)}} {
				b := destinationtest.Batch(Allocator(), tab, 1, row)
				counts, err := l.Append(t.Context(), []*table.Batch{b})
				b.Rows.Release()
				if diff := gocmp.Diff(destination.Counts{Updated: 1}, counts); diff != "" || err != nil {
					t.Fatalf("%v: %v, counts (-want +got):\n%s", row, err, diff)
				}
			}
			if err := l.Commit(t.Context(), destination.Checkpoint{RunID: "1"}); err != nil {
				t.Fatal(err)
			}
			want := []destinationtest.Row{{int64(3), "0.0000001", int64(3)}, {int64(2), "9223372036854775807", int64(3)}, {int64(1), "8", int64(3)}}
			if diff := gocmp.Diff(want, query(t, w, `SELECT id, "va(l", other FROM things ORDER BY rowid`)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got := columnNames(t, w, "main"); got != before {
				t.Errorf("columns are %s, were %s", got, before)
			}
			if diff := gocmp.Diff(comments, query(t, w, "SELECT comment FROM duckdb_columns() WHERE table_name = 'things' ORDER BY column_index")); diff != "" {
				t.Errorf("comments (-want +got):\n%s", diff)
			}
			if drafts := query(t, w, "SELECT 1 FROM duckdb_tables() WHERE starts_with(table_name, ?)", draftPrefix); len(drafts) > 0 {
				t.Error("the copy is left behind")
			}
			wantReplayed(t, w, path, kind)
		})
	}
}

// TestAnIndexIsNotLostBehindReplacedRows has what makes a copy of a table impossible.
func TestAnIndexIsNotLostBehindReplacedRows(t *testing.T) {
	w := openEmpty(t)
	mustExec(t, w, "CREATE TABLE things (id BIGINT, value DOUBLE); INSERT INTO things VALUES (1, 0.5); CREATE INDEX i ON things (id)")
	tab := &table.Table{Stream: "things", Name: "things", Key: []int{0}, Columns: []table.Column{{Name: "id", Type: table.Integer}, {Name: "value", Type: table.Integer, Nullable: true}}}
	l, err := w.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Rollback()
	if _, err := l.Migrate(t.Context(), tab); err != nil {
		t.Fatal(err)
	}
	for _, value := range []int64{1, math.MaxInt64} {
		b := destinationtest.Batch(Allocator(), tab, 1, destinationtest.Row{int64(1), value})
		_, err = l.Append(t.Context(), []*table.Batch{b})
		b.Rows.Release()
	}
	if err == nil || !strings.Contains(err.Error(), "an index depends on it") {
		t.Errorf("failure is %v", err)
	}
}

// TestAKillInACommitThatAltersLeavesAllOrNothing looks at what a kill would leave just before the checkpoint of a commit:
// DuckDB must not have written to its log what it cannot replay.
func TestAKillInACommitThatAltersLeavesAllOrNothing(t *testing.T) {
	for sleep := time.Second; !killedInACommit(t, sleep); sleep *= 2 {
		t.Logf("in %v nothing could be looked at", sleep)
	}
}

// killedInACommit has a checkpoint sleep and looks meanwhile at what a kill would leave. It reports false if the machine was
// too slow for that: what is read while DuckDB goes on writing is what no kill leaves.
func killedInACommit(t *testing.T, sleep time.Duration) bool {
	t.Helper()
	path := filepath.Join(t.TempDir(), "w.duckdb")
	w := openAt(t, path)
	things := func(typ table.Type, more ...table.Column) *table.Table {
		return &table.Table{Stream: "things", Name: "things", Columns: append([]table.Column{{Name: "value", Type: typ, Nullable: true}}, more...)}
	}
	commit := func(run string, tab *table.Table, rows ...destinationtest.Row) {
		l, err := w.Begin(t.Context())
		if err != nil {
			t.Error(err)
			return
		}
		defer l.Rollback()
		if _, err := l.Migrate(t.Context(), tab); err != nil {
			t.Error(err)
			return
		}
		b := destinationtest.Batch(Allocator(), tab, 1, rows...)
		defer b.Rows.Release()
		if _, err := l.Append(t.Context(), []*table.Batch{b}); err != nil {
			t.Error(err)
		}
		if err := l.Commit(t.Context(), destination.Checkpoint{RunID: run, Fence: 1, Pipeline: "p"}); err != nil {
			t.Error(err)
		}
	}
	commit("1", things(table.Integer), destinationtest.Row{int64(1)}, destinationtest.Row{int64(2)})
	commit("1", things(table.Integer), destinationtest.Row{int64(3)})
	before := seen(t, w)
	mustExec(t, w, fmt.Sprint("SET GLOBAL debug_checkpoint_sleep_ms = ", sleep.Milliseconds()))
	done, began := make(chan struct{}), time.Now()
	go func() {
		defer close(done)
		commit("1", things(table.Text, table.Column{Name: "more", Type: table.Boolean, Nullable: true}), destinationtest.Row{"four", true})
	}()
	time.Sleep(sleep / 2)
	left := leftBehind(t, path)
	inTime := time.Since(began) < sleep
	<-done
	mustExec(t, w, "SET GLOBAL debug_checkpoint_sleep_ms = 0")
	if !inTime {
		return false
	}
	if got := query(t, w, "SELECT current_setting('auto_checkpoint_skip_wal_threshold')"); fmt.Sprint(got) != "[[0]]" {
		t.Errorf("commits of up to %v bytes are written to the log before the checkpoint", got)
	}
	after, err := Open(t.Context(), Config{Path: left})
	if err != nil {
		t.Fatalf("after a kill: %v", err)
	}
	defer after.Close()
	if got := seen(t, after); !gocmp.Equal(before, got) {
		if diff := gocmp.Diff(seen(t, w), got); diff != "" {
			t.Errorf("neither what was before the commit nor what is after it (-after +kill):\n%s", diff)
		}
	}
	return true
}
