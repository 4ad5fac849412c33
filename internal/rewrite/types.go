package rewrite

import (
	"encoding/json"
	"slices"
	"strings"
)

// types is a set of JSON Schema's types.
type types uint8

const (
	nullType types = 1 << iota
	booleanType
	integerType
	numberType
	stringType
	arrayType
	objectType
)

// typeNames has the word for each bit of types, from the lowest to the highest.
var typeNames = []string{"null", "boolean", "integer", "number", "string", "array", "object"}

// UnmarshalJSON reads a type or a list of types. Anything else declares nothing.
func (t *types) UnmarshalJSON(text []byte) error {
	var names []string
	if json.Unmarshal(text, &names) != nil {
		names = make([]string, 1)
		_ = json.Unmarshal(text, &names[0])
	}
	for bit, name := range typeNames {
		if slices.Contains(names, name) {
			*t |= 1 << bit
		}
	}
	return nil
}

// String lists the types for people. That null is allowed, too, is no news to them.
func (t types) String() string {
	var names []string
	for bit, name := range typeNames {
		if is := types(1) << bit; t&is != 0 && is != nullType {
			names = append(names, name)
		}
	}
	return strings.Join(names, " or ")
}

// typeOf tells the type of the value that begins with c. A number is called one whether it is whole or not.
func typeOf(c byte) types {
	switch {
	case c == '"':
		return stringType
	case c == '{':
		return objectType
	case c == '[':
		return arrayType
	case c == 't' || c == 'f':
		return booleanType
	case c == '-' || c >= '0' && c <= '9':
		return numberType
	}
	return nullType
}

// admits tells whether a value that begins with c can stay of its type at n.
func (n *node) admits(c byte) bool { return n.types == 0 || (n.types|nullType)&typeOf(c) != 0 }

// isWhole tells whether the text of a number is that of a whole one, without an exponent.
func isWhole(number []byte) bool {
	digits, zeros := number, false
	for i, c := range digits {
		switch {
		case c == '.':
			zeros = true
		case c == '-' && i == 0:
		case c < '0' || c > '9' || zeros && c != '0':
			return false
		}
	}
	return true
}
