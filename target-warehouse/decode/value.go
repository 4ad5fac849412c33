package decode

import (
	"bytes"
	"fmt"
	"math"
	"unicode/utf8"

	"tapline/internal/rawjson"
	"tapline/singer"
	"tapline/target-warehouse/table"
)

// Why a value is refused, as the middle of a sentence.
const (
	wrongKind = "is of another kind"
	tooMuch   = "is more text than one batch can hold in a column, 2 GiB"
)

// set appends a value to its column. It returns "" or the problem with the value, and then the column is as it was.
func (d *Decoder) set(c *column, value []byte) (problem string) {
	kind := rawjson.KindOf(value)
	if kind == rawjson.Null {
		c.appendNull()
		return ""
	}
	switch c.typ {
	case table.Boolean:
		if kind != rawjson.Bool {
			return wrongKind
		}
		c.appendBool(value[0] == 't')
		return ""
	case table.Integer:
		v, problem := integer(value, kind)
		return appendWord(c, uint64(v), problem)
	case table.Number:
		v, problem := number(value, kind)
		return appendWord(c, math.Float64bits(v), problem)
	case table.JSON:
		return d.setJSON(c, value)
	}
	if kind != rawjson.String {
		return wrongKind
	}
	text, replaced := value[1:len(value)-1], 0
	if bytes.IndexByte(text, '\\') >= 0 || !utf8.Valid(text) {
		text, replaced = rawjson.Text(value, d.scratch[:0], true)
		d.scratch = text
	}
	switch c.typ {
	case table.Timestamp:
		v, problem := timestamp(text)
		return appendWord(c, uint64(v), problem)
	case table.Date:
		v, problem := date(text)
		if problem == "" {
			c.appendDay(v)
		}
		return problem
	}
	if !c.appendText(text) {
		return tooMuch
	}
	d.replaced += int64(replaced)
	return ""
}

func appendWord(c *column, v uint64, problem string) string {
	if problem == "" {
		c.appendWord(v)
	}
	return problem
}

const advice = "let the SCHEMA declare what the tap sends; a property without a type keeps any value unchanged, as JSON"

// misfit is the failure of a value that its column cannot hold.
func (p *Plan) misfit(slot int, value []byte, problem string) error {
	c := &p.columns[slot]
	says := "this column of the warehouse is of type " + c.Type.String()
	if c.schema != "" {
		says = "the SCHEMA declares " + c.schema
	}
	return p.fault(c.nameInRecord(), fmt.Errorf("the value %s %s, but %s; %s", excerpt(value), problem, says, advice))
}

func (c *planned) nameInRecord() string {
	if c.Property == "" {
		return c.Name
	}
	return c.Property
}

func (p *Plan) fault(field string, err error) error {
	return &singer.RecordError{Stream: p.table.Stream, Field: field, Err: err}
}
