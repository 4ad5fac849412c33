package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"text/tabwriter"

	"tapline/internal/recharge"
	"tapline/singer"
)

// check reports whose data the token opens and which of the selected streams it may read, [singer.Tap.Check].
func check(ctx context.Context, run *singer.Run, report io.Writer) error {
	s, err := readSettings(run.Config)
	if err != nil {
		return err
	}
	c := newClient(s, run, &atomic.Int64{})
	info, err := c.TokenInformation(ctx)
	if err != nil {
		return explain(nil, err)
	}
	of, date, err := askStore(ctx, c)
	if err != nil {
		return err
	}
	if of == nil {
		fmt.Fprintln(report, "store unknown: the token may not read it")
	} else {
		fmt.Fprintf(report, "store %s, %s, currency %s, zone %s\n", of.Name, of.storeIdentity, of.Currency, of.Timezone.Name)
	}
	budget := c.Budget()
	fmt.Fprintf(report, "token %q at %s, API %s, %.3g requests a second, bucket filled with %.0f of %.0f\n",
		info.Name, s.BaseURL, s.APIVersion, budget.Rate, budget.Level, budget.Size)
	if err := refuseOther(run.Bookmarks, of); err != nil {
		return err
	}
	if !date.IsZero() {
		if err := s.refuseFutureStarts(date); err != nil {
			return err
		}
	}
	return checkStreams(ctx, run, c, s, info.Scopes, report)
}

// checkStreams probes the selected streams and says what the token has, lacks and does not need.
func checkStreams(ctx context.Context, run *singer.Run, c *recharge.Client, s *settings, has []string, report io.Writer) error {
	table := tabwriter.NewWriter(report, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "STREAM\tREADABLE\tSCOPE")
	var failed []*singer.StreamError
	var needed []string
	for _, entry := range run.Catalog.Streams {
		st := s.stream(entry.ID)
		if st == nil || !s.wants(entry) {
			continue
		}
		for _, names := range s.needs(st) {
			needed = append(needed, names...)
		}
		err := s.tryStream(ctx, c, st, has)
		if err != nil && (!concernsOneStream(err) || errors.Is(err, recharge.ErrUnavailable)) {
			return explain(st, err)
		}
		if err != nil {
			failed = append(failed, &singer.StreamError{Stream: st.name, Err: explain(st, err)})
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", st.name, readable(err), s.scopeOf(st, has))
	}
	table.Flush()
	if needed == nil {
		fmt.Fprintln(report, "(no stream is selected that needs a permission)")
	}
	if excess := excessOf(has, needed); len(excess) > 0 {
		fmt.Fprintln(report, "scopes that the selected streams do not need: "+strings.Join(excess, ", "))
	}
	return singer.JoinStreamErrors(failed)
}

// tryStream tells why a stream cannot be read. One below the records of another is judged by its scopes alone.
func (s *settings) tryStream(ctx context.Context, c *recharge.Client, st *stream, has []string) error {
	if st.parent == nil {
		return probe(ctx, c, st)
	}
	if len(has) > 0 && len(s.missing(st, has)) > 0 {
		return &lackError{lackOf(s.missing(st, has))}
	}
	return nil
}

// readable words the outcome of a probe.
func readable(err error) string {
	refused, ok := errors.AsType[*recharge.Error](err)
	switch {
	case err == nil:
		return "yes"
	case ok && !refused.Forbidden():
		return fmt.Sprintf("no, status %d", refused.Status)
	}
	return "no"
}

// scopeOf says which scope a stream needs and whether the token lists it.
func (s *settings) scopeOf(st *stream, has []string) string {
	if len(s.needs(st)) == 0 {
		return "none needed"
	}
	var parts []string
	for _, names := range s.needs(st) {
		at := slices.IndexFunc(names, func(name string) bool { return allows(has, name) })
		switch {
		case at >= 0:
			parts = append(parts, names[at])
		default:
			parts = append(parts, strings.Join(names, " or ")+" is missing")
		}
	}
	return strings.Join(parts, ", ")
}

// excessOf lists the scopes that a token has and nobody needs; one that allows to write is always too much.
func excessOf(has, needed []string) []string {
	excess := slices.DeleteFunc(slices.Clone(has), func(name string) bool { return slices.Contains(needed, name) })
	slices.Sort(excess)
	return excess
}
