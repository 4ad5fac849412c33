package tests

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"tapline/tests/fake/stripe/stripefake"
)

// scenarioSeeds is how many scenarios run into a model. The environment variable TAPLINE_SOAK says another number, and
// TAPLINE_SEED one seed to see again.
const scenarioSeeds = 100

// TestScenarios lets a merchant work while tap-stripe reads, several times, killed and resumed in between. In the end every
// table is the account. A target that keeps tables in memory makes that quick enough for many seeds.
func TestScenarios(t *testing.T) {
	first, last := 1, numberFrom(t, "TAPLINE_SOAK", scenarioSeeds)
	if seed := numberFrom(t, "TAPLINE_SEED", 0); seed > 0 {
		first, last = seed, seed
	}
	for seed := first; seed <= last; seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			s := newScenario(t, uint64(seed))
			for range 2 + s.IntN(3) {
				s.sync(t)
				s.pass(t)
			}
			s.finish(t)
		})
	}
}

// A scenario is an account, a tap with its settings, and what a target has been told.
type scenario struct {
	*stage
	seed     uint64
	dir      string
	settings string        // path of the tap's config file
	streams  []string      // that are selected
	project  *project      // of the warehouse, if it goes into one
	slept    bool          // no tap ran for longer than events are kept
	waited   time.Duration // since a run came to its end
	model    *model
	states   []string // all that were promised, oldest first
	last     int      // requests of the run before
	log      []string // what was done
}

func newScenario(t testing.TB, seed uint64) *scenario {
	t.Helper()
	s := &scenario{stage: &stage{Rand: rand.New(rand.NewPCG(seed, 11))}, seed: seed, dir: t.TempDir(), model: newModel(), last: 150}
	o := stripefake.Options{Seed: seed, Objects: 15 + s.IntN(60), AllKinds: s.IntN(3) > 0, Span: time.Duration(20+s.IntN(300)) * 24 * time.Hour,
		ShortDeletes: s.IntN(2) == 0, EventDelay: []time.Duration{0, 20 * time.Second, 50 * time.Second}[s.IntN(3)]}
	if s.IntN(3) == 0 {
		o.EventVersions = []string{"2017-04-06", "2019-03-14", stripefake.Version, "2025-03-31.basil"}
	}
	s.open(t, o, stripefake.MutatorOptions{Seed: seed})
	s.settings, s.streams = filepath.Join(s.dir, "tap.json"), s.selection()
	text := fmt.Sprintf(`{"api_key":"sk_test_fake","base_url":%q,"request_rate":100000,"recheck_seconds":0,"page_size":%d,"hydrate":%q,"select":["%s.*"]}`,
		s.url, []int{4, 20, 100}[s.IntN(3)], []string{"always", "auto"}[s.IntN(2)], strings.Join(s.streams, `.*","`))
	if err := os.WriteFile(s.settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.note("%+v", o)
	return s
}

func (s *scenario) note(format string, args ...any) {
	s.log = append(s.log, fmt.Sprintf(format, args...))
}

// selection is everything, or some streams.
func (s *scenario) selection() []string {
	all := catalogued()
	if s.IntN(4) == 0 {
		return all
	}
	var some []string
	for _, stream := range all {
		if s.IntN(6) == 0 {
			some = append(some, stream)
		}
	}
	if len(some) == 0 {
		return []string{"customers"}
	}
	return some
}

// sync runs the tap while the merchant works. Half of the runs are cut short.
func (s *scenario) sync(t testing.TB) {
	t.Helper()
	s.rest([]float64{0, 0.05, 0.3}[s.IntN(3)])
	defer s.rest(0)
	if s.waited < time.Hour && s.IntN(3) == 0 { // as when a replica does not know yet what was created
		for _, path := range []string{"/v1/customers/*", "/v1/charges/*", "/v1/invoices/*"} {
			if err := s.fake.Fail(stripefake.Failure{Mode: stripefake.Missing, Path: path, Skip: s.IntN(4), Times: 1}); err != nil {
				t.Fatal(err)
			}
		}
		defer s.fake.ClearFailures()
		s.note("some objects are not found at first")
	}
	run, began := newTapRun(t, s.dir, s.settings, s.model.state), s.soFar()
	if err := run.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var signals []syscall.Signal
	if s.IntN(2) == 0 {
		signals = []syscall.Signal{[]syscall.Signal{syscall.SIGKILL, syscall.SIGTERM}[s.IntN(2)]}
		s.kill(run.cmd.Process, signals[0], began+1+s.IntN(s.last))
		defer s.kill(nil, 0, 0)
	}
	run.wait(t, signals...)
	s.note("run from %s: %d requests, %v", clip(s.model.state), s.soFar()-began, signals)
	s.took(t, run.out.Bytes(), len(signals) > 0)
	if signals == nil {
		s.last, s.waited = max(1, s.soFar()-began), 0
	}
}

// took gives the model what a run wrote. Of a run that was cut short a target may have lost what no state promises, and
// whoever keeps the states the last ones.
func (s *scenario) took(t testing.TB, lines []byte, cut bool) {
	t.Helper()
	if cut && s.IntN(2) == 0 {
		lines = covered(lines)
		s.note("what the last state does not cover is lost")
	}
	before := s.model.state
	s.model.take(t, lines)
	if s.model.state != before {
		s.states = append(s.states, s.model.state)
	}
	if cut && len(s.states) > 0 && s.IntN(4) == 0 {
		s.model.state = s.states[s.IntN(len(s.states))]
		s.note("an earlier state is taken: %s", clip(s.model.state))
	}
}

func clip(state string) string { return state[:min(len(state), 300)] }

// pass lets time pass and the merchant work while no tap runs.
func (s *scenario) pass(t testing.TB) {
	t.Helper()
	waits := []time.Duration{0, 7 * time.Second, 10 * time.Minute, 30 * time.Hour, 9 * 24 * time.Hour}
	if !s.slept {
		waits = append(waits, 40*24*time.Hour) // longer than events are kept
	}
	wait := waits[s.IntN(len(waits))]
	s.slept = s.slept || wait > stripefake.Retention
	s.waited += wait
	if err := s.fake.Advance(wait); err != nil {
		t.Fatal(err)
	}
	s.note("%s pass, and %d balance transactions become available", wait, s.fake.Settle())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.work(s.IntN(40))
}

// finish runs the tap once more, when everything that happened can be seen, and compares the tables with the account.
func (s *scenario) finish(t testing.TB) {
	t.Helper()
	if err := s.fake.Advance(10 * time.Minute); err != nil {
		t.Fatal(err)
	}
	run := newTapRun(t, s.dir, s.settings, s.model.state)
	if err := run.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	run.wait(t)
	s.note("last run from %s", clip(s.model.state))
	s.model.take(t, run.out.Bytes())
	s.report(t, s.model.mismatches(t, newTruth(s.fake)), run.err.String())
}

// forgotten tells whether a row is left over of something that was deleted so long ago, while no tap ran, that no event
// tells of it any more. Lists show what there is, and nobody says what there was.
func (s *scenario) forgotten(m mismatch) bool {
	return m.leftOver && slices.ContainsFunc(s.trail, func(h happening) bool {
		return slices.Contains(strings.Fields(m.key+" "+m.parent), h.ID) && s.fake.Now().Sub(h.at) > stripefake.Retention-24*time.Hour
	})
}

// report fails the test for what differs, with all that may explain it.
func (s *scenario) report(t testing.TB, list []mismatch, stderr string) {
	t.Helper()
	list = slices.DeleteFunc(list, s.forgotten)
	if len(list) == 0 {
		return
	}
	var text strings.Builder
	for i, m := range list {
		if i == 5 {
			fmt.Fprintf(&text, "and %d more\n", len(list)-i)
			break
		}
		fmt.Fprintf(&text, "%s %s %s\n", m.stream, m.key, m.text)
		for id := range strings.FieldsSeq(m.key + " " + m.parent) {
			text.WriteString(s.story(id))
		}
	}
	t.Errorf("TAPLINE_SEED=%d shows this again.\n%s\nWhat was done:\n  %s\nThe last run said:\n%s", s.seed, text.String(), strings.Join(s.log, "\n  "), lastWords(stderr))
}

// lastWords are the last lines of a log that are no measurements.
func lastWords(log string) string {
	var lines []string
	for line := range strings.Lines(log) {
		if !strings.Contains(line, "METRIC") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-10):], "")
}
