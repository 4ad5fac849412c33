package tests

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tapline/tests/fake/stripe/stripefake"
)

// killPoints is how many places of a stream each kind of kill is tried at.
const killPoints = 20

// smallCommits makes a target commit often, so that there is much to interrupt.
const smallCommits = `{"batch_size_rows":40,"batch_size_bytes":30000}`

// crashProject is a project of which each kill gets a copy with a warehouse of its own.
func crashProject(t *testing.T) (*stripefake.Server, *project) {
	fake, url := startFake(t, stripefake.Options{Seed: 5, Counts: counts(60)})
	return fake, newProject(t, url, `,"page_size":20`, "")
}

// copyOf makes a project with the same settings in another folder.
func copyOf(t *testing.T, p *project) *project {
	t.Helper()
	dir := t.TempDir()
	c := &project{dir: dir, database: filepath.Join(dir, "warehouse.duckdb")}
	tap, err := os.ReadFile(filepath.Join(p.dir, "tap.json"))
	if err != nil {
		t.Fatal(err)
	}
	c.write(t, "tap.json", string(tap))
	c.write(t, "target.json", fmt.Sprintf(`{"path":%q}`, c.database))
	c.write(t, "small.json", smallCommits)
	return c
}

// settle syncs again from the last state that the target wrote, and compares every table with the account.
func settle(t *testing.T, fake *stripefake.Server, p *project, states string) {
	t.Helper()
	last := ""
	for line := range strings.Lines(states) {
		if !strings.HasSuffix(line, "\n") {
			t.Errorf("the target wrote half a state: %q", line)
			break
		}
		last = line
	}
	p.write(t, "state.json", last)
	if stderr, err := p.sync(t); err != nil {
		t.Fatalf("the run after the kill: %v\n%s", err, stderr)
	}
	compareAccount(t, fake, p)
}

// tapOutput runs the tap to its end.
func tapOutput(t *testing.T, p *project) []byte {
	t.Helper()
	cmd := exec.Command("tap-stripe", "--config", "tap.json")
	cmd.Dir = p.dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	return out
}

func TestKilledTargetLosesNothing(t *testing.T) {
	fake, whole := crashProject(t)
	stream := tapOutput(t, whole)
	for point := range killPoints {
		t.Run(fmt.Sprintf("point %d", point), func(t *testing.T) {
			p := copyOf(t, whole)
			settle(t, fake, p, killTargetAfter(t, p, stream, point))
		})
	}
}

// killTargetAfter runs the target on the stream, kills it a moment after it has emitted n states, and returns what it
// wrote to stdout. The moments differ, so that the kills hit commits at different places.
func killTargetAfter(t *testing.T, p *project, stream []byte, n int) string {
	t.Helper()
	cmd := exec.Command("target-warehouse", "--config", "target.json", "--config", "small.json")
	cmd.Dir = p.dir
	cmd.Stdin = bytes.NewReader(stream)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(out)
	var states strings.Builder
	for range n {
		line, err := reader.ReadString('\n')
		if err != nil {
			t.Fatalf("the target ended before it had emitted %d states: %v", n, err)
		}
		states.WriteString(line)
	}
	time.Sleep(time.Duration(n*7%20) * time.Millisecond)
	cmd.Process.Signal(syscall.SIGKILL)
	io.Copy(&states, reader)
	cmd.Wait()
	return states.String()
}

func TestKilledTapLosesNothing(t *testing.T) {
	fake, whole := crashProject(t)
	size := len(tapOutput(t, whole))
	for point := range killPoints {
		t.Run(fmt.Sprintf("point %d", point), func(t *testing.T) {
			p := copyOf(t, whole)
			stream := killTapAfter(t, p, int64(point)*int64(size)/killPoints)
			target := exec.Command("target-warehouse", "--config", "target.json", "--config", "small.json")
			target.Dir = p.dir
			target.Stdin = bytes.NewReader(stream)
			var stderr bytes.Buffer
			target.Stderr = &stderr
			states, err := target.Output()
			cut := len(stream) > 0 && stream[len(stream)-1] != '\n'
			if exit := new(exec.ExitError); cut && (!errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(stderr.String(), "cut in the middle")) {
				t.Errorf("a cut line ends with %v:\n%s", err, stderr.String())
			}
			if !cut && err != nil {
				t.Errorf("a stream of whole lines ends with %v:\n%s", err, stderr.String())
			}
			settle(t, fake, p, string(states))
		})
	}
}

// killTapAfter runs the tap, kills it once it has written more than n bytes, and returns what it had written.
func killTapAfter(t *testing.T, p *project, n int64) []byte {
	t.Helper()
	cmd := exec.Command("tap-stripe", "--config", "tap.json")
	cmd.Dir = p.dir
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var stream bytes.Buffer
	reader := bufio.NewReader(out)
	io.CopyN(&stream, reader, n)
	cmd.Process.Signal(syscall.SIGKILL)
	io.Copy(&stream, reader)
	cmd.Wait()
	return stream.Bytes()
}
