package recharge

import (
	"context"
	"math"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// alone is a client of a quiet store that answers within 100 milliseconds.
func alone(o Options) (*store, *Client) {
	s := &store{size: usualSize, leak: usualLeak, latency: func() time.Duration { return 100 * time.Millisecond }}
	s.bucket.at = time.Now()
	o.Transport = s
	return s, New(o)
}

func TestUrgentRequestsDoNotWaitBehindOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := alone(Options{Share: 1})
		ctx, cancel := context.WithTimeout(t.Context(), simulated)
		defer cancel()
		var backfill sync.WaitGroup
		backfill.Go(func() { busy(ctx, t, c, 50) })
		urgent := c.Urgent()
		longest := time.Duration(0)
		for sleep(ctx, 40*time.Second) == nil {
			for range 10 {
				began := time.Now()
				if _, _, err := urgent.Get(ctx, "/charges/1", "", nil); err != nil {
					t.Error(err)
				}
				longest = max(longest, time.Since(began))
			}
		}
		backfill.Wait()
		if longest > 100*time.Millisecond {
			t.Errorf("an urgent request took %v", longest)
		}
		if s.rejected > 0 || float64(s.served) < 0.98*s.leak*simulated.Seconds() {
			t.Errorf("%d requests were served, %d rejected", s.served, s.rejected)
		}
	})
}

func TestAfterAPauseOneRequestLooksFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := alone(Options{Share: 1})
		burst := func() {
			var all sync.WaitGroup
			for range 10 {
				all.Go(func() {
					if _, err := c.Page(t.Context(), charges); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
		}
		burst()
		time.Sleep(10 * time.Minute)
		s.other(30) // which this program cannot know of
		burst()
		if s.rejected != 0 || s.highest > 31 {
			t.Errorf("%d requests were rejected, the highest level was %v", s.rejected, s.highest)
		}
	})
}

func TestRequestsOfAClassGoInTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := alone(Options{Share: 1})
		var (
			mu    sync.Mutex
			order []int
			all   sync.WaitGroup
		)
		for i := range 60 {
			all.Go(func() {
				ticket, err := c.bucket.take(t.Context(), false)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				c.bucket.report(ticket, level{})
			})
			synctest.Wait()
		}
		all.Wait()
		if !slices.IsSorted(order) {
			t.Errorf("the order is %v", order)
		}
	})
}

func TestWaitingForTheBucketEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := alone(Options{})
		if _, err := c.bucket.take(t.Context(), false); err != nil { // whose answer never comes
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if _, err := c.bucket.take(ctx, false); err != context.DeadlineExceeded {
					t.Errorf("waiting ended in %v", err)
				}
			})
		}
		all.Wait()
	})
}

func TestTheTokenTellsTheFirstGuess(t *testing.T) {
	tests := map[string]Budget{
		"":                   {Leak: 2, Rate: 1.8, Size: 40},
		"0123456789abcdef":   {Leak: 2, Rate: 1.8, Size: 40},
		"sk_1x1_abc":         {Leak: 2, Rate: 1.8, Size: 40},
		"sk_2x1_abc":         {Leak: 4, Rate: 3.6, Size: 40},
		"sk_10x3_abc":        {Leak: 20, Rate: 18, Size: 120},
		"sk_0x1_abc":         {Leak: 2, Rate: 1.8, Size: 40},
		"sk_100x1_abc":       {Leak: 2, Rate: 1.8, Size: 40},
		"sk_2x_abc":          {Leak: 2, Rate: 1.8, Size: 40},
		"another_sk_2x1_abc": {Leak: 2, Rate: 1.8, Size: 40},
	}
	for token, want := range tests {
		got := New(Options{Token: token}).Budget()
		if diff := cmp.Diff(want, got, cmpopts.EquateApprox(1e-9, 0)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", token, diff)
		}
	}
}

func TestTheBudgetFollowsTheAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Options{Share: 0.5, Transport: &script{answers: []scripted{{body: goodPage, header: http.Header{"X-Recharge-Limit": {"30/80"}}}}}})
		if _, err := c.Page(t.Context(), charges); err != nil {
			t.Fatal(err)
		}
		want := Budget{Leak: 4, Rate: 2, Size: 80, Level: 30}
		if diff := cmp.Diff(want, c.Budget()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		time.Sleep(5 * time.Second)
		if got := c.Budget().Level; got != 10 {
			t.Errorf("after 5 seconds the level is %v", got)
		}
	})
}

func TestLevelsAreRead(t *testing.T) {
	tests := map[string]level{
		"39/40":     {known: true, used: 39, size: 40},
		" 0 / 80 ":  {known: true, used: 0, size: 80},
		"1.5/40":    {known: true, used: 1.5, size: 40},
		"":          {},
		"40":        {used: 40},
		"a/40":      {size: 40},
		"-1/40":     {used: -1, size: 40},
		"1/0":       {used: 1},
		"NaN/40":    {used: math.NaN(), size: 40},
		"1/1000000": {known: true, used: 1, size: 1e6},
		"1/1e9":     {used: 1, size: 1e9},
	}
	for header, want := range tests {
		got := levelOf(&answer{status: 200, header: http.Header{"X-Recharge-Limit": {header}}}, nil)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(level{}), cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", header, diff)
		}
	}
	if got := levelOf(nil, nil); got != (level{}) {
		t.Errorf("no answer tells %+v", got)
	}
	if got := levelOf(&answer{status: 429}, &Error{Status: 429, wait: time.Minute}); got != (level{full: true, wait: time.Minute}) {
		t.Errorf("a rejection tells %+v", got)
	}
}

func TestAnOlderAnswerDoesNotSetTheLevelBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket("", 1)
		first, _ := b.take(t.Context(), false)
		b.report(first, level{known: true, used: 1, size: 40})
		older, _ := b.take(t.Context(), false)
		newer, _ := b.take(t.Context(), false)
		b.report(newer, level{known: true, used: 18, size: 40})
		b.report(older, level{known: true, used: 2, size: 40})
		if got := b.budget().Level; got != 18 {
			t.Errorf("the level is %v", got)
		}
	})
}

func TestOneFullBucketIsOneRejection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket("", 1)
		first, _ := b.take(t.Context(), false)
		b.report(first, level{known: true, used: 1, size: 40})
		var tickets []ticket
		for range 5 {
			one, _ := b.take(t.Context(), false)
			tickets = append(tickets, one)
		}
		for _, one := range tickets {
			b.report(one, level{full: true, known: true, used: 40, size: 40})
		}
		if got := b.closedFor(); got < leastClosed || got > leastClosed+firstPause {
			t.Errorf("the bucket is closed for %v", got)
		}
		for want := 2 * leastClosed; want < 100*time.Second; want *= 2 {
			one, _ := b.take(t.Context(), false)
			b.report(one, level{full: true, known: true, used: 40, size: 40})
			if got := b.closedFor(); got < min(want, mostClosed) || got > min(want, mostClosed)+firstPause {
				t.Errorf("then it is closed for %v, not %v", got, want)
			}
		}
	})
}

func TestUrgentRequestsAreNotHeldToTheShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := alone(Options{Share: 0.1})
		ctx, cancel := context.WithTimeout(t.Context(), simulated)
		defer cancel()
		busy(ctx, t, c.Urgent(), 4)
		if float64(s.served) < 0.98*s.leak*simulated.Seconds() || s.rejected > 0 {
			t.Errorf("%d requests were served, %d rejected", s.served, s.rejected)
		}
	})
}

// free tells whether the bucket would let a request go now.
func (b *bucket) free(urgent bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.settle(now)
	return b.delay(now, urgent) == 0
}

func TestWithoutALevelRequestsGoOneByOne(t *testing.T) {
	told, full := level{known: true, used: 1, size: 40}, level{full: true}
	tests := map[string]struct {
		before []level       // one request after the other
		pause  time.Duration // then
	}{
		"nothing is known yet":                 {nil, 0},
		"the level has been told long ago":     {[]level{told}, trust + 1},
		"the bucket was full":                  {[]level{told, full}, 3 * time.Second},
		"the bucket was full, and never tells": {[]level{{}, full}, 3 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBucket("", 1)
				for _, l := range test.before {
					one, _ := b.take(t.Context(), false)
					b.report(one, l)
				}
				time.Sleep(test.pause)
				first, _ := b.take(t.Context(), true)
				if b.free(true) {
					t.Error("a second request may go before the first is answered")
				}
				b.report(first, told)
				if !b.free(true) {
					t.Error("no request may go after the first is answered")
				}
			})
		})
	}
}

func TestAnAnswerThatDoesNotTellTheLevelIsNoLook(t *testing.T) {
	for name, told := range map[string]bool{"from a server that tells": true, "from a server that never did": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBucket("", 1)
				first, _ := b.take(t.Context(), false)
				b.report(first, level{known: told, used: 1, size: 40})
				time.Sleep(time.Minute)
				second, _ := b.take(t.Context(), false)
				b.report(second, level{})
				b.take(t.Context(), false)
				if b.free(false) == told {
					t.Errorf("another request may go: %v", !told)
				}
			})
		})
	}
}

func TestARejectionByOthersThanTheBucketIsSoonOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket("", 1)
		first, _ := b.take(t.Context(), false)
		b.report(first, level{full: true, known: true, used: 3, size: 40})
		began := time.Now()
		b.take(t.Context(), false)
		if got := time.Since(began); got < leastClosed || got > leastClosed+firstPause {
			t.Errorf("the next request went after %v", got)
		}
	})
}

func TestAFullBucketEmptiesBeforeOrdinaryRequestsGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket("", 1)
		first, _ := b.take(t.Context(), false)
		b.report(first, level{full: true, known: true, used: 40, size: 40})
		if got := b.budget().Level; got != 40 {
			t.Errorf("the level of a full bucket is %v", got)
		}
		began := time.Now()
		b.take(t.Context(), true)
		if got := time.Since(began); got < leastClosed || got > 3*time.Second {
			t.Errorf("an urgent request went after %v", got)
		}
		b.inFlight-- // it is lost
		b.take(t.Context(), false)
		if got, want := time.Since(began).Round(10*instant), 11*time.Second; got != want {
			t.Errorf("an ordinary request went after %v, not %v", got, want)
		}
	})
}
