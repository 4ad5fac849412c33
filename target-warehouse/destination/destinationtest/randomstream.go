package destinationtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"tapline/target-warehouse/table"
)

// randomStream makes shapes and rows of one table.
type randomStream struct {
	name        string
	method      table.Method
	hard        bool // deletes rows
	keyed       bool
	changesKey  bool
	changesType bool
	canActivate bool
	version     int64
	values      []table.Column // columns of the next shape between the key and the metadata
	keyType     table.Column
	wideKey     bool // the next shape has a key of two columns
}

// newRandomStream chooses a way of loading that the engine can do.
func newRandomStream(r *rand.Rand, h *Harness, name string) *randomStream {
	s := &randomStream{name: name, version: 1, changesType: h.can(Alter), keyType: table.Column{Type: table.Integer}}
	switch kinds := []string{"upsert", "upsert", "hard", "history", "history", "append", "overwrite", "keyless"}; kinds[r.IntN(len(kinds))] {
	case "upsert":
		s.keyed, s.changesKey = h.can(Upsert), h.can(Upsert)
		s.canActivate = h.can(SoftDelete)
	case "hard":
		s.keyed, s.hard = h.can(Upsert), h.can(HardDelete)
		s.canActivate = s.hard || h.can(SoftDelete)
	case "history":
		if s.keyed = h.can(History); s.keyed {
			s.method = table.History
		}
		s.canActivate = s.keyed
	case "overwrite":
		s.method, s.keyed, s.canActivate = table.Overwrite, h.can(Upsert), true
	case "append":
		s.method, s.keyed, s.canActivate = table.AppendOnly, true, h.can(SoftDelete)
	default:
		s.canActivate = h.can(SoftDelete)
	}
	for range 3 {
		s.values = append(s.values, s.newColumn(r))
	}
	return s
}

// randomTypes are the types of columns and some of their values. No value of one type is spelled like one of another that
// an engine may tell apart once both are JSON.
var randomTypes = []typed{
	{"boolean", table.Column{Type: table.Boolean}, []any{true, false}},
	{"integer", table.Column{Type: table.Integer}, []any{int64(0), int64(-7), int64(1<<53 + 1), int64(-1 << 63)}},
	{"number", table.Column{Type: table.Number}, []any{0.5, -2.75, 1.5e-7, 1e300}},
	{"text", table.Column{Type: table.Text}, []any{"", "x", "NULL", `é "quoted" \`}},
	{"timestamp", table.Column{Type: table.Timestamp}, []any{at, at.Add(time.Microsecond), time.Date(1, 2, 3, 4, 5, 6, 7000, time.UTC)}},
	{"date", table.Column{Type: table.Date}, []any{day(2024, 2, 29), day(9999, 12, 31)}},
	{"json", table.Column{Type: table.JSON}, []any{`{"a": 1}`, `[]`, `null`, `"j"`}},
	{"decimal", table.Column{Type: table.Decimal}, []any{"0.1", "-12345678901234567890123456789012345678901.25"}},
	{"cents", table.Column{Type: table.Decimal, Precision: 5, Scale: 2}, []any{"12.3", "-0.01", "999.99"}},
}

func (s *randomStream) newColumn(r *rand.Rand) table.Column {
	c := randomTypes[r.IntN(len(randomTypes))].column
	c.Name, c.Nullable = fmt.Sprint("v", r.IntN(5)), true
	c.Property = c.Name
	return c
}

// shape is the next version of the table, which differs a little from the one before at times.
func (s *randomStream) shape(r *rand.Rand) *table.Table {
	switch r.IntN(8) {
	case 0:
		s.values = append(s.values, s.newColumn(r))
	case 1:
		i := r.IntN(len(s.values))
		s.values = append(slices.Delete(slices.Clone(s.values), i, i+1), s.newColumn(r))
	case 2:
		r.Shuffle(len(s.values), func(i, j int) { s.values[i], s.values[j] = s.values[j], s.values[i] })
	case 3:
		s.wideKey = s.changesKey && r.IntN(2) == 0
	case 4:
		if s.changesType && r.IntN(4) == 0 {
			s.keyType = []table.Column{{Type: table.Integer}, {Type: table.Text}, {Type: table.Decimal}}[r.IntN(3)]
		}
	}
	return s.table()
}

func (s *randomStream) table() *table.Table {
	t := &table.Table{Stream: s.name, Schema: "shop", Name: s.name, Method: s.method, HardDelete: s.hard}
	id := s.keyType
	id.Name, id.Property, id.Nullable = "id", "id", true
	t.Columns = append(t.Columns, id, table.Column{Name: "region", Property: "region", Type: table.Text, Nullable: true})
	if s.keyed {
		t.Key = []int{0}
		if s.wideKey {
			t.Key = []int{1, 0}
		}
	}
	for _, i := range t.Key {
		t.Columns[i].Nullable = false
	}
	for _, c := range s.values {
		if !s.changesType {
			// Every name has a type of its own.
			typ := randomTypes[int(c.Name[1]-'0')%len(randomTypes)].column
			c.Type, c.Precision, c.Scale = typ.Type, typ.Precision, typ.Scale
		}
		if !slices.ContainsFunc(t.Columns, func(o table.Column) bool { return o.Name == c.Name }) {
			t.Columns = append(t.Columns, c)
		}
	}
	t.Columns = append(t.Columns, table.Metadata...)
	if s.method == table.History {
		for _, name := range []string{table.ValidFrom, table.ValidTo} {
			t.Columns = append(t.Columns, table.Column{Name: name, Type: table.Timestamp, Nullable: true})
		}
	}
	return t
}

// compared leaves out the columns that say how a row came, where a row that came again unchanged need not be written
// again.
func (s *randomStream) compared(columns []table.Column) []table.Column {
	if !s.keyed || s.method == table.History || s.method == table.AppendOnly {
		return columns
	}
	return slices.DeleteFunc(slices.Clone(columns), func(c table.Column) bool {
		return strings.HasPrefix(c.Name, "_sdc_") && c.Name != table.DeletedAt && c.Name != table.TableVersion
	})
}

// row makes a row, often of a key that is there already.
func (s *randomStream) row(r *rand.Rand, t *table.Table, extracted time.Time) Row {
	row := make(Row, len(t.Columns))
	for i, c := range t.Columns {
		switch c.Name {
		case "id":
			n := int64(r.IntN(9))
			if row[i] = n; c.Type != table.Integer {
				row[i] = fmt.Sprint(n)
			}
		case "region":
			if row[i] = []string{"north", "south"}[r.IntN(2)]; c.Nullable && r.IntN(3) == 0 {
				row[i] = nil
			}
		case table.ExtractedAt, table.ValidFrom, "_sdc_received_at":
			row[i] = extracted
		case table.DeletedAt:
			if s.method != table.History && r.IntN(6) == 0 {
				row[i] = extracted
			}
		case table.TableVersion:
			if n := r.IntN(4); n > 0 {
				row[i] = s.version - int64(n/3)
			}
		default:
			row[i] = randomValue(r, c)
		}
	}
	return row
}

func randomValue(r *rand.Rand, c table.Column) any {
	if strings.HasPrefix(c.Name, "_sdc_") || c.Name == table.ValidTo || r.IntN(4) == 0 {
		return nil
	}
	i := slices.IndexFunc(randomTypes, func(k typed) bool { return k.column.Type == c.Type && k.column.Precision == c.Precision })
	return randomTypes[i].values[r.IntN(len(randomTypes[i].values))]
}

// describe says what a reader of a failure has to know of a shape.
func describe(t *table.Table) string {
	var columns []string
	for _, c := range t.Columns {
		if !strings.HasPrefix(c.Name, "_sdc_") {
			columns = append(columns, c.Name+" "+typeName(c))
		}
	}
	return fmt.Sprintf("%s by method %d, hard deletes %v, key %v: %s", t.Name, t.Method, t.HardDelete, t.Key, strings.Join(columns, ", "))
}
