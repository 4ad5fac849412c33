package destinationtest

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

var ownChecks = []check{
	{"a warehouse that was never loaded has no records", noRecords},
	{"records of every kind come back", recordsOfEveryKind},
	{"a record takes the place of the one with its key", recordsReplace},
	{"records with the greatest keys come first", recordsNewestFirst},
	{"a load that is rolled back leaves no records", recordsRolledBack},
	{"a record's text comes back", recordText},
	{"records without a key are all kept", recordsWithoutKey},
	{"records can come as batches", recordsAsBatches},
	{"tables are counted", countTables},
}

// ownRows reads rows of one of tapline's own tables.
func (s *session) ownRows(t *destination.OwnTable, newest int) []destination.Row {
	s.Helper()
	rows, err := s.d.Read(s.Context(), t, newest)
	if err != nil {
		s.Fatalf("read %s: %v", t.Name, err)
	}
	for _, r := range rows {
		if r.Table != t || len(r.Values) != len(t.Columns) {
			s.Fatalf("read %s gives a row of %d values that is not of it", t.Name, len(r.Values))
		}
		for i, v := range r.Values {
			if at, ok := v.(time.Time); ok && at.Location() != time.UTC {
				s.Errorf("%s of %s is %v, want it in UTC", t.Columns[i].Name, t.Name, at)
			}
		}
	}
	return rows
}

// expectRecords compares the rows of an own table in their order.
func (s *session) expectRecords(t *destination.OwnTable, newest int, want ...destination.Row) {
	s.Helper()
	if diff := gocmp.Diff(want, s.ownRows(t, newest), cmpopts.EquateEmpty()); diff != "" {
		s.Errorf("rows of %s (-want +got):\n%s", t.Name, diff)
	}
}

// runRow is a row of destination.Runs of which only the key is filled.
func runRow(id string) destination.Row {
	r := destination.Row{Table: destination.Runs, Values: make([]any, len(destination.Runs.Columns))}
	r.Values[0] = id
	return r
}

// recordOf is a row of an own table with its values made from n. The greater n, the greater the key.
func recordOf(t *destination.OwnTable, n int) destination.Row {
	r := destination.Row{Table: t}
	for i, c := range t.Columns {
		var v any
		switch c.Type {
		case table.Integer:
			v = int64(n)
		case table.Boolean:
			v = n%2 == 0
		case table.Timestamp:
			v = time.Date(2026, 3, 4, 5, 6, n, 789012000, time.UTC)
		case table.JSON:
			v = fmt.Sprintf(`{"n": %d}`, n)
		default:
			v = fmt.Sprintf("%s %06d", c.Name, n)
		}
		if i >= t.Key && (n+i)%5 == 0 {
			v = nil
		}
		r.Values = append(r.Values, v)
	}
	return r
}

// recordTables are the own tables that a Checkpoint's rows can be of.
func recordTables() []*destination.OwnTable {
	return slices.DeleteFunc(slices.Clone(destination.OwnTables), func(t *destination.OwnTable) bool { return t == destination.States })
}

func noRecords(t *testing.T, h *Harness) {
	s := open(t, h)
	for _, own := range destination.OwnTables {
		s.expectRecords(own, 0)
		s.expectRecords(own, 3)
	}
	s.begin().commit(checkpoint(nil))
	for _, own := range recordTables() {
		s.expectRecords(own, 0)
	}
}

func recordsOfEveryKind(t *testing.T, h *Harness) {
	s := open(t, h)
	want := map[*destination.OwnTable][]destination.Row{}
	for n := 1; n <= 6; n++ {
		var rows []destination.Row
		for _, own := range recordTables() {
			r := recordOf(own, n)
			rows = append(rows, r)
			want[own] = append([]destination.Row{r}, want[own]...)
		}
		s.begin().commit(checkpoint(nil, rows...))
	}
	s.reopen()
	for _, own := range recordTables() {
		if own.Key > 0 {
			s.expectRecords(own, 0, want[own]...)
		}
	}
}

func recordsReplace(t *testing.T, h *Harness) {
	s := open(t, h)
	for _, own := range recordTables() {
		if own.Key == 0 {
			continue
		}
		before, other := recordOf(own, 1), recordOf(own, 2)
		s.begin().commit(checkpoint(nil, before, other))
		after := recordOf(own, 8)
		copy(after.Values[:own.Key], before.Values)
		s.begin().commit(checkpoint(nil, after))
		s.expectRecords(own, 0, other, after)
		for i := own.Key; i < len(after.Values); i++ {
			after.Values[i] = nil
		}
		s.begin().commit(checkpoint(nil, after))
		s.expectRecords(own, 0, other, after)
	}
}

func recordsNewestFirst(t *testing.T, h *Harness) {
	s := open(t, h)
	var rows []destination.Row
	for _, n := range []int64{2, 1, 10, 9} {
		r := recordOf(destination.Loads, 1)
		r.Values[1] = n
		rows = append(rows, r)
	}
	late := recordOf(destination.Loads, 2)
	s.begin().commit(checkpoint(nil, append(rows, late)...))
	s.expectRecords(destination.Loads, 0, late, rows[2], rows[3], rows[0], rows[1])
	s.expectRecords(destination.Loads, 2, late, rows[2])
	s.expectRecords(destination.Loads, 100, late, rows[2], rows[3], rows[0], rows[1])
}

func recordsRolledBack(t *testing.T, h *Harness) {
	s := open(t, h)
	tab := destination.Rejects.Shape()
	l := s.begin()
	l.migrate(tab)
	l.add(tab, destination.Counts{Inserted: 1}, []Row{recordOf(destination.Rejects, 1).Values})
	l.rollback()
	s.expectRecords(destination.Rejects, 0)
}

func recordText(t *testing.T, h *Harness) {
	s := open(t, h)
	r := runRow(runID)
	r.Values[8] = "it's \"cut\": line 3\nof 東京 🧾\x00 $1 ?"
	s.begin().commit(checkpoint(nil, r))
	r.Values[8] = h.stored(table.Text, r.Values[8])
	s.expectRecords(destination.Runs, 0, r)
}

func recordsWithoutKey(t *testing.T, h *Harness) {
	s := open(t, h)
	r := recordOf(destination.Rejects, 1)
	s.begin().commit(checkpoint(nil, r))
	s.begin().commit(checkpoint(nil, r))
	s.expectRecords(destination.Rejects, 0, r, r)
	if got := len(s.ownRows(destination.Rejects, 1)); got != 1 {
		t.Errorf("the newest 1 row is %d rows", got)
	}
}

func recordsAsBatches(t *testing.T, h *Harness) {
	s := open(t, h)
	tab := destination.Rejects.Shape()
	var want []destination.Row
	for n := range 3000 {
		r := recordOf(destination.Rejects, n)
		r.Values[2] = int64(n)
		want = append(want, r)
	}
	for _, part := range [][]destination.Row{want[:1000], want[1000:2999]} {
		var rows []Row
		for _, r := range part {
			rows = append(rows, r.Values)
		}
		l := s.begin()
		l.migrate(tab)
		l.add(tab, destination.Counts{Inserted: int64(len(rows))}, rows)
		l.commit(checkpoint(nil))
	}
	s.begin().commit(checkpoint(nil, want[2999]))
	s.reopen()
	got := s.ownRows(destination.Rejects, 0)
	slices.SortFunc(got, func(a, b destination.Row) int { return cmp.Compare(a.Values[2].(int64), b.Values[2].(int64)) })
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("rows of %s (-want +got):\n%s", destination.Rejects.Name, diff)
	}
}

func countTables(t *testing.T, h *Harness) {
	s := open(t, h)
	s.expectCount("shop", "orders", 0, false)
	s.load(keyed(), destination.Counts{})
	s.expectCount("shop", "orders", 0, true)
	s.load(keyed(), destination.Counts{Inserted: 5000}, rowsOf(0, 5000, "a"))
	s.expectCount("shop", "orders", 5000, true)
	s.expectCount("shop", `or"ders`, 0, false)
	s.expectCount("elsewhere", "orders", 0, false)
	local := keyless()
	local.Schema = ""
	s.load(local, destination.Counts{Inserted: 2}, rowsOf(0, 2, "a"))
	s.reopen()
	s.expectCount("", "orders", 2, true)
}

func (s *session) expectCount(schema, name string, want int64, wantExists bool) {
	s.Helper()
	rows, exists, err := s.d.Count(s.Context(), schema, name)
	if err != nil || rows != want || exists != wantExists {
		s.Errorf("count %q.%q: %d rows, exists %v, %v; want %d, %v", schema, name, rows, exists, err, want, wantExists)
	}
}
