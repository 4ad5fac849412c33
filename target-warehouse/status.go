package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"tapline/singer"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/journal"
)

// showStatus is the command status: how the tables stand, the latest runs, and the states.
func showStatus(ctx context.Context, run *singer.TargetRun, _ []string, out io.Writer) error {
	var maxAge time.Duration
	if text, set := run.Options["max-age"]; set {
		var err error
		if maxAge, err = time.ParseDuration(text); err != nil || maxAge <= 0 {
			return misused("--max-age is %q, but must be a time such as 2h or 90m", text)
		}
	}
	return look(ctx, run, func(s *settings, d destination.Destination) error {
		report, err := journal.Status(ctx, d)
		if err != nil {
			return fmt.Errorf("reading the status of %s: %w", s.place(), err)
		}
		now := time.Now()
		if run.Options["format"] == "json" {
			err = printJSON(out, statusDocument(report, now))
		} else {
			err = printStatus(out, report, now)
		}
		if err != nil || maxAge == 0 {
			return err
		}
		return checkAge(report, now, maxAge)
	})
}

// checkAge fails if a table's newest record is older than maxAge.
func checkAge(report *journal.Report, now time.Time, maxAge time.Duration) error {
	var old []string
	for _, t := range report.Tables {
		switch at := t.ReplicatedAt(); {
		case t.Left:
		case at.IsZero():
			old = append(old, qualified(t.Schema, t.Name)+" was never replicated")
		case now.Sub(at) > maxAge:
			old = append(old, qualified(t.Schema, t.Name)+" was replicated "+span(now.Sub(at))+" ago")
		}
	}
	switch {
	case len(report.Tables) == 0:
		return errors.New("nothing was loaded yet, so nothing is as new as --max-age asks")
	case len(old) > 0:
		return fmt.Errorf("older than %s: %s", span(maxAge), strings.Join(old, "; "))
	}
	return nil
}

// statusJSON is what status --format json prints.
type statusJSON struct {
	Health journal.Health `json:"health"`
	Tables []tableJSON    `json:"tables"`
	Runs   []journal.Run  `json:"runs"`
	Killed []string       `json:"killed_runs"` // by their ids
	States []stateJSON    `json:"states"`
}

type tableJSON struct {
	Health journal.Health `json:"health"`
	Why    string         `json:"why,omitempty"`
	// Lag is how many seconds ago the newest record was extracted; null if that never was.
	Lag *int64 `json:"lag_seconds"`
	journal.Table
}

type stateJSON struct {
	Pipeline  string          `json:"pipeline"`
	State     json.RawMessage `json:"state"`
	RunID     string          `json:"run_id"`
	UpdatedAt time.Time       `json:"updated_at,omitzero"`
}

func statusDocument(report *journal.Report, now time.Time) statusJSON {
	s := statusJSON{Health: report.Health(), Tables: []tableJSON{}, Runs: append([]journal.Run{}, report.Runs...), Killed: []string{}, States: []stateJSON{}}
	for _, r := range report.Killed {
		s.Killed = append(s.Killed, r.ID)
	}
	for _, t := range report.Tables {
		shown := tableJSON{Table: t.Table}
		shown.Health, shown.Why = t.Health()
		if at := t.ReplicatedAt(); !at.IsZero() {
			seconds := int64(now.Sub(at) / time.Second)
			shown.Lag = &seconds
		}
		s.Tables = append(s.Tables, shown)
	}
	for _, state := range report.States {
		s.States = append(s.States, stateJSON{state.Pipeline, document(state.State), state.RunID, state.UpdatedAt})
	}
	return s
}

// printStatus writes the status for people. now is what ages are counted from.
func printStatus(out io.Writer, report *journal.Report, now time.Time) error {
	if len(report.Runs) == 0 {
		_, err := fmt.Fprintln(out, "nothing was loaded yet")
		return err
	}
	rows := [][]string{{"HEALTH", "TABLE", "ROWS", "LAST LOADED", "LAST REPLICATED", "LAG", "STREAM", "STATUS"}}
	seen := map[journal.Health]int{}
	for _, t := range report.Tables {
		health, why := t.Health()
		seen[health]++
		status := string(t.Status)
		if why != "" {
			status += ": " + why
		}
		count, lag := humanize.Comma(t.RowCount), ""
		if t.Missing {
			count = "none"
		}
		if at := t.ReplicatedAt(); !at.IsZero() {
			lag = span(now.Sub(at))
		}
		rows = append(rows, []string{string(health), qualified(t.Schema, t.Name), count, ago(t.LastLoadedAt, now), ago(t.LastReplicatedAt, now), lag, t.Stream, status})
	}
	_, err := fmt.Fprintf(out, "%s: %s\n\n", report.Health(), rollUp(report, seen))
	if err == nil && len(report.Tables) > 0 {
		err = printTable(out, append(rows, nil))
	}
	if err == nil {
		err = printTable(out, append([][]string{runColumns}, runRows(report.Runs, now)...))
	}
	if newest := report.Runs[0]; err == nil && newest.Message != "" {
		_, err = fmt.Fprintf(out, "\nthe last run ended with: %s\n", oneLine(newest.Message))
	}
	for _, r := range report.Killed {
		if err == nil {
			_, err = fmt.Fprintf(out, "\nrun %s of pipeline %s was killed: it has no end, and nobody is loading; the next run goes on behind the state\n", r.ID, r.Pipeline)
		}
	}
	for _, state := range report.States {
		if err == nil && state.State != nil {
			_, err = fmt.Fprintf(out, "\nstate of pipeline %s: %s bytes, from %s; target-warehouse state get prints it\n",
				state.Pipeline, humanize.Comma(int64(len(state.State))), ago(state.UpdatedAt, now))
		}
	}
	return err
}

// rollUp sums up the health of the tables.
func rollUp(report *journal.Report, seen map[journal.Health]int) string {
	all := len(report.Tables)
	switch {
	case all == 0:
		return "no table yet"
	case seen[journal.Green] == all && len(report.Killed) > 0:
		return humanize.Comma(int64(all)) + " tables are as they should be, but the last run was killed"
	case seen[journal.Green] == all:
		return humanize.Comma(int64(all)) + " tables are as they should be"
	}
	return fmt.Sprintf("of %d tables, %d need a look and %d failed", all, seen[journal.Orange], seen[journal.Red])
}
