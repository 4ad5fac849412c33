package destinationtest

import (
	"fmt"
	"strings"
	"testing"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

var nameChecks = []check{
	{"names of 300 bytes that differ only at their end stay apart", longNames},
	{"columns named by reserved words hold values and keys", reservedNames},
	{"tables whose names differ only in case are kept apart or refused", caseTwins},
	{"names of tapline's own tables are refused to a stream", ownNames},
}

func longNames(t *testing.T, h *Harness) {
	s := open(t, h)
	long := strings.Repeat("ein sehr langer Name ", 14) + "für " // 300 bytes with the ends
	var tables []*table.Table
	for i := range 2 {
		tab := keyed()
		tab.Name = fmt.Sprint(long, i)
		for j := range 3 {
			name := fmt.Sprint(long, "ö", j)
			tab.Columns = append(tab.Columns, table.Column{Name: name, Property: name, Type: table.Text, Nullable: true})
		}
		tables = append(tables, tab)
	}
	for round := range 2 {
		for i, tab := range tables {
			row := Row{int64(round), fmt.Sprint("table ", i), "first", "second", fmt.Sprint("third ", round)}
			m := s.load(tab, destination.Counts{Inserted: 1}, []Row{row})
			names := map[string]bool{}
			for _, c := range m.Columns {
				names[c.Name] = true
			}
			if len(names) != len(tab.Columns) {
				t.Errorf("columns share a name: %+v", m.Columns)
			}
			if round > 0 {
				wantChanges(t, m)
			}
		}
		s.reopen()
	}
	for i, tab := range tables {
		note := fmt.Sprint("table ", i)
		s.expect(tab, Row{int64(0), note, "first", "second", "third 0"}, Row{int64(1), note, "first", "second", "third 1"})
		s.expectCount(tab.Schema, tab.Name, 2, true)
	}
}

func reservedNames(t *testing.T, h *Harness) {
	words := strings.Fields("select from where group user table primary all and cast default in is null true values rowid ctid oid xmin tableoid")
	tab := &table.Table{Stream: "words", Schema: "table", Name: "select", Key: []int{0, 1}}
	var row Row
	for i, word := range words {
		switch word {
		case "ctid", "oid", "xmin", "tableoid":
			word += "_" // PostgreSQL's system columns cannot be columns; package table does not rename them
		}
		tab.Columns = append(tab.Columns, table.Column{Name: word, Property: word, Type: table.Text, Nullable: i > 1})
		row = append(row, word)
	}
	s := open(t, h)
	s.load(tab, destination.Counts{Inserted: 1}, []Row{row})
	s.expect(tab, row)
	if h.can(Upsert) {
		row[2] = "changed"
		s.load(tab, destination.Counts{Updated: 1}, []Row{row})
		s.expect(tab, row)
	}
}

func caseTwins(t *testing.T, h *Harness) {
	s := open(t, h)
	upper, lower := keyless(), keyless()
	upper.Stream, upper.Name = "Orders", "Orders"
	s.load(upper, destination.Counts{Inserted: 1}, []Row{{int64(1), "upper"}})
	l := s.begin()
	if _, err := l.Load.Migrate(t.Context(), lower); err != nil {
		wantWords(t, err, `"Orders"`, `"orders"`)
		l.rollback()
	} else {
		l.add(lower, destination.Counts{Inserted: 1}, []Row{{int64(1), "lower"}})
		l.commit(checkpoint(nil))
		s.expect(lower, Row{int64(1), "lower"})
	}
	s.expect(upper, Row{int64(1), "upper"})
}

func ownNames(t *testing.T, h *Harness) {
	s := open(t, h)
	s.begin().commit(checkpoint([]byte("1")))
	for _, own := range destination.OwnTables {
		tab := keyless()
		tab.Stream, tab.Schema, tab.Name = own.Name, "", own.Name
		s.begin().refuse(tab, own.Name)
	}
	s.expectStates(map[string]stateRow{"default": {1, "1", runID}})
}
