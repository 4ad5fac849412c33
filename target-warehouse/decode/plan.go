// Package decode turns the bytes of records into columns.
//
// [Compile] makes a [Plan] from a table and the SCHEMA it was compiled from; each worker takes a [Decoder] from the
// plan, appends records and takes the rows as a [table.Batch]. A record is read once, from its bytes straight into the
// columns: no values are built in between and, once the buffers have grown, nothing is allocated.
//
// A value becomes one that equals it or the record is refused; nothing is rounded, cut or guessed. The rules by type:
//
//   - Boolean: true and false.
//   - Integer: numbers without a fraction that fit in 64 bits, in any spelling: 1, 1.0, 1e3.
//   - Number: numbers that a 64-bit float gives back digit by digit, and NaN, Infinity and -Infinity.
//   - Text: strings. What is not Unicode in them becomes U+FFFD and is counted.
//   - Timestamp: RFC 3339 to the microsecond, and near spellings (see time.go), in the years 0001 to 9999.
//   - Date: YYYY-MM-DD, and a date-time at midnight without an offset from UTC.
//   - JSON: any value as the text it came in, white space included. What is not Unicode in it becomes U+FFFD as in Text,
//     and NaN and Infinity are refused, because neither is JSON.
//
// null and a missing property are NULL in every type, refused only in a key. Of a property that a record has twice the
// last counts. Properties without a column are kept together as one object in the column [table.Extra], under the rules
// of JSON.
package decode

import (
	"strings"
	"sync/atomic"
	"time"

	"tapline/internal/rawjson"
	"tapline/singer"
	"tapline/target-warehouse/table"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/memory"
)

// Options are what a plan needs beside the shape of its records.
type Options struct {
	// Allocator provides the memory of batches and must be safe for several goroutines if decoders run in several. Nil
	// means Go's heap, which batches that cross the Arrow C data interface must not use.
	Allocator memory.Allocator
	// RunStart is when the run of the target began, for _sdc_sequence and _sdc_sync_started_at.
	RunStart time.Time
	// Now tells the time for _sdc_received_at and _sdc_batched_at, once a batch; nil means time.Now.
	Now func() time.Time
}

// Plan says how the records of one SCHEMA become rows of one Table. It is safe for several goroutines.
type Plan struct {
	table, wide             *table.Table
	tableSchema, wideSchema *arrow.Schema
	columns                 []planned      // the table's columns without Extra
	slots                   map[string]int // from a property's name to its column
	options                 Options
	// extras is set once a record had an undeclared property. Batches then keep the column for it, so that a stream
	// which has such records now and then does not change its Table with every batch.
	extras atomic.Bool
}

// planned is what a plan knows of a column beside its table.Column.
type planned struct {
	table.Column
	generate generator // nil for a column that only records fill
	schema   string    // what the SCHEMA declares, for failures
}

// Compile makes the plan that decodes records of s into rows of t, which must be compiled from s.
func Compile(t *table.Table, s *singer.Schema, o Options) *Plan {
	if o.Allocator == nil {
		o.Allocator = memory.NewGoAllocator()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	p := &Plan{table: t, wide: t.WithExtra(), slots: make(map[string]int, len(t.Columns)), options: o}
	p.tableSchema, p.wideSchema = p.table.ArrowSchema(), p.wide.ArrowSchema()
	declared := declarations(s.Schema)
	for i, c := range p.wide.Columns[:len(p.wide.Columns)-1] {
		one := planned{Column: c, schema: declared[c.Property]}
		name := c.Property
		// A column of tapline's own takes a value that the record has under its name, even if the SCHEMA is silent.
		if generate, ours := generators[c.Name]; ours && name == "" {
			name, one.generate = c.Name, generate
		}
		p.columns = append(p.columns, one)
		p.slots[name] = i
	}
	return p
}

// Table returns the table that the plan was compiled for. Batches without undeclared properties carry this very
// pointer.
func (p *Plan) Table() *table.Table { return p.table }

// TableWithExtra returns the table that batches with undeclared properties carry, always the same pointer: the plan's
// table and the column [table.Extra].
func (p *Plan) TableWithExtra() *table.Table { return p.wide }

// declarations returns the text that the SCHEMA has for each property, as far as it stands at the top.
func declarations(schema []byte) map[string]string {
	texts := map[string]string{}
	var outer, inner rawjson.Members
	for outer.Reset(schema); outer.Next(); {
		if string(outer.Key) != "properties" {
			continue
		}
		for inner.Reset(outer.Value); inner.Next(); {
			name, _ := nameOf(&inner, nil)
			texts[string(name)] = excerpt(inner.Value)
		}
	}
	return texts
}

// excerpt shortens a value to what a sentence bears.
func excerpt(value []byte) string {
	const most = 60
	text := strings.ToValidUTF8(string(value[:min(len(value), most)]), "\uFFFD")
	if len(value) > most {
		text += "..."
	}
	return text
}
