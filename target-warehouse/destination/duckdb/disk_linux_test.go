package duckdb

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

func TestFullDiskLosesNothing(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=12m"); err != nil {
		t.Skipf("a small file system cannot be mounted: %v", err)
	}
	defer func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}()
	path := filepath.Join(dir, "w.duckdb")
	w := mustOpen(t, path)
	tab := &table.Table{Stream: "things", Name: "things", Key: []int{0}, Columns: []table.Column{
		{Name: "value", Type: table.Integer}, {Name: "padding", Type: table.Text, Nullable: true},
	}}
	loaded := int64(0)
	var failure error
	for ; failure == nil && loaded < 1000; loaded++ {
		failure = loadPadding(t, w, tab, loaded)
	}
	w.Close() // which may fail, too
	if failure == nil || !strings.Contains(failure.Error(), "the disk with the DuckDB file is full") {
		t.Fatalf("after %d loads the failure is %v", loaded, failure)
	}
	loaded--
	t.Logf("load %d: %v", loaded, failure)

	// With room made, everything committed is there and the next run works.
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=200m"); err != nil {
		t.Fatal(err)
	}
	w = mustOpen(t, path)
	defer w.Close()
	if err := loadPadding(t, w, tab, loaded); err != nil {
		t.Fatal(err)
	}
	want := []destinationtest.Row{{100 * (loaded + 1), 100 * (loaded + 1)}}
	if diff := gocmp.Diff(want, query(t, w, "SELECT count(*), count(DISTINCT value) FROM things")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCloseLeavesNoFilesAndGoroutinesBehind(t *testing.T) {
	openFiles := func() int {
		files, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
	use := func() {
		w := mustOpen(t, filepath.Join(t.TempDir(), "w.duckdb"))
		tab := column1(table.Integer, table.Widen)
		rollBack(t, w, withName(tab), destinationtest.Row{int64(1)})
		if _, err := loadAs(t, w, tab, destinationtest.Row{int64(1)}); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	use() // DuckDB keeps what it needs once for the whole process
	files, goroutines := openFiles(), runtime.NumGoroutine()
	for range 5 {
		use()
	}
	for range 6000 { // database/sql ends its goroutine a moment after Close
		if runtime.NumGoroutine() <= goroutines && openFiles() <= files {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if f, g := openFiles(), runtime.NumGoroutine(); f > files || g > goroutines {
		t.Errorf("%d files and %d goroutines are left, want %d and %d", f, g, files, goroutines)
	}
}

// withName is the Table named as loadAs names it.
func withName(t *table.Table) *table.Table {
	t.Stream, t.Name = "things", "things"
	return t
}

// loadPadding commits a hundred rows that cannot be compressed well.
func loadPadding(t *testing.T, w *Warehouse, tab *table.Table, load int64) error {
	t.Helper()
	var rows []destinationtest.Row
	for i := range int64(100) {
		var padding strings.Builder
		for n := range 100 {
			padding.WriteString(id("p", int(load*10000+i*100)+n))
		}
		rows = append(rows, destinationtest.Row{load*100 + i, padding.String()})
	}
	l, err := w.Begin(t.Context())
	if err != nil {
		return err
	}
	defer l.Rollback()
	if _, err := l.Migrate(t.Context(), tab); err != nil {
		return err
	}
	b := destinationtest.Batch(Allocator(), tab, 1, rows...)
	defer b.Rows.Release()
	if _, err := l.Append(t.Context(), []*table.Batch{b}); err != nil {
		return err
	}
	return l.Commit(t.Context(), destination.Checkpoint{RunID: "1"})
}
