package rawjson

import (
	"encoding/binary"
	"math/bits"
)

// maxDepth bounds nesting, so that hostile input cannot grow the skipper's stack without end.
const maxDepth = 10_000

// Traits tell what a value has in it that asks for a second look.
type Traits uint8

// The traits of values. What is not UTF-8 is among HasNonASCII.
const (
	HasEscapes   Traits = 1 << iota // a backslash in a string
	HasNonASCII                     // a byte beyond ASCII in a string
	HasNotFinite                    // NaN, Infinity or -Infinity
)

// Skip returns the index just behind the value that starts at data[i], after checking its syntax.
// White space before the value must have been skipped. Failures are of type [*SyntaxError].
func Skip(data []byte, i int) (int, error) {
	end, _, err := Scan(data, i)
	return end, err
}

// Scan is [Skip] and tells the traits of the value.
func Scan(data []byte, i int) (end int, has Traits, err error) {
	if i >= len(data) {
		return i, 0, syntax(i, unended)
	}
	switch data[i] {
	case '{', '[':
		return scanNested(data, i)
	case '"':
		return ScanString(data, i)
	}
	return scanScalar(data, i)
}

// scanNested walks an object or array without recursion; open remembers which bracket closes each level.
func scanNested(data []byte, i int) (end int, has Traits, err error) {
	var small [64]byte
	open := small[:0]
	var of Traits
	for {
		// Here a value is expected at data[i].
		if i = skipSpace(data, i); i >= len(data) {
			return i, has, syntax(i, unended)
		}
		switch c := data[i]; c {
		case '"':
			i, of, err = ScanString(data, i)
		case '{', '[':
			if len(open) == maxDepth {
				return i, has, syntax(i, "values are nested too deep")
			}
			closer := c + 2 // '}' and ']' stand two behind their openers in ASCII
			if i = skipSpace(data, i+1); i < len(data) && data[i] == closer {
				i++
				break
			}
			if open = append(open, closer); c == '[' {
				continue
			}
			if i, of, err = scanKey(data, i); err != nil {
				return i, has, err
			}
			has |= of
			continue
		default:
			i, of, err = scanScalar(data, i)
		}
		if err != nil {
			return i, has, err
		}
		has |= of
		// A value has ended before data[i]; close levels until another value is due.
		for ; ; i++ {
			if len(open) == 0 {
				return i, has, nil
			}
			if i = skipSpace(data, i); i >= len(data) {
				return i, has, syntax(i, unended)
			}
			if data[i] != open[len(open)-1] {
				break
			}
			open = open[:len(open)-1]
		}
		if data[i] != ',' {
			return i, has, syntax(i, uncommaed)
		}
		if i++; open[len(open)-1] == '}' {
			if i, of, err = scanKey(data, skipSpace(data, i)); err != nil {
				return i, has, err
			}
			has |= of
		}
	}
}

// skipSpace is SkipSpace for places where mostly there is none.
func skipSpace(data []byte, i int) int {
	if i < len(data) && data[i] <= ' ' {
		return SkipSpace(data, i)
	}
	return i
}

// scanKey consumes a member's name and the colon behind it.
func scanKey(data []byte, i int) (next int, has Traits, err error) {
	if i >= len(data) {
		return i, 0, syntax(i, unended)
	}
	if data[i] != '"' {
		return i, 0, syntax(i, "a member name in quotes is missing")
	}
	if i, has, err = ScanString(data, i); err != nil {
		return i, has, err
	}
	switch i = skipSpace(data, i); {
	case i >= len(data):
		return i, has, syntax(i, unended)
	case data[i] != ':':
		return i, has, syntax(i, "a colon is missing behind a member name")
	}
	return i + 1, has, nil
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// SkipString returns the index just behind the string literal that starts at data[i] and whether it contains escapes.
// Bytes that are not UTF-8 are not noticed here; [Text] replaces them.
func SkipString(data []byte, i int) (end int, escaped bool, err error) {
	end, has, err := ScanString(data, i)
	return end, has&HasEscapes != 0, err
}

// ScanString is [SkipString] and tells the traits of the string.
func ScanString(data []byte, i int) (end int, has Traits, err error) {
	var seen uint64 // all bytes of the string, one over the other
	for i++; ; {
		// Eight bytes at a time while none of them is a quote, a backslash or a control character. The first that is one
		// has the lowest bit that is set; those above it may be set by mistake.
		for i+8 <= len(data) {
			w := binary.LittleEndian.Uint64(data[i:])
			quote := w ^ (ones * '"')
			slash := w ^ (ones * '\\')
			stop := (quote-ones)&^quote | (slash-ones)&^slash | (w-ones*0x20)&^w
			if stop &= highs; stop != 0 {
				seen |= w & (stop&-stop - 1)
				i += bits.TrailingZeros64(stop) >> 3
				break
			}
			seen |= w
			i += 8
		}
		for i < len(data) && data[i] >= 0x20 && data[i] != '"' && data[i] != '\\' {
			seen |= uint64(data[i])
			i++
		}
		if i >= len(data) {
			return i, has, syntax(i, unended)
		}
		switch data[i] {
		case '"':
			if seen&highs != 0 {
				has |= HasNonASCII
			}
			return i + 1, has, nil
		case '\\':
			has |= HasEscapes
			if i, err = skipEscape(data, i); err != nil {
				return i, has, err
			}
		default:
			return i, has, syntax(i, "a control character stands in a string")
		}
	}
}

func skipEscape(data []byte, i int) (int, error) {
	if i+1 >= len(data) {
		return len(data), syntax(len(data), unended)
	}
	switch data[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2, nil
	case 'u':
		for k := i + 2; k < i+6; k++ {
			if k >= len(data) {
				return k, syntax(k, unended)
			}
			if hexDigit(data[k]) < 0 {
				return k, syntax(k, "a \\u escape lacks four hexadecimal digits")
			}
		}
		return i + 6, nil
	}
	return i, syntax(i, "an unknown escape stands in a string")
}

// scanScalar consumes a number or a literal.
func scanScalar(data []byte, i int) (end int, has Traits, err error) {
	switch c := data[i]; {
	case c >= '0' && c <= '9':
		end, err = skipNumber(data, i)
	case c == 'n':
		end, err = skipLiteral(data, i, "null")
	case c == 't':
		end, err = skipLiteral(data, i, "true")
	case c == 'f':
		end, err = skipLiteral(data, i, "false")
	case c == '-':
		if i+1 < len(data) && data[i+1] == 'I' {
			has = HasNotFinite
		}
		end, err = skipNumber(data, i)
	case c == 'N':
		has = HasNotFinite
		end, err = skipLiteral(data, i, "NaN")
	case c == 'I':
		has = HasNotFinite
		end, err = skipLiteral(data, i, "Infinity")
	default:
		end, err = i, syntax(i, "a value is missing")
	}
	return end, has, err
}

func skipLiteral(data []byte, i int, word string) (int, error) {
	if len(data)-i >= len(word) && string(data[i:i+len(word)]) == word {
		return i + len(word), nil
	}
	for k := 0; k < len(word); k++ {
		if i+k >= len(data) {
			return i + k, syntax(i+k, unended)
		}
		if data[i+k] != word[k] {
			return i + k, syntax(i+k, "a value is misspelt")
		}
	}
	return i + len(word), nil
}

func skipNumber(data []byte, i int) (int, error) {
	if data[i] == '-' {
		if i++; i < len(data) && data[i] == 'I' {
			return skipLiteral(data, i, "Infinity")
		}
	}
	start := i
	if i = skipDigits(data, i); i == start {
		return missingDigit(data, i)
	}
	if data[start] == '0' && i > start+1 {
		return start, syntax(start, "a number starts with a zero")
	}
	if i < len(data) && data[i] == '.' {
		start = i + 1
		if i = skipDigits(data, start); i == start {
			return missingDigit(data, i)
		}
	}
	if i < len(data) && (data[i] == 'e' || data[i] == 'E') {
		start = i + 1
		if start < len(data) && (data[start] == '+' || data[start] == '-') {
			start++
		}
		if i = skipDigits(data, start); i == start {
			return missingDigit(data, i)
		}
	}
	return i, nil
}

func skipDigits(data []byte, i int) int {
	for i < len(data) && data[i]-'0' <= 9 {
		i++
	}
	return i
}

func missingDigit(data []byte, i int) (int, error) {
	if i >= len(data) {
		return i, syntax(i, unended)
	}
	return i, syntax(i, "a digit is missing in a number")
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
