package rechargefake

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"tapline/tests/fake/serve"
)

// Version is the API version that the fake speaks.
const Version = "2021-11"

// DefaultToken is the access token of a fake that was given none.
const DefaultToken = "sk_1x1_fake"

// DefaultNow is the clock of a fake that was given none: a fixed day, so that objects do not depend on the day of the
// test.
var DefaultNow = time.Date(2025, time.June, 2, 12, 0, 0, 0, time.UTC)

// Options say what a fake holds and how it behaves. The zero value is a store without objects that accepts
// DefaultToken.
type Options struct {
	// Seed decides every object. The same options make the same bytes.
	Seed uint64
	// Objects is the total over all kinds, in believable proportions, at least one of each when not 0.
	Objects int
	// Counts sets the number for single kinds (customers, charges, metafields_order ...) and overrules Objects for them.
	Counts map[string]int
	// Now is where the clock stands at the start; zero means DefaultNow.
	Now time.Time
	// Span is the time before Now over which objects were made; 0 means two years. What ages out is younger.
	Span time.Duration
	// Pace is how many seconds the clock moves by itself in one real second; 0 lets it stand until it is moved.
	Pace float64
	// Delay is the longest time for which a change cannot be read: each shows up after a third of it to the whole of it, so
	// that a later one can show up before it; so does what changed shortly before Now. Recharge takes 10 to 30 minutes.
	// 0 shows all at once.
	Delay time.Duration
	// TypeDrift lets values have another type now and then, as they do in the wild: a tax rate that is a number, tags
	// that are an array, times with fractions of a second, members that nobody documents.
	TypeDrift bool
	// Tokens are the access tokens accepted; empty means DefaultToken with every scope.
	Tokens []Token
	// Store is the number of the store; 0 means 18250.
	Store int64
	// NotInPlan are kinds, and store, that the store's plan does not hold: they answer 403.
	NotInPlan []string
	// Bucket is how many requests a token may make at once and Leak how many more in each second of real time, beyond
	// which the answer is 429. Recharge's are 40 and 2. 0 means a million, and a twentieth of Bucket. The header
	// x-recharge-limit of each answer tells the truth. A token that begins sk_2x1_ has twice the leak, sk_1x2_ twice the bucket.
	Bucket int
	Leak   float64
	// RetryAfter is sent with each 429 unless empty, in seconds.
	RetryAfter string
	// Latency delays every answer of the API: all by as much, or, with a larger LatencyP99, half of them by less and one
	// in a hundred by more than that.
	Latency, LatencyP99 time.Duration
	// Gzip compresses the answers to clients that accept it, as Recharge's edge does.
	Gzip bool
}

func (o Options) withDefaults() Options {
	if o.Now.IsZero() {
		o.Now = DefaultNow
	}
	if o.Span == 0 {
		o.Span = 2 * 365 * 24 * time.Hour
	}
	if len(o.Tokens) == 0 {
		o.Tokens = []Token{{Secret: DefaultToken}}
	}
	if o.Store == 0 {
		o.Store = 18250
	}
	if o.Bucket == 0 {
		o.Bucket = 1_000_000
	}
	if o.Leak == 0 {
		o.Leak = float64(o.Bucket) / 20
	}
	return o
}

// count is the number of seeded objects of a kind.
func (o Options) count(k *kind) int {
	if n, ok := o.Counts[k.name]; ok {
		return n
	}
	if o.Objects == 0 {
		return 0
	}
	return max(1, o.Objects*k.share/1000)
}

// Server is one fake store, an http.Handler. Its methods may be called by many goroutines at once.
type Server struct {
	// Clock is the fake's, in microseconds. The Date header follows it.
	*serve.Clock

	options Options
	world   *world
	routes  *http.ServeMux
	buckets map[string]*bucket // by token

	stepMu   sync.Mutex          // guards what follows
	mutators map[uint64]*Mutator // of the control half, by seed

	mu       sync.Mutex // guards what follows
	shelves  map[string]*shelf
	requests []Request
	failures serve.Queue[Failure]
	serial   int // counts requests
	changes  int // counts those that readers see late
}

// Request is one line of the request log. Tokens are not in it.
type Request struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Query  string `json:"query"`
}

// New makes a fake. It fails when Counts names an unknown kind and when a number is negative.
func New(o Options) (*Server, error) {
	o = o.withDefaults()
	if o.Delay < 0 {
		return nil, fmt.Errorf("delay: %s: want no negative time", o.Delay)
	}
	if o.Bucket < 1 || o.Leak <= 0 {
		return nil, fmt.Errorf("bucket: %d, leak: %v: want more than 0", o.Bucket, o.Leak)
	}
	world, err := newWorld(o)
	if err != nil {
		return nil, err
	}
	s := &Server{
		options: o, world: world, Clock: serve.NewClock(time.UnixMicro(world.start()), time.Microsecond, o.Pace),
		shelves: map[string]*shelf{}, buckets: map[string]*bucket{}, mutators: map[uint64]*Mutator{},
	}
	for _, k := range world.kinds {
		s.shelves[k.name] = s.newShelf(k)
	}
	for _, t := range o.Tokens {
		if !t.Revoked {
			s.buckets[t.Secret] = newBucket(o, t.Secret)
		}
	}
	s.routes = s.controlRoutes()
	return s, nil
}

// newShelf holds the seeded objects of a kind. Their bytes are made when they are asked for.
func (s *Server) newShelf(k *kind) *shelf {
	seeded := s.world.seeded[k.name]
	sh := &shelf{kind: k, entries: make([]*entry, 0, len(seeded)), position: make(map[int64]int, len(seeded))}
	for i, m := range seeded {
		e := &entry{id: s.world.id(k, i), created: m.created, version: version{updated: m.updated}}
		if k.name == "charges" {
			f := s.world.draw(k, i, m, "object").facts()
			e.gone = k.gone(m.created, f["status"], f["processed_at"])
		} else {
			e.gone = k.gone(m.created, "", "")
		}
		if o := s.options; o.Delay > 0 {
			e.shown = m.updated + s.delay(sh, i)
		}
		sh.add(e)
	}
	return sh
}

// Requests is what was asked below the API's paths since the log was emptied, oldest first.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request{}, s.requests...)
}

// ResetRequests empties the request log.
func (s *Server) ResetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

// ServeHTTP answers a request of either half.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/_control/") {
		s.routes.ServeHTTP(w, r)
		return
	}
	serial := s.record(w, r)
	if s.limited(w, r) || !serve.Pause(r.Context(), s.latency(serial)) {
		return
	}
	if failure, ok := s.takeFailure(r, serial); ok {
		s.fail(w, r, failure)
		return
	}
	status, body := s.answer(r)
	writeJSON(w, status, s.encode(w, r, body))
}

// encode compresses a body if the client accepts that and the fake does it.
func (s *Server) encode(w http.ResponseWriter, r *http.Request, body []byte) []byte {
	if !s.options.Gzip || !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		return body
	}
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	zip.Write(body) // a buffer takes everything
	zip.Close()
	w.Header().Set("Content-Encoding", "gzip")
	return packed.Bytes()
}

// record numbers and logs the request and sets the headers of every answer.
func (s *Server) record(w http.ResponseWriter, r *http.Request) (serial int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serial++
	s.requests = append(s.requests, Request{r.Method, r.URL.Path, r.URL.RawQuery})
	h := w.Header()
	h.Set("Date", s.Now().Format(http.TimeFormat))
	h.Set("X-Request-Id", strconv.FormatUint(s.world.random("request", s.serial, "id").Uint64(), 16))
	return s.serial
}

// answer is what Recharge says to a request.
func (s *Server) answer(r *http.Request) (int, []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	token, refusal := s.token(r)
	if refusal == nil {
		refusal = checkVersion(r)
	}
	var body []byte
	if refusal == nil {
		s.settle()
		body, refusal = s.route(r, token)
	}
	if refusal != nil {
		return refusal.status, refusal.body
	}
	return http.StatusOK, body
}

// settle lets appear what has become visible.
func (s *Server) settle() {
	for _, sh := range s.shelves {
		sh.settle(s.Ticks())
	}
}

// writeJSON answers with a body and its length.
func writeJSON(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body) // a client that has gone is not the fake's concern
}
