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
	Runs   []Run // the newest of each pipeline, by name of the pipeline
	States []State
}

// Standing is how a table stands.
type Standing struct {
	Table         // RowCount is that of now
	Missing  bool // there is no such table any more
	RunEnded bool // tells whether the run that loaded it last is known to have ended
}

// Colour sums up how something stands.
type Colour string

// The colours.
const (
	Green  Colour = "green"  // as it should be
	Orange Colour = "orange" // usable, and somebody should look at it
	Red    Colour = "red"    // failed
)

// Status reads how a warehouse stands and counts the rows of each table.
func Status(ctx context.Context, d destination.Destination) (*Report, error) {
	tables, err := Tables(ctx, d)
	if err != nil {
		return nil, err
	}
	runs, err := Runs(ctx, d, 0)
	if err != nil {
		return nil, err
	}
	report := &Report{Runs: newestRuns(runs)}
	if report.States, err = States(ctx, d); err != nil {
		return nil, err
	}
	slices.SortFunc(report.States, func(a, b State) int { return cmp.Compare(a.Pipeline, b.Pipeline) })
	ended := map[string]bool{}
	for _, r := range runs {
		ended[r.ID] = r.Status != Running
	}
	for _, t := range tables {
		rows, exists, err := d.Count(ctx, t.Schema, t.Name)
		if err != nil {
			return nil, fmt.Errorf("counting the rows of %s: %w", t.Name, err)
		}
		if t.RowCount = rows; !exists {
			t.RowCount = unknownRows
		}
		report.Tables = append(report.Tables, Standing{Table: t, Missing: !exists, RunEnded: ended[t.LastRunID]})
	}
	slices.SortFunc(report.Tables, func(a, b Standing) int {
		return cmp.Or(cmp.Compare(a.Pipeline, b.Pipeline), cmp.Compare(a.Schema, b.Schema), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Stream, b.Stream))
	})
	return report, nil
}

// newestRuns picks the newest run of each pipeline from runs that are sorted newest first.
func newestRuns(runs []Run) []Run {
	var newest []Run
	for _, r := range runs {
		if !slices.ContainsFunc(newest, func(n Run) bool { return n.Pipeline == r.Pipeline }) {
			newest = append(newest, r)
		}
	}
	slices.SortFunc(newest, func(a, b Run) int { return cmp.Compare(a.Pipeline, b.Pipeline) })
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

// Colour judges a table, and says why it is not green.
func (s Standing) Colour() (c Colour, why string) {
	switch {
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

// Colour judges the warehouse: green if all tables are, red if all are, or if nothing but failed runs is known, else
// orange.
func (r *Report) Colour() Colour {
	seen := map[Colour]int{}
	for _, t := range r.Tables {
		c, _ := t.Colour()
		seen[c]++
	}
	for _, run := range r.Runs {
		if len(r.Tables) == 0 && run.Status == Failed {
			seen[Red]++
		}
	}
	switch {
	case seen[Red] > 0 && seen[Orange]+seen[Green] == 0:
		return Red
	case seen[Red]+seen[Orange] > 0:
		return Orange
	}
	return Green
}
