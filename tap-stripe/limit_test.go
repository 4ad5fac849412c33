package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A crowd is busy callers of a limiter: each makes one request after the other, all the time.
type crowd struct {
	limit   *limiter
	latency time.Duration
	answer  func(endpoint string) error // nil: every request succeeds

	callers sync.WaitGroup
	mu      sync.Mutex
	granted map[string][]time.Time
}

// ask lets so many callers ask an endpoint until ctx ends.
func (c *crowd) ask(ctx context.Context, callers int, endpoint string) {
	for range callers {
		c.callers.Go(func() {
			for {
				t, err := c.limit.acquire(ctx, endpoint)
				if err != nil {
					return
				}
				c.mu.Lock()
				if c.granted == nil {
					c.granted = map[string][]time.Time{}
				}
				c.granted[endpoint] = append(c.granted[endpoint], time.Now())
				var failure error
				if c.answer != nil {
					failure = c.answer(endpoint)
				}
				c.mu.Unlock()
				time.Sleep(c.latency)
				c.limit.release(t, failure)
			}
		})
	}
}

// all are the grants of all endpoints in the order of time.
func (c *crowd) all() (times []time.Time) {
	for _, some := range c.granted {
		times = append(times, some...)
	}
	slices.SortFunc(times, time.Time.Compare)
	return times
}

// busiest is the largest number of grants within any second.
func busiest(times []time.Time) (most int) {
	for first, last := 0, 0; last < len(times); last++ {
		for times[last].Sub(times[first]) >= time.Second {
			first++
		}
		most = max(most, last-first+1)
	}
	return most
}

// within counts the grants of [from, to) behind began.
func within(times []time.Time, began time.Time, from, to time.Duration) (n int) {
	for _, t := range times {
		if d := t.Sub(began); d >= from && d < to {
			n++
		}
	}
	return n
}

// run lets the crowd ask for so long.
func (c *crowd) run(t *testing.T, d time.Duration, start func(context.Context)) (began time.Time) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), d)
	defer stop()
	began = time.Now()
	start(ctx)
	<-ctx.Done()
	c.callers.Wait()
	return began
}

func endpoints(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprint("/v1/list", i))
	}
	return names
}

func TestBusyCallersUseTheRateAndNeverExceedIt(t *testing.T) {
	const took = 20 * time.Second
	for _, c := range []struct {
		rate, granted       float64
		names               []string
		callers             int // of each endpoint
		account, ofEndpoint float64
	}{
		{100, 100, endpoints(1), 12, 25, 25},
		{100, 100, endpoints(2), 12, 50, 25},
		{100, 100, endpoints(8), 12, 100, 25},
		{100, 100, endpoints(60), 2, 100, 25},
		{50, 100, endpoints(1), 12, 12.5, 12.5},
		{50, 100, endpoints(8), 8, 50, 12.5},
		{15, 25, endpoints(1), 12, 15, 15},
		{15, 25, endpoints(8), 3, 15, 15},
		{10, 100, endpoints(1), 12, 10, 12.5}, // not a tenth of what an endpoint is granted
		{400, 100, endpoints(1), 40, 100, 100},
		{100, 100, []string{"/v1/files"}, 12, 20, 20},
		{100, 100, []string{"/v1/files", "/v1/files/{id}", "/v1/file_links"}, 12, 20, 20}, // all three together
	} {
		t.Run(fmt.Sprint(c.rate, " of ", c.granted, " on ", len(c.names), c.names[0]), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				crowd := &crowd{limit: newLimiter(c.rate, c.granted), latency: 300 * time.Millisecond}
				crowd.run(t, took, func(ctx context.Context) {
					for _, name := range c.names {
						crowd.ask(ctx, c.callers, name)
					}
				})
				if n, allowed := len(crowd.all()), c.account*took.Seconds(); float64(n) < 0.95*allowed {
					t.Errorf("%d requests are made, less than 95 %% of the %v allowed", n, allowed)
				}
				if n := busiest(crowd.all()); float64(n) > math.Ceil(c.account) {
					t.Errorf("%d requests of the account within a second, %v are allowed", n, c.account)
				}
				for name, times := range crowd.granted {
					if n := busiest(times); float64(n) > math.Ceil(c.ofEndpoint) {
						t.Errorf("%d requests of %s within a second, %v are allowed", n, name, c.ofEndpoint)
					}
				}
			})
		})
	}
}

func TestEndpointsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		crowd := &crowd{limit: newLimiter(50, 100), latency: 300 * time.Millisecond}
		crowd.run(t, 20*time.Second, func(ctx context.Context) {
			crowd.ask(ctx, 40, "/v1/greedy")
			for _, name := range endpoints(7) {
				crowd.ask(ctx, 5, name)
			}
		})
		for name, times := range crowd.granted {
			if n := len(times); n < 120 || n > 130 {
				t.Errorf("%s gets %d of 1000 requests, want an eighth", name, n)
			}
		}
	})
}

func TestNoMoreWorkersThanTheRateNeeds(t *testing.T) {
	for _, c := range []struct {
		rate, granted float64
		endpoint      string
		want          int
	}{
		{100, 100, "/v1/charges", 25},
		{100, 100, "/v1/files", 20},
		{50, 100, "/v1/charges", 13},
		{2, 25, "/v1/charges", 13},
		{1e6, 100, "/v1/charges", 25},
	} {
		if got := newLimiter(c.rate, c.granted).useful(c.endpoint); got != c.want {
			t.Errorf("at %v of %v requests a second %d workers on %s are of use, want %d", c.rate, c.granted, got, c.endpoint, c.want)
		}
	}
}

// All lists are to end together, and what nobody can foresee may be the longest.
func TestEndpointsShareByWhatIsToCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(24, 100)
		crowd := &crowd{limit: l, latency: 300 * time.Millisecond}
		crowd.run(t, 70*time.Second, func(ctx context.Context) {
			l.expect("/v1/long", 300)
			l.expect("/v1/short", 100)
			l.expect("/v1/over", 0)
			for _, name := range []string{"/v1/long", "/v1/short", "/v1/over", "/v1/unforeseen"} {
				crowd.ask(ctx, 8, name)
			}
		})
		for name, want := range map[string]int{"/v1/long": 720, "/v1/short": 240, "/v1/unforeseen": 720} {
			if n := len(crowd.granted[name]); n < want-15 || n > want+15 {
				t.Errorf("%s gets %d of 1680 requests, want %d", name, n, want)
			}
		}
		if n := len(crowd.granted["/v1/over"]); n < 2 || n > 5 {
			t.Errorf("the list that was thought to be read gets %d requests, want one three hundredth of another", n)
		}
	})
}

// A request that waits for its endpoint must not keep others from the account's budget, and the other way round.
func TestASlowEndpointHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(50, 100)
		crowd := &crowd{limit: l, latency: 300 * time.Millisecond}
		crowd.run(t, 10*time.Second, func(ctx context.Context) {
			l.budgetOf("/v1/stuck").next = time.Now().Add(time.Hour)
			crowd.ask(ctx, 30, "/v1/stuck")
			for _, name := range endpoints(4) {
				crowd.ask(ctx, 10, name)
			}
		})
		if n := len(crowd.all()); n < 475 {
			t.Errorf("%d requests are made, less than 95 %% of the 500 allowed", n)
		}
		if n := len(crowd.granted["/v1/stuck"]); n != 0 {
			t.Errorf("%d requests are made to the endpoint that is to rest", n)
		}
	})
}

func TestAnIdleTimeIsNotMadeUpFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		crowd := &crowd{limit: newLimiter(100, 100)}
		began := crowd.run(t, 5*time.Second, func(ctx context.Context) {
			time.Sleep(3 * time.Second)
			crowd.ask(ctx, 50, "/v1/charges")
		})
		if n := within(crowd.all(), began, 0, 5*time.Second); n != 50 {
			t.Errorf("%d requests are made in the two seconds left, want 50", n)
		}
	})
}

// Timers fire late on a busy machine. The moments of grants must not drift with them.
func TestLateGrantsDoNotAddUp(t *testing.T) {
	l := newLimiter(100, 100)
	b := l.budgetOf("/v1/charges")
	now := time.Now()
	came := now
	for range 100 {
		b.waiting = append(b.waiting, &turn{endpoint: b, came: came, ready: make(chan struct{})})
		now = latest(now, b.next).Add(7 * time.Millisecond)
		l.grant(b, now)
		b.inFlight, l.account.inFlight = 0, 0
	}
	if took := now.Sub(came); took < 3960*time.Millisecond || took > 4010*time.Millisecond {
		t.Errorf("100 requests at 25 a second, each 7 ms late, take %v", took)
	}
	now = now.Add(time.Minute) // the machine slept
	for n := 0; !b.next.After(now); n++ {
		b.waiting = append(b.waiting, &turn{endpoint: b, came: came, ready: make(chan struct{})})
		l.grant(b, now)
		if n > 3 {
			t.Fatal("a minute of sleep is made up for")
		}
	}
}

func TestRequestsAtTheSameTimeAreBounded(t *testing.T) {
	for _, c := range []struct {
		rate float64
		want int // requests in nine seconds of answers that take five
	}{{100, 200}, {400, 200}, {20, 40}, {1, 8}} {
		synctest.Test(t, func(t *testing.T) {
			crowd := &crowd{limit: newLimiter(c.rate, 100), latency: 5 * time.Second}
			crowd.run(t, 9*time.Second, func(ctx context.Context) {
				for _, name := range endpoints(20) {
					crowd.ask(ctx, 20, name)
				}
			})
			if n := len(crowd.all()); n > c.want || n < c.want/2 {
				t.Errorf("at rate %v %d requests are made, want at most %d", c.rate, n, c.want)
			}
		})
	}
}

func tooMuch(reason, retryAfter string) error {
	header := http.Header{}
	header.Set("Stripe-Rate-Limited-Reason", reason)
	header.Set("Retry-After", retryAfter)
	return &APIError{Status: http.StatusTooManyRequests, header: header}
}

func TestARefusalSlowsDownWhatItNames(t *testing.T) {
	const one, other = "/v1/charges", "/v1/refunds"
	full := [4]float64{100, 100, 25, 25} // rate and requests at the same time, of the account and of the endpoint
	for _, c := range []struct {
		failure error
		want    [4]float64
	}{
		{tooMuch("global-rate", ""), [4]float64{50, 100, 25, 25}},
		{tooMuch("", ""), [4]float64{50, 100, 25, 25}},
		{tooMuch("global-concurrency", ""), [4]float64{100, 2.5, 25, 25}}, // half of the five there were
		{tooMuch("endpoint-rate", ""), [4]float64{100, 100, 12.5, 25}},
		{tooMuch("resource-specific", ""), [4]float64{100, 100, 12.5, 25}},
		{tooMuch("endpoint-concurrency", ""), [4]float64{100, 100, 25, 2.5}},
		{&APIError{Status: 429, Code: "lock_timeout"}, full},
		{&APIError{Status: 503}, full},
		{errors.New("reset"), full},
		{nil, full},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newLimiter(100, 100)
			var turns []*turn
			for range 5 {
				one, err := l.acquire(t.Context(), one)
				if err != nil {
					t.Fatal(err)
				}
				turns = append(turns, one)
			}
			for _, turn := range turns { // that all complain counts once
				l.release(turn, c.failure)
			}
			now, a, e := time.Now(), l.account, l.budgetOf(one)
			if got := [4]float64{a.rate.at(now), a.together.at(now), e.rate.at(now), e.together.at(now)}; got != c.want {
				t.Errorf("behind %v: %v, want %v", c.failure, got, c.want)
			}
			if b := l.budgetOf(other); b.rate.at(now) != 25 || b.together.at(now) != 25 {
				t.Errorf("behind %v: another endpoint slows down as well", c.failure)
			}
			later := now.Add(10 * time.Second)
			for i, got := range []float64{a.rate.at(later), a.together.at(later), e.rate.at(later), e.together.at(later)} {
				if want := min(full[i], c.want[i]+10); got != want {
					t.Errorf("behind %v: %v ten seconds later, want %v", c.failure, got, want)
				}
			}
		})
	}
}

func TestRefusalsWithoutEndLeaveOneASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		crowd := &crowd{limit: newLimiter(100, 100), answer: func(string) error { return tooMuch("global-rate", "") }}
		began := crowd.run(t, 100*time.Second, func(ctx context.Context) { crowd.ask(ctx, 30, "/v1/charges") })
		if n := within(crowd.all(), began, 20*time.Second, 100*time.Second); n < 80 || n > 160 {
			t.Errorf("%d requests are made in 80 seconds of refusals", n)
		}
	})
}

func TestTheRateComesBackAfterAStorm(t *testing.T) {
	const storm = 3 * time.Second
	for _, reason := range []string{"global-rate", "endpoint-rate", "global-concurrency", "endpoint-concurrency"} {
		t.Run(reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				crowd := &crowd{limit: newLimiter(100, 100), latency: 300 * time.Millisecond, answer: func(string) error {
					if d := time.Since(began); d > 10*time.Second && d < 10*time.Second+storm {
						return tooMuch(reason, "")
					}
					return nil
				}}
				crowd.run(t, 150*time.Second, func(ctx context.Context) {
					for _, name := range endpoints(8) {
						crowd.ask(ctx, 10, name)
					}
				})
				times := crowd.all()
				if n := within(times, began, 12*time.Second, 14*time.Second); n > 100 {
					t.Errorf("%d requests in two seconds of the storm, half of the rate or more", n)
				}
				if n := within(times, began, 120*time.Second, 150*time.Second); n < 2850 {
					t.Errorf("%d requests in 30 seconds long after the storm, less than 95 %% of the 3000 allowed", n)
				}
			})
		})
	}
}

func TestRetryAfterHoldsAllThatSpendFromTheSameBudget(t *testing.T) {
	for reason, rest := range map[string][]string{"global-rate": {"/v1/charges", "/v1/refunds"}, "endpoint-rate": {"/v1/charges"}} {
		synctest.Test(t, func(t *testing.T) {
			crowd := &crowd{limit: newLimiter(100, 100), latency: 100 * time.Millisecond}
			refused := false
			crowd.answer = func(endpoint string) error {
				if endpoint == "/v1/charges" && !refused {
					refused = true
					return tooMuch(reason, "7")
				}
				return nil
			}
			began := crowd.run(t, 10*time.Second, func(ctx context.Context) {
				crowd.ask(ctx, 5, "/v1/charges")
				crowd.ask(ctx, 5, "/v1/refunds")
			})
			for _, name := range []string{"/v1/charges", "/v1/refunds"} {
				n := within(crowd.granted[name], began, 150*time.Millisecond, 7*time.Second)
				if rests := slices.Contains(rest, name); rests != (n == 0) {
					t.Errorf("%s: %d requests to %s meanwhile", reason, n, name)
				}
			}
		})
	}
}

func TestWhoGoesAwayHoldsNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(1, 100)
		for range 4 { // as many as may be on their way
			if _, err := l.acquire(t.Context(), "/v1/charges"); err != nil {
				t.Fatal(err)
			}
		}
		ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
		defer stop()
		if _, err := l.acquire(ctx, "/v1/charges"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the fifth ends with %v", err)
		}
		if b := l.budgetOf("/v1/charges"); len(b.waiting) > 0 || b.inFlight != 4 || l.account.inFlight != 4 {
			t.Errorf("%d wait, %d and %d are on their way", len(b.waiting), b.inFlight, l.account.inFlight)
		}
	})
}

// The end of a run and a grant may fall together.
func TestAGrantThatNobodyWaitsForIsGivenBack(t *testing.T) {
	l := newLimiter(10, 10)
	b := l.budgetOf("/v1/charges")
	granted := &turn{endpoint: b, came: time.Now(), ready: make(chan struct{})}
	b.waiting = append(b.waiting, granted)
	l.dispatch()
	if <-granted.ready; b.inFlight != 1 || l.account.inFlight != 1 {
		t.Fatalf("%d and %d are on their way", b.inFlight, l.account.inFlight)
	}
	l.withdraw(granted)
	if b.inFlight != 0 || l.account.inFlight != 0 {
		t.Errorf("%d and %d are on their way", b.inFlight, l.account.inFlight)
	}
}

func TestManyRequestsAtOnceKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(25, 25)
		var order []int
		for i := range 20 {
			go func() {
				turn, err := l.acquire(t.Context(), "/v1/charges")
				if err != nil {
					t.Error(err)
				}
				order = append(order, i)
				l.release(turn, nil)
			}()
			synctest.Wait()
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if !slices.IsSorted(order) || len(order) != 20 {
			t.Errorf("they come in the order %v", order)
		}
	})
}

// The account's own business may use most of what Stripe grants. The tap then finds out what is left.
func TestTheRateSettlesBelowWhatTheServerHasLeft(t *testing.T) {
	for _, c := range []struct {
		reason string
		names  []string
		left   float64 // requests a second
	}{
		{"global-rate", endpoints(8), 40},
		{"endpoint-rate", endpoints(1), 10},
	} {
		t.Run(c.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tokens, last, refused := c.left, time.Now(), 0
				crowd := &crowd{limit: newLimiter(100, 100), latency: 300 * time.Millisecond, answer: func(string) error {
					now := time.Now()
					tokens = min(c.left, tokens+c.left*now.Sub(last).Seconds())
					if last = now; tokens < 1 {
						refused++
						return tooMuch(c.reason, "")
					}
					tokens--
					return nil
				}}
				crowd.run(t, 5*time.Minute, func(ctx context.Context) {
					for _, name := range c.names {
						crowd.ask(ctx, 12, name)
					}
				})
				asked, possible := len(crowd.all()), c.left*300
				if answered := float64(asked - refused); answered < 0.7*possible {
					t.Errorf("%v requests are answered of %v possible", answered, possible)
				}
				if refused > asked/20 {
					t.Errorf("%d of %d requests are refused", refused, asked)
				}
			})
		})
	}
}
