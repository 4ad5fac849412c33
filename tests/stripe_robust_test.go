package tests

import (
	"bytes"
	"fmt"
	"syscall"
	"testing"
	"time"

	"tapline/tests/fake/stripe/stripefake"
)

// TestFailingRequestsEndExact lets five requests in a hundred fail, in every way that passes.
func TestFailingRequestsEndExact(t *testing.T) {
	modes := []stripefake.Mode{stripefake.RateLimit, stripefake.LockTimeout, stripefake.Conflict, stripefake.Internal, stripefake.BadGateway,
		stripefake.Unavailable, stripefake.Truncated, stripefake.Cut, stripefake.Reset, stripefake.Dropped}
	for seed := uint64(1); seed <= 3; seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			s := newScenario(t, seed)
			for _, mode := range modes {
				if err := s.fake.Fail(stripefake.Failure{Mode: mode, Share: 0.05 / float64(len(modes))}); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				s.rest(0.05)
				s.through(t)
				s.rest(0)
				s.pass(t)
			}
			if err := s.fake.Advance(10 * time.Minute); err != nil {
				t.Fatal(err)
			}
			last := s.through(t)
			s.fake.ClearFailures()
			s.report(t, s.model.mismatches(t, newTruth(s.fake)), last.err.String())
		})
	}
}

// through runs the tap to its end.
func (s *scenario) through(t testing.TB) *tapRun {
	t.Helper()
	run := newTapRun(t, s.dir, s.settings, s.model.state)
	if err := run.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	run.wait(t)
	s.took(t, run.out.Bytes(), false)
	return run
}

// TestATapStoppedAnywhereLeavesAUsableState stops the tap by SIGTERM after every so many requests.
func TestATapStoppedAnywhereLeavesAUsableState(t *testing.T) {
	measure := newScenario(t, 1)
	measure.through(t)
	requests := measure.soFar()
	for _, quarter := range []int{0, 1, 2, 3, 4} { // of runs from the beginning, then of a run that follows changes
		for _, from := range []string{"the beginning", "a state"} {
			t.Run(fmt.Sprintf("%s, after %d quarters", from, quarter), func(t *testing.T) {
				t.Parallel()
				s := newScenario(t, 1)
				all := requests
				if from == "a state" {
					s.through(t)
					s.pass(t)
					all = s.soFar() / 2
				}
				s.stopped(t, s.soFar()+1+quarter*all/5)
				s.finish(t)
			})
		}
	}
}

// stopped runs the tap and stops it when so many requests have been made, and looks at what it left.
func (s *scenario) stopped(t testing.TB, at int) {
	t.Helper()
	run := newTapRun(t, s.dir, s.settings, s.model.state)
	if err := run.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.kill(run.cmd.Process, syscall.SIGTERM, at)
	run.wait(t, syscall.SIGTERM)
	s.kill(nil, 0, 0)
	out := run.out.Bytes()
	if len(out) > 0 && out[len(out)-1] != '\n' {
		t.Errorf("the last line is cut: %.200q", out[max(0, len(out)-200):])
	}
	if left := out[len(covered(out)):]; bytes.Contains(left, []byte(`{"type":"RECORD"`)) {
		t.Errorf("%d bytes stand behind the last state, records among them", len(left))
	}
	s.note("stopped at request %d", at)
	s.took(t, out, false)
}
