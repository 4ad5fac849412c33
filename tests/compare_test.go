package tests

import (
	"fmt"
	"math/big"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tableRow is a row of a table of the warehouse.
type tableRow struct {
	id   string
	row  sourceRow
	open bool // the newest of its history
}

// read reads a table; nothing if there is none.
func (m *matrix) read(t *testing.T, stream string) []tableRow {
	t.Helper()
	names, rows := m.place.read(t, stream)
	var all []tableRow
	for _, values := range rows {
		r := tableRow{open: true}
		for i, name := range names {
			if values[i] != nil {
				r.set(name, fmt.Sprint(values[i]))
			}
		}
		all = append(all, r)
	}
	return all
}

// set takes a value over that is not NULL.
func (r *tableRow) set(column, text string) {
	switch column {
	case "id":
		r.id = text
	case "position":
		r.row.position, _ = strconv.Atoi(text)
	case "note":
		r.row.note = text
	case "amount":
		r.row.amount = sameNumber(text)
	case "_sdc_deleted_at":
		r.row.gone = true
	case "_sdc_table_version":
		r.row.version, _ = strconv.ParseInt(text, 10, 64)
	case "_sdc_valid_to":
		r.open = false
	}
}

// sameNumber spells equal numbers alike and leaves other text.
func sameNumber(text string) string {
	if number, ok := new(big.Rat).SetString(text); ok {
		return number.RatString()
	}
	return text
}

// sent is how many runs may have sent a line.
func (m *matrix) sent(position int) int {
	runs := 0
	for _, start := range m.starts {
		if start <= position {
			runs++
		}
	}
	return runs
}

// compareCovered holds the warehouse against what the state in it promises: every record before it is in its table, or
// what became of it later, and no record is there more often than it was sent, nor twice where there is a key. Each
// record of a history differs from the one before, so that it is one version.
func (m *matrix) compareCovered(t *testing.T, state int) {
	t.Helper()
	for _, stream := range []string{"orders", "log", "prices", "catalogue"} {
		if m.way.replaces {
			break // what a table shows then belongs to versions, which compareEnd looks at
		}
		count, newest := map[int]int{}, map[string]int{}
		for _, r := range m.read(t, stream) {
			count[r.row.position]++
			newest[r.id] = max(newest[r.id], r.row.position+1)
		}
		repeats := stream == "log" || m.way.appends
		keepsAll := repeats || m.way.history && stream == "prices"
		for position, l := range m.source.lines {
			if l.kind != 'R' || l.stream != stream {
				continue
			}
			n := count[position]
			delete(count, position)
			switch {
			case n > m.sent(position) || n > 1 && !repeats:
				t.Errorf("%s: line %d is there %d times and was sent %d times", stream, position, n, m.sent(position))
			case position >= state || n > 0:
			case keepsAll || newest[l.id] <= position && !m.deletedSince(l, position):
				t.Errorf("%s: line %d is lost, which the state %d covers", stream, position, state)
			}
		}
		if len(count) > 0 {
			t.Errorf("%s has rows that were never sent: %v", stream, count)
		}
	}
}

// deletedSince tells whether a row may be gone from its table since the line that it stands at: the line itself or a
// later one deleted it.
func (m *matrix) deletedSince(l sourceLine, position int) bool {
	for _, later := range m.source.lines[position:] {
		gone := later.kind == 'R' && later.stream == l.stream && later.id == l.id && later.row.gone ||
			later.kind == 'V' && later.stream == l.stream && l.row.version < later.version
		if m.way.hard && gone {
			return true
		}
	}
	return false
}

// compareEnd compares the keyed tables with what the whole source leads to.
func (m *matrix) compareEnd(t *testing.T) {
	t.Helper()
	if m.way.appends {
		return
	}
	want := m.source.tables(len(m.source.lines), m.way.hard || m.way.replaces)
	if m.way.replaces {
		want = map[string]map[string]sourceRow{"catalogue": want["catalogue"]}
	}
	for stream, rows := range want {
		have := map[string]sourceRow{}
		for _, r := range m.read(t, stream) {
			if !r.open {
				continue
			}
			if other, twice := have[r.id]; twice && (!m.place.keepsKeys || other.position == r.row.position) {
				t.Errorf("%s has the key %s twice: %+v, %+v", stream, r.id, other, r.row)
			} else if other.position > r.row.position {
				continue
			}
			have[r.id] = r.row
		}
		for id, r := range rows {
			r.amount = sameNumber(r.amount)
			rows[id] = r
		}
		if diff := cmp.Diff(rows, have, cmp.AllowUnexported(sourceRow{})); diff != "" {
			t.Errorf("%s (-source +warehouse):\n%s", stream, diff)
		}
	}
}
