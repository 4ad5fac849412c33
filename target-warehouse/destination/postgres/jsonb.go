package postgres

import (
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
)

// encodeJSONB sends JSON text with the number of jsonb's format ahead.
func encodeJSONB(a arrow.Array, replaced *replacements) field {
	values := a.(*array.String)
	return func(dst []byte, row int) []byte { return appendJSONB(dst, forJSONB(values.Value(row), replaced)) }
}

func appendJSONB(dst []byte, value string) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(value)+1))
	return append(append(dst, jsonbFormat), value...)
}

// jsonbFormat is the number of jsonb's binary format, the only one there is.
const jsonbFormat = 1

// forJSONB changes in a JSON text what jsonb refuses, and counts the text by what was changed.
func forJSONB(text string, replaced *replacements) string {
	text, changed := withoutNULEscape(text)
	if changed {
		replaced.nul++
	}
	if text, changed = withoutHugeNumbers(text); changed {
		replaced.numbers++
	}
	return text
}

// withoutNULEscape returns a JSON text with \ufffd for every escape \u0000, at every depth and in names too, and whether
// there was one. A backslash that is escaped itself begins no escape.
func withoutNULEscape(text string) (string, bool) {
	const nul = `\u0000`
	if !strings.Contains(text, nul) {
		return text, false
	}
	var changed []byte
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		if strings.HasPrefix(text[i:], nul) {
			if changed == nil {
				changed = []byte(text)
			}
			copy(changed[i:], `\ufffd`)
		}
		i++ // past the character that the backslash escapes
	}
	if changed == nil {
		return text, false
	}
	return string(changed), true
}

// The digits that a numeric has at most ahead of its point and behind it. Numbers in jsonb are numerics.
// https://www.postgresql.org/docs/current/datatype-numeric.html
const (
	wholeDigits    = 131_072
	fractionDigits = 16_383
)

// withoutHugeNumbers returns a JSON text with a string of the same characters for every number, at every depth, that has
// more digits than a numeric, and whether there was one.
func withoutHugeNumbers(text string) (string, bool) {
	if !mayHaveHugeNumber(text) {
		return text, false
	}
	return quoteHugeNumbers(text)
}

// quoteHugeNumbers does what withoutHugeNumbers does, and reads the whole text for it.
func quoteHugeNumbers(text string) (string, bool) {
	var changed []byte
	copied := 0 // of the text
	for i := 0; i < len(text); {
		start := i
		switch {
		case text[i] == '"':
			i = endOfString(text, i)
		case text[i] == '-' || isDigit(text[i]):
			for i < len(text) && strings.IndexByte("0123456789+-.eE", text[i]) >= 0 {
				i++
			}
			if isHuge(text[start:i]) {
				changed = append(append(changed, text[copied:start]...), '"')
				changed = append(append(changed, text[start:i]...), '"')
				copied = i
			}
		default:
			i++
		}
	}
	if copied == 0 {
		return text, false
	}
	return string(append(changed, text[copied:]...)), true
}

// mayHaveHugeNumber finds out at little cost that a JSON text has no huge number, as nearly all have none: such a number
// has an exponent of five digits, or so many digits in a run that an exponent of four does the rest. Every run of five
// digits has one at one of the places that are looked at.
func mayHaveHugeNumber(text string) bool {
	const exponent, run = 5, fractionDigits - 9_999 + 1
	for i := exponent - 1; i < len(text); i += exponent {
		if !isDigit(text[i]) {
			continue
		}
		start, end := i, i+1
		for start > 0 && isDigit(text[start-1]) {
			start--
		}
		for end < len(text) && isDigit(text[end]) {
			end++
		}
		if end-start >= run || end-start >= exponent && endsInE(text[:start]) {
			return true
		}
		i = end - 1
	}
	return false
}

// endsInE tells whether a text ends in a digit and what begins an exponent.
func endsInE(text string) bool {
	n := len(text) - 1
	if n > 0 && (text[n] == '+' || text[n] == '-') {
		n--
	}
	return n > 0 && (text[n] == 'e' || text[n] == 'E') && isDigit(text[n-1])
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// endOfString is the place behind the JSON string that begins at start.
func endOfString(text string, start int) int {
	for i := start + 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++ // past the character that the backslash escapes
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// isHuge tells whether a JSON number has more digits than a numeric when it is written without an exponent. Zeros at its
// end count behind the point, and none count ahead of its first digit.
func isHuge(number string) bool {
	number = strings.TrimPrefix(number, "-")
	exponent := 0
	if e := strings.IndexAny(number, "eE"); e >= 0 {
		n, err := strconv.Atoi(number[e+1:])
		if err != nil || max(n, -n) > 1_000_000_000 { // the server takes no exponents near to 32 bits, not even of 0
			return true
		}
		number, exponent = number[:e], n
	}
	whole, fraction, _ := strings.Cut(number, ".")
	if len(fraction)-exponent > fractionDigits {
		return true
	}
	significant := strings.TrimLeft(whole+fraction, "0")
	ahead := len(significant) - len(fraction) + exponent
	return significant != "" && ahead > wholeDigits
}
