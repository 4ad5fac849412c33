package decode

import (
	"bytes"
	"slices"
)

// maxDigits bounds the digits of a decimal as it is written out, which a few bytes such as 1e999999999 can ask for without
// end.
const maxDigits = 2000

const (
	tooManyDigits = "is a number too long to write out, over 2,000 digits"
	notDecimal    = "is not the text of a decimal number such as 12.50"
)

// decimal is a number in the one form that equal numbers share: digits without zeros at either end, times ten to the
// exponent.
type decimal struct {
	negative bool
	digits   []byte // '0' to '9'; none for zero
	exponent int
}

func (d decimal) equal(e decimal) bool {
	return d.negative == e.negative && d.exponent == e.exponent && bytes.Equal(d.digits, e.digits)
}

// decimalOf reads a JSON number of any length; buf is room for its digits.
func decimalOf(buf, value []byte) decimal {
	d := decimal{digits: buf[:0]}
	mantissa, exponent := value, 0
	if i := bytes.IndexAny(value, "eE"); i >= 0 {
		mantissa, exponent = value[:i], exponentOf(value[i+1:])
	}
	fraction := false
	for _, c := range mantissa {
		switch {
		case c == '-':
			d.negative = true
		case c == '+':
		case c == '.':
			fraction = true
		default:
			if fraction {
				exponent--
			}
			if c != '0' || len(d.digits) > 0 {
				d.digits = append(d.digits, c)
			}
		}
	}
	significant := bytes.TrimRight(d.digits, "0")
	if len(significant) > 0 {
		d.exponent = exponent + len(d.digits) - len(significant)
	}
	d.digits = significant
	return d
}

// exponentOf reads the digits behind the e. Beyond a billion, where no number a column holds lies, it stops counting.
func exponentOf(text []byte) int {
	e := 0
	for _, c := range bytes.TrimLeft(text, "+-") {
		if e = e*10 + int(c-'0'); e > 1e9 {
			e = 1e9
			break
		}
	}
	if text[0] == '-' {
		return -e
	}
	return e
}

// isDecimal tells whether a text is a number, as programs write decimals: as JSON does, and also with a plus sign, with
// zeros ahead, or without digits on one side of the point.
func isDecimal(text []byte) bool {
	text = unsigned(text)
	whole := digitsAhead(text)
	rest, digits := text[whole:], whole
	if len(rest) > 0 && rest[0] == '.' {
		fraction := digitsAhead(rest[1:])
		rest, digits = rest[1+fraction:], whole+fraction
	}
	if digits > 0 && len(rest) > 0 && (rest[0] == 'e' || rest[0] == 'E') {
		rest = unsigned(rest[1:])
		digits = digitsAhead(rest)
		rest = rest[digits:]
	}
	return digits > 0 && len(rest) == 0
}

func unsigned(text []byte) []byte {
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		return text[1:]
	}
	return text
}

func digitsAhead(text []byte) int {
	n := 0
	for n < len(text) && text[n]-'0' <= 9 {
		n++
	}
	return n
}

// whole and scale return how many digits the number has before the point, not counting a lone zero, and behind it.
func (d decimal) whole() int { return max(0, len(d.digits)+d.exponent) }
func (d decimal) scale() int { return max(0, -d.exponent) }

// length returns how many digits the number has when it is written out.
func (d decimal) length() int { return max(1, d.whole()) + d.scale() }

// fits tells whether a Decimal of that shape holds the number.
func (s shape) fits(whole, scale int) bool {
	return s == anyDecimal || scale <= s.scale && whole <= s.precision-s.scale
}

// appendTo writes the number out as a [table.Decimal] is spelled. Its length should be looked at before.
func (d decimal) appendTo(text []byte) []byte {
	if len(d.digits) == 0 {
		return append(text, '0')
	}
	if d.negative {
		text = append(text, '-')
	}
	digits, whole := d.digits, d.whole()
	switch {
	case d.exponent >= 0:
		return appendZeros(append(text, digits...), d.exponent)
	case whole == 0:
		text = appendZeros(append(text, '0', '.'), -d.exponent-len(digits))
		return append(text, digits...)
	}
	text = append(append(text, digits[:whole]...), '.')
	return append(text, digits[whole:]...)
}

func appendZeros(text []byte, n int) []byte {
	text = slices.Grow(text, n)
	for range n {
		text = append(text, '0')
	}
	return text
}
