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
	digits := value
	if value[0] == '-' {
		digits = value[1:]
	}
	if len(digits) > 18 {
		return longInteger(value)
	}
	for _, c := range digits {
		if c -= '0'; c > 9 {
			return longInteger(value)
		}
		v = v*10 + int64(c)
	}
	if value[0] == '-' {
		v = -v
	}
	return v, ""
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
		if v, ok := shortNumber(value); ok {
			return v, ""
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

// powers of ten that a 64-bit float holds exactly.
var powers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// shortNumber reads numbers of at most 15 digits without an exponent, the usual case. A float holds any 15 digits
// faithfully, and dividing two floats that are exact gives the float nearest to their quotient.
func shortNumber(value []byte) (v float64, ok bool) {
	digits := value
	if value[0] == '-' {
		digits = value[1:]
	}
	if len(digits) > 16 {
		return 0, false
	}
	var mantissa int64
	count, point := 0, -1
	for _, c := range digits {
		if c == '.' {
			point = count
			continue
		}
		if c -= '0'; c > 9 {
			return 0, false
		}
		mantissa = mantissa*10 + int64(c)
		count++
	}
	if count > 15 {
		return 0, false
	}
	v = float64(mantissa)
	if point >= 0 {
		v /= powers[count-point]
	}
	if value[0] == '-' {
		v = -v
	}
	return v, true
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
