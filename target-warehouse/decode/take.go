package decode

import (
	"encoding/binary"
	"math"
	"unicode/utf8"

	"tapline/internal/rawjson"
	"tapline/target-warehouse/table"
)

// Most values are spelled in the one usual way of their type. These are read as they are scanned, in one pass; what is
// spelled otherwise, or is no such value, is scanned first and then set by the rules.

// take appends the value that text[i] begins if it is spelled as usual, and returns the index behind it. Of any other, be
// it a value or not, it appends nothing and returns 0.
func (d *Decoder) take(c *column, text []byte, i int) (end int) {
	if i+8 > len(text) {
		return 0 // the end of the text is near; no loop below has to look for it
	}
	if text[i] == 'n' && c.takesNull && string(text[i:i+4]) == "null" {
		c.appendNull()
		return i + 4
	}
	switch c.typ {
	case table.Boolean:
		return c.takeBool(text, i)
	case table.Integer:
		if n := usualNumber(text, i); n.end > 0 && n.decimals == 0 {
			c.appendWord(uint64(n.signed()))
			return n.end
		}
	case table.Number:
		if n := usualNumber(text, i); n.end > 0 && n.digits <= floatDigits {
			c.appendWord(math.Float64bits(n.float()))
			return n.end
		}
	case table.Timestamp:
		if micros, ok := usualMoment(text[i:]); ok {
			c.appendWord(uint64(micros))
			return i + usualMomentSize
		}
	case table.Text:
		if text[i] == '"' {
			return d.takeText(c, text, i)
		}
	case table.JSON:
		return d.takeJSON(c, text, i)
	}
	return 0
}

func (c *column) takeBool(text []byte, i int) (end int) {
	switch {
	case string(text[i:i+4]) == "true":
		c.appendBool(true)
		return i + 4
	case string(text[i:i+5]) == "false":
		c.appendBool(false)
		return i + 5
	}
	return 0
}

// takeText takes a string of any spelling.
func (d *Decoder) takeText(c *column, text []byte, i int) (end int) {
	end, has, err := rawjson.ScanString(text, i)
	if err != nil {
		return 0
	}
	inner, replaced := text[i+1:end-1], 0
	if has != 0 && (has&rawjson.HasEscapes != 0 || !utf8.Valid(inner)) {
		inner, replaced = rawjson.Text(text[i:end], d.scratch[:0], true)
		d.scratch = inner
	}
	if d.appendRepaired(c, inner, replaced) != "" {
		return 0
	}
	return end
}

// takeJSON takes a value in which nothing has to be repaired.
func (d *Decoder) takeJSON(c *column, text []byte, i int) (end int) {
	end, has, err := rawjson.Scan(text, i)
	if err != nil || text[i] == 'n' || has&rawjson.HasNotFinite != 0 {
		return 0
	}
	value := text[i:end]
	if has&rawjson.HasNonASCII != 0 && !utf8.Valid(value) || has&rawjson.HasEscapes != 0 && hasSurrogate(value) {
		return 0
	}
	if !c.appendText(value) {
		return 0
	}
	return end
}

const usualMomentSize = len(`"2024-05-01T10:00:00Z"`)

// usualMoment reads the moment that text begins with, quotes included, if it is spelled with all of its digits, a T and a
// Z. Eight bytes at a time are held against the spelling of 0: what differs must be digits in the places of digits.
func usualMoment(text []byte) (micros int64, ok bool) {
	if len(text) < usualMomentSize || text[0] != '"' || text[usualMomentSize-1] != '"' {
		return 0, false
	}
	const (
		date, dateRoom   = 0x2d30302d30303030, 0x7f76767f76767676 // 0000-00-
		hours, hoursRoom = 0x30303a3030543030, 0x76767f76767f7676 // 00T00:00
		end, endRoom     = 0x5a30303a30303a30, 0x7f76767f76767f76 // 0:00:00Z
	)
	a := binary.LittleEndian.Uint64(text[1:]) ^ date
	b := binary.LittleEndian.Uint64(text[9:]) ^ hours
	c := binary.LittleEndian.Uint64(text[13:]) ^ end
	// A byte becomes 128 or more if it is above 9 or, in the place of a sign, above 0; none carries over to the next.
	if (a|(a+dateRoom)|b|(b+hoursRoom)|c|(c+endRoom))&0x8080808080808080 != 0 {
		return 0, false
	}
	pair := func(i int) int64 { return int64(text[i]-'0')*10 + int64(text[i+1]-'0') }
	hour24, minutes, seconds := pair(12), pair(15), pair(18)
	day, ok := dayOf(pair(1)*100+pair(3), pair(6), pair(9))
	if !ok || hour24 > 23 || minutes > 59 || seconds > 59 {
		return 0, false
	}
	return day*microsPerDay + hour24*hour + minutes*minute + seconds*second, true
}
