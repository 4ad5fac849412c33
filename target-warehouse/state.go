package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"tapline/singer"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/journal"
)

// emptyState is what a tap takes for the beginning.
const emptyState = "{}"

// runState is the command state with its three verbs.
func runState(ctx context.Context, run *singer.TargetRun, args []string, out io.Writer) error {
	switch {
	case len(args) == 1 && args[0] == "get":
		return getState(ctx, run, out)
	case len(args) == 2 && args[0] == "set":
		return setState(ctx, run, args[1])
	case len(args) == 1 && args[0] == "reset":
		return resetState(ctx, run)
	}
	return misused("state has to be followed by get, set FILE or reset")
}

// getState prints the stored state as it stands, so that a tap can go on from it.
func getState(ctx context.Context, run *singer.TargetRun, out io.Writer) error {
	return look(ctx, run, func(s *settings, d destination.Destination) error {
		known, err := journal.Recall(ctx, d, s.Pipeline)
		if err != nil {
			return err
		}
		state := known.State
		if state == nil {
			run.Log.Info("no state is stored of pipeline " + s.Pipeline + "; this is the one of the beginning")
			state = []byte(emptyState)
		}
		_, err = fmt.Fprintf(out, "%s\n", state)
		return err
	})
}

func setState(ctx context.Context, run *singer.TargetRun, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return misused("the state cannot be read: %v", err)
	}
	state := bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\ufeff")))
	if !json.Valid(state) {
		return misused("%s does not hold one JSON value; of a file with one state a line, pass the last line alone", file)
	}
	return amend(ctx, run, func(_ destination.Destination, _ *journal.Memory, c *destination.Checkpoint) error {
		c.State = state
		return nil
	})
}

func resetState(ctx context.Context, run *singer.TargetRun) error {
	if run.Options["yes"] == "" {
		return misused("state reset makes the tap read everything again from its beginning; add --yes if that is meant")
	}
	return amend(ctx, run, func(_ destination.Destination, _ *journal.Memory, c *destination.Checkpoint) error {
		c.State = []byte(emptyState)
		return nil
	})
}
