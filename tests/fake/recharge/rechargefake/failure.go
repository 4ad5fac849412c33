package rechargefake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
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
	Cut          Mode = "cut"          // 200, half of the promised body, then the connection is closed
	Reset        Mode = "reset"        // 200, half of the promised body, then the connection is reset
	Dropped      Mode = "dropped"      // the connection is closed without an answer
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
	_, badPath := path.Match(f.Path, "")
	switch {
	case !fixed && !slices.Contains(spoiled, f.Mode):
		return fmt.Errorf("unknown failure mode %q", f.Mode)
	case badPath != nil:
		return fmt.Errorf("failure path %q: %w", f.Path, badPath)
	case f.Share < 0 || f.Share > 1:
		return fmt.Errorf("failure share %v: want a number from 0 to 1", f.Share)
	case !slices.Contains(keys, f.Key) || !slices.Contains(shapes, f.Shape):
		return fmt.Errorf("failure key %q, shape %q: want one of %q and one of %q", f.Key, f.Shape, keys[1:], shapes[1:])
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
func (s *Server) takeFailure(r *http.Request, serial int) *Failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.failures {
		if !f.matches(r.URL) {
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

// matches reports whether a failure is meant for a request.
func (f *Failure) matches(u *url.URL) bool {
	if ok, _ := path.Match(f.Path, u.Path); f.Path != "" && !ok {
		return false
	}
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
func (s *Server) fail(w http.ResponseWriter, r *http.Request, f *Failure) {
	if !pause(r.Context(), time.Duration(f.DelayMS)*time.Millisecond) {
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
		breakConnection(w, f.Mode, s.encode(w, r, body))
	default:
		writeJSON(w, status, s.encode(w, r, body))
	}
}

// write answers with the page, or with JSON in the shape that f asks for.
func (a failureAnswer) write(w http.ResponseWriter, f *Failure) {
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

// breakConnection promises a body, sends half of it and ends the connection; of a dropped one not even that.
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
