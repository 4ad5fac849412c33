package singer

import "time"

// Metrics counts what a run does. The runner prints the counts as METRIC lines, in the progress display and in the
// summary. It is safe for several goroutines.
type Metrics struct{}

// Records adds n rows of a stream: rows written by a tap, rows made durable by a target.
func (m *Metrics) Records(stream string, n int) {}

// Window sets what the progress display and the summary show of a stream besides its rows, such as the days being
// read: "2024-03 .. 2024-05".
func (m *Metrics) Window(stream, text string) {}

// Request counts one HTTP request and what it took. The endpoint is a path pattern, such as "/v1/charges", and not a
// path with ids in it; status is 0 when no answer came.
func (m *Metrics) Request(endpoint string, status int, d time.Duration) {}

// Count adds n to the counter of that name and those tags. The map must not be changed afterwards.
func (m *Metrics) Count(name string, n int64, tags map[string]string) {}

// Timer tells how long one piece of work took, by name and tags.
func (m *Metrics) Timer(name string, d time.Duration, tags map[string]string) {}
