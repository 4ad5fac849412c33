package stripefake

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"

	"tapline/tests/fake/serve"
)

// Mode is a way in which a request fails.
type Mode string

// The ways to fail.
const (
	RateLimit   Mode = "rate_limit"   // 429 without a code, with Stripe-Rate-Limited-Reason
	LockTimeout Mode = "lock_timeout" // 429 with code lock_timeout
	Conflict    Mode = "conflict"     // 409
	Internal    Mode = "internal"     // 500 with an HTML page
	BadGateway  Mode = "bad_gateway"  // 502 with an HTML page
	Unavailable Mode = "unavailable"  // 503
	Truncated   Mode = "truncated"    // 200, and half of the JSON
	Cut         Mode = serve.Cut      // 200, half of the promised body, then the connection is closed
	Reset       Mode = serve.Reset    // 200, half of the promised body, then the connection is reset
	Dropped     Mode = serve.Dropped  // the connection is closed without an answer
	Slow        Mode = "slow"         // the right answer after Delay
	Missing     Mode = "missing"      // 404 resource_missing, as from a replica that does not know the object yet
)

// Failure makes coming requests below /v1/ fail.
type Failure struct {
	Mode Mode `json:"mode"`
	// Times is how many requests fail; 0 means one, and all with Share.
	Times int `json:"times,omitempty"`
	// Share, from 0 to 1, makes each matching request fail with that
	// probability, by the seed; 0 lets none pass.
	Share float64 `json:"share,omitempty"`
	// Skip lets that many matching requests pass first.
	Skip int `json:"skip,omitempty"`
	// Path limits it to paths that match, in the syntax of path.Match:
	// /v1/charges or /v1/customers/*. Empty matches every path.
	Path string `json:"path,omitempty"`
	// Reason is the header Stripe-Rate-Limited-Reason of RateLimit; empty means global-rate.
	Reason string `json:"reason,omitempty"`
	// RetryAfter and ShouldRetry become the headers Retry-After and
	// Stripe-Should-Retry unless empty.
	RetryAfter  string `json:"retry_after,omitempty"`
	ShouldRetry string `json:"should_retry,omitempty"`
	// DelayMS is waited before the answer, in milliseconds.
	DelayMS int `json:"delay_ms,omitempty"`
}

// failureAnswer is the fixed answer of a mode.
type failureAnswer struct {
	status        int
	typ, code     string
	message, html string
}

// failureAnswers has no row for the modes that spoil the right answer.
var failureAnswers = map[Mode]failureAnswer{
	RateLimit:   {status: 429, typ: "invalid_request_error", message: "Too many requests: the rate limit of this account was reached."},
	LockTimeout: {status: 429, typ: "invalid_request_error", code: "lock_timeout", message: "Another request holds this object. Try again."},
	Conflict:    {status: 409, typ: "idempotency_error", message: "Another request of the same kind is in progress."},
	Internal:    {status: 500, html: "<html><body><h1>500 Internal Server Error</h1></body></html>\n"},
	BadGateway:  {status: 502, html: "<html><body><h1>502 Bad Gateway</h1></body></html>\n"},
	Unavailable: {status: 503, typ: "api_error", message: "The service is unavailable for a moment."},
	Missing:     {status: 404, typ: "invalid_request_error", code: "resource_missing", message: "No such object."},
}

var spoiled = []Mode{Truncated, Cut, Reset, Dropped, Slow}

// Fail queues a failure. Of several that match a request the first queued is taken.
func (s *Server) Fail(f Failure) error {
	if _, ok := failureAnswers[f.Mode]; !ok && !slices.Contains(spoiled, f.Mode) {
		return fmt.Errorf("unknown failure mode %q", f.Mode)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failures.Add(f, serve.Due{Path: f.Path, Skip: f.Skip, Times: f.Times, Share: f.Share})
}

// ClearFailures forgets the failures that were not used up.
func (s *Server) ClearFailures() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures = serve.Queue[Failure]{}
}

// takeFailure uses up the failure that is due for a request, if any.
func (s *Server) takeFailure(requested string, serial int) (Failure, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	concerns := func(Failure) bool { return true }
	return s.failures.Take(requested, concerns, func(place int) *rand.Rand { return s.world.random("failure", serial, strconv.Itoa(place)) })
}

// fail answers a request the way f says.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, f Failure) {
	if !serve.Pause(r.Context(), time.Duration(f.DelayMS)*time.Millisecond) {
		return
	}
	if f.RetryAfter != "" {
		w.Header().Set("Retry-After", f.RetryAfter)
	}
	if f.ShouldRetry != "" {
		w.Header().Set("Stripe-Should-Retry", f.ShouldRetry)
	}
	if a, ok := failureAnswers[f.Mode]; ok {
		answerFailure(w, f, a)
		return
	}
	status, body := s.answer(r)
	switch f.Mode {
	case Truncated:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		w.Write(body[:len(body)/2])
	case Cut, Reset, Dropped:
		serve.Break(w, string(f.Mode), body)
	default:
		writeJSON(w, status, body)
	}
}

func answerFailure(w http.ResponseWriter, f Failure, a failureAnswer) {
	if a.html != "" {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(a.status)
		w.Write([]byte(a.html))
		return
	}
	if f.Mode == RateLimit {
		reason := f.Reason
		if reason == "" {
			reason = "global-rate"
		}
		w.Header().Set("Stripe-Rate-Limited-Reason", reason)
	}
	e := &apiError{Code: a.code, Message: a.message, Type: a.typ}
	writeJSON(w, a.status, e.body())
}
