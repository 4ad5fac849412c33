package load

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/semaphore"

	"tapline/singer"
	"tapline/target-warehouse/destination"
)

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
