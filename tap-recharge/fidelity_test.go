package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"tapline/singer"
	"tapline/tests/fake/recharge/rechargefake"
)

// scenarios is how many stores are read here; package tests has more of them, read by processes. The environment variable
// TAPLINE_SOAK says another number, and TAPLINE_SEED one seed to see again.
const scenarios = 8

// TestChangesKillsAndResumesLoseNothing lets a store work while runs read it, cuts runs anywhere, spoils answers, shows
// changes late, and at the end holds what a target would have against the store.
func TestChangesKillsAndResumesLoseNothing(t *testing.T) {
	first, last := 1, numberFrom(t, "TAPLINE_SOAK", scenarios)
	if seed := numberFrom(t, "TAPLINE_SEED", 0); seed > 0 {
		first, last = seed, seed
	}
	for seed := first; seed <= last; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			newScenario(t, uint64(seed)).play()
		})
	}
}

// numberFrom reads a number from the environment.
func numberFrom(t *testing.T, name string, fallback int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return fallback
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s is %q, want a number", name, text)
	}
	return n
}

// A scenario is a store at work, and what has been read of it so far.
type scenario struct {
	t       *testing.T
	r       *rand.Rand
	fake    *rechargefake.Server
	mutator *rechargefake.Mutator
	address string
	set     map[string]any

	working  bool // the store changes while it is read
	requests int
	got      table
	state    string
}

func newScenario(t *testing.T, seed uint64) *scenario {
	s := &scenario{t: t, r: rand.New(rand.NewPCG(seed, 99)), got: table{}}
	objects, page := 60+s.r.IntN(60), 1+s.r.IntN(8)
	if s.r.IntN(20) == 0 {
		objects, page = 500, 3+s.r.IntN(40)
	}
	s.fake, _ = newFake(t, rechargefake.Options{Seed: seed, Objects: objects,
		Delay: time.Duration(s.r.IntN(30)) * time.Minute, Span: []time.Duration{time.Hour, 2 * 365 * 24 * time.Hour}[s.r.IntN(2)], TypeDrift: s.r.IntN(2) == 0})
	if err := s.fake.Advance(31 * time.Minute); err != nil { // changes from before the scenario show from the beginning
		t.Fatal(err)
	}
	mutator, err := s.fake.NewMutator(rechargefake.MutatorOptions{Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	s.mutator = mutator
	s.address = serve(t, func(w http.ResponseWriter, r *http.Request) {
		if s.requests++; s.working && s.requests%7 == 0 {
			s.change(1 + s.r.IntN(5))
		}
		s.fake.ServeHTTP(w, r)
	})
	s.set = map[string]any{"page_size": page, "lag_minutes": 30, "lookback_minutes": s.r.IntN(2) * 10,
		"changed_only": s.r.IntN(3) == 0}
	return s
}

func (s *scenario) change(n int) {
	if _, err := s.mutator.Step(n); err != nil {
		s.t.Error(err)
	}
}

func (s *scenario) play() {
	for range 5 {
		s.working = s.r.IntN(2) == 0
		s.fake.ClearFailures()
		s.spoil()
		messages := mustRun(s.t, s.address, s.state, s.set).messages
		if s.r.IntN(3) > 0 { // it is killed
			messages = messages[:s.r.IntN(len(messages)+1)]
		}
		s.keep(messages)
		s.change(s.r.IntN(40))
		if err := s.fake.Advance(time.Duration(s.r.IntN(5400)) * time.Second); err != nil {
			s.t.Fatal(err)
		}
	}
	s.working = false
	s.fake.ClearFailures()
	if err := s.fake.Advance(time.Hour); err != nil { // by then every change shows
		s.t.Fatal(err)
	}
	// A pass that is continued, and one that writes changes only, may leave what came or went meanwhile to the next.
	for range 3 {
		s.keep(mustRun(s.t, s.address, s.state, s.set).messages)
	}
	s.compare()
}

// spoil makes a few of the next requests fail, no more than one of them so that a stream is read again.
func (s *scenario) spoil() {
	modes := []rechargefake.Mode{rechargefake.Truncated, rechargefake.Cut, rechargefake.BadCursor, rechargefake.Dropped}
	for _, i := range s.r.Perm(len(modes))[:s.r.IntN(3)] {
		if err := s.fake.Fail(rechargefake.Failure{Mode: modes[i], Skip: 2 + s.r.IntN(60)}); err != nil {
			s.t.Fatal(err)
		}
	}
}

// keep is what a target does with the messages of a run.
func (s *scenario) keep(messages []singer.Message) {
	s.got.load(s.t, messages)
	if state := lastState(messages); state != "" {
		s.state = state
	}
}

// compare holds the table against the store. Nothing tells of deletions in incremental streams, whose rows stay.
func (s *scenario) compare() {
	want := oracle(s.t, s.fake)
	for stream, rows := range s.got {
		for key := range rows {
			if _, there := want[stream][key]; !there && findStream(stream).replicationKey != "" {
				delete(rows, key)
			}
		}
	}
	if diff := differ(want, s.got); diff != "" {
		s.t.Error(diff)
	}
}
