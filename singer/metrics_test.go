package singer

import (
	"bytes"
	"context"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

var metricPattern = regexp.MustCompile(`(?m)^INFO METRIC: (.*)$`)

// metricLines finds METRIC lines the way runners do.
func metricLines(log string) []string {
	var lines []string
	for _, found := range metricPattern.FindAllStringSubmatch(log, -1) {
		lines = append(lines, found[1])
	}
	return lines
}

func TestMetricsPrintWhatWasAddedEveryMinuteAndAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		m := &Metrics{log: slog.New(&logHandler{out: &console{out: &out}, format: plainLine})}
		start := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		go m.keepFlushing(ctx)
		m.Records("charges", 100)
		m.Records("charges", 50)
		m.Request("/v1/charges", 200, time.Second)
		time.Sleep(61 * time.Second)
		m.Records("charges", 7)
		m.Records("refunds", 0)
		m.Timer("batch_processing_time", 1500*time.Millisecond, nil)
		time.Sleep(61 * time.Second)
		cancel()
		m.Count("retries", 2, map[string]string{"b": "2", "a": "1"})
		m.endStreams(start, "succeeded")
		m.flush()
		m.flush()
		want := []string{
			`{"type":"counter","metric":"record_count","value":150,"tags":{"stream":"charges"}}`,
			`{"type":"counter","metric":"http_request_count","value":1,"tags":{"endpoint":"/v1/charges","http_status_code":"200"}}`,
			`{"type":"timer","metric":"batch_processing_time","value":1.5,"tags":{}}`,
			`{"type":"counter","metric":"record_count","value":7,"tags":{"stream":"charges"}}`,
			`{"type":"timer","metric":"sync_duration","value":61,"tags":{"status":"succeeded","stream":"charges"}}`,
			`{"type":"timer","metric":"sync_duration","value":61,"tags":{"status":"succeeded","stream":"refunds"}}`,
			`{"type":"counter","metric":"retries","value":2,"tags":{"a":"1","b":"2"}}`,
		}
		if diff := cmp.Diff(want, metricLines(out.String())); diff != "" {
			t.Errorf("lines differ (-want +got):\n%s", diff)
		}
	})
}

func TestRequestTimersAreForDebugging(t *testing.T) {
	var out bytes.Buffer
	m := &Metrics{log: slog.New(&logHandler{out: &out, format: plainLine, level: slog.LevelDebug})}
	m.Request("/v1/charges", 0, 250*time.Millisecond)
	want := `DEBUG METRIC: {"type":"timer","metric":"http_request_duration","value":0.25,"tags":{"endpoint":"/v1/charges","http_status_code":"0"}}` + "\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("line differs (-want +got):\n%s", diff)
	}
}

func TestStreamStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Metrics // the zero value counts, too
		start := time.Now()
		time.Sleep(10 * time.Second)
		m.Window("a", "2024-03")
		time.Sleep(2 * time.Second)
		m.Records("a", 100)
		m.Records("once", 60)
		want := []streamStat{
			{Name: "a", Rows: 100, Seconds: 2, PerSec: 50, Window: "2024-03"},
			{Name: "once", Rows: 60, Seconds: 12, PerSec: 5},
		}
		if diff := cmp.Diff(want, m.stats(start)); diff != "" {
			t.Errorf("stats differ (-want +got):\n%s", diff)
		}
	})
}

func TestMetricsLoseNoRowAmongGoroutines(t *testing.T) {
	var m Metrics
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for range 1000 {
				m.Records("s", 1)
				m.Count("c", 1, map[string]string{"a": "b"})
			}
		})
	}
	writers.Wait()
	if diff := cmp.Diff(map[string]int64{"record_count": 8000, "c": 8000}, m.totals()); diff != "" {
		t.Errorf("totals differ (-want +got):\n%s", diff)
	}
}

func TestProgressFitsTheTerminal(t *testing.T) {
	var stats []streamStat
	for i := range 15 {
		stats = append(stats, streamStat{Name: "stream" + string(rune('a'+i)), Rows: 1_234_567, PerSec: 1000, Window: strings.Repeat("w", 100)})
	}
	lines := strings.Split(strings.TrimSuffix(progressLines(stats, 60), "\n"), "\n")
	if len(lines) != mostLines {
		t.Errorf("%d lines for 15 streams", len(lines))
	}
	if i := slices.IndexFunc(lines, func(line string) bool { return len(line) > 60 }); i >= 0 {
		t.Errorf("line %q does not fit", lines[i])
	}
	if want := "streama                          1,234,567      1,000/s  www"; !strings.HasPrefix(lines[0], want[:58]) {
		t.Errorf("first line is %q", lines[0])
	}
	if want := "4 others                         4,938,268      4,000/s"; lines[11] != want {
		t.Errorf("last line is %q", lines[11])
	}
	if got, want := progressTotal(stats[:2], 10*time.Second, 80), "2,469,134 rows  246,913 rows/s  10s"; got != want {
		t.Errorf("total is %q, want %q", got, want)
	}
}

func TestProgressLeavesLogsAboveAndItselfNoTrace(t *testing.T) {
	var out lockedBuffer
	c := &console{out: &out}
	var m Metrics
	m.Records("charges", 5)
	p := startProgress(&out, &m, time.Now())
	c.drawAbove(p)
	if _, err := c.Write([]byte("a log line\n")); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(time.Minute)
	for !strings.Contains(out.String(), "charges") && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
	}
	if _, err := c.Write([]byte("a late line\n")); err != nil {
		t.Fatal(err)
	}
	c.drawAbove(nil)
	p.end()
	if _, err := c.Write([]byte("the end\n")); err != nil {
		t.Fatal(err)
	}
	drawn := out.String()
	if strings.Count(drawn, "a late line\n") != 1 {
		t.Errorf("the line just before the end is lost or doubled in %q", drawn)
	}
	log, bar, end := strings.Index(drawn, "a log line\n"), strings.Index(drawn, "charges"), strings.LastIndex(drawn, "the end\n")
	if log < 0 || bar < log || end < bar {
		t.Errorf("the log line stands at %d, the stream at %d, the end at %d in %q", log, bar, end, drawn)
	}
	if erased := strings.LastIndex(drawn, "\x1b[J"); erased < strings.LastIndex(drawn, "charges") {
		t.Errorf("the display stays behind in %q", drawn)
	}
}

// lockedBuffer is a buffer that a test may read while others write.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
