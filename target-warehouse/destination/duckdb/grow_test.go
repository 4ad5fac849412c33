package duckdb

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

// A run that adds a few rows must not leave a block of the file for each of its tables: an hourly one would add some
// gigabytes a year.
func TestTheFileDoesNotGrowWithTheNumberOfRuns(t *testing.T) {
	for _, test := range []struct {
		name   string
		method table.Method
		rows   int
	}{
		{"few rows, appended", table.AppendOnly, 1},
		{"few rows, in the place of others", table.Overwrite, 1},
		{"rows of some row groups, in the place of others", table.Overwrite, 2*rowGroup + 10},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "w.duckdb")
			tab := appended("things")
			tab.Method = test.method
			var sizes []int64
			const runs = 12
			for run := range runs {
				oneRun(t, path, tab, run*test.rows, test.rows)
				info, err := os.Stat(path)
				if err != nil {
					t.Fatal(err)
				}
				sizes = append(sizes, info.Size())
			}
			// A run writes what it joins into blocks of its own, and the next one can have those that are free then.
			if blocks := (slices.Max(sizes[runs/2:]) - slices.Max(sizes[:runs/2])) / (256 << 10); blocks > 2 {
				t.Errorf("%d runs more took %d blocks more; all sizes are %d", runs/2, blocks, sizes)
			}
			w := openAt(t, path)
			for _, name := range []string{destination.Loads.Name, destination.Runs.Name} {
				got := query(t, w, "SELECT count(DISTINCT row_group_id) FROM pragma_storage_info('"+name+"')")
				if diff := gocmp.Diff([]destinationtest.Row{{int64(1)}}, got); diff != "" {
					t.Errorf("row groups of %s (-want +got):\n%s", name, diff)
				}
			}
			want := []destinationtest.Row{{int64(runs * test.rows), int64(runs * test.rows)}}
			if test.method == table.Overwrite {
				want = []destinationtest.Row{{int64(test.rows), int64(test.rows)}}
			}
			if diff := gocmp.Diff(want, query(t, w, "SELECT count(*), count(DISTINCT id) FROM things")); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

// oneRun is a process that makes a commit with rows and one that ends the run.
func oneRun(t *testing.T, path string, tab *table.Table, first, rows int) {
	t.Helper()
	w := mustOpen(t, path)
	id := fmt.Sprintf("run%09d", first)
	var l destination.Load = begin(t, w, tab)
	b := numbered(tab, first, rows)
	if _, err := l.Append(t.Context(), []*table.Batch{b}); err != nil {
		t.Fatal(err)
	}
	b.Rows.Release()
	if tab.Method == table.Overwrite {
		if _, err := l.Activate(t.Context(), tab, destination.Activation{Version: 1}); err != nil {
			t.Fatal(err)
		}
	}
	for _, at := range []int64{1, 2} {
		load := make([]any, len(destination.Loads.Columns))
		load[0], load[1], load[2] = id, at, "things"
		run := make([]any, len(destination.Runs.Columns))
		run[0] = id
		err := l.Commit(t.Context(), destination.Checkpoint{RunID: "1", Rows: []destination.Row{{Table: destination.Loads, Values: load}, {Table: destination.Runs, Values: run}}})
		if err != nil {
			t.Fatal(err)
		}
		if at == 1 {
			if l, err = w.Begin(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}
