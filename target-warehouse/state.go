package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"tapline/singer"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/journal"
)

// emptyState is what a tap takes for the beginning.
const emptyState = "{}"

// getState is the command state get: it prints the stored state as it stands, so that a tap can go on from it. Where there is
// no warehouse yet, as ahead of a pipeline's first run, that is the state of the beginning.
func getState(ctx context.Context, run *singer.TargetRun, _ []string, out io.Writer) error {
	err := look(ctx, run, func(s *settings, d destination.Destination) error {
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
	if errors.Is(err, fs.ErrNotExist) {
		run.Log.Info("nothing was loaded yet, so this is the state of the beginning: " + err.Error())
		_, err = fmt.Fprintln(out, emptyState)
	}
	return err
}

// setState is the command state set.
func setState(ctx context.Context, run *singer.TargetRun, args []string, _ io.Writer) error {
	if len(args) != 1 {
		return misused("state set has to be followed by the name of one file")
	}
	file := args[0]
	text, err := os.ReadFile(file)
	if err != nil {
		return misused("the state cannot be read: %v", err)
	}
	state := bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\ufeff")))
	if !json.Valid(state) {
		return misused("%s does not hold one JSON value; of a file with one state a line, pass the last line alone", file)
	}
	if isStateMessage(state) {
		return misused("%s holds a STATE message of a tap, whose value alone is the state; pass that", file)
	}
	return amend(ctx, run, func(_ destination.Destination, _ *journal.Memory, c *destination.Checkpoint) error {
		c.State = state
		return nil
	})
}

// isStateMessage tells whether text is a message around a state. A tap that was given one would find no bookmark in it and
// read everything again, and put it into the next state.
func isStateMessage(text []byte) bool {
	var m struct {
		Type  string          `json:"type"`
		Value json.RawMessage `json:"value"`
	}
	return json.Unmarshal(text, &m) == nil && strings.EqualFold(m.Type, "STATE") && m.Value != nil
}

// resetState is the command state reset.
func resetState(ctx context.Context, run *singer.TargetRun, _ []string, _ io.Writer) error {
	if run.Options["yes"] == "" {
		return misused("state reset makes the tap read everything again from its beginning; add --yes if that is meant")
	}
	return amend(ctx, run, func(_ destination.Destination, _ *journal.Memory, c *destination.Checkpoint) error {
		c.State = []byte(emptyState)
		return nil
	})
}
