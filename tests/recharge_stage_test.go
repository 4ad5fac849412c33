package tests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"tapline/tests/fake/recharge/rechargefake"
)

// rechargeToken says of itself that its bucket is large, so that tests need not wait.
const rechargeToken = "sk_99x99_fake"

// startRecharge serves a fake Recharge on loopback until the test ends, through a handler if one is given.
func startRecharge(t testing.TB, o rechargefake.Options, through func(fake http.Handler) http.Handler) (*rechargefake.Server, string) {
	t.Helper()
	o.Tokens = []rechargefake.Token{{Secret: rechargeToken}}
	fake, err := rechargefake.New(o)
	if err != nil {
		t.Fatal(err)
	}
	handler := http.Handler(fake)
	if through != nil {
		handler = through(fake)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return fake, server.URL
}

// writeRechargeTap writes the config file of tap-recharge into a folder.
func writeRechargeTap(t testing.TB, dir, url string, set map[string]any) {
	t.Helper()
	set["access_token"], set["base_url"], set["request_share"] = rechargeToken, url, 1
	text, err := json.Marshal(set)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "tap.json"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A rechargeStage is a store at work while a tap reads it. What happens follows from a seed and from how many requests
// were made, not from how fast the machine is.
type rechargeStage struct {
	*rand.Rand
	t    testing.TB
	seed uint64
	dir  string
	fake *rechargefake.Server
	last int // how many runs it takes, when the store rests, until everything is in its tables

	mu       sync.Mutex // guards what follows; requests come side by side
	mutator  *rechargefake.Mutator
	working  bool // the store changes while it is read
	requests int
	killAt   int // number of the request at which the victim gets the signal
	victim   *os.Process
	signal   syscall.Signal
	log      []string // what was done
}

func newRechargeStage(t testing.TB, seed uint64) *rechargeStage {
	t.Helper()
	s := &rechargeStage{Rand: rand.New(rand.NewPCG(seed, 17)), t: t, seed: seed, dir: t.TempDir()}
	o := rechargefake.Options{Seed: seed, Objects: 60 + s.IntN(200), Delay: time.Duration(s.IntN(30)) * time.Minute,
		Span: []time.Duration{time.Hour, 2 * 365 * 24 * time.Hour}[s.IntN(2)], TypeDrift: s.IntN(2) == 0}
	var url string
	s.fake, url = startRecharge(t, o, s.watch)
	s.advance(31 * time.Minute) // changes from before the scenario show from the beginning
	var err error
	if s.mutator, err = s.fake.NewMutator(rechargefake.MutatorOptions{Seed: seed}); err != nil {
		t.Fatal(err)
	}
	set := map[string]any{"page_size": 2 + s.IntN(30), "lag_minutes": 30, "lookback_minutes": s.IntN(2) * 10}
	if s.last = 2; s.IntN(3) == 0 {
		s.last, set["changed_only"] = 3, true
	}
	writeRechargeTap(t, s.dir, url, set)
	s.note("%+v", o)
	return s
}

func (s *rechargeStage) note(format string, args ...any) {
	s.log = append(s.log, fmt.Sprintf(format, args...))
}

// watch lets happen what is due, and then answers.
func (s *rechargeStage) watch(fake http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests++
		if s.victim != nil && s.requests >= s.killAt {
			s.victim.Signal(s.signal) // it may have ended
			s.victim = nil
		}
		if s.working && s.requests%7 == 0 {
			s.change(1 + s.IntN(5))
		}
		s.mu.Unlock()
		fake.ServeHTTP(w, r)
	})
}

// change lets the store do n things. The caller holds mu, or nobody else is there.
func (s *rechargeStage) change(n int) {
	changes, err := s.mutator.Step(n)
	if err != nil {
		panic(err) // of a store in which nothing can be changed
	}
	for _, c := range changes {
		s.note("  %s request %d: %s %s %d", s.fake.Now().Format(time.RFC3339), s.requests, c.Action, c.Kind, c.ID)
	}
}

func (s *rechargeStage) advance(d time.Duration) {
	if err := s.fake.Advance(d); err != nil {
		s.t.Fatal(err)
	}
}

// spoil makes a few of the next requests fail, no more than one of them so that a stream is read again.
func (s *rechargeStage) spoil() {
	modes := []rechargefake.Mode{rechargefake.Truncated, rechargefake.Cut, rechargefake.BadCursor, rechargefake.Dropped}
	for _, i := range s.Perm(len(modes))[:s.IntN(3)] {
		if err := s.fake.Fail(rechargefake.Failure{Mode: modes[i], Skip: 2 + s.IntN(60)}); err != nil {
			s.t.Fatal(err)
		}
	}
}

// pipe runs a tap into the warehouse once, as a shell would.
func (p *project) pipe(t testing.TB, tap string) (stderr string, err error) {
	t.Helper()
	cmd := exec.Command("bash", "-c", "set -o pipefail; "+tap+" --config tap.json | target-warehouse --config target.json > state.jsonl")
	cmd.Dir = p.dir
	var out bytes.Buffer
	cmd.Stderr = &out
	err = cmd.Run()
	return out.String(), err
}
