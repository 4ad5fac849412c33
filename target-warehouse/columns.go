package main

import (
	"cmp"
	"context"
	"io"
	"slices"
	"time"

	"tapline/singer"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/journal"
)

// showColumns is the command columns: those of the pipeline, by stream and name.
func showColumns(ctx context.Context, run *singer.TargetRun, _ []string, out io.Writer) error {
	return look(ctx, run, func(s *settings, d destination.Destination) error {
		all, err := journal.Columns(ctx, d)
		if err != nil {
			return err
		}
		stream := run.Options["stream"]
		columns := pick(all, 0, func(c journal.Column) bool {
			return c.Pipeline == s.Pipeline && (stream == "" || c.Stream == stream)
		})
		slices.SortFunc(columns, func(a, b journal.Column) int {
			return cmp.Or(cmp.Compare(a.Stream, b.Stream), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Path, b.Path))
		})
		var rows [][]string
		for _, c := range columns {
			rows = append(rows, []string{c.Stream, c.Path, c.StoredAs, c.StoredType, c.FirstSeenAt.Format(time.DateOnly), c.LastSeenAt.Format(time.DateOnly)})
		}
		return show(out, run, columns, []string{"STREAM", "PATH", "COLUMN", "TYPE", "FIRST SEEN", "LAST SEEN"}, rows)
	})
}

// showChanges is the command changes: the newest first.
func showChanges(ctx context.Context, run *singer.TargetRun, _ []string, out io.Writer) error {
	most, err := limit(run)
	if err != nil {
		return err
	}
	return look(ctx, run, func(_ *settings, d destination.Destination) error {
		all, err := journal.Changes(ctx, d, most)
		if err != nil {
			return err
		}
		changes, rows := []changeJSON{}, [][]string{}
		for _, c := range all {
			changes = append(changes, changeJSON{c.RunID, c.Number, c.At, c.Stream, c.Schema, c.Table, string(c.Kind), c.Column, c.From, c.To})
			rows = append(rows, []string{c.At.Format(time.RFC3339), c.RunID, qualified(c.Schema, c.Table), string(c.Kind), c.Column, c.From, c.To})
		}
		return show(out, run, changes, []string{"AT", "RUN", "TABLE", "CHANGE", "COLUMN", "FROM", "TO"}, rows)
	})
}

// changeJSON is a change as changes --format json prints it.
type changeJSON struct {
	RunID  string    `json:"run_id"`
	Number int64     `json:"number"`
	At     time.Time `json:"at"`
	Stream string    `json:"stream"`
	Schema string    `json:"schema"`
	Table  string    `json:"table"`
	Kind   string    `json:"kind"`
	Column string    `json:"column,omitempty"`
	From   string    `json:"from,omitempty"`
	To     string    `json:"to,omitempty"`
}
