package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// memoryWarehouse is a destination that keeps rows as text and can be told to fail.
type memoryWarehouse struct {
	mu      sync.Mutex
	tables  map[string]map[string]string // by stream and key: the row
	shapes  map[string]map[string]bool   // by stream: its columns
	columns map[string]table.Column      // by stream and name, as wide as they became
	keys    map[string]string            // by stream: the columns of its key
	own     map[string][]destination.Row // rows of tapline's own tables, by their names, one behind the other
	states  []json.RawMessage            // of all commits that held one
	fail    func(step string, n int) error

	emitted func(state string) // called with each state that leaves
	eager   map[string]int64   // by stream, see [destination.Eager]

	loads, appends, commits int
	fence                   int64 // of the last commit
}

func newMemoryWarehouse() *memoryWarehouse {
	return &memoryWarehouse{tables: map[string]map[string]string{}, shapes: map[string]map[string]bool{}, own: map[string][]destination.Row{}, columns: map[string]table.Column{}, keys: map[string]string{}, fail: func(string, int) error { return nil }}
}

// rows returns a snapshot of one stream's rows.
func (w *memoryWarehouse) rows(stream string) map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.tables[stream])
}

// committed returns how many states were committed.
func (w *memoryWarehouse) committed() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.states)
}

func (w *memoryWarehouse) Begin(context.Context) (destination.Load, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.loads++
	if err := w.fail("begin", w.loads); err != nil {
		return nil, err
	}
	l := &memoryLoad{warehouse: w, tables: map[string]map[string]string{}, shapes: map[string]map[string]bool{}, filled: map[string]bool{}}
	for stream, rows := range w.tables {
		l.tables[stream], l.shapes[stream] = maps.Clone(rows), maps.Clone(w.shapes[stream])
	}
	return l, nil
}

func (w *memoryWarehouse) Read(context.Context, *destination.OwnTable, int) ([]destination.Row, error) {
	return nil, nil
}

func (w *memoryWarehouse) Count(context.Context, string, string) (int64, bool, error) {
	return 0, false, nil
}

func (w *memoryWarehouse) Close() error { return nil }

func (w *memoryWarehouse) Eager(t *table.Table) int64 { return w.eager[t.Stream] }

type memoryLoad struct {
	warehouse *memoryWarehouse
	tables    map[string]map[string]string
	shapes    map[string]map[string]bool
	filled    map[string]bool // streams with rows of this load
	dead      bool
}

// Migrate refuses to alter a table behind rows of the same load, as engines do.
func (l *memoryLoad) Migrate(_ context.Context, t *table.Table) (*destination.Migration, error) {
	m := &destination.Migration{}
	if l.tables[t.Stream] == nil {
		l.tables[t.Stream], l.shapes[t.Stream] = map[string]string{}, map[string]bool{}
	}
	for _, c := range t.Columns {
		if !l.shapes[t.Stream][c.Name] && l.filled[t.Stream] {
			return nil, fmt.Errorf("table %s is altered behind rows of the same load", t.Stream)
		}
		l.shapes[t.Stream][c.Name] = true
		place := t.Stream + "." + c.Name
		l.warehouse.columns[place] = table.Join(l.warehouse.columns[place], c)
		m.Columns = append(m.Columns, destination.Stored{Name: c.Name, Type: l.warehouse.columns[place].LogicalType()})
	}
	l.keyed(t, m)
	return m, nil
}

// keyed gives the table the key of t.
func (l *memoryLoad) keyed(t *table.Table, m *destination.Migration) {
	var key []string
	for _, i := range t.Key {
		key = append(key, t.Columns[i].Name)
	}
	from, known := l.warehouse.keys[t.Stream]
	to := strings.Join(key, ", ")
	if l.warehouse.keys[t.Stream] = to; known && from != to {
		m.Changes = append(m.Changes, destination.Change{Kind: destination.ChangeKey, From: from, To: to})
	}
}

// Activate notes that it was called, as a row of the stream.
func (l *memoryLoad) Activate(_ context.Context, t *table.Table, a destination.Activation) (destination.Counts, error) {
	l.tables[t.Stream][fmt.Sprint("activated ", a.Version)] = fmt.Sprint(len(l.tables[t.Stream]), " rows, unversioned: ", a.Unversioned)
	return destination.Counts{}, nil
}

func (l *memoryLoad) Append(_ context.Context, batches []*table.Batch) (counts destination.Counts, err error) {
	w := l.warehouse
	w.appends++
	if err := w.fail("append", w.appends); err != nil {
		return counts, err
	}
	for _, b := range batches {
		l.filled[b.Table.Stream] = true
		rows := l.tables[b.Table.Stream]
		if rows == nil {
			return counts, fmt.Errorf("table %s was not migrated", b.Table.Stream)
		}
		for i := range int(b.Rows.NumRows()) {
			key := fmt.Sprint(firstOrdinal(b) + int64(i))
			if len(b.Table.Key) > 0 {
				key = ""
				for _, k := range b.Table.Key {
					key += b.Rows.Column(k).ValueStr(i) + ";"
				}
			}
			if _, ok := rows[key]; ok {
				counts.Updated++
			} else {
				counts.Inserted++
			}
			rows[key] = rowText(b.Table, b.Rows, i)
		}
	}
	return counts, nil
}

// rowText shows the tap's columns of a row that are not NULL.
func rowText(t *table.Table, rows arrow.Record, i int) string {
	text := ""
	for k, c := range t.Columns {
		if (c.Property != "" || c.Name == table.Extra || t.Own) && !rows.Column(k).IsNull(i) {
			value := rows.Column(k).ValueStr(i)
			if s, ok := rows.Column(k).(*array.String); ok {
				value = s.Value(i)
			}
			text += c.Name + "=" + value + " "
		}
	}
	return text
}

func (l *memoryLoad) Commit(_ context.Context, c destination.Checkpoint) error {
	w := l.warehouse
	w.mu.Lock()
	defer w.mu.Unlock()
	if l.dead {
		return errors.New("commit of a dead load")
	}
	l.dead = true
	w.commits++
	if err := w.fail("commit", w.commits); err != nil {
		return err
	}
	w.tables, w.shapes = l.tables, l.shapes
	w.fence = c.Fence
	for _, row := range c.Rows {
		w.own[row.Table.Name] = append(w.own[row.Table.Name], row)
	}
	if c.State != nil {
		w.states = append(w.states, append(json.RawMessage(nil), c.State...))
	}
	return nil
}

func (l *memoryLoad) Rollback() error {
	l.dead = true
	return nil
}

// lastRow gives the newest row of one of tapline's own tables by its columns' names.
func (w *memoryWarehouse) lastRow(t *destination.OwnTable) map[string]any {
	w.mu.Lock()
	defer w.mu.Unlock()
	row := map[string]any{}
	if rows := w.own[t.Name]; len(rows) > 0 {
		for i, value := range rows[len(rows)-1].Values {
			row[t.Columns[i].Name] = value
		}
	}
	return row
}

func (w *memoryWarehouse) lastRun() map[string]any { return w.lastRow(destination.Runs) }

func releaseAll(s *step) {
	for i := range s.decoded {
		s.decoded[i].release()
	}
}
