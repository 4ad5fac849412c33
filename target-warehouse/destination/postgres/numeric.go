package postgres

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
)

// The sign of a numeric in its binary form; infinities are there from version 14 on.
// https://github.com/postgres/postgres/blob/master/src/backend/utils/adt/numeric.c
const (
	numericPositive = 0x0000
	numericNegative = 0x4000
	numericNaN      = 0xc000
	numericInfinity = 0xd000
	numericMinusInf = 0xf000
)

func encodeIntegerAsNumeric(a arrow.Array, _ *replacements) field {
	values := a.(*array.Int64).Int64Values()
	var text []byte
	return func(dst []byte, row int) []byte {
		text = strconv.AppendInt(text[:0], values[row], 10)
		return appendNumeric(dst, string(text))
	}
}

// encodeNumberAsNumeric sends the shortest digits that lead back to a float.
func encodeNumberAsNumeric(a arrow.Array, _ *replacements) field {
	values := a.(*array.Float64).Float64Values()
	var text []byte
	return func(dst []byte, row int) []byte {
		switch v := values[row]; {
		case math.IsNaN(v):
			return appendNumericHead(dst, 0, 0, numericNaN, 0)
		case math.IsInf(v, 1):
			return appendNumericHead(dst, 0, 0, numericInfinity, 0)
		case math.IsInf(v, -1):
			return appendNumericHead(dst, 0, 0, numericMinusInf, 0)
		default:
			text = strconv.AppendFloat(text[:0], v, 'f', -1, 64)
			return appendNumeric(dst, string(text))
		}
	}
}

func encodeDecimal(a arrow.Array, _ *replacements) field {
	values := a.(*array.String)
	return func(dst []byte, row int) []byte { return appendNumeric(dst, values.Value(row)) }
}

// appendNumericHead appends the length and what stands ahead of a numeric's digits. weight is how many groups of four
// digits stand before the point, less one; scale is how many digits stand behind it.
func appendNumericHead(dst []byte, groups, weight int, sign uint16, scale int) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(8+2*groups))
	for _, n := range []uint16{uint16(groups), uint16(weight), sign, uint16(scale)} {
		dst = binary.BigEndian.AppendUint16(dst, n)
	}
	return dst
}

// appendNumeric appends a decimal, in the spelling of table.Decimal, as numeric: its digits in groups of four, counted
// from the point, without groups of zeros at either end.
func appendNumeric(dst []byte, text string) []byte {
	sign := uint16(numericPositive)
	if digits, negative := strings.CutPrefix(text, "-"); negative {
		sign, text = numericNegative, digits
	}
	whole, fraction, _ := strings.Cut(text, ".")
	scale := len(fraction)
	whole = strings.TrimLeft(whole, "0")
	weight := (len(whole)+3)/4 - 1
	if whole == "" {
		significant := strings.TrimLeft(fraction, "0")
		skipped := (len(fraction) - len(significant)) / 4
		fraction, weight = fraction[4*skipped:], -1-skipped
	}
	fraction = strings.TrimRight(fraction, "0")
	if fraction == "" {
		significant := strings.TrimRight(whole, "0")
		whole = whole[:len(whole)-(len(whole)-len(significant))/4*4]
	}
	groups := (len(whole)+3)/4 + (len(fraction)+3)/4
	if groups == 0 {
		sign, weight = numericPositive, 0
	}
	dst = appendNumericHead(dst, groups, weight, sign, scale)
	for first := (len(whole)-1)%4 + 1; len(whole) > 0; first = 4 {
		dst = appendGroup(dst, whole[:first])
		whole = whole[first:]
	}
	for len(fraction) > 0 {
		first := min(4, len(fraction))
		dst = appendGroup(dst, fraction[:first]+"000"[first-1:])
		fraction = fraction[first:]
	}
	return dst
}

// appendGroup appends up to four digits as one number.
func appendGroup(dst []byte, digits string) []byte {
	n := uint16(0)
	for _, digit := range []byte(digits) {
		n = 10*n + uint16(digit-'0')
	}
	return binary.BigEndian.AppendUint16(dst, n)
}
