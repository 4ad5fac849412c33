package load

import (
	"encoding/binary"
	"fmt"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/bitutil"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/klauspost/compress/zstd"

	"tapline/target-warehouse/table"
)

// Where hundreds of streams take turns, a step has a row or two of each. What is kept about the columns of such a batch is
// far more than the rows, and would fill the memory before an engine, which takes its time for every table, gets a number of
// rows that is worth it. So small batches are packed while they wait: written one behind the other, and compressed. 20,000
// rows of 500 streams with 300 columns, whose text has 145 MB, wait in 25 MB.

// packed are the rows of small batches of one Table, in order.
type packed struct {
	table  *table.Table
	schema *arrow.Schema
	rows   int
	bytes  int64    // that the batches said they have
	blocks [][]byte // whole batches, compressed
	text   []byte   // those behind them, which are not yet
}

// packBlock is how many bytes of batches are compressed at a time.
const packBlock = 32 << 10

// packable tells whether a batch is worth it: it has no more bytes than are kept about it.
func packable(b *table.Batch) bool { return b.Bytes <= perColumn*b.Rows.NumCols() }

// size is what it takes in memory.
func (p *packed) size() int64 {
	size := int64(cap(p.text))
	for _, block := range p.blocks {
		size += int64(cap(block))
	}
	return size
}

// packer packs and unpacks. It serves one goroutine.
type packer struct {
	mem        memory.Allocator
	most       int64 // bytes that may have to be unpacked of one stream
	compress   *zstd.Encoder
	decompress *zstd.Decoder
}

func newPacker(mem memory.Allocator, most int64) *packer {
	// Neither fails but for options that are not allowed.
	compress, _ := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(2*packBlock))
	decompress, _ := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	return &packer{mem, most, compress, decompress}
}

// add packs a batch, which stays the caller's.
func (k *packer) add(p *packed, b *table.Batch) {
	rows := int(b.Rows.NumRows())
	p.text = binary.AppendUvarint(p.text, uint64(rows))
	for _, values := range b.Rows.Columns() {
		p.text = appendValues(p.text, values)
	}
	p.rows += rows
	p.bytes += b.Bytes
	if len(p.text) >= packBlock {
		p.blocks = append(p.blocks, k.compress.EncodeAll(p.text, make([]byte, 0, len(p.text)/4)))
		p.text = nil
	}
}

// appendValues writes how many values are NULL and, unless all are, which are not, if any, and the values: those of fixed
// width as they lie in memory, and of others their lengths ahead of them.
func appendValues(to []byte, values arrow.Array) []byte {
	data := values.Data()
	rows, nulls, buffers := data.Len(), values.NullN(), data.Buffers()
	to = binary.AppendUvarint(to, uint64(nulls))
	if nulls == rows {
		return to
	}
	if nulls > 0 {
		to = append(to, buffers[0].Bytes()[:bitutil.BytesForBits(int64(rows))]...)
	}
	if width := widthOf(data.DataType()); width > 0 {
		return append(to, buffers[1].Bytes()[:bitutil.BytesForBits(int64(rows*width))]...)
	}
	offsets := arrow.Int32Traits.CastFromBytes(buffers[1].Bytes())[:rows+1]
	for i := range rows {
		to = binary.AppendUvarint(to, uint64(offsets[i+1]-offsets[i]))
	}
	if text := offsets[rows] - offsets[0]; text > 0 {
		to = append(to, buffers[2].Bytes()[offsets[0]:offsets[rows]]...)
	}
	return to
}

// widthOf is how many bits a value of a type has; 0 for text.
func widthOf(t arrow.DataType) int {
	if fixed, ok := t.(arrow.FixedWidthDataType); ok {
		return fixed.BitWidth()
	}
	return 0
}

// unpack makes one batch of all that was added.
func (k *packer) unpack(p *packed) (*table.Batch, error) {
	columns := make([]unpacked, p.schema.NumFields())
	for i := range columns {
		columns[i].init(p.schema.Field(i).Type, p.rows)
	}
	at, text := 0, []byte(nil)
	for i := range len(p.blocks) + 1 {
		var err error
		if i == len(p.blocks) {
			text = p.text
		} else if text, err = k.decompress.DecodeAll(p.blocks[i], text[:0]); err != nil {
			return nil, fmt.Errorf("stream %s: unpack rows: %w", p.table.Stream, err)
		}
		for rest := text; len(rest) > 0; {
			var rows int
			rows, rest = cutNumber(rest)
			for i := range columns {
				rest = columns[i].add(rest, at, rows)
			}
			at += rows
		}
	}
	arrays := make([]arrow.Array, len(columns))
	for i := range columns {
		arrays[i] = columns[i].array(k.mem)
		defer arrays[i].Release() // the record keeps it
	}
	return &table.Batch{Table: p.table, Rows: array.NewRecord(p.schema, arrays, int64(p.rows)), Bytes: p.bytes}, nil
}

func cutNumber(text []byte) (n int, rest []byte) {
	v, size := binary.Uvarint(text)
	return int(v), text[size:]
}

// unpacked is a column whose values are being unpacked.
type unpacked struct {
	typ     arrow.DataType
	width   int // see widthOf
	rows    int
	nulls   int
	valid   []byte
	values  []byte
	offsets []int32
}

func (c *unpacked) init(typ arrow.DataType, rows int) {
	*c = unpacked{typ: typ, width: widthOf(typ), rows: rows, valid: make([]byte, bitutil.BytesForBits(int64(rows)))}
	if c.width == 0 {
		c.offsets = make([]int32, 1, rows+1)
	} else {
		c.values = make([]byte, bitutil.BytesForBits(int64(rows*c.width)))
	}
}

// add reads what appendValues wrote of rows, which are those from an index on, and returns what stands behind it.
func (c *unpacked) add(text []byte, at, rows int) []byte {
	nulls, text := cutNumber(text)
	c.nulls += nulls
	if nulls == rows {
		for range rows * min(1, len(c.offsets)) {
			c.offsets = append(c.offsets, int32(len(c.values)))
		}
		return text
	}
	if nulls == 0 {
		bitutil.SetBitsTo(c.valid, int64(at), int64(rows), true)
	} else {
		bitutil.CopyBitmap(text, 0, rows, c.valid, at)
		text = text[bitutil.BytesForBits(int64(rows)):]
	}
	size := int(bitutil.BytesForBits(int64(rows * c.width)))
	switch c.width {
	case 0:
		end := len(c.values)
		for range rows {
			size, text = cutNumber(text)
			end += size
			c.offsets = append(c.offsets, int32(end))
		}
		size = end - len(c.values)
		c.values = append(c.values, text[:size]...)
	case 1:
		bitutil.CopyBitmap(text, 0, rows, c.values, at)
	default:
		copy(c.values[at*c.width/8:], text[:size])
	}
	return text[size:]
}

// array copies the values into memory of Arrow's.
func (c *unpacked) array(mem memory.Allocator) arrow.Array {
	buffers := []*memory.Buffer{nil}
	if c.nulls > 0 {
		buffers[0] = bufferOf(mem, c.valid)
	}
	if c.width == 0 {
		buffers = append(buffers, bufferOf(mem, arrow.Int32Traits.CastToBytes(c.offsets)))
	}
	buffers = append(buffers, bufferOf(mem, c.values))
	data := array.NewData(c.typ, c.rows, buffers, nil, c.nulls, 0)
	defer data.Release()
	for _, b := range buffers {
		if b != nil {
			b.Release() // the data keeps it
		}
	}
	return array.MakeFromData(data)
}

// bufferOf copies bytes. The buffer has memory even if there are none: readers of the C data interface do not all take a
// null pointer.
func bufferOf(mem memory.Allocator, bytes []byte) *memory.Buffer {
	b := memory.NewResizableBuffer(mem)
	b.Reserve(max(len(bytes), 1))
	b.Resize(len(bytes))
	copy(b.Bytes(), bytes)
	return b
}
