package singer

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// roleVariable makes the test binary be a tap or a target instead.
const roleVariable = "SINGER_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "tap":
		os.Exit(endlessTap().Main())
	case "target":
		os.Exit(countTarget().Main())
	case "stuck target":
		target := countTarget()
		target.Load = func(ctx context.Context, run *TargetRun) error {
			fmt.Println("{}")
			_, _ = io.Copy(io.Discard, readerOf(run.In))
			<-ctx.Done()
			return ctx.Err()
		}
		os.Exit(target.Main())
	}
	os.Exit(m.Run())
}

// endlessTap writes a state per record until it is stopped, and a last one then.
func endlessTap() *Tap {
	tap := &Tap{Name: "tap-endless", Discover: shopTap().Discover}
	tap.Sync = func(ctx context.Context, run *Run) error {
		for n := 0; ctx.Err() == nil; n++ {
			record := fmt.Appendf(nil, `{"id":%d}`, n)
			if err := run.Out.WriteRecord(&Record{Stream: "orders", Record: record}); err != nil {
				return err
			}
			if err := run.Out.WriteState(State{Value: record}); err != nil {
				return err
			}
		}
		return ctx.Err()
	}
	return tap
}

// readerOf reads messages for nothing but their end.
func readerOf(in *Reader) io.Reader {
	return readFunc(func([]byte) (int, error) {
		_, err := in.Read()
		return 0, err
	})
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// start runs the test binary in a role.
func start(t *testing.T, role string, args ...string) (cmd *exec.Cmd, stderr *bytes.Buffer) {
	t.Helper()
	cmd = exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	stderr = &bytes.Buffer{}
	cmd.Stderr = stderr
	t.Cleanup(func() {
		if cmd.ProcessState == nil && cmd.Process != nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	return cmd, stderr
}

// exitCode waits for a process that should end soon.
func exitCode(t *testing.T, cmd *exec.Cmd) int {
	t.Helper()
	late := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	_ = cmd.Wait()
	return cmd.ProcessState.ExitCode()
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

func TestProcessTapStoppedBySignal(t *testing.T) {
	for sig, code := range map[syscall.Signal]int{syscall.SIGTERM: 143, syscall.SIGINT: 130} {
		cmd, stderr := start(t, "tap", "--log-format", "text")
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(stdout)
		if _, err := lines.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		rest, err := io.ReadAll(lines)
		if err != nil || !bytes.HasSuffix(rest, []byte("\n")) || !strings.Contains(lastLine(string(rest)), `"STATE"`) {
			t.Errorf("%v: stdout ends with %q, %v", sig, lastLine(string(rest)), err)
		}
		if got := exitCode(t, cmd); got != code || !strings.Contains(lastLine(stderr.String()), "stopped by SIG") {
			t.Errorf("%v: exit code %d, want %d; stderr\n%s", sig, got, code, stderr)
		}
	}
}

func TestProcessTapWhoseReaderWentAway(t *testing.T) {
	cmd, stderr := start(t, "tap", "--log-format", "text")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	stdout.Close()
	if got := exitCode(t, cmd); got != ExitFailure || !strings.Contains(lastLine(stderr.String()), "the reader of stdout went away") {
		t.Errorf("exit code %d; stderr\n%s", got, stderr)
	}
}

func TestProcessTargetStoppedWhileItWaitsForInput(t *testing.T) {
	cmd, stderr := start(t, "target")
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
	if _, err := io.WriteString(stdin, `{"type":"STATE","value":1}`+"\n"+`{"type":"STATE","value":`); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(stdout)
	if line, err := lines.ReadString('\n'); line != "1\n" || err != nil {
		t.Fatalf("first state %q, %v", line, err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	rest, _ := io.ReadAll(lines)
	if got := exitCode(t, cmd); got != ExitOK || len(rest) != 0 || !strings.Contains(stderr.String(), "no more input is read") {
		t.Errorf("exit code %d, stdout %q, stderr\n%s", got, rest, stderr)
	}
}

func TestProcessTargetThatIsStuckEndsWithTheSecondSignal(t *testing.T) {
	cmd, _ := start(t, "stuck target", "--log-format", "text")
	cmd.Stderr = nil
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	log, said := bufio.NewReader(stderr), ""
	for _, word := range []string{"no more input is read", "stopped by SIGTERM"} {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		for line := ""; !strings.Contains(line, word); { // two of one kind that are pending at once count as one
			if line, err = log.ReadString('\n'); err != nil {
				t.Fatalf("stderr ends with %v before it says %q:\n%s", err, word, said)
			}
			said += line
		}
	}
	if got := exitCode(t, cmd); got != 143 {
		t.Errorf("exit code %d; stderr\n%s", got, said)
	}
}
