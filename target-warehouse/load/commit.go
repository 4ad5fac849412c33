package load

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"golang.org/x/sync/semaphore"

	"tapline/singer"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// committer takes decoded steps in their order, hands their rows to the destination, and commits in groups. It works
// in one goroutine.
//
// Rows are pending in memory until they are staged: appended to the load that is open, which frees their memory. They
// are durable once that load is committed.
type committer struct {
	dest    destination.Destination
	emit    func(json.RawMessage) error
	options Options
	ledger  ledger
	streams map[string]*stream // those with rows or a table that are not durable
	pending int64              // bytes of all pending batches
	taken   int64              // bytes of all batches since the last commit
	open    destination.Load   // nil when nothing is staged
	// committed is run as the last commit recorded it; only set while a load is open.
	committed destination.Run
	migrated  map[*table.Table]bool // those that earlier loads have made the warehouse fit
	since     time.Time             // when the oldest thing that waits for a commit arrived; zero when nothing waits
	last      time.Time             // when the last commit ended
	replaced  map[string]int64      // by stream: how often U+FFFD took the place of what is not Unicode
	warned    map[string]bool       // streams whose ACTIVATE_VERSION was answered with a warning
	run       destination.Run
}

// stateInterval is the least time between two commits that hold a state and no rows.
const stateInterval = time.Second

func newCommitter(dest destination.Destination, emit func(json.RawMessage) error, o Options) *committer {
	c := &committer{dest: dest, emit: emit, options: o, streams: map[string]*stream{}, migrated: map[*table.Table]bool{}, replaced: map[string]int64{}, warned: map[string]bool{}, run: o.Run}
	c.run.Status = destination.Running
	c.run.Tables = map[string]destination.Counts{}
	return c
}

// start records the run before anything is read, so that a run which is killed leaves a trace.
func (c *committer) start(ctx context.Context) error { return c.seal(ctx) }

// consume takes steps until the queue ends, a step fails or ctx ends. On return everything read before the failure is
// durable, unless the destination itself failed.
func (c *committer) consume(ctx context.Context, queue <-chan *step, inFlight *semaphore.Weighted) error {
	tick := time.NewTicker(min(c.options.BatchWait, stateInterval) / 4)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			if err := c.commitOverdue(ctx); err != nil {
				return err
			}
		case s, ok := <-queue:
			if !ok {
				return c.commitAll(ctx)
			}
			<-s.done
			err := c.take(ctx, s)
			inFlight.Release(s.weight)
			if err != nil {
				return err
			}
			if fault := cmp.Or(s.err, s.fault); fault != nil {
				return errors.Join(fault, c.commitAll(ctx))
			}
		}
	}
}

// take makes a step's batches pending, heeds its message, and stages or commits where a limit is reached.
func (c *committer) take(ctx context.Context, s *step) error {
	var full []*stream
	for i, b := range s.batches {
		st := c.stream(b.Table.Stream)
		st.add(b)
		if s.replaced[i] > 0 {
			c.replaced[b.Table.Stream] += s.replaced[i]
		}
		c.pending += b.Bytes
		c.taken += b.Bytes
		c.run.RowsIn += b.Rows.NumRows()
		c.waits()
		c.options.Metrics.Window(st.name, fmt.Sprintf("and %d read", st.rows()))
		if st.rows() >= c.options.BatchRows {
			full = append(full, st)
		}
	}
	c.run.BytesIn += s.size
	c.heed(s)
	switch {
	case c.taken >= c.options.BatchBytes:
		return c.commitAll(ctx)
	case full != nil:
		return c.commit(ctx, full)
	case c.pending >= c.options.MaxMemory/4:
		return c.stage(ctx, c.sorted())
	}
	return nil
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
			c.stream(m.Stream).latest = s.plan.table
			c.waits()
		}
	case *singer.ActivateVersion:
		if !c.warned[m.Stream] {
			c.warned[m.Stream] = true
			c.options.Log.Warn("ACTIVATE_VERSION is not acted on: rows of older versions stay in the table", "stream", m.Stream, "version", m.Version)
		}
	}
}

func (c *committer) stream(name string) *stream {
	st := c.streams[name]
	if st == nil {
		st = &stream{name: name}
		c.streams[name] = st
	}
	return st
}

func (c *committer) waits() {
	if c.since.IsZero() {
		c.since = c.options.Now()
	}
}

// commitOverdue commits everything when something has waited for BatchWait, and a state that waits for nothing but its
// commit earlier than that.
func (c *committer) commitOverdue(ctx context.Context) error {
	now := c.options.Now()
	switch {
	case !c.since.IsZero() && now.Sub(c.since) >= c.options.BatchWait:
		return c.commitAll(ctx)
	case c.ledger.safe(c.oldest((*stream).oldest)) != nil && now.Sub(c.last) >= stateInterval:
		return c.seal(ctx)
	}
	return nil
}

// commitAll commits everything that waits; with nothing waiting it does nothing.
func (c *committer) commitAll(ctx context.Context) error {
	if c.since.IsZero() {
		return nil
	}
	return c.commit(ctx, c.sorted())
}

// commit makes the streams durable, and with them what is staged of others.
func (c *committer) commit(ctx context.Context, streams []*stream) error {
	if err := c.stage(ctx, streams); err != nil {
		return err
	}
	return c.seal(ctx)
}

// stage appends what is pending of the streams to the open load, which frees its memory.
func (c *committer) stage(ctx context.Context, streams []*stream) error {
	for _, st := range streams {
		// Engines do not take rows of a table that is altered behind rows of the same load.
		if st.stagedRows > 0 && st.alters(c.migrated) {
			if err := c.seal(ctx); err != nil {
				return err
			}
		}
		if err := c.begin(ctx); err != nil {
			return err
		}
		counts, err := st.stage(ctx, c.open)
		if err != nil {
			return fmt.Errorf("stream %s: %w", st.name, err)
		}
		total := c.run.Tables[st.name]
		total.Inserted += counts.Inserted
		total.Updated += counts.Updated
		c.run.Tables[st.name] = total
		c.pending -= st.free()
	}
	return nil
}

// begin opens a load if none is open.
func (c *committer) begin(ctx context.Context) (err error) {
	if c.open != nil {
		return nil
	}
	c.committed = c.run
	c.committed.Tables = maps.Clone(c.run.Tables)
	if c.open, err = c.dest.Begin(ctx); err != nil {
		c.open = nil
		return fmt.Errorf("beginning a load: %w", err)
	}
	return nil
}

// seal commits the open load together with the newest state that this covers, and then emits that state.
func (c *committer) seal(ctx context.Context) error {
	if err := c.begin(ctx); err != nil {
		return err
	}
	oldest := c.oldest((*stream).oldestPending)
	state := c.ledger.safe(oldest)
	if state != nil {
		c.run.States++
	}
	for _, st := range c.streams {
		c.run.Rows += st.stagedRows
	}
	if err := c.open.Commit(ctx, destination.Checkpoint{State: state, Run: c.run}); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	c.open = nil
	c.settle(oldest)
	if state == nil {
		return nil
	}
	if err := c.emit(state); err != nil {
		return fmt.Errorf("emitting a state: %w", err)
	}
	return nil
}

// settle forgets what a commit has made durable.
func (c *committer) settle(oldest int64) {
	c.ledger.settle(oldest)
	c.taken = c.pending
	for name, st := range c.streams {
		if st.stagedRows > 0 {
			c.options.Metrics.Records(name, int(st.stagedRows))
			c.options.Metrics.Window(name, "")
		}
		for _, t := range st.tables {
			c.migrated[t] = true
		}
		if st.settle(); st.empty() {
			delete(c.streams, name)
		}
	}
	if c.last = c.options.Now(); len(c.streams) == 0 && !c.ledger.waiting() {
		c.since = time.Time{}
	}
}

// undo gives up the open load and takes back what the run's row would say of it.
func (c *committer) undo() {
	if c.open != nil {
		c.open.Rollback()
		c.open = nil
		in, bytes := c.run.RowsIn, c.run.BytesIn
		c.run = c.committed
		c.run.RowsIn, c.run.BytesIn = in, bytes
	}
	for _, st := range c.streams {
		st.free()
	}
	c.streams = map[string]*stream{}
	c.ledger = ledger{}
}

// oldest returns the least of the ordinals that of gives for the streams; 0 stands for none.
func (c *committer) oldest(of func(*stream) int64) int64 {
	oldest := int64(math.MaxInt64)
	for _, st := range c.streams {
		if ordinal := of(st); ordinal > 0 {
			oldest = min(oldest, ordinal)
		}
	}
	return oldest
}

// sorted returns the streams by name, so that loads do the same things in the same order.
func (c *committer) sorted() []*stream {
	return slices.SortedFunc(maps.Values(c.streams), func(a, b *stream) int { return cmp.Compare(a.name, b.name) })
}

// finish records how the run ended. It does so even where the run was cut short; a destination that fails here too
// changes nothing about the failure reported.
func (c *committer) finish(ctx context.Context, failure error) error {
	for _, name := range slices.Sorted(maps.Keys(c.replaced)) {
		c.options.Log.Warn("text that is not Unicode was stored with U+FFFD in its place", "stream", name, "places", c.replaced[name])
	}
	c.undo()
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
	err := c.seal(context.WithoutCancel(ctx))
	if failure != nil {
		return failure
	}
	return err
}
