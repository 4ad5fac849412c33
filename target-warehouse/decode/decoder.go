package decode

import (
	"errors"
	"fmt"

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
	now      int64 // microseconds since 1970 at the batch's first row

	keys       keys
	undeclared []undeclared // by slot, behind the plan's columns
	found      []int        // which of them the row has, in the order of its text
	stamp      int64        // number of the row being read, never reused

	scratch, repaired []byte
	replaced          int64
}

// undeclared is a property that the SCHEMA does not name, as the row with that stamp has it.
type undeclared struct {
	stamp      int64
	key, value []byte // parts of the record being read
}

// maxUndeclared bounds how many names of undeclared properties are remembered from row to row.
const maxUndeclared = 4096

// NewDecoder returns an empty decoder.
func (p *Plan) NewDecoder() *Decoder {
	d := &Decoder{plan: p, columns: make([]column, len(p.columns)), keys: newKeys(p)}
	for i := range d.columns {
		d.columns[i].typ = p.columns[i].Type
	}
	d.extra.typ = table.JSON
	return d
}

// Append adds a record as the next row; ordinal is its number in the run, from 1. The caller's record is not kept. On
// failure, always a *[singer.RecordError], the row is left out and the decoder can go on with the next.
func (d *Decoder) Append(rec *singer.Record, ordinal int64) error {
	if d.rows == 0 {
		d.now = d.plan.options.Now().UnixMicro()
	}
	if len(d.undeclared) > maxUndeclared {
		d.undeclared = d.undeclared[:0]
		d.keys.forget(len(d.columns))
	}
	err := d.read(rec.Record)
	if err == nil {
		err = d.complete(rec, ordinal)
	}
	if err != nil {
		d.undo()
		return err
	}
	d.ordinals = append(d.ordinals, ordinal)
	d.rows++
	return nil
}

// Len returns the number of rows added since the last Batch.
func (d *Decoder) Len() int { return d.rows }

// Bytes returns about how many bytes those rows take in a batch. It costs a step per column.
func (d *Decoder) Bytes() int64 {
	size := int64(8*d.rows) + d.extra.bytes()
	for i := range d.columns {
		size += d.columns[i].bytes()
	}
	return size
}

// Replaced returns how many lone surrogates and bytes that are not UTF-8 became U+FFFD since the last Batch.
func (d *Decoder) Replaced() int64 { return d.replaced }

// read puts the record's values into their columns.
func (d *Decoder) read(record []byte) error {
	d.stamp++
	d.found = d.found[:0]
	var m rawjson.Members
	slot := start
	for m.Reset(record); m.Next(); {
		if slot = d.keys.slot(d.plan, slot, &m); slot >= len(d.columns) {
			d.collect(slot-len(d.columns), &m)
			continue
		}
		c := &d.columns[slot]
		if c.rows > d.rows {
			c.dropLast()
		}
		if problem := d.set(c, m.Value); problem != "" {
			return d.plan.misfit(slot, m.Value, problem)
		}
	}
	if err := m.Err(); err != nil {
		return d.plan.fault("", fmt.Errorf("the record is not a JSON object: %w", err))
	}
	if end := rawjson.SkipSpace(record, m.End()); end < len(record) {
		return d.plan.fault("", fmt.Errorf("the record is not one JSON object: more text begins at byte %d", end))
	}
	return nil
}

// collect remembers a property that has no column; the last of several with one name counts.
func (d *Decoder) collect(i int, m *rawjson.Members) {
	for i >= len(d.undeclared) {
		d.undeclared = append(d.undeclared, undeclared{})
	}
	if u := &d.undeclared[i]; u.stamp != d.stamp {
		u.stamp, u.key = d.stamp, m.Key
		d.found = append(d.found, i)
	}
	d.undeclared[i].value = m.Value
}

// complete fills the columns that the record left out and looks at its key.
func (d *Decoder) complete(rec *singer.Record, ordinal int64) error {
	for i := range d.columns {
		c := &d.columns[i]
		generate := d.plan.columns[i].generate
		switch {
		case generate != nil && (c.rows == d.rows || c.lastIsNull()):
			d.generate(c, generate, rec, ordinal)
		case c.rows == d.rows:
			c.appendNull()
		}
	}
	for _, i := range d.plan.table.Key {
		if d.columns[i].lastIsNull() {
			return d.plan.fault(d.plan.columns[i].Property, errors.New("it is part of the key but null or missing in the record; "+
				"a row is found again by its key, so the tap must send a value or leave the property out of key_properties"))
		}
	}
	return d.appendExtra()
}

func (d *Decoder) generate(c *column, generate generator, rec *singer.Record, ordinal int64) {
	if c.rows > d.rows {
		c.dropLast()
	}
	if v, has := generate(d, rec, ordinal); has {
		c.appendWord(uint64(v))
	} else {
		c.appendNull()
	}
}

// appendExtra writes the undeclared properties as one JSON object, keys and values as the record spells them.
func (d *Decoder) appendExtra() error {
	if len(d.found) == 0 {
		return nil
	}
	object := append(d.scratch[:0], '{')
	for _, i := range d.found {
		u := &d.undeclared[i]
		if len(object) > 1 {
			object = append(object, ',')
		}
		object = append(append(append(object, '"'), u.key...), '"', ':')
		object = append(object, u.value...)
	}
	object = append(object, '}')
	d.scratch = object
	d.extra.padTo(d.rows)
	if problem := d.setJSON(&d.extra, object); problem != "" {
		return d.plan.fault("", fmt.Errorf("the properties that the SCHEMA does not name, %s, %s; %s", excerpt(object), problem, advice))
	}
	return nil
}

// undo takes back what the row being read has put into the columns. Extra is not among them: it is filled last of all,
// and then nothing can fail any more.
func (d *Decoder) undo() {
	for i := range d.columns {
		if c := &d.columns[i]; c.rows > d.rows {
			c.dropLast()
		}
	}
}
