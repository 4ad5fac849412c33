package main

import (
	"cmp"
	"context"
	"strconv"
	"time"
)

// settleable are the streams whose objects turn from pending to available without an event.
var settleable = []string{"balance_transactions"}

// settlesWithin is how long after its creation a transaction becomes available at the latest.
const settlesWithin = 45 * 24 * time.Hour

// A settleMark is when the next of the pending transactions becomes available, and up to where they were looked at, in
// Unix seconds. The creation of the oldest of them is in the stream's bookmark.
type settleMark struct {
	Due   int64 `json:"due"`
	Until int64 `json:"until"`
}

// unsettled are the selected streams whose objects may be pending.
func (f *follower) unsettled() []*job {
	var jobs []*job
	for _, name := range settleable {
		if j := f.byName[name]; j != nil && j.mark != nil && j.mark.Created > 0 {
			jobs = append(jobs, j)
		}
	}
	return jobs
}

// settle reads again what was pending, once one of the objects is due, and takes note of what is pending now.
func (f *follower) settle(ctx context.Context) error {
	return f.eachOf(ctx, f.unsettled(), func(ctx context.Context, j *job) error {
		now, mark, from := f.now.Unix(), f.mark.Settle, j.mark.PendingFrom
		if from == 0 { // no run has looked yet who is pending
			from, mark = f.mayBePending(cmp.Or(j.mark.FullSyncedAt, now)), nil
		}
		if mark == nil && j.mark.FullSyncedAt >= f.syncer.now.Unix() { // all is fresh; the next run looks
			return f.emit(nil, func() error {
				j.mark.PendingFrom = from
				return f.setSettle(j, &settleMark{Until: now})
			})
		}
		mark = cmp.Or(mark, &settleMark{})
		if now < mark.Due {
			from = max(from, mark.Until-f.settings.Overlap)
		}
		next, oldest, err := f.readSettled(ctx, j, from, now+1)
		if err != nil {
			return err
		}
		return f.emit(nil, func() error {
			switch {
			case now < mark.Due && next.Due != 0: // those that were not read are still there
				next.Due = min(next.Due, mark.Due)
			case now < mark.Due:
				next.Due = mark.Due
			default:
				j.mark.PendingFrom = max(oldest, f.mayBePending(now))
			}
			return f.setSettle(j, &next)
		})
	})
}

// mayBePending is the creation of the oldest transaction that may have been pending when it was read, at the earliest at
// that time: the run that read it may have been cut long ago.
func (f *follower) mayBePending(read int64) int64 {
	return max(read-int64(settlesWithin.Seconds()), f.settings.start, 1)
}

func (f *follower) setSettle(j *job, mark *settleMark) error {
	f.mark.Settle = mark
	if err := f.run.Bookmarks.Set(j.key(), j.mark); err != nil {
		return err
	}
	return f.run.Bookmarks.Set(stateKey(changesKey, f.account), f.mark)
}

// readSettled writes what is not pending (any more) of what was created in [from, until), and returns when the next of
// the pending ones is due and when the oldest was created.
func (f *follower) readSettled(ctx context.Context, j *job, from, until int64) (next settleMark, oldest int64, err error) {
	next, oldest = settleMark{Until: until - 1}, until-1-f.settings.Lag
	after := ""
	for {
		q := listQuery(j, "", after)
		q.Add("created[gte]", strconv.FormatInt(from, 10))
		q.Add("created[lt]", strconv.FormatInt(until, 10))
		answer, err := f.client.list(ctx, request{account: f.account, path: j.stream.path, query: q, size: f.pageSize(j.stream)})
		if err != nil {
			return next, 0, err
		}
		b := batch{job: j, account: f.account}
		for _, object := range answer.objects {
			e, err := identify(object, j.stream.cursor)
			if err != nil {
				return next, 0, err
			}
			after = e.id
			if textOf(member(object, "status")) != "pending" {
				if f.asListed(j, e.id, object) {
					continue
				}
				b.found = append(b.found, found{object: object, read: answer.read})
				continue
			}
			oldest = min(oldest, e.created)
			if due, err := strconv.ParseInt(string(member(object, "available_on")), 10, 64); err == nil && (next.Due == 0 || due < next.Due) {
				next.Due = due
			}
		}
		if len(b.found) > 0 {
			if err := f.emit([]batch{b}, nil); err != nil {
				return next, 0, err
			}
		}
		if !answer.more || len(answer.objects) == 0 {
			return next, oldest, nil
		}
	}
}

// reconcile reads the whole lists of streams again whose changes are not all told by events, if that is due.
func (f *follower) reconcile(ctx context.Context) error {
	var due []*job
	for _, j := range f.byName {
		every := f.reconcileEvery(j)
		switch {
		case every == 0 || j.stream.parent != nil || j.stream.full || f.hasFailed(j) || j.mark.Created == 0 || j.mark.Backfill != nil:
		case f.now.Sub(time.Unix(j.mark.FullSyncedAt, 0)) >= every:
			f.run.Log.Info("the stream is read from the start again, because not all of its changes have events", "stream", j.stream.name, "account", f.account)
			due = append(due, j)
		}
	}
	return f.readAgain(ctx, due)
}

// reconcileEvery is how often the list of a stream is to be read whole; 0: never.
func (f *follower) reconcileEvery(j *job) time.Duration {
	every := j.stream.reconcile
	if f.blind && followed(j) {
		every = cmp.Or(every, weekly)
	}
	if f.settings.ReconcileDays == nil || every == 0 {
		return every
	}
	return time.Duration(*f.settings.ReconcileDays) * 24 * time.Hour
}
