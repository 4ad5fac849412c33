package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"tapline/singer"
)

// keptEvents is how far back events are relied on: Stripe keeps them for 30 days, and a day is left for the run.
const keptEvents = 29 * 24 * time.Hour

// A follower reads what has changed in one account since the run before.
//
// Events only say which objects changed. Each of these is read anew, once, and what Stripe shows then is written. The
// order of events does not matter then, reading one twice does no harm, and nothing is written that an event shows at
// another API version, without its expanded fields or with lists cut short.
type follower struct {
	*syncer
	account string
	now     time.Time // by the server's clock, when following began
	mark    *feedMark

	jobs      []*job            // whose changes are followed: roots
	told      []*job            // all that events tell of, these and those below them
	byName    map[string]*job   // all selected ones
	byObject  map[string][]*job // by what "object" says in their objects
	triggered []*job            // that change with other objects
	children  map[*job][]*job   // that their parents show a page of

	from    map[*job]int64   // where events count for a root
	recent  map[string]int64 // events that jobs need not do again which have come to the end of the feed
	abreast map[*job]bool    // the roots that have
	retried bool             // what was missing in the last run has been looked up
	blind   bool             // the key may not read events

	mu     sync.Mutex
	failed map[*job]error // by root
}

// followChanges reads what has changed in an account. It is called when the lists of the jobs have been read, and while
// nothing else reads them, so that of two answers about one object the later one is also written later.
//
// Failures that concern one stream leave its bookmark where it is and do not stop the others.
func (s *syncer) followChanges(ctx context.Context, account string, jobs []*job) error {
	f := newFollower(s, account, jobs)
	if s.run.Limit > 0 {
		return nil
	}
	if err := f.begin(ctx); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{f.bridgeGaps, f.followFeed, f.settle, f.reconcile} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	var failed []*singer.StreamError
	for _, j := range jobs {
		if err := f.failed[j]; err != nil {
			failed = append(failed, &singer.StreamError{Stream: j.stream.name, Err: err})
		}
	}
	return singer.JoinStreamErrors(failed)
}

func newFollower(s *syncer, account string, jobs []*job) *follower {
	f := &follower{syncer: s, account: account, byName: map[string]*job{}, byObject: map[string][]*job{}, children: map[*job][]*job{}, failed: map[*job]error{}}
	for _, j := range jobs {
		f.byName[j.stream.name] = j
	}
	for _, j := range jobs {
		root := f.root(j)
		if !followed(root) {
			continue
		}
		st := j.stream
		if j == root {
			f.jobs = append(f.jobs, j)
		}
		if st.object != "" || len(st.triggers) > 0 {
			f.told = append(f.told, j)
		}
		if st.object != "" {
			f.byObject[st.object] = append(f.byObject[st.object], j)
		}
		if len(st.triggers) > 0 {
			f.triggered = append(f.triggered, j)
		}
		if st.parent != nil && st.parent.embedded != "" && f.byName[st.parent.stream] != nil {
			parent := f.byName[st.parent.stream]
			f.children[parent] = append(f.children[parent], j)
		}
	}
	return f
}

// root returns the job whose bookmark covers a job: of a child stream, that of the stream on which it hangs in the end.
func (f *follower) root(j *job) *job {
	for j.stream.parent != nil {
		parent := f.byName[j.stream.parent.stream]
		if parent == nil {
			break
		}
		j = parent
	}
	return j
}

// followed tells whether events are needed to keep a stream up to date, and whether it was begun to be read. What is
// read whole in each run needs none.
func followed(j *job) bool {
	st := j.stream
	return !st.full && !st.single && st.retention == 0 && (st.object != "" || len(st.triggers) > 0) && j.mark != nil &&
		(j.mark.EventFrom > 0 || j.mark.Created > 0 || j.mark.Backfill != nil || listless(st))
}

// listless tells whether objects of a stream are only heard of by events.
func listless(st *stream) bool { return st.parent == nil && st.cursor == "" && !st.full && !st.single }

// begin takes the account's place in the feed from the state, and asks for the time, because reading the lists may have
// taken long.
func (f *follower) begin(ctx context.Context) (err error) {
	if f.now, err = f.askTime(ctx); err != nil {
		return err
	}
	f.mark, err = readFeedMark(f.run.Bookmarks, f.account, f.now)
	return err
}

// askTime asks the list of events for the time. A key that may not read it gets what it may: new objects by lists,
// and changes when these are read whole. No place in the feed moves then.
func (f *follower) askTime(ctx context.Context) (time.Time, error) {
	if len(f.jobs) == 0 {
		return f.syncer.now, nil
	}
	answer, err := f.client.list(ctx, request{account: f.account, path: eventsPath, query: probe()})
	var api *APIError
	switch {
	case err == nil:
		return answer.read, nil
	case errors.As(err, &api) && api.Status == http.StatusForbidden && !api.concernsKey():
		f.run.Log.Warn("the key may not read events, so changes and deletions of objects that were read before are not followed; grant it rak_event_read",
			"account", f.account)
		f.jobs, f.blind = nil, true
		return f.syncer.now, nil
	}
	return time.Time{}, fmt.Errorf("reading what has changed since the last run: %w", err)
}

// noteStartOf notes from when on the changes of a stream are to be read whose lists are read from now on for the first
// time. It is called before the first page.
func (s *syncer) noteStartOf(_ string, j *job) error {
	return s.emit(nil, func() error {
		j.mark.FullSyncedAt = s.now.Unix()
		if j.mark.EventFrom > 0 {
			return nil // a page may have been written before the run was cut
		}
		if j.stream.object != "" || len(j.stream.triggers) > 0 {
			j.mark.EventFrom = s.now.Unix() - s.settings.Lag
		}
		return s.run.Bookmarks.Set(j.key(), j.mark)
	})
}

// bridgeGaps reads the lists of streams anew whose changes cannot be told by events any more, because the last run was
// too long ago, or because it did not follow them. The bookmarks of both are moved first and at once, so that a run
// that is cut goes on with the list. All events that are left are read, for those of deletions are not in any list.
func (f *follower) bridgeGaps(ctx context.Context) error {
	oldest := f.now.Add(-keptEvents).Unix()
	var relist []*job
	for _, j := range f.jobs {
		if j.mark.EventFrom == 0 {
			if from := importedFrom(f.run.Bookmarks, j); from > 0 {
				j.mark.EventFrom = from - f.settings.Overlap
			}
		}
		switch {
		case j.mark.EventFrom >= oldest:
		case j.mark.FullSyncedAt-f.settings.Lag >= oldest || listless(j.stream): // events tell of what the list does not show
			j.mark.EventFrom = oldest
		default:
			f.run.Log.Info("Stripe's events do not reach back to what was last known of the stream; it is read from the start again",
				"stream", j.stream.name, "account", f.account)
			relist = append(relist, j)
		}
	}
	f.warnOfLeftovers(relist)
	return f.readAgain(ctx, relist)
}

// takePlaces notes which events count for which stream.
func (f *follower) takePlaces() {
	f.recent, f.from, f.abreast = f.mark.Recent, map[*job]int64{}, map[*job]bool{}
	for _, j := range f.jobs {
		f.from[j], f.abreast[j] = j.mark.EventFrom, j.mark.EventFrom == f.mark.Cursor-f.settings.Overlap
	}
}

// counts tells whether an event may tell of a change that a job has not followed yet.
func (f *follower) counts(e *event, j *job) bool {
	root := f.root(j)
	switch {
	case f.hasFailed(root):
		return false
	case e.again:
		return true
	case e.created < f.from[root]:
		return false
	}
	_, done := f.recent[e.id]
	return !done || !f.abreast[root]
}

// readAgain reads the whole lists of streams, in the way of their first run.
func (f *follower) readAgain(ctx context.Context, jobs []*job) error {
	if len(jobs) == 0 {
		return nil
	}
	err := f.emit(nil, func() error {
		for _, j := range jobs {
			j.mark.EventFrom, j.mark.FullSyncedAt = max(j.mark.EventFrom, f.now.Add(-keptEvents).Unix()), f.now.Unix()
			j.mark.Backfill = nil
			j.mark.open(f.settings.start, f.now.Unix()+1, j.stream.lists)
			if err := f.beginSweep(j); err != nil {
				return err
			}
			if err := f.run.Bookmarks.Set(j.key(), j.mark); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	failed, err := f.readTrees(ctx, jobs)
	for _, one := range failed {
		for _, j := range jobs {
			if j.stream.name == one.Stream {
				_ = f.judge(j, one.Err) // it concerns this stream
			}
		}
	}
	if err == nil {
		err = f.endSweeps(jobs)
	}
	return err
}

// eachOf does something for several jobs, a few at a time, and takes note of failures that concern one stream.
func (f *follower) eachOf(ctx context.Context, jobs []*job, do func(context.Context, *job) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(streamsAtOnce)
	for _, j := range jobs {
		if f.hasFailed(j) {
			continue
		}
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return f.judge(j, do(ctx, j))
		})
	}
	return group.Wait()
}

// judge takes note of a failure that concerns one stream and returns any other.
func (f *follower) judge(j *job, err error) error {
	if err == nil || !concernsOneStream(err) {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failed[f.root(j)] == nil {
		f.failed[f.root(j)] = err
		f.run.Log.Warn("the changes of a stream cannot be read, the others go on", "stream", j.stream.name)
	}
	return nil
}

func (f *follower) hasFailed(j *job) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed[f.root(j)] != nil
}
