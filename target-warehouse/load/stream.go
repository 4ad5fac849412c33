package load

import (
	"context"
	"slices"

	"github.com/apache/arrow/go/v15/arrow/array"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// stream is what of one stream is not durable: rows pending in memory, and rows staged in the open load.
type stream struct {
	name        string
	batches     []*table.Batch // pending, in order of arrival
	pendingRows int64
	stagedRows  int64
	firstStaged int64          // ordinal of the oldest staged row; 0 when there is none
	latest      *table.Table   // of a SCHEMA that was not staged, to be migrated even when no row follows; else nil
	tables      []*table.Table // migrated in the open load
}

// add takes a batch over.
func (s *stream) add(b *table.Batch) {
	s.batches = append(s.batches, b)
	s.pendingRows += b.Rows.NumRows()
}

func (s *stream) rows() int64 { return s.pendingRows + s.stagedRows }

// empty tells whether nothing of the stream waits for a commit.
func (s *stream) empty() bool { return s.rows() == 0 && s.latest == nil && s.tables == nil }

// oldestPending returns the ordinal of the oldest row in memory, or 0.
func (s *stream) oldestPending() int64 {
	if len(s.batches) == 0 {
		return 0
	}
	return firstOrdinal(s.batches[0])
}

// oldest returns the ordinal of the oldest row that is not durable, or 0.
func (s *stream) oldest() int64 {
	if s.firstStaged > 0 {
		return s.firstStaged
	}
	return s.oldestPending()
}

func firstOrdinal(b *table.Batch) int64 {
	last := int(b.Rows.NumCols()) - 1
	return b.Rows.Column(last).(*array.Int64).Value(0)
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
// order of arrival.
func (s *stream) stage(ctx context.Context, l destination.Load) (sum destination.Counts, err error) {
	for _, t := range s.wanted() {
		if !slices.Contains(s.tables, t) {
			if err := l.Migrate(ctx, t); err != nil {
				return sum, err
			}
			s.tables = append(s.tables, t)
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
		sum.Inserted += counts.Inserted
		sum.Updated += counts.Updated
		rest = rest[same:]
	}
	if s.firstStaged == 0 {
		s.firstStaged = s.oldestPending()
	}
	s.stagedRows += s.pendingRows
	s.latest = nil
	return sum, nil
}

// free releases the pending batches and returns their bytes.
func (s *stream) free() (bytes int64) {
	for _, b := range s.batches {
		bytes += b.Bytes
	}
	release(s.batches)
	s.batches, s.pendingRows = nil, 0
	return bytes
}

// settle notes that what was staged is durable.
func (s *stream) settle() {
	s.stagedRows, s.firstStaged, s.tables = 0, 0, nil
}
