package main

import (
	"context"
	"io"
	"time"

	"github.com/dustin/go-humanize"

	"tapline/singer"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/journal"
)

// showRuns is the command runs. Without --pipeline it lists those of all pipelines.
func showRuns(ctx context.Context, run *singer.TargetRun, _ []string, out io.Writer) error {
	most, err := limit(run)
	if err != nil {
		return err
	}
	return look(ctx, run, func(_ *settings, d destination.Destination) error {
		pipeline := run.Options["pipeline"]
		newest := most
		if pipeline != "" {
			newest = 0
		}
		all, err := journal.Runs(ctx, d, newest)
		if err != nil {
			return err
		}
		runs := pick(all, most, func(r journal.Run) bool { return pipeline == "" || r.Pipeline == pipeline })
		return show(out, run, runs, runColumns, runRows(runs, time.Now()))
	})
}

var runColumns = []string{"RUN", "PIPELINE", "STATUS", "STARTED", "TOOK", "READ", "LOADED", "REJECTED", "STATES"}

func runRows(runs []journal.Run, now time.Time) (rows [][]string) {
	for _, r := range runs {
		rows = append(rows, []string{
			r.ID, r.Pipeline, string(r.Status), ago(r.StartedAt, now), took(r),
			humanize.Comma(r.RowsIn), humanize.Comma(r.Rows), humanize.Comma(r.Rejected), humanize.Comma(r.States),
		})
	}
	return rows
}

// took is how long the run lasted; a run without an end is going on or was killed.
func took(r journal.Run) string {
	if r.EndedAt.IsZero() {
		return "no end"
	}
	return span(r.EndedAt.Sub(r.StartedAt))
}

// pick returns those of the values that are wanted, at most so many; 0 stands for all. It is never nil.
func pick[T any](values []T, most int, wanted func(T) bool) []T {
	picked := []T{}
	for _, v := range values {
		if wanted(v) && (most == 0 || len(picked) < most) {
			picked = append(picked, v)
		}
	}
	return picked
}
