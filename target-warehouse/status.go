package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"

	"tapline/singer"
	"tapline/target-warehouse/destination"
)

// showStatus is the command `target-warehouse status`: tables with their rows and age, the latest runs, and the states.
// With
// --format json it prints the same for machines.
func showStatus(ctx context.Context, run *singer.TargetRun, args []string, out io.Writer) error {
	if len(args) > 0 {
		return &singer.ConfigError{Source: "the command line", Faults: []string{
			fmt.Sprintf("status takes no argument %q; --format json prints it for machines", args[0])}}
	}
	s, err := readSettings(run.Config)
	if err != nil {
		return err
	}
	dest, err := s.openReadOnly(ctx, run.Log)
	if err != nil {
		return err
	}
	defer dest.Close()
	status, err := dest.Status(ctx)
	if err != nil {
		return fmt.Errorf("reading the status of %s: %w", s.place(), err)
	}
	if run.Format == "json" {
		text, err := json.MarshalIndent(status, "", "  ")
		if err == nil {
			_, err = fmt.Fprintf(out, "%s\n", text)
		}
		return err
	}
	return printStatus(out, status, time.Now())
}

// printStatus writes the status for people. now is what ages are counted from.
func printStatus(out io.Writer, s *destination.Status, now time.Time) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if len(s.Runs) == 0 {
		fmt.Fprintln(w, "nothing was loaded yet")
		return w.Flush()
	}
	fmt.Fprintln(w, "TABLE\tROWS\tLAST LOADED\tSTREAM")
	for _, t := range s.Tables {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", qualified(t), humanize.Comma(t.Rows), ago(t.LastLoadedAt, now), t.Stream)
	}
	fmt.Fprintln(w, "\nRUN\tSTATUS\tSTARTED\tTOOK\tREAD\tINSERTED\tUPDATED\tSTATES")
	for _, r := range s.Runs {
		var sum destination.Counts
		for _, c := range r.Tables {
			sum.Inserted += c.Inserted
			sum.Updated += c.Updated
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\n", r.ID, r.Status, ago(r.StartedAt, now), took(r),
			humanize.Comma(r.RowsIn), humanize.Comma(sum.Inserted), humanize.Comma(sum.Updated), r.States)
	}
	if newest := s.Runs[0]; newest.Message != "" {
		fmt.Fprintf(w, "\nthe last run failed: %s\n", newest.Message)
	}
	fmt.Fprintln(w)
	for _, pipeline := range slices.Sorted(maps.Keys(s.States)) {
		fmt.Fprintf(w, "state of pipeline %s: %s\n", pipeline, s.States[pipeline])
	}
	return w.Flush()
}

func qualified(t destination.TableStatus) string {
	if t.Schema == "" {
		return t.Name
	}
	return t.Schema + "." + t.Name
}

func ago(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return humanize.RelTime(t, now, "ago", "from now")
}

// took is how long the run lasted; a run without an end is going on or was killed.
func took(r destination.Run) string {
	if r.EndedAt.IsZero() {
		return "no end"
	}
	return r.EndedAt.Sub(r.StartedAt).Round(10 * time.Millisecond).String()
}
