package singer

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// progress shows a person how many rows have come so far, a line per stream at the foot of the terminal. It stands
// below the cursor, which stays where the next line goes. So the other program of a pipe may write its log to the same
// terminal, and no line is taken away with the display. Libraries of progress bars move the cursor up instead, and
// erase what another process has written meanwhile.
type progress struct {
	mu    sync.Mutex
	out   io.Writer
	text  func(width int) string
	ticks *time.Ticker
	ended chan struct{}
}

func startProgress(w io.Writer, m *Metrics, start time.Time) *progress {
	p := &progress{out: w, ticks: time.NewTicker(250 * time.Millisecond), ended: make(chan struct{})}
	p.text = func(width int) string {
		stats := m.stats(start)
		return progressTotal(stats, time.Since(start), width) + "\n" + progressLines(stats, width)
	}
	go p.keepDrawing()
	return p
}

func (p *progress) keepDrawing() {
	for {
		select {
		case <-p.ended:
			return
		case <-p.ticks.C:
			_, _ = p.Write(nil)
		}
	}
}

const (
	clearBelow = "\x1b[J"
	linesUp    = "\r\x1b[%dA"
)

// Write clears the display, prints lines and draws it again, as far as the terminal has room for it. It fails once the
// display has ended.
func (p *progress) Write(lines []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.ended:
		return 0, os.ErrClosed
	default:
	}
	width, height := terminalSize(p.out)
	text := append([]byte(clearBelow), lines...)
	drawn := 0
	for line := range strings.Lines(p.text(width - 1)) { // a full line would wrap
		if drawn+2 > height {
			break
		}
		text = append(text, "\r\n"+strings.TrimSuffix(line, "\n")...)
		drawn++
	}
	if drawn > 0 {
		text = fmt.Appendf(text, linesUp, drawn)
	}
	_, err := p.out.Write(text)
	return len(lines), err
}

// end takes the display away.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ticks.Stop()
	close(p.ended)
	_, _ = io.WriteString(p.out, clearBelow)
}

// mostLines is the number of streams that get a line of their own; the rest share one.
const mostLines = 12

// progressTotal is the display's first line.
func progressTotal(stats []streamStat, took time.Duration, width int) string {
	var rows int64
	for _, stat := range stats {
		rows += stat.Rows
	}
	perSec := float64(rows) / max(took.Seconds(), 1e-3)
	return cut(fmt.Sprintf("%s rows  %s rows/s  %s", thousands(rows), thousands(int64(perSec)), took.Truncate(time.Second)), width)
}

// progressLines has a line for each of the first streams and one for all others, below the total.
func progressLines(stats []streamStat, width int) string {
	var text strings.Builder
	others := streamStat{}
	if len(stats) > mostLines {
		rest := stats[mostLines-1:]
		others.Name = fmt.Sprintf("%d others", len(rest))
		for _, stat := range rest {
			others.Rows += stat.Rows
			others.PerSec += stat.PerSec
		}
		stats = append(stats[:mostLines-1:mostLines-1], others)
	}
	for _, stat := range stats {
		line := fmt.Sprintf("%-28s %13s  %9s/s  %s", stat.Name, thousands(stat.Rows), thousands(int64(stat.PerSec)), stat.Window)
		text.WriteString(cut(line, width) + "\n")
	}
	return text.String()
}

// cut shortens a line to the terminal's width, for one that wraps would be drawn anew below itself.
func cut(line string, width int) string {
	letters := []rune(strings.TrimRight(line, " "))
	if width > 0 && len(letters) > width {
		letters = letters[:width]
	}
	return string(letters)
}
