package destinationtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

var commitChecks = []check{
	{"rollback leaves nothing", rollbackLeavesNothing},
	{"rollback after commit is harmless", rollbackAfterCommit},
	{"a load can follow a failed one", loadAfterFailure},
	{"a cancelled load can be rolled back", cancelled},
	{"a commit can carry a state alone", stateAlone},
	{"a commit without a state keeps the earlier one", noState},
	{"a first commit without a state has a row without one", firstWithoutState},
	{"state bytes are untouched", stateBytes},
	{"pipelines keep their states apart", pipelines},
	{"a commit with a lower fence is refused", lowerFence},
	{"a commit with the fence of another run is refused", sameFence},
	{"a commit without a state moves the fence", fenceWithoutState},
	{"fences of pipelines are apart", fencesApart},
}

func rollbackLeavesNothing(t *testing.T, h *Harness) {
	s := open(t, h)
	fresh := keyless()
	l := s.begin()
	l.migrate(fresh)
	l.add(fresh, destination.Counts{Inserted: 5000}, rowsOf(0, 5000, "a"))
	l.rollback()
	s.reopen()
	if h.Exists(t, fresh.Schema, fresh.Name) {
		t.Error("the table is there")
	}

	s.load(keyless(), destination.Counts{Inserted: 2}, rowsOf(1, 3, "a"))
	before := s.states()
	wide := wider()
	wide.Key, wide.Columns[0].Nullable = nil, true
	l = s.begin()
	l.migrate(wide)
	l.add(wide, destination.Counts{Inserted: 2}, []Row{{int64(2), "b", true}, {int64(3), "b", true}})
	l.rollback()
	s.reopen()
	s.expect(keyless(), rowsOf(1, 3, "a")...)
	if diff := gocmp.Diff(before, s.states()); diff != "" {
		t.Errorf("states (-before +after):\n%s", diff)
	}
}

func rollbackAfterCommit(t *testing.T, h *Harness) {
	s := open(t, h)
	l := s.begin()
	l.migrate(keyedOnce)
	l.add(keyedOnce, destination.Counts{Inserted: 1}, rowsOf(1, 2, "a"))
	l.commit(checkpoint(nil))
	l.rollback()
	l.rollback()
	s.expect(keyedOnce, Row{int64(1), "a"})
}

func loadAfterFailure(t *testing.T, h *Harness) {
	s := open(t, h)
	tab := valueOf(table.Integer)
	s.load(tab, destination.Counts{Inserted: 1}, []Row{{int64(1), int64(7)}})
	other := valueOf(table.Timestamp)
	other.Conflict = table.Fail
	s.begin().refuse(other)
	s.load(tab, destination.Counts{Inserted: 1}, []Row{{int64(2), int64(8)}})
	s.expect(tab, Row{int64(1), int64(7)}, Row{int64(2), int64(8)})
}

func cancelled(t *testing.T, h *Harness) {
	s := open(t, h)
	s.load(keyless(), destination.Counts{Inserted: 1}, rowsOf(1, 2, "a"))
	ctx, cancel := context.WithCancel(t.Context())
	tab := keyless()
	l := s.begin()
	l.migrate(tab)
	l.add(tab, destination.Counts{Inserted: 2}, rowsOf(1, 3, "b"))
	cancel()
	if _, err := l.append(ctx, tab, rowsOf(3, 5, "c")); !errors.Is(err, context.Canceled) {
		t.Errorf("append: %v, want context.Canceled", err)
	}
	l.rollback()
	s.expect(keyless(), Row{int64(1), "a"})
	s.load(keyless(), destination.Counts{Inserted: 1}, rowsOf(2, 3, "d"))
	s.expect(keyless(), Row{int64(1), "a"}, Row{int64(2), "d"})
}

// stateRow is a row of destination.States as the checks look at it.
type stateRow struct {
	Fence int64
	State string // "NULL" where there is none
	RunID string
}

// states reads the states by pipeline.
func (s *session) states() map[string]stateRow {
	s.Helper()
	states := map[string]stateRow{}
	for _, r := range s.ownRows(destination.States, 0) {
		row := stateRow{Fence: r.Values[1].(int64), State: "NULL", RunID: r.Values[3].(string)}
		if state, ok := r.Values[2].(string); ok {
			row.State = state
		}
		pipeline := r.Values[0].(string)
		if _, twice := states[pipeline]; twice {
			s.Errorf("pipeline %q has two states", pipeline)
		}
		states[pipeline] = row
	}
	return states
}

func (s *session) expectStates(want map[string]stateRow) {
	s.Helper()
	if diff := gocmp.Diff(want, s.states()); diff != "" {
		s.Errorf("states (-want +got):\n%s", diff)
	}
}

func stateAlone(t *testing.T, h *Harness) {
	s := open(t, h)
	before := time.Now().Add(-time.Second)
	s.begin().commit(checkpoint(json.RawMessage(`{"a":1}`)))
	s.reopen()
	s.expectStates(map[string]stateRow{"default": {1, `{"a":1}`, runID}})
	at, ok := s.ownRows(destination.States, 0)[0].Values[4].(time.Time)
	if !ok || at.Before(before) || at.After(time.Now().Add(time.Second)) {
		t.Errorf("updated at %v, want about now", at)
	}
}

func noState(t *testing.T, h *Harness) {
	s := open(t, h)
	s.begin().commit(checkpoint(json.RawMessage(`{"a":1}`)))
	s.load(keyed(), destination.Counts{Inserted: 1}, rowsOf(1, 2, "a"))
	s.expectStates(map[string]stateRow{"default": {1, `{"a":1}`, runID}})
}

func firstWithoutState(t *testing.T, h *Harness) {
	s := open(t, h)
	s.begin().commit(checkpoint(nil))
	s.expectStates(map[string]stateRow{"default": {1, "NULL", runID}})
}

func stateBytes(t *testing.T, h *Harness) {
	s := open(t, h)
	for _, state := range []string{
		`{"b":1.0,"a":1e400,"b":12345678901234567890, "text":"\u0000\u00e9é\/🧾"}`, ` null `, `{}`, `"x"`, "[\n\t1 ]",
		fmt.Sprintf(`{"big":"%01000000d"}`, 7),
	} {
		s.begin().commit(checkpoint(json.RawMessage(state)))
		s.expectStates(map[string]stateRow{"default": {1, state, runID}})
	}
}

func pipelines(t *testing.T, h *Harness) {
	s := open(t, h)
	for i, pipeline := range []string{"stripe", "recharge", "stripe"} {
		c := checkpoint(json.RawMessage(fmt.Sprint(i)))
		c.Pipeline = pipeline
		s.begin().commit(c)
	}
	s.expectStates(map[string]stateRow{"stripe": {1, "2", runID}, "recharge": {1, "1", runID}})
}

// run is the checkpoint of a run of the pipeline "default" with a fence.
func run(id string, fence int64, state string) destination.Checkpoint {
	c := checkpoint(json.RawMessage(state))
	c.RunID, c.Fence = id, fence
	return c
}

// fenced is a Load of one row that Commit must refuse, with nothing kept.
func (s *session) fenced(c destination.Checkpoint) {
	s.Helper()
	before := s.states()
	tab := keyless()
	tab.Name = "fenced"
	l := s.begin()
	l.migrate(tab)
	l.add(tab, destination.Counts{Inserted: 1}, rowsOf(1, 2, "a"))
	c.Rows = []destination.Row{runRow(c.RunID)}
	if err := l.Load.Commit(s.Context(), c); !errors.Is(err, destination.ErrFenced) {
		s.Errorf("commit of run %s with fence %d: %v, want ErrFenced", c.RunID, c.Fence, err)
	}
	l.rollback()
	s.expectStates(before)
	if s.h.Exists(s.T, tab.Schema, tab.Name) {
		s.Error("the table of the refused load is there")
	}
	if rows := s.ownRows(destination.Runs, 0); len(rows) > 0 {
		s.Errorf("the refused load left %d rows in %s", len(rows), destination.Runs.Name)
	}
}

func lowerFence(t *testing.T, h *Harness) {
	s := open(t, h)
	s.begin().commit(run("A", 7, "1"))
	s.begin().commit(run("B", 9, "2"))
	s.fenced(run("A", 7, "3"))
	s.fenced(run("C", 8, "3"))
	s.reopen()
	s.fenced(run("A", 7, "3"))
	s.begin().commit(run("B", 9, "4"))
	s.begin().commit(run("D", 1<<62, "5"))
	s.expectStates(map[string]stateRow{"default": {1 << 62, "5", "D"}})
}

func sameFence(t *testing.T, h *Harness) {
	s := open(t, h)
	s.begin().commit(run("A", 7, "1"))
	s.fenced(run("B", 7, "2"))
	s.begin().commit(run("A", 7, "3"))
	s.expectStates(map[string]stateRow{"default": {7, "3", "A"}})
}

func fenceWithoutState(t *testing.T, h *Harness) {
	s := open(t, h)
	s.begin().commit(run("A", 7, "1"))
	c := run("B", 8, "")
	c.State = nil
	s.begin().commit(c)
	s.fenced(run("A", 7, "2"))
	s.expectStates(map[string]stateRow{"default": {8, "1", "B"}})
}

func fencesApart(t *testing.T, h *Harness) {
	s := open(t, h)
	s.begin().commit(run("A", 7, "1"))
	other := run("B", 1, "2")
	other.Pipeline = "other"
	s.begin().commit(other)
	s.expectStates(map[string]stateRow{"default": {7, "1", "A"}, "other": {1, "2", "B"}})
}
