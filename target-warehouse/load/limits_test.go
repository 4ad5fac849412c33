package load

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/journal"
)

// TestLoadHeedsItsLimits loads 10 MB of records and counts what reaches the destination. A run commits at its start, at
// the end of the input and at its own end.
func TestLoadHeedsItsLimits(t *testing.T) {
	var in strings.Builder
	in.WriteString(usersSchema)
	for i := range 100 {
		in.WriteString(user(i, strings.Repeat("x", 100_000)))
	}
	for _, c := range []struct {
		name             string
		limits           Options
		appends, commits [2]int // at least and at most
	}{
		{"without a limit everything is one commit", Options{}, [2]int{1, 1}, [2]int{3, 3}},
		{"memory makes rows leave, but not commits", Options{MaxMemory: 8 << 20}, [2]int{3, 6}, [2]int{3, 3}},
		{"bytes make commits", Options{BatchBytes: 2 << 20}, [2]int{3, 6}, [2]int{5, 8}},
		{"bytes count what was staged, too", Options{MaxMemory: 2 << 20, BatchBytes: 2 << 20}, [2]int{8, 12}, [2]int{5, 8}},
		{"rows make commits", Options{BatchRows: 25}, [2]int{3, 4}, [2]int{5, 7}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newMemoryWarehouse()
			got := loadText(t, w, strings.NewReader(in.String()), c.limits)
			if got.err != nil || len(got.rows) != 100 {
				t.Fatalf("failure %v, %d rows", got.err, len(got.rows))
			}
			if w.appends < c.appends[0] || w.appends > c.appends[1] || w.commits < c.commits[0] || w.commits > c.commits[1] {
				t.Errorf("%d appends and %d commits, want %v and %v", w.appends, w.commits, c.appends, c.commits)
			}
		})
	}
}

// Rows of an eager table go to the destination as soon as they are worth it, those of others wait, and commits come when
// they would have come.
func TestAnEagerDestinationGetsItsRowsEarly(t *testing.T) {
	var in strings.Builder
	in.WriteString(usersSchema + strings.ReplaceAll(usersSchema, "users", "others"))
	for i := range 100 {
		line := user(i, strings.Repeat("x", 100_000))
		in.WriteString(line + strings.ReplaceAll(line, "users", "others"))
	}
	for _, c := range []struct {
		enough  int64
		appends [2]int // at least and at most
	}{{0, [2]int{2, 2}}, {1, [2]int{10, 101}}, {3 << 20, [2]int{4, 5}}, {1 << 30, [2]int{2, 2}}} {
		w := newMemoryWarehouse()
		w.eager = map[string]int64{"users": c.enough}
		got := loadText(t, w, strings.NewReader(in.String()), Options{})
		if got.err != nil || len(got.rows) != 100 || len(w.rows("others")) != 100 {
			t.Fatalf("failure %v, %d rows and %d others", got.err, len(got.rows), len(w.rows("others")))
		}
		if w.appends < c.appends[0] || w.appends > c.appends[1] || w.commits != 3 {
			t.Errorf("%d bytes are worth an Append: %d appends and %d commits, want %v and 3", c.enough, w.appends, w.commits, c.appends)
		}
	}
}

func TestLoadThatASignalEndedIsRecordedAsInterrupted(t *testing.T) {
	in := strings.NewReader(usersSchema + user(1, "a") + state(1))
	got := loadText(t, newMemoryWarehouse(), in, Options{Interrupted: func() bool { return true }})
	if got.err != nil || got.run.Status != journal.Interrupted || len(got.rows) != 1 || len(got.states) != 1 {
		t.Errorf("failure %v, run %+v, rows %v, states %v", got.err, got.run, got.rows, got.states)
	}
}

func TestLoadLeavesASchemaBehindABadRecordAlone(t *testing.T) {
	w := newMemoryWarehouse()
	bad := `{"type":"RECORD","stream":"users","record":{"id":"x"}}` + "\n"
	got := loadText(t, w, strings.NewReader(usersSchema+user(1, "a")+bad+strings.ReplaceAll(usersSchema, "users", "later")), Options{})
	if _, made := w.tables["later"]; got.err == nil || made {
		t.Errorf("failure %v, table of the later stream: %v", got.err, made)
	}
}

func TestCountsOfWhatWasUndoneAreTakenBack(t *testing.T) {
	w := newMemoryWarehouse()
	w.fail = func(at string, n int) error {
		if at == "commit" && n == 3 {
			return fmt.Errorf("disk full")
		}
		return nil
	}
	got := loadText(t, w, strings.NewReader(usersSchema+user(1, "a")+user(2, "b")), Options{BatchRows: 1})
	if diff := cmp.Diff(map[string]destination.Counts{"users": {Inserted: 1}}, got.tables); got.err == nil || diff != "" {
		t.Errorf("failure %v, counts (-want +got):\n%s", got.err, diff)
	}
}
