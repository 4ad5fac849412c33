package load

import (
	"fmt"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"tapline/target-warehouse/table"
)

// Where hundreds of streams take turns, a step has a row or two of each. What is kept about the columns of such a batch is
// far more than the rows, and would fill the memory before an engine, which takes its time for every table, gets a number of
// rows that is worth it. So small batches are joined as they come.

const (
	alwaysJoined = 64   // rows of a batch to which any other is joined
	mostJoined   = 1024 // rows of a batch that is made of several
)

// joinable tells whether a batch is worth to be joined to the one before it. Large ones are only joined to ones of at
// least their size, so that each row is copied a few times at most.
func joinable(before, b *table.Batch) bool {
	rows, more := before.Rows.NumRows(), b.Rows.NumRows()
	return before.Table == b.Table && rows <= max(alwaysJoined, 2*more) && rows+more <= mostJoined && before.Bytes+b.Bytes <= stepSize
}

// join makes one batch of two of the same Table, which stay as they are.
func join(before, b *table.Batch, mem memory.Allocator) (*table.Batch, error) {
	columns := make([]arrow.Array, b.Rows.NumCols())
	bytes := int64(0)
	for i := range columns {
		joined, err := array.Concatenate([]arrow.Array{before.Rows.Column(i), b.Rows.Column(i)}, mem)
		if err != nil {
			return nil, fmt.Errorf("stream %s: join the values of a column: %w", b.Table.Stream, err)
		}
		defer joined.Release() // the record keeps it
		columns[i] = joined
		for _, buffer := range joined.Data().Buffers() {
			if buffer != nil {
				bytes += int64(buffer.Cap())
			}
		}
	}
	rows := array.NewRecord(b.Rows.Schema(), columns, before.Rows.NumRows()+b.Rows.NumRows())
	return &table.Batch{Table: b.Table, Rows: rows, Bytes: bytes}, nil
}
