package tests

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"tapline/schemas"
)

// pipeSeeds is how many scenarios run into a warehouse.
const pipeSeeds = 12

// TestScenariosIntoAWarehouse is TestScenarios with target-warehouse at the other end of the pipe, which may be killed, too.
func TestScenariosIntoAWarehouse(t *testing.T) {
	first, last := 1001, 1000+min(numberFrom(t, "TAPLINE_SOAK", pipeSeeds), 1000)
	if seed := numberFrom(t, "TAPLINE_SEED", 0); seed > 0 {
		first, last = seed, seed
	}
	for seed := first; seed <= last; seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			s := newScenario(t, uint64(seed))
			s.project = newProject(t, s.url, "", fmt.Sprintf(`,"batch_size_rows":%d`, 50+s.IntN(200)))
			for range 2 + s.IntN(2) {
				s.load(t, true)
				s.pass(t)
			}
			if err := s.fake.Advance(10 * time.Minute); err != nil {
				t.Fatal(err)
			}
			stderr := s.load(t, false)
			s.report(t, s.inWarehouse(t), stderr)
		})
	}
}

// load runs the pipe from the last state that the target wrote. If it may be cut short, half of the time it is: the tap or
// the target gets a signal while the merchant works.
func (s *scenario) load(t testing.TB, cut bool) (stderr string) {
	t.Helper()
	tap, target := newTapRun(t, s.dir, s.settings, s.model.state), exec.Command("target-warehouse", "--config", "target.json")
	between, into, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var states, said bytes.Buffer
	tap.cmd.Stdout, target.Stdin, target.Stdout, target.Stderr, target.Dir = into, between, &states, &said, s.project.dir
	began := s.soFar()
	if err := tap.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := target.Start(); err != nil {
		t.Fatal(err)
	}
	between.Close()
	into.Close()
	hit := ""
	if cut {
		s.rest([]float64{0, 0.05, 0.3}[s.IntN(3)])
	}
	if cut && s.IntN(2) == 0 {
		victim, signal := tap.cmd.Process, []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM}[s.IntN(2)]
		if hit = "the tap"; s.IntN(2) == 0 {
			victim, hit = target.Process, "the target"
		}
		s.kill(victim, signal, began+1+s.IntN(s.last))
		hit = fmt.Sprintf("%s gets %s", hit, signal)
	}
	tapFailed, targetFailed := tap.cmd.Wait(), target.Wait()
	s.rest(0)
	s.kill(nil, 0, 0)
	s.note("load from %s: %d requests; %s", clip(s.model.state), s.soFar()-began, hit)
	if hit == "" && (tapFailed != nil || targetFailed != nil) {
		t.Fatalf("seed %d: the tap ends with %v, the target with %v\n%s\n%s", s.seed, tapFailed, targetFailed, lastWords(tap.err.String()), lastWords(said.String()))
	}
	for line := range strings.Lines(states.String()) {
		if strings.HasSuffix(line, "\n") {
			s.model.state = strings.TrimSuffix(line, "\n")
		}
	}
	if hit == "" {
		s.last = max(1, s.soFar()-began)
	}
	return tap.err.String() + said.String()
}

// inWarehouse compares the tables of the warehouse with the account.
func (s *scenario) inWarehouse(t testing.TB) (list []mismatch) {
	t.Helper()
	w, e := newTruth(s.fake), duckDB(s.project.open(t))
	for _, stream := range s.streams {
		known, err := schemas.StripeStream(stream)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range w.compare(t, stream, readTable(t, e, stream, known.KeyProperties)) {
			list = append(list, mismatch{stream, d})
		}
	}
	return list
}
