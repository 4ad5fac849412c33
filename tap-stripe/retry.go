package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/form"

	"tapline/singer"
)

// Pauses between attempts start below firstPause and double up to longestPause, each a random part of that, so that
// several streams do not come back at the same moment.
const (
	firstPause   = 500 * time.Millisecond
	longestPause = 32 * time.Second
	// patience is how long one request may be put off by the rate limit alone, which does not count as a failure.
	patience = 15 * time.Minute
)

// A remedy is what to do about a failed request.
type remedy int

const (
	giveUp   remedy = iota
	tryAgain        // it may have passed by then
	slowDown        // the server has more to do than it wants to
)

// remedyFor judges a failure as Stripe's own libraries do, except that exceeding the rate limit and broken bodies are
// reasons to come back as well. https://docs.stripe.com/error-low-level
func remedyFor(err error) remedy {
	var api *APIError
	if !errors.As(err, &api) {
		var transfer *transferError
		if errors.As(err, &transfer) && !transfer.final {
			return tryAgain
		}
		return giveUp
	}
	if api.Status == http.StatusTooManyRequests {
		if api.Code == string(stripe.ErrorCodeLockTimeout) {
			return tryAgain
		}
		return slowDown
	}
	switch api.header.Get("Stripe-Should-Retry") {
	case "true":
		return tryAgain
	case "false":
		return giveUp
	}
	if api.Status == http.StatusConflict || api.Status == http.StatusRequestTimeout || api.Status >= 500 {
		return tryAgain
	}
	return giveUp
}

// pause returns how long to wait after the nth failure in a row, n from 1. What the server asks for comes on top.
func pause(err error, n int) time.Duration {
	longest := longestPause
	if n < 7 {
		longest = min(longest, firstPause<<(n-1))
	}
	wait := rand.N(longest)
	var api *APIError
	if errors.As(err, &api) {
		wait += api.retryAfter()
	}
	return wait
}

// list asks for one page until it comes or there is no hope. Failures are worded for the person who runs the tap.
func (c *client) list(ctx context.Context, r request) (*page, error) {
	return persist(ctx, c, r, toPage)
}

// retrieve asks for one object as list does for a page.
func (c *client) retrieve(ctx context.Context, r request) (*object, error) {
	return persist(ctx, c, r, toObject)
}

// persist makes a request until its answer can be decoded or there is no hope. Refusals for being too much do not count
// as tries.
func persist[T any](ctx context.Context, c *client, r request, decode func(*answer) (*T, error)) (*T, error) {
	path := r.counted()
	var failures, rejections, timeouts int
	var putOff time.Duration
	for {
		got, err := attempt(ctx, c, r, decode)
		if err == nil {
			c.sizes.succeeded(path)
			return got, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var wait time.Duration
		switch remedyFor(err) {
		case giveUp:
			return nil, explain(path, err)
		case slowDown:
			rejections++
			wait = pause(err, rejections)
			if putOff += wait; putOff > patience {
				return nil, fmt.Errorf("%s stayed beyond the rate limit for %v; lower request_rate or try later: %w: %w", path, patience, singer.ErrUnavailable, err)
			}
		case tryAgain:
			if failures++; failures > c.retries {
				return nil, fmt.Errorf("%s still failed after %d retries; %s: %w: %w", path, c.retries, advice(err), singer.ErrUnavailable, err)
			}
			wait = pause(err, failures)
			if timedOut(err) {
				if timeouts++; timeouts > 1 && r.size > 0 {
					c.sizes.shrink(path)
				}
			}
		}
		c.logRetry(path, err, wait)
		if err := sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// attempt makes a request once, in its turn.
func attempt[T any](ctx context.Context, c *client, r request, decode func(*answer) (*T, error)) (*T, error) {
	turn, err := c.limit.acquire(ctx, r.counted())
	if err != nil {
		return nil, err
	}
	came, err := c.get(ctx, r, c.sizes.of(r.counted(), r.size))
	c.limit.release(turn, err)
	if err != nil {
		return nil, err
	}
	got, err := decode(came)
	if err != nil {
		return nil, &transferError{err: err}
	}
	return got, nil
}

// advice is what to do about a failure that did not pass.
func advice(err error) string {
	if timedOut(err) {
		return "try later, raise request_timeout_seconds or lower page_size"
	}
	return "try later"
}

// pageSizes remembers which endpoints cannot make pages of the usual size in time. The zero value knows of none.
type pageSizes struct {
	mu   sync.Mutex
	slow map[string]*slowness
}

// slowness is how often an endpoint's pages were halved, and how many came in time since.
type slowness struct{ halved, inTime int }

const (
	mostHalved   = 3  // a page of 100 becomes one of 12
	enoughInTime = 50 // pages, after which larger ones are tried again
)

// of returns how many objects to ask an endpoint for instead of size.
func (p *pageSizes) of(endpoint string, size int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.slow[endpoint]; s != nil && size > 0 {
		return max(size>>s.halved, 1)
	}
	return size
}

// shrink halves the pages of an endpoint.
func (p *pageSizes) shrink(endpoint string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.slow == nil {
		p.slow = map[string]*slowness{}
	}
	s := p.slow[endpoint]
	if s == nil {
		s = &slowness{}
		p.slow[endpoint] = s
	}
	s.halved, s.inTime = min(s.halved+1, mostHalved), 0
}

// succeeded takes note of a page that came.
func (p *pageSizes) succeeded(endpoint string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.slow[endpoint]
	if s == nil {
		return
	}
	if s.inTime++; s.inTime == enoughInTime {
		s.halved, s.inTime = s.halved-1, 0
	}
	if s.halved == 0 {
		delete(p.slow, endpoint)
	}
}

// logRetry tells of an attempt that did not succeed, without the server's own words.
func (c *client) logRetry(path string, err error, wait time.Duration) {
	log := c.log.With("endpoint", path, "wait", wait.Round(time.Millisecond).String())
	var api *APIError
	if !errors.As(err, &api) {
		log.Warn("a request is made again", "cause", err.Error())
		return
	}
	for _, said := range [][2]string{
		{"code", api.Code}, {"reason", api.header.Get("Stripe-Rate-Limited-Reason")}, {"request_id", api.RequestID},
	} {
		if said[1] != "" {
			log = log.With(said[0], said[1])
		}
	}
	log.Warn("a request is made again", "status", api.Status)
}

// sleep waits, but not beyond the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// clock asks the server for the time, with the cheapest request there is. The local clock does not matter: it may be
// wrong, and a bookmark would then promise too much.
func (c *client) clock(ctx context.Context, st *stream) (time.Time, error) {
	came, err := c.list(ctx, request{path: st.path, query: probe()})
	if err == nil {
		return came.read, nil
	}
	// A key that may not read this list still learns the time; the list's own turn is when it is reported.
	var api *APIError
	if errors.As(err, &api) && !api.concernsKey() && remedyFor(err) == giveUp {
		if t := serverDate(api.header); !t.IsZero() {
			return t, nil
		}
	}
	return time.Time{}, err
}

// probe is the query that reads as little as possible of a list.
func probe() *form.Values {
	query := &form.Values{}
	query.Add("limit", "1")
	return query
}
