package singer

import (
	"context"
	"encoding/json"
	"log/slog"
	"strconv"
	"sync"
	"time"
)

// Metrics counts what a run does. The runner prints the counts as METRIC lines, in the progress display and in the
// summary. It is safe for several goroutines. The zero Metrics counts and prints nothing, which suits tests.
//
// METRIC lines are those of singer-python: counters tell what was added since the line before, every minute and at the
// end; timers tell seconds.
//
// https://github.com/singer-io/singer-python/blob/master/singer/metrics.py
type Metrics struct {
	mu       sync.Mutex
	log      *slog.Logger // nil: nothing is printed
	level    slog.Level   // of METRIC lines
	streams  []*streamCount
	byStream map[string]*streamCount
	counters []*counter
	byKey    map[string]*counter
}

const (
	metricKey      = "metric_info"
	metricInterval = time.Minute
)

type counter struct {
	name    string
	tags    map[string]string
	total   int64
	printed int64
}

// streamCount is what progress and summary show of a stream.
type streamCount struct {
	name        string
	rows        *counter
	window      string
	first, last time.Time // when it was first and last heard of
}

// Records adds n rows of a stream: rows written by a tap, rows made durable by a target.
func (m *Metrics) Records(stream string, n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.stream(stream)
	s.rows.total += int64(n)
}

// Window sets what the progress display and the summary show of a stream besides its rows, such as the days being
// read: "2024-03 .. 2024-05". The first call for a stream, of Window or Records, starts the clock of its rows per second.
func (m *Metrics) Window(stream, text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stream(stream).window = text
}

// stream returns the counts of a stream that something has just been heard of.
func (m *Metrics) stream(name string) *streamCount {
	now := time.Now()
	s := m.byStream[name]
	if s == nil {
		s = &streamCount{name: name, first: now, rows: m.counter("record_count", map[string]string{"stream": name})}
		if m.byStream == nil {
			m.byStream = map[string]*streamCount{}
		}
		m.byStream[name] = s
		m.streams = append(m.streams, s)
	}
	s.last = now
	return s
}

// Request counts one HTTP request and what it took. The endpoint is a path pattern, such as "/v1/charges", and not a
// path with ids in it; status is 0 when no answer came. Its timer is printed at level debug, for a backfill makes a
// great many requests.
func (m *Metrics) Request(endpoint string, status int, d time.Duration) {
	tags := map[string]string{"endpoint": endpoint, "http_status_code": strconv.Itoa(status)}
	m.Count("http_request_count", 1, tags)
	m.print(slog.LevelDebug, "timer", "http_request_duration", d.Seconds(), tags)
}

// Count adds n to the counter of that name and those tags. The map must not be changed afterwards.
func (m *Metrics) Count(name string, n int64, tags map[string]string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counter(name, tags).total += n
}

func (m *Metrics) counter(name string, tags map[string]string) *counter {
	text, _ := json.Marshal(tags) // sorted by key; strings always encode
	key := name + string(text)
	c := m.byKey[key]
	if c == nil {
		c = &counter{name: name, tags: tags}
		if m.byKey == nil {
			m.byKey = map[string]*counter{}
		}
		m.byKey[key] = c
		m.counters = append(m.counters, c)
	}
	return c
}

// Timer tells how long one piece of work took, by name and tags.
func (m *Metrics) Timer(name string, d time.Duration, tags map[string]string) {
	m.print(m.level, "timer", name, d.Seconds(), tags)
}

// print prints a METRIC line.
func (m *Metrics) print(level slog.Level, kind, name string, value any, tags map[string]string) {
	if m.log == nil || !m.log.Enabled(context.Background(), level) {
		return
	}
	if tags == nil {
		tags = map[string]string{}
	}
	info, _ := marshal(struct { // numbers and strings always encode
		Type   string            `json:"type"`
		Metric string            `json:"metric"`
		Value  any               `json:"value"`
		Tags   map[string]string `json:"tags"`
	}{kind, name, value, tags})
	m.log.Log(context.Background(), level, "METRIC: "+string(info), slog.Any(metricKey, json.RawMessage(info)))
}

// flush prints what the counters have gained since the last flush.
func (m *Metrics) flush() {
	type gain struct {
		*counter
		n int64
	}
	m.mu.Lock()
	var gains []gain
	for _, c := range m.counters {
		if n := c.total - c.printed; n != 0 {
			gains = append(gains, gain{c, n})
			c.printed = c.total
		}
	}
	m.mu.Unlock()
	for _, g := range gains {
		m.print(m.level, "counter", g.name, g.n, g.tags)
	}
}

// keepFlushing flushes every minute until ctx ends.
func (m *Metrics) keepFlushing(ctx context.Context) {
	tick := time.NewTicker(metricInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			m.flush()
		}
	}
}

// streamStat is a snapshot of one stream's counts.
type streamStat struct {
	Name    string  `json:"-"`
	Rows    int64   `json:"rows"`
	Seconds float64 `json:"seconds"`
	PerSec  float64 `json:"rows_per_second"`
	Window  string  `json:"window,omitempty"`
}

// stats returns what is known of each stream, in the order in which they were first heard of. A stream heard of only
// once took, for all that is known, the time since the run's start.
func (m *Metrics) stats(start time.Time) []streamStat {
	m.mu.Lock()
	defer m.mu.Unlock()
	var stats []streamStat
	for _, s := range m.streams {
		first := s.first
		if !s.last.After(first) {
			first = start
		}
		stat := streamStat{Name: s.name, Rows: s.rows.total, Window: s.window, Seconds: s.last.Sub(first).Seconds()}
		if stat.Seconds > 0 {
			stat.PerSec = float64(stat.Rows) / stat.Seconds
		}
		stats = append(stats, stat)
	}
	return stats
}

// totals adds up the counters of each name over their tags.
func (m *Metrics) totals() map[string]int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	totals := map[string]int64{}
	for _, c := range m.counters {
		totals[c.name] += c.total
	}
	return totals
}

// endStreams prints how long each stream took.
func (m *Metrics) endStreams(start time.Time, status string) {
	for _, s := range m.stats(start) {
		m.print(m.level, "timer", "sync_duration", s.Seconds, map[string]string{"stream": s.Name, "status": status})
	}
}
