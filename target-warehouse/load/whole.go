package load

import (
	"context"
	"errors"
	"fmt"
	"io"

	"tapline/target-warehouse/batch"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// whole is a Parquet file of a BATCH message that may go into its table as it is.
type whole struct {
	batch.Whole
	run  run // of its rows, without their text
	plan *plan
}

// wholeFile tells whether the file that has been opened may go into its table as it is: nothing must be added to its rows.
func (s *splitter) wholeFile(f *files) *whole {
	p := s.plans[f.message.Stream]
	if !s.options.takesParquet || s.options.Validate != nil || p.table.Method == table.Overwrite {
		return nil
	}
	for _, c := range p.table.Columns {
		if c.Property == "" || c.Below != nil {
			return nil
		}
	}
	w, ok := f.open.Whole()
	if !ok {
		return nil
	}
	return &whole{Whole: w, run: f.run(s.ordinal + 1), plan: p}
}

// takeWhole takes a step that is a whole file. Where the destination cannot take the file as it is, it is read and decoded.
func (c *committer) takeWhole(ctx context.Context, s *step) (fault, err error) {
	taken, err := c.appendWhole(ctx, s)
	if err != nil {
		return nil, err
	}
	if !taken {
		fault, err = c.unpack(ctx, s)
	}
	if closed := s.whole.run.file.Close(); err == nil && fault == nil {
		fault = closed
	}
	c.used = append(c.used, s.whole.run.file)
	if fault != nil || err != nil || !taken {
		return fault, err
	}
	st := c.stream(s.whole.run.stream)
	return nil, c.commitFull(ctx, st.rows() >= c.options.BatchRows)
}

// appendWhole has the destination add the rows of a file behind those that are pending, and tells whether it did.
func (c *committer) appendWhole(ctx context.Context, s *step) (taken bool, err error) {
	w := s.whole
	st := c.stream(w.run.stream)
	st.latest = w.plan.table
	c.waits()
	if err := c.stage(ctx, []*stream{st}); err != nil {
		return false, err
	}
	counts, err := c.open.(destination.ParquetLoad).AppendParquet(ctx, w.plan.table, w.Path)
	if errors.Is(err, destination.ErrNotParquet) {
		c.options.Log.Debug("a file of a BATCH message is decoded", "stream", st.name, "file", w.run.file.Name(), "cause", err.Error())
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("stream %s: %w", st.name, err)
	}
	c.options.Log.Debug("a file of a BATCH message goes in as it is", "stream", st.name, "file", w.run.file.Name(), "rows", w.Rows)
	if st.firstStaged == 0 {
		st.firstStaged = w.run.first
	}
	st.stagedRows += w.Rows
	c.taken += w.Bytes
	c.book.whole(st.name, w, counts)
	return true, nil
}

// unpack reads and decodes a file of rows.
func (c *committer) unpack(ctx context.Context, s *step) (fault, err error) {
	w := newWorker(c.options)
	next := s.whole.run
	for {
		lines, end := next.file.ReadLines(make([]byte, 0, stepSize))
		if len(lines.Text) > 0 {
			part := &step{first: next.first, plans: s.plans, received: s.received}
			next.Records, next.line = lines.Text, lines.Line
			part.add(next)
			part.err = w.decode(part)
			if fault, err := c.process(ctx, part); fault != nil || err != nil {
				return fault, err
			}
			next.first += int64(lines.Count)
		}
		if errors.Is(end, io.EOF) {
			return nil, nil
		}
		if end != nil {
			return unreadable(next.stream, end), nil
		}
	}
}

// whole notes a file of rows that the open load took as it is.
func (b *book) whole(stream string, w *whole, counts destination.Counts) {
	l := b.load(stream)
	if l.FirstOrdinal == 0 {
		l.FirstOrdinal = w.run.first
	}
	l.LastOrdinal = w.run.first + w.Rows - 1
	l.Bytes += w.Bytes
	b.run.RowsIn += w.Rows
	b.count(stream, counts)
}
