package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"tapline/singer"
)

// check asks for one object of every selected stream and reports which of them the key may read, [singer.Tap.Check].
// Streams that discovery has found out about are reported with what it found.
func check(ctx context.Context, run *singer.Run, report io.Writer) error {
	s, err := readSettings(run.Config)
	if err != nil {
		return err
	}
	var selected, listed []*stream
	reasons := map[string]string{} // why streams cannot be read, by name
	for _, entry := range run.Catalog.Streams {
		st := findStream(entry.ID)
		why, left := unsupported(entry)
		switch {
		case st == nil:
		case left:
			listed, reasons[st.name] = append(listed, st), why
		case entry.Selected():
			listed, selected = append(listed, st), append(selected, st)
		}
	}
	if len(listed) == 0 {
		_, err := fmt.Fprintln(report, "no stream is selected, so nothing was tried")
		return err
	}
	c := newClient(s, nil, run.Log, run.Metrics)
	refused, err := tryAll(ctx, c, s, "", selected)
	if err != nil {
		return err
	}
	of, _, err := c.identify(ctx, s)
	if err != nil {
		return err
	}
	var failed []*singer.StreamError
	for _, st := range selected {
		if err := refused[st.name]; err != nil {
			reasons[st.name] = reason(err)
			if s.SkipForbidden && leavable(err) {
				reasons[st.name] += ", so it is left out"
				continue
			}
			failed = append(failed, &singer.StreamError{Stream: st.name, Err: err})
		}
	}
	fmt.Fprintln(report, headline(s, of.ID))
	writeTable(report, listed, reasons)
	if err := refuseOther(run.Bookmarks, of); err != nil {
		return err
	}
	return singer.JoinStreamErrors(failed)
}

// headline says what is looked at, and how fast it may be read.
func headline(s *settings, account string) string {
	kind, mode := "secret key", "live mode"
	if s.restricted() {
		kind = "restricted key"
	}
	if s.testMode() {
		mode = "test mode"
	}
	switch {
	case s.severalAccounts():
		account = strings.Join(s.Accounts, ", ")
	case account == "":
		account = "unknown"
	}
	return fmt.Sprintf("%s, %s at %s\naccount: %s\nat most %.4g requests a second, %.4g to one list",
		kind, mode, s.BaseURL, account, s.RequestRate, min(s.RequestRate, newLimiter(s.RequestRate, s.granted()).share*endpointRate))
}

func writeTable(report io.Writer, listed []*stream, reasons map[string]string) {
	table := tabwriter.NewWriter(report, 0, 0, 2, ' ', 0)
	defer table.Flush()
	fmt.Fprintln(table, "STREAM\tREADABLE\t")
	for _, st := range listed {
		readable, why := "yes", reasons[st.name]
		if why != "" {
			readable = "no"
		} else if root := st.root(); root != st {
			why = "as " + root.name
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", st.name, readable, why)
	}
}

// unsupported returns why discovery has marked a stream as one that cannot be read, if it has.
func unsupported(entry *singer.Stream) (why string, marked bool) {
	for _, m := range entry.Metadata {
		if len(m.Breadcrumb) > 0 || string(m.Metadata["inclusion"]) != `"unsupported"` {
			continue
		}
		if err := json.Unmarshal(m.Metadata["unsupported-reason"], &why); err != nil || why == "" {
			why = "the catalog says so" // one that was made by hand
		}
		return why, true
	}
	return "", false
}
