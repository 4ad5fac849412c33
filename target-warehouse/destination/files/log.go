package files

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// entry is what the log has of one commit: all that it changed.
type entry struct {
	Number   int64             `json:"number"`
	ID       string            `json:"id"` // of the load, so that it knows its own entry again
	At       time.Time         `json:"at"`
	Pipeline string            `json:"pipeline"`
	RunID    string            `json:"run_id"`
	Fence    int64             `json:"fence"`
	State    []byte            `json:"state"` // null where the one stored stays; base64, as not one byte may change
	Tables   []*tableChange    `json:"tables,omitempty"`
	Move     []move            `json:"move,omitempty"`
	Remove   []string          `json:"remove,omitempty"`  // after all are moved
	Records  []json.RawMessage `json:"records,omitempty"` // rows of own tables that have keys
}

// move says that a staged file is one of a table's from now on.
type move struct {
	From string `json:"from"`
	To   string `json:"to"`
	Rows int64  `json:"rows"`

	sum []byte // of what is in it; To has it already in an entry
}

// tableChange is what a commit did to a table.
type tableChange struct {
	Schema   string   `json:"schema"`
	Name     string   `json:"name"`
	Key      []string `json:"key"`
	Columns  []column `json:"columns"` // those that are new or have changed
	Rows     int64    `json:"rows"`    // added
	Replaced bool     `json:"replaced,omitempty"`
}

// column is what is known of a table's column: what the newest file that has it holds there.
type column struct {
	Name      string     `json:"name"`
	Type      table.Type `json:"type"`
	Precision int        `json:"precision,omitempty"`
	Scale     int        `json:"scale,omitempty"`
	Required  bool       `json:"required,omitempty"`
}

// logical is c as the lattice of types sees it.
func (c column) logical() table.Column {
	return table.Column{Type: c.Type, Precision: c.Precision, Scale: c.Scale}
}

// holds tells whether c has the type.
func (c column) holds(t table.Column) bool {
	return c.Type == t.Type && c.Precision == t.Precision && c.Scale == t.Scale
}

// ledger is all that the log says up to an entry.
type ledger struct {
	Number    int64             `json:"number"`
	Pipelines map[string]*mark  `json:"pipelines"`
	Tables    []*known          `json:"tables"`
	Records   []json.RawMessage `json:"records"`
	IDs       []string          `json:"ids"` // of the newest entries
	records   records
}

// rememberedIDs is how many entries a load that did not hear whether it is committed is looked for among.
const rememberedIDs = 4 * snapshotEvery

// mark is where a pipeline stands.
type mark struct {
	Fence int64     `json:"fence"`
	RunID string    `json:"run_id"`
	State []byte    `json:"state"`
	At    time.Time `json:"at"`
}

// known is what the log says of a table.
type known struct {
	Schema  string   `json:"schema"`
	Name    string   `json:"name"`
	Key     []string `json:"key"`
	Columns []column `json:"columns"`
	Rows    int64    `json:"rows"`
}

func newLedger() *ledger { return &ledger{Pipelines: map[string]*mark{}, records: records{}} }

// table finds a table; nil if there is none.
func (l *ledger) table(schema, name string) *known {
	for _, k := range l.Tables {
		if k.Schema == schema && k.Name == name {
			return k
		}
	}
	return nil
}

// apply makes l what it is after e.
func (l *ledger) apply(e *entry) error {
	l.Number = e.Number
	l.IDs = append(l.IDs[max(0, len(l.IDs)+1-rememberedIDs):], e.ID)
	p := l.Pipelines[e.Pipeline]
	if p == nil {
		p = &mark{}
		l.Pipelines[e.Pipeline] = p
	}
	p.Fence, p.RunID, p.At = e.Fence, e.RunID, e.At
	if e.State != nil {
		p.State = e.State
	}
	for _, c := range e.Tables {
		k := l.table(c.Schema, c.Name)
		if k == nil {
			k = &known{Schema: c.Schema, Name: c.Name}
			l.Tables = append(l.Tables, k)
		}
		if c.Replaced {
			k.Rows = 0
		}
		k.Rows += c.Rows
		k.Key = c.Key
		k.learn(c.Columns)
	}
	return l.records.putAll(e.Records)
}

func (k *known) clone() *known {
	c := *k
	c.Columns = slices.Clone(k.Columns)
	return &c
}

// learn notes columns that are new or have changed.
func (k *known) learn(columns []column) {
	for _, c := range columns {
		if i := k.find(c.Name); i >= 0 {
			k.Columns[i] = c
		} else {
			k.Columns = append(k.Columns, c)
		}
	}
}

func (k *known) find(name string) int {
	return slices.IndexFunc(k.Columns, func(c column) bool { return c.Name == name })
}

// mayCommit fails if the right to commit has gone to another run.
func (l *ledger) mayCommit(c destination.Checkpoint) error {
	p := l.Pipelines[c.Pipeline]
	if p == nil || c.Fence > p.Fence || c.Fence == p.Fence && c.RunID == p.RunID {
		return nil
	}
	return fmt.Errorf("run %s of pipeline %q may not commit, for run %s has: %w", c.RunID, c.Pipeline, p.RunID, destination.ErrFenced)
}

// listed is what the log's names tell.
type listed struct {
	entries   []int64 // those behind the newest snapshot, in order
	snapshot  int64   // the newest; 0 for none
	redundant []string
}

// newest is the greatest number of all.
func (l listed) newest() int64 {
	if len(l.entries) > 0 {
		return l.entries[len(l.entries)-1]
	}
	return l.snapshot
}

// listLog reads the names of the log.
func (s *store) listLog(ctx context.Context) (listed, error) {
	keys, err := s.list(ctx, logPlace)
	if err != nil {
		return listed{}, err
	}
	var l listed
	for _, key := range keys {
		if n, snapshot, ok := parseLogKey(key); ok && snapshot {
			l.snapshot = max(l.snapshot, n)
		}
	}
	for _, key := range keys {
		n, snapshot, ok := parseLogKey(key)
		switch {
		case !ok || snapshot && n == l.snapshot:
		case snapshot || n <= l.snapshot:
			l.redundant = append(l.redundant, key)
		default:
			l.entries = append(l.entries, n)
		}
	}
	return l, nil
}

// catchUp returns what l is after all that the log has by now, and the last entry if any was new; l stays as it is.
func (s *store) catchUp(ctx context.Context, l *ledger) (*ledger, *entry, error) {
	const attempts = 5 // another process may delete what it has just put into a snapshot
	var failure error
	for range attempts {
		next, last, err := s.catchUpOnce(ctx, l)
		if !errors.Is(err, fs.ErrNotExist) {
			return next, last, err
		}
		failure = err
	}
	return nil, nil, failure
}

func (s *store) catchUpOnce(ctx context.Context, l *ledger) (*ledger, *entry, error) {
	names, err := s.listLog(ctx)
	if err != nil || names.newest() <= l.Number {
		return l, nil, err
	}
	next := l.clone()
	if names.snapshot > l.Number {
		if next, err = s.readSnapshot(ctx, names.snapshot); err != nil {
			return nil, nil, err
		}
	}
	var last *entry
	for _, n := range names.entries {
		if n <= next.Number {
			continue
		}
		if n != next.Number+1 {
			return nil, nil, fmt.Errorf("the log in %s goes from entry %d to %d; restore what is missing in %s", s.place, next.Number, n, logPlace)
		}
		if last, err = s.readEntry(ctx, n); err != nil {
			return nil, nil, err
		}
		if err := next.apply(last); err != nil {
			return nil, nil, fmt.Errorf("read %s in %s: %w", entryKey(n), s.place, err)
		}
	}
	return next, last, nil
}

func (s *store) readEntry(ctx context.Context, number int64) (*entry, error) {
	e := &entry{}
	return e, s.readJSON(ctx, entryKey(number), e)
}

func (s *store) readSnapshot(ctx context.Context, number int64) (*ledger, error) {
	l := newLedger()
	if err := s.readJSON(ctx, snapshotKey(number), l); err != nil {
		return nil, err
	}
	if err := l.records.putAll(l.Records); err != nil {
		return nil, fmt.Errorf("read %s in %s: %w", snapshotKey(number), s.place, err)
	}
	return l, nil
}

func (s *store) readJSON(ctx context.Context, key string, into any) error {
	body, err := s.read(ctx, key)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("%s in %s is damaged; restore it: %w", key, s.place, err)
	}
	return nil
}

// clone copies what apply changes.
func (l *ledger) clone() *ledger {
	c := &ledger{Number: l.Number, Pipelines: map[string]*mark{}, IDs: slices.Clone(l.IDs), records: l.records.clone()}
	for name, p := range l.Pipelines {
		copied := *p
		c.Pipelines[name] = &copied
	}
	for _, k := range l.Tables {
		c.Tables = append(c.Tables, k.clone())
	}
	return c
}

// snapshotEvery is how many entries of the log there are at most beside a snapshot, about.
const snapshotEvery = 64

// writeSnapshot puts all that l says into one object and deletes what it makes redundant.
func (s *store) writeSnapshot(ctx context.Context, l *ledger) error {
	l.Records = l.records.all()
	body, err := json.Marshal(l)
	l.Records = nil
	if err != nil {
		return err
	}
	if err := s.put(ctx, snapshotKey(l.Number), body); err != nil {
		return err
	}
	names, err := s.listLog(ctx)
	if err != nil {
		return err
	}
	for _, key := range names.redundant {
		if err := s.remove(ctx, key); err != nil {
			return err
		}
	}
	return nil
}
