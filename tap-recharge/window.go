package main

import "time"

// A window is a range of replication keys to read, both ends included. A zero from is the beginning of the stream.
type window struct{ from, to time.Time }

// newWindow returns what a run has to read of a stream. It ends a lag before the server's now, because a change may
// show in a list only some time after it was made. It begins at the start date or, if there is a mark, a lookback
// before that. Nobody documents whether bounds are inclusive, so both cases must come out right: a second is added to
// the lookback, and no mark ever lies beyond the end.
func newWindow(m mark, start, now time.Time, lag, lookback time.Duration) window {
	w := window{from: start.UTC(), to: now.Add(-lag).Truncate(time.Second)}
	if !m.IsZero() {
		w.from = m.Add(-lookback - time.Second).UTC()
		if w.from.Before(start) {
			w.from = start.UTC()
		}
	}
	w.from = w.from.Truncate(time.Second)
	return w
}

// empty tells whether there is nothing to read.
func (w window) empty() bool { return w.to.Before(w.from) }

// slice cuts the window into parts that begin no earlier than oldest, apart from the first, and are no longer than
// length. Where a list is in no order, the end of a part is the only place where a mark can stand.
func (w window) slice(oldest time.Time, length time.Duration) []window {
	var parts []window
	from, end := w.from, w.from
	if end.Before(oldest) {
		end = oldest
	}
	for end = end.Add(length); end.Before(w.to); end = end.Add(length) {
		parts = append(parts, window{from, end})
		from = end
	}
	return append(parts, window{from, w.to})
}

// text tells a person what part of the window has been read when the walk stands at reached.
func (w window) text(reached time.Time) string {
	day := func(t time.Time) string { return t.Format(time.DateOnly) }
	if reached.IsZero() || reached.After(w.to) {
		reached = w.to
	}
	if w.from.IsZero() {
		return ".. " + day(reached)
	}
	return day(w.from) + " .. " + day(reached)
}

// fraction is how much of the window has been read, by time; first is the oldest record seen, which counts as the
// beginning of a window without one.
func (w window) fraction(first, reached time.Time) float64 {
	from := w.from
	if from.IsZero() {
		from = first
	}
	whole := w.to.Sub(from)
	if from.IsZero() || whole <= 0 {
		return 0
	}
	return min(1, max(0, reached.Sub(from).Seconds()/whole.Seconds()))
}
