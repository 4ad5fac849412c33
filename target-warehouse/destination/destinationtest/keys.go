package destinationtest

import (
	"fmt"
	"math"
	"testing"
	"time"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

var keyChecks = []check{
	{"the last row of a key wins inside a batch", lastInBatch},
	{"the last row of a key wins across batches", lastAcrossBatches},
	{"the last row of a key wins across appends", lastAcrossAppends},
	{"the last row of a key wins across loads", lastAcrossLoads},
	{"a key can be of every type", keyOfEveryType},
	{"a key can be of several columns", compositeKey},
	{"a key column can stand behind other columns", lateKey},
	{"a key's rows of append-only loads give way to one", keyOverDuplicates},
	{"a NULL in a key is refused", nullKey},
	{"a row that changed has the metadata of its last record", metadataOfChange},
}

func lastInBatch(t *testing.T, h *Harness) {
	h.needs(t, Upsert)
	s := open(t, h)
	s.load(keyed(), destination.Counts{Inserted: 2, Updated: 2},
		[]Row{{int64(1), "first"}, {int64(2), "only"}, {int64(1), "second"}, {int64(1), nil}})
	s.expect(keyed(), Row{int64(1), nil}, Row{int64(2), "only"})
}

func lastAcrossBatches(t *testing.T, h *Harness) {
	h.needs(t, Upsert)
	s := open(t, h)
	s.load(keyed(), destination.Counts{Inserted: 2, Updated: 1}, []Row{{int64(1), "old"}, {int64(2), "b"}}, []Row{{int64(1), "new"}})
	s.expect(keyed(), Row{int64(1), "new"}, Row{int64(2), "b"})
}

func lastAcrossAppends(t *testing.T, h *Harness) {
	h.needs(t, Upsert)
	s := open(t, h)
	l := s.begin()
	l.migrate(keyedOnce)
	l.add(keyedOnce, destination.Counts{Inserted: 3000}, rowsOf(0, 3000, "old"))
	l.add(keyedOnce, destination.Counts{Inserted: 1000, Updated: 1000}, rowsOf(2000, 4000, "new"))
	l.add(keyedOnce, destination.Counts{Updated: 2}, []Row{{int64(0), "newer"}, {int64(3999), "newer"}})
	l.commit(checkpoint(nil))
	want := append(rowsOf(1, 2000, "old"), rowsOf(2000, 3999, "new")...)
	s.expect(keyedOnce, append(want, Row{int64(0), "newer"}, Row{int64(3999), "newer"})...)
}

// keyedOnce is keyed, for checks that call Append several times with one Table.
var keyedOnce = keyed()

func lastAcrossLoads(t *testing.T, h *Harness) {
	h.needs(t, Upsert)
	s := open(t, h)
	s.load(keyed(), destination.Counts{Inserted: 3}, rowsOf(1, 4, "old"))
	s.load(keyed(), destination.Counts{Inserted: 1, Updated: 2}, rowsOf(2, 5, "new"))
	s.reopen()
	s.load(keyed(), destination.Counts{Updated: 1}, rowsOf(4, 5, "newest"))
	s.expect(keyed(), Row{int64(1), "old"}, Row{int64(2), "new"}, Row{int64(3), "new"}, Row{int64(4), "newest"})
}

func keyOfEveryType(t *testing.T, h *Harness) {
	h.needs(t, Upsert)
	s := open(t, h)
	for _, c := range []struct {
		typ  table.Type
		a, b any
	}{
		{table.Boolean, true, false},
		{table.Integer, int64(math.MaxInt64), int64(math.MaxInt64 - 1)},
		{table.Number, 0.1, 0.30000000000000004},
		{table.Text, "Straße", "straße"},
		{table.Text, "", " "},
		{table.Timestamp, time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999998000, time.UTC)},
		{table.Date, day(1, 1, 1), day(1, 1, 2)},
		{table.Decimal, "12345678901234567890.5", "12345678901234567890.51"},
		{table.JSON, `{"a":1}`, `{"a":2}`},
		{table.JSON, `{"b":1}`, `{"b": 1}`},
	} {
		if h.stored(c.typ, c.a) == h.stored(c.typ, c.b) {
			continue // one key in this engine
		}
		tab := keyed()
		tab.Name = fmt.Sprintf("%d %v", c.typ, c.a)
		tab.Columns[0].Type = c.typ
		s.load(tab, destination.Counts{Inserted: 2}, []Row{{c.a, "a"}, {c.b, "b"}})
		s.load(tab, destination.Counts{Updated: 2}, []Row{{c.b, "old"}, {c.b, "new"}})
		s.expect(tab, Row{c.a, "a"}, Row{c.b, "new"})
	}
}

func compositeKey(t *testing.T, h *Harness) {
	h.needs(t, Upsert)
	tab := allTypes()
	tab.Key = []int{3, 1}
	for _, i := range tab.Key {
		tab.Columns[i].Nullable = false
	}
	row := func(text string, integer int64, number float64) Row {
		return Row{nil, integer, number, text, nil, nil, nil, nil, nil}
	}
	s := open(t, h)
	s.load(tab, destination.Counts{Inserted: 3}, []Row{row("a", 1, 1), row("a", 2, 2), row("b", 1, 3)})
	s.load(tab, destination.Counts{Inserted: 1, Updated: 1}, []Row{row("a", 2, 4), row("b", 2, 5)})
	s.expect(tab, row("a", 1, 1), row("a", 2, 4), row("b", 1, 3), row("b", 2, 5))
}

func lateKey(t *testing.T, h *Harness) {
	h.needs(t, Upsert)
	tab := &table.Table{Stream: "late", Schema: "shop", Name: "late", Key: []int{1}, Columns: []table.Column{
		{Name: "note", Property: "note", Type: table.Text, Nullable: true},
		{Name: "id", Property: "id", Type: table.Text},
	}}
	s := open(t, h)
	s.load(tab, destination.Counts{Inserted: 2}, []Row{{"a", "x"}, {"a", "y"}})
	s.load(tab, destination.Counts{Updated: 1}, []Row{{"b", "y"}})
	s.expect(tab, Row{"a", "x"}, Row{"b", "y"})
}

func keyOverDuplicates(t *testing.T, h *Harness) {
	h.needs(t, Upsert)
	s := open(t, h)
	s.load(keyless(), destination.Counts{Inserted: 3}, []Row{{int64(1), "a"}, {int64(1), "b"}, {int64(2), "c"}})
	s.load(keyed(), destination.Counts{Inserted: 1, Updated: 1}, []Row{{int64(1), "d"}, {int64(3), "e"}})
	s.expect(keyed(), Row{int64(1), "d"}, Row{int64(2), "c"}, Row{int64(3), "e"})
}

func nullKey(t *testing.T, h *Harness) {
	h.needs(t, Upsert)
	s := open(t, h)
	l := s.begin()
	l.migrate(keyedOnce)
	if _, err := l.append(t.Context(), keyedOnce, []Row{{int64(1), "a"}, {nil, "b"}}); err == nil {
		t.Error("a row without a key was taken")
	}
	l.rollback()
}

func metadataOfChange(t *testing.T, h *Harness) {
	h.needs(t, Upsert)
	tab := versioned(table.Upsert, false)
	row := func(id int64, note string, hours int, version int64) Row {
		return Row{id, note, hour(hours), nil, version}
	}
	s := open(t, h)
	s.load(tab, destination.Counts{Inserted: 2, Updated: 1}, []Row{row(1, "a", 1, 1), row(2, "a", 1, 1), row(1, "b", 2, 1)})
	s.load(tab, destination.Counts{Updated: 2}, []Row{row(1, "c", 3, 1), row(2, "a", 3, 2)})
	s.expect(tab, row(1, "c", 3, 1), row(2, "a", 3, 2))
}
