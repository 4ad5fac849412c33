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

// smallTables are so many that a row of each takes more memory than there is.
const smallTables = 500

func smallTable(i int) *table.Table {
	t := &table.Table{Stream: fmt.Sprint("small_", i), Name: fmt.Sprint("small_", i), Key: []int{0}, Columns: []table.Column{{Name: "id", Type: table.Integer}}}
	for c := range 17 {
		t.Columns = append(t.Columns, table.Column{Name: fmt.Sprint("text_", c), Type: table.Text, Nullable: true})
	}
	return t
}

// loadSmall loads rows into all the small tables. It heeds Crowded as the loader does, or all are one load, and it returns
// how many were committed.
func loadSmall(t *testing.T, w *Warehouse, heed bool) (commits int, err error) {
	t.Helper()
	var l destination.Load
	defer func() {
		if l != nil {
			l.Rollback()
		}
	}()
	for i := range smallTables {
		if l == nil {
			if l, err = w.Begin(t.Context()); err != nil {
				return commits, err
			}
		}
		tab := smallTable(i)
		if _, err := l.Migrate(t.Context(), tab); err != nil {
			return commits, err
		}
		row := make(destinationtest.Row, 18)
		row[0] = int64(i)
		for c := 1; c < len(row); c++ {
			row[c] = fmt.Sprint("text ", i, " ", c)
		}
		b := destinationtest.Batch(Allocator(), tab, 1, row)
		_, err := l.Append(t.Context(), []*table.Batch{b})
		b.Rows.Release()
		if err != nil {
			return commits, err
		}
		if heed && l.(destination.Crowder).Crowded() || i == smallTables-1 {
			if err := l.Commit(t.Context(), destination.Checkpoint{RunID: "1"}); err != nil {
				return commits, err
			}
			l = nil
			commits++
		}
	}
	return commits, nil
}

func TestLoadsOfManyTablesKeepWithinTheMemoryLimit(t *testing.T) {
	open := func(heed bool) (*Warehouse, int, error) {
		w, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "w.duckdb"), MemoryLimit: 64 << 20})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { w.Close() })
		commits, err := loadSmall(t, w, heed)
		return w, commits, err
	}
	w, commits, err := open(true)
	if err != nil {
		t.Fatal(err)
	}
	if commits < 2 || commits > smallTables/10 {
		t.Errorf("it took %d commits", commits)
	}
	for i := range smallTables {
		if rows, _, err := w.Count(t.Context(), "", fmt.Sprint("small_", i)); err != nil || rows != 1 {
			t.Errorf("table %d has %d rows, %v", i, rows, err)
		}
	}
	if _, _, err := open(false); err == nil || !strings.Contains(err.Error(), "needs more memory") {
		t.Errorf("one load of all tables: failure is %v, so that nothing needs Crowded", err)
	}
}
