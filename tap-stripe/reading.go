package main

import (
	"context"
	"errors"
	"slices"
	"time"
)

// A reading is one root of a run and how far reading it has come. It is guarded by syncer.mu.
type reading struct {
	root    *job
	walks   []*walk // that workers are on
	busy    int     // workers
	pages   int     // that were not empty
	shared  int     // slices that were divided
	begun   bool    // of a stream that is read whole
	opened  bool    // the range up to now
	since   int64   // of that range, from when on objects were created that no run before has written; 0: all may have been
	stopped bool    // it failed, or one page was asked for
	err     error
}

// whole tells whether the reading is one of a stream that is read whole, and waits for a worker.
func (r *reading) whole() bool {
	return (r.root.stream.full || r.root.stream.single) && !r.begun && !r.stopped
}

// idleSlice returns a slice that nobody reads, or nil.
func (r *reading) idleSlice() *slice {
	if r.stopped || r.root.mark.Backfill == nil {
		return nil
	}
	for _, s := range r.root.mark.Backfill.Remaining {
		if !slices.ContainsFunc(r.walks, func(w *walk) bool { return w.slice == s }) {
			return s
		}
	}
	return nil
}

// pagesLeft estimates how many pages workers have before them.
func (r *reading) pagesLeft(size int) (pages float64) {
	for _, w := range r.walks {
		pages += w.pagesLeft(size)
	}
	return pages
}

// A list that seems to have at least longPages before it may be divided aheadOfPages times more often than it has shown
// pages, so that it is soon read at the full rate.
const (
	longPages    = 100
	aheadOfPages = 3
)

// mayShare is how often the list may be divided by now.
func (r *reading) mayShare(size int) int {
	if r.pages > 0 && r.pagesLeft(size) >= longPages {
		return r.pages + aheadOfPages
	}
	return r.pages
}

// prepare opens what is to be read of a list: first what an earlier run has left, if there is something.
func (s *syncer) prepare(r *reading) error {
	j := r.root
	if j.stream.cursor == "" {
		return nil
	}
	if oldest := s.kept(j.stream); j.mark.forget(oldest) {
		s.warnAged(j, oldest)
	}
	if j.mark.Backfill != nil {
		return nil
	}
	if j.mark.Created == 0 && s.noteStart != nil {
		if err := s.noteStart(j.account, j); err != nil {
			return err
		}
	}
	s.open(r)
	return nil
}

// kept is the time before which the server does not keep a stream's objects.
func (s *syncer) kept(st *stream) int64 {
	if st.retention == 0 {
		return 0
	}
	return s.now.Add(-st.retention).Unix()
}

// open begins to read everything up to now.
func (s *syncer) open(r *reading) {
	j := r.root
	start := j.mark.next(s.settings.start, max(s.settings.Lookback, int64(j.stream.lookback.Seconds())))
	if oldest := s.kept(j.stream); start < oldest {
		if start > 0 {
			s.warnAged(j, oldest)
		}
		start = oldest
	}
	r.opened, r.since = true, j.mark.Created
	j.mark.open(start, s.now.Unix()+1, j.stream.lists)
}

func (s *syncer) warnAged(j *job, oldest int64) {
	s.run.Log.Warn("Stripe does not keep these objects as far back as asked for; what is older is not read",
		"stream", j.stream.name, "from", time.Unix(oldest, 0).UTC().Format(time.RFC3339))
}

// readSlice reads a slice to its end.
func (c *crew) readSlice(ctx context.Context, r *reading, w *walk) error {
	j := r.root
	for {
		answer, err := c.client.list(ctx, request{account: j.account, path: j.stream.path, query: w.query(), size: c.pageSizeOf(j)})
		var api *APIError
		switch {
		case err == nil:
		case errors.As(err, &api) && api.missing() && c.restart(w):
			continue
		case errors.As(err, &api) && api.agedOut() && j.stream.retention > 0:
			answer = &page{read: c.now}
		default:
			return err
		}
		done, err := c.emitPage(ctx, r, w, answer)
		if err != nil || done {
			return err
		}
	}
}

// triedParents is how many objects are asked for, where few records are wanted, if others are to be found below them: the
// first need not have any.
const triedParents = 5

// pageSizeOf is how many objects of a job to ask for at once; 0 where that cannot be said.
func (s *syncer) pageSizeOf(j *job) int {
	size := s.pageSize(j.stream)
	if s.run.Limit > 0 && size > 0 && len(j.children) > 0 {
		return min(s.settings.PageSize, max(size, triedParents))
	}
	return size
}

// pageSize is pageSizeOf where nothing is to be found below the objects.
func (s *syncer) pageSize(st *stream) int {
	switch {
	case st.unpaged:
		return 0
	case s.run.Limit > 0:
		return min(s.settings.PageSize, s.run.Limit)
	}
	return s.settings.PageSize
}

func (c *crew) restart(w *walk) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return w.restart()
}

// emitPage writes the objects of a page of a walk, and moves the bookmark behind them. It reports whether the worker
// is done with the slice.
func (c *crew) emitPage(ctx context.Context, r *reading, w *walk, answer *page) (done bool, err error) {
	entries, err := identifyAll(r.root.stream, answer.objects)
	if err != nil {
		return false, err
	}
	c.mu.Lock()
	keep, done, err := w.take(entries, answer.more)
	if keep > 0 {
		r.pages++
	}
	c.expect(r.root.stream)
	c.changed.Broadcast() // how much is left is known now
	c.mu.Unlock()
	if err != nil {
		return false, err
	}
	batches, err := c.withChildren(ctx, batch{job: r.root, account: r.root.account, found: foundOn(answer)[:keep]})
	if err != nil {
		return false, err
	}
	stopped := false
	err = c.emit(batches, func() error {
		c.remember(r.since, entries[:keep], batches)
		if w.settle(); done {
			c.finish(r, w.slice)
		}
		r.stopped = r.stopped || c.run.Limit > 0
		stopped = r.stopped
		if !r.root.silent {
			c.run.Metrics.Window(r.root.stream.name, w.window())
		}
		return c.run.Bookmarks.Set(r.root.key(), r.root.mark)
	})
	return done || stopped, err
}

// finish takes a slice that was read whole off the reading. Behind what an earlier run has left comes what is new.
func (c *crew) finish(r *reading, s *slice) {
	r.root.mark.finish(s)
	if r.root.mark.Backfill == nil && !r.opened {
		c.open(r)
	}
}
