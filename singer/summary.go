package singer

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// summary is the object that --summary-file writes.
type summary struct {
	Name      string                `json:"name"`
	Version   string                `json:"version"`
	StartedAt time.Time             `json:"started_at"`
	EndedAt   time.Time             `json:"ended_at"`
	ExitCode  int                   `json:"exit_code"`
	Status    string                `json:"status"` // succeeded, failed or interrupted
	Message   string                `json:"message"`
	Streams   map[string]streamStat `json:"streams"`
	Counters  map[string]int64      `json:"counters"`
}

// writeSummary writes the summary file, whole or not at all.
func (s *session) writeSummary(ended time.Time, code int, failure error) error {
	sum := summary{
		Name: s.program.name, Version: s.program.version,
		StartedAt: s.started.UTC(), EndedAt: ended.UTC(),
		ExitCode: code, Status: status(code), Message: s.reason(failure),
		Streams: map[string]streamStat{}, Counters: s.metrics.totals(),
	}
	for _, stat := range s.metrics.stats(s.started) {
		sum.Streams[stat.Name] = stat
	}
	var text bytes.Buffer
	masked := &console{out: &text}
	masked.hide(s.secrets)
	if err := printJSON(masked, sum); err != nil {
		return err
	}
	return replaceFile(s.flags.summaryFile, text.Bytes())
}

// replaceFile puts a whole file in the place of path; at no time is there half of one.
func replaceFile(path string, content []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(content)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// showSummary ends the log of a run that moved rows: with a table for a person, unless the target behind a tap shows
// one, else with one line.
func (s *session) showSummary(ended time.Time, code int) {
	stats := s.metrics.stats(s.started)
	if !s.terminalLog() || s.program.kind == kindTap && isPipe(s.stdio.Out) {
		s.logSummary(stats, ended.Sub(s.started).Seconds(), code)
		return
	}
	if len(stats) > 0 {
		width, _ := terminalSize(s.stdio.Err)
		_, _ = s.console.Write(fitTable(summaryTable(stats, ended.Sub(s.started)), width))
	}
}

// summaryTable has one line per stream and, below several, their sum.
func summaryTable(stats []streamStat, took time.Duration) []byte {
	width := len("stream")
	sum := streamStat{Name: "total", Seconds: took.Seconds()}
	for _, stat := range stats {
		width = max(width, len(stat.Name))
		sum.Rows += stat.Rows
	}
	if sum.Seconds > 0 {
		sum.PerSec = float64(sum.Rows) / sum.Seconds
	}
	if len(stats) > 1 {
		stats = append(stats[:len(stats):len(stats)], sum)
	}
	var table bytes.Buffer
	line := func(name, rows, rate, seconds, window string) {
		text := fmt.Sprintf("%-*s  %13s  %9s  %9s  %s", width, name, rows, rate, seconds, window)
		table.WriteString(strings.TrimRight(text, " ") + "\n")
	}
	window := ""
	if slices.ContainsFunc(stats, func(stat streamStat) bool { return stat.Window != "" }) {
		window = "window"
	}
	line("stream", "rows", "rows/s", "seconds", window)
	for _, stat := range stats {
		line(stat.Name, thousands(stat.Rows), thousands(int64(stat.PerSec)), strconv.FormatFloat(stat.Seconds, 'f', 1, 64), stat.Window)
	}
	return table.Bytes()
}

// fitTable leaves out the last columns of a table that is wider than the terminal. No cell is cut: where a name alone
// is too wide, its line wraps.
func fitTable(table []byte, width int) []byte {
	lines := bytes.Split(bytes.TrimSuffix(table, []byte("\n")), []byte("\n"))
	between := func(at int) bool { // two cells of every line
		return !slices.ContainsFunc(lines, func(line []byte) bool { return len(line) > at && !bytes.HasPrefix(line[at:], []byte("  ")) })
	}
	end := width
	for end > 0 && !between(end) {
		end--
	}
	if end == 0 {
		return table
	}
	var fitted bytes.Buffer
	for _, line := range lines {
		fitted.Write(bytes.TrimRight(line[:min(len(line), end)], " "))
		fitted.WriteByte('\n')
	}
	return fitted.Bytes()
}

// thousands prints a count with commas between groups of three digits.
func thousands(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
