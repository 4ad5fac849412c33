package batch

import (
	"fmt"

	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

const (
	mostEntries = 1024      // that a column reads ahead
	aheadBytes  = 256 << 10 // that their values may take, about
)

// column reads the entries of a leaf of the schema one after another.
type column struct {
	name   string // path in the schema
	index  int
	chunk  chunk
	levels levels // the greatest; an entry with a lower definition level has no value

	definitions, repetitions []int16
	at, count                int // entries that were taken, and that are in memory
	value                    int // values that were taken of those in memory
	ahead                    int // entries to read next; 0 behind the last of the row group
}

// chunk reads the values of a column in a row group. It is the part that depends on the physical type.
type chunk interface {
	open(file.ColumnChunkReader)
	// read reads up to n entries, their values in place of those before, and returns the bytes that values take beside
	// the place itself.
	read(n int, definitions, repetitions []int16) (entries, bytes int, err error)
	append(b []byte, value int) []byte
}

func newColumn(c *schema.Column, index int) (*column, error) {
	out := &column{
		name: c.Path(), index: index, levels: levels{c.MaxDefinitionLevel(), c.MaxRepetitionLevel()},
		definitions: make([]int16, mostEntries), repetitions: make([]int16, mostEntries),
	}
	out.chunk = newChunk(c)
	if out.chunk == nil {
		return nil, fmt.Errorf("the column %s of the parquet file is of the type %s, %s, which is not read", c.Path(), c.PhysicalType(), c.LogicalType())
	}
	return out, nil
}

// open goes to the column's part of a row group.
func (c *column) open(group *file.RowGroupReader) error {
	reader, err := group.Column(c.index)
	if err != nil {
		return fmt.Errorf("the parquet file is damaged: %w", err)
	}
	c.chunk.open(reader)
	c.at, c.count, c.ahead = 0, 0, 1
	return nil
}

// more tells whether the row group has a further entry of the column. It panics if that cannot be read; see catch.
func (c *column) more() bool {
	if c.at < c.count || c.ahead == 0 {
		return c.at < c.count
	}
	entries, bytes, err := c.chunk.read(c.ahead, c.definitions, c.repetitions)
	if err != nil {
		panic(fmt.Errorf("column %s: %w", c.name, err))
	}
	c.at, c.count, c.value = 0, entries, 0
	if entries == 0 {
		c.ahead = 0 // until the next row group
		return false
	}
	// Values stay in memory with the pages they lie in, so that few of a column with large ones are read ahead.
	c.ahead = min(2*c.ahead, mostEntries, max(1, aheadBytes*entries/(bytes+1)))
	return true
}

// startsRow tells whether the next entry is the first of a row.
func (c *column) startsRow() bool { return c.more() && c.repetition() == 0 }

// definition is the next entry's definition level.
func (c *column) definition() int16 {
	if !c.more() {
		panic(fmt.Errorf("column %s ends too early", c.name))
	}
	if c.levels.definition == 0 {
		return 0
	}
	return c.definitions[c.at]
}

// repetition is the next entry's repetition level; 0 behind the last.
func (c *column) repetition() int16 {
	if c.levels.repetition == 0 || !c.more() {
		return 0
	}
	return c.repetitions[c.at]
}

// append takes the next entry, which has a value, and writes that.
func (c *column) append(b []byte) []byte {
	b = c.chunk.append(b, c.value)
	c.at++
	c.value++
	return b
}

// pass takes the next entry, which has none.
func (c *column) pass() {
	c.definition()
	c.at++
}
