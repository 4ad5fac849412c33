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
	return &committer{dest: dest, emit: emit, options: o, streams: map[string]*stream{}, bare: map[string]*bare{}, ahead: map[string]bool{}, came: map[string]bool{}, migrated: map[*table.Table]bool{},
		ledger: ledger{most: o.MaxMemory / 16}, book: newBook(o), notes: notes{}, packer: newPacker(o.Allocator, o.MaxMemory/16)}
}

// start records the run before anything is read, so that a run which is killed leaves a trace.
func (c *committer) start(ctx context.Context) error {
	if err := c.begin(ctx); err != nil {
		return err
	}
	_, c.options.takesParquet = c.open.(destination.ParquetLoad)
	return c.seal(ctx)
}

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
				return c.endOfInput(ctx)
			}
			<-s.done
			fault, err := c.process(ctx, s)
			inFlight.Release(s.weight)
			if err != nil {
				return err
			}
			if fault != nil {
				return errors.Join(fault, c.commitAll(ctx))
			}
		}
	}
}

// process takes a step. A fault is the input's: what stands before it was taken.
func (c *committer) process(ctx context.Context, s *step) (fault, err error) {
	if s.whole != nil {
		return c.takeWhole(ctx, s)
	}
	fault = c.tooMany(s.rejects)
	if err := c.take(ctx, s, fault != nil); err != nil {
		return nil, err
	}
	return cmp.Or(fault, s.err, s.fault), nil
}

// endOfInput commits what was read. Rows that wait for the activation of their version have none to come: the end of the
// input does not tell whether the tap was done.
func (c *committer) endOfInput(ctx context.Context) error {
	if err := c.commitAll(ctx); err != nil {
		return err
	}
	for _, st := range c.sorted() {
		if st.firstHidden > 0 && c.bare[st.name] == nil && !c.options.Interrupted() {
			return &singer.RecordError{Stream: st.name, Err: errors.New("the input ended without an ACTIVATE_VERSION, which load_method overwrite waits for " +
				"as the sign that all rows have come: the table was left as it was; run again, or use load_method upsert with a tap that sends none, or sends it ahead of the records")}
		}
	}
	return c.endBare(ctx)
}

// tooMany is the failure that more records are left out than may be, or nil. rejects are those of the step to be taken.
func (c *committer) tooMany(rejects []reject) error {
	for _, r := range rejects {
		if r.leftOut {
			c.leftOut++
		}
	}
	if most := c.options.MaxRejected; most > 0 && c.leftOut > most {
		return fmt.Errorf("%d records could not be loaded, more than max_rejected_records allows (%d); %s lists them with the reasons",
			c.leftOut, most, destination.Rejects.Name)
	}
	return nil
}

// take makes a step's batches pending, heeds its states and message, and stages or commits where a limit is reached.
// Where the step has too many rejects, these alone are taken: a run behind this one must come past the records again.
func (c *committer) take(ctx context.Context, s *step, rejectsAlone bool) error {
	if err := c.makeRoom(ctx, s); err != nil {
		return err
	}
	c.takeRejects(s.rejects)
	full := false
	for i := range s.decoded {
		if err := c.judgeBare(ctx, &s.decoded[i]); err != nil {
			return err
		}
		if d := &s.decoded[i]; rejectsAlone && d.stream != c.options.rejects.Stream {
			d.release()
		} else {
			full = c.takeDecoded(d) || full
		}
	}
	if rejectsAlone {
		return nil
	}
	c.book.run.BytesIn += s.size
	if s.used != nil {
		c.used = append(c.used, s.used)
	}
	if err := c.heed(ctx, s); err != nil {
		return err
	}
	return c.commitFull(ctx, full)
}

// makeRoom stages what is pending if the rows of a step are more than may be pending beside it.
func (c *committer) makeRoom(ctx context.Context, s *step) error {
	size := int64(0)
	for _, d := range s.decoded {
		if d.batch != nil {
			size += d.batch.Bytes // small batches are packed, and what is kept about each goes
		}
	}
	if c.pending == 0 || c.pending+size <= c.options.MaxMemory/4 {
		return nil
	}
	return c.stageAll(ctx)
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

// takeDecoded makes a batch pending and tells whether its stream has reached the limit of rows.
func (c *committer) takeDecoded(d *decoded) (full bool) {
	c.notes.add(d)
	if d.batch == nil {
		return false
	}
	own := d.batch.Table.Own
	if !own {
		c.book.read(d)
	}
	st := c.stream(d.stream)
	c.taken += d.batch.Bytes
	c.pending += st.add(d.batch, c.packer)
	c.waits()
	if own {
		return false
	}
	c.options.Metrics.Window(st.name, fmt.Sprintf("and %d read", st.rows()))
	return c.full(st)
}

// heed takes note of a step's states and of the message behind them; where a record could not be taken, only of what
// stands before it.
func (c *committer) heed(ctx context.Context, s *step) error {
	for _, q := range s.states {
		if q.ordinal <= s.last || s.err == nil {
			if err := c.stateBehindBare(ctx); err != nil {
				return err
			}
			c.ledger.push(q.state, q.ordinal)
			c.waits()
		}
	}
	if s.err != nil || s.fault != nil {
		return nil
	}
	switch m := s.message.(type) {
	case *singer.Schema:
		c.stream(m.Stream).latest = s.plan.table
		if b := c.bare[m.Stream]; b != nil {
			b.table = s.plan.table
		}
		c.book.schema(s.plan)
		c.notes.shared(s.plan.table, c.options)
		c.waits()
	case *singer.ActivateVersion:
		c.waits()
		return c.activate(ctx, m, s.plan.table, s.last)
	}
	return nil
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
