package main

import (
	"cmp"
	"context"
	"fmt"
	"strconv"

	"github.com/oklog/ulid/v2"

	"tapline/singer"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/journal"
)

// look opens the warehouse for a command that changes nothing.
func look(ctx context.Context, run *singer.TargetRun, do func(s *settings, d destination.Destination) error) error {
	s, err := readSettings(run.Config)
	if err != nil {
		return err
	}
	s.Pipeline = cmp.Or(run.Options["pipeline"], s.Pipeline)
	d, err := s.openReadOnly(ctx, run.Log)
	if err != nil {
		return err
	}
	defer d.Close()
	return do(s, d)
}

// loadedStreams lists the streams that the pipeline has loaded, for shells to complete.
func loadedStreams(ctx context.Context, run *singer.TargetRun) (names []string, err error) {
	err = look(ctx, run, func(s *settings, d destination.Destination) error {
		tables, err := journal.Tables(ctx, d)
		names = streams(tables, s.Pipeline)
		return err
	})
	return names, err
}

// amend opens the warehouse for a command that changes what is recorded of the pipeline: change fills in the checkpoint
// that is committed. A run of the pipeline that is going on is fenced off.
func amend(ctx context.Context, run *singer.TargetRun, change func(d destination.Destination, m *journal.Memory, c *destination.Checkpoint) error) error {
	var s *settings
	// What is opened for writing is made where it is missing, which no command is to do.
	err := look(ctx, run, func(read *settings, _ destination.Destination) error {
		s = read
		return nil
	})
	if err != nil {
		return err
	}
	d, _, err := s.open(ctx, run.Log)
	if err != nil {
		return err
	}
	defer d.Close()
	known, err := journal.Recall(ctx, d, s.Pipeline)
	if err != nil {
		return err
	}
	c := destination.Checkpoint{Pipeline: s.Pipeline, RunID: ulid.MustNewDefault(run.Started).String(), Fence: known.Fence + 1}
	if err := change(d, known, &c); err != nil {
		return err
	}
	l, err := d.Begin(ctx)
	if err != nil {
		return fmt.Errorf("beginning a commit: %w", err)
	}
	defer l.Rollback()
	if err := l.Commit(ctx, c); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}

// misused is the failure of a command that was called in a way it cannot be.
func misused(format string, args ...any) error {
	return &singer.ConfigError{Source: "the command line", Faults: []string{fmt.Sprintf(format, args...)}}
}

// limit reads --limit, in which 0 stands for no limit.
func limit(run *singer.TargetRun) (int, error) {
	text, set := run.Options["limit"]
	if !set {
		return 20, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, misused("--limit is %q, but must be a whole number, or 0 for all", text)
	}
	return n, nil
}
