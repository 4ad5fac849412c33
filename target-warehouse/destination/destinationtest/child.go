package destinationtest

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Child is another process of the test binary, which loads and tells each step on stdout, a line each, so that it can be
// killed at one. A line that begins with "failed:" fails the test.
type Child struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

// StartChild starts the test binary with these variables added to the environment. TestMain knows by them that it is to
// be a child. It is killed at the end of the test at the latest.
func StartChild(t *testing.T, env ...string) *Child {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &Child{cmd, bufio.NewScanner(out)}
	t.Cleanup(c.End)
	return c
}

// Pid is the number of the process.
func (c *Child) Pid() int { return c.cmd.Process.Pid }

// Await reads what the child writes until the step, and reports whether it came.
func (c *Child) Await(t *testing.T, step string) bool {
	t.Helper()
	for c.lines.Scan() {
		if strings.HasPrefix(c.lines.Text(), "failed:") {
			t.Fatal(c.lines.Text())
		}
		if c.lines.Text() == step {
			return true
		}
	}
	return false
}

// Kill kills the child; what it had written may still be awaited.
func (c *Child) Kill() {
	_ = c.cmd.Process.Kill() // it may have been killed before
}

// End kills the child and waits until it is gone.
func (c *Child) End() {
	c.Kill()
	_ = c.cmd.Wait()
}
