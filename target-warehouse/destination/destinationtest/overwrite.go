package destinationtest

import (
	"encoding/json"
	"testing"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

var overwriteChecks = []check{
	{"an overwrite shows nothing before it is activated", overwriteHidden},
	{"an overwrite collects over several commits", overwriteCollects},
	{"an overwrite makes a table that was not there", overwriteNewTable},
	{"an overwrite and its state come together", overwriteWithState},
	{"an overwrite that is rolled back leaves the table", overwriteRolledBack},
	{"what a dead run collected is not mixed in", overwriteLeftover},
	{"what a rolled back load collected is not mixed in", overwriteLeftoverOfRollback},
	{"a key is in an overwritten table once", overwriteKey},
	{"a table is overwritten twice in one run", overwriteTwice},
	{"an overwrite by nothing empties the table", overwriteByNothing},
	{"an overwritten table takes the columns of the new rows", overwriteColumns},
	{"an overwrite leaves columns that the new rows lack", overwriteKeepsColumns},
	{"columns may change while an overwrite collects", overwriteWidens},
	{"a table can be loaded in other ways after an overwrite", overwriteThenUpsert},
	{"an overwrite that came to no end leaves nothing when the table is loaded in another way", overwriteGivenUp},
	{"an overwrite's rows carry their versions and deletions", overwriteVersions},
}

// replacing is keyed, to be overwritten.
func replacing() *table.Table {
	t := keyed()
	t.Method = table.Overwrite
	return t
}

func overwriteHidden(t *testing.T, h *Harness) {
	s := open(t, h)
	s.load(keyless(), destination.Counts{Inserted: 3}, rowsOf(1, 4, "old"))
	s.load(replacing(), destination.Counts{Inserted: 2}, rowsOf(3, 5, "new"))
	s.expect(keyless(), rowsOf(1, 4, "old")...)
	s.expectCount("shop", "orders", 3, true)
	s.activated(replacing(), activation(1), destination.Counts{Deleted: 3})
	s.expect(keyless(), rowsOf(3, 5, "new")...)
	s.expectCount("shop", "orders", 2, true)
}

func overwriteCollects(t *testing.T, h *Harness) {
	s := open(t, h)
	tab := replacing()
	for i := range int64(3) {
		s.load(tab, destination.Counts{Inserted: 1000}, rowsOf(i*1000, (i+1)*1000, "new"))
	}
	l := s.begin()
	l.migrate(tab)
	l.add(tab, destination.Counts{Inserted: 500}, rowsOf(3000, 3500, "new"))
	l.activate(tab, activation(1), destination.Counts{})
	l.commit(checkpoint(nil))
	s.reopen()
	s.expect(tab, rowsOf(0, 3500, "new")...)
}

func overwriteNewTable(t *testing.T, h *Harness) {
	s := open(t, h)
	s.load(replacing(), destination.Counts{Inserted: 1}, rowsOf(1, 2, "new"))
	if rows, _, err := s.d.Count(t.Context(), "shop", "orders"); err != nil || rows > 0 {
		t.Errorf("%d rows are there before they are activated: %v", rows, err)
	}
	s.activated(replacing(), activation(1), destination.Counts{})
	s.expect(replacing(), rowsOf(1, 2, "new")...)
}

func overwriteWithState(t *testing.T, h *Harness) {
	s := open(t, h)
	s.load(keyless(), destination.Counts{Inserted: 1}, rowsOf(1, 2, "old"))
	tab := replacing()
	l := s.begin()
	l.migrate(tab)
	l.add(tab, destination.Counts{Inserted: 1}, rowsOf(2, 3, "new"))
	l.activate(tab, activation(1), destination.Counts{Deleted: 1})
	l.commit(checkpoint(json.RawMessage(`{"done":true}`)))
	s.reopen()
	s.expect(tab, rowsOf(2, 3, "new")...)
	s.expectStates(map[string]stateRow{"default": {1, `{"done":true}`, runID}})
}

func overwriteRolledBack(t *testing.T, h *Harness) {
	s := open(t, h)
	s.load(keyless(), destination.Counts{Inserted: 1}, rowsOf(1, 2, "old"))
	tab := replacing()
	s.load(tab, destination.Counts{Inserted: 1}, rowsOf(2, 3, "new"))
	l := s.begin()
	l.migrate(tab)
	l.activate(tab, activation(1), destination.Counts{Deleted: 1})
	l.rollback()
	s.expect(keyless(), rowsOf(1, 2, "old")...)
	// What was collected before is still there.
	s.activated(tab, activation(1), destination.Counts{Deleted: 1})
	s.expect(keyless(), rowsOf(2, 3, "new")...)
}

func overwriteLeftover(t *testing.T, h *Harness) {
	s := open(t, h)
	s.load(replacing(), destination.Counts{Inserted: 3}, rowsOf(1, 4, "dead"))
	s.reopen()
	s.load(replacing(), destination.Counts{Inserted: 2}, rowsOf(3, 5, "new"))
	s.activated(replacing(), activation(1), destination.Counts{})
	s.expect(replacing(), rowsOf(3, 5, "new")...)
}

func overwriteLeftoverOfRollback(t *testing.T, h *Harness) {
	s := open(t, h)
	s.load(replacing(), destination.Counts{Inserted: 3}, rowsOf(1, 4, "dead"))
	s.reopen()
	// The first load of this run clears the leftover and is undone, so that the next one has to clear it too.
	for _, commits := range []bool{false, true} {
		tab := replacing()
		l := s.begin()
		l.migrate(tab)
		l.add(tab, destination.Counts{Inserted: 2}, rowsOf(3, 5, "new"))
		if commits {
			l.commit(checkpoint(nil))
		} else {
			l.rollback()
		}
	}
	s.activated(replacing(), activation(1), destination.Counts{})
	s.expect(replacing(), rowsOf(3, 5, "new")...)
}

func overwriteKey(t *testing.T, h *Harness) {
	h.needs(t, Upsert)
	s := open(t, h)
	s.load(replacing(), destination.Counts{Inserted: 2, Updated: 1}, []Row{{int64(1), "a"}, {int64(2), "a"}, {int64(1), "b"}})
	s.load(replacing(), destination.Counts{Inserted: 1, Updated: 1}, []Row{{int64(2), "c"}, {int64(3), "c"}})
	tab := replacing()
	l := s.begin()
	l.migrate(tab)
	l.add(tab, destination.Counts{Inserted: 1, Updated: 1}, []Row{{int64(3), "d"}, {int64(4), "d"}})
	l.activate(tab, activation(1), destination.Counts{})
	l.commit(checkpoint(nil))
	s.crash()
	s.expect(replacing(), Row{int64(1), "b"}, Row{int64(2), "c"}, Row{int64(3), "d"}, Row{int64(4), "d"})
}

func overwriteTwice(t *testing.T, h *Harness) {
	s := open(t, h)
	for i, note := range []string{"first", "second", "third"} {
		from := int64(i)
		s.load(replacing(), destination.Counts{Inserted: 2}, rowsOf(from, from+2, note))
		replaced := int64(2)
		if i == 0 {
			replaced = 0
		}
		s.activated(replacing(), activation(from), destination.Counts{Deleted: replaced})
		s.expect(replacing(), rowsOf(from, from+2, note)...)
	}
}

func overwriteByNothing(t *testing.T, h *Harness) {
	s := open(t, h)
	s.load(keyless(), destination.Counts{Inserted: 2}, rowsOf(1, 3, "old"))
	s.activated(replacing(), activation(1), destination.Counts{Deleted: 2})
	s.expect(replacing())
	s.expectCount("shop", "orders", 0, true)
}

func overwriteColumns(t *testing.T, h *Harness) {
	s := open(t, h)
	old := wider()
	s.load(old, destination.Counts{Inserted: 1}, []Row{{int64(1), "old", true}})
	tab := valueOf(table.Timestamp) // without the columns note and paid
	tab.Method = table.Overwrite
	tab.Columns[0].Type = table.Text
	s.load(tab, destination.Counts{Inserted: 1}, []Row{{"one", day(2024, 2, 29)}})
	s.activated(tab, activation(1), destination.Counts{Deleted: 1})
	s.reopen()
	s.expectPlain(tab, Row{"one", day(2024, 2, 29)})
	s.load(tab, destination.Counts{Inserted: 1}, []Row{{"two", day(2024, 2, 29)}})
	s.activated(tab, activation(2), destination.Counts{Deleted: 1})
	s.expectPlain(tab, Row{"two", day(2024, 2, 29)})
}

func overwriteKeepsColumns(t *testing.T, h *Harness) {
	h.needs(t, Alter)
	s := open(t, h)
	s.load(wider(), destination.Counts{Inserted: 1}, []Row{{int64(1), "old", true}})
	s.load(replacing(), destination.Counts{Inserted: 1}, rowsOf(2, 3, "new"))
	s.activated(replacing(), activation(1), destination.Counts{Deleted: 1})
	s.expectPlain(wider(), Row{int64(2), "new", nil})
	s.reopen()
	s.load(wider(), destination.Counts{Inserted: 1}, []Row{{int64(3), "newer", true}})
	s.expectPlain(wider(), Row{int64(2), "new", nil}, Row{int64(3), "newer", true})
	l, tab := s.begin(), replacing() // all of it in one load
	l.migrate(tab)
	l.add(tab, destination.Counts{Inserted: 2}, rowsOf(3, 5, "newest"))
	l.activate(tab, activation(2), destination.Counts{Deleted: 2})
	l.commit(checkpoint(nil))
	s.expectPlain(wider(), Row{int64(3), "newest", nil}, Row{int64(4), "newest", nil})
}

func overwriteGivenUp(t *testing.T, h *Harness) {
	h.needs(t, Upsert)
	s := open(t, h)
	s.load(replacing(), destination.Counts{Inserted: 2}, rowsOf(1, 3, "collected"))
	s.reopen()
	s.load(keyed(), destination.Counts{Inserted: 1}, rowsOf(1, 2, "other"))
	if h.Exists(t, "shop", "_singer_new_orders") {
		t.Error("what was collected is still there")
	}
	s.load(replacing(), destination.Counts{Inserted: 1}, rowsOf(3, 4, "new"))
	s.activated(replacing(), activation(1), destination.Counts{Deleted: 1})
	s.expect(keyed(), rowsOf(3, 4, "new")...)
}

func overwriteWidens(t *testing.T, h *Harness) {
	h.needs(t, Alter)
	s := open(t, h)
	narrow, wide := valueOf(table.Integer), valueOf(table.Text)
	narrow.Method, wide.Method = table.Overwrite, table.Overwrite
	wide.Columns = append(wide.Columns, paid)
	s.load(narrow, destination.Counts{Inserted: 1}, []Row{{int64(1), int64(7)}})
	s.load(wide, destination.Counts{Inserted: 1}, []Row{{int64(2), "seven", true}})
	s.activated(wide, activation(1), destination.Counts{})
	s.expectPlain(wide, Row{int64(1), int64(7), nil}, Row{int64(2), "seven", true})
}

func overwriteThenUpsert(t *testing.T, h *Harness) {
	h.needs(t, Upsert)
	s := open(t, h)
	s.load(keyed(), destination.Counts{Inserted: 2}, rowsOf(1, 3, "old"))
	s.load(replacing(), destination.Counts{Inserted: 2}, rowsOf(1, 3, "new"))
	s.activated(replacing(), activation(1), destination.Counts{Deleted: 2})
	m := s.load(keyed(), destination.Counts{Inserted: 1, Updated: 1}, rowsOf(2, 4, "newer"))
	wantChanges(t, m)
	s.expect(keyed(), Row{int64(1), "new"}, Row{int64(2), "newer"}, Row{int64(3), "newer"})
}

func overwriteVersions(t *testing.T, h *Harness) {
	s := open(t, h)
	tab := versioned(table.Overwrite, false)
	rows := []Row{vrow(1, "older", nil, 1), vrow(2, "newer", nil, 9), vrow(3, "none", at, nil)}
	s.load(tab, destination.Counts{Inserted: 3}, rows)
	s.activated(tab, activation(5), destination.Counts{})
	s.expect(tab, rows...)
}
