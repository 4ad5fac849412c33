package load

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/apache/arrow/go/v15/arrow/array"
	"golang.org/x/sync/semaphore"

	"tapline/singer"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// committer takes decoded steps in their order and makes them durable in groups. It works in one goroutine.
type committer struct {
	dest    destination.Destination
	emit    func(json.RawMessage) error
	options Options
	ledger  *ledger
	pending map[string]*pending // by stream
	bytes   int64               // of all pending batches
	since   time.Time           // when the oldest thing that waits for a commit arrived; zero when nothing waits
	last    time.Time           // when the last commit ended
	warned  map[string]bool     // streams whose ACTIVATE_VERSION was answered with a warning
	run     destination.Run
}

// pending is what has been decoded of one stream and is not durable.
type pending struct {
	batches []*table.Batch
	rows    int64
	table   *table.Table // the latest SCHEMA's, to be migrated even when no row follows; nil once it has been
}

// stateInterval is the least time between two commits that hold a state and no rows.
const stateInterval = time.Second

func newCommitter(dest destination.Destination, emit func(json.RawMessage) error, o Options) *committer {
	c := &committer{dest: dest, emit: emit, options: o, ledger: newLedger(), pending: map[string]*pending{}, warned: map[string]bool{}, run: o.Run}
	c.run.Status = destination.Running
	c.run.Tables = map[string]destination.Counts{}
	return c
}

// start records the run before anything is read, so that a run which is killed leaves a trace.
func (c *committer) start(ctx context.Context) error { return c.commit(ctx, nil) }

// consume takes steps until the queue ends, a step fails or ctx ends. On return everything read before the failure is
// durable, unless the destination itself failed.
func (c *committer) consume(ctx context.Context, queue <-chan *step, inFlight *semaphore.Weighted) error {
	tick := time.NewTicker(min(c.options.BatchWait, stateInterval) / 4)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
			if err := c.flushOverdue(ctx); err != nil {
				return err
			}
		case s, ok := <-queue:
			if !ok {
				return c.flushAll(ctx)
			}
			<-s.done
			err := c.take(ctx, s)
			inFlight.Release(s.weight)
			if err != nil {
				return err
			}
			if fault := cmp.Or(s.err, s.fault); fault != nil {
				return errors.Join(fault, c.flushAll(ctx))
			}
		}
	}
}

// take adds a step's batches to what is pending, heeds its message, and commits where a limit is reached.
func (c *committer) take(ctx context.Context, s *step) error {
	for _, b := range s.batches {
		p := c.of(b.Table.Stream)
		p.batches = append(p.batches, b)
		p.rows += b.Rows.NumRows()
		c.bytes += b.Bytes
		c.run.RowsIn += b.Rows.NumRows()
		c.ledger.record(b.Table.Stream, firstOrdinal(b))
		c.waits()
	}
	c.run.BytesIn += s.size
	c.heed(s)
	if c.bytes >= c.options.BatchBytes {
		return c.flushAll(ctx)
	}
	var full []string
	for _, b := range s.batches {
		if stream := b.Table.Stream; c.of(stream).rows >= c.options.BatchRows && !slices.Contains(full, stream) {
			full = append(full, stream)
		}
	}
	if full == nil {
		return nil
	}
	return c.commit(ctx, full)
}

func firstOrdinal(b *table.Batch) int64 {
	last := int(b.Rows.NumCols()) - 1
	return b.Rows.Column(last).(*array.Int64).Value(0)
}

// heed takes note of a step's states and of the message behind them; where a record could not be taken, only of what
// stands before it.
func (c *committer) heed(s *step) {
	for _, q := range s.states {
		if q.ordinal <= s.last {
			c.ledger.push(q.state, q.ordinal)
			c.waits()
		}
	}
	if s.err != nil {
		return
	}
	switch m := s.message.(type) {
	case *singer.Schema:
		if s.plan != nil {
			c.of(m.Stream).table = s.plan.table
			c.waits()
		}
	case *singer.ActivateVersion:
		if !c.warned[m.Stream] {
			c.warned[m.Stream] = true
			c.options.Log.Warn("ACTIVATE_VERSION is not acted on: rows of older versions stay in the table", "stream", m.Stream, "version", m.Version)
		}
	}
}

func (c *committer) of(stream string) *pending {
	p := c.pending[stream]
	if p == nil {
		p = &pending{}
		c.pending[stream] = p
	}
	return p
}

func (c *committer) waits() {
	if c.since.IsZero() {
		c.since = c.options.Now()
	}
}

// flushOverdue commits everything when something has waited for BatchWait, or when a state waits for nothing but its commit.
func (c *committer) flushOverdue(ctx context.Context) error {
	now := c.options.Now()
	overdue := !c.since.IsZero() && now.Sub(c.since) >= c.options.BatchWait
	stateOnly := c.ledger.safe(nil) != nil && now.Sub(c.last) >= stateInterval
	switch {
	case overdue:
		return c.flushAll(ctx)
	case stateOnly:
		return c.commit(ctx, nil)
	}
	return nil
}

// flushAll commits everything that waits; with nothing waiting it does nothing.
func (c *committer) flushAll(ctx context.Context) error {
	if c.since.IsZero() {
		return nil
	}
	return c.commit(ctx, slices.Sorted(maps.Keys(c.pending)))
}

// commit makes what is pending of the streams durable, in one load together with the newest state that this covers, and
// then emits that state.
func (c *committer) commit(ctx context.Context, streams []string) error {
	flushed := map[string]bool{}
	for _, stream := range streams {
		flushed[stream] = true
	}
	state := c.ledger.safe(flushed)
	before := c.run
	c.run.Tables = maps.Clone(before.Tables)
	if err := c.load(ctx, streams, state); err != nil {
		c.run = before
		return err
	}
	for _, stream := range streams {
		c.settle(stream)
	}
	c.ledger.settle(flushed)
	if c.last = c.options.Now(); len(c.pending) == 0 && !c.ledger.waiting() {
		c.since = time.Time{}
	}
	if state == nil {
		return nil
	}
	if err := c.emit(state); err != nil {
		return fmt.Errorf("emitting a state: %w", err)
	}
	return nil
}

// load does the part of commit that the destination can undo.
func (c *committer) load(ctx context.Context, streams []string, state json.RawMessage) error {
	l, err := c.dest.Begin(ctx)
	if err != nil {
		return fmt.Errorf("beginning a load: %w", err)
	}
	defer l.Rollback()
	for _, stream := range streams {
		counts, err := c.loadStream(ctx, l, c.pending[stream])
		if err != nil {
			return fmt.Errorf("stream %s: %w", stream, err)
		}
		total := c.run.Tables[stream]
		total.Inserted += counts.Inserted
		total.Updated += counts.Updated
		c.run.Tables[stream] = total
		c.run.Rows += c.pending[stream].rows
	}
	if state != nil {
		c.run.States++
	}
	if err := l.Commit(ctx, destination.Checkpoint{State: state, Run: c.run}); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}

// loadStream first makes the table fit all that is pending, since engines do not like DDL between rows, and then appends
// the batches, those of one Table together, in the order of arrival.
func (c *committer) loadStream(ctx context.Context, l destination.Load, p *pending) (sum destination.Counts, err error) {
	var last *table.Table
	for _, b := range p.batches {
		if b.Table != last {
			if err := l.Migrate(ctx, b.Table); err != nil {
				return sum, err
			}
			last = b.Table
		}
	}
	if p.table != nil && p.table != last {
		if err := l.Migrate(ctx, p.table); err != nil {
			return sum, err
		}
	}
	for rest := p.batches; len(rest) > 0; {
		same := 1
		for same < len(rest) && rest[same].Table == rest[0].Table {
			same++
		}
		counts, err := l.Append(ctx, rest[:same])
		if err != nil {
			return sum, err
		}
		sum.Inserted += counts.Inserted
		sum.Updated += counts.Updated
		rest = rest[same:]
	}
	return sum, nil
}

func (c *committer) settle(stream string) {
	p := c.pending[stream]
	for _, b := range p.batches {
		c.bytes -= b.Bytes
	}
	release(p.batches)
	if c.options.Metrics != nil {
		c.options.Metrics.Records(stream, int(p.rows))
	}
	delete(c.pending, stream)
}

// finish records how the run ended. It uses a context of its own where the run was cut short, since the row should be written
// all the same; a destination that fails here too changes nothing about the failure reported.
func (c *committer) finish(ctx context.Context, failure error) error {
	for _, p := range c.pending {
		release(p.batches)
	}
	c.pending = map[string]*pending{}
	c.ledger = newLedger()
	c.run.EndedAt = c.options.Now()
	switch {
	case errors.Is(failure, context.Canceled):
		c.run.Status = destination.Interrupted
	case failure != nil:
		c.run.Status, c.run.Message = destination.Failed, failure.Error()
	case c.options.Interrupted():
		c.run.Status = destination.Interrupted
	default:
		c.run.Status = destination.Succeeded
	}
	err := c.commit(context.WithoutCancel(ctx), nil)
	if failure != nil {
		return failure
	}
	return err
}
