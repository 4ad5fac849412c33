package load

import (
	"context"
	"slices"

	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// stream is what of one stream is not durable, or not in its table yet: rows pending in memory, rows staged in the open
// load, and rows of a table to be overwritten that are committed but hidden until their version is activated.
type stream struct {
	name        string
	batches     []*table.Batch // pending, in order of arrival
	pendingRows int64
	stagedRows  int64
	firstStaged int64          // ordinal of the oldest staged row; 0 when there is none
	firstHidden int64          // ordinal of the oldest hidden row; 0 when there is none
	latest      *table.Table   // of a SCHEMA that was not staged, to be migrated even when no row follows; else nil
	tables      []*table.Table // migrated in the open load
}

// add takes a batch over and returns by how many bytes the pending ones grow. A failure leaves nothing to go on with.
func (s *stream) add(b *table.Batch, mem memory.Allocator) (bytes int64, err error) {
	rows := b.Rows.NumRows()
	bytes = sizeOf(b)
	for len(s.batches) > 0 && joinable(s.batches[len(s.batches)-1], b) {
		last := s.batches[len(s.batches)-1]
		joined, err := join(last, b, mem)
		if err != nil {
			return 0, err
		}
		bytes += sizeOf(joined) - sizeOf(last) - sizeOf(b)
		last.Rows.Release()
		b.Rows.Release()
		s.batches, b = s.batches[:len(s.batches)-1], joined
	}
	s.batches = append(s.batches, b)
	s.pendingRows += rows
	return bytes, nil
}

func (s *stream) rows() int64 { return s.pendingRows + s.stagedRows }

// idle tells whether nothing of the stream waits for a commit.
func (s *stream) idle() bool { return s.rows() == 0 && s.latest == nil && s.tables == nil }

// hides tells whether rows are hidden until their version is activated.
func (s *stream) hides() bool {
	return len(s.tables) > 0 && s.tables[0].Method == table.Overwrite || s.firstHidden > 0
}

// oldestBehindCommit returns the ordinal of the oldest row that a commit of the open load leaves undone, or 0.
func (s *stream) oldestBehindCommit() int64 {
	switch {
	case s.firstHidden > 0:
		return s.firstHidden
	case s.firstStaged > 0 && s.hides():
		return s.firstStaged
	case len(s.batches) == 0:
		return 0
	}
	return firstOrdinal(s.batches[0])
}

// oldest returns the ordinal of the oldest row that is not durable in its table, or 0.
func (s *stream) oldest() int64 {
	if s.firstStaged > 0 && s.firstHidden == 0 {
		return s.firstStaged
	}
	return s.oldestBehindCommit()
}

func firstOrdinal(b *table.Batch) int64 {
	ordinals := b.Rows.Column(int(b.Rows.NumCols()) - 1).(*array.Int64)
	return ordinals.Value(0)
}

func lastOrdinal(b *table.Batch) int64 {
	ordinals := b.Rows.Column(int(b.Rows.NumCols()) - 1).(*array.Int64)
	return ordinals.Value(ordinals.Len() - 1)
}

// wanted lists the tables that the pending rows and the latest SCHEMA need, in order of arrival.
func (s *stream) wanted() []*table.Table {
	var tables []*table.Table
	for _, b := range s.batches {
		if !slices.Contains(tables, b.Table) {
			tables = append(tables, b.Table)
		}
	}
	if s.latest != nil && !slices.Contains(tables, s.latest) {
		tables = append(tables, s.latest)
	}
	return tables
}

// alters tells whether staging could change a table that has rows in the open load. migrated are tables of committed
// loads.
func (s *stream) alters(migrated map[*table.Table]bool) bool {
	return slices.ContainsFunc(s.wanted(), func(t *table.Table) bool { return !migrated[t] && !slices.Contains(s.tables, t) })
}

// stage makes the table fit all that is pending, and then appends the batches, those of one Table together, in the
// order of arrival. It tells each migration to note.
func (s *stream) stage(ctx context.Context, l destination.Load, note func(*table.Table, *destination.Migration)) (sum destination.Counts, err error) {
	for _, t := range s.wanted() {
		if !slices.Contains(s.tables, t) {
			m, err := l.Migrate(ctx, t)
			if err != nil {
				return sum, err
			}
			s.tables = append(s.tables, t)
			note(t, m)
		}
	}
	for rest := s.batches; len(rest) > 0; {
		same := 1
		for same < len(rest) && rest[same].Table == rest[0].Table {
			same++
		}
		counts, err := l.Append(ctx, rest[:same])
		if err != nil {
			return sum, err
		}
		sum = sum.Plus(counts)
		rest = rest[same:]
	}
	if s.firstStaged == 0 && len(s.batches) > 0 {
		s.firstStaged = firstOrdinal(s.batches[0])
	}
	s.stagedRows += s.pendingRows
	s.latest = nil
	return sum, nil
}

// free releases the pending batches and returns their bytes.
func (s *stream) free() (bytes int64) {
	for _, b := range s.batches {
		bytes += sizeOf(b)
		b.Rows.Release()
	}
	s.batches, s.pendingRows = nil, 0
	return bytes
}

// sizeOf is what a batch takes in memory: its buffers and, which counts where there are many small batches, what is
// kept about each of them.
func sizeOf(b *table.Batch) int64 { return b.Bytes + perColumn*b.Rows.NumCols() }

// perColumn is about how many bytes are kept about a column of a batch beside its values.
const perColumn = 600

// activated notes that the rows staged so far are the table's, and no longer hidden.
func (s *stream) activated() { s.firstHidden, s.firstStaged = 0, 0 }

// settle notes that what was staged is committed.
func (s *stream) settle() {
	if s.firstHidden == 0 && s.hides() {
		s.firstHidden = s.firstStaged
	}
	s.stagedRows, s.firstStaged, s.tables = 0, 0, nil
}
