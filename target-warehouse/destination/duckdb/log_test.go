package duckdb

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"tapline/target-warehouse/destination"
)

// cuts are lengths to cut a log to: some all over it, and those of its last bytes, by which the log ends a transaction.
func cuts(length int) []int {
	if length == 0 {
		return []int{0}
	}
	var to []int
	for i := range 20 {
		to = append(to, length*i/20)
	}
	for i := range 30 {
		to = append(to, length-30+i)
	}
	return to
}

// A kill may leave any part of the log that a commit has written. Of a load that is not there, no row may be: with the log
// of a commit that has row groups, DuckDB would bring their rows back, and not the state.
func TestACutLogLeavesALoadOutWholly(t *testing.T) {
	for _, rows := range []int{10, 3 * rowGroup} {
		path := filepath.Join(t.TempDir(), "shop.duckdb")
		w, charges := openFed(t, Config{Path: path}), appended("charges")
		whole := map[string]bool{"[0 0 <nil> <nil>] ": true} // what a load leaves, or its absence
		for i := range 2 {
			l := begin(t, w, charges)
			add(t, l, numbered(charges, i*rows, rows))
			state := fmt.Sprintf(`{"rows":%d}`, (i+1)*rows)
			if err := l.Commit(t.Context(), destination.Checkpoint{Pipeline: "shop", RunID: "run", State: json.RawMessage(state)}); err != nil {
				t.Fatal(err)
			}
			whole[fmt.Sprintf("[%d %d 0 %d] %s", (i+1)*rows, (i+1)*rows, (i+1)*rows-1, state)] = true
		}
		log, err := os.ReadFile(path + ".wal")
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		t.Logf("%d rows a load: the log has %d bytes", rows, len(log))
		for _, cut := range cuts(len(log)) {
			left := leftBehind(t, path)
			if len(log) > 0 {
				if err := os.Truncate(left+".wal", int64(cut)); err != nil {
					t.Fatal(err)
				}
			}
			r := mustOpen(t, left)
			got := "[0 0 <nil> <nil>] "
			if _, found, err := r.Count(t.Context(), "", "charges"); err != nil {
				t.Fatal(err)
			} else if found {
				got = held(t, r, "charges") + " " + states(t, r)["shop"]
			}
			if !whole[got] {
				t.Errorf("%d rows a load, %d of the log's %d bytes: %s, which no commit has left", rows, cut, len(log), got)
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}
