package load

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"tapline/target-warehouse/batch"
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
	bare    map[string]*bare   // by stream
	ahead   map[string]bool    // by stream: whether one of its bare ones came ahead of records
	came    map[string]bool    // by stream: whether records of it came
	pending int64              // bytes of all pending batches
	taken   int64              // bytes of all batches since the last commit
	packer  *packer
	open    destination.Load // nil when nothing is staged
	book    *book
	// committed is book as the last commit recorded it; only set while a load is open.
	committed *book
	migrated  map[*table.Table]bool // those that earlier loads have made the warehouse fit
	since     time.Time             // when the oldest thing that waits for a commit arrived; zero when nothing waits
	last      time.Time             // when the last commit ended
	took      time.Duration         // time it took when everything that waited was last staged or committed
	used      []*batch.File         // files whose records are not durable yet
	leftOut   int64                 // records and lines that became no row
	notes     notes
}

// stateInterval is the least time between two commits that hold a state and no rows.
const stateInterval = time.Second

func newCommitter(dest destination.Destination, emit func(json.RawMessage) error, o Options) *committer {
	return &committer{
		dest: dest, emit: emit, options: o,
		streams: map[string]*stream{}, bare: map[string]*bare{}, ahead: map[string]bool{}, came: map[string]bool{}, migrated: map[*table.Table]bool{},
		ledger: ledger{most: o.MaxMemory / 16}, book: newBook(o), notes: notes{}, packer: newPacker(o.Allocator, o.MaxMemory/16),
	}
}

// start records the run before anything is read, so that a run which is killed leaves a trace.
func (c *committer) start(ctx context.Context) error {
	if err := c.begin(ctx); err != nil {
		return err
	}
	_, c.options.takesParquet = c.open.(destination.ParquetLoad)
	return c.seal(ctx)
}

// commitFull stages or commits where a limit is reached. full tells whether a stream has reached that of rows.
func (c *committer) commitFull(ctx context.Context, full bool) error {
	switch {
	case c.taken >= c.options.BatchBytes, full && c.options.FlushAll:
		return c.commitAll(ctx)
	case full:
		return c.commit(ctx, slices.DeleteFunc(c.sorted(), func(st *stream) bool { return !c.full(st) && st.name != c.options.rejects.Stream }))
	case c.pending >= c.options.MaxMemory/4:
		return c.stageAll(ctx)
	}
	return c.stageEager(ctx)
}

// stageEager stages the streams of which the destination wants no more rows at a time.
func (c *committer) stageEager(ctx context.Context) error {
	eager, ok := c.dest.(destination.Eager)
	if !ok {
		return nil
	}
	for _, st := range c.streams {
		if len(st.pending) == 0 {
			continue
		}
		if enough := eager.Eager(st.pending[0].table()); enough > 0 && st.size >= enough {
			if err := c.stage(ctx, []*stream{st}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *committer) full(st *stream) bool { return st.rows() >= c.options.BatchRows }

// commitOverdue commits everything when something has waited for BatchWait, and a state that waits for nothing but its
// commit earlier than that. A destination that needs long for a commit, as for one of hundreds of tables, is left to load
// at least as much of the time as it commits.
func (c *committer) commitOverdue(ctx context.Context) error {
	now := c.options.Now()
	switch {
	case !c.since.IsZero() && now.Sub(c.since) >= max(c.options.BatchWait, 4*c.took):
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
	began := c.options.Now()
	err := c.commit(ctx, c.sorted())
	c.took = c.options.Now().Sub(began)
	return err
}

// stageAll stages everything that is pending. If that took commits, it commits the rest, too, so that nothing is left that
// has waited for long, and states can leave.
func (c *committer) stageAll(ctx context.Context) error {
	began, commits := c.options.Now(), c.book.commits
	err := c.stage(ctx, c.sorted())
	if err == nil && c.book.commits != commits {
		err = c.seal(ctx)
	}
	c.took = c.options.Now().Sub(began)
	return err
}

// commit makes the streams durable, and with them what is staged of others.
func (c *committer) commit(ctx context.Context, streams []*stream) error {
	if err := c.stage(ctx, streams); err != nil {
		return err
	}
	return c.seal(ctx)
}

// stage appends what is pending of the streams to the open load, which frees its memory. It leaves a load open that has
// the tables of the last of them.
func (c *committer) stage(ctx context.Context, streams []*stream) error {
	for _, st := range streams {
		// Engines do not take rows of a table that is altered behind rows of the same load. A load that is full is
		// committed before the next table and not behind the last: the caller may go on with it.
		if c.crowded() || st.stagedRows > 0 && st.alters(c.migrated) {
			if err := c.seal(ctx); err != nil {
				return err
			}
		}
		if err := c.begin(ctx); err != nil {
			return err
		}
		if err := st.unpack(c.packer); err != nil {
			return err
		}
		c.book.staging(st)
		counts, err := st.stage(ctx, c.open, c.migration)
		if err != nil {
			return fmt.Errorf("stream %s: %w", st.name, err)
		}
		c.book.count(st.name, counts)
		c.pending -= st.free()
	}
	return nil
}

// migration notes what a Migrate of the open load found and did.
func (c *committer) migration(t *table.Table, m *destination.Migration) {
	c.book.migrated(t, m)
	c.notes.keyed(t, m)
	c.notes.remade(t, m, c.options)
}

// crowded tells whether the open load had better take no more tables.
func (c *committer) crowded() bool {
	l, ok := c.open.(destination.Crowder)
	return ok && l.Crowded()
}

// begin opens a load if none is open.
func (c *committer) begin(ctx context.Context) (err error) {
	if c.open != nil {
		return nil
	}
	c.committed = c.book.clone()
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
	oldest := c.oldest((*stream).oldestBehindCommit)
	state := c.ledger.safe(oldest)
	for _, st := range c.streams {
		if st.name != c.options.rejects.Stream {
			c.book.run.Rows += st.stagedRows
		}
	}
	if err := c.open.Commit(ctx, c.book.checkpoint(state)); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	c.open = nil
	c.settle(oldest)
	if state != nil {
		if err := c.emit(state); err != nil {
			return fmt.Errorf("emitting a state: %w", err)
		}
	}
	return c.removeUsed()
}

// settle forgets what a commit has made durable.
func (c *committer) settle(oldest int64) {
	c.ledger.settle(oldest)
	c.book.settle()
	c.taken = 0
	busy := false
	for name, st := range c.streams {
		c.taken += st.bytes()
		if st.stagedRows > 0 && name != c.options.rejects.Stream {
			c.options.Metrics.Records(name, int(st.stagedRows))
			c.options.Metrics.Window(name, "")
		}
		for _, t := range st.tables {
			c.migrated[t] = true
		}
		st.settle()
		busy = busy || !st.idle()
		if st.idle() && st.firstHidden == 0 {
			delete(c.streams, name)
		}
	}
	if c.last = c.options.Now(); !busy {
		c.since = time.Time{}
	}
}

// removeUsed deletes files of BATCH messages whose records are durable, if that is wanted. Files stay while records are
// pending, though these may be of others: they are deleted a commit later then.
func (c *committer) removeUsed() error {
	if len(c.streams) > 0 {
		return nil
	}
	for _, f := range c.used {
		if c.options.DeleteBatches {
			if err := f.Remove(); err != nil {
				return fmt.Errorf("deleting a file of a BATCH message, whose records are loaded: %w", err)
			}
		}
	}
	c.used = nil
	return nil
}

// undo gives up the open load and takes back what the records would say of it.
func (c *committer) undo() {
	if c.open != nil {
		c.open.Rollback()
		c.open = nil
		c.book.restore(c.committed)
	}
	for _, st := range c.streams {
		st.free()
	}
	c.streams = map[string]*stream{}
	c.ledger = ledger{}
}

// oldest returns the least of the ordinals that of gives for the streams, where 0 stands for none. What stands
// behind a bare ACTIVATE_VERSION of a table that is overwritten waits for it.
func (c *committer) oldest(of func(*stream) int64) int64 {
	oldest := int64(math.MaxInt64)
	for _, st := range c.streams {
		if ordinal := of(st); ordinal > 0 {
			oldest = min(oldest, ordinal)
		}
	}
	for _, b := range c.bare {
		if b.table.Method == table.Overwrite {
			oldest = min(oldest, b.ordinal)
		}
	}
	return oldest
}

// sorted returns the streams by name, so that loads do the same things in the same order.
func (c *committer) sorted() []*stream {
	return slices.SortedFunc(maps.Values(c.streams), func(a, b *stream) int { return cmp.Compare(a.name, b.name) })
}
