package duckdb

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

// appended is a table that keeps every row.
func appended(name string) *table.Table {
	return &table.Table{Stream: name, Name: name, Method: table.AppendOnly, Columns: []table.Column{
		{Name: "id", Property: "id", Type: table.Integer, Nullable: true}, {Name: "value", Property: "value", Type: table.Text, Nullable: true},
	}}
}

// numbered are n rows of appended, from the given id on.
func numbered(t *table.Table, from, n int) *table.Batch {
	var rows []destinationtest.Row
	for id := from; id < from+n; id++ {
		rows = append(rows, destinationtest.Row{int64(id), fmt.Sprintf("%016x", hash(id))})
	}
	return destinationtest.Batch(Allocator(), t, int64(from), rows...)
}

func openFed(t *testing.T, cfg Config) *Warehouse {
	t.Helper()
	if cfg.Path == "" {
		cfg.Path = filepath.Join(t.TempDir(), "shop.duckdb")
	}
	w, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return fed(w).(*Warehouse)
}

func begin(t *testing.T, w *Warehouse, tables ...*table.Table) *load {
	t.Helper()
	l, err := w.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		if _, err := l.Migrate(t.Context(), table); err != nil {
			t.Fatal(err)
		}
	}
	return l.(*load)
}

// add appends rows of a table and gives their batch back, as the caller of Append may.
func add(t *testing.T, l *load, b *table.Batch) {
	t.Helper()
	defer b.Rows.Release()
	counts, err := l.Append(t.Context(), []*table.Batch{b})
	if want := (destination.Counts{Inserted: b.Rows.NumRows()}); err != nil || counts != want {
		t.Fatalf("Append: %+v and %v, want %+v", counts, err, want)
	}
}

func keepLoad(t *testing.T, l *load) {
	t.Helper()
	if err := l.Commit(t.Context(), destination.Checkpoint{Pipeline: "shop", RunID: "run"}); err != nil {
		t.Fatal(err)
	}
}

// held are the rows of a table, how many differ, and the least and greatest.
func held(t *testing.T, w *Warehouse, name string) string {
	t.Helper()
	return fmt.Sprint(query(t, w, "SELECT count(*), count(DISTINCT id), min(id), max(id) FROM "+quote(w.catalog)+".main."+name)[0])
}

func currentSetting(t *testing.T, w *Warehouse, name string) string {
	t.Helper()
	return fmt.Sprint(query(t, w, "SELECT current_setting(?)::VARCHAR", name)[0][0])
}

func several(t *testing.T) {
	t.Helper()
	if runtime.GOMAXPROCS(0) < 2 {
		t.Skip("feeds need two processors")
	}
}

func TestFeedGoesOnFromOneAppendToTheNext(t *testing.T) {
	several(t)
	w, charges, refunds := openFed(t, Config{}), appended("charges"), appended("refunds")
	l := begin(t, w, charges, refunds)
	add(t, l, numbered(charges, 0, 50000))
	first := l.feed
	if first == nil {
		t.Fatal("no feed began")
	}
	if _, err := l.Migrate(t.Context(), charges); err != nil {
		t.Fatal(err)
	}
	add(t, l, numbered(charges, 50000, 50000))
	if l.feed != first {
		t.Error("the second Append is not of the same feed")
	}
	add(t, l, numbered(refunds, 0, 1000))
	if l.feed == first || l.feed == nil {
		t.Error("the rows of another table did not begin a feed of their own")
	}
	add(t, l, numbered(charges, 100000, 3))
	keepLoad(t, l)
	if got, want := held(t, w, "charges"), "[100003 100003 0 100002]"; got != want {
		t.Errorf("charges has %s, want %s", got, want)
	}
	if got, want := held(t, w, "refunds"), "[1000 1000 0 999]"; got != want {
		t.Errorf("refunds has %s, want %s", got, want)
	}
	if got := currentSetting(t, w, "threads"); got != "1" {
		t.Errorf("behind the feed DuckDB has %s threads, want 1", got)
	}
	if got := query(t, w, "SELECT view_name FROM duckdb_views() WHERE NOT internal"); len(got) > 0 {
		t.Errorf("views are left behind: %v", got)
	}
}

// A Table that follows another of the same name, with more columns, finds the rows of the feed before.
func TestFeedEndsBeforeItsTableChanges(t *testing.T) {
	several(t)
	w, before, after := openFed(t, Config{}), appended("charges"), appended("charges")
	after.Columns = append(after.Columns, table.Column{Name: "note", Property: "note", Type: table.Text, Nullable: true})
	l := begin(t, w, before)
	add(t, l, numbered(before, 0, 40000))
	if _, err := l.Migrate(t.Context(), after); err != nil {
		t.Fatal(err)
	}
	add(t, l, destinationtest.Batch(Allocator(), after, 1, destinationtest.Row{int64(-1), "x", "y"}))
	keepLoad(t, l)
	if got, want := held(t, w, "charges"), "[40001 40001 -1 39999]"; got != want {
		t.Errorf("charges has %s, want %s", got, want)
	}
}

func TestFeedThatIsRolledBackLeavesNothing(t *testing.T) {
	several(t)
	w, charges := openFed(t, Config{}), appended("charges")
	l := begin(t, w, charges)
	add(t, l, numbered(charges, 0, 10))
	keepLoad(t, l)
	l = begin(t, w, charges)
	add(t, l, numbered(charges, 10, 200000)) // more than the row groups that are written ahead of a commit
	if err := l.Rollback(); err != nil {
		t.Fatal(err)
	}
	if got, want := held(t, w, "charges"), "[10 10 0 9]"; got != want {
		t.Errorf("behind the rollback charges has %s, want %s", got, want)
	}
	l = begin(t, w, charges)
	add(t, l, numbered(charges, 10, 10))
	keepLoad(t, l)
	if got, want := held(t, w, "charges"), "[20 20 0 19]"; got != want {
		t.Errorf("behind the next load charges has %s, want %s", got, want)
	}
}

// The rule of the table's owner is one that no Append can know of.
func TestFeedThatFailsFailsTheLoad(t *testing.T) {
	several(t)
	w, charges := openFed(t, Config{}), appended("charges")
	if _, err := w.db.Exec("CREATE TABLE " + quote(w.catalog) + ".main.charges (id BIGINT CHECK (id < 50000), value VARCHAR)"); err != nil {
		t.Fatal(err)
	}
	l := begin(t, w, charges)
	err := error(nil)
	for i := 0; i < 100 && err == nil; i++ {
		b := numbered(charges, i*1000, 1000)
		_, err = l.Append(t.Context(), []*table.Batch{b})
		b.Rows.Release()
	}
	if err == nil {
		err = l.Commit(t.Context(), destination.Checkpoint{Pipeline: "shop", RunID: "run"})
	}
	if err == nil || !strings.Contains(err.Error(), "append to table charges") || !strings.Contains(err.Error(), "CHECK constraint failed") {
		t.Errorf("the load ended with %v, want the table and DuckDB's reason", err)
	}
	if err := l.Rollback(); err != nil {
		t.Fatal(err)
	}
	if got, want := held(t, w, "charges"), "[0 0 <nil> <nil>]"; got != want {
		t.Errorf("charges has %s, want %s", got, want)
	}
	if got := currentSetting(t, w, "threads"); got != "1" {
		t.Errorf("behind the feed DuckDB has %s threads, want 1", got)
	}
}

func TestFeedOfACancelledLoadEnds(t *testing.T) {
	several(t)
	w, charges := openFed(t, Config{}), appended("charges")
	for _, step := range []string{"Append", "Migrate", "Commit"} {
		l := begin(t, w, charges, appended("refunds"))
		add(t, l, numbered(charges, 0, 1000))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var err error
		switch step {
		case "Append":
			b := numbered(charges, 1000, 1000)
			_, err = l.Append(ctx, []*table.Batch{b})
			b.Rows.Release()
		case "Migrate":
			_, err = l.Migrate(ctx, appended("disputes"))
		case "Commit":
			err = l.Commit(ctx, destination.Checkpoint{Pipeline: "shop", RunID: "run"})
		}
		if !errors.Is(err, context.Canceled) && !strings.Contains(fmt.Sprint(err), "anceled") {
			t.Errorf("%s of a cancelled load: %v", step, err)
		}
		if err := l.Rollback(); err != nil {
			t.Fatal(err)
		}
	}
}

// What DuckDB keeps of the blocks that it has written is given up on the way.
func TestFeedPausesForMemory(t *testing.T) {
	several(t)
	w, charges := openFed(t, Config{TableMemory: 8 << 20}), appended("charges")
	l := begin(t, w, charges)
	feeds := map[*feed]bool{}
	for i := range 40 {
		add(t, l, numbered(charges, i*10000, 10000))
		if l.feed != nil {
			feeds[l.feed] = true
		}
	}
	keepLoad(t, l)
	if len(feeds) < 2 {
		t.Errorf("there were %d feeds, want several", len(feeds))
	}
	if got, want := held(t, w, "charges"), "[400000 400000 0 399999]"; got != want {
		t.Errorf("charges has %s, want %s", got, want)
	}
}

func TestOnlyTablesWithoutAKeyAreEager(t *testing.T) {
	keyed, history := appended("keyed"), appended("history")
	keyed.Method, keyed.Key, history.Method = table.Upsert, []int{0}, table.History
	for _, c := range []struct {
		t      *table.Table
		shared bool
		want   int64
	}{{appended("t"), false, leastFeed}, {appended("t"), true, 0}, {keyed, false, 0}, {history, false, 0}, {destination.Rejects.Shape(), false, 0}} {
		if got := (&Warehouse{shared: c.shared}).Eager(c.t); got != c.want {
			t.Errorf("%s, shared %v: %d, want %d", c.t.Name, c.shared, got, c.want)
		}
	}
}

func TestFeedThreads(t *testing.T) {
	most := min(mostThreads, runtime.GOMAXPROCS(0))
	keyed, history, own, floats := appended("keyed"), appended("history"), appended("own"), appended("floats")
	keyed.Method, keyed.Key = table.Upsert, []int{0}
	history.Method, own.Own = table.History, true
	floats.Conflict = table.Widen
	wide := appended("wide")
	for i := range 300 {
		wide.Columns = append(wide.Columns, table.Column{Name: fmt.Sprint("c", i), Property: fmt.Sprint("c", i), Type: table.Text, Nullable: true})
	}
	cases := []struct {
		name  string
		t     *table.Table
		bytes int64
		rows  int64
		room  int64
		want  int
	}{
		{"large", appended("t"), leastFeed, 30000, 0, most},
		{"small", appended("t"), leastFeed - 1, 30000, 0, 0},
		{"keyed", keyed, leastFeed, 30000, 0, 0},
		{"history", history, leastFeed, 30000, 0, 0},
		{"tapline's own", own, leastFeed, 30000, 0, 0},
		{"whole numbers among others", floats, leastFeed, 30000, 0, 0},
		{"room for all", appended("t"), leastFeed, 30000, 1 << 30, most},
		{"rows of a megabyte", appended("t"), 100 << 20, 100, 256 << 20, 0},
		{"wide, in the usual room", wide, leastFeed, 15000, 256 << 20, 1},
		{"wide, in twice the room", wide, leastFeed, 15000, 512 << 20, min(most, 3)},
	}
	for _, c := range cases {
		l := &load{w: &Warehouse{feedBytes: leastFeed, room: c.room}}
		p := &plan{t: c.t}
		for i, of := range c.t.Columns {
			typ := typeOf(of)
			if c.t == floats && i == 0 {
				typ = "DOUBLE"
			}
			p.all, p.into = append(p.all, column{name: of.Name, typ: typ}), append(p.into, i)
		}
		if got := l.feedThreads(p, c.bytes, c.rows); got != c.want {
			t.Errorf("%s: %d threads, want %d", c.name, got, c.want)
		}
	}
}

func TestManyRowsReplaceOthersByTheirKeys(t *testing.T) {
	w, customers := openFed(t, Config{}), appended("customers")
	customers.Method, customers.Key, customers.Columns[0].Nullable = table.Upsert, []int{0}, false
	for i, want := range []destination.Counts{{Inserted: manyRows}, {Inserted: 1000, Updated: manyRows - 1000}} {
		l := begin(t, w, customers)
		b := numbered(customers, 1000*i, manyRows)
		counts, err := l.Append(t.Context(), []*table.Batch{b})
		b.Rows.Release()
		if err != nil || counts != want {
			t.Errorf("Append %d: %+v and %v, want %+v", i+1, counts, err, want)
		}
		keepLoad(t, l)
		if got := currentSetting(t, w, "threads"); got != "1" {
			t.Errorf("behind Append %d DuckDB has %s threads, want 1", i+1, got)
		}
	}
	if got, want := held(t, w, "customers"), fmt.Sprintf("[%d %d 0 %d]", manyRows+1000, manyRows+1000, manyRows+999); got != want {
		t.Errorf("customers has %s, want %s", got, want)
	}
}

func TestRowGroupsAreSmall(t *testing.T) {
	w, charges, customers := openFed(t, Config{}), appended("charges"), appended("customers")
	customers.Method, customers.Key, customers.Columns[0].Nullable = table.Upsert, []int{0}, false
	l := begin(t, w, charges)
	add(t, l, numbered(charges, 0, 3*rowGroup))
	keepLoad(t, l)
	if got := query(t, w, "SELECT max(count) FROM pragma_storage_info(?)", w.catalog+".main.charges")[0][0]; got != int64(rowGroup) {
		t.Errorf("the largest row group has %v rows, want %d", got, rowGroup)
	}
}

// Those that large loads leave half full are joined when the warehouse is closed, and behind deletions by every load.
func TestRowGroupsAreJoinedByLoadsOnlyBehindDeletions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.duckdb")
	w, charges, customers := openFed(t, Config{Path: path}), appended("charges"), appended("customers")
	customers.Method, customers.Key, customers.Columns[0].Nullable = table.Upsert, []int{0}, false
	groups := func() int64 {
		return query(t, w, "SELECT count(DISTINCT row_group_id) FROM pragma_storage_info(?)", w.catalog+".main.charges")[0][0].(int64)
	}
	for i := range 2 {
		l := begin(t, w, charges)
		add(t, l, numbered(charges, i*(rowGroup+10), rowGroup+10))
		keepLoad(t, l)
	}
	if got := groups(); got != 4 {
		t.Errorf("two loads leave %d row groups, want 4", got)
	}
	for range 2 {
		l := begin(t, w, customers)
		b := numbered(customers, 0, rowGroup)
		if _, err := l.Append(t.Context(), []*table.Batch{b}); err != nil {
			t.Fatal(err)
		}
		b.Rows.Release()
		keepLoad(t, l)
		if got := groups(); (got < 4) != w.joins {
			t.Errorf("%d row groups of charges are left, rows were deleted: %t", got, w.joins)
		}
	}
}

func TestRowGroupsOfLongRowsAreKeptApart(t *testing.T) {
	w, customers := openFed(t, Config{}), appended("customers")
	customers.Method, customers.Key, customers.Columns[0].Nullable = table.Upsert, []int{0}, false
	for i, want := range []struct {
		bytes int64 // of ten rows
		tasks string
	}{{10, "100"}, {10, "100"}, {10 * longRow, "0"}, {10, "0"}} {
		l := begin(t, w, customers)
		b := numbered(customers, 0, 10)
		b.Bytes = want.bytes
		if _, err := l.Append(t.Context(), []*table.Batch{b}); err != nil {
			t.Fatal(err)
		}
		b.Rows.Release()
		keepLoad(t, l)
		if got := currentSetting(t, w, "max_vacuum_tasks"); got != want.tasks {
			t.Errorf("behind load %d max_vacuum_tasks is %s, want %s", i+1, got, want.tasks)
		}
	}
}

// DuckDB has names of its own for databases, which a file may have as well.
func TestFilesNamedLikeDuckDBsOwnDatabases(t *testing.T) {
	for _, name := range []string{"memory.duckdb", "temp.db", "system", "main.duckdb", ".duckdb", `it's "quoted".duckdb`} {
		path := filepath.Join(t.TempDir(), name)
		w, charges := openFed(t, Config{Path: path}), appended("charges")
		l := begin(t, w, charges)
		add(t, l, numbered(charges, 0, 2))
		keepLoad(t, l)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := OpenReadOnly(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if n, found, err := r.Count(t.Context(), "", "charges"); n != 2 || !found || err != nil {
			t.Errorf("%s: %d rows, %v, %v, want 2", name, n, found, err)
		}
		r.Close()
	}
}
