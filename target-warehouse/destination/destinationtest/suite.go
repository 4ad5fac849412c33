// Package destinationtest is the suite that every engine under package destination must pass: what goes in through a
// Load comes out again, unchanged and once, or not at all.
package destinationtest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"
	gocmp "github.com/google/go-cmp/cmp"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// Harness is what an engine gives the suite: one warehouse, empty at first.
type Harness struct {
	// Open opens the warehouse. The suite closes what it opens and has it open at most once at a time.
	Open func(t *testing.T) destination.Destination
	// Crash, if not nil, opens what a kill of the process would leave now, while no Load is open, and gives up the warehouse
	// that was open.
	Crash func(t *testing.T) destination.Destination
	// Read reads the named columns of all rows of a table in any order, giving each value as [Row] says of the type that
	// the column has in the warehouse. The columns are named as stored, schema and table as in their Table. It is called
	// while the warehouse is open and no Load is.
	Read func(t *testing.T, schema, name string, columns []string) []Row
	// Exists says whether there is such a table.
	Exists func(t *testing.T, schema, name string) bool
	// Allocator gives the memory that the engine needs batches to be in.
	Allocator memory.Allocator
	// Stored says what the engine gives back for a value of a type; nil if every value comes back as it is. A value that
	// the engine changes must be documented by it.
	Stored func(typ table.Type, value any) any
	// Cannot lists what the engine cannot do, each with the reason.
	Cannot map[Ability]string

	ordinal int64 // of the row handed over last
}

// Run holds an engine against the whole suite. Each check gets a warehouse of its own from newHarness.
func Run(t *testing.T, newHarness func(t *testing.T) *Harness) {
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t)
			h.checkAbilities(t)
			c.run(t, h)
		})
	}
	t.Run("random loads leave what the contract says", func(t *testing.T) { runRandom(t, newHarness) })
}

// checks is the suite.
var checks = slices.Concat(rowChecks, keyChecks, schemaChecks, nameChecks, conflictChecks, deleteChecks, overwriteChecks, historyChecks, commitChecks, ownChecks)

type check struct {
	name string
	run  func(t *testing.T, h *Harness)
}

// session is an open warehouse in which a check loads and reads.
type session struct {
	*testing.T
	h *Harness
	d destination.Destination
	// stored has the names of columns as the warehouse keeps them, by place (see placeOf) and the Table's name for them.
	stored map[[3]string]string
}

func open(t *testing.T, h *Harness) *session {
	t.Helper()
	s := &session{T: t, h: h, d: h.Open(t), stored: map[[3]string]string{}}
	t.Cleanup(func() {
		if err := s.d.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// reopen closes the warehouse and opens it again, as another run would.
func (s *session) reopen() {
	s.Helper()
	if err := s.d.Close(); err != nil {
		s.Fatalf("close: %v", err)
	}
	s.d = s.h.Open(s.T)
}

// crash opens the warehouse again as after a kill, or as after its end where the engine has no way to show that.
func (s *session) crash() {
	s.Helper()
	if s.h.Crash == nil {
		s.reopen()
		return
	}
	s.d = s.h.Crash(s.T)
}

// begin starts a Load.
func (s *session) begin() *loading {
	s.Helper()
	l, err := s.d.Begin(s.Context())
	if err != nil {
		s.Fatalf("begin: %v", err)
	}
	return &loading{session: s, Load: l}
}

// loading is a Load whose failures end the check.
type loading struct {
	*session
	destination.Load
}

func (l *loading) migrate(t *table.Table) *destination.Migration {
	l.Helper()
	m, err := l.Load.Migrate(l.Context(), t)
	if err != nil {
		l.Fatalf("migrate %s: %v", t.Name, err)
	}
	if len(m.Columns) != len(t.Columns) {
		l.Fatalf("migrate %s tells of %d columns, want %d", t.Name, len(m.Columns), len(t.Columns))
	}
	for i, c := range t.Columns {
		if m.Columns[i].Name == "" || m.Columns[i].Type == "" {
			l.Errorf("migrate %s does not say what became of column %q: %+v", t.Name, c.Name, m.Columns[i])
		}
		l.stored[[3]string{t.Schema, t.Name, c.Name}] = m.Columns[i].Name
	}
	return m
}

// refuse migrates a Table that must be refused by a failure that names each word, and rolls back.
func (l *loading) refuse(t *table.Table, words ...string) {
	l.Helper()
	_, err := l.Load.Migrate(l.Context(), t)
	if err == nil {
		l.Errorf("migrate %s does not fail", t.Name)
	} else {
		wantWords(l.T, err, words...)
	}
	l.rollback()
}

// add appends rows, as one batch for each group, and compares the counts.
func (l *loading) add(t *table.Table, want destination.Counts, groups ...[]Row) {
	l.Helper()
	got, err := l.append(l.Context(), t, groups...)
	if err != nil {
		l.Fatalf("append to %s: %v", t.Name, err)
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		l.Errorf("counts of %s (-want +got):\n%s", t.Name, diff)
	}
}

// append appends rows, as one batch for each group.
func (l *loading) append(ctx context.Context, t *table.Table, groups ...[]Row) (destination.Counts, error) {
	var batches []*table.Batch
	for _, rows := range groups {
		b := Batch(l.h.Allocator, t, l.h.ordinal+1, rows...)
		defer b.Rows.Release()
		l.h.ordinal += int64(len(rows))
		batches = append(batches, b)
	}
	return l.Load.Append(ctx, batches)
}

// activate activates a version and compares the counts.
func (l *loading) activate(t *table.Table, a destination.Activation, want destination.Counts) {
	l.Helper()
	got, err := l.Load.Activate(l.Context(), t, a)
	if err != nil {
		l.Fatalf("activate %+v of %s: %v", a, t.Name, err)
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		l.Errorf("counts of activating %+v of %s (-want +got):\n%s", a, t.Name, diff)
	}
}

func (l *loading) commit(c destination.Checkpoint) {
	l.Helper()
	if err := l.Load.Commit(l.Context(), c); err != nil {
		l.Fatalf("commit: %v", err)
	}
}

func (l *loading) rollback() {
	l.Helper()
	if err := l.Load.Rollback(); err != nil {
		l.Fatalf("roll back: %v", err)
	}
}

// load is a whole Load of one table.
func (s *session) load(t *table.Table, want destination.Counts, groups ...[]Row) *destination.Migration {
	s.Helper()
	l := s.begin()
	m := l.migrate(t)
	l.add(t, want, groups...)
	l.commit(checkpoint(nil))
	return m
}

// activated is a whole Load that activates a version of one table.
func (s *session) activated(t *table.Table, a destination.Activation, want destination.Counts) {
	s.Helper()
	l := s.begin()
	l.migrate(t)
	l.activate(t, a, want)
	l.commit(checkpoint(nil))
}

// read reads all of a table's columns, which must have been migrated in the session.
func (s *session) read(t *table.Table) []Row {
	s.Helper()
	var columns []string
	for _, c := range t.Columns {
		name, ok := s.stored[[3]string{t.Schema, t.Name, c.Name}]
		if !ok {
			name = c.Name
		}
		columns = append(columns, name)
	}
	return s.h.Read(s.T, t.Schema, t.Name, columns)
}

// expect compares the rows of a table, without regard to their order.
func (s *session) expect(t *table.Table, want ...Row) {
	s.Helper()
	got := s.read(t)
	sortRows(got)
	want = s.h.storedRows(t, want)
	sortRows(want)
	if diff := gocmp.Diff(want, got, sameBits); diff != "" {
		s.Errorf("rows of %s (-want +got):\n%s", t.Name, diff)
	}
}

// stored is what the engine gives back for a value of a type.
func (h *Harness) stored(typ table.Type, value any) any {
	if h.Stored == nil {
		return value
	}
	return h.Stored(typ, value)
}

// storedRows is what the engine gives back for rows of t.
func (h *Harness) storedRows(t *table.Table, rows []Row) []Row {
	var all []Row
	for _, row := range rows {
		stored := slices.Clone(row)
		for i, c := range t.Columns {
			stored[i] = h.stored(c.Type, row[i])
		}
		all = append(all, stored)
	}
	return all
}

// sameBits tells 0 from -0.
var sameBits = gocmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })

func sortRows(rows []Row) {
	slices.SortFunc(rows, func(a, b Row) int { return cmp.Compare(fmt.Sprintf("%#v", a), fmt.Sprintf("%#v", b)) })
}

// runID is the run that commits unless a check says otherwise.
const runID = "01JNQ3Z0000000000000000001"

// checkpoint is one of a run going on, with the state or nil.
func checkpoint(state json.RawMessage, rows ...destination.Row) destination.Checkpoint {
	return destination.Checkpoint{Pipeline: "default", RunID: runID, Fence: 1, State: state, Rows: rows}
}

// keyed is a table whose first column is its key, of the type Integer, with a Text column behind it.
func keyed() *table.Table {
	return &table.Table{Stream: "orders", Schema: "shop", Name: "orders", Key: []int{0}, Columns: []table.Column{
		{Name: "id", Property: "id", Type: table.Integer},
		{Name: "note", Property: "note", Type: table.Text, Nullable: true},
	}}
}

// keyless is keyed without its key.
func keyless() *table.Table {
	t := keyed()
	t.Key, t.Columns[0].Nullable = nil, true
	return t
}
