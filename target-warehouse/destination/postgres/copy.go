package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/apache/arrow/go/v15/arrow"

	"tapline/target-warehouse/table"
)

// rowSource reads as the rows of batches in COPY's binary format.
// https://www.postgresql.org/docs/current/sql-copy.html
type rowSource struct {
	batches []*table.Batch
	columns []*column
	// numbered adds a last field with the row's position: the number of rows before it in all batches.
	numbered bool
	// take, if set, says which positions are sent.
	take func(position int64) bool
	// replaced counts by columns the values that had to be changed.
	replaced []replacements

	mu       sync.Mutex
	stopped  error  // what Read answers after stop
	rest     []byte // encoded and not yet read
	ended    bool   // rest has the end of the format
	arrays   []arrow.Array
	fields   []field // for arrays
	row      int     // in batches[0]
	position int64
}

// copyHeader is the signature, no flags and no extension.
const copyHeader = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"

func newRowSource(batches []*table.Batch, columns []*column) *rowSource {
	return &rowSource{batches: batches, columns: columns, replaced: make([]replacements, len(columns)), rest: []byte(copyHeader)}
}

// Read implements [io.Reader].
func (s *rowSource) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped != nil {
		return 0, s.stopped
	}
	for len(s.rest) < len(p) && !s.ended {
		s.encodeRow()
	}
	n := copy(p, s.rest)
	s.rest = append(s.rest[:0], s.rest[n:]...)
	if n == 0 && s.ended {
		return 0, io.EOF
	}
	return n, nil
}

// stop ends the use of the batches. A copy that fails because the connection broke may return while the goroutine that
// reads for it is still at work.
func (s *rowSource) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = errors.New("the copy has ended")
}

// encodeRow appends the next row, if it is to be sent, or the end to rest.
func (s *rowSource) encodeRow() {
	if len(s.batches) == 0 {
		s.rest, s.ended = append(s.rest, 0xff, 0xff), true
		return
	}
	if s.row == int(s.batches[0].Rows.NumRows()) {
		s.batches, s.row, s.fields = s.batches[1:], 0, nil
		return
	}
	if s.fields == nil {
		s.enter(s.batches[0])
	}
	row, position := s.row, s.position
	s.row++
	s.position++
	if s.take != nil && !s.take(position) {
		return
	}
	count := len(s.fields)
	if s.numbered {
		count++
	}
	dst := binary.BigEndian.AppendUint16(s.rest, uint16(count))
	for i, write := range s.fields {
		if s.arrays[i].IsNull(row) {
			dst = append(dst, 0xff, 0xff, 0xff, 0xff)
			continue
		}
		dst = write(dst, row)
	}
	if s.numbered {
		dst = appendInt64(dst, position)
	}
	s.rest = dst
}

// enter makes the fields for a batch.
func (s *rowSource) enter(b *table.Batch) {
	s.arrays = s.arrays[:0]
	for i, c := range s.columns {
		a := b.Rows.Column(c.index)
		s.arrays = append(s.arrays, a)
		s.fields = append(s.fields, c.holding.encode(a, &s.replaced[i]))
	}
}

// copyInto sends the rows of a source to a table, into the columns with the names of the source's, and fails unless the
// table has got as many as want.
func (l *load) copyInto(ctx context.Context, name string, s *rowSource, want int64) error {
	defer s.stop()
	var names []string
	for _, c := range s.columns {
		names = append(names, quote(c.name))
	}
	if s.numbered {
		names = append(names, quote(table.Ordinal))
	}
	tag, err := l.conn.PgConn().CopyFrom(ctx, s, "COPY "+name+" ("+strings.Join(names, ", ")+") FROM STDIN (FORMAT binary)")
	if err != nil {
		return fmt.Errorf("copy rows: %w", err)
	}
	if got := tag.RowsAffected(); got != want {
		return fmt.Errorf("copy rows: the server took %d rows where %d were due; if a trigger of the table keeps rows back, drop it or load into another table", got, want)
	}
	return nil
}
