// Package rawjson walks JSON text without building values from it.
//
// Records pass through tapline as the bytes they arrived in, so that no digit and no escape is changed on the way.
// This package finds where values begin and end in such bytes, checks their syntax after RFC 8259, and reads single
// strings. It allocates nothing but the text of decoded strings. Every slice it hands out is part of the input.
//
// One deviation is deliberate: NaN, Infinity and -Infinity are accepted as values, because Python's json module writes
// them and taps built on it send them. [Kind] tells them apart from numbers.
package rawjson

import (
	"fmt"
)

// Kind is the type of a JSON value, as its first byte tells it.
type Kind byte

// The kinds of JSON values. NotFinite stands for NaN, Infinity and -Infinity.
const (
	Invalid Kind = iota
	Null
	Bool
	Number
	NotFinite
	String
	Array
	Object
)

// KindOf tells the kind of value that starts at value[0]; the value must be one that this package has delimited.
func KindOf(value []byte) Kind {
	if len(value) == 0 {
		return Invalid
	}
	switch c := value[0]; {
	case c == '"':
		return String
	case c == '{':
		return Object
	case c == '[':
		return Array
	case c >= '0' && c <= '9':
		return Number
	case c == '-':
		if len(value) > 1 && value[1] == 'I' {
			return NotFinite
		}
		return Number
	case c == 't' || c == 'f':
		return Bool
	case c == 'n':
		return Null
	case c == 'N' || c == 'I':
		return NotFinite
	}
	return Invalid
}

// SyntaxError says where and why text is not JSON.
type SyntaxError struct {
	Offset int // index of the offending byte in the text that was walked
	What   string
}

// Error says what is wrong, and at which byte.
func (e *SyntaxError) Error() string { return fmt.Sprintf("%s at byte %d", e.What, e.Offset) }

func syntax(at int, what string) error { return &SyntaxError{Offset: at, What: what} }

// Unended tells whether err says that the text stopped in the middle of a value, as a line that was cut does.
func Unended(err error) bool {
	e, ok := err.(*SyntaxError)
	return ok && e.What == unended
}

const (
	unended   = "the text ends in the middle of a value"
	uncommaed = "a comma or closing bracket is missing"
)

// SkipSpace returns the index of the first byte at or after i that is not JSON white space.
func SkipSpace(data []byte, i int) int {
	for i < len(data) {
		switch data[i] {
		case ' ', '\t', '\n', '\r':
			i++
		default:
			return i
		}
	}
	return i
}
