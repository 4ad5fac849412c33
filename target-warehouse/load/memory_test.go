package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// memoryWarehouse is a destination that keeps rows as text and can be told to fail.
type memoryWarehouse struct {
	mu     sync.Mutex
	tables map[string]map[string]string // by stream and key: the row
	shapes map[string]map[string]bool   // by stream: its columns
	runs   []destination.Run            // one for each commit
	states []json.RawMessage            // of all commits that held one
	fail   func(step string, n int) error

	emitted func(state string) // called with each state that leaves

	loads, appends, commits int
}

func newMemoryWarehouse() *memoryWarehouse {
	return &memoryWarehouse{tables: map[string]map[string]string{}, shapes: map[string]map[string]bool{}, fail: func(string, int) error { return nil }}
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

func (w *memoryWarehouse) Status(context.Context) (*destination.Status, error) {
	return &destination.Status{Runs: w.runs}, nil
}

func (w *memoryWarehouse) Close() error { return nil }

type memoryLoad struct {
	warehouse *memoryWarehouse
	tables    map[string]map[string]string
	shapes    map[string]map[string]bool
	filled    map[string]bool // streams with rows of this load
	dead      bool
}

// Migrate refuses to alter a table behind rows of the same load, as engines do.
func (l *memoryLoad) Migrate(_ context.Context, t *table.Table) error {
	if l.tables[t.Stream] == nil {
		l.tables[t.Stream], l.shapes[t.Stream] = map[string]string{}, map[string]bool{}
	}
	for _, c := range t.Columns {
		if !l.shapes[t.Stream][c.Name] && l.filled[t.Stream] {
			return fmt.Errorf("table %s is altered behind rows of the same load", t.Stream)
		}
		l.shapes[t.Stream][c.Name] = true
	}
	return nil
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
		if (c.Property != "" || c.Name == table.Extra) && !rows.Column(k).IsNull(i) {
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
	w.runs = append(w.runs, c.Run)
	if c.State != nil {
		w.states = append(w.states, append(json.RawMessage(nil), c.State...))
	}
	return nil
}

func (l *memoryLoad) Rollback() error {
	l.dead = true
	return nil
}
