package decode

import (
	"math"
	"strconv"

	"tapline/internal/rawjson"
)

const (
	hasFraction = "has a fraction"
	tooLong     = "does not fit in 64 bits"
	tooPrecise  = "has more digits than a 64-bit float keeps"
	tooLarge    = "is too large for a 64-bit float"
)

// integer reads a number that must be whole and fit in 64 bits.
func integer(value []byte, kind rawjson.Kind) (v int64, problem string) {
	if kind != rawjson.Number {
		return 0, wrongKind
	}
	if n := usualNumber(value, 0); n.end == len(value) && n.decimals == 0 {
		return n.signed(), ""
	}
	return longInteger(value)
}

// longInteger reads what integer's fast path does not: 19 digits, or the spellings 1.0 and 1e3.
func longInteger(value []byte) (v int64, problem string) {
	var room [64]byte
	n := decimalOf(room[:0], value)
	switch {
	case len(n.digits) == 0:
		return 0, ""
	case n.exponent < 0:
		return 0, hasFraction
	case len(n.digits)+n.exponent > 19:
		return 0, tooLong
	}
	var text [24]byte
	v, err := strconv.ParseInt(string(n.appendTo(text[:0])), 10, 64)
	if err != nil {
		return 0, tooLong
	}
	return v, ""
}

// number reads a number that a 64-bit float must give back with the same digits when it is written in its shortest
// form.
func number(value []byte, kind rawjson.Kind) (v float64, problem string) {
	switch kind {
	case rawjson.Number:
		if n := usualNumber(value, 0); n.end == len(value) && n.digits <= floatDigits {
			return n.float(), ""
		}
		return longNumber(value)
	case rawjson.NotFinite:
		switch value[0] {
		case 'N':
			return math.NaN(), ""
		case '-':
			return math.Inf(-1), ""
		}
		return math.Inf(1), ""
	}
	return 0, wrongKind
}

// short is a number of up to 18 digits without an exponent: mantissa divided by ten to the decimals.
type short struct {
	mantissa         int64
	negative         bool
	digits, decimals int
	end              int // index behind it; 0 if the number is no such
}

// usualNumber reads the number that text[i] begins.
func usualNumber(text []byte, i int) (n short) {
	if n.negative = text[i] == '-'; n.negative {
		i++
	}
	first := i
	for ; i < len(text) && text[i]-'0' <= 9; i++ {
		n.mantissa = n.mantissa*10 + int64(text[i]-'0')
	}
	n.digits = i - first
	if n.digits == 0 || n.digits > 1 && text[first] == '0' {
		return short{}
	}
	if i < len(text) && text[i] == '.' {
		first = i + 1
		for i++; i < len(text) && text[i]-'0' <= 9; i++ {
			n.mantissa = n.mantissa*10 + int64(text[i]-'0')
		}
		if n.decimals = i - first; n.decimals == 0 {
			return short{}
		}
		n.digits += n.decimals
	}
	if n.digits > 18 || i < len(text) && text[i]|0x20 == 'e' {
		return short{}
	}
	n.end = i
	return n
}

func (n short) signed() int64 {
	if n.negative {
		return -n.mantissa
	}
	return n.mantissa
}

// floatDigits is how many decimal digits a 64-bit float holds faithfully, whichever they are.
const floatDigits = 15

// powers of ten that a 64-bit float holds exactly.
var powers = [floatDigits + 1]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// float returns a number of up to floatDigits: dividing two floats that are exact gives the float nearest to their
// quotient.
func (n short) float() float64 {
	v := float64(n.mantissa)
	if n.decimals > 0 {
		v /= powers[n.decimals]
	}
	if n.negative {
		v = -v
	}
	return v
}

func longNumber(value []byte) (v float64, problem string) {
	v, err := strconv.ParseFloat(string(value), 64)
	if err != nil {
		return 0, tooLarge
	}
	var ours, given, text [64]byte
	if !decimalOf(given[:0], value).equal(decimalOf(ours[:0], strconv.AppendFloat(text[:0], v, 'e', -1, 64))) {
		return 0, tooPrecise
	}
	return v, ""
}
