package main

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/stripe/stripe-go/v76"
	"golang.org/x/sync/errgroup"

	"tapline/singer"
)

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
func (s *syncer) readTrees(ctx context.Context, roots []*job) ([]*singer.StreamError, error) {
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
	var failed []*singer.StreamError
	for _, r := range c.readings {
		if r.err != nil {
			failed = append(failed, &singer.StreamError{Stream: r.root.stream.name, Err: r.err})
		}
	}
	return failed, nil
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

// fewestPages is how many pages have to be left of a slice to be shared. Each slice ends with a page that is not full.
const fewestPages = 3

// steal takes over a part of the slice with the most left. More workers on one list than its limit needs are of no use.
// Nor may a list be divided much more often than it has shown pages: how its objects are spread over time is only found
// out by reading, and each part that turns out to be empty has cost a request.
func (c *crew) steal() (*reading, *walk) {
	var richest *walk
	var of *reading
	most := float64(fewestPages)
	for _, r := range c.readings {
		if r.stopped || r.shared >= r.mayShare(c.settings.PageSize) || r.busy >= c.client.limit.useful(r.root.stream.path) || c.run.Limit > 0 {
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

// expect tells the limiter how many pages of a stream are left, those of all accounts together.
func (c *crew) expect(st *stream) {
	pages := 0.0
	for _, r := range c.readings {
		if r.root.stream == st {
			pages += r.pagesLeft(c.settings.PageSize)
		}
	}
	c.client.limit.expect(st.path, pages)
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
