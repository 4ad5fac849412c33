package destinationtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

var commitChecks = []check{
	{"a warehouse that was never loaded has an empty status", emptyStatus},
	{"rollback leaves nothing", rollbackLeavesNothing},
	{"rollback after commit is harmless", rollbackAfterCommit},
	{"a load can follow a failed one", loadAfterFailure},
	{"a cancelled load can be rolled back", cancelled},
	{"a commit can carry a state alone", stateAlone},
	{"a commit without a state keeps the earlier one", noState},
	{"state bytes are untouched", stateBytes},
	{"pipelines keep their states apart", pipelines},
	{"status shows runs, newest first", runs},
	{"status shows tables", tables},
}

func emptyStatus(t *testing.T, h *Harness) {
	s := open(t, h)
	if diff := gocmp.Diff(&destination.Status{}, s.status(), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
}

func rollbackLeavesNothing(t *testing.T, h *Harness) {
	s := open(t, h)
	l := s.begin()
	l.migrate(keyedOnce)
	l.add(keyedOnce, destination.Counts{Inserted: 5000}, rowsOf(0, 5000, "a"))
	l.rollback()
	s.reopen()
	if h.Exists(t, keyedOnce.Schema, keyedOnce.Name) {
		t.Error("the table is there")
	}

	s.load(keyed(), destination.Counts{Inserted: 2}, rowsOf(1, 3, "a"))
	before := s.status()
	wide := wider()
	l = s.begin()
	l.migrate(wide)
	l.add(wide, destination.Counts{Inserted: 1, Updated: 1}, []Row{{int64(2), "b", true}, {int64(3), "b", true}})
	l.rollback()
	s.reopen()
	s.expect(keyed(), rowsOf(1, 3, "a")...)
	if diff := gocmp.Diff(before, s.status()); diff != "" {
		t.Errorf("status (-before +after):\n%s", diff)
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
	s.load(keyed(), destination.Counts{Inserted: 1}, rowsOf(1, 2, "a"))
	l := s.begin()
	other := keyed()
	other.Columns[1].Type = other.Columns[0].Type
	if err := l.Migrate(t.Context(), other); err == nil {
		t.Fatal("a Text column was taken for an Integer column")
	}
	l.rollback()
	s.load(keyed(), destination.Counts{Updated: 1}, rowsOf(1, 2, "b"))
	s.expect(keyed(), Row{int64(1), "b"})
}

func cancelled(t *testing.T, h *Harness) {
	s := open(t, h)
	s.load(keyed(), destination.Counts{Inserted: 1}, rowsOf(1, 2, "a"))
	ctx, cancel := context.WithCancel(t.Context())
	l := s.begin()
	l.migrate(keyedOnce)
	l.add(keyedOnce, destination.Counts{Inserted: 1, Updated: 1}, rowsOf(1, 3, "b"))
	cancel()
	b := Batch(h.Allocator, keyedOnce, 1, rowsOf(3, 5, "c")...)
	defer b.Rows.Release()
	if _, err := l.Append(ctx, []*table.Batch{b}); !errors.Is(err, context.Canceled) {
		t.Errorf("append: %v, want context.Canceled", err)
	}
	l.rollback()
	s.expect(keyed(), Row{int64(1), "a"})
	s.load(keyed(), destination.Counts{Updated: 1}, rowsOf(1, 2, "d"))
	s.expect(keyed(), Row{int64(1), "d"})
}

func stateAlone(t *testing.T, h *Harness) {
	s := open(t, h)
	s.begin().commit(checkpoint(json.RawMessage(`{"a":1}`)))
	s.reopen()
	s.expectStates(map[string]json.RawMessage{"default": json.RawMessage(`{"a":1}`)})
}

func noState(t *testing.T, h *Harness) {
	s := open(t, h)
	s.begin().commit(checkpoint(json.RawMessage(`{"a":1}`)))
	s.load(keyed(), destination.Counts{Inserted: 1}, rowsOf(1, 2, "a"))
	s.expectStates(map[string]json.RawMessage{"default": json.RawMessage(`{"a":1}`)})
}

func stateBytes(t *testing.T, h *Harness) {
	s := open(t, h)
	for _, state := range []string{
		`{"b":1.0,"a":1e400,"b":12345678901234567890, "text":"\u0000\u00e9é\/🧾"}`, ` null `, `{}`, `"x"`, "[\n\t1 ]",
		fmt.Sprintf(`{"big":"%01000000d"}`, 7),
	} {
		s.begin().commit(checkpoint(json.RawMessage(state)))
		s.expectStates(map[string]json.RawMessage{"default": json.RawMessage(state)})
	}
}

// expectStates compares the states byte for byte.
func (s *session) expectStates(want map[string]json.RawMessage) {
	s.Helper()
	asText := gocmp.Transformer("text", func(m json.RawMessage) string { return string(m) })
	if diff := gocmp.Diff(want, s.status().States, asText); diff != "" {
		s.Errorf("states (-want +got):\n%s", diff)
	}
}

func pipelines(t *testing.T, h *Harness) {
	s := open(t, h)
	for i, pipeline := range []string{"stripe", "recharge", "stripe"} {
		c := checkpoint(json.RawMessage(fmt.Sprint(i)))
		c.Run.Pipeline = pipeline
		s.begin().commit(c)
	}
	s.expectStates(map[string]json.RawMessage{"stripe": json.RawMessage("2"), "recharge": json.RawMessage("1")})
}

func runs(t *testing.T, h *Harness) {
	s := open(t, h)
	var want []destination.Run
	for i := range 22 {
		c := checkpoint(nil)
		c.Run.ID = fmt.Sprintf("01JNQ3Z00000000000000000%02d", i)
		c.Run.StartedAt = started.Add(time.Duration(i) * time.Hour)
		s.begin().commit(c)
		want = append([]destination.Run{c.Run}, want...)
	}
	want = want[:20]
	ended := want[3]
	ended.EndedAt, ended.Status, ended.Message = started.Add(100*time.Hour+123456*time.Microsecond), destination.Failed, "it's \"cut\": line 3"
	ended.RowsIn, ended.Rows, ended.BytesIn, ended.States = 1<<40, 2, 3, 4
	ended.Tables = map[string]destination.Counts{"orders": {Inserted: 1, Updated: 2}, "a\"b": {Inserted: 1 << 60}}
	s.begin().commit(destination.Checkpoint{Run: ended})
	want[3] = ended
	s.reopen()
	if diff := gocmp.Diff(want, s.status().Runs, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
}

func tables(t *testing.T, h *Harness) {
	s := open(t, h)
	before := time.Now().Add(-time.Second)
	s.load(keyed(), destination.Counts{Inserted: 3}, rowsOf(1, 4, "a"))
	c := checkpoint(nil)
	c.Run.ID = "01JNQ3Z0000000000000000002"
	l := s.begin()
	l.migrate(keyedOnce)
	l.add(keyedOnce, destination.Counts{Inserted: 1, Updated: 1}, rowsOf(3, 5, "b"))
	l.commit(c)

	want := []destination.TableStatus{{Stream: "orders", Schema: "shop", Name: "orders", Rows: 4, LastRunID: c.Run.ID}}
	got := s.status().Tables
	if diff := gocmp.Diff(want, got, cmpopts.IgnoreFields(destination.TableStatus{}, "LastLoadedAt")); diff != "" {
		t.Fatalf("tables (-want +got):\n%s", diff)
	}
	if at := got[0].LastLoadedAt; at.Before(before) || at.After(time.Now().Add(time.Second)) {
		t.Errorf("last loaded at %v, want about now", at)
	}
}
