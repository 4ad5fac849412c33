package files

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

// childTask, if set in the environment, makes the test binary a process that loads: the number of the change to the store
// before which it stops to be killed.
const childTask = "FILES_TEST_CHILD"

func TestMain(m *testing.M) {
	if stopAt, err := strconv.Atoi(os.Getenv(childTask)); err == nil {
		loadAsChild(Config{URL: os.Getenv("FILES_TEST_URL"), Pipeline: "kill"}, stopAt)
	}
	code := m.Run()
	server.stop()
	os.Exit(code)
}

// orders is a table of ids. Each call makes another Table, as each SCHEMA does.
func orders() *table.Table {
	return &table.Table{Stream: "orders", Schema: "shop", Name: "orders", Key: []int{0}, Columns: []table.Column{
		{Name: "id", Type: table.Integer}, {Name: "note", Type: table.Text, Nullable: true},
	}}
}

// replaced is one that is overwritten.
func replaced() *table.Table {
	t := orders()
	t.Name, t.Method = "replaced", table.Overwrite
	return t
}

// begin begins a load with the ids from..to-1 in it.
func begin(t testing.TB, w *Warehouse, tab *table.Table, from, to int64) destination.Load {
	t.Helper()
	l, err := w.Begin(context.Background())
	if err == nil {
		err = add(l, tab, from, to)
	}
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func add(l destination.Load, tab *table.Table, from, to int64) error {
	var rows []destinationtest.Row
	for id := from; id < to; id++ {
		rows = append(rows, destinationtest.Row{id, fmt.Sprint("note ", id)})
	}
	b := destinationtest.Batch(Allocator(), tab, from, rows...)
	defer b.Rows.Release()
	if _, err := l.Migrate(context.Background(), tab); err != nil {
		return err
	}
	_, err := l.Append(context.Background(), []*table.Batch{b})
	return err
}

func mustLoad(t testing.TB, w *Warehouse, tab *table.Table, c destination.Checkpoint, from, to int64) {
	t.Helper()
	if err := begin(t, w, tab, from, to).Commit(context.Background(), c); err != nil {
		t.Fatal(err)
	}
}

// ids are those that a reader of the table's files sees.
func ids(t testing.TB, w *Warehouse, tab *table.Table) []int64 {
	t.Helper()
	found := []int64{}
	for _, row := range readParquet(t, w, tab.Schema, tab.Name, []string{"id"}) {
		found = append(found, row[0].(int64))
	}
	slices.Sort(found)
	return found
}

func wantIDs(t testing.TB, w *Warehouse, want ...int64) {
	t.Helper()
	if diff := gocmp.Diff(want, ids(t, w, orders())); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
}

// loadAsChild does two runs of one load each and tells every change to the store in the second one before it is made.
func loadAsChild(cfg Config, stopAt int) {
	check := func(err error) {
		if err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
	}
	ctx := context.Background()
	for run := int64(1); run <= 2; run++ {
		w, err := open(ctx, cfg, false)
		check(err)
		if run == 2 {
			steps := 0
			w.store.step = func(what string) {
				steps++
				fmt.Println("step", steps)
				fmt.Fprintln(os.Stderr, steps, what)
				if steps == stopAt {
					select {}
				}
			}
		}
		check(w.finish(ctx, false))
		l, err := w.Begin(ctx)
		check(err)
		check(add(l, orders(), run*10, run*10+3))
		check(add(l, replaced(), run*100, run*100+2))
		newest := replaced()
		_, err = l.Migrate(ctx, newest)
		check(err)
		_, err = l.Activate(ctx, newest, destination.Activation{Version: run})
		check(err)
		check(l.Commit(ctx, destination.Checkpoint{
			Pipeline: "kill", RunID: strconv.FormatInt(run, 10), Fence: run, State: json.RawMessage(strconv.FormatInt(run, 10)),
			Rows: []destination.Row{reject(run)},
		}))
		if run == 2 {
			fmt.Println("committed")
		}
		check(w.Close())
	}
	fmt.Println("closed")
	os.Exit(0)
}

// reject is a row of tapline's own table of them.
func reject(n int64) destination.Row {
	row := destination.Row{Table: destination.Rejects, Values: make([]any, len(destination.Rejects.Columns))}
	row.Values[0], row.Values[2] = "run", n
	return row
}

// sight is what readers find.
type sight struct {
	Orders, Replaced []int64
	Counts           []int64
	State            string
	Rejects          int
}

func see(t *testing.T, w *Warehouse) sight {
	t.Helper()
	s := sight{Orders: ids(t, w, orders()), Replaced: ids(t, w, replaced())}
	for _, tab := range []*table.Table{orders(), replaced()} {
		rows, _, err := w.Count(t.Context(), tab.Schema, tab.Name)
		if err != nil {
			t.Fatal(err)
		}
		s.Counts = append(s.Counts, rows)
	}
	states, err := w.Read(t.Context(), destination.States, 0)
	rejects, failure := w.Read(t.Context(), destination.Rejects, 0)
	if err := errors.Join(err, failure); err != nil {
		t.Fatal(err)
	}
	s.State, s.Rejects = states[0].Values[2].(string), len(rejects)
	return s
}

// What readers find after the first run and after the second.
var (
	afterOne = sight{Orders: []int64{10, 11, 12}, Replaced: []int64{100, 101}, Counts: []int64{3, 2}, State: "1", Rejects: 1}
	afterTwo = sight{Orders: []int64{10, 11, 12, 20, 21, 22}, Replaced: []int64{200, 201}, Counts: []int64{6, 2}, State: "2", Rejects: 2}
)

func TestKilledAtEveryStepInADirectory(t *testing.T) {
	killAtEveryStep(t, func() string { return t.TempDir() })
}

func TestKilledAtEveryStepInABucket(t *testing.T) {
	killAtEveryStep(t, func() string { return newBucket(t) })
}

// killAtEveryStep kills a process before each change that it makes to a store, from the first staged file to the last
// thing that Close does.
func killAtEveryStep(t *testing.T, newPlace func() string) {
	outcomes := map[string]int{}
	for step, ended := 1, false; !ended; step++ {
		place := newPlace()
		child := destinationtest.StartChild(t, fmt.Sprintf("%s=%d", childTask, step), "FILES_TEST_URL="+place)
		reached := child.Await(t, fmt.Sprint("step ", step))
		if !reached {
			ended = true
		}
		child.End()
		cfg := Config{URL: place, Pipeline: "kill"}
		before := lookBefore(t, cfg)
		w := mustOpen(t, cfg)
		after := see(t, w)
		want := afterOne
		if after.State == "2" {
			want = afterTwo
		}
		if diff := gocmp.Diff(want, after); diff != "" {
			t.Errorf("killed before step %d (-want +got):\n%s", step, diff)
		}
		wantOnlyWhole(t, step, before, after)
		outcomes[after.State]++
		mustLoad(t, w, orders(), destination.Checkpoint{Pipeline: "kill", RunID: "3", Fence: 3}, 30, 31)
		wantNothingStaged(t, step, w)
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
	if outcomes["1"] < 5 || outcomes["2"] < 5 {
		t.Errorf("kills left these states so often: %v; there should be more of both", outcomes)
	}
	t.Logf("kills left these states so often: %v", outcomes)
}

// lookBefore is what readers find before the next run opens the place.
func lookBefore(t *testing.T, cfg Config) sight {
	t.Helper()
	w, err := OpenReadOnly(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return see(t, w)
}

// wantOnlyWhole looks for rows that were not committed, and for files of which only some rows are there.
func wantOnlyWhole(t *testing.T, step int, before, after sight) {
	t.Helper()
	if before.State != after.State {
		t.Errorf("killed before step %d: the state was %s and is %s after opening", step, before.State, after.State)
	}
	if before.State == "1" && (len(before.Orders) != 3 || slices.Max(before.Replaced) >= 200) {
		t.Errorf("killed before step %d: readers see rows that are not committed: %+v", step, before)
	}
	for _, list := range [][]int64{before.Orders, before.Replaced} {
		if len(list) == 0 || len(slices.Compact(slices.Clone(list))) != len(list) {
			t.Errorf("killed before step %d: readers see %v", step, list)
		}
	}
	if n := len(before.Orders); n != 3 && n != 6 {
		t.Errorf("killed before step %d: readers see half a file: %v", step, before.Orders)
	}
}

// wantNothingStaged looks for what should be gone once the next run has committed.
func wantNothingStaged(t *testing.T, step int, w *Warehouse) {
	t.Helper()
	keys, err := w.store.list(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		own := strings.HasPrefix(key, w.stagedFolder())
		if !own && (strings.HasPrefix(key, stagedPlace) || strings.HasSuffix(key, ".part") || strings.HasSuffix(path.Base(key), ".tmp")) {
			t.Errorf("killed before step %d: %s is left", step, key)
		}
	}
}
