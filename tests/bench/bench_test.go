package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline/tests/bench/inputs"
)

func samples(milliseconds ...int) (list []sample) {
	for _, n := range milliseconds {
		list = append(list, sample{wall: time.Duration(n) * time.Millisecond, cpu: time.Duration(n/2) * time.Millisecond, memory: int64(n) * 1000})
	}
	return list
}

func TestResultsAreMediansAndTheirRatio(t *testing.T) {
	for _, c := range []struct {
		name                        string
		memory                      bool
		goal, ours, reference, want float64
		met                         bool
	}{
		{"faster than the goal", false, 0.5, 2, 1.5, 0.75, true},
		{"slower than the goal", false, 1, 2, 1.5, 0.75, false},
		{"too much memory", true, 1.1, 2_000_000, 1_500_000, 2_000_000.0 / 1_500_000, false},
		{"memory within the goal", true, 1.5, 2_000_000, 1_500_000, 2_000_000.0 / 1_500_000, true},
	} {
		r := Result{Memory: c.memory, Goal: c.goal}
		r.fill(samples(9000, 2000, 1000), samples(1000, 1500, 8000))
		if r.Ours != c.ours || r.Reference != c.reference || r.Ratio != c.want || r.met() != c.met || r.PeakMemory != 2_000_000 || r.CPU != 1 {
			t.Errorf("%s: %+v", c.name, r)
		}
	}
	if (&Result{Failure: "no server", Goal: 1, Ratio: 2}).met() || (&Result{Failure: "no server", Memory: true}).met() {
		t.Error("a case that could not run has met its goal")
	}
}

func TestTheTableNamesWhatCouldNotRun(t *testing.T) {
	done := Result{Name: "quick", Rows: 100, Goal: 1}
	done.fill(samples(500), samples(1000))
	var out strings.Builder
	printTable(&out, []Result{done, {Name: "slow", Rows: 5, Failure: "no PostgreSQL server is installed"}})
	want := "case   rows  ours    reference  ratio  goal             peak memory  rows/s  \n" +
		"quick  100   0.50 s  1.00 s     2.00   at least 1, met  0 MB         200     \n" +
		"slow could not run: no PostgreSQL server is installed\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestResultsAreKeptAsJSON(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results.json")
	for _, results := range [][]Result{
		{{Name: "a", Rows: 9}, {Name: "b", Rows: 8}},
		{{Name: "a", Rows: 1, Ours: 2, Reference: 3, Ratio: 1.5, Goal: 1, PeakMemory: 4}},
	} {
		if err := keepResults(path, results); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var fields []map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"name", "ours", "reference", "ratio", "peak_memory"} {
		if fields[0][name] == nil {
			t.Errorf("there is no %s in %s", name, text)
		}
	}
	if len(fields) != 2 || fields[0]["rows"] != 1.0 || fields[1]["rows"] != 8.0 {
		t.Errorf("want a as it was last and b as it was: %s", text)
	}
}

func TestAProcessIsFedAndMeasured(t *testing.T) {
	s, err := timed(exec.Command("sh", "-c", "cat >/dev/null; sleep 0.02"), func(w io.Writer) error {
		_, err := io.WriteString(w, strings.Repeat("x", 1<<20))
		return err
	})
	if err != nil || s.wall < 20*time.Millisecond || s.memory < 1<<16 {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := timed(exec.Command("sh", "-c", "echo first >&2; echo 'why it failed' >&2; exit 3"), nil); err == nil || err.Error() != "exit status 3: why it failed" {
		t.Errorf("a failure gives %v", err)
	}
	if _, err := timed(exec.Command("cat"), func(io.Writer) error { return errors.New("no input") }); err == nil || err.Error() != "write to it: no input" {
		t.Errorf("missing input gives %v", err)
	}
}

func TestWrongCountsAreAFailure(t *testing.T) {
	if err := check(3, counts{3, 3, 3}); err != nil {
		t.Error(err)
	}
	for _, got := range []counts{{2, 2, 2}, {4, 3, 3}, {3, 3, 2}} {
		if check(3, got) == nil {
			t.Errorf("%+v passes", got)
		}
	}
}

func TestEveryCaseIsNamedOnceAndKeepsToItsInput(t *testing.T) {
	names := map[string]bool{}
	var order []*inputs.Input
	for _, c := range cases {
		if names[c.Name] || !strings.HasSuffix(c.Name, ", "+c.Input.Name) || c.Goal == 0 || c.contest == nil {
			t.Errorf("case %q", c.Name)
		}
		names[c.Name] = true
		if len(order) == 0 || order[len(order)-1] != c.Input {
			order = append(order, c.Input)
		}
	}
	if len(order) != len(inputs.All) {
		t.Errorf("the files of an input would be made %d times for %d inputs", len(order), len(inputs.All))
	}
}
