package stripefake

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tapline/tests/fake/serve"
)

// Limits are what Stripe refuses beyond, with status 429 and the reason in the
// header Stripe-Rate-Limited-Reason (https://docs.stripe.com/rate-limits).
// Rates are in requests per second of real time, with a burst of one second;
// 0 is no limit. They hold for a platform and its connected accounts together.
type Limits struct {
	Global   float64 // of the account: 100 live, 25 in a sandbox
	Endpoint float64 // of each operation, all ids together: 25
	Files    float64 // of files and their links together, in place of Endpoint: 20
	// InFlight and EndpointInFlight are how many requests may be answered at
	// the same time.
	InFlight, EndpointInFlight int
	// RetryAfter and ShouldRetry are sent with every refusal unless empty.
	RetryAfter, ShouldRetry string
}

// limiter keeps the limits of an account.
type limiter struct {
	limits        Limits
	global, files *bucket
	inFlight      atomic.Int64

	mu        sync.Mutex
	endpoints map[string]*gate
	refused   map[string]int // by reason
}

// gate is the share of the limits that one operation has.
type gate struct {
	bucket   *bucket
	inFlight atomic.Int64
}

func newLimiter(l Limits) *limiter {
	return &limiter{limits: l, global: newBucket(l.Global), files: newBucket(l.Files), endpoints: map[string]*gate{}, refused: map[string]int{}}
}

// enter lets a request for an operation pass, or names the reason why not.
// What it let in must leave.
func (l *limiter) enter(operation string) (leave func(), reason string) {
	g := l.gate(operation)
	leave = func() { l.inFlight.Add(-1); g.inFlight.Add(-1) }
	together, alone := l.inFlight.Add(1), g.inFlight.Add(1)
	now := time.Now()
	switch {
	case l.limits.InFlight > 0 && together > int64(l.limits.InFlight):
		reason = "global-concurrency"
	case l.limits.EndpointInFlight > 0 && alone > int64(l.limits.EndpointInFlight):
		reason = "endpoint-concurrency"
	case !l.global.take(now):
		reason = "global-rate"
	case !g.bucket.take(now):
		reason = "endpoint-rate"
	default:
		return leave, ""
	}
	leave()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused[reason]++
	return nil, reason
}

func (l *limiter) gate(operation string) *gate {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.endpoints[operation]
	if g == nil {
		g = &gate{bucket: newBucket(l.limits.Endpoint)}
		if resource, _, _ := strings.Cut(operation, "/"); l.files != nil && (resource == "files" || resource == "file_links") {
			g.bucket = l.files
		}
		l.endpoints[operation] = g
	}
	return g
}

// Refused counts the requests that the limits refused, by reason.
func (s *Server) Refused() map[string]int {
	s.limiter.mu.Lock()
	defer s.limiter.mu.Unlock()
	counts := map[string]int{}
	for reason, n := range s.limiter.refused {
		counts[reason] = n
	}
	return counts
}

// operation names what a request is for, apart from the ids.
func (s *Server) operation(r *http.Request) string {
	if e, _ := s.find(r); e != nil {
		return strings.Join(e.segments, "/")
	}
	return "unknown"
}

// latency draws how long an answer takes.
func (s *Server) latency(serial int) time.Duration {
	return serve.Latency(s.world.random("request", serial, "latency"), s.options.Latency, s.options.LatencyP99)
}

// bucket is a token bucket of one second's requests. Nil lets everything pass.
type bucket struct {
	mu     sync.Mutex
	rate   float64
	tokens float64
	last   time.Time
}

func newBucket(rate float64) *bucket {
	if rate <= 0 {
		return nil
	}
	return &bucket{rate: rate, tokens: max(1, rate)}
}

func (b *bucket) take(now time.Time) bool {
	if b == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.last.IsZero() {
		b.tokens = min(max(1, b.rate), b.tokens+b.rate*now.Sub(b.last).Seconds())
	}
	b.last = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
