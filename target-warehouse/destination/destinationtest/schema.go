package destinationtest

import (
	"fmt"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

var schemaChecks = []check{
	{"names can hold any character", oddNames},
	{"schema can be left to the engine", defaultSchema},
	{"many tables are loaded at once", manyTables},
	{"a stream without rows gets its table", emptyStream},
	{"a table can have a thousand columns", thousandColumns},
	{"a new column is NULL in earlier rows", newColumn},
	{"two versions of a table are loaded at once", twoVersions},
	{"a dropped column stays and is NULL in later rows", droppedColumn},
	{"columns can come in another order", otherOrder},
	{"a table that fits is not changed", nothingToChange},
	{"a key that changes holds for later rows", keyChanged},
	{"a key that comes late holds for later rows", keyAdded},
	{"a key that goes lets every row in", keyRemoved},
	{"a column of a former key can be NULL", formerKeyIsNull},
	{"a key can change within one load", keyChangedWithinLoad},
}

// wantWords fails the test unless the failure has all the words.
func wantWords(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the failure %q does not name %q", err, word)
		}
	}
}

// wantChanges compares what Migrate says it did, leaving the engine its names for types.
func wantChanges(t *testing.T, m *destination.Migration, want ...destination.Change) {
	t.Helper()
	types := cmpopts.IgnoreFields(destination.Change{}, "From", "To")
	if diff := gocmp.Diff(want, m.Changes, types, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	for _, c := range m.Changes {
		from := c.Kind == destination.WidenColumn || c.Kind == destination.SplitColumn
		to := from || c.Kind == destination.AddColumn
		if from && c.From == "" || to && c.To == "" || c.Kind == destination.AddColumn && c.From != "" {
			t.Errorf("the change %+v does not say from which type to which", c)
		}
	}
}

func oddNames(t *testing.T, h *Harness) {
	names := []string{
		`with "quotes" and 'apostrophes'`, "a.b.c", "🧾 東京", "select", "  spaces  ", "semi;colon--", "per%cent?$1",
		strings.Repeat("long", 10), "UPPER", "user", "order", "1st", "a/b\\c", "..",
	}
	tab := &table.Table{Stream: "odd", Key: []int{0, 1}}
	row := Row{int64(1)}
	tab.Columns = append(tab.Columns, table.Column{Name: "id", Property: "id", Type: table.Integer})
	for i, name := range names {
		tab.Columns = append(tab.Columns, table.Column{Name: name, Property: name, Type: table.Text, Nullable: i > 0})
		row = append(row, fmt.Sprint("value ", i))
	}
	s := open(t, h)
	for _, name := range names {
		version := *tab
		version.Schema, version.Name = name, name
		s.load(&version, destination.Counts{Inserted: 1}, []Row{row})
		if h.can(Upsert) {
			s.load(&version, destination.Counts{Updated: 1}, []Row{row})
		}
		s.expect(&version, row)
		s.expectCount(name, name, 1, true)
	}
}

func defaultSchema(t *testing.T, h *Harness) {
	tab := keyless()
	tab.Schema = ""
	s := open(t, h)
	s.load(tab, destination.Counts{Inserted: 1}, []Row{{int64(1), "a"}})
	s.load(tab, destination.Counts{Inserted: 1}, []Row{{int64(1), "b"}})
	s.expect(tab, Row{int64(1), "a"}, Row{int64(1), "b"})
}

func manyTables(t *testing.T, h *Harness) {
	s := open(t, h)
	l := s.begin()
	var tables []*table.Table
	for i := range 20 {
		tab := keyed()
		tab.Name = fmt.Sprint("orders_", i)
		tables = append(tables, tab)
		l.migrate(tab)
	}
	for round := range int64(3) {
		for _, tab := range tables {
			l.add(tab, destination.Counts{Inserted: 1}, []Row{{round, tab.Name}})
		}
	}
	l.commit(checkpoint(nil))
	for _, tab := range tables {
		s.expect(tab, Row{int64(0), tab.Name}, Row{int64(1), tab.Name}, Row{int64(2), tab.Name})
	}
}

func emptyStream(t *testing.T, h *Harness) {
	s := open(t, h)
	for _, name := range []string{"orders", "users"} {
		tab := keyed()
		tab.Name = name
		l := s.begin()
		m := l.migrate(tab)
		l.commit(checkpoint(nil))
		wantChanges(t, m, destination.Change{Kind: destination.CreateTable})
		if len(m.Changes) == 1 && !strings.Contains(m.Changes[0].To, "id") {
			t.Errorf("the change %+v does not list the key", m.Changes[0])
		}
		if !h.Exists(t, tab.Schema, tab.Name) {
			t.Errorf("there is no table %s", tab.Name)
		}
		s.expect(tab)
	}
}

func thousandColumns(t *testing.T, h *Harness) {
	tab := keyed()
	row := Row{int64(1), "note"}
	for i := range 998 {
		name := fmt.Sprint("column_", i)
		tab.Columns = append(tab.Columns, table.Column{Name: name, Property: name, Type: table.Text, Nullable: true})
		row = append(row, fmt.Sprint(i))
	}
	s := open(t, h)
	s.load(tab, destination.Counts{Inserted: 1}, []Row{row})
	s.expect(tab, row)
	if h.can(Upsert) {
		s.load(tab, destination.Counts{Updated: 1}, []Row{row})
		s.expect(tab, row)
	}
}

// paid is a column that keyed has not.
var paid = table.Column{Name: "paid", Property: "paid", Type: table.Boolean, Nullable: true}

// wider is keyed with one more column.
func wider() *table.Table {
	t := keyed()
	t.Columns = append(t.Columns, paid)
	return t
}

func newColumn(t *testing.T, h *Harness) {
	s := open(t, h)
	s.load(keyed(), destination.Counts{Inserted: 2}, rowsOf(1, 3, "a"))
	m := s.load(wider(), destination.Counts{Inserted: 2}, []Row{{int64(3), "b", true}, {int64(4), "c", false}})
	wantChanges(t, m, destination.Change{Kind: destination.AddColumn, Column: "paid"})
	s.expect(wider(), Row{int64(1), "a", nil}, Row{int64(2), "a", nil}, Row{int64(3), "b", true}, Row{int64(4), "c", false})
}

func twoVersions(t *testing.T, h *Harness) {
	h.needs(t, Upsert)
	narrow, wide := keyed(), wider()
	s := open(t, h)
	l := s.begin()
	l.migrate(narrow)
	l.migrate(wide)
	l.add(narrow, destination.Counts{Inserted: 3}, rowsOf(1, 4, "a"))
	l.add(narrow, destination.Counts{Updated: 1}, rowsOf(1, 2, "b"))
	l.add(wide, destination.Counts{Inserted: 1, Updated: 1}, []Row{{int64(2), "c", true}, {int64(4), "d", false}})
	l.add(narrow, destination.Counts{Inserted: 1, Updated: 1}, rowsOf(4, 6, "e"))
	l.commit(checkpoint(nil))
	s.reopen()
	s.expect(wide, Row{int64(1), "b", nil}, Row{int64(2), "c", true}, Row{int64(3), "a", nil}, Row{int64(4), "e", nil}, Row{int64(5), "e", nil})
}

func droppedColumn(t *testing.T, h *Harness) {
	h.needs(t, Upsert)
	s := open(t, h)
	s.load(wider(), destination.Counts{Inserted: 2}, []Row{{int64(1), "a", true}, {int64(2), "b", true}})
	s.load(keyed(), destination.Counts{Updated: 1, Inserted: 1}, rowsOf(2, 4, "c"))
	s.expect(wider(), Row{int64(1), "a", true}, Row{int64(2), "c", nil}, Row{int64(3), "c", nil})
}

func otherOrder(t *testing.T, h *Harness) {
	h.needs(t, Upsert)
	turned := keyed()
	turned.Columns[0], turned.Columns[1], turned.Key = turned.Columns[1], turned.Columns[0], []int{1}
	s := open(t, h)
	s.load(keyed(), destination.Counts{Inserted: 1}, rowsOf(1, 2, "a"))
	s.load(turned, destination.Counts{Inserted: 1, Updated: 1}, []Row{{"b", int64(1)}, {"c", int64(2)}})
	s.expect(keyed(), Row{int64(1), "b"}, Row{int64(2), "c"})
}

func nothingToChange(t *testing.T, h *Harness) {
	s := open(t, h)
	for _, key := range [][]int{nil, {0}, {0, 3}} {
		tab := allTypes()
		tab.Name, tab.Key = fmt.Sprint("types", key), key
		for _, i := range key {
			tab.Columns[i].Nullable = false
		}
		for round := range 3 {
			again := *tab
			l := s.begin()
			m := l.migrate(&again)
			l.commit(checkpoint(nil))
			if round > 0 {
				wantChanges(t, m)
			}
			s.reopen()
		}
	}
}

// withKey is a table of two Integer columns and a Text column, with a key.
func withKey(key ...int) *table.Table {
	t := &table.Table{Stream: "lines", Schema: "shop", Name: "lines", Key: key, Columns: []table.Column{
		{Name: "order", Property: "order", Type: table.Integer, Nullable: true},
		{Name: "line", Property: "line", Type: table.Integer, Nullable: true},
		{Name: "note", Property: "note", Type: table.Text, Nullable: true},
	}}
	for _, i := range key {
		t.Columns[i].Nullable = false
	}
	return t
}

func keyChanged(t *testing.T, h *Harness) {
	h.needs(t, Upsert)
	s := open(t, h)
	s.load(withKey(0), destination.Counts{Inserted: 2}, []Row{{int64(1), int64(1), "a"}, {int64(2), int64(1), "b"}})
	m := s.load(withKey(0, 1), destination.Counts{Inserted: 1, Updated: 1}, []Row{{int64(1), int64(2), "c"}, {int64(2), int64(1), "d"}})
	wantKeyChange(t, m)
	s.expect(withKey(), Row{int64(1), int64(1), "a"}, Row{int64(1), int64(2), "c"}, Row{int64(2), int64(1), "d"})

	m = s.load(withKey(0, 1), destination.Counts{Updated: 1}, []Row{{int64(1), int64(2), "e"}})
	wantChanges(t, m)
	s.load(withKey(1), destination.Counts{Updated: 1, Inserted: 1}, []Row{{int64(9), int64(1), "f"}, {int64(9), int64(9), "g"}})
	s.expect(withKey(), Row{int64(9), int64(1), "f"}, Row{int64(1), int64(2), "e"}, Row{int64(9), int64(9), "g"})
}

// wantKeyChange looks for the one change of a key among the changes, which may also be about columns.
func wantKeyChange(t *testing.T, m *destination.Migration) {
	t.Helper()
	found := 0
	for _, c := range m.Changes {
		if c.Kind == destination.ChangeKey {
			found++
			if c.From == c.To || c.Column != "" {
				t.Errorf("the change %+v does not say from which key to which", c)
			}
		}
	}
	if found != 1 {
		t.Errorf("the key changed %d times in %+v, want once", found, m.Changes)
	}
}

func keyAdded(t *testing.T, h *Harness) {
	h.needs(t, Upsert)
	s := open(t, h)
	s.load(withKey(), destination.Counts{Inserted: 3}, []Row{{int64(1), int64(1), "a"}, {nil, nil, "b"}, {int64(2), nil, "c"}})
	m := s.load(withKey(0), destination.Counts{Inserted: 1, Updated: 1}, []Row{{int64(1), int64(1), "d"}, {int64(3), int64(1), "e"}})
	wantKeyChange(t, m)
	s.expect(withKey(), Row{int64(1), int64(1), "d"}, Row{nil, nil, "b"}, Row{int64(2), nil, "c"}, Row{int64(3), int64(1), "e"})
}

func keyRemoved(t *testing.T, h *Harness) {
	s := open(t, h)
	s.load(withKey(0), destination.Counts{Inserted: 1}, []Row{{int64(1), int64(1), "a"}})
	m := s.load(withKey(), destination.Counts{Inserted: 2}, []Row{{int64(1), int64(1), "b"}, {nil, int64(1), "c"}})
	wantKeyChange(t, m)
	s.expect(withKey(), Row{int64(1), int64(1), "a"}, Row{int64(1), int64(1), "b"}, Row{nil, int64(1), "c"})
}

func formerKeyIsNull(t *testing.T, h *Harness) {
	h.needs(t, Upsert)
	s := open(t, h)
	s.load(withKey(0, 1), destination.Counts{Inserted: 1}, []Row{{int64(1), int64(1), "a"}})
	s.load(withKey(0), destination.Counts{Inserted: 1, Updated: 1}, []Row{{int64(1), nil, "b"}, {int64(2), nil, "c"}})
	s.expect(withKey(), Row{int64(1), nil, "b"}, Row{int64(2), nil, "c"})
}

// keyChangedWithinLoad has the rows of the first key arrive when the second one holds for the table already.
func keyChangedWithinLoad(t *testing.T, h *Harness) {
	h.needs(t, Upsert)
	s := open(t, h)
	s.load(withKey(0), destination.Counts{Inserted: 1}, []Row{{int64(7), int64(1), "a"}})
	both, one := withKey(0, 1), withKey(0)
	l := s.begin()
	l.migrate(both)
	l.migrate(one)
	l.add(both, destination.Counts{Inserted: 2, Updated: 1}, []Row{{int64(1), int64(1), "a"}, {int64(1), int64(2), "b"}, {int64(1), int64(1), "c"}})
	l.add(one, destination.Counts{Inserted: 1, Updated: 1}, []Row{{int64(1), int64(9), "d"}, {int64(2), int64(9), "e"}})
	l.commit(checkpoint(nil))
	s.expect(withKey(), Row{int64(7), int64(1), "a"}, Row{int64(1), int64(9), "d"}, Row{int64(2), int64(9), "e"})
}
