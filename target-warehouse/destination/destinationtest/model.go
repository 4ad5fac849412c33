package destinationtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// Model is the contract in its plainest form: tables are lists of rows, and what a Load does is done to one row after
// the other. The suite is held against it, and engines are held against it with random loads.
type Model struct {
	world *world
	// collecting has the tables whose hidden rows were collected since the Model was opened.
	collecting map[place]bool
}

var _ destination.Destination = (*Model)(nil)

// NewModel makes an empty warehouse.
func NewModel() *Model {
	return &Model{&world{map[place]*modelTable{}, map[place]*modelTable{}, map[*destination.OwnTable][]destination.Row{}}, map[place]bool{}}
}

// world is what is in a warehouse.
type world struct {
	tables, hidden map[place]*modelTable
	own            map[*destination.OwnTable][]destination.Row
}

type place struct{ schema, name string }

func placeOf(t *table.Table) place { return place{t.Schema, t.Name} }

// modelTable is a table. Its rows are never changed in place, so that copies may share them.
type modelTable struct {
	columns []table.Column // Name is as stored
	key     []string       // names of columns
	rows    []modelRow
	// known has the keys of the rows in these columns; it only spares a search for a key that is not there.
	known map[string]bool
	by    []string
}

// modelRow has the values that are not NULL by stored name.
type modelRow map[string]cell

// cell is a value as it came, with the type it came in. The zero cell is NULL.
type cell struct {
	typ   table.Type
	value any
}

func (w *world) clone() *world {
	tables := func(m map[place]*modelTable) map[place]*modelTable {
		copied := map[place]*modelTable{}
		for p, t := range m {
			copied[p] = &modelTable{columns: slices.Clone(t.columns), key: t.key, rows: slices.Clone(t.rows)}
		}
		return copied
	}
	own := map[*destination.OwnTable][]destination.Row{}
	for t, rows := range w.own {
		own[t] = slices.Clone(rows)
	}
	return &world{tables(w.tables), tables(w.hidden), own}
}

// Rows gives the values of the named columns of a table; NULL for a column that it has not.
func (m *Model) Rows(schema, name string, columns []string) []Row {
	t := m.world.tables[place{schema, name}]
	if t == nil {
		return nil
	}
	var rows []Row
	for _, r := range t.rows {
		var row Row
		for _, c := range columns {
			row = append(row, t.read(c, r[c]))
		}
		rows = append(rows, row)
	}
	return rows
}

// Begin implements [destination.Destination].
func (m *Model) Begin(context.Context) (destination.Load, error) {
	return &modelLoad{model: m, world: m.world.clone(), collecting: maps.Clone(m.collecting), stored: map[*table.Table][]string{}}, nil
}

// Read implements [destination.Destination].
func (m *Model) Read(_ context.Context, t *destination.OwnTable, newest int) ([]destination.Row, error) {
	rows := slices.Clone(m.world.own[t])
	slices.SortStableFunc(rows, func(a, b destination.Row) int { return -compareKeys(t, a, b) })
	if newest > 0 && len(rows) > newest {
		rows = rows[:newest]
	}
	return rows, nil
}

func compareKeys(t *destination.OwnTable, a, b destination.Row) int {
	for i := range t.Key {
		c := 0
		if n, ok := a.Values[i].(int64); ok {
			c = cmp.Compare(n, b.Values[i].(int64))
		} else {
			c = cmp.Compare(a.Values[i].(string), b.Values[i].(string))
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

// Count implements [destination.Destination].
func (m *Model) Count(_ context.Context, schema, name string) (int64, bool, error) {
	t := m.world.tables[place{schema, name}]
	if t == nil {
		return 0, false, nil
	}
	return int64(len(t.rows)), true, nil
}

// Close implements [destination.Destination]. The Model can be used on as if it had been opened again.
func (m *Model) Close() error {
	m.collecting = map[place]bool{}
	return nil
}

// modelLoad does everything to a copy of the world, which takes its place at Commit.
type modelLoad struct {
	model      *Model
	world      *world
	collecting map[place]bool
	stored     map[*table.Table][]string // names of the columns as stored, by every Table migrated
}

// target is the table that rows of t go into.
func (l *modelLoad) target(t *table.Table) *modelTable {
	if t.Method == table.Overwrite {
		return l.world.hidden[placeOf(t)]
	}
	return l.world.tables[placeOf(t)]
}

// Append implements [destination.Load].
func (l *modelLoad) Append(ctx context.Context, batches []*table.Batch) (sum destination.Counts, err error) {
	if err := ctx.Err(); err != nil {
		return sum, err
	}
	for _, b := range batches {
		stored := l.stored[b.Table]
		if stored == nil {
			return sum, fmt.Errorf("append to table %s: it was not migrated", b.Table.Name)
		}
		for i := range int(b.Rows.NumRows()) {
			row := modelRow{}
			for j, name := range stored {
				if v := valueAt(b.Rows.Column(j), i); v != nil {
					row[name] = cell{b.Table.Columns[j].Type, v}
				}
			}
			counts, err := l.add(b.Table, row)
			if err != nil {
				return sum, err
			}
			sum = sum.Plus(counts)
		}
	}
	return sum, nil
}

// valueAt is a value as [Row] has it.
func valueAt(values arrow.Array, i int) any {
	if values.IsNull(i) {
		return nil
	}
	switch values := values.(type) {
	case *array.Boolean:
		return values.Value(i)
	case *array.Int64:
		return values.Value(i)
	case *array.Float64:
		return values.Value(i)
	case *array.Timestamp:
		return time.UnixMicro(int64(values.Value(i))).UTC()
	case *array.Date32:
		return values.Value(i).ToTime()
	}
	return strings.Clone(values.(*array.String).Value(i))
}

func (l *modelLoad) add(t *table.Table, row modelRow) (destination.Counts, error) {
	if t.Own {
		i := slices.IndexFunc(destination.OwnTables, func(o *destination.OwnTable) bool { return o.Name == t.Name })
		own := destination.OwnTables[i]
		r := destination.Row{Table: own}
		for _, c := range own.Columns {
			r.Values = append(r.Values, row[c.Name].value)
		}
		l.world.own[own] = append(l.world.own[own], r)
		return destination.Counts{Inserted: 1}, nil
	}
	m := l.target(t)
	if !t.Keyed() {
		m.rows, m.known = append(m.rows, row), nil
		return destination.Counts{Inserted: 1}, nil
	}
	var key []string
	for _, i := range t.Key {
		name := l.stored[t][i]
		if key = append(key, name); row[name].value == nil {
			return destination.Counts{}, fmt.Errorf("append to table %s: a row has no value in the key column %q", t.Name, name)
		}
	}
	sameKey := func(r modelRow) bool {
		return !slices.ContainsFunc(key, func(name string) bool { return differ(r[name], row[name]) })
	}
	known := m.learn(key, row) && slices.ContainsFunc(m.rows, sameKey)
	if t.Method == table.History {
		return m.addVersion(known, sameKey, row), nil
	}
	return m.replace(known, sameKey, row, t.HardDelete && row[table.DeletedAt].value != nil), nil
}

// learn notes the row's key and tells whether there may have been a row with it.
func (m *modelTable) learn(key []string, row modelRow) bool {
	spell := func(r modelRow) string {
		var texts []string
		for _, name := range key {
			texts = append(texts, plain(r[name].value))
		}
		return fmt.Sprintf("%q", texts)
	}
	if m.known == nil || !slices.Equal(m.by, key) {
		m.by, m.known = key, map[string]bool{}
		for _, r := range m.rows {
			m.known[spell(r)] = true
		}
	}
	known := m.known[spell(row)]
	m.known[spell(row)] = true
	return known
}

// differ tells whether two values of one column differ, which may have come before and after it was widened.
func differ(a, b cell) bool { return a != b && plain(a.value) != plain(b.value) }

// replace puts the row in the place of those with its key, or only takes them away.
func (m *modelTable) replace(known bool, sameKey func(modelRow) bool, row modelRow, gone bool) destination.Counts {
	if known {
		m.rows = slices.DeleteFunc(m.rows, sameKey)
	}
	switch {
	case gone && known:
		return destination.Counts{Deleted: 1}
	case gone:
		return destination.Counts{}
	}
	m.rows = append(m.rows, row)
	if known {
		return destination.Counts{Updated: 1}
	}
	return destination.Counts{Inserted: 1}
}

// addVersion adds the row to the history of its key unless it is older than the newest version there, or equals it, which
// then takes over its metadata.
func (m *modelTable) addVersion(known bool, sameKey func(modelRow) bool, row modelRow) destination.Counts {
	if known && slices.ContainsFunc(m.rows, func(r modelRow) bool { return sameKey(r) && row.before(r) }) {
		return destination.Counts{Updated: 1}
	}
	newest := slices.IndexFunc(m.rows, func(r modelRow) bool { return sameKey(r) && r[table.ValidTo].value == nil })
	if newest >= 0 {
		was := maps.Clone(m.rows[newest])
		m.rows[newest] = was
		if m.sameVersion(was, row) {
			for _, c := range table.Metadata {
				was[c.Name] = row[c.Name]
			}
			return destination.Counts{Updated: 1}
		}
		was[table.ValidTo] = row[table.ValidFrom]
	}
	m.rows = append(m.rows, row)
	if known {
		return destination.Counts{Updated: 1}
	}
	return destination.Counts{Inserted: 1}
}

// before tells whether a row began to hold before another one did.
func (r modelRow) before(other modelRow) bool {
	a, known := r[table.ValidFrom].value.(time.Time)
	b, bothKnown := other[table.ValidFrom].value.(time.Time)
	return known && bothKnown && a.Before(b)
}

// sameVersion compares all that the tap sent, and whether the row was deleted.
func (m *modelTable) sameVersion(a, b modelRow) bool {
	return !slices.ContainsFunc(m.columns, func(c table.Column) bool {
		ours := c.Name == table.ValidFrom || c.Name == table.ValidTo ||
			c.Name != table.DeletedAt && slices.ContainsFunc(table.Metadata, func(m table.Column) bool { return m.Name == c.Name })
		return !ours && differ(a[c.Name], b[c.Name])
	})
}

// Activate implements [destination.Load].
func (l *modelLoad) Activate(_ context.Context, t *table.Table, a destination.Activation) (counts destination.Counts, err error) {
	p := placeOf(t)
	if t.Method == table.Overwrite {
		if old := l.world.tables[p]; old != nil {
			counts.Deleted = int64(len(old.rows))
		}
		l.world.tables[p] = l.world.hidden[p]
		delete(l.world.hidden, p)
		return counts, nil
	}
	m := l.target(t)
	kept := m.rows[:0:0]
	for _, r := range m.rows {
		version, versioned := r[table.TableVersion].value.(int64)
		gone := versioned && version < a.Version || !versioned && a.Unversioned
		switch {
		case !gone || t.Method == table.History && r[table.ValidTo].value != nil:
		case t.HardDelete && t.Method != table.History:
			counts.Deleted++
			continue
		case r[table.DeletedAt].value == nil:
			counts.Deleted++
			r = maps.Clone(r)
			r[table.DeletedAt] = cell{table.Timestamp, time.UnixMicro(a.AtMicros).UTC()}
			if t.Method == table.History {
				r[table.ValidTo] = r[table.DeletedAt]
			}
		}
		kept = append(kept, r)
	}
	m.rows = kept
	return counts, nil
}

// Commit implements [destination.Load].
func (l *modelLoad) Commit(_ context.Context, c destination.Checkpoint) error {
	state := destination.Row{Table: destination.States, Values: []any{c.Pipeline, c.Fence, nil, c.RunID, time.Now().UTC().Truncate(time.Microsecond)}}
	for _, r := range l.model.world.own[destination.States] {
		if r.Values[0] != c.Pipeline {
			continue
		}
		if fence := r.Values[1].(int64); fence > c.Fence || fence == c.Fence && r.Values[3] != c.RunID {
			return fmt.Errorf("commit: %w", destination.ErrFenced)
		}
		state.Values[2] = r.Values[2]
	}
	if c.State != nil {
		state.Values[2] = string(c.State)
	}
	for _, r := range append(slices.Clone(c.Rows), state) {
		rows := l.world.own[r.Table]
		if r.Table.Key > 0 {
			rows = slices.DeleteFunc(slices.Clone(rows), func(o destination.Row) bool { return compareKeys(r.Table, o, r) == 0 })
		}
		l.world.own[r.Table] = append(rows, destination.Row{Table: r.Table, Values: slices.Clone(r.Values)})
	}
	l.model.world, l.model.collecting = l.world, l.collecting
	return nil
}

// Rollback implements [destination.Load].
func (l *modelLoad) Rollback() error { return nil }

var errOwn = errors.New("names with _singer_ in front are tapline's own in the default schema")
