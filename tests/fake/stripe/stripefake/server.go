package stripefake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"tapline/tests/fake/serve"
)

// Version is the API version that the fake speaks.
const Version = "2023-10-16"

// Retention is how long an event can be read.
const Retention = 30 * 24 * time.Hour

// Options say what a fake holds and how it behaves. The zero value is an
// account without objects that accepts the key sk_test_fake.
type Options struct {
	// Seed decides every object. The same options make the same bytes.
	Seed uint64
	// Objects is the total over all kinds, in believable proportions, at least
	// one of each when not 0. The events that tell of their creation come on top.
	Objects int
	// Counts sets the number for single kinds (customers, charges ...) and
	// overrules Objects for them. Events cannot be counted here.
	Counts map[string]int
	// Bulk sets, for single kinds, a number of objects that may be in the
	// millions: copies of a few, with ids and times of their own. They are
	// listed by time of creation and read by id, never change, and are no part
	// of what the control half tells.
	Bulk map[string]int
	// AllKinds fills the lists that are otherwise empty unless Counts names
	// their kind. These objects come on top of Objects, in proportion to it.
	AllKinds bool
	// Meters is how many meters count what customers use.
	Meters int
	// Now is where the clock stands at the start; zero means DefaultNow.
	// Fractions of a second are dropped.
	Now time.Time
	// Span is the time before Now over which objects were created; 0 means two years.
	Span time.Duration
	// Pace is how many seconds the clock moves by itself in one real second; 0
	// lets it stand until it is moved.
	Pace float64
	// EventDelay is the longest time for which an event cannot be read after
	// its creation. Each event is hidden for whole seconds of its own, from one
	// to this, so that a later one can appear before it. 0 shows all at once.
	EventDelay time.Duration
	// EventVersions are the API versions at which the events of the account are
	// written, one for each event by the seed; empty means Version.
	EventVersions []string
	// ShortDeletes leaves only id, object and deleted of a customer or a plan
	// in the event of its deletion, as some accounts see it.
	ShortDeletes bool
	// InlinePrices makes some prices such as were made inside of other objects:
	// they are read by id, and no list shows them.
	InlinePrices bool
	// Keys are the API keys accepted; empty means sk_test_fake, unrestricted.
	Keys []Key
	// Account is the id of the account; empty means acct_1FakeTapline.
	Account string
	// Connected makes the account a platform: it lists these accounts, and
	// requests with one of their ids in Stripe-Account see their objects and
	// events. Of each one's options those about objects count; Account and
	// Seed have defaults of their own. The rest is the platform's.
	Connected []Options
	// NotEnabled are resources, as in the path, of products that the account
	// does not use: their lists answer 400.
	NotEnabled []string
	// Rate is the number of requests per second (and the burst) beyond which
	// the answer is 429; 0 means no limit. It is measured in real time.
	Rate float64
	// Limits are finer; Rate is another word for Limits.Global.
	Limits Limits
	// Latency delays every answer below /v1/: all by as much, or, with a larger
	// LatencyP99, half of them by less and one in a hundred by more than that.
	Latency, LatencyP99 time.Duration
}

// DefaultNow is the clock of a fake that was given none. It is a fixed day in
// the life of the API version, so that objects do not depend on the day of the test.
var DefaultNow = time.Date(2024, time.April, 10, 12, 0, 0, 0, time.UTC)

func (o Options) withDefaults() Options {
	if o.Now.IsZero() {
		o.Now = DefaultNow
	}
	if o.Span == 0 {
		o.Span = 2 * 365 * 24 * time.Hour
	}
	if len(o.Keys) == 0 {
		o.Keys = []Key{{Secret: "sk_test_fake"}}
	}
	if o.Limits.Global == 0 {
		o.Limits.Global = o.Rate
	}
	if o.Account == "" {
		o.Account = "acct_1FakeTapline"
	}
	return o
}

// count is the number of seeded objects of a kind.
func (o Options) count(k *kind) int {
	if n, ok := o.Counts[k.name]; ok {
		return n
	}
	if o.Bulk[k.name] > 0 {
		return 0
	}
	if o.Objects == 0 || k.optional {
		return 0
	}
	return max(1, o.Objects*k.share/1000)
}

// Server is one fake account. Its methods may be called by many goroutines at once.
type Server struct {
	// Clock is that of the fake and of its connected accounts, in seconds. The
	// Date header follows it.
	*serve.Clock

	options Options
	world   *world
	routes  *http.ServeMux
	limiter *limiter
	served  []endpoint
	bulks   map[string]*bulk // by kind

	connected map[string]*Server // by account id

	stepMu   sync.Mutex          // guards what follows
	mutators map[uint64]*Mutator // of the control half, by seed

	linkMu sync.Mutex // guards the positions of links on the shelves

	mu       sync.RWMutex // guards what follows
	shelves  map[string]*shelf
	origins  []origin // of the events that were seeded
	failures serve.Queue[Failure]
	requests []Request
	serial   int // counts answers, for Request-Id
}

// Request is one line of the request log. Keys are not in it.
type Request struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Query  string `json:"query"`
}

// New makes a fake. It fails when Counts names an unknown kind and when a
// number is negative.
func New(o Options) (*Server, error) {
	o = o.withDefaults().connectedDefaults()
	return newServer(o, serve.NewClock(o.Now, time.Second, o.Pace))
}

// newServer makes an account on a clock that it may share.
func newServer(o Options, c *serve.Clock) (*Server, error) {
	doc, err := loadDocument()
	if err != nil {
		return nil, err
	}
	world, err := newWorld(doc, o)
	if err != nil {
		return nil, err
	}
	s := &Server{options: o, world: world, Clock: c, shelves: map[string]*shelf{}, mutators: map[uint64]*Mutator{}, limiter: newLimiter(o.Limits)}
	for _, k := range s.world.kinds {
		s.shelves[k.name] = newShelf(s.world, k)
	}
	if s.bulks, err = newBulks(world, o); err != nil {
		return nil, err
	}
	s.seedEvents()
	if err := s.connect(); err != nil {
		return nil, err
	}
	s.served = s.endpoints()
	s.routes = s.controlRoutes()
	return s, nil
}

// Requests returns the log of requests below /v1/, oldest first.
func (s *Server) Requests() []Request {
	s.mu.RLock()
	defer s.mu.RUnlock()
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
		s.control(w, r)
		return
	}
	serial := s.record(w, r)
	leave, reason := s.limiter.enter(s.operation(r))
	if reason != "" {
		l := s.options.Limits
		s.fail(w, r, Failure{Mode: RateLimit, Reason: reason, RetryAfter: l.RetryAfter, ShouldRetry: l.ShouldRetry})
		return
	}
	defer leave()
	if !serve.Pause(r.Context(), s.latency(serial)) {
		return
	}
	if failure, ok := s.takeFailure(r.URL.Path, serial); ok {
		s.fail(w, r, failure)
		return
	}
	status, body := s.answer(r)
	writeJSON(w, status, body)
}

// record numbers and logs the request and sets the headers of every answer.
func (s *Server) record(w http.ResponseWriter, r *http.Request) (serial int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serial++
	s.requests = append(s.requests, Request{r.Method, r.URL.Path, r.URL.RawQuery})
	h := w.Header()
	h.Set("Date", s.Now().Format(http.TimeFormat))
	h.Set("Request-Id", "req_"+token(s.world.random("request", s.serial, "id"), 14))
	h.Set("Stripe-Version", Version)
	return s.serial
}

// answer is what Stripe says to a request.
func (s *Server) answer(r *http.Request) (int, []byte) {
	key, refusal := s.authorize(r)
	if refusal != nil {
		return refusal.status, refusal.body()
	}
	account := s.target(r)
	if account != s && r.URL.Path == "/v1/account" {
		account = s
	}
	account.mu.RLock()
	defer account.mu.RUnlock()
	var body []byte
	if id := r.Header.Get("Stripe-Account"); r.URL.Path == "/v1/account" && s.connected[id] != nil {
		body, refusal = s.ownAccount(id, r, key)
	} else {
		body, refusal = account.route(r, key)
	}
	if refusal != nil {
		return refusal.status, refusal.body()
	}
	return http.StatusOK, body
}

// writeJSON answers with indented JSON, as Stripe does.
func writeJSON(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	if bytes.HasPrefix(body, []byte("{\n")) { // a bulk is indented already
		w.WriteHeader(status)
		w.Write(append(body, '\n'))
		return
	}
	var out bytes.Buffer
	if err := json.Indent(&out, body, "", "  "); err != nil {
		panic(fmt.Sprintf("the fake made invalid JSON: %v: %.200s", err, body))
	}
	out.WriteByte('\n')
	w.WriteHeader(status)
	w.Write(out.Bytes()) // a client that has gone is not the fake's concern
}
