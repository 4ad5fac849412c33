package decode

import (
	"errors"
	"fmt"
	"time"

	"tapline/internal/rawjson"
	"tapline/singer"
	"tapline/target-warehouse/table"
)

// Decoder collects the rows of one batch after another. It belongs to one goroutine. Its buffers are Go's and stay with
// it; batches own theirs, so that a decoder needs no closing.
type Decoder struct {
	plan     *Plan
	rows     int
	columns  []column // one for each of the plan's
	extra    column   // reaches to the last row with an undeclared property
	ordinals []int64
	now      int64     // microseconds since 1970 at the batch's first row
	received time.Time // what Receive was told
	settled  *variant  // what the rows fit, once that has been asked for

	objects []object // one for each of the plan's
	stamp   int64    // number of the row being read, never reused
	filled  int      // how many of the plan's declared columns the row has filled, or fewer where that is not known

	notes      []note // about the row being read
	rejects    []Reject
	rejectSize int64
	violations [][violationKinds]int64 // by column; nil while there are none

	scratch, repaired, digits []byte
	replaced                  int64
	before                    int64 // replaced before the row being read
}

// NewDecoder returns an empty decoder.
func (p *Plan) NewDecoder() *Decoder {
	d := &Decoder{plan: p, columns: make([]column, len(p.columns)), objects: make([]object, len(p.objects))}
	for i := range d.columns {
		d.columns[i].at, d.columns[i].planned = i, &p.columns[i]
	}
	for i := range d.objects {
		d.objects[i].keys = newKeys(&p.objects[i])
	}
	d.extra.typ = table.JSON
	d.adopt(p.current.Load())
	return d
}

// adopt gives the columns, which must be empty, the shapes of v.
func (d *Decoder) adopt(v *variant) {
	for i := range d.columns {
		d.columns[i].become(v.shapes[i])
	}
}

// Receive says when the records of the batches to come were received, until it is called again; without it, or with the
// zero time, that is when the first of a batch is read. Where several decoders work side by side on parts of one stream
// it must be called, with times that do not go backwards along the stream: a record that does not say when it was
// extracted counts as new as it was received, and a history takes what seems older for a late row.
func (d *Decoder) Receive(at time.Time) { d.received = at }

// Append adds a record as the next row; ordinal is its number in the run, from 1. The caller's record is not kept. On
// failure, always a *[singer.RecordError], the row is left out and the decoder can go on with the next. It fails where
// nothing is left to be a row: the record is not an object, a part of its key is NULL or does not fit its column, the
// plan's Strict refuses it, or a column has all the text that a batch can hold.
func (d *Decoder) Append(rec *singer.Record, ordinal int64) error {
	end, err := d.Read(rec.Record)
	if err != nil {
		return err
	}
	if end = rawjson.SkipSpace(rec.Record, end); end < len(rec.Record) {
		d.Undo()
		return d.plan.fault("", fmt.Errorf("the record is not one JSON object: more text begins at byte %d", end))
	}
	return d.Add(rec, ordinal)
}

// Read puts the values of the record that text begins with into the next row and returns the index behind the record.
// Either Add makes this a row, or Undo takes it back. So a record can be decoded before it is known where it ends, which
// saves looking for that. Failures are those of Append, and leave nothing to be undone.
func (d *Decoder) Read(text []byte) (end int, err error) {
	if d.rows == 0 {
		if d.now = d.received.UnixMicro(); d.received.IsZero() {
			d.now = d.plan.options.Now().UnixMicro()
		}
		d.adopt(d.plan.current.Load())
	}
	d.settled, d.before = nil, d.replaced
	if end, err = d.read(text); err != nil {
		d.Undo()
	}
	return end, err
}

// Add makes what Read has read a row. rec has the text that was read and what else its message says; ordinal is as for
// Append. On failure the row is left out.
func (d *Decoder) Add(rec *singer.Record, ordinal int64) error {
	if err := d.complete(rec, ordinal); err != nil {
		d.Undo()
		return err
	}
	d.ordinals = append(d.ordinals, ordinal)
	d.rows++
	if len(d.notes) > 0 {
		d.file(ordinal, rec.Record)
	}
	return nil
}

// Undo takes back what Read has put into the columns. Extra is not among them: it is filled last of all, and then nothing
// can fail any more.
func (d *Decoder) Undo() {
	d.replaced = d.before
	for i := range d.columns {
		if c := &d.columns[i]; c.rows > d.rows {
			c.dropLast()
		}
	}
}

// Len returns the number of rows added since the last Batch.
func (d *Decoder) Len() int { return d.rows }

// Bytes returns about how many bytes those rows take in a batch, and their rejects. It costs a step per column.
func (d *Decoder) Bytes() int64 {
	size := int64(8*d.rows) + d.extra.bytes() + d.rejectSize
	for i := range d.columns {
		size += d.columns[i].bytes()
	}
	for _, i := range d.plan.perBatch {
		size += 8 * int64(d.rows-d.columns[i].rows)
	}
	return size
}

// Idle returns about how many bytes the decoder holds when it has no rows: buffers as large as its largest batch. Who has
// many decoders drops those that hold much and are not used.
func (d *Decoder) Idle() int64 {
	size := int64(8*cap(d.ordinals)+cap(d.scratch)+cap(d.repaired)+cap(d.digits)) + d.extra.room()
	for i := range d.columns {
		size += d.columns[i].room()
	}
	for i := range d.objects {
		size += d.objects[i].room()
	}
	return size
}

// Replaced returns how many lone surrogates and bytes that are not UTF-8 became U+FFFD since the last Batch.
func (d *Decoder) Replaced() int64 { return d.replaced }

// read puts the values of the record that text begins with into their columns.
func (d *Decoder) read(text []byte) (end int, err error) {
	d.stamp++
	d.filled = 0
	d.notes = d.notes[:0]
	if strict := d.plan.options.Strict; strict != nil {
		// Text that is not JSON is found below.
		if end, err := rawjson.Skip(text, rawjson.SkipSpace(text, 0)); err == nil {
			if err := strict(text[:end]); err != nil {
				return 0, d.plan.fault("", err)
			}
		}
	}
	if end, err = d.walk(0, text, rawjson.SkipSpace(text, 0)); err == nil {
		return end, nil
	}
	if fault, ok := err.(*singer.RecordError); ok {
		return 0, fault
	}
	return 0, d.plan.fault("", fmt.Errorf("the record is not a JSON object: %w", err))
}

// reopen makes a column ready for a value in the row being read. Of several values the last counts.
func (d *Decoder) reopen(c *column) {
	if c.rows > d.rows {
		c.dropLast()
		d.withdraw(c.at)
	}
	d.fill(c)
}

// misfit makes a value NULL that its column cannot hold.
func (d *Decoder) misfit(c *column, value []byte, problem string) error {
	if problem == tooMuch {
		return d.plan.misfit(c.at, value, problem)
	}
	if c.planned.generate == nil {
		c.appendNull()
	}
	d.notes = append(d.notes, note{at: c.at, value: value, problem: problem})
	return nil
}

// complete fills the columns that the record left out and looks at its key.
func (d *Decoder) complete(rec *singer.Record, ordinal int64) error {
	for _, i := range d.plan.perRecord {
		if c := &d.columns[i]; c.rows == d.rows {
			c.appendGenerated(c.planned.generate(d, rec, ordinal))
		}
	}
	if d.filled < d.plan.declared {
		d.fillMissing()
	}
	for _, i := range d.plan.table.Key {
		if d.columns[i].lastIsNull() {
			return d.noKey(i)
		}
	}
	return d.appendExtra()
}

// fillMissing makes the columns NULL of which the record has nothing.
func (d *Decoder) fillMissing() {
	for i := range d.columns[:d.plan.declared] {
		if c := &d.columns[i]; c.rows == d.rows {
			c.appendNull()
			if c.planned.verdict.required && d.objects[c.planned.object].stamp == d.stamp {
				d.note(i, missing)
			}
		}
	}
}

// noKey is the failure of a row without a value in a column of the key.
func (d *Decoder) noKey(at int) error {
	for i := range d.notes {
		if n := &d.notes[i]; n.at == at && n.violated == 0 {
			return d.plan.misfit(at, n.value, n.problem)
		}
	}
	return d.plan.fault(d.plan.columns[at].path(), errors.New("it is part of the key but null or missing in the record; "+
		"a row is found again by its key, so the tap must send a value or leave the property out of key_properties"))
}
