package singer

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// footer is the display on a terminal to which the other program of a pipe writes its log. It stands below the cursor,
// which stays where the next line of either program goes, so that no line is taken away with the display.
type footer struct {
	mu    sync.Mutex
	out   io.Writer
	text  func(width int) string
	ticks *time.Ticker
	ended chan struct{}
}

func startFooter(w io.Writer, m *Metrics, start time.Time) *footer {
	f := &footer{out: w, ticks: time.NewTicker(250 * time.Millisecond), ended: make(chan struct{})}
	f.text = func(width int) string {
		stats := m.stats(start)
		return progressTotal(stats, time.Since(start), width) + "\n" + progressLines(stats, width)
	}
	go f.keepDrawing()
	return f
}

func (f *footer) keepDrawing() {
	for {
		select {
		case <-f.ended:
			return
		case <-f.ticks.C:
			_, _ = f.Write(nil)
		}
	}
}

const (
	clearBelow = "\x1b[J"
	linesUp    = "\r\x1b[%dA"
)

// Write clears the display, prints lines and draws it again, as far as the terminal has room for it.
func (f *footer) Write(lines []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-f.ended:
		return 0, os.ErrClosed
	default:
	}
	width, height := terminalSize(f.out)
	text := append([]byte(clearBelow), lines...)
	drawn := 0
	for line := range strings.Lines(f.text(width - 1)) { // a full line would wrap
		if drawn+2 > height {
			break
		}
		text = append(text, "\r\n"+strings.TrimSuffix(line, "\n")...)
		drawn++
	}
	if drawn > 0 {
		text = fmt.Appendf(text, linesUp, drawn)
	}
	_, err := f.out.Write(text)
	return len(lines), err
}

func (f *footer) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ticks.Stop()
	close(f.ended)
	_, _ = io.WriteString(f.out, clearBelow)
}
