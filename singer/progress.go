package singer

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// display shows a person how many rows have come so far, a line per stream at the foot of the terminal.
type display interface {
	// Write prints lines above the display; it fails once the display has ended.
	Write(lines []byte) (int, error)
	// end takes the display away.
	end()
}

// progress is the display of a program that has the terminal to itself.
type progress struct {
	bars *mpb.Progress
	bar  *mpb.Bar
}

// mostLines is the number of streams that get a line of their own; the rest share one.
const mostLines = 12

func startProgress(w io.Writer, m *Metrics, start time.Time) *progress {
	p := &progress{bars: mpb.New(mpb.WithOutput(w), mpb.WithAutoRefresh(), mpb.WithRefreshRate(250*time.Millisecond))}
	total := mpb.BarFillerFunc(func(w io.Writer, st decor.Statistics) error {
		_, err := io.WriteString(w, progressTotal(m.stats(start), time.Since(start), st.AvailableWidth))
		return err
	})
	streams := mpb.BarFillerFunc(func(w io.Writer, st decor.Statistics) error {
		_, err := io.WriteString(w, progressLines(m.stats(start), st.AvailableWidth))
		return err
	})
	p.bar = p.bars.MustAdd(0, total, mpb.BarFillerTrim(), mpb.BarExtender(streams, false))
	return p
}

func (p *progress) Write(lines []byte) (int, error) { return p.bars.Write(lines) }

func (p *progress) end() {
	p.bar.Abort(true)
	p.bars.Wait()
}

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
