package destinationtest

import (
	"testing"
	"time"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

var deleteChecks = []check{
	{"a row with a time of deletion deletes its key", hardDeleteRow},
	{"a deletion of an unknown key does nothing", hardDeleteUnknown},
	{"a deleted key can come back within a batch and later", hardDeleteAndBack},
	{"a deletion within a batch counts each step", hardDeleteCounts},
	{"without hard deletes a deleted row stays and is marked", softDeleteRow},
	{"a deletion without a key is a row", deleteWithoutKey},
	{"activating marks strictly older rows", softActivate},
	{"activating marks rows without a version only if asked to", softActivateUnversioned},
	{"activating again marks nothing", softActivateAgain},
	{"a marked row that returns is no longer marked", softActivateReturn},
	{"a row that comes without a version is of none", losesVersion},
	{"activating deletes strictly older rows", hardActivate},
	{"activating sees the rows of its own load", activateOwnLoad},
	{"activating marks every older row of an append-only table", activateAppendOnly},
	{"activating is undone by rollback", activateRolledBack},
	{"activating leaves other tables alone", activateOtherTable},
}

// at is when the source's rows were found gone.
var at = time.Date(2026, 3, 4, 5, 6, 7, 890123000, time.UTC)

// activation is one of a version at that time.
func activation(version int64) destination.Activation {
	return destination.Activation{Version: version, AtMicros: at.UnixMicro()}
}

// versioned is keyed with the metadata that decides about rows.
func versioned(method table.Method, hard bool) *table.Table {
	t := keyed()
	t.Method, t.HardDelete = method, hard
	for _, m := range table.Metadata {
		switch m.Name {
		case table.ExtractedAt, table.DeletedAt, table.TableVersion:
			t.Columns = append(t.Columns, m)
		}
	}
	return t
}

// vrow is a row of versioned.
func vrow(id int64, note string, deleted, version any) Row {
	if n, ok := version.(int); ok {
		version = int64(n)
	}
	return Row{id, note, at.Add(-time.Hour), deleted, version}
}

func hardDeleteRow(t *testing.T, h *Harness) {
	h.needs(t, Upsert, HardDelete)
	s := open(t, h)
	tab := versioned(table.Upsert, true)
	s.load(tab, destination.Counts{Inserted: 3}, []Row{vrow(1, "a", nil, 1), vrow(2, "b", nil, 1), vrow(3, "c", nil, 1)})
	s.load(tab, destination.Counts{Updated: 1, Deleted: 1}, []Row{vrow(2, "b", at, 1), vrow(3, "d", nil, 1)})
	s.expect(tab, vrow(1, "a", nil, 1), vrow(3, "d", nil, 1))
}

func hardDeleteUnknown(t *testing.T, h *Harness) {
	h.needs(t, Upsert, HardDelete)
	s := open(t, h)
	tab := versioned(table.Upsert, true)
	s.load(tab, destination.Counts{}, []Row{vrow(1, "a", at, 1)})
	s.load(tab, destination.Counts{Inserted: 1}, []Row{vrow(2, "b", nil, 1), vrow(3, "c", at, nil)})
	s.expect(tab, vrow(2, "b", nil, 1))
}

func hardDeleteAndBack(t *testing.T, h *Harness) {
	h.needs(t, Upsert, HardDelete)
	s := open(t, h)
	tab := versioned(table.Upsert, true)
	s.load(tab, destination.Counts{Inserted: 2}, []Row{vrow(1, "a", nil, 1), vrow(2, "a", nil, 1)})
	s.load(tab, destination.Counts{Inserted: 1, Deleted: 2}, []Row{vrow(1, "", at, 1), vrow(1, "b", nil, 1), vrow(2, "", at, 1)})
	s.expect(tab, vrow(1, "b", nil, 1))
	l := s.begin()
	l.migrate(tab)
	l.add(tab, destination.Counts{Deleted: 1}, []Row{vrow(1, "", at, 1)})
	l.add(tab, destination.Counts{Inserted: 2}, []Row{vrow(1, "c", nil, 1), vrow(2, "c", nil, 1)})
	l.commit(checkpoint(nil))
	s.expect(tab, vrow(1, "c", nil, 1), vrow(2, "c", nil, 1))
}

func hardDeleteCounts(t *testing.T, h *Harness) {
	h.needs(t, Upsert, HardDelete)
	s := open(t, h)
	tab := versioned(table.Upsert, true)
	s.load(tab, destination.Counts{Inserted: 2, Updated: 1, Deleted: 2},
		[]Row{vrow(1, "a", nil, 1), vrow(1, "b", nil, 1), vrow(1, "", at, 1), vrow(1, "", at, 1)}, []Row{vrow(1, "c", nil, 1), vrow(1, "", at, 1)})
	s.expect(tab)
}

func softDeleteRow(t *testing.T, h *Harness) {
	h.needs(t, Upsert)
	s := open(t, h)
	tab := versioned(table.Upsert, false)
	s.load(tab, destination.Counts{Inserted: 2}, []Row{vrow(1, "a", nil, 1), vrow(2, "b", nil, 1)})
	s.load(tab, destination.Counts{Inserted: 1, Updated: 1}, []Row{vrow(1, "a", at, 1), vrow(3, "c", at, 1)})
	s.expect(tab, vrow(1, "a", at, 1), vrow(2, "b", nil, 1), vrow(3, "c", at, 1))
	s.load(tab, destination.Counts{Updated: 1}, []Row{vrow(1, "d", nil, 1)})
	s.expect(tab, vrow(1, "d", nil, 1), vrow(2, "b", nil, 1), vrow(3, "c", at, 1))
}

func deleteWithoutKey(t *testing.T, h *Harness) {
	h.needs(t, HardDelete)
	s := open(t, h)
	for _, name := range []string{"keyless", "append-only"} {
		tab := versioned(table.Upsert, true)
		tab.Name = name
		if name == "keyless" {
			tab.Key = nil
		} else {
			tab.Method = table.AppendOnly
		}
		s.load(tab, destination.Counts{Inserted: 2}, []Row{vrow(1, "a", nil, 1), vrow(1, "a", at, 1)})
		s.expect(tab, vrow(1, "a", nil, 1), vrow(1, "a", at, 1))
	}
}

func softActivate(t *testing.T, h *Harness) {
	h.needs(t, SoftDelete)
	s := open(t, h)
	tab := versioned(table.Upsert, false)
	before := at.Add(-time.Minute)
	s.load(tab, destination.Counts{Inserted: 5},
		[]Row{vrow(1, "older", nil, 4), vrow(2, "equal", nil, 5), vrow(3, "newer", nil, 6), vrow(4, "none", nil, nil), vrow(5, "deleted", before, 4)})
	s.activated(tab, activation(5), destination.Counts{Deleted: 1})
	s.expect(tab, vrow(1, "older", at, 4), vrow(2, "equal", nil, 5), vrow(3, "newer", nil, 6), vrow(4, "none", nil, nil), vrow(5, "deleted", before, 4))
}

func softActivateUnversioned(t *testing.T, h *Harness) {
	h.needs(t, SoftDelete)
	s := open(t, h)
	tab := versioned(table.Upsert, false)
	s.load(tab, destination.Counts{Inserted: 3}, []Row{vrow(1, "none", nil, nil), vrow(2, "equal", nil, 5), vrow(3, "older", nil, -1)})
	a := activation(5)
	s.activated(tab, a, destination.Counts{Deleted: 1})
	s.expect(tab, vrow(1, "none", nil, nil), vrow(2, "equal", nil, 5), vrow(3, "older", at, -1))
	a.Unversioned = true
	s.activated(tab, a, destination.Counts{Deleted: 1})
	s.expect(tab, vrow(1, "none", at, nil), vrow(2, "equal", nil, 5), vrow(3, "older", at, -1))
}

func softActivateAgain(t *testing.T, h *Harness) {
	h.needs(t, SoftDelete)
	s := open(t, h)
	tab := versioned(table.Upsert, false)
	s.load(tab, destination.Counts{Inserted: 2}, []Row{vrow(1, "a", nil, 1), vrow(2, "b", nil, 2)})
	s.activated(tab, activation(2), destination.Counts{Deleted: 1})
	later := activation(2)
	later.AtMicros += 1e6
	s.activated(tab, later, destination.Counts{})
	lower := activation(1)
	s.activated(tab, lower, destination.Counts{})
	s.expect(tab, vrow(1, "a", at, 1), vrow(2, "b", nil, 2))
}

func softActivateReturn(t *testing.T, h *Harness) {
	h.needs(t, Upsert, SoftDelete)
	s := open(t, h)
	tab := versioned(table.Upsert, false)
	s.load(tab, destination.Counts{Inserted: 1}, []Row{vrow(1, "a", nil, 1)})
	s.activated(tab, activation(2), destination.Counts{Deleted: 1})
	s.load(tab, destination.Counts{Updated: 1}, []Row{vrow(1, "b", nil, 2)})
	s.activated(tab, activation(2), destination.Counts{})
	s.expect(tab, vrow(1, "b", nil, 2))
}

func losesVersion(t *testing.T, h *Harness) {
	h.needs(t, Upsert, SoftDelete)
	s := open(t, h)
	tab := versioned(table.Upsert, false)
	s.load(tab, destination.Counts{Inserted: 2}, []Row{vrow(1, "a", nil, 1), vrow(2, "b", nil, 1)})
	s.load(keyed(), destination.Counts{Updated: 1}, []Row{{int64(1), "a"}})
	s.activated(tab, activation(2), destination.Counts{Deleted: 1})
	s.expect(tab, Row{int64(1), "a", nil, nil, nil}, vrow(2, "b", at, 1))
}

func hardActivate(t *testing.T, h *Harness) {
	h.needs(t, HardDelete)
	s := open(t, h)
	tab := versioned(table.Upsert, true)
	s.load(tab, destination.Counts{Inserted: 5},
		[]Row{vrow(1, "older", nil, 4), vrow(2, "equal", nil, 5), vrow(3, "newer", nil, 6), vrow(4, "none", nil, nil), vrow(5, "older", nil, 3)})
	s.activated(tab, activation(5), destination.Counts{Deleted: 2})
	s.expect(tab, vrow(2, "equal", nil, 5), vrow(3, "newer", nil, 6), vrow(4, "none", nil, nil))
	a := activation(6)
	a.Unversioned = true
	s.activated(tab, a, destination.Counts{Deleted: 2})
	s.activated(tab, a, destination.Counts{})
	s.expect(tab, vrow(3, "newer", nil, 6))
}

func activateOwnLoad(t *testing.T, h *Harness) {
	h.needs(t, Upsert, SoftDelete)
	s := open(t, h)
	tab := versioned(table.Upsert, false)
	s.load(tab, destination.Counts{Inserted: 2}, []Row{vrow(1, "a", nil, 1), vrow(2, "a", nil, 1)})
	l := s.begin()
	l.migrate(tab)
	l.add(tab, destination.Counts{Inserted: 1, Updated: 1}, []Row{vrow(2, "b", nil, 2), vrow(3, "b", nil, 1)})
	l.activate(tab, activation(2), destination.Counts{Deleted: 2})
	l.commit(checkpoint(nil))
	s.expect(tab, vrow(1, "a", at, 1), vrow(2, "b", nil, 2), vrow(3, "b", at, 1))
}

func activateAppendOnly(t *testing.T, h *Harness) {
	h.needs(t, SoftDelete)
	s := open(t, h)
	tab := versioned(table.AppendOnly, false)
	s.load(tab, destination.Counts{Inserted: 3}, []Row{vrow(1, "a", nil, 1), vrow(1, "b", nil, 1), vrow(1, "c", nil, 2)})
	s.activated(tab, activation(2), destination.Counts{Deleted: 2})
	s.expect(tab, vrow(1, "a", at, 1), vrow(1, "b", at, 1), vrow(1, "c", nil, 2))
}

func activateRolledBack(t *testing.T, h *Harness) {
	s := open(t, h)
	for _, ability := range []Ability{SoftDelete, HardDelete} {
		if !h.can(ability) {
			continue
		}
		tab := versioned(table.Upsert, ability == HardDelete)
		tab.Name = string(ability)
		s.load(tab, destination.Counts{Inserted: 1}, []Row{vrow(1, "a", nil, 1)})
		l := s.begin()
		l.migrate(tab)
		l.activate(tab, activation(2), destination.Counts{Deleted: 1})
		l.rollback()
		s.expect(tab, vrow(1, "a", nil, 1))
	}
}

func activateOtherTable(t *testing.T, h *Harness) {
	h.needs(t, HardDelete)
	s := open(t, h)
	tab, other := versioned(table.Upsert, true), versioned(table.Upsert, true)
	other.Name = "others"
	s.load(tab, destination.Counts{Inserted: 1}, []Row{vrow(1, "a", nil, 1)})
	s.load(other, destination.Counts{Inserted: 1}, []Row{vrow(1, "a", nil, 1)})
	s.activated(tab, activation(2), destination.Counts{Deleted: 1})
	s.expect(tab)
	s.expect(other, vrow(1, "a", nil, 1))
}
