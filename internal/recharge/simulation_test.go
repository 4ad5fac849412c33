package recharge

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A store is a server with a true leaky bucket, from which others may spend.
type store struct {
	size, leak float64
	silent     bool // answers do not tell the level
	retryAfter int  // seconds told with a 429; 0: none
	latency    func() time.Duration

	mu       sync.Mutex
	bucket   gauge
	served   int
	others   int       // requests of other programs
	rejected int       // requests of this program that did not fit
	later    int       // of these, made after the answer to the first that did not fit
	first    time.Time // when that answer came
	highest  float64   // level at a request of this program
}

// spend puts one request into the bucket, if it fits.
func (s *store) spend() bool {
	s.bucket.settle(time.Now(), s.leak)
	if s.bucket.level+1 > s.size {
		return false
	}
	s.bucket.level++
	return true
}

func (s *store) other(requests int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range requests {
		if s.spend() {
			s.others++
		}
	}
}

func (s *store) RoundTrip(req *http.Request) (*http.Response, error) {
	began := time.Now()
	time.Sleep(s.latency() / 2)
	answer := s.answer(req)
	time.Sleep(s.latency() / 2)
	if answer.StatusCode == http.StatusTooManyRequests {
		s.reject(began)
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	return answer, nil
}

func (s *store) answer(req *http.Request) *http.Response {
	s.mu.Lock()
	defer s.mu.Unlock()
	status, body, header := http.StatusOK, `{"charges":[]}`, http.Header{}
	if s.spend() {
		s.served++
	} else {
		status, body = http.StatusTooManyRequests, `{"warning":"too many requests"}`
		if s.retryAfter > 0 {
			header.Set("Retry-After", strconv.Itoa(s.retryAfter))
		}
	}
	s.highest = max(s.highest, s.bucket.level)
	if !s.silent {
		header.Set("X-Recharge-Limit", fmt.Sprintf("%d/%d", int(s.bucket.level+0.5), int(s.size)))
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: req}
}

func (s *store) reject(began time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rejected++
	switch {
	case s.first.IsZero():
		s.first = time.Now()
	case began.After(s.first):
		s.later++
	}
}

// steady is a latency of about d, with a fifth of the answers taking up to three times as long.
func steady(d time.Duration, r *rand.Rand) func() time.Duration {
	var mu sync.Mutex
	return func() time.Duration {
		mu.Lock()
		defer mu.Unlock()
		if r.IntN(5) == 0 {
			return d + time.Duration(r.Int64N(int64(2*d)))
		}
		return d
	}
}

// busy lets workers ask for pages one after the other until ctx ends.
func busy(ctx context.Context, t *testing.T, c *Client, workers int) {
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for ctx.Err() == nil {
				if _, err := c.Page(ctx, Request{Path: "/charges", Key: "charges", Limit: 250}); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

const simulated = 10 * time.Minute

func TestTheLeakIsUsedAndTheBucketNeverOverflows(t *testing.T) {
	// what other programs do to the bucket
	quiet := func(context.Context, *store, *rand.Rand) {}
	every := func(pause time.Duration, requests int) func(context.Context, *store, *rand.Rand) {
		return func(ctx context.Context, s *store, r *rand.Rand) {
			for sleep(ctx, time.Duration(r.Int64N(int64(2*pause)))) == nil {
				s.other(requests)
			}
		}
	}
	early := func(then func(context.Context, *store, *rand.Rand)) func(context.Context, *store, *rand.Rand) {
		return func(ctx context.Context, s *store, r *rand.Rand) {
			s.other(100)
			then(ctx, s, r)
		}
	}
	tests := map[string]struct {
		token      string
		size, leak float64
		share      float64
		workers    int
		latency    time.Duration
		others     func(context.Context, *store, *rand.Rand)
		silent     bool
		retryAfter int
		full       bool    // some requests do not fit
		later      int     // how many may not, made after the first was answered
		used       float64 // part of the leak
	}{
		"alone":                      {share: 1, workers: 8, latency: 300 * time.Millisecond, others: quiet, used: 0.98},
		"alone, quick":               {share: 1, workers: 1, latency: 50 * time.Millisecond, others: quiet, used: 0.98},
		"alone, slow":                {share: 1, workers: 40, latency: 8 * time.Second, others: quiet, used: 0.98},
		"alone, many":                {share: 1, workers: 100, latency: time.Second, others: quiet, used: 0.98},
		"the usual share":            {workers: 8, latency: 300 * time.Millisecond, others: quiet, used: 0.98 * DefaultShare},
		"a tenth":                    {share: 0.1, workers: 8, latency: 300 * time.Millisecond, others: quiet, used: 0.98 * 0.1},
		"beside a steady one":        {share: 1, workers: 8, latency: 300 * time.Millisecond, others: every(2*time.Second, 1), used: 0.98},
		"beside bursts":              {share: 1, workers: 8, latency: 300 * time.Millisecond, others: every(20*time.Second, 15), full: true, used: 0.98},
		"beside bursts, slow":        {share: 1, workers: 20, latency: 3 * time.Second, others: every(20*time.Second, 15), full: true, used: 0.98},
		"a full bucket":              {share: 1, workers: 8, latency: 300 * time.Millisecond, others: early(every(2*time.Second, 1)), full: true, used: 0.98},
		"a full bucket, Retry-After": {share: 1, workers: 8, latency: 300 * time.Millisecond, others: early(quiet), retryAfter: 3, full: true, used: 0.98},
		"twice the leak by token":    {token: "sk_2x1_abc", leak: 4, share: 1, workers: 8, latency: 300 * time.Millisecond, others: quiet, used: 0.98},
		"twice of all, untold":       {size: 80, leak: 4, share: 1, workers: 8, latency: 300 * time.Millisecond, others: quiet, used: 0.98},
		"more than the token says":   {token: "sk_1x1_abc", size: 100, leak: 5, share: 1, workers: 12, latency: 300 * time.Millisecond, others: quiet, used: 0.98},
		"less than the token says":   {token: "sk_4x2_abc", share: 1, workers: 8, latency: 300 * time.Millisecond, others: quiet, used: 0.98},
		"a small bucket":             {size: 4, full: true, leak: 1, share: 1, workers: 8, latency: 300 * time.Millisecond, others: quiet, used: 0.95},
		"levels untold, less leak":   {leak: 1, silent: true, share: 1, workers: 8, latency: 300 * time.Millisecond, others: quiet, full: true, later: 8, used: 0.9},
		"levels untold":              {silent: true, share: 1, workers: 8, latency: 300 * time.Millisecond, others: quiet, used: 0.98},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(1, 2))
				s := &store{size: max(test.size, 40*btof(test.size == 0)), leak: max(test.leak, 2*btof(test.leak == 0)),
					silent: test.silent, retryAfter: test.retryAfter, latency: steady(test.latency, r)}
				s.bucket.at = time.Now()
				c := New(Options{Token: test.token, Share: test.share, Transport: s})
				ctx, cancel := context.WithTimeout(t.Context(), simulated)
				defer cancel()
				var others sync.WaitGroup
				others.Go(func() { test.others(ctx, s, rand.New(rand.NewPCG(3, 4))) })
				synctest.Wait()
				busy(ctx, t, c, test.workers)
				others.Wait()

				share := float64(s.served+s.others) / (s.leak * simulated.Seconds())
				t.Logf("%d requests, %d of others, %.3f of the leak, %d rejections, %d later, highest level %.0f", s.served, s.others, share, s.rejected, s.later, s.highest)
				if share < test.used {
					t.Errorf("%.3f of the leak was used, not %.3f", share, test.used)
				}
				if s.rejected > 0 && !test.full {
					t.Errorf("%d requests were rejected", s.rejected)
				}
				if s.later > test.later {
					t.Errorf("%d requests were rejected after the first rejection", s.later)
				}
			})
		})
	}
}

func btof(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
