package main

import (
	"context"
	"fmt"
	"time"

	"tapline/internal/recharge"
)

// sliceLength is the part of a window that is read at once where a list is in no order.
const sliceLength = 24 * time.Hour

// readIncremental reads what changed since the stream's bookmark.
func (s *syncer) readIncremental(ctx context.Context, j *job) error {
	w := s.window(j)
	s.warnRetention(j, w)
	if w.empty() {
		return nil
	}
	parts := []window{w}
	if keep := j.stream.retention; keep > 0 && !j.stream.ascending() {
		parts = w.slice(s.now.Add(-keep), sliceLength)
	}
	s.mu.Lock()
	j.progress.window = w
	s.mu.Unlock()
	for _, part := range parts {
		if err := s.readWindow(ctx, j, part); err != nil || s.run.Limit > 0 {
			return err
		}
	}
	return nil
}

// window is what this run has to read of a stream.
func (s *syncer) window(j *job) window {
	return newWindow(j.mark, s.settings.start(j.stream.name, s.now), s.now,
		time.Duration(s.settings.Lag)*time.Minute, time.Duration(s.settings.Lookback)*time.Minute)
}

// readWindow reads one window. If the cursor is refused on the way, it begins again where the bookmark stands, once.
func (s *syncer) readWindow(ctx context.Context, j *job, w window) error {
	turn := newTurn(j.stream, w)
	for {
		page, err := turn.list.next(ctx, s.client, &j.size)
		if refusedCursor(err) && turn.list.cursor != "" && !j.restarted {
			j.restarted = true
			s.run.Log.Warn("Recharge refused a cursor; the stream is read again from its bookmark", "stream", j.stream.name)
			if again := s.window(j).from; again.After(w.from) && j.stream.ascending() {
				w.from = again
			}
			turn = newTurn(j.stream, w)
			continue
		}
		if err != nil {
			return err
		}
		done, err := s.emitTurn(j, turn, page)
		if err != nil || done || s.run.Limit > 0 {
			return err
		}
	}
}

// A turn is one walk through a window.
type turn struct {
	stream  *stream
	window  window
	list    *list
	reached time.Time // the latest replication key seen
	// sorted tells that every page so far was in ascending order. Otherwise nothing is promised before the end.
	sorted bool
}

func newTurn(st *stream, w window) *turn {
	query := queryOf(st.query)
	if !w.from.IsZero() {
		query.Set(st.replicationKey+"_min", formatTime(w.from))
	}
	if !st.openEnd {
		query.Set(st.replicationKey+"_max", formatTime(w.to))
	}
	return &turn{stream: st, window: w, list: newList(st, st.path, query), sorted: st.ascending()}
}

// advance takes note of a page's records. It returns those that belong to the window and whether it was the last page.
func (t *turn) advance(records []record) (belong []record, done bool) {
	for _, r := range records {
		if t.stream.openEnd && r.at.After(t.window.to) {
			done = t.sorted // all that follow are later still, and the next run's
			continue
		}
		belong = append(belong, r)
		if r.at.IsZero() {
			continue
		}
		if r.at.Before(t.reached) {
			t.sorted = false
		} else {
			t.reached = r.at
		}
	}
	return belong, done || t.list.cursor == ""
}

// safe is up to where everything in the window has been seen; the zero time if that cannot be told.
func (t *turn) safe(done bool) time.Time {
	switch {
	case done:
		return t.window.to
	case !t.sorted:
		return time.Time{}
	case t.reached.After(t.window.to):
		return t.window.to
	}
	return t.reached
}

// emitTurn writes a page's records, moves the bookmark behind them and writes the state, in this order and undivided.
func (s *syncer) emitTurn(j *job, t *turn, page *recharge.Page) (done bool, err error) {
	records, err := j.records.make(page.Items, "")
	if err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	wasSorted := t.sorted
	records, done = t.advance(records)
	if wasSorted && !t.sorted {
		s.run.Log.Warn("the list is not in the order that was asked for, so the bookmark moves at its end only", "stream", j.stream.name)
	}
	if err := s.write(j, records, page.Date, 0); err != nil {
		return false, err
	}
	j.mark.advance(t.safe(done))
	j.progress.page(t, done)
	s.run.Metrics.Window(j.stream.name, t.window.text(t.reached))
	if j.mark.IsZero() {
		return done, nil
	}
	return done, s.save(j, j.mark.stored(j.stream))
}

// warnRetention says that Recharge has forgotten part of what a window asks for.
func (s *syncer) warnRetention(j *job, w window) {
	keep := j.stream.retention
	oldest := s.now.Add(-keep)
	if keep == 0 || w.from.After(oldest) {
		return
	}
	log := s.run.Log.With("stream", j.stream.name, "kept_since", formatTime(oldest.Truncate(time.Second)))
	switch {
	case !j.mark.IsZero():
		log.Warn("the bookmark is older than what Recharge still lists: "+retentionOf(j.stream), "bookmark", formatTime(j.mark.Time))
	case w.from.IsZero():
		log.Info("Recharge does not list everything: " + retentionOf(j.stream))
	default:
		log.Warn("the start date is earlier than what Recharge still lists: "+retentionOf(j.stream), "start_date", formatTime(w.from))
	}
}

// retentionOf says what Recharge does not list of a stream any more, and what follows from it.
func retentionOf(st *stream) string {
	days := int(st.retention / (24 * time.Hour))
	if st.name == "charges" {
		return fmt.Sprintf("charges that were paid or refunded disappear %d days after they were processed; that is no deletion, "+
			"rows that are in the warehouse stay, and the stream orders has the older revenue", days)
	}
	return fmt.Sprintf("%s are kept for %d days only, and older ones cannot be read any more; run the tap more often than that", st.name, days)
}
