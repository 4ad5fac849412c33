// Package decode turns the bytes of records into columns.
//
// [Compile] makes a [Plan] from a table and the SCHEMA it was compiled from; each worker takes a [Decoder] from the
// plan, appends records and takes the rows as a [table.Batch]. A record is read once, from its bytes straight into the
// columns: no values are built in between and, once the buffers have grown, nothing is allocated.
//
// A value becomes one that equals it, or NULL and a [Reject] that tells so; nothing is rounded, cut or guessed. The rules
// by type:
//
//   - Boolean: true and false.
//   - Integer: numbers without a fraction that fit in 64 bits, in any spelling: 1, 1.0, 1e3.
//   - Number: numbers that a 64-bit float gives back digit by digit, and NaN, Infinity and -Infinity.
//   - Decimal: numbers of up to 2,000 digits, and strings that are one where the SCHEMA allows strings.
//   - Text: strings, and numbers and booleans as they are spelled where the SCHEMA allows them. What is not Unicode in
//     strings becomes U+FFFD and is counted.
//   - Timestamp: RFC 3339 to the microsecond, and near spellings (see time.go), in the years 0001 to 9999.
//   - Date: YYYY-MM-DD, and a date-time at midnight without an offset from UTC.
//   - JSON: any value as the text it came in, white space included. What is not Unicode in it becomes U+FFFD as in Text,
//     and NaN and Infinity do not fit, because neither is JSON.
//
// A number that does not fit an Integer, a Number or a bounded Decimal makes the column wider instead (see widen.go).
//
// null and a missing property are NULL in every type, refused only in a key. Of a property that a record has twice the
// last counts. Properties without a column are kept together as one object in the column [table.Extra], under the rules
// of JSON. What a column can hold and the SCHEMA forbids all the same is loaded and counted as a [Violation].
package decode

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"tapline/internal/rawjson"
	"tapline/singer"
	"tapline/target-warehouse/table"

	"github.com/apache/arrow/go/v15/arrow/memory"
)

// Options are what a plan needs beside the shape of its records.
type Options struct {
	// Allocator provides the memory of batches and must be safe for several goroutines if decoders run in several. Nil
	// means Go's heap, which batches that cross the Arrow C data interface must not use.
	Allocator memory.Allocator
	// RunStart is when the run of the target began, for _sdc_sequence and _sdc_sync_started_at.
	RunStart time.Time
	// Now tells the time for _sdc_received_at and _sdc_batched_at, once a batch that Receive says nothing of; nil means
	// time.Now.
	Now func() time.Time
	// NoNUL refuses text with NUL characters as a key: the destination cannot hold them.
	NoNUL bool
	// Strict judges every record before it is decoded; what it returns makes Append refuse the record. It must be safe for
	// several goroutines if decoders run in several, and may not keep the record. Nil refuses nothing.
	Strict func(record []byte) error
}

// Plan says how the records of one SCHEMA become rows of one Table. It is safe for several goroutines.
type Plan struct {
	table   *table.Table
	columns []planned // the table's columns without Extra
	// Of the columns, so many come first that only records fill; then tapline's own, by whether a value is needed for each
	// record or the batch says enough.
	declared            int
	perRecord, perBatch []int
	extraAt             int      // where among the columns Extra stands
	objects             []walked // the record, and then the objects that flattening takes apart
	options             Options
	// current is what the next batches are of. It only ever widens, and then stays so for all batches of the plan, so that
	// a stream which has a long number now and then does not change its Table with every batch.
	current atomic.Pointer[variant]
}

// planned is what a plan knows of a column beside its table.Column.
type planned struct {
	table.Column
	generate generator // nil for a column that only records fill
	object   int       // index in Plan.objects of the object with the column's value
	key      bool
	fixed    bool // the column's type never changes
	verdict  verdict
	schema   string // what the SCHEMA declares, for failures
}

// walked is an object whose members have columns of their own.
type walked struct {
	path    []string       // the names that lead to it; none for the record
	slots   map[string]int // from a member's name to its index in targets
	targets []int          // the member's column or, if it is an object to be walked, ^index in Plan.objects
	columns []int          // all columns filled from within it, at any depth
	objects []int          // those of its members that are objects to be walked
}

// Compile makes the plan that decodes records of s into rows of t, which must be compiled from s.
func Compile(t *table.Table, s *singer.Schema, o Options) *Plan {
	if o.Allocator == nil {
		o.Allocator = memory.NewGoAllocator()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	p := &Plan{table: t, objects: make([]walked, 1), options: o}
	p.objects[0].slots = map[string]int{}
	p.extraAt = extraOf(t.WithExtra())
	declared := declarations(s.Schema)
	for i, c := range t.Columns {
		if c.Name == table.Extra {
			continue
		}
		one := planned{Column: c, key: slices.Contains(t.Key, i), fixed: generatorOf(c.Name) != nil, verdict: anything}
		switch {
		case c.Property == "" && one.fixed:
			p.own(&one, len(p.columns))
		case len(c.Below) == 0:
			one.schema = declared[c.Property]
		}
		if i < len(t.Rules) {
			one.verdict = verdictOf(t.Rules[i])
		}
		p.columns = append(p.columns, one)
		p.place(len(p.columns) - 1)
	}
	p.declared = len(p.columns) - len(p.perRecord) - len(p.perBatch)
	p.current.Store(newVariant(t, p))
	return p
}

// Table returns the table that the plan was compiled for. Batches are of this very pointer until something in a record
// made them wider.
func (p *Plan) Table() *table.Table { return p.table }

// own notes that a column, which will have that index, is one of tapline's own.
func (p *Plan) own(c *planned, at int) {
	if c.generate = generatorOf(c.Name); fromRecord[c.Name] != nil {
		p.perRecord = append(p.perRecord, at)
	} else {
		p.perBatch = append(p.perBatch, at)
	}
}

// place notes where in a record the value of a column stands.
func (p *Plan) place(column int) {
	c := &p.columns[column]
	if c.generate != nil {
		// A column of tapline's own takes a value that the record has under its name, even if the SCHEMA is silent. Where the
		// SCHEMA declares what the column cannot hold, the property has a column under another name. Since when a row holds is
		// for the target alone to say.
		if _, declared := p.objects[0].slots[c.Name]; !declared && c.Name != table.ValidFrom && c.Name != table.ValidTo {
			p.objects[0].add(c.Name, column)
		}
		return
	}
	name := c.Property
	for _, inner := range c.Below {
		c.object, name = p.within(c.object, name), inner
		p.objects[c.object].columns = append(p.objects[c.object].columns, column)
	}
	p.objects[c.object].add(name, column)
}

// within returns the index of the object that is the member of that name in the object at.
func (p *Plan) within(at int, name string) int {
	if slot, known := p.objects[at].slots[name]; known && p.objects[at].targets[slot] < 0 {
		return ^p.objects[at].targets[slot]
	}
	inner := len(p.objects)
	p.objects = append(p.objects, walked{path: append(slices.Clone(p.objects[at].path), name), slots: map[string]int{}})
	p.objects[at].add(name, ^inner)
	p.objects[at].objects = append(p.objects[at].objects, inner)
	return inner
}

func (w *walked) add(name string, target int) {
	w.slots[name] = len(w.targets)
	w.targets = append(w.targets, target)
}

// declarations returns the text that the SCHEMA has for each property, as far as it stands at the top.
func declarations(schema []byte) map[string]string {
	texts := map[string]string{}
	var outer, inner rawjson.Members
	for outer.Reset(schema); outer.Next(); {
		if string(outer.Key) != "properties" {
			continue
		}
		for inner.Reset(outer.Value); inner.Next(); {
			name, _ := nameOf(inner.Key, inner.Escaped, nil)
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
