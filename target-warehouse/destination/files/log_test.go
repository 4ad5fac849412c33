package files

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"tapline/target-warehouse/destination"
)

func checkpointOf(pipeline, run string, fence int64, rows ...destination.Row) destination.Checkpoint {
	return destination.Checkpoint{Pipeline: pipeline, RunID: run, Fence: fence, State: json.RawMessage(`"` + run + `"`), Rows: rows}
}

func mustClose(t testing.TB, w *Warehouse) {
	t.Helper()
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

func logKeys(t testing.TB, w *Warehouse) []string {
	t.Helper()
	keys, err := w.store.list(t.Context(), logPlace)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// aRun is a row of destination.Runs.
func aRun(id string) destination.Row {
	row := destination.Row{Table: destination.Runs, Values: make([]any, len(destination.Runs.Columns))}
	row.Values[0] = id
	return row
}

func TestSnapshotsKeepTheLogShort(t *testing.T) {
	cfg := Config{URL: t.TempDir(), Pipeline: "p"}
	w := mustOpen(t, cfg)
	for n := range int64(2*snapshotEvery + 3) {
		mustLoad(t, w, orders(), checkpointOf("p", "r", 1, aRun(fmt.Sprint("run ", n%5))), n, n+1)
	}
	want := []string{snapshotKey(128), entryKey(129), entryKey(130), entryKey(131)}
	if diff := gocmp.Diff(want, logKeys(t, w)); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
	mustClose(t, w)
	w = mustOpen(t, cfg)
	defer mustClose(t, w)
	rows, _, err := w.Count(t.Context(), "shop", "orders")
	if err != nil || rows != 131 {
		t.Errorf("%d rows, %v, want 131", rows, err)
	}
	runs, err := w.Read(t.Context(), destination.Runs, 0)
	if err != nil || len(runs) != 5 {
		t.Errorf("%d runs, %v, want 5", len(runs), err)
	}
	m, err := begin(t, w, orders(), 0, 0).Migrate(t.Context(), orders())
	if err != nil || len(m.Changes) > 0 {
		t.Errorf("migrate after a snapshot: %+v, %v; want no change", m, err)
	}
}

func TestSleeperBehindASnapshot(t *testing.T) {
	cfg := Config{URL: t.TempDir(), Pipeline: "p"}
	sleeper, other, fresh := mustOpen(t, cfg), mustOpen(t, cfg), mustOpen(t, cfg)
	defer mustClose(t, sleeper)
	defer mustClose(t, other)
	for n := range int64(snapshotEvery + 2) {
		mustLoad(t, fresh, orders(), checkpointOf("p", "B", 2), n, n+1)
	}
	mustClose(t, fresh)

	// Its number is free again, as the entry has gone into the snapshot, but its right is gone too.
	l := begin(t, sleeper, orders(), 1000, 1001)
	if err := l.Commit(t.Context(), checkpointOf("p", "A", 1)); !errors.Is(err, destination.ErrFenced) {
		t.Errorf("the sleeper's commit: %v, want ErrFenced", err)
	}
	// A run of another pipeline goes on behind the others.
	mustLoad(t, other, orders(), checkpointOf("q", "C", 1), 2000, 2001)
	w := mustOpen(t, cfg)
	defer mustClose(t, w)
	if w.ledger.Number != snapshotEvery+3 {
		t.Errorf("the log ends at %d, want %d", w.ledger.Number, snapshotEvery+3)
	}
	rows, _, err := w.Count(t.Context(), "shop", "orders")
	if err != nil || rows != snapshotEvery+3 || len(ids(t, w, orders())) != int(rows) {
		t.Errorf("%d rows, %v, and readers see %d", rows, err, len(ids(t, w, orders())))
	}
	if keys := logKeys(t, w); keys[0] != snapshotKey(snapshotEvery) {
		t.Errorf("the log begins with %s", keys[0])
	}
}

func TestCommitThatDidNotHearItsSuccessCommitsOnce(t *testing.T) {
	w := mustOpen(t, Config{URL: t.TempDir(), Pipeline: "p"})
	defer mustClose(t, w)
	l := begin(t, w, orders(), 1, 3)
	tries := 0
	w.store.step = func(what string) {
		if key, ok := strings.CutPrefix(what, "create new "); ok {
			tries++
			if err := os.Link(w.store.path(w.stagedFolder()+"entry.part"), w.store.path(key)); err != nil {
				t.Error(err)
			}
		}
	}
	if err := l.Commit(t.Context(), checkpointOf("p", "r", 1)); err != nil {
		t.Fatal(err)
	}
	wantIDs(t, w, 1, 2)
	if tries != 1 || w.ledger.Number != 1 {
		t.Errorf("it tried %d times and the log ends at %d", tries, w.ledger.Number)
	}
}

func TestCommitThatCannotFinishIsFinishedLater(t *testing.T) {
	dir := t.TempDir()
	w := mustOpen(t, Config{URL: dir, Pipeline: "p"})
	defer mustClose(t, w)
	// A file where the table's folder should be.
	if err := os.WriteFile(dir+"/shop", nil, 0o666); err != nil {
		t.Fatal(err)
	}
	l := begin(t, w, orders(), 1, 3)
	if err := l.Commit(t.Context(), checkpointOf("p", "r", 1)); err == nil || !strings.Contains(err.Error(), "is valid") {
		t.Fatalf("commit: %v, want a failure that says the commit is valid", err)
	}
	if err := l.Rollback(); err != nil {
		t.Error(err)
	}
	if _, err := w.Begin(t.Context()); err == nil {
		t.Error("a load began with files of the one before it out of place")
	}
	if err := os.Remove(dir + "/shop"); err != nil {
		t.Fatal(err)
	}
	mustLoad(t, w, orders(), checkpointOf("p", "r", 1), 3, 4)
	wantIDs(t, w, 1, 2, 3)
}

func TestGapInTheLogIsRefused(t *testing.T) {
	dir := t.TempDir()
	w := mustOpen(t, Config{URL: dir, Pipeline: "p"})
	for n := range int64(3) {
		mustLoad(t, w, orders(), checkpointOf("p", "r", 1), n, n+1)
	}
	mustClose(t, w)
	if err := os.Remove(w.store.path(entryKey(2))); err != nil {
		t.Fatal(err)
	}
	wantOpenFailure(t, Config{URL: dir}, "goes from entry 1 to 3")
	if err := os.WriteFile(w.store.path(entryKey(2)), []byte("{"), 0o666); err != nil {
		t.Fatal(err)
	}
	wantOpenFailure(t, Config{URL: dir}, "is damaged")
}

func wantOpenFailure(t *testing.T, cfg Config, want string) {
	t.Helper()
	w, err := Open(t.Context(), cfg)
	if err == nil {
		w.Close()
		t.Fatalf("%+v was opened", cfg)
	}
	if got := err.Error(); !strings.Contains(got, want) || strings.Contains(got, "\n") {
		t.Errorf("failure is %q, want one line with %q", got, want)
	}
}

func TestReadOnlyChangesNothing(t *testing.T) {
	cfg := Config{URL: t.TempDir(), Pipeline: "p"}
	wantReadOnlyFailure := Config{URL: cfg.URL + "/none"}
	if _, err := OpenReadOnly(t.Context(), wantReadOnlyFailure); err == nil || !strings.Contains(err.Error(), "there is no directory") {
		t.Errorf("opening nothing for reading: %v", err)
	}
	w := mustOpen(t, cfg)
	mustLoad(t, w, orders(), checkpointOf("p", "r", 1), 1, 3)
	mustClose(t, w)
	r, err := OpenReadOnly(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.store.step = func(what string) { t.Errorf("it did: %s", what) }
	if rows, _, err := r.Count(t.Context(), "shop", "orders"); rows != 2 || err != nil {
		t.Errorf("%d rows, %v", rows, err)
	}
	if _, err := r.Begin(t.Context()); err == nil {
		t.Error("a load began")
	}
	mustClose(t, r)
}

func TestOwnTablesThatGrowKeepTheNewestRows(t *testing.T) {
	r := records{}
	for n := range 1500 {
		r.put(aRun(fmt.Sprintf("%06d", (n*7)%1500)))
	}
	rows := r[destination.Runs.Name]
	if len(rows) != 1000 || rows[0].Values[0] != "000500" || rows[999].Values[0] != "001499" {
		t.Errorf("%d rows from %v to %v, want 1000 from 000500 to 001499", len(rows), rows[0].Values[0], rows[len(rows)-1].Values[0])
	}
}

func TestPeopleCanReadOwnTables(t *testing.T) {
	w := mustOpen(t, Config{URL: t.TempDir(), Pipeline: "p"})
	for n := range int64(3) {
		mustLoad(t, w, orders(), checkpointOf("p", "r", 1, aRun(fmt.Sprint("run ", n)), reject(n)), n, n+1)
	}
	mustClose(t, w)
	from := func(name string) string { return "FROM read_json('" + w.store.path(name) + "/*.jsonl')" }
	for query_, want := range map[string]string{
		"SELECT run_id " + from("_singer_runs") + " ORDER BY 1":            "[[run 0] [run 1] [run 2]]",
		"SELECT pipeline, state " + from("_singer_state"):                  `[[p "r"]]`,
		"SELECT sum(ordinal)::BIGINT, count(*) " + from("_singer_rejects"): "[[3 3]]",
	} {
		if got := fmt.Sprint(query(t, query_)); got != want {
			t.Errorf("%s: %s, want %s", query_, got, want)
		}
	}
}

// What was loaded stays where the log is gone or is put back from a backup, and numbers come again.
func TestFilesOutliveTheLog(t *testing.T) {
	for _, kept := range []int64{0, 1} {
		dir := t.TempDir()
		for id := range int64(3) {
			w := mustOpen(t, Config{URL: dir, Pipeline: "default"})
			mustLoad(t, w, orders(), checkpointOf("default", "r", 1), id, id+1)
			mustClose(t, w)
		}
		for n := kept + 1; n <= 3; n++ {
			if err := os.Remove(filepath.Join(dir, entryKey(n))); err != nil {
				t.Fatal(err)
			}
		}
		w := mustOpen(t, Config{URL: dir, Pipeline: "default"})
		mustLoad(t, w, orders(), checkpointOf("default", "r", 1), 3, 4)
		if w.ledger.Number != kept+1 {
			t.Errorf("the log has %d entries", w.ledger.Number)
		}
		wantIDs(t, w, 0, 1, 2, 3)
		mustClose(t, w)
	}
}

func TestSomethingInThePlaceOfAnEntryEndsTheRun(t *testing.T) {
	w := mustOpen(t, Config{URL: t.TempDir(), Pipeline: "default"})
	defer mustClose(t, w)
	mustLoad(t, w, orders(), checkpointOf("default", "r", 1), 1, 2)
	if err := os.Mkdir(w.store.path(entryKey(2)), 0o777); err != nil {
		t.Fatal(err)
	}
	l := begin(t, w, orders(), 2, 3)
	if err := l.Commit(t.Context(), checkpointOf("default", "r", 1)); err == nil || !strings.Contains(err.Error(), "look what it is, and take it away") {
		t.Errorf("commit: %v", err)
	}
	if err := l.Rollback(); err != nil {
		t.Error(err)
	}
	wantIDs(t, w, 1)
}
