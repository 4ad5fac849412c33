package postgres

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

// tracked is things with a key, a text and the columns of versions, whose rows are id, text, extracted, deleted, version.
func tracked(method table.Method, hard bool) *table.Table {
	t := things(1, table.Integer, table.Text)
	t.Method, t.HardDelete = method, hard
	t.Columns = append(t.Columns, table.Column{Name: table.ExtractedAt, Type: table.Timestamp, Nullable: true},
		table.Column{Name: table.DeletedAt, Type: table.Timestamp, Nullable: true}, table.Column{Name: table.TableVersion, Type: table.Integer, Nullable: true})
	return t
}

// steps are a Load in pieces.
type steps struct {
	testing.TB
	destination.Load
}

func begin(t testing.TB, w *Warehouse) steps {
	t.Helper()
	l, err := w.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return steps{t, l}
}

func (s steps) add(tab *table.Table, rows ...destinationtest.Row) {
	s.Helper()
	if _, err := s.Migrate(s.Context(), tab); err != nil {
		s.Fatal(err)
	}
	b := destinationtest.Batch(Allocator(), tab, 1, rows...)
	defer b.Rows.Release()
	if _, err := s.Append(s.Context(), []*table.Batch{b}); err != nil {
		s.Fatal(err)
	}
}

func (s steps) activate(tab *table.Table, a destination.Activation) destination.Counts {
	s.Helper()
	if _, err := s.Migrate(s.Context(), tab); err != nil {
		s.Fatal(err)
	}
	counts, err := s.Activate(s.Context(), tab, a)
	if err != nil {
		s.Fatal(err)
	}
	return counts
}

func (s steps) commit() {
	s.Helper()
	if err := s.Commit(s.Context(), destination.Checkpoint{RunID: "1"}); err != nil {
		s.Fatal(err)
	}
}

func TestUnchangedRowsAreLeftAloneUnlessTheirVersionIsNew(t *testing.T) {
	first, later := moment, moment.Add(time.Hour)
	for _, c := range []struct {
		name    string
		row     destinationtest.Row
		written bool
	}{
		{"extracted again", destinationtest.Row{int64(1), "a", later, nil, int64(7)}, false},
		{"another version", destinationtest.Row{int64(1), "a", later, nil, int64(8)}, true},
		{"no version", destinationtest.Row{int64(1), "a", later, nil, nil}, true},
		{"deleted", destinationtest.Row{int64(1), "a", later, later, int64(7)}, true},
		{"another text", destinationtest.Row{int64(1), "b", later, nil, int64(7)}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := newDatabase(t)
			w, conn := mustOpen(t, url), connect(t, url)
			mustLoad(t, w, tracked(table.Upsert, false), destinationtest.Row{int64(1), "a", first, nil, int64(7)})
			before := query(t, conn, "SELECT xmin::text FROM things")
			if got, want := mustLoad(t, w, tracked(table.Upsert, false), c.row), (destination.Counts{Updated: 1}); got != want {
				t.Errorf("counts are %v, want %v", got, want)
			}
			if written := !gocmp.Equal(before, query(t, conn, "SELECT xmin::text FROM things")); written != c.written {
				t.Errorf("written again: %v, want %v", written, c.written)
			}
			want := c.row
			if !c.written {
				want = destinationtest.Row{int64(1), "a", first, nil, int64(7)}
			}
			if diff := gocmp.Diff([]destinationtest.Row{want}, query(t, conn, "SELECT * FROM things")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestOverwriteKeepsWhatTheUserMadeOfTheTable(t *testing.T) {
	url := newDatabase(t)
	w, conn := mustOpen(t, url), connect(t, url)
	tab := things(1, table.Integer, table.Text)
	tab.Method = table.Overwrite
	mustExec(t, conn, `CREATE TABLE things (value bigint, other varchar, mine text DEFAULT 'd', twice bigint GENERATED ALWAYS AS (value * 2) STORED);
		INSERT INTO things (value, other) VALUES (1, 'old'), (2, 'old'); COMMENT ON TABLE things IS 'ours'; CREATE INDEX mine ON things (other);
		CREATE VIEW seen AS SELECT * FROM things; DROP ROLE IF EXISTS analyst; CREATE ROLE analyst; GRANT SELECT ON things TO analyst`)
	t.Cleanup(func() { mustExec(t, conn, "DROP OWNED BY analyst; DROP ROLE analyst") })
	about := func() []destinationtest.Row {
		return query(t, conn, `SELECT c.oid::text, c.relacl::text, obj_description(c.oid), (SELECT count(*) FROM pg_indexes WHERE tablename = 'things' AND indexname = 'mine')
			FROM pg_class AS c WHERE c.oid = 'things'::regclass`)
	}
	before := about()
	l := begin(t, w)
	l.add(tab, destinationtest.Row{int64(7), "new"}, destinationtest.Row{int64(8), "new"})
	l.add(tab, destinationtest.Row{int64(8), "newest"})
	l.commit()
	if got := query(t, conn, "SELECT count(*) FROM seen WHERE other = 'old'")[0][0]; got != int64(2) {
		t.Fatalf("%v old rows are there before the activation", got)
	}
	l = begin(t, w)
	if got, want := l.activate(tab, destination.Activation{}), (destination.Counts{Deleted: 2}); got != want {
		t.Errorf("counts are %v, want %v", got, want)
	}
	l.commit()
	want := []destinationtest.Row{{int64(7), "new", "d", int64(14)}, {int64(8), "newest", "d", int64(16)}}
	if diff := gocmp.Diff(want, query(t, conn, "SELECT * FROM seen ORDER BY value")); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if diff := gocmp.Diff(before, about()); diff != "" {
		t.Errorf("the table (-before +after):\n%s", diff)
	}
	if got := hiddenTables(t, conn); len(got) > 0 {
		t.Errorf("the hidden table stays: %v", got)
	}
}

func hiddenTables(t *testing.T, conn *pgx.Conn) []destinationtest.Row {
	t.Helper()
	return query(t, conn, "SELECT relname::text FROM pg_class WHERE relname LIKE '%singer_new%' AND relkind = 'r'")
}

// TestReadersOfAnOverwrittenTableSeeAllOldOrAllNewRows reads in transactions that began at each point of an overwrite, and
// look at the table for the first time once it is over.
func TestReadersOfAnOverwrittenTableSeeAllOldOrAllNewRows(t *testing.T) {
	url := newDatabase(t)
	w, conn := mustOpen(t, url), connect(t, url)
	tab := things(1, table.Integer, table.Text)
	tab.Method = table.Overwrite
	mustExec(t, conn, "CREATE TABLE things AS SELECT n::bigint AS value, 'old' AS other FROM generate_series(1, 100) AS n")
	var readers []*pgx.Conn
	look := func() {
		reader := connect(t, url)
		mustExec(t, reader, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
		readers = append(readers, reader)
	}
	look()
	for part := range 2 {
		l := begin(t, w)
		var rows []destinationtest.Row
		for i := range 50 {
			rows = append(rows, destinationtest.Row{int64(part*50 + i), "new"})
		}
		l.add(tab, rows...)
		look()
		l.commit()
		look()
	}
	l := begin(t, w)
	l.activate(tab, destination.Activation{})
	look()
	l.commit()
	look()
	for i, reader := range readers {
		want := "old"
		if i == len(readers)-1 {
			want = "new"
		}
		if diff := gocmp.Diff([]destinationtest.Row{{want, int64(100)}}, query(t, reader, "SELECT other, count(*) FROM things GROUP BY other")); diff != "" {
			t.Errorf("reader %d (-want +got):\n%s", i, diff)
		}
		reader.Close(t.Context())
	}
}

func TestRowsThatAnotherRunCollectedAreLeftOut(t *testing.T) {
	url := newDatabase(t)
	conn := connect(t, url)
	tab := things(0, table.Integer)
	tab.Method = table.Overwrite
	for _, value := range []int64{1, 2} {
		w := mustOpen(t, url)
		l := begin(t, w)
		l.add(tab, destinationtest.Row{value})
		l.commit()
		if value == 2 {
			l = begin(t, w)
			l.activate(tab, destination.Activation{})
			l.commit()
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if diff := gocmp.Diff([]destinationtest.Row{{int64(2)}}, query(t, conn, "SELECT * FROM things")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestOverwriteAfterALoadThatFailed makes the hidden table again that a rollback took away, and keeps what a commit kept.
func TestOverwriteAfterALoadThatFailed(t *testing.T) {
	url := newDatabase(t)
	w, conn := mustOpen(t, url), connect(t, url)
	tab := things(0, table.Integer)
	tab.Method = table.Overwrite
	for value, keep := range []bool{false, true, false, true} {
		l := begin(t, w)
		l.add(tab, destinationtest.Row{int64(value)})
		if keep {
			l.commit()
		} else if err := l.Rollback(); err != nil {
			t.Fatal(err)
		}
	}
	l := begin(t, w)
	l.activate(tab, destination.Activation{})
	if err := l.Rollback(); err != nil {
		t.Fatal(err)
	}
	l = begin(t, w)
	l.activate(tab, destination.Activation{})
	l.add(tab, destinationtest.Row{int64(9)}) // of the next version
	l.commit()
	if diff := gocmp.Diff([]destinationtest.Row{{int64(1)}, {int64(3)}}, query(t, conn, "SELECT * FROM things ORDER BY 1")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := hiddenTables(t, conn); len(got) != 1 {
		t.Errorf("hidden tables: %v", got)
	}
}

// TestOverwriteOverOtherTypes has the columns of the hidden table follow those of the table they are for.
func TestOverwriteOverOtherTypes(t *testing.T) {
	url := newDatabase(t)
	w, conn := mustOpen(t, url), connect(t, url)
	mustExec(t, conn, "CREATE TABLE things AS SELECT 'old' AS value")
	l := begin(t, w)
	first, second := things(0, table.Timestamp), things(0, table.JSON, table.Number)
	first.Method, second.Method = table.Overwrite, table.Overwrite
	l.add(first, destinationtest.Row{moment})
	l.add(second, destinationtest.Row{`"new"`, 0.5})
	l.commit()
	l = begin(t, w)
	l.activate(second, destination.Activation{})
	l.commit()
	want := []destinationtest.Row{{`"2024-03-10T02:30:00.00012Z"`, nil}, {`"new"`, 0.5}}
	if diff := gocmp.Diff(want, query(t, conn, "SELECT value::text, other FROM things ORDER BY ctid")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestActivateNeedsTheColumnsOfVersions(t *testing.T) {
	url := newDatabase(t)
	l := begin(t, mustOpen(t, url))
	tab := things(1, table.Integer)
	if _, err := l.Activate(t.Context(), tab, destination.Activation{Version: 1}); err == nil || !strings.Contains(err.Error(), "Migrate was not called") {
		t.Errorf("failure is %v", err)
	}
	if _, err := l.Migrate(t.Context(), tab); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Activate(t.Context(), tab, destination.Activation{Version: 1}); err == nil || !strings.Contains(err.Error(), "set add_record_metadata to true") {
		t.Errorf("failure is %v", err)
	}
	if err := l.Rollback(); err != nil {
		t.Fatal(err)
	}
}

// TestRowsAreMarkedInColumnsOfTheTapsTypes has _sdc_deleted_at be what the tap declared.
func TestRowsAreMarkedInColumnsOfTheTapsTypes(t *testing.T) {
	for typ, want := range map[table.Type]string{
		table.Text: "2024-03-10T02:30:00.00012Z", table.JSON: `"2024-03-10T02:30:00.00012Z"`, table.Timestamp: "2024-03-09 21:30:00.00012-05",
	} {
		t.Run(typ.String(), func(t *testing.T) {
			url := newDatabase(t)
			w, conn := mustOpen(t, url), connect(t, url)
			tab := tracked(table.Upsert, false)
			tab.Columns[3].Type, tab.Columns[3].Property = typ, table.DeletedAt
			mustLoad(t, w, tab, destinationtest.Row{int64(1), "a", nil, nil, int64(1)})
			l := begin(t, w)
			if got := l.activate(tab, destination.Activation{Version: 2, AtMicros: moment.UnixMicro()}); got.Deleted != 1 {
				t.Errorf("counts are %v", got)
			}
			l.commit()
			if diff := gocmp.Diff([]destinationtest.Row{{want}}, query(t, conn, "SELECT _sdc_deleted_at::text FROM things")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestHistoryOfATableThatHoldsAKeyTwice begins where earlier loads only added rows.
func TestHistoryOfATableThatHoldsAKeyTwice(t *testing.T) {
	url := newDatabase(t)
	w, conn := mustOpen(t, url), connect(t, url)
	mustLoad(t, w, tracked(table.AppendOnly, false), destinationtest.Row{int64(1), "a", moment, nil, nil}, destinationtest.Row{int64(1), "a", moment, nil, nil})
	tab := tracked(table.History, false)
	for _, name := range []string{table.ValidFrom, table.ValidTo} {
		tab.Columns = append(tab.Columns, table.Column{Name: name, Type: table.Timestamp, Nullable: true})
	}
	since := moment.Add(time.Hour)
	got := mustLoad(t, w, tab, destinationtest.Row{int64(1), "b", since, nil, nil, since, nil}, destinationtest.Row{int64(2), "b", since, nil, nil, since, nil})
	if want := (destination.Counts{Inserted: 1, Updated: 1}); got != want {
		t.Errorf("counts are %v, want %v", got, want)
	}
	want := []destinationtest.Row{{int64(1), "a", nil, since}, {int64(1), "a", nil, since}, {int64(1), "b", since, nil}, {int64(2), "b", since, nil}}
	if diff := gocmp.Diff(want, query(t, conn, "SELECT value, other, _sdc_valid_from, _sdc_valid_to FROM things ORDER BY value, other")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := fmt.Sprint(keyIndexes(t, conn)); got != "[_singer_key_things false value 1]" {
		t.Errorf("indexes are %s", got)
	}
}

func TestDeletedKeysGoFromATableThatHoldsThemTwice(t *testing.T) {
	url := newDatabase(t)
	w, conn := mustOpen(t, url), connect(t, url)
	mustLoad(t, w, tracked(table.AppendOnly, false), destinationtest.Row{int64(1), "a", nil, nil, nil}, destinationtest.Row{int64(1), "a", nil, nil, nil},
		destinationtest.Row{int64(2), "a", nil, nil, nil})
	got := mustLoad(t, w, tracked(table.Upsert, true), destinationtest.Row{int64(1), nil, nil, moment, nil}, destinationtest.Row{int64(3), nil, nil, moment, nil})
	if want := (destination.Counts{Deleted: 1}); got != want {
		t.Errorf("counts are %v, want %v", got, want)
	}
	if diff := gocmp.Diff([]destinationtest.Row{{int64(2)}}, query(t, conn, "SELECT value FROM things")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestKeysAreLookedUpInTheIndex finds loads that would slow down as their table grows.
func TestKeysAreLookedUpInTheIndex(t *testing.T) {
	url := newDatabase(t)
	w, conn := mustOpen(t, url), connect(t, url)
	rows := func(from, to int, note string, deleted any) []destinationtest.Row {
		var list []destinationtest.Row
		for i := from; i < to; i++ {
			list = append(list, destinationtest.Row{int64(i), note, moment, deleted, nil})
		}
		return list
	}
	scans := func() (n int64) {
		err := w.conn.QueryRow(t.Context(), "SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'things'").Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	mustLoad(t, w, tracked(table.Upsert, true), rows(0, 5000, "a", nil)...)
	for _, index := range []string{"", "DROP INDEX _singer_key_things; CREATE INDEX plain ON things (value)"} {
		mustExec(t, conn, index)
		for name, changed := range map[string][]destinationtest.Row{
			"changed": rows(0, 4000, "b", nil), "new": rows(9000, 9100, "a", nil), "deleted": append(rows(0, 2000, "c", nil), rows(3000, 4000, "", moment)...),
		} {
			l := begin(t, w)
			before := scans() // of this session's last transactions
			l.add(tracked(table.Upsert, true), changed...)
			if n := scans() - before; n > 0 {
				t.Errorf("%s rows, index %q: the table was read %d times as a whole", name, index, n)
			}
			if err := l.Rollback(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestTheServerSaysWhichKeysAreEqual sends keys that differ as text and are equal as numbers, new ones and known ones, once
// and several times.
func TestTheServerSaysWhichKeysAreEqual(t *testing.T) {
	one := things(1, table.Decimal, table.Text)
	two := things(2, table.Decimal, table.JSON, table.Text)
	pairs := func(rows []destinationtest.Row) (list []destinationtest.Row) {
		for _, r := range rows {
			list = append(list, destinationtest.Row{r[0], r[0], r[1]})
		}
		return list
	}
	before := []destinationtest.Row{{"1", "a"}, {"2", "a"}}
	rows := []destinationtest.Row{{"1.00", "b"}, {"3", "x"}, {"3.0", "y"}, {"4", "z"}, {"1", "c"}}
	for name, c := range map[string]struct {
		table        *table.Table
		before, rows []destinationtest.Row
		note         string
	}{
		"a column":    {one, before, rows, "other"},
		"two columns": {two, pairs(before), pairs(rows), "third"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, known := range []bool{false, true} {
				url := newDatabase(t)
				w, conn := mustOpen(t, url), connect(t, url)
				want, wantRows := destination.Counts{Inserted: 3, Updated: 2}, []destinationtest.Row{{"c"}, {"y"}, {"z"}}
				if known {
					mustLoad(t, w, c.table, c.before...)
					want, wantRows = destination.Counts{Inserted: 2, Updated: 3}, []destinationtest.Row{{"c"}, {"a"}, {"y"}, {"z"}}
				}
				if got := mustLoad(t, w, c.table, c.rows...); got != want {
					t.Errorf("rows before: %v: counts are %v, want %v", known, got, want)
				}
				if diff := gocmp.Diff(wantRows, query(t, conn, "SELECT "+c.note+" FROM things ORDER BY value")); diff != "" {
					t.Errorf("rows before: %v (-want +got):\n%s", known, diff)
				}
			}
		})
	}
}

// TestRowsAreComparedByTheirBits replaces values by others, some of which PostgreSQL takes for equal, and sends them again.
func TestRowsAreComparedByTheirBits(t *testing.T) {
	const folding = "CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false); CREATE TABLE things (value bigint, other text COLLATE folding)"
	for _, c := range []struct {
		name          string
		typ           table.Type
		before, after any
		want          any // the value as text
		prepare       string
	}{
		{"truth values", table.Boolean, false, true, "true", ""},
		{"integers", table.Integer, int64(1), int64(2), "2", ""},
		{"signs of zero", table.Number, 0.0, math.Copysign(0, -1), "-0", ""},
		{"scales", table.Decimal, "1.0", "1.00", "1.00", ""},
		{"texts", table.Text, "a", "A", "A", ""},
		{"texts that a collation takes for equal", table.Text, "a", "A", "A", folding},
		{"moments", table.Timestamp, moment, moment.Add(time.Microsecond), nil, ""},
		{"dates", table.Date, moment.Truncate(24 * time.Hour), moment.Truncate(24*time.Hour).AddDate(0, 0, 1), nil, ""},
		{"numbers in JSON", table.JSON, "[1]", "[1.0]", "[1.0]", ""},
		{"a value that comes", table.Text, nil, "", "", ""},
		{"a value that goes", table.Integer, int64(0), nil, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := newDatabase(t)
			w, conn := mustOpen(t, url), connect(t, url)
			if c.prepare == folding && len(query(t, conn, "SELECT 1 FROM pg_collation WHERE collprovider = 'i' LIMIT 1")) == 0 {
				t.Skip("the server is built without ICU")
			}
			mustExec(t, conn, c.prepare)
			tab := things(1, table.Integer, c.typ)
			stored := func() []destinationtest.Row { return query(t, conn, "SELECT xmin::text, other::text FROM things") }
			mustLoad(t, w, tab, destinationtest.Row{int64(1), c.before})
			before := stored()
			mustLoad(t, w, tab, destinationtest.Row{int64(1), c.after})
			after := stored()
			if before[0][0] == after[0][0] || before[0][1] == after[0][1] || c.want != nil && after[0][1] != c.want {
				t.Errorf("the row was %v and is %v, want %v", before, after, c.want)
			}
			mustLoad(t, w, tab, destinationtest.Row{int64(1), c.after})
			if diff := gocmp.Diff(after, stored()); diff != "" {
				t.Errorf("written again (-want +got):\n%s", diff)
			}
		})
	}
}
