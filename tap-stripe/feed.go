package main

import (
	"context"
	"errors"
	"strconv"
	"sync"

	"github.com/stripe/stripe-go/v76/form"
	"golang.org/x/sync/errgroup"
)

const eventsPath = "/v1/events"

// A window of the feed is read whole before its objects are, so its size bounds the memory that a run takes.
const (
	windowEvents = 20_000
	windowBytes  = 64 << 20
	// windowParts is how many ranges of a window are read side by side.
	windowParts = 8
)

// followFeed reads the events since the last run, in windows from the oldest to the newest, and writes what changed.
func (f *follower) followFeed(ctx context.Context) error {
	f.takePlaces()
	start, end := f.span()
	narrow := end - start // the longest window that is tried
	for at := start; at < end; {
		until := min(at+narrow, end)
		w, err := f.readWindow(ctx, at, until)
		var full *windowFull
		if errors.As(err, &full) && until-at > 1 {
			narrow = max(min(full.fits, (until-at)/2), 1)
			continue
		}
		if err != nil {
			return err
		}
		if err := f.writeWindow(ctx, w, until); err != nil {
			return err
		}
		if w.events < f.settings.window/2 && w.bytes < windowBytes/2 {
			narrow *= 2
		}
		at = until
	}
	return nil
}

// span is the range of time whose events are to be read: from where the stream that is furthest behind goes on, to a
// little before now, because an event may show up a while after it was made. The overlap with what was read before is
// for those that take even longer.
func (f *follower) span() (start, end int64) {
	end = max(f.now.Unix()-f.settings.Lag, f.mark.Cursor)
	start = end
	for _, j := range f.jobs {
		if !f.hasFailed(j) {
			start = min(start, j.mark.EventFrom)
		}
	}
	return start, end
}

// windowFull says that a window holds more events than it may. One that is so many seconds long will probably do.
type windowFull struct{ fits int64 }

func (*windowFull) Error() string { return "too many events in a window" }

// readWindow folds the events made in [start, end). In a window of one second, which cannot be made smaller, all fit.
func (f *follower) readWindow(ctx context.Context, start, end int64) (*changes, error) {
	w := newChanges()
	if err := f.foldPending(ctx, w); err != nil {
		return nil, err
	}
	for _, types := range eventTypesOf(f.told) {
		if err := f.readRange(ctx, w, types, start, end); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// readRange reads the newest page of a range and, if there is more, the rest in several parts at once.
func (f *follower) readRange(ctx context.Context, w *changes, types []string, start, end int64) error {
	scan := &feedScan{follower: f, changes: w, types: types, start: start, end: end}
	reached, more, err := scan.page(ctx, start, end, "")
	if err != nil || !more {
		return err
	}
	if span := end - reached.created; end-start > 1 && (end-start)/span*int64(f.settings.PageSize) > 4*int64(f.settings.window) {
		return &windowFull{fits: span * int64(f.settings.window) / 2 / int64(f.settings.PageSize)}
	}
	rest := reached.created + 1 // the page may have ended in the middle of the second it reached
	parts := min(int64(windowParts), rest-start)
	group, ctx := errgroup.WithContext(ctx)
	for i := range parts {
		group.Go(func() error { return scan.all(ctx, start+(rest-start)*i/parts, start+(rest-start)*(i+1)/parts) })
	}
	return group.Wait()
}

// A feedScan reads a range of the feed into a window.
type feedScan struct {
	*follower
	types      []string // of the events to read; none: all
	start, end int64

	mu      sync.Mutex // guards changes
	changes *changes
}

// all reads a part of the range, page by page from its newest event.
func (s *feedScan) all(ctx context.Context, start, end int64) error {
	after := ""
	for {
		reached, more, err := s.page(ctx, start, end, after)
		if err != nil || !more {
			return err
		}
		if reached.id == after {
			return &listError{findStream("events"), "shows the same objects again and again"}
		}
		after = reached.id
	}
}

// page reads one page of a part, behind the event with the id after if that is not empty, and returns its last event.
// A part that has aged out meanwhile has no more.
func (s *feedScan) page(ctx context.Context, start, end int64, after string) (reached event, more bool, err error) {
	answer, err := s.client.list(ctx, request{account: s.account, path: eventsPath, query: s.query(start, end, after), size: s.settings.PageSize})
	var api *APIError
	if errors.As(err, &api) && api.agedOut() {
		return reached, false, nil
	}
	if err != nil {
		return reached, false, err
	}
	if answer.more && len(answer.objects) == 0 {
		return reached, false, &listError{findStream("events"), "announces more objects but shows none"}
	}
	for _, raw := range answer.objects {
		if reached, err = parseEvent(raw); err != nil {
			return reached, false, err
		}
		if err := s.fold(reached, len(raw)); err != nil {
			return reached, false, err
		}
	}
	return reached, answer.more, nil
}

func (s *feedScan) query(start, end int64, after string) *form.Values {
	q := &form.Values{}
	q.Add("created[gte]", strconv.FormatInt(start, 10))
	q.Add("created[lt]", strconv.FormatInt(end, 10))
	for _, typ := range s.types {
		q.Add("types[]", typ)
	}
	if after != "" {
		q.Add("starting_after", after)
	}
	return q
}

// fold adds an event to the window.
func (s *feedScan) fold(e event, size int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, again := s.changes.seen[e.id]; again {
		return nil
	}
	s.changes.seen[e.id] = e.created
	s.changes.events++
	s.changes.bytes += size
	if s.end-s.start > 1 && (s.changes.events > s.settings.window || s.changes.bytes > windowBytes) {
		return &windowFull{fits: (s.end - s.start) / 2}
	}
	s.route(s.changes, &e)
	return nil
}

// writeWindow writes what changed in a window and then moves the bookmarks to its end.
func (f *follower) writeWindow(ctx context.Context, w *changes, end int64) error {
	if err := f.hydrate(ctx, w); err != nil {
		return err
	}
	return f.emit(nil, func() error {
		f.mark.advance(end, f.settings.Overlap, w.seen)
		f.mark.Pending, f.retried = w.pending, true
		for _, j := range f.jobs {
			if f.hasFailed(j) {
				continue
			}
			j.mark.EventFrom = max(j.mark.EventFrom, end-f.settings.Overlap)
			if err := f.run.Bookmarks.Set(j.key(), j.mark); err != nil {
				return err
			}
		}
		return f.run.Bookmarks.Set(stateKey(changesKey, f.account), f.mark)
	})
}
