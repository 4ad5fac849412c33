package stripefake

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path"
	"slices"
	"strconv"
	"time"
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
	Cut         Mode = "cut"          // 200, half of the promised body, then the connection is closed
	Reset       Mode = "reset"        // 200, half of the promised body, then the connection is reset
	Dropped     Mode = "dropped"      // the connection is closed without an answer
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
	if _, err := path.Match(f.Path, ""); err != nil {
		return fmt.Errorf("failure path %q: %w", f.Path, err)
	}
	if f.Share < 0 || f.Share > 1 {
		return fmt.Errorf("failure share %v: want a number from 0 to 1", f.Share)
	}
	if f.Share == 0 {
		f.Times = max(1, f.Times)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures = append(s.failures, &f)
	return nil
}

// ClearFailures forgets the failures that were not used up.
func (s *Server) ClearFailures() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures = nil
}

// takeFailure uses up the failure that is due for a request, if any.
func (s *Server) takeFailure(requested string, serial int) *Failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.failures {
		if ok, _ := path.Match(f.Path, requested); f.Path != "" && !ok {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if f.Share > 0 && s.world.random("failure", serial, strconv.Itoa(i)).Float64() >= f.Share {
			continue
		}
		taken := *f
		if f.Times--; f.Times == 0 {
			s.failures = slices.Delete(s.failures, i, i+1)
		}
		return &taken
	}
	return nil
}

// fail answers a request the way f says.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, f *Failure) {
	if !pause(r.Context(), time.Duration(f.DelayMS)*time.Millisecond) {
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
		breakConnection(w, f.Mode, body)
	default:
		writeJSON(w, status, body)
	}
}

func answerFailure(w http.ResponseWriter, f *Failure, a failureAnswer) {
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

// breakConnection promises a body, sends half of it and ends the connection;
// of a dropped one not even that.
func breakConnection(w http.ResponseWriter, mode Mode, body []byte) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // no connection to break: end the answer without a trace
	}
	defer conn.Close()
	if mode != Dropped {
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Content-Length", strconv.Itoa(len(body)))
		fmt.Fprint(buffered, "HTTP/1.1 200 OK\r\n")
		h.Write(buffered)
		fmt.Fprintf(buffered, "\r\n%s", body[:len(body)/2])
		buffered.Flush()
	}
	if tcp, ok := conn.(*net.TCPConn); ok && mode == Reset {
		tcp.SetLinger(0) // makes Close send RST
	}
}

// pause waits for d and reports whether the client is still there.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// readFailure decodes the body of POST /_control/fail.
func readFailure(body []byte) (Failure, error) {
	var f Failure
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		return f, fmt.Errorf("the body of fail: %w", err)
	}
	return f, nil
}

// parseCount reads a number of a control request; empty means fallback.
func parseCount(text string, fallback int) (int, error) {
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is not a number of things", text)
	}
	return n, nil
}
