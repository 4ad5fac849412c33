package files

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"slices"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/apache/arrow-go/v18/parquet/schema"
	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"golang.org/x/sync/errgroup"

	"tapline/target-warehouse/table"
)

// parquetFile writes a Parquet file, with moments as TIMESTAMP(MICROS, UTC), JSON annotated as such, decimals that have a
// bound as DECIMAL and others as text.
type parquetFile struct {
	out        io.Writer
	root       *schema.GroupNode
	codec      compress.Compression
	w          *file.Writer // nil until there are rows
	columns    []column
	groupBytes int64
	pages      []int64 // by column: about how many bytes of values a page has at most
	// Levels and bits of values that are there, as many as a batch had rows so far.
	present     []int16
	presentBits []byte
	longest     []int64 // by column: the longest text in the row group being written
	held        int64   // bytes of statistics of the row groups before it
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
	return &parquetFile{out: w, root: root, codec: codecs[compression], columns: columns, groupBytes: groupBytes, longest: make([]int64, len(columns))}, nil
}

// begin makes the writer, whose settings depend on what the columns hold. There is no batch for a file without rows.
func (p *parquetFile) begin(batches [][]arrow.Array) {
	p.pages = make([]int64, len(p.columns))
	properties := []parquet.WriterProperty{
		parquet.WithCompression(p.codec), parquet.WithCreatedBy("tapline"), parquet.WithBatchSize(64 << 10), parquet.WithDictionaryDefault(false),
	}
	if len(batches) > 0 {
		for i, c := range p.columns {
			list, page := p.settings(c, columnOf(batches, i))
			properties, p.pages[i] = append(properties, list...), page
		}
	}
	p.w = file.NewParquetWriter(p.out, p.root, file.WithWriterProps(parquet.NewWriterProperties(properties...)))
}

// columnOf are a column's values in each batch.
func columnOf(batches [][]arrow.Array, i int) []arrow.Array {
	list := make([]arrow.Array, len(batches))
	for at, b := range batches {
		list[at] = b[i]
	}
	return list
}

// Lengths of pages, and levels of zstd. Texts and JSON compress best at the quickest level, in pages of Arrow's default
// length. Numbers do not: at that level most of a number that is unlike those before it is kept as it is. Level 2 looks
// for short matches as well, but only in what is up to 128 KiB long, with the levels that tell NULLs; it makes columns of
// numbers as short as level 3 does, in two thirds of the time.
const (
	pageBytes   = 1 << 20
	numberBytes = 120 << 10
	textLevel   = 1
	numberLevel = 2
)

// settings are those for a column that begins with values, of which there are some arrays, and the length of its pages.
func (p *parquetFile) settings(c column, values []arrow.Array) (list []parquet.WriterProperty, page int64) {
	path := parquet.ColumnPath{c.Name}
	level := textLevel
	page = pageBytes
	if c.Type != table.Text && c.Type != table.JSON {
		level, page = numberLevel, numberBytes
	}
	if repeats(values) {
		list = append(list, parquet.WithDictionaryPath(path, true))
		page = pageBytes // of indexes
	}
	if p.codec == compress.Codecs.Zstd {
		list = append(list, parquet.WithCompressionLevelPath(path, level))
	}
	return list, page
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
		return schema.NewPrimitiveNodeLogical(c.Name, repetition, kind, parquet.Types.FixedLenByteArray, c.decimalSize(), -1)
	}
	return schema.NewPrimitiveNodeLogical(c.Name, repetition, schema.StringLogicalType{}, parquet.Types.ByteArray, -1, -1)
}

// decimalSize is how many bytes the numbers of a bounded Decimal take.
func (c column) decimalSize() int { return int(pqarrow.DecimalSize(int32(c.Precision))) }

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
func (p *parquetFile) add(batches [][]arrow.Array) error {
	if p.w == nil {
		p.begin(batches)
	}
	for len(batches) > 0 {
		n := groupOf(batches, p.groupBytes)
		if err := p.writeGroup(batches[:n]); err != nil {
			return err
		}
		batches = batches[n:]
	}
	return nil
}

func bytesOf(columns []arrow.Array) int64 {
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
func (p *parquetFile) writeGroup(batches [][]arrow.Array) error {
	rows := 0
	for _, b := range batches {
		rows = max(rows, b[0].Len())
	}
	for len(p.present) < rows {
		p.present = append(p.present, 1, 1, 1, 1, 1, 1, 1, 1)
		p.presentBits = append(p.presentBits, 0xff)
	}
	group := p.w.AppendBufferedRowGroup()
	var workers errgroup.Group
	workers.SetLimit(runtime.GOMAXPROCS(0))
	for _, i := range heaviestFirst(batches) {
		writer, err := group.Column(i)
		if err != nil {
			return err
		}
		workers.Go(func() error { return p.writeColumn(writer, batches, i) })
	}
	if err := workers.Wait(); err != nil {
		return err
	}
	p.hold()
	return group.Close()
}

// heaviestFirst lists the columns by their bytes, so that the last to be begun is a light one and no core waits long for it.
func heaviestFirst(batches [][]arrow.Array) []int {
	order, sizes := make([]int, len(batches[0])), make([]int64, len(batches[0]))
	for i := range order {
		order[i], sizes[i] = i, bytesOf(columnOf(batches, i))
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(sizes[b], sizes[a]) })
	return order
}

// hold counts what the writer keeps of a row group until the file ends: of each column the least and the greatest value,
// also those that are too long to be written as statistics, as of version 18.5.1.
func (p *parquetFile) hold() {
	for _, n := range p.longest {
		p.held += 2 * n
	}
	clear(p.longest)
}

// full tells whether the file had better be ended, as it keeps much in memory.
func (p *parquetFile) full() bool { return p.held >= p.groupBytes }

func (p *parquetFile) writeColumn(writer file.ColumnChunkWriter, batches [][]arrow.Array, i int) error {
	page := columnPage{p: p, writer: writer, column: i}
	for _, b := range batches {
		if err := page.add(b[i]); err != nil {
			return fmt.Errorf("column %q: %w", p.columns[i].Name, err)
		}
	}
	// The page that is not full yet would be compressed when the group is closed, one column after the other.
	if page, ok := writer.(pageWriter); ok && page.EstimatedBufferedValueBytes() > emptyPage {
		return page.FlushCurrentPage()
	}
	return nil
}

// columnPage is the page of a column that values are added to.
type columnPage struct {
	p      *parquetFile
	writer file.ColumnChunkWriter
	column int
	held   int64 // bytes of the values on it
}

// add adds a batch's values. What the writer is given at once becomes a part of one page, however long that is, and there
// are three copies of a page while it is written; so long values are given one by one, or a few at a time.
func (g *columnPage) add(values arrow.Array) error {
	g.p.longest[g.column] = max(g.p.longest[g.column], longest(values))
	rows, most := int64(values.Len()), g.p.pages[g.column]
	if size := bytesOf([]arrow.Array{values}); size > most {
		rows = max(1, rows*most/size)
	}
	for from := int64(0); from < int64(values.Len()); from += rows {
		part := array.NewSlice(values, from, min(from+rows, int64(values.Len())))
		err := g.addPart(part)
		part.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// addPart adds values that are no more than a page.
func (g *columnPage) addPart(values arrow.Array) error {
	size, most := bytesOf([]arrow.Array{values}), g.p.pages[g.column]
	// The writer ends pages of pageBytes.
	if page, ok := g.writer.(pageWriter); ok && most < pageBytes && g.held > 0 && g.held+size > most {
		if err := page.FlushCurrentPage(); err != nil {
			return err
		}
		g.held = 0
	}
	g.held += size
	levels, valid, at := g.p.presence(values)
	return g.p.columns[g.column].write(g.writer, values, levels, valid, at)
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

// presence tells which values are there: the definition levels, 1 for those that are, and a bit for each in valid, from an
// index on.
func (p *parquetFile) presence(values arrow.Array) (levels []int16, valid []byte, from int64) {
	if values.NullN() == 0 {
		return p.present[:values.Len()], p.presentBits, 0
	}
	levels = slices.Clone(p.present[:values.Len()])
	for i := range levels {
		if values.IsNull(i) {
			levels[i] = 0
		}
	}
	return levels, values.NullBitmapBytes(), int64(values.Data().Offset())
}

func (p *parquetFile) end() error {
	if p.w == nil {
		p.begin(nil)
	}
	return p.w.Close()
}
