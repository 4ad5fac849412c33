package destinationtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// randomSeeds is how many random sequences of loads an engine is driven through. The environment variable TAPLINE_SOAK
// says another number, and TAPLINE_SEED one seed to see again.
const randomSeeds = 20

// runRandom drives the engine and the model through the same loads and compares all that can be seen of them.
func runRandom(t *testing.T, newHarness func(t *testing.T) *Harness) {
	first, last := 1, numberFrom(t, "TAPLINE_SOAK", randomSeeds)
	if seed := numberFrom(t, "TAPLINE_SEED", 0); seed > 0 {
		first, last = seed, seed
	}
	for seed := first; seed <= last; seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			d := newDrive(t, newHarness(t), uint64(seed))
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("TAPLINE_SEED=%d shows this again; what was done:\n%s", seed, strings.Join(d.done, "\n"))
				}
			})
			for range 16 {
				d.load()
				if t.Failed() {
					return
				}
			}
		})
	}
}

// numberFrom reads a number from the environment.
func numberFrom(t *testing.T, name string, fallback int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return fallback
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s is %q, want a number", name, text)
	}
	return n
}

// drive takes an engine and the model through the same random loads.
type drive struct {
	*session
	rand    *rand.Rand
	model   *Model
	streams []*randomStream
	fence   int64
	clock   time.Time // of extraction
	done    []string  // what was done, a line each
}

func newDrive(t *testing.T, h *Harness, seed uint64) *drive {
	d := &drive{session: open(t, h), rand: rand.New(rand.NewPCG(seed, 1)), model: NewModel(), fence: 1, clock: at}
	for i := range 3 {
		d.streams = append(d.streams, newRandomStream(d.rand, h, fmt.Sprint("table_", i)))
	}
	return d
}

func (d *drive) note(format string, args ...any) {
	d.done = append(d.done, fmt.Sprintf(format, args...))
}

// chance is true in so many of a hundred times.
func (d *drive) chance(percent int) bool { return d.rand.IntN(100) < percent }

// load does one Load to both and compares what is to be seen then.
func (d *drive) load() {
	d.Helper()
	d.note("load")
	engine := d.begin()
	model, _ := d.model.Begin(d.Context())
	for _, s := range d.streams {
		if d.chance(70) {
			d.stream(engine, model, s)
		}
	}
	switch {
	case d.chance(80):
		d.bothCommit(engine, model)
	default:
		d.note("  roll back")
		engine.rollback()
	}
	if d.chance(15) {
		if d.chance(50) {
			d.note("reopen")
			d.reopen()
		} else {
			d.note("crash")
			d.crash()
		}
		d.model.Close()
		d.fence++
	}
	d.compare()
}

// stream does what one Load does to one table.
func (d *drive) stream(engine *loading, model destination.Load, s *randomStream) {
	d.Helper()
	var shapes []*table.Table
	for range 1 + d.rand.IntN(2) {
		t := s.shape(d.rand)
		d.note("  migrate %s", describe(t))
		engine.migrate(t)
		if _, err := model.Migrate(d.Context(), t); err != nil {
			d.Fatalf("the model refuses %s: %v", t.Name, err)
		}
		shapes = append(shapes, t)
	}
	for range d.rand.IntN(4) {
		d.bothAppend(engine, model, s, shapes[d.rand.IntN(len(shapes))])
	}
	if !s.canActivate || !d.chance(30) {
		return
	}
	a := destination.Activation{Version: s.version - int64(d.rand.IntN(2)), Unversioned: d.chance(30), AtMicros: d.tick().UnixMicro()}
	d.note("  activate %s: version %d, unversioned %v, at %s", s.name, a.Version, a.Unversioned, d.clock.Format(time.TimeOnly))
	want, _ := model.Activate(d.Context(), shapes[len(shapes)-1], a)
	engine.activate(shapes[len(shapes)-1], a, want)
	s.version += int64(d.rand.IntN(2))
}

// bothAppend appends the same batches to both.
func (d *drive) bothAppend(engine *loading, model destination.Load, s *randomStream, t *table.Table) {
	d.Helper()
	var groups [][]Row
	back := time.Duration(0)
	if d.chance(20) {
		back = time.Duration(d.rand.IntN(60)) * time.Second // rows that were extracted before ones that are there
	}
	for range d.rand.IntN(3) {
		var rows []Row
		for range d.rand.IntN(12) {
			row := s.row(d.rand, t, d.tick().Add(-back))
			d.note("    %v", row)
			rows = append(rows, row)
		}
		groups = append(groups, rows)
	}
	d.note("  append the above to %s in %d batches", s.name, len(groups))
	both := &loading{session: d.session, Load: model}
	ordinal := d.h.ordinal
	want, err := both.append(d.Context(), t, groups...)
	if err != nil {
		d.Fatalf("the model refuses rows of %s: %v", t.Name, err)
	}
	d.h.ordinal = ordinal
	engine.add(t, want, groups...)
}

func (d *drive) tick() time.Time {
	d.clock = d.clock.Add(time.Second)
	return d.clock
}

// bothCommit commits to both, at times with a fence that must be refused.
func (d *drive) bothCommit(engine *loading, model destination.Load) {
	d.Helper()
	c := run(fmt.Sprint("run ", d.fence), d.fence, fmt.Sprintf(`{"n":%d}`, d.rand.IntN(1000)))
	if d.chance(30) {
		c.State = json.RawMessage(nil)
	}
	if d.chance(10) {
		c.Fence--
	}
	for _, own := range recordTables() {
		if d.chance(30) {
			c.Rows = append(c.Rows, recordOf(own, d.rand.IntN(5)))
		}
	}
	d.note("  commit with fence %d, state %s, %d records", c.Fence, c.State, len(c.Rows))
	want, got := model.Commit(d.Context(), c), engine.Load.Commit(d.Context(), c)
	if errors.Is(want, destination.ErrFenced) != errors.Is(got, destination.ErrFenced) || want == nil && got != nil {
		d.Fatalf("commit: %v, want %v", got, want)
	}
	engine.rollback()
}

// compare compares all tables and records.
func (d *drive) compare() {
	d.Helper()
	for _, s := range d.streams {
		wantRows, wantExists, _ := d.model.Count(d.Context(), "shop", s.name)
		if m := d.model.world.tables[place{"shop", s.name}]; wantExists {
			t := &table.Table{Schema: "shop", Name: s.name, Columns: s.compared(m.columns)}
			var columns []string
			for _, c := range t.Columns {
				columns = append(columns, c.Name)
			}
			d.expectPlain(t, d.model.Rows("shop", s.name, columns)...)
			d.expectCount("shop", s.name, wantRows, true)
		} else if rows, _, err := d.d.Count(d.Context(), "shop", s.name); err != nil || rows > 0 {
			d.Errorf("%s has %d rows where none are due: %v", s.name, rows, err)
		}
	}
	for _, own := range destination.OwnTables {
		want, _ := d.model.Read(d.Context(), own, 0)
		got := d.ownRows(own, 0)
		if own == destination.States {
			for _, r := range slices.Concat(want, got) {
				r.Values[4] = nil // the time of the commit
			}
		}
		wanted, have := recordTexts(want), recordTexts(got)
		if own.Key == 0 {
			slices.Sort(wanted)
			slices.Sort(have)
		}
		if !slices.Equal(wanted, have) {
			d.Errorf("rows of %s (-want +got):\n%s", own.Name, gocmp.Diff(wanted, have))
		}
	}
}

// recordTexts spells records, which compares quicker than their values do.
func recordTexts(rows []destination.Row) []string {
	var texts []string
	for _, r := range rows {
		texts = append(texts, fmt.Sprintf("%#v", r.Values))
	}
	return texts
}
