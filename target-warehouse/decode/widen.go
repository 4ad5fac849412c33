package decode

import (
	"math"
	"strconv"

	"tapline/internal/rawjson"
	"tapline/target-warehouse/table"
)

// A number that a column cannot hold makes the column wider, and the rows that the batch has so far are converted without
// changing one. An Integer becomes a Number if a float holds all of them exactly, else a Decimal; a Number becomes a
// Decimal; and a bounded Decimal one without bounds. Bounds are kept where they suffice, since engines store bounded
// decimals as numbers and some have only text for others. A record that is refused later may have widened columns, too.

const notFiniteDecimal = "is NaN or Infinity, which no decimal number is"

// widen appends a value that does not fit its Integer or Number to the column after making that wider. It returns the
// problem unchanged if no width helps.
func (d *Decoder) widen(c *column, value []byte, problem string) string {
	if problem == wrongKind || c.planned.fixed {
		return problem
	}
	if c.typ == table.Integer && problem == hasFraction && c.floats() {
		if v, problem := number(value, rawjson.Number); problem == "" {
			c.toNumber()
			c.appendWord(math.Float64bits(v))
			return ""
		}
	}
	n := decimalOf(d.digits, value)
	d.digits = n.digits[:0]
	if n.length() > maxDigits {
		return tooManyDigits
	}
	to := nearDecimal
	if problem == tooLong {
		to = wholeDecimal
	}
	if !to.fits(n.whole(), n.scale()) {
		to = anyDecimal
	}
	d.toDecimal(c, to)
	return d.appendDecimal(c, n)
}

// convert widens a column of a lower rank to a shape, or beyond it where a row does not fit. A column of a higher rank
// stays as it is.
func (d *Decoder) convert(c *column, to shape) {
	switch from := c.rank(); {
	case from > to.rank():
	case from == to.rank():
		c.become(anyDecimal) // two Decimals with bounds of their own
	case to.typ == table.Number && c.floats():
		c.toNumber()
	case to.typ == table.Number:
		d.toDecimal(c, nearDecimal)
	case c.typ == table.Decimal:
		c.become(to)
	default:
		d.toDecimal(c, to)
	}
}

// floats tells whether all rows of an Integer are what a Number may hold.
func (c *column) floats() bool {
	for _, word := range c.words {
		v := int64(word)
		if -1<<53 <= v && v <= 1<<53 {
			continue
		}
		var room [20]byte
		if _, problem := number(strconv.AppendInt(room[:0], v, 10), rawjson.Number); problem != "" {
			return false
		}
	}
	return true
}

// toNumber makes a Number of an Integer whose rows a Number may hold.
func (c *column) toNumber() {
	for i, word := range c.words {
		c.words[i] = math.Float64bits(float64(int64(word)))
	}
	c.become(shape{typ: table.Number})
}

// toDecimal makes a Decimal of an Integer or Number: of the shape to, one of the Decimals above, or without bounds if a row
// does not fit that. NaN and Infinity become NULL and are rejected.
func (d *Decoder) toDecimal(c *column, to shape) {
	for row, word := range c.words {
		var text, digits [64]byte
		switch {
		case c.isNull(row):
		case c.typ == table.Integer:
			c.text = strconv.AppendInt(c.text, int64(word), 10) // whose 19 digits fit all bounds
		default:
			v := math.Float64frombits(word)
			if math.IsNaN(v) || math.IsInf(v, 0) {
				d.dropNotFinite(c, row, v)
				break
			}
			n := decimalOf(digits[:0], strconv.AppendFloat(text[:0], v, 'e', -1, 64))
			c.text = n.appendTo(c.text)
			if !to.fits(n.whole(), n.scale()) {
				to = anyDecimal
			}
		}
		c.ends = append(c.ends, int32(len(c.text)))
	}
	c.words = nil
	c.become(to)
}

// dropNotFinite makes a row's NaN or Infinity NULL. The record is gone, so the reject has an object with that value alone.
func (d *Decoder) dropNotFinite(c *column, row int, v float64) {
	c.makeNull(row)
	spelled := "NaN"
	switch {
	case v > 0:
		spelled = "Infinity"
	case v < 0:
		spelled = "-Infinity"
	}
	r := Reject{Ordinal: d.ordinals[row], Field: c.planned.path(), Record: c.planned.wrap(spelled)}
	r.Reason = "the value " + spelled + " " + notFiniteDecimal + ", but a longer number in the stream makes this column one"
	d.reject(r)
	d.rejectSize += int64(len(r.Record))
}

// wrap returns the text of a record that has nothing but the column's value.
func (c *planned) wrap(value string) []byte {
	text := value
	for i := len(c.Below) - 1; i >= 0; i-- {
		text = "{" + quote(c.Below[i]) + ":" + text + "}"
	}
	return []byte("{" + quote(c.Property) + ":" + text + "}")
}
