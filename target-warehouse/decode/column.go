package decode

import (
	"math"

	"tapline/target-warehouse/table"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
)

// column collects the values of one column in the layout of Arrow (https://arrow.apache.org/docs/format/Columnar.html).
// Its buffers live on Go's heap and are used again for the next batch; a batch gets a copy of exact size. So the row
// being read can be taken back, which Arrow's own builders cannot do. Which of the buffers hold values depends on the
// type.
type column struct {
	// What most values touch stands first, in as few lines of the processor's cache as can be.
	rows int
	shape
	noNull    violation // what null violates; 0 for nothing
	judged    bool      // whether a value that fits can violate the rule
	takesNull bool      // whether null is NULL and nothing else has to be heeded
	planned   *planned  // nil for Extra
	text      []byte
	ends      []int32  // Text, JSON and Decimal: where the row's text ends
	words     []uint64 // Integer, Number and Timestamp
	bits      []byte   // Boolean: a bit per row
	valid     []byte   // a bit per row, up to the last NULL and maybe beyond: whether it is not NULL
	nulls     int
	days      []int32 // Date
	at        int     // index in the plan's columns
	fine      []byte  // the last value that did not violate a rule that lists values
}

// become changes the shape of a column, whose rows must be of the new one already.
func (c *column) become(s shape) {
	c.shape = s
	c.noNull, c.judged = c.planned.verdict.null, c.planned.verdict.judges(s.typ)
	c.takesNull = c.noNull == 0 && c.planned.generate == nil
}

func (c *column) appendNull() {
	switch c.typ {
	case table.Boolean:
		c.appendBit(false)
	case table.Integer, table.Number, table.Timestamp:
		c.words = append(c.words, 0)
	case table.Date:
		c.days = append(c.days, 0)
	default:
		c.ends = append(c.ends, int32(len(c.text)))
	}
	c.rows++
	c.makeNull(c.rows - 1)
}

// makeNull makes a row NULL that is not.
func (c *column) makeNull(row int) {
	c.validTo(row + 1)
	c.valid[row>>3] &^= 1 << (row & 7)
	c.nulls++
}

// validTo makes valid reach to that many rows.
func (c *column) validTo(rows int) {
	for len(c.valid) < (rows+7)/8 {
		c.valid = append(c.valid, 0xff)
	}
}

func (c *column) appendBool(v bool) {
	c.appendBit(v)
	c.rows++
}

func (c *column) appendBit(v bool) {
	if c.rows&7 == 0 {
		c.bits = append(c.bits, 0)
	}
	if v {
		c.bits[c.rows>>3] |= 1 << (c.rows & 7)
	}
}

func (c *column) appendWord(v uint64) {
	c.words = append(c.words, v)
	c.rows++
}

func (c *column) appendDay(v int32) {
	c.days = append(c.days, v)
	c.rows++
}

// appendText returns false when the batch's text in this column would outgrow Arrow's 32-bit offsets.
func (c *column) appendText(v []byte) bool {
	if len(c.text)+len(v) > math.MaxInt32 {
		return false
	}
	c.text = append(c.text, v...)
	c.ends = append(c.ends, int32(len(c.text)))
	c.rows++
	return true
}

func (c *column) padTo(rows int) {
	for c.rows < rows {
		c.appendNull()
	}
}

func (c *column) isNull(row int) bool {
	return row>>3 < len(c.valid) && c.valid[row>>3]&(1<<(row&7)) == 0
}

func (c *column) lastIsNull() bool { return c.isNull(c.rows - 1) }

// dropLast takes the last row away.
func (c *column) dropLast() {
	null := c.lastIsNull()
	if c.rows--; null {
		c.valid[c.rows>>3] |= 1 << (c.rows & 7)
		c.nulls--
	}
	switch c.typ {
	case table.Boolean:
		c.bits[c.rows>>3] &^= 1 << (c.rows & 7)
		c.bits = c.bits[:(c.rows+7)/8]
	case table.Integer, table.Number, table.Timestamp:
		c.words = c.words[:c.rows]
	case table.Date:
		c.days = c.days[:c.rows]
	default:
		c.ends = c.ends[:c.rows]
		c.text = c.text[:c.textEnd()]
	}
}

func (c *column) textEnd() int32 {
	if c.rows == 0 {
		return 0
	}
	return c.ends[c.rows-1]
}

func (c *column) reset() {
	c.rows, c.nulls = 0, 0
	c.valid, c.bits, c.words = c.valid[:0], c.bits[:0], c.words[:0]
	c.days, c.ends, c.text = c.days[:0], c.ends[:0], c.text[:0]
}

func (c *column) bytes() int64 {
	return int64(len(c.valid) + len(c.bits) + 8*len(c.words) + 4*len(c.days) + 4*len(c.ends) + len(c.text))
}

// room returns the bytes of the buffers, used or not.
func (c *column) room() int64 {
	return int64(cap(c.valid) + cap(c.bits) + 8*cap(c.words) + 4*cap(c.days) + 4*cap(c.ends) + cap(c.text))
}

// array copies the rows into an Arrow array and returns it with the size of its buffers.
func (c *column) array(mem memory.Allocator) (arrow.Array, int64) {
	buffers := []*memory.Buffer{nil}
	if c.nulls > 0 {
		c.validTo(c.rows)
		c.valid[(c.rows-1)>>3] &= 0xff >> (7 - (c.rows-1)&7) // no bits behind the last row
		buffers[0] = newBuffer(mem, c.valid[:(c.rows+7)/8])
	}
	switch c.typ {
	case table.Boolean:
		buffers = append(buffers, newBuffer(mem, c.bits))
	case table.Integer, table.Number, table.Timestamp:
		buffers = append(buffers, newBuffer(mem, arrow.Uint64Traits.CastToBytes(c.words)))
	case table.Date:
		buffers = append(buffers, newBuffer(mem, arrow.Int32Traits.CastToBytes(c.days)))
	default:
		// Arrow wants the start of the first row too.
		offsets := newBuffer(mem, []byte{0, 0, 0, 0}, arrow.Int32Traits.CastToBytes(c.ends))
		buffers = append(buffers, offsets, newBuffer(mem, c.text))
	}
	return newArray(c.typ.Arrow(), c.rows, c.nulls, buffers)
}

// newArray makes an array that owns the buffers.
func newArray(typ arrow.DataType, rows, nulls int, buffers []*memory.Buffer) (arrow.Array, int64) {
	data := array.NewData(typ, rows, buffers, nil, nulls, 0)
	defer data.Release()
	var size int64
	for _, b := range buffers {
		if b != nil {
			size += int64(b.Len())
			b.Release()
		}
	}
	return array.MakeFromData(data), size
}

// newBuffer copies the parts one behind the other. It has memory even if they are empty, because readers of the C data
// interface do not all take a null pointer.
func newBuffer(mem memory.Allocator, parts ...[]byte) *memory.Buffer {
	size := 0
	for _, part := range parts {
		size += len(part)
	}
	b := memory.NewResizableBuffer(mem)
	b.Reserve(max(size, 1))
	if size > 0 {
		b.Resize(size)
	}
	at := b.Bytes()
	for _, part := range parts {
		at = at[copy(at, part):]
	}
	return b
}
