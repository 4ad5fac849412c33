package recharge

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// Pauses between attempts start below firstPause and double up to longestPause, each a random part of that, so that
// several callers do not come back at the same moment.
const (
	firstPause   = 500 * time.Millisecond
	longestPause = 32 * time.Second
	// firstConflict is the least time given to another request for the same address.
	firstConflict = time.Second
	// patience is how long one request may be put off by the rate limit or by others for the same address, neither of
	// which counts as a failure.
	patience = 15 * time.Minute
)

// A remedy is what to do about a failed request.
type remedy int

const (
	giveUp     remedy = iota
	tryAgain          // it may have passed by then
	slowDown          // the bucket is full
	waitBehind        // another request for the same address is in progress
)

// remedyFor judges a failure of one attempt.
func remedyFor(err error) remedy {
	if refused, ok := errors.AsType[*Error](err); ok {
		switch s := refused.Status; {
		case s == http.StatusTooManyRequests:
			return slowDown
		case s == http.StatusConflict:
			return waitBehind
		case s == http.StatusNotImplemented || s == http.StatusHTTPVersionNotSupported:
			return giveUp
		case s == http.StatusRequestTimeout || s >= 500:
			return tryAgain
		}
		return giveUp
	}
	if transfer, ok := errors.AsType[*transferError](err); ok && !transfer.final {
		return tryAgain
	}
	return giveUp
}

// do makes a request until read accepts its answer or there is no hope.
func (c *Client) do(ctx context.Context, one call, read func(*answer) error) error {
	e := effort{call: one, retries: c.retries}
	for {
		err := c.once(ctx, one, read)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		wait, err := e.judge(err, c.bucket.closedFor())
		if err != nil {
			return err
		}
		c.logRetry(one, e.err, wait)
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// once makes one attempt as soon as the budget and other requests for the same address let it.
func (c *Client) once(ctx context.Context, one call, read func(*answer) error) error {
	about := one.subject()
	leave, err := c.holds.enter(ctx, about)
	if err != nil {
		return err
	}
	defer leave()
	ticket, err := c.bucket.take(ctx, c.urgent)
	if err != nil {
		return err
	}
	began := time.Now()
	a, err := c.attempt(ctx, one)
	if err == nil {
		err = read(a)
	}
	c.bucket.report(ticket, levelOf(a, err))
	status := 0
	if a != nil {
		status = a.status
	}
	c.told(pattern(one.path), status, time.Since(began))
	if transfer, ok := errors.AsType[*transferError](err); ok && transfer.stale {
		c.http.CloseIdleConnections() // the next attempt is not to meet the same fault
	}
	if err != nil && remedyFor(err) == waitBehind {
		c.holds.put(about, firstConflict+retryAfter(err))
	}
	return err
}

// An effort is what has been tried for one call.
type effort struct {
	call                         call
	retries                      int
	failures, timeouts, conflict int
	since                        time.Time // when it was first put off without having failed
	err                          error
}

// judge returns how long to wait before the next attempt, or the failure to end with. closed is for how long the
// bucket takes no requests.
func (e *effort) judge(err error, closed time.Duration) (wait time.Duration, final error) {
	e.err = err
	switch remedyFor(err) {
	case slowDown:
		return e.putOff(closed)
	case waitBehind:
		e.conflict++
		return e.putOff(firstConflict + pause(e.conflict) + retryAfter(err))
	case tryAgain:
		e.failures++
		if Timeout(err) {
			e.timeouts++
		}
		if e.failures > e.retries || e.call.shrinkable && e.timeouts == 2 {
			return 0, fmt.Errorf("reading %s failed at attempt %d: %w: %w", e.call.path, e.failures, ErrUnavailable, err)
		}
		return pause(e.failures) + retryAfter(err), nil
	}
	return 0, fmt.Errorf("reading %s: %w", e.call.path, err)
}

func (e *effort) putOff(wait time.Duration) (time.Duration, error) {
	if e.since.IsZero() {
		e.since = time.Now()
	}
	if time.Since(e.since)+wait > patience {
		return 0, fmt.Errorf("reading %s was put off for %v: %w: %w", e.call.path, patience, ErrUnavailable, e.err)
	}
	return wait, nil
}

// pause returns how long to wait after the nth failure, n from 1.
func pause(n int) time.Duration {
	longest := longestPause
	if n < 7 {
		longest = min(longest, firstPause<<(n-1))
	}
	return rand.N(longest)
}

// retryAfter is how long the server asked to wait.
func retryAfter(err error) time.Duration {
	if refused, ok := errors.AsType[*Error](err); ok {
		return refused.wait
	}
	return 0
}

// logRetry tells of an attempt that did not succeed, without the server's own words.
func (c *Client) logRetry(one call, err error, wait time.Duration) {
	log := c.log.With("path", one.path, "wait", wait.Round(time.Millisecond).String())
	refused, ok := errors.AsType[*Error](err)
	if !ok {
		log.Warn("a request is made again", "cause", err.Error())
		return
	}
	if refused.RequestID != "" {
		log = log.With("request_id", refused.RequestID)
	}
	log.Warn("a request is made again", "status", refused.Status)
}

// pattern is a path with {id} in the place of numbers, so that requests of one kind can be counted together.
func pattern(path string) string {
	steps := strings.Split(path, "/")
	for i, step := range steps {
		if step != "" && strings.Trim(step, "0123456789") == "" {
			steps[i] = "{id}"
		}
	}
	return strings.Join(steps, "/")
}

// sleep waits, but not beyond the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
