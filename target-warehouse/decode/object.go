package decode

import (
	"fmt"

	"tapline/internal/rawjson"
)

// object is what a decoder remembers of one of the plan's objects: from row to row the names in it, and of the row being
// read what of it has no column.
type object struct {
	keys
	undeclared []undeclared // by slot, behind the plan's targets
	found      []int        // which of them the row has, in the order of its text
	stamp      int64        // the row that had the object
	met        int64        // the row that had a value in its place
	walk       int64        // number of the last walk through it
	name       []byte       // of the object as that row spells it, a part of the record
}

// undeclared is a member that has no column, as that walk found it.
type undeclared struct {
	walk       int64
	key, value []byte // parts of the record being read
}

// maxUndeclared bounds how many names of undeclared members are remembered from row to row.
const maxUndeclared = 4096

// walk puts the members of an object, which text[i] begins, into their columns. It returns the index behind it. Failures
// are those of package rawjson, unless they are a *singer.RecordError.
func (d *Decoder) walk(at int, text []byte, i int) (end int, err error) {
	p, o := &d.plan.objects[at], &d.objects[at]
	if len(o.undeclared) > maxUndeclared {
		o.undeclared = o.undeclared[:0]
		o.forget(len(p.targets))
	}
	o.stamp, o.walk, o.found = d.stamp, o.walk+1, o.found[:0]
	i, more, err := rawjson.Enter(text, i)
	for slot, value := start, 0; more && err == nil; {
		if slot, value, err = o.member(p, slot, text, i); err != nil {
			break
		}
		target := len(d.columns)
		if slot < len(p.targets) {
			target = p.targets[slot]
		}
		switch {
		case target == len(d.columns):
			i, err = o.collect(slot-len(p.targets), o.spelling(slot, text, value), text, value)
		case target < 0:
			i, err = d.enter(^target, o.spelling(slot, text, value), text, value)
		default:
			i, err = d.fillFrom(&d.columns[target], text, value)
		}
		if err != nil {
			break
		}
		if i < len(text) && text[i] == ',' {
			i++
			continue
		}
		i, more, err = rawjson.AfterMember(text, i)
	}
	return i, err
}

// fillFrom puts the value that text[i] begins into its column and returns the index behind it.
func (d *Decoder) fillFrom(c *column, text []byte, i int) (end int, err error) {
	if c.rows != d.rows {
		d.reopen(c)
	} else if c.planned.generate == nil {
		d.filled++
	}
	if end = d.take(c, text, i); end == 0 {
		if end, err = rawjson.Skip(text, i); err != nil {
			return 0, err
		}
		if problem := d.set(c, text[i:end]); problem != "" {
			return end, d.misfit(c, text[i:end], problem)
		}
	}
	if c.judged {
		d.judge(c, text[i:end])
	}
	return end, nil
}

// enter puts what stands in the place of an object into the columns below it and returns the index behind it. What is not
// an object leaves them NULL.
func (d *Decoder) enter(at int, name, text []byte, i int) (end int, err error) {
	if d.objects[at].met == d.stamp {
		d.leave(at)
	}
	o := &d.objects[at]
	o.met, o.name = d.stamp, name
	if i < len(text) && text[i] == '{' {
		return d.walk(at, text, i)
	}
	if end, err = rawjson.Skip(text, i); err == nil && rawjson.KindOf(text[i:end]) != rawjson.Null {
		d.notes = append(d.notes, note{at: len(d.columns) + at, value: text[i:end], problem: notAnObject})
	}
	return end, err
}

// leave takes back what the row being read has put into the columns below an object.
func (d *Decoder) leave(at int) {
	p := &d.plan.objects[at]
	d.filled = -len(d.columns)
	for _, i := range p.columns {
		if c := &d.columns[i]; c.rows > d.rows {
			c.dropLast()
		}
		d.withdraw(i)
	}
	d.forgetObject(at)
}

// forgetObject makes an object and those in it as if the row being read did not have them.
func (d *Decoder) forgetObject(at int) {
	o := &d.objects[at]
	o.stamp, o.met, o.found = 0, 0, o.found[:0]
	d.withdraw(len(d.columns) + at)
	for _, inner := range d.plan.objects[at].objects {
		d.forgetObject(inner)
	}
}

// collect remembers a member that has no column; the last of several with one name counts. It returns the index behind
// the value, which text[i] begins.
func (o *object) collect(at int, name, text []byte, i int) (end int, err error) {
	if end, err = rawjson.Skip(text, i); err != nil {
		return 0, err
	}
	for at >= len(o.undeclared) {
		o.undeclared = append(o.undeclared, undeclared{})
	}
	if u := &o.undeclared[at]; u.walk != o.walk {
		u.walk, u.key = o.walk, name
		o.found = append(o.found, at)
	}
	o.undeclared[at].value = text[i:end]
	return end, nil
}

// appendExtra writes the members without a column as one JSON object, keys and values as the record spells them.
func (d *Decoder) appendExtra() error {
	d.scratch = d.appendUndeclared(append(d.scratch[:0], '{'), 0)
	if len(d.scratch) == 1 {
		return nil
	}
	object := append(d.scratch, '}')
	d.scratch = object
	d.extra.padTo(d.rows)
	if problem := d.appendJSON(&d.extra, object); problem != "" {
		return d.plan.fault("", fmt.Errorf("the properties that the SCHEMA does not name, %s, %s", excerpt(object), problem))
	}
	return nil
}

// appendUndeclared appends the members of an object, and of those in it, that have no column. A NaN or Infinity in one
// keeps that one out.
func (d *Decoder) appendUndeclared(text []byte, at int) []byte {
	o := &d.objects[at]
	first := len(text)
	for _, i := range o.found {
		u := &o.undeclared[i]
		if hasNotFinite(u.value) {
			d.notes = append(d.notes, note{at: outside, value: u.value, problem: notFinite, field: d.plan.objects[at].name(u.key)})
			continue
		}
		text = append(appendName(text, first, u.key), u.value...)
	}
	for _, inner := range d.plan.objects[at].objects {
		if d.objects[inner].stamp != d.stamp {
			continue
		}
		before := len(text)
		text = append(appendName(text, first, d.objects[inner].name), '{')
		members := len(text)
		if text = d.appendUndeclared(text, inner); len(text) == members {
			text = text[:before]
			continue
		}
		text = append(text, '}')
	}
	return text
}

// appendName appends a member's name and its colon, and a comma before them unless the object's members begin here.
func appendName(text []byte, first int, key []byte) []byte {
	if len(text) > first {
		text = append(text, ',')
	}
	return append(append(append(text, '"'), key...), '"', ':')
}

// room returns the bytes that the object's memory takes.
func (o *object) room() int64 {
	size := 40*cap(o.undeclared) + 8*cap(o.found) + 40*cap(o.leads) + 8*cap(o.next) + 64*len(o.learned)
	for _, lead := range o.leads {
		size += cap(lead.text)
	}
	return int64(size)
}
