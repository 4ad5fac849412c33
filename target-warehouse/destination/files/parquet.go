package files

import (
	"context"
	"fmt"
	"io"
	"math/big"
	"runtime"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/apache/arrow-go/v18/parquet/schema"
	arrow15 "github.com/apache/arrow/go/v15/arrow"
	array15 "github.com/apache/arrow/go/v15/arrow/array"
	"golang.org/x/sync/errgroup"

	"tapline/target-warehouse/table"
)

// parquetFile writes a Parquet file, with moments as TIMESTAMP(MICROS, UTC), JSON annotated as such, decimals that have a
// bound as DECIMAL and others as text.
type parquetFile struct {
	w          *file.Writer
	columns    []column
	groupBytes int64
	present    []int16 // as many 1s as a batch had rows so far, the levels of values that are there
}

var codecs = map[string]compress.Compression{
	"zstd": compress.Codecs.Zstd, "gzip": compress.Codecs.Gzip, "snappy": compress.Codecs.Snappy, "none": compress.Codecs.Uncompressed,
}

func newParquet(w io.Writer, columns []column, compression string, groupBytes int64) (*parquetFile, error) {
	var nodes schema.FieldList
	for _, c := range columns {
		node, err := c.node()
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", c.Name, err)
		}
		nodes = append(nodes, node)
	}
	root, err := schema.NewGroupNode("schema", parquet.Repetitions.Required, nodes, -1)
	if err != nil {
		return nil, err
	}
	properties := parquet.NewWriterProperties(
		parquet.WithCompression(codecs[compression]), parquet.WithCreatedBy("tapline"), parquet.WithBatchSize(64<<10))
	return &parquetFile{w: file.NewParquetWriter(w, root, file.WithWriterProps(properties)), columns: columns, groupBytes: groupBytes}, nil
}

// node is the column in the file's schema.
func (c column) node() (schema.Node, error) {
	repetition := parquet.Repetitions.Optional
	if c.Required {
		repetition = parquet.Repetitions.Required
	}
	switch {
	case c.Type == table.Boolean:
		return schema.NewBooleanNode(c.Name, repetition, -1), nil
	case c.Type == table.Integer:
		return schema.NewInt64Node(c.Name, repetition, -1), nil
	case c.Type == table.Number:
		return schema.NewFloat64Node(c.Name, repetition, -1), nil
	case c.Type == table.Timestamp:
		return schema.NewPrimitiveNodeLogical(c.Name, repetition, schema.NewTimestampLogicalType(true, schema.TimeUnitMicros), parquet.Types.Int64, -1, -1)
	case c.Type == table.Date:
		return schema.NewPrimitiveNodeLogical(c.Name, repetition, schema.DateLogicalType{}, parquet.Types.Int32, -1, -1)
	case c.Type == table.JSON:
		return schema.NewPrimitiveNodeLogical(c.Name, repetition, schema.JSONLogicalType{}, parquet.Types.ByteArray, -1, -1)
	case c.bounded():
		kind := schema.NewDecimalLogicalType(int32(c.Precision), int32(c.Scale))
		return schema.NewPrimitiveNodeLogical(c.Name, repetition, kind, parquet.Types.FixedLenByteArray, int(pqarrow.DecimalSize(int32(c.Precision))), -1)
	}
	return schema.NewPrimitiveNodeLogical(c.Name, repetition, schema.StringLogicalType{}, parquet.Types.ByteArray, -1, -1)
}

func (c column) bounded() bool { return c.Type == table.Decimal && c.Precision > 0 }

// typeName is how Parquet's documents write the type of the column.
func (c column) typeName() string {
	if c.bounded() {
		return fmt.Sprintf("DECIMAL(%d,%d)", c.Precision, c.Scale)
	}
	return typeNames[c.Type]
}

var typeNames = map[table.Type]string{
	table.Boolean: "BOOLEAN", table.Integer: "INT64", table.Number: "DOUBLE", table.Decimal: "STRING", table.Text: "STRING",
	table.Timestamp: "TIMESTAMP(MICROS,UTC)", table.Date: "DATE", table.JSON: "JSON",
}

// add writes the batches as row groups of about groupBytes. Nothing of them is needed once it has returned.
func (p *parquetFile) add(batches [][]arrow15.Array) error {
	for len(batches) > 0 {
		n, size := 0, int64(0)
		for n < len(batches) && (n == 0 || size+bytesOf(batches[n]) <= p.groupBytes) {
			size += bytesOf(batches[n])
			n++
		}
		if err := p.writeGroup(batches[:n]); err != nil {
			return err
		}
		batches = batches[n:]
	}
	return nil
}

func bytesOf(columns []arrow15.Array) int64 {
	size := int64(0)
	for _, c := range columns {
		rows := max(int64(c.Data().Offset()+c.Len()), 1)
		for _, b := range c.Data().Buffers() {
			if b != nil {
				size += int64(b.Len()) * int64(c.Len()) / rows // a slice has the buffers of the whole
			}
		}
	}
	return size
}

// writeGroup writes a row group. Encoding and compressing a column takes nothing from another, so all cores do it.
func (p *parquetFile) writeGroup(batches [][]arrow15.Array) error {
	rows := 0
	for _, b := range batches {
		rows = max(rows, b[0].Len())
	}
	for len(p.present) < rows {
		p.present = append(p.present, 1)
	}
	group := p.w.AppendBufferedRowGroup()
	var workers errgroup.Group
	workers.SetLimit(runtime.GOMAXPROCS(0))
	for i := range p.columns {
		writer, err := group.Column(i)
		if err != nil {
			return err
		}
		workers.Go(func() error { return p.writeColumn(writer, batches, i) })
	}
	if err := workers.Wait(); err != nil {
		return err
	}
	return group.Close()
}

func (p *parquetFile) writeColumn(writer file.ColumnChunkWriter, batches [][]arrow15.Array, i int) error {
	c := p.columns[i]
	ctx := pqarrow.NewArrowWriteContext(context.Background(), nil)
	for _, b := range batches {
		values, err := c.values(b[i])
		if err != nil {
			return err
		}
		defer values.Release()
		if err := pqarrow.WriteArrowToColumn(ctx, writer, values, p.levels(values), nil, !c.Required); err != nil {
			return fmt.Errorf("column %q: %w", c.Name, err)
		}
	}
	// The page that is not full yet would be compressed when the group is closed, one column after the other.
	if page, ok := writer.(pageWriter); ok && page.EstimatedBufferedValueBytes() > emptyPage {
		return page.FlushCurrentPage()
	}
	return nil
}

// pageWriter is what Arrow's column writers have beside the methods of their interface.
type pageWriter interface {
	// FlushCurrentPage writes the page that has begun; there must be a value in it.
	FlushCurrentPage() error
	// EstimatedBufferedValueBytes is how long the page is. That of dictionary indexes is estimated as up to 2 kB if empty.
	EstimatedBufferedValueBytes() int64
}

// emptyPage is more than the estimate for an empty page.
const emptyPage = 16 << 10

// levels are the definition levels of values: 1 for those that are there.
func (p *parquetFile) levels(values arrow.Array) []int16 {
	if values.NullN() == 0 {
		return p.present[:values.Len()]
	}
	levels := slices.Clone(p.present[:values.Len()])
	for i := range levels {
		if values.IsNull(i) {
			levels[i] = 0
		}
	}
	return levels
}

// values are those of a batch as the newer Arrow of the Parquet writer takes them: the same memory, which the batch must
// keep for as long. The writer of version 15 makes a zstd encoder for every page, which takes longer than its work.
func (c column) values(of arrow15.Array) (arrow.Array, error) {
	if c.bounded() {
		return c.decimals(of.(*array15.String))
	}
	kind, ok := newerTypes[of.DataType().ID()]
	if !ok {
		return nil, fmt.Errorf("column %q: Parquet has no place for %s", c.Name, of.DataType())
	}
	old := of.Data()
	var buffers []*memory.Buffer
	for _, b := range old.Buffers() {
		if b == nil {
			buffers = append(buffers, nil)
		} else {
			buffers = append(buffers, memory.NewBufferBytes(b.Bytes()))
		}
	}
	data := array.NewData(kind, old.Len(), buffers, nil, old.NullN(), old.Offset())
	defer data.Release()
	return array.MakeFromData(data), nil
}

var newerTypes = map[arrow15.Type]arrow.DataType{
	arrow15.BOOL: arrow.FixedWidthTypes.Boolean, arrow15.INT64: arrow.PrimitiveTypes.Int64, arrow15.FLOAT64: arrow.PrimitiveTypes.Float64,
	arrow15.DATE32: arrow.FixedWidthTypes.Date32, arrow15.TIMESTAMP: arrow.FixedWidthTypes.Timestamp_us, arrow15.STRING: arrow.BinaryTypes.String,
}

// decimals makes numbers of the text of a bounded Decimal.
func (c column) decimals(texts *array15.String) (arrow.Array, error) {
	b := array.NewDecimal128Builder(memory.DefaultAllocator, &arrow.Decimal128Type{Precision: int32(c.Precision), Scale: int32(c.Scale)})
	defer b.Release()
	b.Reserve(texts.Len())
	for i := range texts.Len() {
		if texts.IsNull(i) {
			b.AppendNull()
			continue
		}
		n, err := c.unscaled(texts.Value(i))
		if err != nil {
			return nil, err
		}
		b.Append(n)
	}
	return b.NewArray(), nil
}

// unscaled is the whole number that a decimal's text stands for if its last digit is the one that Scale allows.
func (c column) unscaled(text string) (decimal128.Num, error) {
	whole, fraction, _ := strings.Cut(text, ".")
	digits := whole + fraction
	n, ok := new(big.Int).SetString(digits, 10)
	if !ok || len(fraction) > c.Scale || len(strings.TrimLeft(strings.TrimPrefix(digits, "-"), "0"))+c.Scale-len(fraction) > c.Precision {
		return decimal128.Num{}, fmt.Errorf("column %q holds numbers of %d digits, %d of them behind the point, and %q is none", c.Name, c.Precision, c.Scale, text)
	}
	return decimal128.FromBigInt(n.Mul(n, tenTo(c.Scale-len(fraction)))), nil
}

func tenTo(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

func (p *parquetFile) end() error { return p.w.Close() }
