package tests

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// killSeeds is how many seeded loads of each destination are interrupted. The environment variable TAPLINE_SOAK says
// another number, and TAPLINE_SEED one seed to see again.
const killSeeds = 12

// killSteps is how many lines the sources have that are loaded there.
const killSteps = 1200

// A way of loading is what the settings ask for, and so what a warehouse must hold in the end.
type way struct {
	name     string
	settings string
	hard     bool // deletes rows
	history  bool // of prices
	appends  bool // keeps every record, also of keyed streams
	replaces bool // overwrites tables by the newest version
}

var (
	softly      = way{name: "upsert", settings: `"history":["prices"]`, history: true}
	hardly      = way{name: "hard deletes", settings: `"hard_delete":true,"flush_all_streams":true`, hard: true}
	overwriting = way{name: "overwrite", settings: `"load_method":"overwrite"`, replaces: true}
	appending   = way{name: "append-only", settings: `"load_method":"append-only"`, appends: true}
)

func TestInterruptedLoadsLoseNothing(t *testing.T) {
	destinations := []struct {
		name string
		ways []way
		make func(t *testing.T) func(t *testing.T) *place
	}{
		{"duckdb", []way{softly, hardly, overwriting, appending}, duckDBPlaces},
		{"postgres", []way{softly, hardly, overwriting, appending}, postgresPlaces},
		{"files", []way{appending, overwriting}, filesPlaces},
	}
	first, last := 1, numberFrom(t, "TAPLINE_SOAK", killSeeds)
	if seed := numberFrom(t, "TAPLINE_SEED", 0); seed > 0 {
		first, last = seed, seed
	}
	for _, d := range destinations {
		t.Run(d.name, func(t *testing.T) {
			newPlace, takes := d.make(t), map[string]time.Duration{}
			for _, w := range d.ways {
				takes[w.name] = newMatrix(t, w, newPlace(t), 0, killSteps).uninterrupted(t)
			}
			for seed := first; seed <= last; seed++ {
				w := d.ways[seed%len(d.ways)]
				t.Run(fmt.Sprintf("seed %d %s", seed, w.name), func(t *testing.T) {
					m := newMatrix(t, w, newPlace(t), uint64(seed), killSteps)
					m.takes = takes[w.name]
					m.interruptAndFinish(t)
				})
			}
		})
	}
}

// TestWholeSourceTwice loads everything again from the beginning, as after a run whose states were lost.
func TestWholeSourceTwice(t *testing.T) {
	for name, places := range map[string]func(t *testing.T) func(t *testing.T) *place{"duckdb": duckDBPlaces, "postgres": postgresPlaces} {
		newPlace := places(t)
		for _, w := range []way{softly, hardly, overwriting} {
			t.Run(name+" "+w.name, func(t *testing.T) {
				m := newMatrix(t, w, newPlace(t), 1, killSteps)
				m.finish(t, 0)
				m.finish(t, 0)
			})
		}
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

// matrix loads one source into one warehouse, interrupted several times.
type matrix struct {
	*rand.Rand
	way    way
	place  *place
	dir    string
	source *source
	starts []int         // the positions at which runs began
	begun  chan struct{} // closed when the newest run has written a state
	takes  time.Duration // about as long as a run that is not interrupted
}

func newMatrix(t *testing.T, w way, p *place, seed uint64, steps int) *matrix {
	t.Helper()
	m := &matrix{Rand: rand.New(rand.NewPCG(seed, 3)), way: w, place: p, dir: t.TempDir()}
	m.source = newSource(sourceOptions{seed: seed, steps: steps, versionsOnly: w.replaces})
	settings := fmt.Sprintf(`{%s,%s,"batch_size_rows":%d,"batch_wait_limit_seconds":%g}`, p.settings, w.settings, 20+m.IntN(60), []float64{0.02, 10}[m.IntN(2)])
	if err := os.WriteFile(filepath.Join(m.dir, "target.json"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	return m
}

// interruptAndFinish interrupts the load up to three times and lets the tap go on each time from a state that promises
// no more than what is there: the last one that left, the one in the warehouse, which may be newer, or one that left
// earlier, as whoever keeps the states may have been interrupted too. Then it lets the load finish and compares the
// tables with the source.
func (m *matrix) interruptAndFinish(t *testing.T) {
	known := []int{0} // positions of states that left
	stored := 0
	for range 1 + m.IntN(3) {
		start, before := known[len(known)-1], stored
		// A run that begins before states that left puts older rows in the place of newer ones: these states hold no more.
		known = slices.DeleteFunc(known, func(position int) bool { return position > start })
		known = append(known, m.interrupted(t, start)...)
		if stored = m.stored(t); stored == before && stored > start {
			continue // the run ended without a state of its own, so this one is of an earlier run and holds no more
		}
		if last := known[len(known)-1]; stored < last {
			t.Errorf("the state %d left before it was stored: the warehouse has %d", last, stored)
		}
		m.compareCovered(t, stored)
		if t.Failed() || stored == len(m.source.lines) {
			break
		}
		switch m.IntN(4) {
		case 0:
			known = append(known, stored)
		case 1:
			known = append(known, known[m.IntN(len(known))])
		}
	}
	m.finish(t, known[len(known)-1])
}

// uninterrupted loads everything in one run and says how long that took.
func (m *matrix) uninterrupted(t *testing.T) time.Duration {
	start := time.Now()
	m.finish(t, 0)
	return time.Since(start)
}

// finish loads from a position to the end and compares.
func (m *matrix) finish(t *testing.T, position int) {
	t.Helper()
	m.starts = append(m.starts, position)
	states, stderr, err := m.run(strings.NewReader(m.source.from(position)), nil)
	if err != nil {
		t.Fatalf("the run from position %d on: %v\n%s", position, err, stderr)
	}
	if last := m.stored(t); last != len(m.source.lines) {
		t.Errorf("the stored state is %d of %d; those that left are %v\n%s", last, len(m.source.lines), positions(t, states), stderr)
	}
	m.compareCovered(t, len(m.source.lines))
	m.compareEnd(t)
	if t.Failed() {
		t.Logf("runs began at %v", m.starts)
	}
}

// interrupted runs the target from a position and interrupts it: it is killed, or stopped, or its input is cut. It
// returns the positions of the states that left.
func (m *matrix) interrupted(t *testing.T, position int) []int {
	t.Helper()
	m.starts = append(m.starts, position)
	text := m.source.from(position)
	input, signal := io.Reader(strings.NewReader(text)), syscall.SIGKILL
	kind := m.IntN(10)
	if kind == 0 {
		text = text[:m.IntN(len(text))]
		input = strings.NewReader(text)
	}
	if kind < 3 {
		signal = syscall.SIGTERM
	}
	delay := time.Duration(m.Float64() * float64(m.takes))
	states, stderr, err := m.run(input, func(p *os.Process) {
		if kind > 0 {
			time.Sleep(delay)
			_ = p.Signal(signal) // it may have ended
		}
	})
	m.place.killed(t)
	t.Logf("from %d of %d, %s after %v: %v", position, len(m.source.lines), []string{"cut", "SIGTERM", "SIGTERM", "SIGKILL"}[min(kind, 3)], delay, err)
	switch exit := new(exec.ExitError); {
	case err == nil:
	case !errors.As(err, &exit):
		t.Fatal(err)
	case kind == 0 && exit.ExitCode() == 1 && !strings.HasSuffix(text, "\n") && strings.Contains(stderr, "cut in the middle"):
	case kind == 0 && exit.ExitCode() == 1 && m.way.replaces && strings.Contains(stderr, "without an ACTIVATE_VERSION"):
	case kind > 0 && exit.ExitCode() < 0: // by the signal
	default:
		t.Errorf("the target ends with %v\n%s", err, stderr)
	}
	return positions(t, states)
}

// run runs the target; meanwhile is called beside it.
func (m *matrix) run(input io.Reader, meanwhile func(*os.Process)) (states, stderr string, err error) {
	cmd := exec.Command("target-warehouse", "--config", "target.json")
	cmd.Dir = m.dir
	m.begun = make(chan struct{})
	out, log := announced{first: m.begun}, bytes.Buffer{}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = input, &out, &log
	if err := cmd.Start(); err != nil {
		return "", "", err
	}
	if meanwhile != nil {
		meanwhile(cmd.Process)
	}
	err = cmd.Wait()
	if errors.Is(err, syscall.EPIPE) {
		err = nil
	}
	return string(out.text), log.String(), err
}

// announced keeps what is written and tells when the first of it comes.
type announced struct {
	text  []byte
	first chan struct{}
}

func (a *announced) Write(p []byte) (int, error) {
	if len(a.text) == 0 {
		close(a.first)
	}
	a.text = append(a.text, p...)
	return len(p), nil
}

// positions are those of states, which must be whole and come in their order.
func positions(t *testing.T, states string) (all []int) {
	t.Helper()
	last := 0
	for line := range strings.Lines(states) {
		state := struct{ Position int }{}
		if err := json.Unmarshal([]byte(line), &state); err != nil || !strings.HasSuffix(line, "\n") {
			t.Errorf("the target wrote %q, which is no whole state", line)
		}
		if state.Position < last {
			t.Errorf("the state %d came behind %d", state.Position, last)
		}
		last = state.Position
		all = append(all, last)
	}
	return all
}

// stored is the position of the state in the warehouse.
func (m *matrix) stored(t *testing.T) int {
	t.Helper()
	cmd := exec.Command("target-warehouse", "state", "get", "--config", "target.json")
	cmd.Dir = m.dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil && strings.Contains(stderr.String(), "there is no DuckDB file") {
		return 0
	}
	if err != nil {
		t.Fatalf("state get: %v\n%s", err, stderr.String())
	}
	return positions(t, string(out))[0]
}
