package journal

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"tapline/target-warehouse/destination"
)

// Report is how a warehouse stands.
type Report struct {
	Tables []Standing
	Runs   []Run // the newest few, newest first
	Killed []Run // the newest of their pipelines, which have no end, and nobody is loading
	States []State
}

// Standing is how a table stands.
type Standing struct {
	Table         // RowCount is that of now
	Missing  bool // there is no such table any more
	Left     bool // the pipeline loads the stream into another table now
	RunEnded bool // the run that loaded it last is not going on
}

// Health sums up how something stands.
type Health string

// The kinds of health.
const (
	Green  Health = "green"  // as it should be
	Orange Health = "orange" // usable, and somebody should look at it
	Red    Health = "red"    // failed
)

// Status reads how a warehouse stands and counts the rows of each table.
func Status(ctx context.Context, d destination.Destination) (*Report, error) {
	tables, err := Tables(ctx, d)
	if err != nil {
		return nil, err
	}
	runs, err := Runs(ctx, d, recentRuns)
	if err != nil {
		return nil, err
	}
	report := &Report{Runs: runs[:min(shownRuns, len(runs))]}
	if report.States, err = States(ctx, d); err != nil {
		return nil, err
	}
	slices.SortFunc(report.States, func(a, b State) int { return cmp.Compare(a.Pipeline, b.Pipeline) })
	running, err := running(ctx, d, runs, report)
	if err != nil {
		return nil, err
	}
	current := currentTables(tables)
	for _, t := range tables {
		rows, exists, err := d.Count(ctx, t.Schema, t.Name)
		if err != nil {
			return nil, fmt.Errorf("counting the rows of %s: %w", t.Name, err)
		}
		if t.RowCount = rows; !exists {
			t.RowCount = unknownRows
		}
		report.Tables = append(report.Tables, Standing{Table: t, Missing: !exists, Left: current[[2]string{t.Pipeline, t.Stream}].After(t.LastLoadedAt), RunEnded: !slices.Contains(running, t.LastRunID)})
	}
	slices.SortFunc(report.Tables, func(a, b Standing) int {
		return cmp.Or(cmp.Compare(a.Pipeline, b.Pipeline), cmp.Compare(a.Schema, b.Schema), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Stream, b.Stream))
	})
	return report, nil
}

// A report tells of shownRuns runs. Among recentRuns is every one that may still be going on.
const (
	shownRuns  = 10
	recentRuns = 1000
)

// running returns the ids of runs that may be going on, and has the report tell of those that should be and are not. runs
// are sorted newest first; of a pipeline only the newest can be going on, as it fenced the others off.
func running(ctx context.Context, d destination.Destination, runs []Run, report *Report) (ids []string, err error) {
	watcher, watches := d.(destination.Watcher)
	seen := map[string]bool{}
	for _, r := range runs {
		if r.Status == Running && !seen[r.Pipeline] {
			loading := true
			if watches {
				if loading, err = watcher.Loading(ctx, r.Pipeline); err != nil {
					return nil, fmt.Errorf("looking whether pipeline %s is being loaded: %w", r.Pipeline, err)
				}
			}
			if loading {
				ids = append(ids, r.ID)
			} else {
				report.Killed = append(report.Killed, r)
			}
		}
		seen[r.Pipeline] = true
	}
	return ids, nil
}

// currentTables returns by pipeline and stream when the table that was loaded last was.
func currentTables(tables []Table) map[[2]string]time.Time {
	newest := map[[2]string]time.Time{}
	for _, t := range tables {
		if of := [2]string{t.Pipeline, t.Stream}; t.LastLoadedAt.After(newest[of]) {
			newest[of] = t.LastLoadedAt
		}
	}
	return newest
}

// ReplicatedAt is what a table's age counts from: when its newest record was extracted or, where that is not known, when
// it was loaded. It is zero for a table that never was.
func (s Standing) ReplicatedAt() time.Time {
	if s.LastReplicatedAt.IsZero() {
		return s.LastLoadedAt
	}
	return s.LastReplicatedAt
}

// Health judges a table, and says what there is to say about it.
func (s Standing) Health() (h Health, why string) {
	switch {
	case s.Left:
		return Green, "left behind, as the stream goes to another table now"
	case s.Status == TableFailed:
		return Red, cmp.Or(s.FailureReason, "the last run failed")
	case s.Missing:
		return Red, "the table is not there any more"
	case s.Status == ReloadRequested:
		return Orange, "waits for a run that reads everything again"
	case s.Status == Reloading && !s.RunEnded:
		return Orange, "everything is being read again"
	case s.Status == Reloading, s.Status == Loading && s.RunEnded:
		return Orange, "its last run ended early"
	case s.Rejected > 0:
		return Orange, fmt.Sprintf("%d rejected in the last run", s.Rejected)
	}
	return Green, ""
}

// Health judges the warehouse: green if all tables are, red if all are, or if there is none and the newest run failed,
// else orange, as it is behind a run that was killed.
func (r *Report) Health() Health {
	seen := map[Health]int{}
	for _, t := range r.Tables {
		h, _ := t.Health()
		seen[h]++
	}
	if len(r.Tables) == 0 && len(r.Runs) > 0 && r.Runs[0].Status == Failed {
		return Red
	}
	switch {
	case seen[Red] > 0 && seen[Orange]+seen[Green] == 0:
		return Red
	case seen[Red]+seen[Orange]+len(r.Killed) > 0:
		return Orange
	}
	return Green
}
