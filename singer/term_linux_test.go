package singer

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
)

// openTerminal makes a pseudo terminal of so many columns. What is written to the user's end is read from the other.
func openTerminal(t *testing.T, columns uint16) (other, user *os.File) {
	t.Helper()
	other, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("there are no pseudo terminals: " + err.Error())
	}
	t.Cleanup(func() { other.Close() })
	var number, unlocked uint32
	size := [4]uint16{24, columns}
	control(t, other, syscall.TIOCSPTLCK, unsafe.Pointer(&unlocked))
	control(t, other, syscall.TIOCGPTN, unsafe.Pointer(&number))
	control(t, other, syscall.TIOCSWINSZ, unsafe.Pointer(&size))
	user, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { user.Close() })
	return other, user
}

func control(t *testing.T, f *os.File, request uintptr, value unsafe.Pointer) {
	t.Helper()
	if _, _, err := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), request, uintptr(value)); err != 0 {
		t.Fatalf("terminal: %v", err)
	}
}

var colorsAndMoves = regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]|\r")

// shown returns what the terminal has been sent since the last call.
func shown(t *testing.T, other, user *os.File) string {
	t.Helper()
	const mark = "<so far>"
	if _, err := io.WriteString(user, mark); err != nil {
		t.Fatal(err)
	}
	var text []byte
	for !strings.HasSuffix(string(text), mark) {
		chunk := make([]byte, 4096)
		n, err := other.Read(chunk)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, chunk[:n]...)
	}
	return strings.TrimSuffix(string(text), mark)
}

// A line of a tap appears where the target's display is, which is cleared first, so that nothing of it stays behind
// the line.
func TestLinesOnATerminal(t *testing.T) {
	const colored = "12:00:00 \x1b[36mINFO\x1b[0m done\n"
	tests := []struct{ name, kind, noColor, line, want string }{
		{"with colours", "xterm", "", colored, clearBelow + "12:00:00 \x1b[36mINFO\x1b[0m done\r\n"},
		{"NO_COLOR", "xterm", "1", colored, clearBelow + "12:00:00 INFO done\r\n"},
		{"NO_COLOR that is empty", "xterm", "", colored, clearBelow + "12:00:00 \x1b[36mINFO\x1b[0m done\r\n"},
		{"a dumb terminal", "dumb", "", colored, "12:00:00 INFO done\r\n"},
		{"a terminal of no kind", "", "", colored, "12:00:00 INFO done\r\n"},
		{"a line for programs", "xterm", "", `{"level":"info"}` + "\n", `{"level":"info"}` + "\r\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("TERM", test.kind)
			t.Setenv("NO_COLOR", test.noColor)
			other, user := openTerminal(t, 80)
			if _, err := (&console{out: user}).Write([]byte(test.line)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, shown(t, other, user)); diff != "" {
				t.Errorf("the terminal shows (-want +got):\n%s", diff)
			}
		})
	}
}

func TestADumbTerminalShowsLinesOnly(t *testing.T) {
	t.Setenv("TERM", "dumb")
	other, user := openTerminal(t, 80)
	metrics := &Metrics{}
	metrics.Records("charges", 1)
	display := startProgress(user, metrics, time.Now())
	c := &console{out: user, above: display}
	if _, err := c.Write([]byte("12:00:00 \x1b[33mWARN\x1b[0m look\n")); err != nil {
		t.Fatal(err)
	}
	display.end()
	if got, want := shown(t, other, user), "12:00:00 WARN look\r\n"; got != want {
		t.Errorf("the terminal shows %q, want %q", got, want)
	}
}

func TestTheDisplayFollowsTheWidthOfTheTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where it draws only when it is told to, as no time passes
		t.Setenv("TERM", "xterm")
		other, user := openTerminal(t, 100)
		metrics := &Metrics{}
		metrics.Records("customer_cash_balance_transactions", 1_234_567)
		metrics.Window("customer_cash_balance_transactions", "2024-03 .. 2024-05")
		display := startProgress(user, metrics, time.Now().Add(-time.Second))
		widths := func() (most int) {
			_, _ = display.Write(nil)
			for line := range strings.SplitSeq(shown(t, other, user), "\r\n") {
				most = max(most, len(colorsAndMoves.ReplaceAllString(line, "")))
			}
			return most
		}
		if wide := widths(); wide < 70 || wide > 99 {
			t.Errorf("the display takes %d of 100 columns", wide)
		}
		size := [4]uint16{24, 40}
		control(t, other, syscall.TIOCSWINSZ, unsafe.Pointer(&size))
		if narrow := widths(); narrow < 30 || narrow > 39 {
			t.Errorf("the display takes %d of 40 columns", narrow)
		}
		display.end()
	})
}
