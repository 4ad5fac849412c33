package tests

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
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

// crashProject has small pages and small commits, so that there is much to interrupt.
func crashProject(t *testing.T) (*stripefake.Server, *project) {
	fake, url := startFake(t, stripefake.Options{Seed: 5, Counts: counts(60)})
	return fake, newProject(t, url, `,"page_size":20`, `,"batch_size_rows":25`)
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
	emitted := 0
	for point := range killPoints {
		t.Run(fmt.Sprintf("point %d", point), func(t *testing.T) {
			p := &project{dir: t.TempDir()}
			p.database = filepath.Join(p.dir, "warehouse.duckdb")
			p.write(t, "target.json", fmt.Sprintf(`{"path":%q,"batch_size_rows":25}`, p.database))
			copyFile(t, whole, p, "tap.json")
			cmd := exec.Command("target-warehouse", "--config", "target.json")
			cmd.Dir = p.dir
			var states bytes.Buffer
			cmd.Stdout = &states
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			// The pauses let commits of different sizes be under way when the kill comes.
			for part := range point + 1 {
				in.Write(stream[part*len(stream)/killPoints : (part+1)*len(stream)/killPoints])
				time.Sleep(time.Duration(point*part%7) * time.Millisecond)
			}
			cmd.Process.Signal(syscall.SIGKILL)
			cmd.Wait()
			emitted += strings.Count(states.String(), "\n")
			settle(t, fake, p, states.String())
		})
	}
	if emitted == 0 {
		t.Error("no killed target had emitted a state: the kills come too early to mean anything")
	}
}

func TestKilledTapLosesNothing(t *testing.T) {
	fake, whole := crashProject(t)
	size := len(tapOutput(t, whole))
	for point := range killPoints {
		t.Run(fmt.Sprintf("point %d", point), func(t *testing.T) {
			p := &project{dir: t.TempDir()}
			p.database = filepath.Join(p.dir, "warehouse.duckdb")
			p.write(t, "target.json", fmt.Sprintf(`{"path":%q,"batch_size_rows":25}`, p.database))
			copyFile(t, whole, p, "tap.json")
			stream := killTapAfter(t, p, int64(point)*int64(size)/killPoints)
			target := exec.Command("target-warehouse", "--config", "target.json")
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

func copyFile(t *testing.T, from, to *project, name string) {
	t.Helper()
	if out, err := exec.Command("cp", filepath.Join(from.dir, name), filepath.Join(to.dir, name)).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}
