package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"

	"tapline/singer"
)

// check asks for one object of every selected stream and reports which of them the key may read, [singer.Tap.Check].
func check(ctx context.Context, run *singer.Run, report io.Writer) error {
	s, err := readSettings(run.Config)
	if err != nil {
		return err
	}
	c := newClient(s, nil, run.Log, run.Metrics)
	mode := "live mode"
	if s.testMode() {
		mode = "test mode"
	}
	fmt.Fprintf(report, "%s at %s, at most %v requests a second\n", mode, s.BaseURL, s.RequestRate)
	table := tabwriter.NewWriter(report, 0, 0, 2, ' ', 0)
	defer table.Flush()
	fmt.Fprintln(table, "STREAM\tREADABLE")
	probed := false
	var failed []*streamError
	for _, entry := range run.Catalog.Streams {
		st := findStream(entry.ID)
		if st == nil || !entry.Selected() {
			continue
		}
		probed = true
		_, err := c.list(ctx, request{path: st.path, query: probe()})
		if err != nil && !concernsOneStream(err) {
			return err
		}
		if err != nil {
			failed = append(failed, &streamError{st, err})
		}
		fmt.Fprintf(table, "%s\t%s\n", st.name, readable(err))
	}
	if !probed {
		fmt.Fprintln(table, "(no stream is selected, so nothing was tried)")
	}
	return join(failed)
}

// readable words the outcome of a probe.
func readable(err error) string {
	if err == nil {
		return "yes"
	}
	var api *APIError
	if errors.As(err, &api) && api.Status == http.StatusForbidden {
		if name := api.permission(); name != "" {
			return "no\tthe key lacks " + name
		}
		return "no\tthe key lacks a permission"
	}
	return "no\t" + err.Error()
}
