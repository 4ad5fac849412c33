package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tapline/singer"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/destination/postgres/postgrestest"
	"tapline/target-warehouse/table"
)

// check ends a child that failed.
func check[T any](v T, err error) T {
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	return v
}

// killTable is the table that a child loads, in the second load with one more column.
func killTable(version int) *table.Table {
	t := &table.Table{Stream: "kill", Schema: "shop", Name: "kill", Key: []int{0}, Columns: []table.Column{
		{Name: "id", Type: table.Integer}, {Name: "padding", Type: table.Text, Nullable: true},
		{Name: "version", Type: table.Integer, Nullable: true}, {Name: "added", Type: table.JSON, Nullable: true},
	}}
	t.Columns = t.Columns[:2+version]
	return t
}

// killRows is how many rows each version has: those of the second are half of the first's keys and as many new ones.
const killRows = 2000

func killBatch(t *table.Table, version int) *table.Batch {
	var rows []destinationtest.Row
	for i := range killRows {
		id := int64(i + (version-1)*killRows/2)
		padding := strings.Repeat(strconv.FormatInt(id*int64(version), 36), 50)
		rows = append(rows, destinationtest.Row{id, padding, int64(version), `{"version": 2}`}[:2+version])
	}
	return destinationtest.Batch(Allocator(), t, 1, rows...)
}

// loadVersion loads one version and calls reach behind each step.
func loadVersion(w *Warehouse, version int, reach func(step string)) error {
	ctx := context.Background()
	t := killTable(version)
	b := killBatch(t, version)
	defer b.Rows.Release()
	l, err := w.Begin(ctx)
	if err != nil {
		return err
	}
	reach("begun")
	if _, err := l.Migrate(ctx, t); err != nil {
		return errors.Join(err, l.Rollback())
	}
	reach("migrated")
	if _, err := l.Append(ctx, []*table.Batch{b}); err != nil {
		return errors.Join(err, l.Rollback())
	}
	reach("appended")
	if err := loadOthers(ctx, l, version); err != nil {
		return errors.Join(err, l.Rollback())
	}
	reach("activated")
	if err := l.Commit(ctx, destination.Checkpoint{Pipeline: "kill", RunID: "run", Fence: 1, State: json.RawMessage(strconv.Itoa(version))}); err != nil {
		return errors.Join(err, l.Rollback())
	}
	reach("committed")
	return nil
}

// loadOthers overwrites a table with the rows of a version, changes rows of one that keeps history, and deletes and marks
// rows of others. In the second load they all have another type of column.
func loadOthers(ctx context.Context, l destination.Load, version int) error {
	for _, kind := range []struct {
		method table.Method
		hard   bool
	}{{table.Overwrite, false}, {table.History, false}, {table.Upsert, true}, {table.Upsert, false}} {
		t := tracked(kind.method, kind.hard)
		t.Schema, t.Name = "shop", fmt.Sprint("other_", kind.method, kind.hard)
		if version == 2 {
			t.Columns[1].Type = table.JSON
		}
		if kind.method == table.History {
			t.Columns = append(t.Columns, table.Column{Name: table.ValidFrom, Type: table.Timestamp, Nullable: true},
				table.Column{Name: table.ValidTo, Type: table.Timestamp, Nullable: true})
		}
		var rows []destinationtest.Row
		for i := range killRows / 4 {
			row := destinationtest.Row{int64(i + version*100), fmt.Sprint(version), moment, nil, int64(version), moment.Add(time.Duration(version)), nil}
			rows = append(rows, row[:len(t.Columns)])
		}
		if _, err := l.Migrate(ctx, t); err != nil {
			return err
		}
		b := destinationtest.Batch(Allocator(), t, 1, rows...)
		defer b.Rows.Release()
		if _, err := l.Append(ctx, []*table.Batch{b}); err != nil {
			return err
		}
		if _, err := l.Activate(ctx, t, destination.Activation{Version: int64(version), AtMicros: moment.UnixMicro()}); err != nil {
			return err
		}
	}
	return nil
}

func nothing(string) {}

// loadTwice is what a child does: it commits version 1 and then version 2, tells its steps in the second load, and
// waits to be killed at one of them.
func loadTwice(url, stopAt string) {
	w := check(Open(context.Background(), Config{URL: singer.Secret(url)}))
	check(0, loadVersion(w, 1, nothing))
	check(0, loadVersion(w, 2, func(step string) {
		fmt.Println(step)
		if step == stopAt {
			time.Sleep(time.Hour)
		}
	}))
	time.Sleep(time.Hour)
}

// outcome is what a killed process left.
type outcome struct{ Rows, Others, Columns, State string }

// contents reads the outcome, having opened the warehouse as the next run would.
func contents(t *testing.T, url string) outcome {
	t.Helper()
	w := mustOpen(t, url)
	defer w.Close()
	return outcomeOf(t, w, url)
}

func outcomeOf(t *testing.T, w *Warehouse, url string) outcome {
	t.Helper()
	states, err := w.Read(t.Context(), destination.States, 0)
	if err != nil || len(states) != 1 {
		t.Fatalf("%d states, failure %v", len(states), err)
	}
	conn := connect(t, url)
	defer conn.Close(context.Background())
	return outcome{
		Rows: fmt.Sprint(query(t, conn, `SELECT count(*), count(DISTINCT id), min(version), max(version),
			md5(string_agg(k::text, ',' ORDER BY id)) FROM shop.kill AS k`)),
		Others: fmt.Sprint(query(t, conn, `SELECT table_name::text, (xpath('/row/n/text()', query_to_xml(format(
			'SELECT count(*) || '' '' || md5(string_agg(t::text, '','' ORDER BY t::text)) AS n FROM shop.%I AS t', table_name), false, true, '')))[1]::text
			FROM information_schema.tables WHERE table_schema = 'shop' AND table_name <> 'kill' ORDER BY 1`)),
		Columns: fmt.Sprint(query(t, conn, `SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns
			WHERE table_schema = 'shop' ORDER BY table_name, ordinal_position`)),
		State: states[0].Values[2].(string),
	}
}

// killAt kills a child some time after it has reached a step, and reports what it left and whether its Commit returned.
func killAt(t *testing.T, step string, after time.Duration) (outcome, bool) {
	t.Helper()
	url := newDatabase(t)
	stopAt := step
	if after > 0 {
		stopAt = "nowhere"
	}
	child := destinationtest.StartChild(t, childTask+"="+stopAt, "POSTGRES_TEST_URL="+url)
	if !child.Await(t, step) {
		t.Fatalf("the child did not reach the step %q", step)
	}
	time.Sleep(after)
	child.Kill()
	committed := step == "committed" || child.Await(t, "committed")
	child.End()
	return contents(t, url), committed
}

func TestKilledLoadIsThereWhollyOrNotAtAll(t *testing.T) {
	before, _ := killAt(t, "begun", 0)
	whole, _ := killAt(t, "committed", 0)
	if before.State != "1" || whole.State != "2" || before.Rows == whole.Rows || before.Others == whole.Others || before.Columns == whole.Columns {
		t.Fatalf("before the second load %v, after it %v", before, whole)
	}
	for _, step := range []string{"migrated", "appended", "activated"} {
		if got, _ := killAt(t, step, 0); got != before {
			t.Errorf("killed when %s (-want +got):\n%s", step, gocmp.Diff(before, got))
		}
	}
	for step, pause := range map[string]time.Duration{"migrated": 8 * time.Millisecond, "appended": 20 * time.Millisecond, "activated": 200 * time.Microsecond} {
		for i := range 5 {
			after := pause*time.Duration(i) + time.Microsecond
			got, committed := killAt(t, step, after)
			t.Logf("killed %v after it was %s: state %s, Commit returned: %v", after, step, got.State, committed)
			if committed && got != whole || got != before && got != whole {
				t.Errorf("killed %v after it was %s, Commit returned: %v (-whole +got):\n%s", after, step, committed, gocmp.Diff(whole, got))
			}
		}
	}
}

// ownServer starts a server that a test may kill.
func ownServer(t *testing.T) *postgrestest.Server {
	t.Helper()
	needServer(t)
	s, err := postgrestest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func restart(t *testing.T, s *postgrestest.Server) {
	t.Helper()
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
}

func TestLoadsGoOnAfterTheServerWasKilled(t *testing.T) {
	s := ownServer(t)
	url := s.URL("postgres")
	w := mustOpen(t, url)
	if err := loadVersion(w, 1, nothing); err != nil {
		t.Fatal(err)
	}
	before := outcomeOf(t, w, url)
	restart(t, s)
	if got := outcomeOf(t, w, url); got != before {
		t.Errorf("killed between loads (-want +got):\n%s", gocmp.Diff(before, got))
	}
	for _, step := range []string{"begun", "migrated", "appended", "activated"} {
		err := loadVersion(w, 2, func(reached string) {
			if reached == step {
				restart(t, s)
			}
		})
		if !errors.Is(err, singer.ErrUnavailable) {
			t.Errorf("killed when %s: %v, want ErrUnavailable", step, err)
		}
		if got := outcomeOf(t, w, url); got != before {
			t.Errorf("killed when %s (-want +got):\n%s", step, gocmp.Diff(before, got))
		}
	}
	if err := loadVersion(w, 2, nothing); err != nil {
		t.Fatal(err)
	}
	after := outcomeOf(t, w, url)
	if after.State != "2" {
		t.Errorf("state is %s after the second load", after.State)
	}
	restart(t, s)
	if got := outcomeOf(t, w, url); got != after {
		t.Errorf("killed after the second load (-want +got):\n%s", gocmp.Diff(after, got))
	}
}
