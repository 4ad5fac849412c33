package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/stripe/stripe-go/v76"
	"golang.org/x/sync/errgroup"
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
	stopped bool    // it failed, or one page was asked for
	err     error
}

// A crew reads several roots with many workers.
//
// While there are slices that nobody reads, a worker takes one, of the stream that fewest are on, because Stripe has a
// limit for each list. Later, a worker that has nothing to do takes over the older half of what another one has before
// it, where most is left. Boundaries are whole seconds, so that every object belongs to one slice, and what is read
// twice is at most the page that the other worker was waiting for.
type crew struct {
	*syncer
	readings []*reading
	passes   map[*stream]*pass
	atWork   int
	changed  *sync.Cond // there may be something to do, or nothing any more
}

// readTrees reads roots with their children. A failure that concerns one stream alone does not stop the others.
func (s *syncer) readTrees(ctx context.Context, roots []*job) ([]*streamError, error) {
	c := &crew{syncer: s, changed: sync.NewCond(&s.mu), passes: s.beginPasses(roots)}
	for _, j := range roots {
		r := &reading{root: j}
		if !j.silent {
			s.run.Metrics.Window(j.stream.name, "") // starts the stream's clock
		}
		if err := s.prepare(r); err != nil {
			return nil, err
		}
		c.readings = append(c.readings, r)
	}
	group, ctx := errgroup.WithContext(ctx)
	stop := context.AfterFunc(ctx, c.wake)
	defer stop()
	for range requestsAtOnce(s.settings.RequestRate) {
		group.Go(func() error { return c.work(ctx) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var failed []*streamError
	for _, r := range c.readings {
		if r.err != nil {
			failed = append(failed, &streamError{r.root.stream, r.err})
		}
	}
	return failed, nil
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
	j.mark.open(start, s.now.Unix()+1, j.stream.lists)
	r.opened = true
}

func (s *syncer) warnAged(j *job, oldest int64) {
	s.run.Log.Warn("Stripe does not keep these objects as far back as asked for; what is older is not read",
		"stream", j.stream.name, "from", time.Unix(oldest, 0).UTC().Format(time.RFC3339))
}

func (c *crew) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changed.Broadcast()
}

// work does what there is to do until nothing is left.
func (c *crew) work(ctx context.Context) error {
	for {
		r, w := c.next(ctx)
		if r == nil {
			return ctx.Err()
		}
		var err error
		if w != nil {
			err = c.readSlice(ctx, r, w)
		} else {
			err = c.readWhole(ctx, r.root)
		}
		if err := c.leave(r, w, err); err != nil {
			return err
		}
	}
}

// next waits for something to do and assigns it to the caller; a nil reading is the end. A walk comes with readings of
// slices.
func (c *crew) next(ctx context.Context) (*reading, *walk) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for ctx.Err() == nil {
		r, w := c.pick()
		if r != nil {
			r.busy++
			c.atWork++
			return r, w
		}
		if c.atWork == 0 {
			c.changed.Broadcast()
			return nil, nil
		}
		c.changed.Wait()
	}
	return nil, nil
}

// pick finds something to do.
func (c *crew) pick() (*reading, *walk) {
	var least *reading
	for _, r := range c.readings {
		if (least == nil || r.busy < least.busy) && (r.idleSlice() != nil || r.whole()) {
			least = r
		}
	}
	if least == nil {
		return c.steal()
	}
	if least.whole() {
		least.begun = true
		return least, nil
	}
	w := newWalk(least.root.stream, least.idleSlice())
	w.expand = least.root.expand()
	least.walks = append(least.walks, w)
	return least, w
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

// fewestPages is how many pages have to be left of a slice to be shared. Each slice ends with a page that is not full.
const fewestPages = 3

// steal takes over a part of the slice with the most left. More workers on one list than its limit needs are of no use.
// Nor may a list be divided more often than it has shown pages: how its objects are spread over time is only found out
// by reading, and each part that turns out to be empty has cost a request.
func (c *crew) steal() (*reading, *walk) {
	var richest *walk
	var of *reading
	most := float64(fewestPages)
	for _, r := range c.readings {
		if r.stopped || r.shared >= r.pages || r.busy >= requestsAtOnce(endpointRate) || c.run.Limit > 0 {
			continue
		}
		for _, w := range r.walks {
			if left := w.pagesLeft(c.settings.PageSize); left >= most {
				richest, of, most = w, r, left
			}
		}
	}
	if richest == nil {
		return nil, nil
	}
	w := richest.split()
	of.shared++
	of.root.mark.Backfill.Remaining = append(of.root.mark.Backfill.Remaining, w.slice)
	of.walks = append(of.walks, w)
	return of, w
}

// leave ends a worker's part in a reading. Failures that concern no other stream stay with the reading.
func (c *crew) leave(r *reading, w *walk, err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.changed.Broadcast()
	r.busy--
	c.atWork--
	r.walks = slices.DeleteFunc(r.walks, func(other *walk) bool { return other == w })
	var api *APIError
	unused := errors.As(err, &api) && r.root.stream.product && api.productMissing()
	if p := c.passes[r.root.stream]; p != nil {
		// An account without the product has no rows of it, but where there is no other account nothing was read at all.
		if err := c.endPass(p, r.root, err == nil || unused && c.several); err != nil {
			return err
		}
	}
	switch {
	case err == nil:
		return nil
	case unused:
		if !r.stopped {
			c.run.Log.Warn("the account does not use what the stream belongs to, so the stream stays empty", "stream", r.root.stream.name)
		}
	case concernsOneStream(err) || errors.As(err, &api) && r.root.account != "" && api.Code == string(stripe.ErrorCodeAccountInvalid):
		if r.err == nil {
			r.err = err
			c.run.Log.Warn("the stream cannot be read, the others go on", "stream", r.root.stream.name)
		}
	default:
		return err
	}
	r.stopped = true
	return nil
}

// readSlice reads a slice to its end.
func (c *crew) readSlice(ctx context.Context, r *reading, w *walk) error {
	j := r.root
	for {
		answer, err := c.client.list(ctx, request{account: j.account, path: j.stream.path, query: w.query(), size: c.pageSize(j.stream)})
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

// pageSize is how many objects to ask for at once; 0 where that cannot be said.
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
