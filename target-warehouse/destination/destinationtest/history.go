package destinationtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

var historyChecks = []check{
	{"a history keeps what a row was", historyOfChange},
	{"a row that did not change starts no version", historyOfEqual},
	{"a history keeps every version of one batch", historyWithinBatch},
	{"a history is the same however rows are cut into batches", historyAcrossBatches},
	{"a history keeps values that become NULL and that were NULL", historyOfNull},
	{"a history tells a deleted row from one that is not", historyOfDeletion},
	{"a batch that comes again adds nothing to a history", historyReplayed},
	{"versions that come again add nothing to a history", historyReplayedVersions},
	{"a row older than the newest version of its key is skipped however rows are cut", historyOfLateRows},
	{"activating ends what is gone and it can return", historyActivate},
	{"a history goes on over new columns", historyNewColumn},
	{"a history can be of a key of several columns", historyOfSeveralColumns},
	{"a history is not given up by the way", historyNotGivenUp},
	{"a history may have columns of any name", historyOfAnyName},
	{"a history that is rolled back stays as it was", historyRolledBack},
}

// hour is a time of extraction.
func hour(n int) time.Time { return time.Date(2026, 3, 1, n, 0, 0, 123456000, time.UTC) }

// historic is versioned with its history kept.
func historic() *table.Table {
	t := versioned(table.History, false)
	for _, name := range []string{table.ValidFrom, table.ValidTo} {
		t.Columns = append(t.Columns, table.Column{Name: name, Type: table.Timestamp, Nullable: true})
	}
	return t
}

// hrow is a row of historic as it arrives.
func hrow(id int64, note any, extracted int, version int64) Row {
	return Row{id, note, hour(extracted), nil, version, hour(extracted), nil}
}

// kept is a row of historic as it is stored: it may have been extracted again since it began to hold, and have an end.
func (r Row) kept(extracted int, version int64, to any) Row {
	return Row{r[0], r[1], hour(extracted), r[3], version, r[5], to}
}

func historyOfChange(t *testing.T, h *Harness) {
	h.needs(t, History)
	s := open(t, h)
	tab := historic()
	s.load(tab, destination.Counts{Inserted: 2}, []Row{hrow(1, "a", 1, 1), hrow(2, "a", 1, 1)})
	s.load(tab, destination.Counts{Updated: 1, Inserted: 1}, []Row{hrow(1, "b", 2, 1), hrow(3, "a", 2, 1)})
	s.reopen()
	s.load(tab, destination.Counts{Updated: 1}, []Row{hrow(1, "a", 3, 1)})
	s.expect(tab, hrow(1, "a", 1, 1).kept(1, 1, hour(2)), hrow(1, "b", 2, 1).kept(2, 1, hour(3)), hrow(1, "a", 3, 1), hrow(2, "a", 1, 1), hrow(3, "a", 2, 1))
}

func historyNotGivenUp(t *testing.T, h *Harness) {
	h.needs(t, History)
	s := open(t, h)
	s.load(historic(), destination.Counts{Inserted: 1}, []Row{hrow(1, "a", 1, 1)})
	l, err := s.d.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Migrate(t.Context(), versioned(table.Upsert, false)); err == nil || !strings.Contains(err.Error(), "history") {
		t.Errorf("rows would take the place of all versions: %v", err)
	}
	if err := l.Rollback(); err != nil {
		t.Error(err)
	}
	s.load(versioned(table.AppendOnly, false), destination.Counts{Inserted: 1}, []Row{vrow(2, "b", nil, 1)}) // which takes no row's place
	s.load(historic(), destination.Counts{Updated: 1}, []Row{hrow(1, "b", 2, 1)})
}

// historyOfAnyName has columns, in the key and beside it, with names that queries use, or may.
func historyOfAnyName(t *testing.T, h *Harness) {
	h.needs(t, History)
	s := open(t, h)
	for _, name := range []string{"newest", "since", "before", "known", "first", "last", "next", "fresh", "version", "n", "t", "s", "k", "v"} {
		for _, key := range [][]int{{0}, {0, 1}} {
			tab := historic()
			tab.Name, tab.Key = fmt.Sprintf("%s_in_key_of_%d", name, len(key)), key
			tab.Columns[1].Name = name
			s.load(tab, destination.Counts{Inserted: 1}, []Row{hrow(1, "a", 2, 1)})
			s.load(tab, destination.Counts{Inserted: 1, Updated: 2}, []Row{hrow(1, "a", 1, 1), hrow(2, "b", 3, 1), hrow(2, "b", 4, 1)})
			s.expect(tab, hrow(1, "a", 2, 1), hrow(2, "b", 3, 1).kept(4, 1, nil))
		}
	}
}

func historyOfEqual(t *testing.T, h *Harness) {
	h.needs(t, History)
	s := open(t, h)
	tab := historic()
	s.load(tab, destination.Counts{Inserted: 2}, []Row{hrow(1, "a", 1, 1), hrow(2, nil, 1, 1)})
	s.load(tab, destination.Counts{Updated: 2}, []Row{hrow(1, "a", 5, 9), hrow(2, nil, 5, 9)})
	s.expect(tab, hrow(1, "a", 1, 1).kept(5, 9, nil), hrow(2, nil, 1, 1).kept(5, 9, nil))
}

// manyVersions are the rows of one key, of which two equal the one before, and of another.
var manyVersions = []Row{hrow(1, "a", 1, 1), hrow(2, "x", 1, 1), hrow(1, "b", 2, 1), hrow(1, "b", 3, 1), hrow(1, "a", 4, 1), hrow(2, "x", 5, 1), hrow(1, "c", 6, 1)}

var manyStored = []Row{
	hrow(1, "a", 1, 1).kept(1, 1, hour(2)), hrow(1, "b", 2, 1).kept(3, 1, hour(4)), hrow(1, "a", 4, 1).kept(4, 1, hour(6)), hrow(1, "c", 6, 1),
	hrow(2, "x", 1, 1).kept(5, 1, nil),
}

func historyWithinBatch(t *testing.T, h *Harness) {
	h.needs(t, History)
	s := open(t, h)
	s.load(historic(), destination.Counts{Inserted: 2, Updated: 5}, manyVersions)
	s.expect(historic(), manyStored...)
}

func historyAcrossBatches(t *testing.T, h *Harness) {
	h.needs(t, History)
	s := open(t, h)
	for cut := 1; cut < len(manyVersions); cut++ {
		tab := historic()
		tab.Name = hour(cut).Format("h15")
		l := s.begin()
		l.migrate(tab)
		l.add(tab, destination.Counts{Inserted: int64(min(cut, 2)), Updated: int64(cut - min(cut, 2))}, manyVersions[:cut])
		rest := manyVersions[cut:]
		known := int64(len(rest) - max(0, 2-cut))
		l.add(tab, destination.Counts{Inserted: int64(len(rest)) - known, Updated: known}, rest[:1], rest[1:])
		l.commit(checkpoint(nil))
		s.expect(tab, manyStored...)
	}
}

func historyOfNull(t *testing.T, h *Harness) {
	h.needs(t, History)
	s := open(t, h)
	tab := historic()
	for i, note := range []any{nil, nil, "a", nil, ""} {
		counts := destination.Counts{Updated: 1}
		if i == 0 {
			counts = destination.Counts{Inserted: 1}
		}
		s.load(tab, counts, []Row{hrow(1, note, i, 1)})
	}
	s.expect(tab, hrow(1, nil, 0, 1).kept(1, 1, hour(2)), hrow(1, "a", 2, 1).kept(2, 1, hour(3)), hrow(1, nil, 3, 1).kept(3, 1, hour(4)), hrow(1, "", 4, 1))
}

func historyOfDeletion(t *testing.T, h *Harness) {
	h.needs(t, History)
	s := open(t, h)
	tab := historic()
	deleted := hrow(1, "a", 2, 1)
	deleted[3] = at
	s.load(tab, destination.Counts{Inserted: 1, Updated: 1}, []Row{hrow(1, "a", 1, 1), deleted})
	s.expect(tab, hrow(1, "a", 1, 1).kept(1, 1, hour(2)), deleted)
	s.load(tab, destination.Counts{Updated: 1}, []Row{hrow(1, "a", 3, 1)})
	s.expect(tab, hrow(1, "a", 1, 1).kept(1, 1, hour(2)), deleted.kept(2, 1, hour(3)), hrow(1, "a", 3, 1))
}

func historyReplayed(t *testing.T, h *Harness) {
	h.needs(t, History)
	s := open(t, h)
	tab := historic()
	s.load(tab, destination.Counts{Inserted: 2}, []Row{hrow(1, "a", 1, 1), hrow(2, "b", 1, 1)})
	batch := []Row{hrow(1, "c", 2, 1), hrow(2, "b", 2, 1), hrow(3, "d", 2, 1)}
	s.load(tab, destination.Counts{Inserted: 1, Updated: 2}, batch)
	want := []Row{hrow(1, "a", 1, 1).kept(1, 1, hour(2)), hrow(1, "c", 2, 1), hrow(2, "b", 1, 1).kept(2, 1, nil), hrow(3, "d", 2, 1)}
	s.expect(tab, want...)
	s.reopen()
	s.load(tab, destination.Counts{Updated: 3}, batch)
	s.expect(tab, want...)
}

func historyReplayedVersions(t *testing.T, h *Harness) {
	h.needs(t, History)
	s := open(t, h)
	s.load(historic(), destination.Counts{Inserted: 2, Updated: 5}, manyVersions)
	s.load(historic(), destination.Counts{Updated: 7}, manyVersions)
	s.expect(historic(), manyStored...)
	s.reopen()
	for i := range manyVersions {
		s.load(historic(), destination.Counts{Updated: int64(len(manyVersions) - i)}, manyVersions[i:])
		s.expect(historic(), manyStored...)
	}
	// Another table that is written meanwhile, and other keys, have times of their own.
	other := historic()
	other.Name = "other"
	s.load(other, destination.Counts{Inserted: 1}, []Row{hrow(1, "a", 1, 1)})
	s.load(historic(), destination.Counts{Inserted: 1}, []Row{hrow(3, "a", 1, 1)})
	s.expect(other, hrow(1, "a", 1, 1))
	s.expect(historic(), append(manyStored[:len(manyStored):len(manyStored)], hrow(3, "a", 1, 1))...)
}

// lateRows are rows of one key of which some come too late. What counts is when the newest version began, not when it was
// last extracted; a row as old as that is not late.
var lateRows = []Row{hrow(1, "a", 3, 1), hrow(1, "b", 2, 1), hrow(1, "a", 7, 1), hrow(1, "c", 6, 1), hrow(1, "d", 4, 1), hrow(1, "c", 5, 1), hrow(1, "c", 9, 1),
	hrow(1, "a", 3, 1), hrow(1, "e", 6, 1), hrow(1, "c", 5, 1), hrow(1, "e", 8, 1)}

var lateStored = []Row{hrow(1, "a", 3, 1).kept(7, 1, hour(6)), hrow(1, "c", 6, 1).kept(9, 1, hour(6)), hrow(1, "e", 6, 1).kept(8, 1, nil)}

func historyOfLateRows(t *testing.T, h *Harness) {
	h.needs(t, History)
	s := open(t, h)
	for cut := 1; cut <= len(lateRows); cut++ {
		tab := historic()
		tab.Name = hour(cut).Format("h15")
		s.load(tab, destination.Counts{Inserted: 1, Updated: int64(cut - 1)}, lateRows[:cut])
		if rest := lateRows[cut:]; len(rest) > 0 {
			s.load(tab, destination.Counts{Updated: int64(len(rest))}, rest)
		}
		s.expect(tab, lateStored...)
	}
}

func historyActivate(t *testing.T, h *Harness) {
	h.needs(t, History)
	s := open(t, h)
	tab := historic()
	s.load(tab, destination.Counts{Inserted: 3, Updated: 1}, []Row{hrow(1, "a", 1, 1), hrow(2, "a", 1, 1), hrow(2, "b", 2, 1), hrow(3, "a", 1, 2)})
	s.activated(tab, activation(2), destination.Counts{Deleted: 2})
	first, second := hrow(1, "a", 1, 1).kept(1, 1, at), hrow(2, "b", 2, 1).kept(2, 1, at)
	first[3], second[3] = at, at
	want := []Row{first, hrow(2, "a", 1, 1).kept(1, 1, hour(2)), second, hrow(3, "a", 1, 2)}
	s.expect(tab, want...)
	again := activation(2)
	again.AtMicros += 1e6
	s.activated(tab, again, destination.Counts{})
	s.expect(tab, want...)
	// It was gone from the source between the two versions, so the first one's end stays.
	s.load(tab, destination.Counts{Updated: 1}, []Row{hrow(1, "a", 23, 2)})
	s.expect(tab, append(want, hrow(1, "a", 23, 2))...)
}

func historyNewColumn(t *testing.T, h *Harness) {
	h.needs(t, History)
	s := open(t, h)
	s.load(historic(), destination.Counts{Inserted: 3}, []Row{hrow(1, "a", 1, 1), hrow(2, "a", 1, 1), hrow(3, "a", 1, 1)})
	wide := historic()
	wide.Columns = append(wide.Columns[:2:2], append([]table.Column{paid}, wide.Columns[2:]...)...)
	with := func(r Row, paid any) Row { return append(append(r[:2:2], paid), r[2:]...) }
	s.load(wide, destination.Counts{Updated: 2}, []Row{with(hrow(1, "a", 2, 1), true), with(hrow(2, "a", 2, 1), nil)})
	s.expect(wide, with(hrow(1, "a", 1, 1).kept(1, 1, hour(2)), nil), with(hrow(1, "a", 2, 1), true), with(hrow(2, "a", 1, 1).kept(2, 1, nil), nil),
		with(hrow(3, "a", 1, 1), nil))
	// The column is gone from the SCHEMA, so the row has no value there any more.
	s.load(historic(), destination.Counts{Updated: 2}, []Row{hrow(1, "a", 3, 1), hrow(3, "a", 3, 1)})
	s.expect(wide, with(hrow(1, "a", 1, 1).kept(1, 1, hour(2)), nil), with(hrow(1, "a", 2, 1).kept(2, 1, hour(3)), true), with(hrow(1, "a", 3, 1), nil),
		with(hrow(2, "a", 1, 1).kept(2, 1, nil), nil), with(hrow(3, "a", 1, 1).kept(3, 1, nil), nil))
}

func historyOfSeveralColumns(t *testing.T, h *Harness) {
	h.needs(t, History)
	s := open(t, h)
	tab := historic()
	tab.Key = []int{1, 0}
	tab.Columns[1].Nullable = false
	tab.Columns = append(tab.Columns[:2:2], append([]table.Column{paid}, tab.Columns[2:]...)...)
	with := func(r Row, paid bool) Row { return append(append(r[:2:2], paid), r[2:]...) }
	s.load(tab, destination.Counts{Inserted: 3}, []Row{with(hrow(1, "a", 1, 1), true), with(hrow(1, "b", 1, 1), true), with(hrow(2, "a", 1, 1), true)})
	s.load(tab, destination.Counts{Updated: 2}, []Row{with(hrow(1, "b", 2, 1), false), with(hrow(2, "a", 2, 1), true)})
	s.expect(tab, with(hrow(1, "a", 1, 1), true), with(hrow(1, "b", 1, 1).kept(1, 1, hour(2)), true), with(hrow(1, "b", 2, 1), false),
		with(hrow(2, "a", 1, 1).kept(2, 1, nil), true))
}

func historyRolledBack(t *testing.T, h *Harness) {
	h.needs(t, History)
	s := open(t, h)
	tab := historic()
	s.load(tab, destination.Counts{Inserted: 1}, []Row{hrow(1, "a", 1, 1)})
	l := s.begin()
	l.migrate(tab)
	l.add(tab, destination.Counts{Updated: 1}, []Row{hrow(1, "b", 2, 1)})
	l.rollback()
	s.expect(tab, hrow(1, "a", 1, 1))
}
