package singer

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
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

// startProgress starts the display; on a terminal that cannot move its cursor it is over at once.
func startProgress(w io.Writer, m *Metrics, start time.Time) *progress {
	p := &progress{out: w, ticks: time.NewTicker(250 * time.Millisecond), ended: make(chan struct{})}
	if isTerminal(w) && dumbTerminal() {
		p.stop()
		return p
	}
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
	if p.over() {
		return 0, os.ErrClosed
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
	if p.over() {
		return
	}
	p.stop()
	_, _ = io.WriteString(p.out, clearBelow)
}

func (p *progress) stop() {
	p.ticks.Stop()
	close(p.ended)
}

func (p *progress) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
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

// progressLines has a line for each of the first streams and one for all others, below the total. In a narrow window
// the columns come closer, and a name that is too long for it is cut, so that the numbers stay in sight.
func progressLines(stats []streamStat, width int) string {
	stats = foldOthers(stats)
	longest := 28
	for _, stat := range stats {
		longest = max(longest, utf8.RuneCountInString(stat.Name))
	}
	name, rows, rate := longest, 13, 9
	if name+rows+rate+len("   /s") > width {
		rows, rate = 9, 6
		name = min(longest, max(8, width-rows-rate-len("   /s")))
	}
	var text strings.Builder
	for _, stat := range stats {
		line := fmt.Sprintf("%-*s %*s  ", name, cut(stat.Name, name), rows, thousands(stat.Rows))
		if stat.Rows > 0 {
			line += fmt.Sprintf("%*s/s  ", rate, thousands(int64(stat.PerSec)))
		}
		text.WriteString(cut(line+stat.Window, width) + "\n")
	}
	return text.String()
}

// foldOthers puts the streams that get no line of their own into one.
func foldOthers(stats []streamStat) []streamStat {
	if len(stats) <= mostLines {
		return stats
	}
	rest := stats[mostLines-1:]
	others := streamStat{Name: fmt.Sprintf("%d others", len(rest))}
	for _, stat := range rest {
		others.Rows += stat.Rows
		others.PerSec += stat.PerSec
	}
	return append(stats[:mostLines-1:mostLines-1], others)
}

// cut shortens a line to the terminal's width, for one that wraps would be drawn anew below itself.
func cut(line string, width int) string {
	if letters := []rune(line); width > 0 && len(letters) > width {
		line = string(letters[:width])
	}
	return strings.TrimRight(line, " ")
}
