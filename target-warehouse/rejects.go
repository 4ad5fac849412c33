package main

import (
	"cmp"
	"context"
	"io"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"tapline/singer"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/journal"
)

// showRejects is the command rejects: the newest first.
func showRejects(ctx context.Context, run *singer.TargetRun, _ []string, out io.Writer) error {
	most, err := limit(run)
	if err != nil {
		return err
	}
	return look(ctx, run, func(_ *settings, d destination.Destination) error {
		all, err := journal.Rejects(ctx, d)
		if err != nil {
			return err
		}
		slices.SortFunc(all, func(a, b journal.Reject) int {
			return cmp.Or(cmp.Compare(b.RunID, a.RunID), cmp.Compare(b.Ordinal, a.Ordinal), cmp.Compare(a.Field, b.Field))
		})
		stream := run.Options["stream"]
		rejects := pick(all, most, func(r journal.Reject) bool { return stream == "" || r.Stream == stream })
		return show(out, run, rejects, []string{"AT", "RUN", "STREAM", "RECORD", "FIELD", "REASON", "TEXT"}, rejectRows(rejects))
	})
}

// shownRecord is how much of a record's text people are shown, in bytes.
const shownRecord = 120

func rejectRows(rejects []journal.Reject) (rows [][]string) {
	for _, r := range rejects {
		record := r.Record
		if len(record) > shownRecord {
			end := shownRecord
			for !utf8.RuneStart(record[end]) {
				end--
			}
			record = record[:end] + "…"
		}
		rows = append(rows, []string{r.At.Format(time.RFC3339), r.RunID, r.Stream, strconv.FormatInt(r.Ordinal, 10), r.Field, r.Reason, record})
	}
	return rows
}
