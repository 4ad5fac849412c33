package load

import (
	"cmp"
	"context"
	"slices"

	"github.com/apache/arrow/go/v15/arrow/array"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// stream is what of one stream is not durable, or not in its table yet: rows pending in memory, rows staged in the open
// load, and rows of a table to be overwritten that are committed but hidden until their version is activated.
type stream struct {
	name         string
	pending      []piece // in order of arrival
	size         int64   // bytes that pending takes
	packed       int64   // bytes that what is packed of it will take unpacked
	pendingRows  int64
	firstPending int64          // ordinal of the oldest pending row; 0 when there is none
	batches      []*table.Batch // the pending rows while they are being staged
	stagedRows   int64
	firstStaged  int64          // ordinal of the oldest staged row; 0 when there is none
	firstHidden  int64          // ordinal of the oldest hidden row; 0 when there is none
	latest       *table.Table   // of a SCHEMA that was not staged, to be migrated even when no row follows; else nil
	tables       []*table.Table // migrated in the open load
}

// piece is pending rows of one Table: a batch, or what several small ones were packed into.
type piece struct {
	*table.Batch
	packed *packed // nil for a batch
}

func (p piece) table() *table.Table {
	if p.packed != nil {
		return p.packed.table
	}
	return p.Table
}

// add takes a batch over and returns by how many bytes the pending ones grow.
func (s *stream) add(b *table.Batch, k *packer) (bytes int64) {
	s.pendingRows += b.Rows.NumRows()
	if s.firstPending == 0 {
		s.firstPending = firstOrdinal(b)
	}
	bytes = sizeOf(b)
	if packable(b) && s.packed+b.Bytes <= k.most {
		bytes = s.pack(b, k)
	} else {
		s.pending = append(s.pending, piece{Batch: b})
	}
	s.size += bytes
	return bytes
}

// pack packs a batch behind the pending rows and releases it. It returns by how many bytes they grow.
func (s *stream) pack(b *table.Batch, k *packer) (bytes int64) {
	defer b.Rows.Release()
	n := len(s.pending)
	s.packed += b.Bytes
	if n == 0 || s.pending[n-1].packed == nil || s.pending[n-1].packed.table != b.Table {
		s.pending = append(s.pending, piece{packed: &packed{table: b.Table, schema: b.Rows.Schema()}})
		n++
	}
	p := s.pending[n-1].packed
	before := p.size()
	k.add(p, b)
	return p.size() - before
}

// unpack makes batches of all pending rows.
func (s *stream) unpack(k *packer) error {
	for ; len(s.pending) > 0; s.pending = s.pending[1:] {
		p := s.pending[0]
		if p.packed != nil {
			var err error
			if p.Batch, err = k.unpack(p.packed); err != nil {
				return err
			}
		}
		s.batches = append(s.batches, p.Batch)
	}
	return nil
}

func (s *stream) rows() int64 { return s.pendingRows + s.stagedRows }

// collected returns the ordinal of the oldest row that waits for its version to be activated, or 0.
func (s *stream) collected() int64 {
	return cmp.Or(s.firstHidden, s.firstStaged, s.firstPending)
}

// bytes is what the pending rows have as batches.
func (s *stream) bytes() (sum int64) {
	for _, p := range s.pending {
		if p.packed != nil {
			sum += p.packed.bytes
		} else {
			sum += p.Bytes
		}
	}
	return sum
}

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
	}
	return s.firstPending
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
	add := func(t *table.Table) {
		if !slices.Contains(tables, t) {
			tables = append(tables, t)
		}
	}
	for _, b := range s.batches {
		add(b.Table)
	}
	for _, p := range s.pending {
		add(p.table())
	}
	if s.latest != nil {
		add(s.latest)
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
	if s.firstStaged == 0 {
		s.firstStaged = s.firstPending
	}
	s.stagedRows += s.pendingRows
	s.latest = nil
	return sum, nil
}

// free releases the pending rows and returns how many bytes they took.
func (s *stream) free() (bytes int64) {
	for _, p := range s.pending {
		if p.Batch != nil {
			p.Rows.Release()
		}
	}
	for _, b := range s.batches {
		b.Rows.Release()
	}
	bytes = s.size
	s.pending, s.batches, s.size, s.packed, s.pendingRows, s.firstPending = nil, nil, 0, 0, 0, 0
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
