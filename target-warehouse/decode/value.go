package decode

import (
	"bytes"
	"encoding/binary"
	"math"
	"unicode/utf8"

	"tapline/internal/rawjson"
	"tapline/target-warehouse/table"
)

// Why a value does not fit, as the middle of a sentence.
const (
	wrongKind   = "is of another kind"
	tooMuch     = "is more text than one batch can hold in a column, 2 GiB"
	notAnObject = "is no object, whose members have columns of their own"

	// Of values that a column can hold, but a key cannot.
	notANumber = "is not a number that is equal to itself or to any other, as a key must be"
	hasNUL     = "has a NUL character, which the destination's text cannot hold, and with U+FFFD in its place it could be the key of another row; mend it at its source, or leave the property out of key_properties"
	notUnicode = "is not Unicode, and with U+FFFD in its place it could be the key of another row; mend it at its source, or leave the property out of key_properties"
)

// set appends a value to its column, and makes the column wider if a number needs it. It returns "" or the problem with
// the value, and then the column has no value for the row.
func (d *Decoder) set(c *column, value []byte) (problem string) {
	kind := rawjson.KindOf(value)
	if kind == rawjson.Null {
		d.setNull(c)
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
		if problem != "" {
			return d.widen(c, value, problem)
		}
		c.appendWord(uint64(v))
		return ""
	case table.Number:
		v, problem := number(value, kind)
		if problem != "" {
			return d.widen(c, value, problem)
		}
		if kind == rawjson.NotFinite && c.planned.key {
			return notANumber
		}
		c.appendWord(math.Float64bits(v))
		return ""
	case table.Decimal:
		return d.setDecimal(c, value, kind)
	case table.JSON:
		if hasNotFinite(value) {
			return notFinite
		}
		return d.appendJSON(c, value)
	}
	if kind != rawjson.String {
		return d.setSpelling(c, value, kind)
	}
	return d.setString(c, value)
}

// setNull appends NULL, unless tapline fills the column with something better.
func (d *Decoder) setNull(c *column) {
	if c.planned.generate == nil {
		c.appendNull()
	}
	if c.noNull != 0 {
		d.note(c.at, c.noNull)
	}
}

// setString appends a string to a column of type Text, Timestamp or Date.
func (d *Decoder) setString(c *column, value []byte) (problem string) {
	text, replaced := value[1:len(value)-1], 0
	if !isPlain(text) && (bytes.IndexByte(text, '\\') >= 0 || !utf8.Valid(text)) {
		text, replaced = rawjson.Text(value, d.scratch[:0], true)
		d.scratch = text
	}
	switch c.typ {
	case table.Timestamp:
		v, problem := timestamp(text)
		if problem == "" {
			c.appendWord(uint64(v))
		}
		return problem
	case table.Date:
		v, problem := date(text)
		if problem == "" {
			c.appendDay(v)
		}
		return problem
	}
	return d.appendRepaired(c, text, replaced)
}

// appendRepaired appends text in which so many places have become U+FFFD. Two keys could become one by that, and their
// rows with them, so that a key has to be Unicode, and without what the destination would replace.
func (d *Decoder) appendRepaired(c *column, text []byte, replaced int) (problem string) {
	if c.planned != nil && c.planned.key { // Extra is not planned
		switch {
		case replaced > 0:
			return notUnicode
		case d.plan.options.NoNUL && bytes.IndexByte(text, 0) >= 0:
			return hasNUL
		}
	}
	if !c.appendText(text) {
		return tooMuch
	}
	d.replaced += int64(replaced)
	return ""
}

// isPlain tells whether a string's text is ASCII without escapes, eight bytes at a time. Most text is, and short.
func isPlain(text []byte) bool {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; len(text) >= 8; text = text[8:] {
		w := binary.LittleEndian.Uint64(text)
		slash := w ^ ones*'\\'
		if (w|(slash-ones)&^slash)&highs != 0 {
			return false
		}
	}
	for _, c := range text {
		if c >= utf8.RuneSelf || c == '\\' {
			return false
		}
	}
	return true
}

// setSpelling appends a number or boolean as it is spelled to a column of type Text, if the SCHEMA allows such beside
// strings.
func (d *Decoder) setSpelling(c *column, value []byte, kind rawjson.Kind) (problem string) {
	allowed := table.Kinds(0)
	switch kind {
	case rawjson.Bool:
		allowed = table.BooleanKind
	case rawjson.Number, rawjson.NotFinite:
		allowed = table.NumberKind
	}
	if c.typ != table.Text || c.planned.verdict.kinds&allowed == 0 {
		return wrongKind
	}
	if !c.appendText(value) {
		return tooMuch
	}
	return ""
}

// setDecimal appends a number, or a string that is one if the SCHEMA allows strings.
func (d *Decoder) setDecimal(c *column, value []byte, kind rawjson.Kind) (problem string) {
	text := value
	switch kind {
	case rawjson.Number:
	case rawjson.String:
		if c.planned.verdict.kinds&table.StringKind == 0 {
			return wrongKind
		}
		if text = value[1 : len(value)-1]; bytes.IndexByte(text, '\\') >= 0 {
			text, _ = rawjson.Text(value, d.scratch[:0], true)
			d.scratch = text
		}
		if !isDecimal(text) {
			return notDecimal
		}
	case rawjson.NotFinite:
		return notFiniteDecimal
	default:
		return wrongKind
	}
	n := decimalOf(d.digits, text)
	d.digits = n.digits[:0]
	switch {
	case n.length() > maxDigits:
		return tooManyDigits
	case !c.fits(n.whole(), n.scale()):
		c.become(anyDecimal)
	}
	return d.appendDecimal(c, n)
}

func (d *Decoder) appendDecimal(c *column, n decimal) (problem string) {
	d.scratch = n.appendTo(d.scratch[:0])
	if !c.appendText(d.scratch) {
		return tooMuch
	}
	return ""
}
