package duckdb

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

// childTask, if set in the environment, makes the test binary a process to be killed or to be waited for.
const childTask = "DUCKDB_TEST_CHILD"

func TestMain(m *testing.M) {
	switch task, path := os.Getenv(childTask), os.Getenv("DUCKDB_TEST_PATH"); task {
	case "":
		os.Exit(m.Run())
	case "hold":
		check(Open(background, Config{Path: path}))
		reach("held", "held")
	default:
		stopAt, short := strings.CutPrefix(task, "short ")
		loadTwice(path, stopAt, short)
	}
}

// check ends a child that failed.
func check[T any](v T, err error) T {
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	return v
}

// reach tells the parent that the child is at a step, and waits there to be killed if it is the one to stop at.
func reach(step, stopAt string) {
	fmt.Println(step)
	if step == stopAt {
		select {}
	}
}

// killed are the tables that a child loads, each by another method. Every version has enough rows for a Commit that takes
// long enough to be hit.
var killed = []struct {
	name   string
	method table.Method
	hard   bool
	rows   int
}{
	{"upserted", table.Upsert, false, 3000},
	{"retired", table.Upsert, true, 400},
	{"marked", table.Upsert, false, 400},
	{"overwritten", table.Overwrite, false, 400},
	{"historic", table.History, false, 400},
	{"fed", table.AppendOnly, false, 2*rowGroup + 10000}, // its feed is going on when Commit begins
}

// killTable is the i-th of killed, in the second load with one more column.
func killTable(i, version int) *table.Table {
	k := killed[i]
	t := &table.Table{Stream: k.name, Schema: "shop", Name: k.name, Method: k.method, HardDelete: k.hard, Key: []int{0}, Columns: []table.Column{
		{Name: "id", Type: table.Integer}, {Name: "padding", Type: table.Text, Nullable: true},
		{Name: table.ExtractedAt, Type: table.Timestamp, Nullable: true}, {Name: table.DeletedAt, Type: table.Timestamp, Nullable: true},
		{Name: table.TableVersion, Type: table.Integer, Nullable: true},
	}}
	if version == 2 {
		t.Columns = append(t.Columns, table.Column{Name: "added", Property: "added", Type: table.JSON, Nullable: true})
	}
	if k.method == table.History {
		t.Columns = append(t.Columns, table.Column{Name: table.ValidFrom, Type: table.Timestamp, Nullable: true},
			table.Column{Name: table.ValidTo, Type: table.Timestamp, Nullable: true})
	}
	return t
}

// killBatch is half of the earlier keys and as many new ones for version 2.
func killBatch(t *table.Table, i, version int) *table.Batch {
	var rows []destinationtest.Row
	for n := range killed[i].rows {
		id := int64(n + (version-1)*killed[i].rows/2)
		padding := fmt.Sprintf("%x", uint64(id*int64(version)+1)*0x9e3779b97f4a7c15)
		if killed[i].rows < rowGroup {
			padding = strings.Repeat(padding, 100)
		}
		row := destinationtest.Row{id, padding, time.Unix(int64(version), 0), nil, int64(version)}
		for len(row) < len(t.Columns) {
			row = append(row, nil)
		}
		rows = append(rows, row)
	}
	return destinationtest.Batch(Allocator(), t, 1, rows...)
}

// loadTwice commits version 1 and then version 2, telling its steps in the second load.
// A log that is "short" makes the Commit write the database file too, as one after many loads does.
func loadTwice(path, stopAt string, short bool) {
	w := fed(check(Open(background, Config{Path: path}))).(*Warehouse)
	if short {
		check(w.db.Exec("SET checkpoint_threshold = '1MB'"))
	}
	for version := 1; version <= 2; version++ {
		step := func(name string) {
			if version == 2 {
				reach(name, stopAt)
			}
		}
		l := check(w.Begin(background))
		step("begun")
		for i := range killed {
			t := killTable(i, version)
			check(l.Migrate(background, t))
			step("migrated " + t.Name)
			check(l.Append(background, []*table.Batch{killBatch(t, i, version)}))
			step("appended " + t.Name)
			if t.Method == table.AppendOnly {
				continue
			}
			check(l.Activate(background, t, destination.Activation{Version: int64(version), AtMicros: 1}))
			step("activated " + t.Name)
		}
		check(0, l.Commit(background, destination.Checkpoint{Pipeline: "kill", RunID: "run", State: json.RawMessage(strconv.Itoa(version))}))
		step("committed")
	}
	select {}
}

// contents says what a file holds of the killed loads: the rows by a checksum of every value, the columns, the state.
func contents(t *testing.T, path string) (rows, columns, state string) {
	t.Helper()
	w := mustOpen(t, path)
	defer w.Close()
	for _, k := range killed {
		name := quote(w.catalog) + ".shop." + quote(k.name)
		rows += fmt.Sprintln(k.name, query(t, w, "SELECT count(*), count(DISTINCT id), count(_sdc_deleted_at), bit_xor(hash(k)) FROM "+name+" AS k"))
	}
	columns = fmt.Sprint(query(t, w, "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE schema_name = 'shop' ORDER BY ALL"))
	state = states(t, w)["kill"]
	if got := query(t, w, "SELECT view_name FROM duckdb_views() WHERE NOT internal"); len(got) > 0 {
		t.Errorf("views are left behind: %v", got)
	}
	return rows, columns, state
}

// outcome is what a killed process left.
type outcome struct{ Rows, Columns, State string }

// killAt kills a child some time after it has reached a step, and reports what it left and whether its Commit returned.
func killAt(t *testing.T, kind, step string, after time.Duration) (got outcome, committed bool) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "shop.duckdb")
	stopAt := step
	if after > 0 {
		stopAt = "nowhere"
	}
	child := destinationtest.StartChild(t, childTask+"="+kind+stopAt, "DUCKDB_TEST_PATH="+path)
	if !child.Await(t, step) {
		t.Fatalf("the child did not reach the step %q", step)
	}
	time.Sleep(after)
	child.Kill()
	committed = step == "committed" || child.Await(t, "committed")
	child.End()
	got.Rows, got.Columns, got.State = contents(t, path)
	return got, committed
}

func TestKilledLoadIsThereWhollyOrNotAtAll(t *testing.T) {
	before, _ := killAt(t, "", "begun", 0)
	whole, _ := killAt(t, "", "committed", 0)
	if before.State != "1" || whole.State != "2" {
		t.Fatalf("states are %q before and %q after the second load, want 1 and 2", before.State, whole.State)
	}
	for _, step := range []string{"migrated upserted", "appended upserted", "activated retired", "migrated overwritten", "activated overwritten", "activated historic", "appended fed"} {
		if got, _ := killAt(t, "", step, 0); got != before {
			t.Errorf("killed when %s (-want +got):\n%s", step, gocmp.Diff(before, got))
		}
	}
	for _, kind := range []string{"", "short "} {
		step := commitTakes(t, kind) / 4
		for i, committed := 0, false; !committed && i < 20; i++ {
			after := step*time.Duration(i) + time.Microsecond
			var got outcome
			got, committed = killAt(t, kind, "appended fed", after)
			t.Logf("%skilled %v into commit: state %s, Commit returned: %v", kind, after, got.State, committed)
			if committed && got != whole || got != before && got != whole {
				t.Errorf("%skilled %v into commit, which returned: %v\n(-whole +got):\n%s", kind, after, committed, gocmp.Diff(whole, got))
			}
		}
	}
}

// commitTakes measures the Commit that is to be interrupted.
func commitTakes(t *testing.T, kind string) time.Duration {
	t.Helper()
	child := destinationtest.StartChild(t, childTask+"="+kind+"committed", "DUCKDB_TEST_PATH="+filepath.Join(t.TempDir(), "shop.duckdb"))
	child.Await(t, "appended fed")
	start := time.Now()
	child.Await(t, "committed")
	defer child.End()
	return time.Since(start)
}

func TestReadOnlyOpensWhatAKilledProcessLeft(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shop.duckdb")
	child := destinationtest.StartChild(t, childTask+"="+"committed", "DUCKDB_TEST_PATH="+path)
	child.Await(t, "committed")
	child.End()
	w, err := OpenReadOnly(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if got := states(t, w)["kill"]; got != "2" {
		t.Errorf("state is %q, want 2", got)
	}
}

func TestFileHeldByAnotherProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "held.duckdb")
	child := destinationtest.StartChild(t, childTask+"="+"hold", "DUCKDB_TEST_PATH="+path)
	if !child.Await(t, "held") {
		t.Fatal("the child did not open the file")
	}
	opens := map[string]func() (*Warehouse, error){
		"Open":         func() (*Warehouse, error) { return Open(t.Context(), Config{Path: path}) },
		"OpenReadOnly": func() (*Warehouse, error) { return OpenReadOnly(t.Context(), path) },
	}
	for name, open := range opens {
		_, err := open()
		if !errors.Is(err, destination.ErrLocked) {
			t.Fatalf("%s: %v, want ErrLocked", name, err)
		}
		for _, want := range []string{path, strconv.Itoa(child.Pid())} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not name %q", name, err, want)
			}
		}
	}
	child.End()
	for name, open := range opens {
		w, err := open()
		if err != nil {
			t.Fatalf("%s after the other process has ended: %v", name, err)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
}
