package tests

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const ordersSchema = `{"type":"SCHEMA","stream":"orders","key_properties":["id"],"schema":{"properties":{"id":{"type":"integer"}}}}` + "\n"

// TestStatusTellsARunThatIsGoingOnFromOneThatWasKilled asks for the status during a run, where another process can, behind
// its death, and behind the next run.
func TestStatusTellsARunThatIsGoingOnFromOneThatWasKilled(t *testing.T) {
	for name, places := range map[string]func(t *testing.T) func(t *testing.T) *place{"duckdb": duckDBPlaces, "postgres": postgresPlaces} {
		t.Run(name, func(t *testing.T) {
			p := &project{dir: t.TempDir()}
			p.write(t, "target.json", fmt.Sprintf(`{%s,"batch_wait_limit_seconds":1}`, places(t)(t).settings))
			stdin, kill := p.begun(t, ordersSchema+`{"type":"RECORD","stream":"orders","record":{"id":1}}
{"type":"STATE","value":{"position":1}}
`)
			defer stdin.Close()
			if name == "postgres" { // a DuckDB file is its process's alone
				p.stands(t, "green", 0)
			}
			kill()
			p.stands(t, "orange", 1)
			cmd := exec.Command("target-warehouse", "--config", "target.json")
			cmd.Dir, cmd.Stdin = p.dir, strings.NewReader(ordersSchema) // the next run finds nothing new
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			p.stands(t, "green", 0)
		})
	}
}

// begun starts a load of an input that goes on, and returns once the state in it is stored.
func (p *project) begun(t *testing.T, input string) (rest io.WriteCloser, kill func()) {
	t.Helper()
	cmd := exec.Command("target-warehouse", "--config", "target.json")
	var stderr strings.Builder
	cmd.Dir, cmd.Stderr = p.dir, &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	}
	t.Cleanup(kill)
	if _, err := io.WriteString(stdin, input); err != nil {
		t.Fatal(err)
	}
	if state, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		t.Fatalf("%q: %v\n%s", state, err, stderr.String())
	}
	return stdin, kill
}

// stands compares what status says of the warehouse.
func (p *project) stands(t *testing.T, health string, killed int) {
	t.Helper()
	cmd := exec.Command("target-warehouse", "status", "--config", "target.json", "--format", "json")
	cmd.Dir = p.dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Health string
		Killed []string `json:"killed_runs"`
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got.Health != health || len(got.Killed) != killed {
		t.Errorf("the status is %s with %d killed runs, want %s with %d\n%s", got.Health, len(got.Killed), health, killed, out)
	}
}
