package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"tapline/singer"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/journal"
)

// requestReload is the command reload: it marks the stream's table, drops the stream's bookmark from the stored state, and
// prints the state that is left.
func requestReload(ctx context.Context, run *singer.TargetRun, args []string, out io.Writer) error {
	if len(args) != 1 {
		return misused("reload has to be followed by the name of one stream")
	}
	stream := args[0]
	state := json.RawMessage(emptyState)
	err := amend(ctx, run, func(d destination.Destination, known *journal.Memory, c *destination.Checkpoint) error {
		tables, err := journal.Tables(ctx, d)
		if err != nil {
			return err
		}
		for _, t := range tables {
			if t.Pipeline == c.Pipeline && t.Stream == stream {
				t.Status, t.ReloadRequestedAt = journal.ReloadRequested, run.Started
				c.Rows = append(c.Rows, t.Row())
			}
		}
		if c.Rows == nil {
			return misused("pipeline %s has loaded no stream %q%s", c.Pipeline, stream, list("; it has loaded ", streams(tables, c.Pipeline)))
		}
		if known.State == nil {
			return nil
		}
		bookmarks, err := singer.ParseBookmarks(known.State)
		if err != nil {
			return fmt.Errorf("the stored state has no bookmarks to drop: %w", err)
		}
		if !bookmarks.Remove(stream) {
			run.Log.Warn(fmt.Sprintf("the state has no bookmark %q%s; a tap that keeps it under another name goes on from where it was",
				stream, list("; it has ", bookmarks.Streams())))
		}
		state = bookmarks.State().Value
		c.State = state
		return nil
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s\n", state)
	return err
}

// streams lists what a pipeline has loaded.
func streams(tables []journal.Table, pipeline string) (names []string) {
	for _, t := range tables {
		if t.Pipeline == pipeline {
			names = append(names, t.Stream)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// list puts names behind a few words, or says nothing where there is none.
func list(words string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	return words + strings.Join(names, ", ")
}
