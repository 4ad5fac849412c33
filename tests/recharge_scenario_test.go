package tests

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"tapline/schemas"
)

// rechargeSeeds is how many stores are read by the tap alone, rechargePipeSeeds how many into a warehouse. The variable
// TAPLINE_SOAK says another number, and TAPLINE_SEED one seed to see again.
const (
	rechargeSeeds     = 80
	rechargePipeSeeds = 12
)

// TestRechargeScenarios runs the scenarios of tap-recharge's own tests without the race detector, with which one of them
// takes as long as several do here.
func TestRechargeScenarios(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("go", "test", "-count=1", "-timeout=4h", "-run=^TestChangesKillsAndResumesLoseNothing$", "../tap-recharge")
	cmd.Env = append(os.Environ(), fmt.Sprintf("TAPLINE_SOAK=%d", numberFrom(t, "TAPLINE_SOAK", rechargeSeeds)))
	out, err := cmd.CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("no tests to run")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestRechargeScenariosIntoAWarehouse lets a store work while tap-recharge reads it and target-warehouse loads it,
// several times, either of them killed and resumed in between. In the end every table is the store.
func TestRechargeScenariosIntoAWarehouse(t *testing.T) {
	eachSeed(t, 1001, rechargePipeSeeds, func(t *testing.T, seed uint64) {
		s := newRechargeStage(t, seed)
		p := &project{dir: s.dir, database: filepath.Join(s.dir, "warehouse.duckdb")}
		p.write(t, "target.json", fmt.Sprintf(`{"path":%q,"hard_delete":%t,"batch_size_rows":%d}`, p.database, seed%2 == 0, 50+s.IntN(200)))
		state := ""
		s.through(func(hit string) { state = s.load(state, hit) })
		db := p.open(t)
		s.report(func(stream string) map[string]row { return rechargeTable(t, db, stream) })
	})
}

// eachSeed runs a scenario for each of n seeds.
func eachSeed(t *testing.T, first, n int, scenario func(t *testing.T, seed uint64)) {
	last := first + numberFrom(t, "TAPLINE_SOAK", n) - 1
	if seed := numberFrom(t, "TAPLINE_SEED", 0); seed > 0 {
		first, last = seed, seed
	}
	for seed := first; seed <= last; seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			scenario(t, uint64(seed))
		})
	}
}

// through runs the pipe several times while the store works, and then until nothing is left to read. run is told which
// end of the pipe is to be hit: the tap, the target or none.
func (s *rechargeStage) through(run func(hit string)) {
	for range 2 + s.IntN(2) {
		s.fake.ClearFailures()
		s.spoil()
		s.mu.Lock()
		s.working = s.IntN(2) == 0
		s.mu.Unlock()
		run([]string{"tap", "target", "tap", "none"}[s.IntN(4)])
		s.rest()
		s.change(s.IntN(40))
		s.advance(time.Duration(s.IntN(5400)) * time.Second)
	}
	s.fake.ClearFailures()
	s.advance(time.Hour) // by then every change shows
	// A pass that is continued may leave what came or went meanwhile to the next, and so may one that writes changes only.
	for range s.last {
		run("none")
	}
}

// rest lets nothing happen while a tap reads.
func (s *rechargeStage) rest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.working, s.victim = false, nil
}

// aim lets a process get a signal while it works, and says which one.
func (s *rechargeStage) aim(victim *os.Process) syscall.Signal {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signal = []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM}[s.IntN(2)]
	s.victim, s.killAt = victim, s.requests+1+s.IntN(60)
	return s.signal
}

// tapOf prepares a run of tap-recharge from a state, "" for none.
func (s *rechargeStage) tapOf(state string) *tapRun {
	run := newTapRun(s.t, s.dir, "tap.json", state)
	path, err := exec.LookPath("tap-recharge")
	if err != nil {
		s.t.Fatal(err)
	}
	run.cmd.Path, run.cmd.Args[0], run.cmd.Err = path, "tap-recharge", nil
	return run
}

// load runs the pipe and returns the last state that the target wrote.
func (s *rechargeStage) load(state, hit string) string {
	s.t.Helper()
	tap, target := s.tapOf(state), exec.Command("target-warehouse", "--config", "target.json")
	between, into, err := os.Pipe()
	if err != nil {
		s.t.Fatal(err)
	}
	var states, said bytes.Buffer
	tap.cmd.Stdout, target.Stdin, target.Stdout, target.Stderr, target.Dir = into, between, &states, &said, s.dir
	if err := errors.Join(tap.cmd.Start(), target.Start()); err != nil {
		s.t.Fatal(err)
	}
	between.Close()
	into.Close()
	switch hit {
	case "tap":
		s.aim(tap.cmd.Process)
	case "target":
		s.aim(target.Process)
	}
	tapFailed, targetFailed := tap.cmd.Wait(), target.Wait()
	s.note("load from %s; hit: %s", clip(state), hit)
	if hit == "none" && (tapFailed != nil || targetFailed != nil) {
		s.t.Fatalf("seed %d: the tap ends with %v, the target with %v\n%s\n%s", s.seed, tapFailed, targetFailed, lastWords(tap.err.String()), lastWords(said.String()))
	}
	for line := range strings.Lines(states.String()) {
		if strings.HasSuffix(line, "\n") {
			state = strings.TrimSuffix(line, "\n")
		}
	}
	return state
}

// report compares every table with the store and fails the test for what differs, with what happened to it.
func (s *rechargeStage) report(table func(stream string) map[string]row) {
	s.t.Helper()
	var list []mismatch
	for _, stream := range schemas.RechargeNames() {
		if !slices.Contains(rechargeChildren, stream) {
			list = append(list, compareRecharge(s.t, s.fake, stream, table(stream))...)
		}
	}
	for _, m := range list[:min(5, len(list))] {
		s.t.Errorf("TAPLINE_SEED=%d: %s %s %s", s.seed, m.stream, m.key, m.text)
		for _, line := range s.log {
			if !strings.HasPrefix(line, "  ") || strings.HasSuffix(line, " "+m.key) {
				s.t.Log(line)
			}
		}
	}
	if n := len(list); n > 5 {
		s.t.Errorf("and %d more", n-5)
	}
}
