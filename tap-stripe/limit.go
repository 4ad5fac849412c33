package main

import (
	"context"
	"errors"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/stripe/stripe-go/v76"
)

// What Stripe grants an account unless it has agreed to more: requests a second of the account, of each endpoint, and
// of the Files API. https://docs.stripe.com/rate-limits
const (
	accountRate  = 100
	testModeRate = 25 // in place of accountRate
	endpointRate = 25
	filesRate    = 20
)

// A limiter says when a request may be made. There is one for a key, because Stripe counts by account, and connected
// accounts may be counted with their platform.
//
// A request spends from two budgets: the account's and that of its endpoint. It is granted when both have room, and
// waits in line without holding a place in either. While several endpoints have requests waiting, the account's budget is
// shared in proportion to what is still to come for each, so that all come to their end together: the last ones alone
// could not use it up.
type limiter struct {
	mu        sync.Mutex
	account   *budget
	endpoints map[string]*budget
	share     float64     // of what Stripe grants an endpoint, for the tap to use
	wake      *time.Timer // for the next grant that only time is in the way of
}

// newLimiter makes a limiter for perSecond requests to an account that is granted so many. Of an endpoint it takes the
// same share, but half if that is less: few requests may as well go to one endpoint.
func newLimiter(perSecond, granted float64) *limiter {
	return &limiter{
		account:   newBudget(perSecond),
		endpoints: map[string]*budget{},
		share:     max(perSecond/granted, 0.5),
	}
}

// A budget is what the server allows one thing that it counts: the account or an endpoint.
type budget struct {
	rate     allowance // requests a second
	together allowance // requests at the same time
	next     time.Time // the earliest moment of the next request
	last     time.Time // when a request was last granted
	inFlight int
	freed    time.Time // when the end of a request last made room for another one
	waiting  []*turn   // of an endpoint, first come, first served
	expected float64   // how many requests of an endpoint are still to come, or unforeseen
}

// unforeseen is how many requests are to come if nobody can tell. It counts as much as the most of any endpoint.
const unforeseen = -1

// longestAnswer is how long an answer may take without the number of requests at the same time keeping the rate down.
const longestAnswer = time.Second

// newBudget allows as many requests at the same time as the rate needs.
func newBudget(perSecond float64) *budget {
	return &budget{
		rate:     allowance{full: perSecond},
		together: allowance{full: float64(requestsAtOnce(perSecond))},
		expected: unforeseen,
	}
}

// requestsAtOnce is how many requests are on their way at the same time at most.
func requestsAtOnce(perSecond float64) int {
	const fewest, most = 4, 100
	return int(min(max(math.Ceil(perSecond*longestAnswer.Seconds()), fewest), most))
}

// An allowance is halved when the server says that it was exceeded, and then grows back by one a second.
type allowance struct {
	full float64
	left float64   // after the last cut
	cut  time.Time // when it was last halved; zero: never
}

func (a *allowance) at(now time.Time) float64 {
	if a.cut.IsZero() {
		return a.full
	}
	return min(a.full, a.left+now.Sub(a.cut).Seconds())
}

// halve cuts the allowance, of which only used was in use, for a request granted at some time. Several that were on
// their way together and come back with the same complaint cut it once.
func (a *allowance) halve(now, granted time.Time, used float64) {
	if !a.cut.IsZero() && !granted.After(a.cut) {
		return
	}
	a.left = max(min(a.at(now), used)/2, min(a.full, 1))
	a.cut = now
}

// A turn is one request's way through the limiter.
type turn struct {
	endpoint *budget
	came     time.Time
	granted  time.Time
	ready    chan struct{} // closed when granted
}

// acquire returns when a request to an endpoint may be made, or with ctx's failure. What was acquired must be released.
func (l *limiter) acquire(ctx context.Context, endpoint string) (*turn, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	l.mu.Lock()
	t := &turn{endpoint: l.budgetOf(endpoint), came: time.Now(), ready: make(chan struct{})}
	t.endpoint.waiting = append(t.endpoint.waiting, t)
	l.dispatch()
	l.mu.Unlock()
	select {
	case <-t.ready:
		return t, nil
	case <-ctx.Done():
		l.withdraw(t)
		return nil, ctx.Err()
	}
}

// withdraw takes back a request that is not to be made any more.
func (l *limiter) withdraw(t *turn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.granted.IsZero() {
		t.endpoint.waiting = slices.DeleteFunc(t.endpoint.waiting, func(w *turn) bool { return w == t })
		return
	}
	l.leave(t)
}

// release ends a request. Its failure, if any, tells whether the server was asked too much.
func (l *limiter) release(t *turn, failure error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var api *APIError
	if errors.As(failure, &api) && api.tooMuch() {
		l.reduce(t, api)
	}
	l.leave(t)
}

func (l *limiter) leave(t *turn) {
	now := time.Now()
	for _, b := range []*budget{l.account, t.endpoint} {
		if b.crowded(now) {
			b.freed = now
		}
		b.inFlight--
	}
	l.dispatch()
}

// reduce takes note of a request that was one too many. Stripe names the limit; without a name it may be any, and the
// whole account slows down.
func (l *limiter) reduce(t *turn, failure *APIError) {
	now := time.Now()
	blamed, concurrency := l.account, false
	switch failure.header.Get("Stripe-Rate-Limited-Reason") {
	case "endpoint-rate", "resource-specific":
		blamed = t.endpoint
	case "endpoint-concurrency":
		blamed, concurrency = t.endpoint, true
	case "global-concurrency":
		concurrency = true
	}
	if concurrency {
		blamed.together.halve(now, t.granted, float64(blamed.inFlight))
	} else {
		blamed.rate.halve(now, t.granted, blamed.rate.full)
	}
	if hold := now.Add(failure.retryAfter()); hold.After(blamed.next) {
		blamed.next = hold
	}
}

// budgetOf returns the budget that requests to an endpoint spend from. Files and the links to them share one.
func (l *limiter) budgetOf(endpoint string) *budget {
	perSecond := float64(endpointRate)
	if strings.HasPrefix(endpoint, "/v1/files") || strings.HasPrefix(endpoint, "/v1/file_links") {
		endpoint, perSecond = "files", filesRate
	}
	b := l.endpoints[endpoint]
	if b == nil {
		b = newBudget(perSecond * l.share)
		l.endpoints[endpoint] = b
	}
	return b
}

// lateness is how far behind its moment a grant may be and still leave the next one's moment as it was. It makes up
// for timers that fire late, which would add up to requests that are never made.
const lateness = 100 * time.Millisecond

// dispatch grants what may be granted now and sets the clock for what follows. The mutex is held.
func (l *limiter) dispatch() {
	if l.wake != nil {
		l.wake.Stop()
	}
	for {
		now := time.Now()
		b, at := l.choose(now)
		if b == nil {
			return // nobody waits, or all wait for an answer to make room
		}
		if at.After(now) {
			l.wake = time.AfterFunc(at.Sub(now), func() {
				l.mu.Lock()
				defer l.mu.Unlock()
				l.dispatch()
			})
			return
		}
		l.grant(b, now)
	}
}

// useful is how many workers on one list are of use: at a small share of what Stripe grants, fewer.
func (l *limiter) useful(endpoint string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return min(requestsAtOnce(endpointRate), int(l.budgetOf(endpoint).together.full))
}

// expect takes note of how many requests to an endpoint are still to come.
func (l *limiter) expect(endpoint string, requests float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.budgetOf(endpoint).expected = requests
}

// choose returns the endpoint whose turn is next, and when: the first that may, and of those that may by now, the one
// for which most is to come by the time that it was granted nothing.
func (l *limiter) choose(now time.Time) (chosen *budget, at time.Time) {
	if l.account.crowded(now) {
		return nil, at
	}
	most := 1.0
	for _, b := range l.endpoints {
		most = max(most, b.expected)
	}
	soonest := latest(now, l.account.next)
	for _, b := range l.endpoints {
		if len(b.waiting) == 0 || b.crowded(now) {
			continue
		}
		moment := latest(soonest, b.next)
		if chosen == nil || moment.Before(at) || moment.Equal(at) && b.urgency(now, most) > chosen.urgency(now, most) {
			chosen, at = b, moment
		}
	}
	return chosen, at
}

// urgency grows with the time since the last grant, the faster the more is to come. The most of any endpoint is given.
func (b *budget) urgency(now time.Time, most float64) float64 {
	expected := max(b.expected, 1)
	if b.expected == unforeseen {
		expected = most
	}
	return expected * now.Sub(b.last).Seconds()
}

// crowded tells whether as many requests are on their way as may be.
func (b *budget) crowded(now time.Time) bool {
	return float64(b.inFlight) >= math.Floor(b.together.at(now))
}

// grant lets the first request go that waits for an endpoint. Its moment is when nothing was in its way any more, which
// may be a little while ago.
func (l *limiter) grant(b *budget, now time.Time) {
	t := b.waiting[0]
	b.waiting = b.waiting[1:]
	moment := latest(now.Add(-lateness), t.came, l.account.next, l.account.freed, b.next, b.freed)
	for _, spent := range []*budget{l.account, b} {
		spent.next = moment.Add(time.Duration(math.Ceil(float64(time.Second) / spent.rate.at(now))))
		spent.last = now
		spent.inFlight++
	}
	t.granted = now
	close(t.ready)
}

func latest(first time.Time, others ...time.Time) time.Time {
	for _, other := range others {
		if other.After(first) {
			first = other
		}
	}
	return first
}

// tooMuch tells whether the server refused a request because of how many there were. A lock on the object, which has
// the same status, is another matter.
func (e *APIError) tooMuch() bool {
	return e.Status == http.StatusTooManyRequests && e.Code != string(stripe.ErrorCodeLockTimeout)
}

// retryAfter is how long the server asks to stay away, or 0.
func (e *APIError) retryAfter() time.Duration {
	seconds, err := strconv.Atoi(e.header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(min(seconds, 24*3600)) * time.Second
}
