package destinationtest

import (
	"fmt"
	"strings"
	"testing"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

var schemaChecks = []check{
	{"names can hold any character", oddNames},
	{"schema can be left to the engine", defaultSchema},
	{"many tables are loaded at once", manyTables},
	{"a new column is NULL in earlier rows", newColumn},
	{"two versions of a table are loaded at once", twoVersions},
	{"a dropped column stays and is NULL in later rows", droppedColumn},
	{"columns can come in another order", otherOrder},
	{"a column of another type is refused", otherType},
}

func oddNames(t *testing.T, h *Harness) {
	names := []string{
		`with "quotes" and 'apostrophes'`, "a.b.c", "🧾 東京", "select", "  spaces  ", "semi;colon--", "per%cent?$1",
		strings.Repeat("long", 10), "UPPER",
	}
	tab := &table.Table{Stream: "odd", Key: []int{0}}
	row := Row{int64(1)}
	tab.Columns = append(tab.Columns, table.Column{Name: "id", Property: "id", Type: table.Integer})
	for i, name := range names {
		tab.Columns = append(tab.Columns, table.Column{Name: name, Property: name, Type: table.Text, Nullable: true})
		row = append(row, fmt.Sprint("value ", i))
	}
	s := open(t, h)
	for _, name := range names {
		version := *tab
		version.Schema, version.Name = name, name
		s.load(&version, destination.Counts{Inserted: 1}, []Row{row})
		s.load(&version, destination.Counts{Updated: 1}, []Row{row})
		s.expect(&version, row)
	}
	if got := len(s.status().Tables); got != len(names) {
		t.Errorf("status shows %d tables, want %d", got, len(names))
	}
}

func defaultSchema(t *testing.T, h *Harness) {
	tab := keyed()
	tab.Schema = ""
	s := open(t, h)
	s.load(tab, destination.Counts{Inserted: 1}, []Row{{int64(1), "a"}})
	s.load(tab, destination.Counts{Updated: 1}, []Row{{int64(1), "b"}})
	s.expect(tab, Row{int64(1), "b"})
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

// wider is keyed with one more column.
func wider() *table.Table {
	t := keyed()
	t.Columns = append(t.Columns, table.Column{Name: "paid", Property: "paid", Type: table.Boolean, Nullable: true})
	return t
}

func newColumn(t *testing.T, h *Harness) {
	s := open(t, h)
	s.load(keyed(), destination.Counts{Inserted: 2}, rowsOf(1, 3, "a"))
	s.load(wider(), destination.Counts{Inserted: 1, Updated: 1}, []Row{{int64(2), "b", true}, {int64(3), "c", false}})
	s.expect(wider(), Row{int64(1), "a", nil}, Row{int64(2), "b", true}, Row{int64(3), "c", false})
}

func twoVersions(t *testing.T, h *Harness) {
	narrow, wide := keyed(), wider()
	s := open(t, h)
	l := s.begin()
	l.migrate(narrow)
	l.add(narrow, destination.Counts{Inserted: 3}, rowsOf(1, 4, "a"))
	l.add(narrow, destination.Counts{Updated: 1}, rowsOf(1, 2, "b"))
	l.migrate(wide)
	l.add(wide, destination.Counts{Inserted: 1, Updated: 1}, []Row{{int64(2), "c", true}, {int64(4), "d", false}})
	l.add(narrow, destination.Counts{Inserted: 1, Updated: 1}, rowsOf(4, 6, "e"))
	l.commit(checkpoint(nil))
	s.reopen()
	s.expect(wide, Row{int64(1), "b", nil}, Row{int64(2), "c", true}, Row{int64(3), "a", nil}, Row{int64(4), "e", nil}, Row{int64(5), "e", nil})
}

func droppedColumn(t *testing.T, h *Harness) {
	s := open(t, h)
	s.load(wider(), destination.Counts{Inserted: 2}, []Row{{int64(1), "a", true}, {int64(2), "b", true}})
	s.load(keyed(), destination.Counts{Updated: 1, Inserted: 1}, rowsOf(2, 4, "c"))
	s.expect(wider(), Row{int64(1), "a", true}, Row{int64(2), "c", nil}, Row{int64(3), "c", nil})
}

func otherOrder(t *testing.T, h *Harness) {
	turned := keyed()
	turned.Columns[0], turned.Columns[1], turned.Key = turned.Columns[1], turned.Columns[0], []int{1}
	s := open(t, h)
	s.load(keyed(), destination.Counts{Inserted: 1}, rowsOf(1, 2, "a"))
	s.load(turned, destination.Counts{Inserted: 1, Updated: 1}, []Row{{"b", int64(1)}, {"c", int64(2)}})
	s.expect(keyed(), Row{int64(1), "b"}, Row{int64(2), "c"})
}

func otherType(t *testing.T, h *Harness) {
	other := keyed()
	other.Columns[1].Type = table.Timestamp
	s := open(t, h)
	s.load(keyed(), destination.Counts{Inserted: 1}, rowsOf(1, 2, "a"))
	l := s.begin()
	err := l.Migrate(t.Context(), other)
	if err == nil {
		t.Fatal("a Text column was taken for a Timestamp column")
	}
	for _, word := range []string{"orders", "note"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the failure %q does not name %q", err, word)
		}
	}
	l.rollback()
	s.expect(keyed(), Row{int64(1), "a"})
}
