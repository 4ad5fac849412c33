package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/stripe/stripe-go/v76/form"
	"golang.org/x/sync/errgroup"

	"tapline/singer"
)

// toldWithin is how late the use of something may be told, which counts for the day on which it was used.
// https://docs.stripe.com/billing/subscriptions/usage-based/recording-usage
const toldWithin = 35 * 24 * time.Hour

// meteredDays is the range of time whose days are asked for, in Unix seconds: from the beginning of the meter or the start
// date to the beginning of today, by UTC. Stripe wants whole days.
func (s *syncer) meteredDays(meter json.RawMessage) (from, until int64) {
	day := int64((24 * time.Hour).Seconds())
	created, err := strconv.ParseInt(string(member(meter, "created")), 10, 64)
	if err != nil {
		created = noObjects
	}
	from = max(created-int64(toldWithin.Seconds()), s.settings.start)
	return from / day * day, s.now.Unix() / day * day
}

// fetchSummaries writes what a meter has counted of every customer, day by day. Stripe tells that of one customer at a time.
// Each run reads all of it anew, because nothing tells what was used, or was told late.
func (s *syncer) fetchSummaries(ctx context.Context, account string, child *job, meter found) ([]found, error) {
	from, until := s.meteredDays(meter.object)
	customers, after, restarts := &job{stream: findStream("customers"), children: []*job{child}}, "", 0
	for from < until {
		answer, err := s.client.list(ctx, request{account: account, path: customers.stream.path, query: listQuery(customers, "", after), size: s.pageSizeOf(customers)})
		var api *APIError
		if errors.As(err, &api) && api.missing() && after != "" && restarts < maxRestarts {
			after, restarts = "", restarts+1 // the customer that the cursor stood on is gone
			continue
		}
		if err != nil {
			return nil, err
		}
		lists := make([][]found, len(answer.objects))
		group, below := errgroup.WithContext(ctx)
		group.SetLimit(childrenAtOnce)
		for i, customer := range answer.objects {
			group.Go(func() (err error) {
				lists[i], err = s.summariesOf(below, account, child, meter, textOf(member(customer, "id")), from, until)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return nil, err
		}
		if !answer.more || s.run.Limit > 0 {
			return slices.Concat(lists...), nil
		}
		if err := s.emit([]batch{{job: child, account: account, found: slices.Concat(lists...)}}, nil); err != nil {
			return nil, err
		}
		if after, err = nextAfter(customers.stream, answer.objects, after); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// summariesOf reads what a meter has counted of one customer. All pages but the last are written on the way.
func (s *syncer) summariesOf(ctx context.Context, account string, child *job, meter found, customer string, from, until int64) ([]found, error) {
	path, after := child.stream.parent.path, ""
	for {
		q := &form.Values{}
		q.Add("customer", customer)
		q.Add("start_time", strconv.FormatInt(from, 10))
		q.Add("end_time", strconv.FormatInt(until, 10))
		q.Add("value_grouping_window", "day")
		if after != "" {
			q.Add("starting_after", after)
		}
		answer, err := s.client.list(ctx, request{account: account, endpoint: path, path: fillIn(path, meter.object, url.PathEscape), query: q, size: s.pageSize(child.stream)})
		var api *APIError
		if errors.As(err, &api) && api.missing() && after == "" {
			return nil, nil // the customer is gone
		}
		if err != nil {
			return nil, err
		}
		list, err := adopt(child.stream, found{object: meter.object, read: answer.read}, answer.objects)
		if err != nil {
			return nil, &singer.RecordError{Stream: child.stream.name, Err: err}
		}
		for i := range list {
			list[i].object = withMember(list[i].object, "customer", quoted(customer))
		}
		if !answer.more || s.run.Limit > 0 {
			return list, nil
		}
		if err := s.emit([]batch{{job: child, account: account, found: list}}, nil); err != nil {
			return nil, err
		}
		if after, err = nextAfter(child.stream, answer.objects, after); err != nil {
			return nil, err
		}
	}
}
