package load

import (
	"context"
	"errors"
	"maps"
	"time"

	"tapline/singer"
	"tapline/target-warehouse/journal"
)

// finish records how the run ended. It does so even where the run was cut short; a destination that fails here too
// changes nothing about the failure reported.
func (c *committer) finish(ctx context.Context, failure error) error {
	c.notes.tell(c.options.Log)
	c.undo()
	c.book.end(failure, c.options.Interrupted())
	err := c.seal(context.WithoutCancel(ctx))
	if failure != nil {
		return failure
	}
	return err
}

func (c *committer) result() *Result {
	return &Result{Run: c.book.run, Tables: maps.Clone(c.book.tables)}
}

// end notes how the run ended, and what that says about its tables: after a run that ended well they are as fresh as its
// start.
func (b *book) end(failure error, interrupted bool) {
	run := &b.run
	run.EndedAt = b.options.Now()
	switch {
	case errors.Is(failure, context.Canceled), failure == nil && interrupted:
		run.Status = journal.Interrupted
	case failure != nil:
		run.Status, run.Message = journal.Failed, failure.Error()
	case run.Rejected > 0:
		run.Status = journal.Partial
	default:
		run.Status = journal.Succeeded
	}
	culprit := ""
	if fault := (*singer.RecordError)(nil); errors.As(failure, &fault) {
		culprit = fault.Stream
	}
	for stream, t := range b.tables {
		switch {
		case run.Status == journal.Succeeded, run.Status == journal.Partial:
			t.Status = journal.Synced
			t.ReloadRequestedAt = time.Time{}
			if t.LastReplicatedAt.Before(run.StartedAt) {
				t.LastReplicatedAt = run.StartedAt
			}
		case run.Status == journal.Failed && (culprit == "" || culprit == stream):
			t.Status, t.FailureReason = journal.TableFailed, failure.Error()
		}
		b.tables[stream] = t
		b.touched[stream] = true
	}
}
