package tests

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tapline/tests/fake/stripe/stripefake"
)

// A stage is an account on which a merchant works while a tap reads it. What happens follows from a seed and from how many
// requests were made, not from how fast the machine is.
type stage struct {
	*rand.Rand
	fake *stripefake.Server
	url  string

	mu       sync.Mutex          // guards what follows; requests come side by side
	mutator  *stripefake.Mutator // the merchant
	busy     float64             // share of requests before which the merchant does something
	requests int
	killAt   int // number of the request at which the victim gets the signal; 0 for never
	victim   *os.Process
	signal   syscall.Signal
	trail    []happening
}

// A happening is a change of the account.
type happening struct {
	stripefake.Change
	request int // how many requests had been made
	at      time.Time
}

// open makes the account and serves it until the test ends.
func (s *stage) open(t testing.TB, o stripefake.Options, m stripefake.MutatorOptions) {
	t.Helper()
	var err error
	if s.fake, err = stripefake.New(o); err == nil {
		s.mutator, err = s.fake.NewMutator(m)
	}
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	s.url = server.URL
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
}

// ServeHTTP lets happen what is due, and answers.
func (s *stage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests++
	if s.killAt > 0 && s.requests >= s.killAt && s.victim != nil {
		s.victim.Signal(s.signal) // it may have ended
		s.victim = nil
	}
	if s.busy > 0 && s.Float64() < s.busy {
		s.work(1 + s.IntN(4))
	}
	s.mu.Unlock()
	s.fake.ServeHTTP(w, r)
}

// work lets the merchant do n things. The caller holds mu, or nobody else is there.
func (s *stage) work(n int) {
	changes, err := s.mutator.Step(n)
	for _, c := range changes {
		s.trail = append(s.trail, happening{c, s.requests, s.fake.Now()})
	}
	if err != nil {
		panic(err) // of an account in which nothing can be changed
	}
}

// kill sends a process a signal when so many requests have been made.
func (s *stage) kill(victim *os.Process, signal syscall.Signal, at int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.victim, s.signal, s.killAt = victim, signal, at
}

// soFar is how many requests have been made.
func (s *stage) soFar() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// rest lets the merchant stop, or go on before a share of the requests.
func (s *stage) rest(busy float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy = busy
}

// story tells what happened to an object: the changes, and the events about it.
func (s *stage) story(id string) string {
	var text strings.Builder
	for _, h := range s.trail {
		if h.ID == id {
			fmt.Fprintf(&text, "  %s request %d: %s %s\n", h.at.Format(time.RFC3339), h.request, h.Action, h.Kind)
		}
	}
	events, err := s.fake.Objects("events")
	if err != nil {
		return err.Error()
	}
	for _, object := range events {
		var e struct {
			ID, Type string
			Created  int64
			Data     struct {
				Object   struct{ ID string }
				Previous json.RawMessage `json:"previous_attributes"`
			}
		}
		if json.Unmarshal(object, &e) == nil && e.Data.Object.ID == id {
			fmt.Fprintf(&text, "  %s %s %s, before: %.300s\n", time.Unix(e.Created, 0).UTC().Format(time.RFC3339), e.ID, e.Type, e.Data.Previous)
		}
	}
	return text.String()
}
