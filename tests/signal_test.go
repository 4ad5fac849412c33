package tests

import (
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tapline/tests/fake/stripe/stripefake"
)

const signalSchema = `{"type":"SCHEMA","stream":"users","key_properties":["id"],"schema":{"properties":{"id":{"type":"integer"}}}}` + "\n"

// TestStoppedTargetDrains stops a target whose tap is silent: what it has read becomes durable, the state that covers
// it leaves, and the line that has come only in part counts for nothing.
func TestStoppedTargetDrains(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			p := &project{dir: t.TempDir()}
			p.database = filepath.Join(p.dir, "warehouse.duckdb")
			p.write(t, "target.json", fmt.Sprintf(`{"path":%q,"batch_wait_limit_seconds":3600}`, p.database))
			cmd := exec.Command("target-warehouse", "--config", "target.json", "--log-level", "debug")
			cmd.Dir = p.dir
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			var out, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var input strings.Builder
			input.WriteString(signalSchema)
			for i := range 5000 {
				fmt.Fprintf(&input, `{"type":"RECORD","stream":"users","record":{"id":%d}}`+"\n", i)
			}
			input.WriteString(`{"type":"STATE","value":{"n": 5000}}` + "\n")
			io.WriteString(in, input.String())
			// A pipe holds 64 KiB, so when this has been taken the target has read what stands before it.
			io.WriteString(in, strings.Repeat("\n", 1<<20)+`{"type":"RECORD","stream":"users","rec`)
			cmd.Process.Signal(signal)
			if err := cmd.Wait(); err != nil {
				t.Fatalf("%v\n%s", err, stderr.String())
			}
			if out.String() != `{"n": 5000}`+"\n" {
				t.Errorf("stdout: %q\n%s", out.String(), stderr.String())
			}
			var rows int
			if err := p.open(t).QueryRow("SELECT count(*) FROM users").Scan(&rows); err != nil || rows != 5000 {
				t.Errorf("%d rows: %v", rows, err)
			}
		})
	}
}

// TestStoppedTapResumes stops a tap in mid-stream: it ends with the code of the signal, and the run from its last state
// brings the rest.
func TestStoppedTapResumes(t *testing.T) {
	s := &stage{}
	s.open(t, stripefake.Options{Seed: 5, Counts: counts(100)}, stripefake.MutatorOptions{})
	p := newProject(t, s.url, `,"page_size":5`, "")
	tap, target := exec.Command("tap-stripe", "--config", "tap.json"), exec.Command("target-warehouse", "--config", "target.json")
	tap.Dir, target.Dir = p.dir, p.dir
	var stderr, states bytes.Buffer
	tap.Stderr, target.Stdout = &stderr, &states
	between, err := tap.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	target.Stdin = between
	if err := tap.Start(); err != nil {
		t.Fatal(err)
	}
	s.kill(tap.Process, syscall.SIGTERM, 40) // it cannot end before the target takes what it writes
	if err := target.Start(); err != nil {
		t.Fatal(err)
	}
	if err := target.Wait(); err != nil {
		t.Errorf("the target: %v", err)
	}
	if err := tap.Wait(); tap.ProcessState.ExitCode() != 143 {
		t.Errorf("the tap ends with %v, want code 143\n%s", err, stderr.String())
	}
	if strings.Count(states.String(), "\n") == 0 {
		t.Error("no state was kept")
	}
	settle(t, s.fake, p, states.String())
}
