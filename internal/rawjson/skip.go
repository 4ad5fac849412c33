package rawjson

import (
	"encoding/binary"
	"math/bits"
)

// maxDepth bounds nesting, so that hostile input cannot grow the skipper's stack without end.
const maxDepth = 10_000

// Skip returns the index just behind the value that starts at data[i], after checking its syntax.
// White space before the value must have been skipped. Failures are of type [*SyntaxError].
func Skip(data []byte, i int) (int, error) {
	if i >= len(data) {
		return i, syntax(i, unended)
	}
	switch data[i] {
	case '{', '[':
		return skipNested(data, i)
	case '"':
		end, _, err := SkipString(data, i)
		return end, err
	}
	return skipScalar(data, i)
}

// skipNested walks an object or array without recursion; open remembers which bracket closes each level.
func skipNested(data []byte, i int) (int, error) {
	var small [64]byte
	open := small[:0]
	for {
		// Here a value is expected at data[i].
		if i = SkipSpace(data, i); i >= len(data) {
			return i, syntax(i, unended)
		}
		var err error
		switch c := data[i]; c {
		case '{', '[':
			if len(open) == maxDepth {
				return i, syntax(i, "values are nested too deep")
			}
			closer := c + 2 // '}' and ']' stand two behind their openers in ASCII
			j := SkipSpace(data, i+1)
			if j < len(data) && data[j] == closer {
				i = j + 1
				break
			}
			open = append(open, closer)
			if i = j; c == '{' {
				if i, err = skipKey(data, i); err != nil {
					return i, err
				}
			}
			continue
		case '"':
			if i, _, err = SkipString(data, i); err != nil {
				return i, err
			}
		default:
			if i, err = skipScalar(data, i); err != nil {
				return i, err
			}
		}
		// A value has ended before data[i]; close levels until another value is due.
		if i, open, err = afterValue(data, i, open); err != nil || len(open) == 0 {
			return i, err
		}
	}
}

// afterValue consumes closing brackets, then the comma (and, in an object, the key) before the next value.
func afterValue(data []byte, i int, open []byte) (int, []byte, error) {
	for len(open) > 0 {
		if i = SkipSpace(data, i); i >= len(data) {
			return i, open, syntax(i, unended)
		}
		closer := open[len(open)-1]
		switch data[i] {
		case closer:
			open = open[:len(open)-1]
			i++
		case ',':
			i++
			if closer == '}' {
				var err error
				if i, err = skipKey(data, SkipSpace(data, i)); err != nil {
					return i, open, err
				}
			}
			return i, open, nil
		default:
			return i, open, syntax(i, "a comma or closing bracket is missing")
		}
	}
	return i, open, nil
}

// skipKey consumes a member's name and the colon behind it.
func skipKey(data []byte, i int) (int, error) {
	_, _, colon, err := splitKey(data, i)
	return colon + 1, err
}

// splitKey finds the end of the member name that starts at data[i], whether it contains escapes, and the colon behind it.
func splitKey(data []byte, i int) (end int, escaped bool, colon int, err error) {
	if i >= len(data) {
		return i, false, i, syntax(i, unended)
	}
	if data[i] != '"' {
		return i, false, i, syntax(i, "a member name in quotes is missing")
	}
	if end, escaped, err = SkipString(data, i); err != nil {
		return end, escaped, end, err
	}
	switch colon = SkipSpace(data, end); {
	case colon >= len(data):
		err = syntax(colon, unended)
	case data[colon] != ':':
		err = syntax(colon, "a colon is missing behind a member name")
	}
	return end, escaped, colon, err
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// SkipString returns the index just behind the string literal that starts at data[i] and whether it contains escapes.
// Bytes that are not UTF-8 are not noticed here; [Text] replaces them.
func SkipString(data []byte, i int) (end int, escaped bool, err error) {
	i++
	for {
		// Eight bytes at a time while none of them is a quote, a backslash or a control character. The first that is one
		// has the lowest bit that is set; those above it may be set by mistake.
		for i+8 <= len(data) {
			w := binary.LittleEndian.Uint64(data[i:])
			quote := w ^ (ones * '"')
			slash := w ^ (ones * '\\')
			stop := (quote-ones)&^quote | (slash-ones)&^slash | (w-ones*0x20)&^w
			if stop &= highs; stop != 0 {
				i += bits.TrailingZeros64(stop) >> 3
				break
			}
			i += 8
		}
		for i < len(data) && data[i] >= 0x20 && data[i] != '"' && data[i] != '\\' {
			i++
		}
		if i >= len(data) {
			return i, escaped, syntax(i, unended)
		}
		switch data[i] {
		case '"':
			return i + 1, escaped, nil
		case '\\':
			escaped = true
			if i, err = skipEscape(data, i); err != nil {
				return i, escaped, err
			}
		default:
			return i, escaped, syntax(i, "a control character stands in a string")
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

// skipScalar consumes a number or a literal.
func skipScalar(data []byte, i int) (int, error) {
	switch c := data[i]; {
	case c == '-' || c >= '0' && c <= '9':
		return skipNumber(data, i)
	case c == 't':
		return skipLiteral(data, i, "true")
	case c == 'f':
		return skipLiteral(data, i, "false")
	case c == 'n':
		return skipLiteral(data, i, "null")
	case c == 'N':
		return skipLiteral(data, i, "NaN")
	case c == 'I':
		return skipLiteral(data, i, "Infinity")
	}
	return i, syntax(i, "a value is missing")
}

func skipLiteral(data []byte, i int, word string) (int, error) {
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
