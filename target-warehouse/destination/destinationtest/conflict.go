package destinationtest

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

var conflictChecks = []check{
	{"a column of every type is widened for every other and loses nothing", widenEveryPair},
	{"widened values are spelled as JSON spells them", widenedSpelling},
	{"a column is widened in more than one step", widenTwice},
	{"a key's column can be widened", widenKey},
	{"two types in one load share a widened column", widenWithinLoad},
	{"a load that is rolled back widens nothing", widenRolledBack},
	{"values of another type get a column of their own, and it stays", newColumnForType},
	{"a column for another type does not take another property's", newColumnIsFree},
	{"a column becomes JSON and keeps kinds apart", columnBecomesJSON},
	{"a conflict can be refused with both types named", conflictFails},
	{"no policy acts where the column holds the values", noConflict},
}

// typed is a column of a type that extremes has values of.
type typed struct {
	name   string
	column table.Column
	values []any
}

// extremes has for every type the values that are the hardest to keep when the type changes.
var extremes = []typed{
	{"boolean", table.Column{Type: table.Boolean}, []any{true, false}},
	{"integer", table.Column{Type: table.Integer}, []any{int64(math.MinInt64), int64(math.MaxInt64), int64(0), int64(1<<53 + 1)}},
	{"number", table.Column{Type: table.Number}, []any{math.MaxFloat64, -math.SmallestNonzeroFloat64, 0.1, 1e21, 1e-7, 123456789.125}},
	{"text", table.Column{Type: table.Text}, []any{"", "Straße 東京 🧾", "NULL", "null", `it's "quoted" \ and {`, "007"}},
	{"timestamp", table.Column{Type: table.Timestamp}, []any{
		day(1, 1, 1), time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC), time.Date(1969, 12, 31, 23, 59, 59, 999999000, time.UTC)}},
	{"date", table.Column{Type: table.Date}, []any{day(1, 1, 1), day(9999, 12, 31), day(2024, 2, 29)}},
	{"json", table.Column{Type: table.JSON}, []any{`{"a": [1, "x"]}`, `[]`, `"text"`, `1.5`, `null`, `true`}},
	{"decimal", table.Column{Type: table.Decimal}, []any{nines, "0.0000001", "-1"}},
	{"money", table.Column{Type: table.Decimal, Precision: 38, Scale: 9}, []any{"-99999999999999999999999999999.999999999", "0.000000001", "12"}},
	{"cents", table.Column{Type: table.Decimal, Precision: 5, Scale: 2}, []any{"-999.99", "0.01", "12"}},
}

// pairs is a table with a column for each pair of extremes, of the first or the second type of the pair.
func pairs(second bool) *table.Table {
	t := &table.Table{Stream: "pairs", Schema: "shop", Name: "pairs", Columns: []table.Column{{Name: "id", Property: "id", Type: table.Integer, Nullable: true}}}
	for _, a := range extremes {
		for _, b := range extremes {
			c := a.column
			if second {
				c = b.column
			}
			c.Name, c.Nullable = a.name+"_"+b.name, true
			c.Property = c.Name
			t.Columns = append(t.Columns, c)
		}
	}
	return t
}

// pairRows are rows for pairs with the ids from first.
func pairRows(first int64, second bool) []Row {
	var rows []Row
	for n := range 7 { // the last one is NULL throughout
		row := Row{first + int64(n)}
		for _, a := range extremes {
			for _, b := range extremes {
				values := a.values
				if second {
					values = b.values
				}
				if n < len(values) {
					row = append(row, values[n])
				} else {
					row = append(row, nil)
				}
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func widenEveryPair(t *testing.T, h *Harness) {
	h.needs(t, Alter)
	s := open(t, h)
	before, after := pairs(false), pairs(true)
	rows, more := pairRows(1, false), pairRows(100, true)
	first := s.load(before, destination.Counts{Inserted: 7}, rows)
	second := s.load(after, destination.Counts{Inserted: 7}, more)
	wantWidened(t, before, after, first, second)
	s.crash()
	s.expectPlain(after, slices.Concat(rows, more)...)

	// Rows of the first types still fit.
	s.reopen()
	again := pairRows(200, false)
	third := s.load(pairs(false), destination.Counts{Inserted: 7}, again)
	wantChanges(t, third)
	s.expectPlain(after, slices.Concat(rows, more, again)...)
	wantChanges(t, s.load(pairs(true), destination.Counts{}))
}

// wantWidened compares the changes with the types before and after: each column of another type is told of once, and
// only columns that could not hold the new values have changed.
func wantWidened(t *testing.T, before, after *table.Table, first, second *destination.Migration) {
	t.Helper()
	told := map[string]int{}
	for _, c := range second.Changes {
		told[c.Column]++
		if c.Kind != destination.WidenColumn {
			t.Errorf("the change %+v widens nothing", c)
		}
	}
	for i, c := range before.Columns {
		was, is := first.Columns[i], second.Columns[i]
		switch {
		case was.Name != is.Name:
			t.Errorf("column %s was stored as %s and is now as %s", c.Name, was.Name, is.Name)
		case was.Type != is.Type && holds(c, after.Columns[i]):
			t.Errorf("column %s was %s and is %s, though it could hold the new values", c.Name, was.Type, is.Type)
		case (was.Type != is.Type) != (told[is.Name] == 1):
			t.Errorf("column %s was %s and is %s, which %d changes tell", c.Name, was.Type, is.Type, told[is.Name])
		}
	}
}

// value is a keyed table whose second column is of the given type.
func value(c table.Column) *table.Table {
	t := keyed()
	c.Name, c.Property, c.Nullable = "value", "value", true
	t.Columns[1] = c
	return t
}

func valueOf(typ table.Type) *table.Table { return value(table.Column{Type: typ}) }

func widenedSpelling(t *testing.T, h *Harness) {
	h.needs(t, Alter)
	for _, c := range []struct {
		typ   table.Type
		value any
		want  string
	}{
		{table.Boolean, true, "true"},
		{table.Boolean, false, "false"},
		{table.Integer, int64(math.MinInt64), "-9223372036854775808"},
		{table.Number, 0.1, "0.1"},
		{table.Number, -2.5, "-2.5"},
		{table.Decimal, "12345678901234567890.5", "12345678901234567890.5"},
		{table.Date, day(2024, 2, 29), "2024-02-29"},
		{table.Timestamp, time.Date(2024, 3, 10, 2, 30, 0, 123456000, time.UTC), "2024-03-10T02:30:00.123456Z"},
	} {
		t.Run(fmt.Sprint(c.typ, " ", c.value), func(t *testing.T) {
			s := open(t, h)
			widened := valueOf(table.Text)
			narrow := valueOf(c.typ)
			widened.Name = fmt.Sprint(c.typ, c.want)
			narrow.Name = widened.Name
			s.load(narrow, destination.Counts{Inserted: 1}, []Row{{int64(1), c.value}})
			s.load(widened, destination.Counts{Inserted: 1}, []Row{{int64(2), "text"}})
			s.load(narrow, destination.Counts{Inserted: 1}, []Row{{int64(3), c.value}})
			s.expect(widened, Row{int64(1), c.want}, Row{int64(2), "text"}, Row{int64(3), c.want})
		})
	}
}

func widenTwice(t *testing.T, h *Harness) {
	h.needs(t, Alter)
	s := open(t, h)
	var want []Row
	for i, step := range []struct {
		typ   table.Type
		value any
	}{
		{table.Integer, int64(math.MaxInt64)},
		{table.Number, 0.1},
		{table.Decimal, "123456789012345678901234567890.123456789"},
		{table.Integer, int64(math.MinInt64)},
		{table.Boolean, true},
		{table.Timestamp, day(2024, 2, 29)},
		{table.JSON, `[1]`},
		{table.Number, 1e300},
		{table.Text, "text"},
	} {
		row := Row{int64(i), step.value}
		s.load(valueOf(step.typ), destination.Counts{Inserted: 1}, []Row{row})
		want = append(want, row)
		s.expectPlain(valueOf(step.typ), want...)
	}
}

func widenKey(t *testing.T, h *Harness) {
	h.needs(t, Alter, Upsert)
	s := open(t, h)
	ids := keyed()
	s.load(ids, destination.Counts{Inserted: 3}, rowsOf(1, 4, "a"))
	for i, typ := range []table.Type{table.Decimal, table.Text} {
		other := keyed()
		other.Columns[0].Type = typ
		late := fmt.Sprint(100 + i)
		s.load(other, destination.Counts{Inserted: 1, Updated: 1}, []Row{{"2", fmt.Sprint(typ)}, {late, "b"}})
		s.load(keyed(), destination.Counts{Updated: 1}, []Row{{int64(3), fmt.Sprint(typ)}})
		s.expectPlain(other, slices.Concat([]Row{{int64(1), "a"}, {int64(2), fmt.Sprint(typ)}, {int64(3), fmt.Sprint(typ)}, {int64(100), "b"}},
			[]Row{{int64(101), "b"}}[:i])...)
	}
}

func widenWithinLoad(t *testing.T, h *Harness) {
	h.needs(t, Alter)
	s := open(t, h)
	narrow, wide := valueOf(table.Integer), valueOf(table.Text)
	l := s.begin()
	l.migrate(narrow)
	l.migrate(wide)
	l.add(narrow, destination.Counts{Inserted: 1}, []Row{{int64(1), int64(7)}})
	l.add(wide, destination.Counts{Inserted: 1}, []Row{{int64(2), "seven"}})
	l.add(narrow, destination.Counts{Inserted: 1}, []Row{{int64(3), int64(8)}})
	l.commit(checkpoint(nil))
	s.expect(wide, Row{int64(1), "7"}, Row{int64(2), "seven"}, Row{int64(3), "8"})
}

func widenRolledBack(t *testing.T, h *Harness) {
	h.needs(t, Alter)
	s := open(t, h)
	row := Row{int64(1), int64(7)}
	first := s.load(valueOf(table.Integer), destination.Counts{Inserted: 1}, []Row{row})
	l := s.begin()
	wide := valueOf(table.Text)
	l.migrate(wide)
	l.add(wide, destination.Counts{Inserted: 1}, []Row{{int64(2), "seven"}})
	l.rollback()
	l = s.begin()
	if got := l.migrate(valueOf(table.Integer)).Columns[1]; got != first.Columns[1] {
		t.Errorf("the column is %+v, want %+v", got, first.Columns[1])
	}
	l.rollback()
	s.expect(valueOf(table.Integer), row)
}

func newColumnForType(t *testing.T, h *Harness) {
	h.needs(t, Alter)
	s := open(t, h)
	apart := func(typ table.Type) *table.Table {
		tab := valueOf(typ)
		tab.Conflict = table.NewColumn
		return tab
	}
	first := s.load(apart(table.Integer), destination.Counts{Inserted: 1}, []Row{{int64(1), int64(7)}})
	second := s.load(apart(table.Text), destination.Counts{Inserted: 1}, []Row{{int64(2), "seven"}})
	wantChanges(t, second, destination.Change{Kind: destination.SplitColumn, Column: second.Columns[1].Name})
	s.reopen()
	third := s.load(apart(table.Text), destination.Counts{Inserted: 1}, []Row{{int64(3), "eight"}})
	wantChanges(t, third)
	fourth := s.load(apart(table.Integer), destination.Counts{Inserted: 1}, []Row{{int64(4), int64(8)}})
	wantChanges(t, fourth)
	fifth := s.load(apart(table.Boolean), destination.Counts{Inserted: 1}, []Row{{int64(5), true}})
	if third.Columns[1] != second.Columns[1] || fourth.Columns[1] != first.Columns[1] || fifth.Columns[1].Name == first.Columns[1].Name {
		t.Errorf("the columns were %+v, %+v, %+v, %+v, %+v", first.Columns[1], second.Columns[1], third.Columns[1], fourth.Columns[1], fifth.Columns[1])
	}
	got := h.Read(t, "shop", "orders", []string{"id", first.Columns[1].Name, second.Columns[1].Name, fifth.Columns[1].Name})
	wantPlain(t, got, Row{int64(1), int64(7), nil, nil}, Row{int64(2), nil, "seven", nil}, Row{int64(3), nil, "eight", nil},
		Row{int64(4), int64(8), nil, nil}, Row{int64(5), nil, nil, true})
}

func newColumnIsFree(t *testing.T, h *Harness) {
	h.needs(t, Alter)
	s := open(t, h)
	s.load(valueOf(table.Integer), destination.Counts{})
	l := s.begin()
	probe := valueOf(table.Text)
	probe.Conflict = table.NewColumn
	wanted := l.migrate(probe).Columns[1].Name
	l.rollback()

	// Another property has the name that the column would get.
	both := func(typ table.Type) *table.Table {
		tab := valueOf(typ)
		tab.Conflict = table.NewColumn
		tab.Columns = append(tab.Columns, table.Column{Name: wanted, Property: wanted, Type: table.Text, Nullable: true})
		return tab
	}
	s.load(both(table.Integer), destination.Counts{Inserted: 1}, []Row{{int64(1), int64(7), "mine"}})
	tab := both(table.Text)
	for id, want := range []Row{{int64(2), "seven", "mine"}, {int64(3), "eight", "mine"}} {
		m := s.load(tab, destination.Counts{Inserted: 1}, []Row{want})
		if m.Columns[1].Name == m.Columns[2].Name {
			t.Fatalf("load %d: two properties are stored as %s", id, m.Columns[1].Name)
		}
	}
	s.expect(tab, Row{int64(1), nil, "mine"}, Row{int64(2), "seven", "mine"}, Row{int64(3), "eight", "mine"})
}

func columnBecomesJSON(t *testing.T, h *Harness) {
	h.needs(t, Alter)
	s := open(t, h)
	toJSON := func(typ table.Type) *table.Table {
		tab := valueOf(typ)
		tab.Conflict = table.ToJSON
		return tab
	}
	s.load(toJSON(table.Integer), destination.Counts{Inserted: 2}, []Row{{int64(1), int64(math.MaxInt64)}, {int64(2), nil}})
	m := s.load(toJSON(table.Text), destination.Counts{Inserted: 2}, []Row{{int64(3), "1"}, {int64(4), `a "b"`}})
	wantChanges(t, m, destination.Change{Kind: destination.WidenColumn, Column: "value"})
	wantChanges(t, s.load(toJSON(table.Boolean), destination.Counts{Inserted: 1}, []Row{{int64(5), true}}))
	s.load(toJSON(table.Decimal), destination.Counts{Inserted: 1}, []Row{{int64(6), "12345678901234567890.5"}})
	s.load(toJSON(table.JSON), destination.Counts{Inserted: 1}, []Row{{int64(7), `[]`}})
	s.expect(toJSON(table.JSON), Row{int64(1), "9223372036854775807"}, Row{int64(2), nil}, Row{int64(3), `"1"`}, Row{int64(4), `"a \"b\""`},
		Row{int64(5), "true"}, Row{int64(6), "12345678901234567890.5"}, Row{int64(7), `[]`})
}

func conflictFails(t *testing.T, h *Harness) {
	s := open(t, h)
	other := valueOf(table.Timestamp)
	other.Name = "others"
	timestamp := s.load(other, destination.Counts{}).Columns[1].Type
	integer := s.load(valueOf(table.Integer), destination.Counts{Inserted: 1}, []Row{{int64(1), int64(7)}}).Columns[1].Type
	strict := valueOf(table.Timestamp)
	strict.Conflict = table.Fail
	s.begin().refuse(strict, "orders", "value", timestamp, integer)
	s.expect(valueOf(table.Integer), Row{int64(1), int64(7)})
}

func noConflict(t *testing.T, h *Harness) {
	h.needs(t, Alter)
	s := open(t, h)
	for _, policy := range []table.Conflict{table.Widen, table.NewColumn, table.ToJSON, table.Fail} {
		for i, stored := range extremes {
			for _, arriving := range extremes {
				if !holds(stored.column, arriving.column) {
					continue
				}
				before, after := value(stored.column), value(arriving.column)
				before.Name = fmt.Sprint("t", policy, "_", i, "_", arriving.name)
				after.Name, after.Conflict = before.Name, policy
				l := s.begin()
				was := l.migrate(before).Columns[1]
				m := l.migrate(after)
				wantChanges(t, m)
				if m.Columns[1] != was {
					t.Errorf("policy %d: %s for %s was %+v and is %+v", policy, stored.name, arriving.name, was, m.Columns[1])
				}
				l.rollback()
			}
		}
	}
}
