package duckdb

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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

// randomTable has a key and a text that no compression makes shorter.
var randomTable = &table.Table{Stream: "random", Name: "random", Key: []int{0}, Columns: []table.Column{{Name: "id", Type: table.Integer}, {Name: "text", Type: table.Text, Nullable: true}}}

// loadRandom loads rows with random texts of some bytes and returns the load before its commit.
func loadRandom(t *testing.T, w *Warehouse, first, rows, size int) destination.Load {
	t.Helper()
	l, err := w.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Migrate(t.Context(), randomTable); err != nil {
		t.Fatal(err)
	}
	source := rand.NewChaCha8([32]byte{})
	content := make([]byte, size/2)
	var all []destinationtest.Row
	for i := range rows {
		source.Read(content)
		all = append(all, destinationtest.Row{int64(first + i), hex.EncodeToString(content)})
	}
	b := destinationtest.Batch(Allocator(), randomTable, int64(first+1), all...)
	defer b.Rows.Release()
	if _, err := l.Append(t.Context(), []*table.Batch{b}); err != nil {
		t.Fatal(err)
	}
	return l
}

func commitTo(t *testing.T, l destination.Load) {
	t.Helper()
	if err := l.Commit(t.Context(), destination.Checkpoint{RunID: "1"}); err != nil {
		t.Fatal(err)
	}
}

func openWithRoom(t *testing.T, bytes int64) *Warehouse {
	w, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "w.duckdb"), TableMemory: bytes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func mustUse(t *testing.T, w *Warehouse) usage {
	t.Helper()
	u, err := w.usage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestMemoryDoesNotGrowWithTheTable(t *testing.T) {
	const room = 16 << 20
	w := openWithRoom(t, room)
	if _, err := w.db.Exec(limitStatement(w.limit)); err != nil {
		t.Fatal(err)
	}
	own := query(t, w, "SELECT current_setting('memory_limit')") // rounded
	for i := range 20 {                                          // 4 MiB each, the second half replacing rows of the first
		commitTo(t, loadRandom(t, w, i%10*1000, 1000, 4<<10))
		if u := mustUse(t, w); u.held > 2*room || u.cached > room/8 {
			t.Errorf("after load %d DuckDB needs %d bytes and keeps %d", i, u.held, u.cached)
		}
	}
	if rows, _, err := w.Count(t.Context(), "", "random"); err != nil || rows != 10_000 {
		t.Errorf("the table has %d rows, %v", rows, err)
	}
	if limit := query(t, w, "SELECT current_setting('memory_limit')"); !cmp.Equal(own, limit) {
		t.Errorf("the limit was %v and is %v now", own, limit)
	}
}

func TestAScanKeepsWithinItsMemory(t *testing.T) {
	w := openWithRoom(t, 64<<20)
	commitTo(t, loadRandom(t, w, 0, 60_000, 1<<10))
	query(t, w, "CHECKPOINT")
	scan := func() error {
		query(t, w, "SELECT max(hash(text)) FROM random")
		return nil
	}
	held := mustUse(t, w).held
	if err := w.limited(t.Context(), held+16<<20, scan); err != nil {
		t.Fatal(err)
	}
	if u := mustUse(t, w); u.held+u.cached > held+16<<20 {
		t.Errorf("under a limit DuckDB needs %d bytes, %d before, and keeps %d", u.held, held, u.cached)
	}
	if err := scan(); err != nil {
		t.Fatal(err)
	}
	if u := mustUse(t, w); u.cached < 24<<20 {
		t.Errorf("without a limit DuckDB keeps %d bytes, so that nothing needs one", u.cached)
	}
}

// TestAScanThatNeedsMoreIsNotFailed is a limit that DuckDB is far above already.
func TestAScanThatNeedsMoreIsNotFailed(t *testing.T) {
	w := openWithRoom(t, 64<<20)
	l := loadRandom(t, w, 0, 5000, 4<<10)
	err := w.limited(t.Context(), 1, func() error {
		_, err := l.(*load).exec(t.Context(), "CREATE TEMP TABLE copy AS SELECT * FROM random")
		return err
	})
	if err != nil {
		t.Error(err)
	}
	commitTo(t, l)
}

func TestALoadOfLongRowsIsCrowdedUntilItIsCommitted(t *testing.T) {
	w := openWithRoom(t, 16<<20)
	l := loadRandom(t, w, 0, 10, 4<<10)
	if l.(destination.Crowder).Crowded() {
		t.Error("a load of little is crowded")
	}
	commitTo(t, l)
	l = loadRandom(t, w, 10, 5, 8<<20)
	if !l.(destination.Crowder).Crowded() {
		t.Error("40 MiB where there is room for 16 are not crowded")
	}
	commitTo(t, l)
	if l = loadRandom(t, w, 20, 10, 4<<10); l.(destination.Crowder).Crowded() {
		t.Errorf("behind a commit a load of little is crowded: DuckDB needs %d bytes", w.held)
	}
	commitTo(t, l)
}
