package rechargefake

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tapline/tests/fake/serve"
)

// Mode is a way in which a request fails.
type Mode string

// The ways to fail. What has a body of JSON can have it in another shape: see [Failure].
const (
	RateLimit    Mode = "rate_limit"   // 429
	Conflict     Mode = "conflict"     // 409: another call on the same address is in progress
	Internal     Mode = "internal"     // 500 with an HTML page
	BadGateway   Mode = "bad_gateway"  // 502 with an HTML page
	Unavailable  Mode = "unavailable"  // 503 with an HTML page
	Timeout      Mode = "timeout"      // 504 with an HTML page
	Unauthorized Mode = "unauthorized" // 401, as when a token is revoked in mid-run
	Forbidden    Mode = "forbidden"    // 403
	BadCursor    Mode = "bad_cursor"   // 422; only requests with a cursor fail so
	Invalid      Mode = "invalid"      // 422 about another parameter
	Truncated    Mode = "truncated"    // 200, and half of the JSON with the length of that half
	Cut          Mode = serve.Cut      // 200, half of the promised body, then the connection is closed
	Reset        Mode = serve.Reset    // 200, half of the promised body, then the connection is reset
	Dropped      Mode = serve.Dropped  // the connection is closed without an answer
	Slow         Mode = "slow"         // the right answer after DelayMS
)

// Failure makes coming requests of the API fail.
type Failure struct {
	Mode Mode `json:"mode"`
	// Times is how many requests fail; 0 means one, and all with Share.
	Times int `json:"times,omitempty"`
	// Share, from 0 to 1, makes each matching request fail with that probability, by the seed; 0 lets none pass.
	Share float64 `json:"share,omitempty"`
	// Skip lets that many matching requests pass first.
	Skip int `json:"skip,omitempty"`
	// Path limits it to paths that match, in the syntax of path.Match: /charges or /customers/*. Empty matches all.
	Path string `json:"path,omitempty"`
	// Address limits it to requests that name the address with that id in their path, address_id or address_ids.
	Address int64 `json:"address,omitempty"`
	// Key (error, errors or warning) and Shape (text, list or map) change the body; empty keeps the usual one of the mode.
	Key   string `json:"key,omitempty"`
	Shape string `json:"shape,omitempty"`
	// RetryAfter becomes the header Retry-After unless empty.
	RetryAfter string `json:"retry_after,omitempty"`
	// DelayMS is waited before the answer, in milliseconds.
	DelayMS int `json:"delay_ms,omitempty"`
}

// failureAnswer is the fixed answer of a mode: a page, or JSON of one member. about is the parameter that a map names.
type failureAnswer struct {
	status                           int
	page, key, shape, about, message string
}

func htmlPage(status int) failureAnswer {
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	head, body := "<head><title>"+title+"</title></head>\r\n", "<body><center><h1>"+title+"</h1></center></body>\r\n"
	return failureAnswer{status: status, page: "<html>\r\n" + head + body + "</html>\r\n"}
}

// failureAnswers has no row for the modes that spoil the right answer.
var failureAnswers = map[Mode]failureAnswer{
	RateLimit:    {status: 429, key: "warning", shape: "text", about: "rate", message: "too many requests"},
	Conflict:     {status: 409, key: "error", shape: "text", about: "address", message: "a call to this route is already in progress"},
	Internal:     htmlPage(500),
	BadGateway:   htmlPage(502),
	Unavailable:  htmlPage(503),
	Timeout:      htmlPage(504),
	Unauthorized: {status: 401, key: "error", shape: "text", about: "token", message: "bad authentication"},
	Forbidden:    {status: 403, key: "errors", shape: "map", about: "scope", message: "Missing permission."},
	BadCursor:    {status: 422, key: "errors", shape: "map", about: "cursor", message: "Invalid value"},
	Invalid:      {status: 422, key: "errors", shape: "map", about: "updated_at_min", message: "Not a valid datetime."},
}

var (
	spoiled = []Mode{Truncated, Cut, Reset, Dropped, Slow}
	keys    = []string{"", "error", "errors", "warning"}
	shapes  = []string{"", "text", "list", "map"}
)

// Fail queues a failure. Of several that match a request the first queued is taken.
func (s *Server) Fail(f Failure) error {
	_, fixed := failureAnswers[f.Mode]
	switch {
	case !fixed && !slices.Contains(spoiled, f.Mode):
		return fmt.Errorf("unknown failure mode %q", f.Mode)
	case !slices.Contains(keys, f.Key) || !slices.Contains(shapes, f.Shape):
		return fmt.Errorf("failure key %q, shape %q: want one of %q and one of %q", f.Key, f.Shape, keys[1:], shapes[1:])
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
func (s *Server) takeFailure(r *http.Request, serial int) (Failure, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	concerns := func(f Failure) bool { return f.concerns(r.URL) }
	return s.failures.Take(r.URL.Path, concerns, func(place int) *rand.Rand { return s.world.random("failure", serial, strconv.Itoa(place)) })
}

// concerns reports whether a failure is meant for a request for a path like that.
func (f Failure) concerns(u *url.URL) bool {
	query := u.Query()
	if f.Mode == BadCursor && query.Get("cursor") == "" {
		return false
	}
	if f.Address == 0 {
		return true
	}
	id := itoa(f.Address)
	below, named := strings.CutPrefix(u.Path+"/", "/addresses/"+id+"/")
	return named && below == "" || query.Get("address_id") == id || slices.Contains(strings.Split(query.Get("address_ids"), ","), id)
}

// fail answers a request the way f says.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, f Failure) {
	if !serve.Pause(r.Context(), time.Duration(f.DelayMS)*time.Millisecond) {
		return
	}
	if f.RetryAfter != "" {
		w.Header().Set("Retry-After", f.RetryAfter)
	}
	if a, ok := failureAnswers[f.Mode]; ok {
		a.write(w, f)
		return
	}
	status, body := s.answer(r)
	switch f.Mode {
	case Truncated:
		writeJSON(w, status, s.encode(w, r, body[:len(body)/2]))
	case Cut, Reset, Dropped:
		serve.Break(w, string(f.Mode), s.encode(w, r, body))
	default:
		writeJSON(w, status, s.encode(w, r, body))
	}
}

// write answers with the page, or with JSON in the shape that f asks for.
func (a failureAnswer) write(w http.ResponseWriter, f Failure) {
	if a.page != "" && f.Key == "" && f.Shape == "" {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(a.status)
		w.Write([]byte(a.page)) // a client that has gone is not the fake's concern
		return
	}
	key, shape, message := a.key, a.shape, a.message
	if f.Key != "" {
		key = f.Key
	}
	if f.Shape != "" {
		shape = f.Shape
	}
	if a.page != "" {
		message = http.StatusText(a.status)
	}
	if key == "" {
		key = "error"
	}
	var value any = message
	switch shape {
	case "list":
		value = []string{message}
	case "map":
		value = map[string][]string{a.about: {message}}
	}
	writeJSON(w, a.status, refuse(a.status, key, value).body)
}
