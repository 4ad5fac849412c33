package rechargefake

import (
	"fmt"
	"math"
	"net/http"
	"sync"
	"time"

	"tapline/tests/fake/serve"
)

// bucket is a leaky bucket: each request pours one in, and it leaks all the time. A request that would make it flow
// over is refused and pours nothing.
type bucket struct {
	size, leak float64 // requests, requests per second of real time

	mu      sync.Mutex
	level   float64
	last    time.Time
	refused int
}

// newBucket makes the bucket of a token. A prefix such as sk_2x1_ multiplies the leak by its first number and the size
// by its second.
func newBucket(o Options, secret string) *bucket {
	leaks, sizes := 1, 1
	if n, _ := fmt.Sscanf(secret, "sk_%dx%d_", &leaks, &sizes); n != 2 || leaks < 1 || sizes < 1 {
		leaks, sizes = 1, 1
	}
	return &bucket{size: float64(o.Bucket * sizes), leak: o.Leak * float64(leaks)}
}

// pour lets a request in or refuses it, and returns what x-recharge-limit says then: how much is in, of how much fits.
func (b *bucket) pour(now time.Time) (ok bool, limit string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.last.IsZero() {
		b.level = max(0, b.level-b.leak*now.Sub(b.last).Seconds())
	}
	b.last = now
	// A little over the brim is what rounding leaves of whole requests.
	if ok = b.level+1 <= b.size+1e-6; ok {
		b.level++
	} else {
		b.refused++
	}
	return ok, fmt.Sprintf("%.0f/%.0f", math.Ceil(b.level-1e-6), b.size)
}

// Refused counts the requests that the buckets of all tokens refused.
func (s *Server) Refused() int {
	total := 0
	for _, b := range s.buckets {
		b.mu.Lock()
		total += b.refused
		b.mu.Unlock()
	}
	return total
}

// limited answers a request that the token's bucket refuses, and reports whether it did. Requests without a token that
// the fake accepts have no bucket.
func (s *Server) limited(w http.ResponseWriter, r *http.Request) bool {
	b := s.buckets[r.Header.Get("X-Recharge-Access-Token")]
	if b == nil {
		return false
	}
	ok, limit := b.pour(time.Now())
	w.Header().Set("X-Recharge-Limit", limit)
	if !ok {
		s.fail(w, r, Failure{Mode: RateLimit, RetryAfter: s.options.RetryAfter})
	}
	return !ok
}

// latency draws how long an answer takes.
func (s *Server) latency(serial int) time.Duration {
	return serve.Latency(s.world.random("request", serial, "latency"), s.options.Latency, s.options.LatencyP99)
}
