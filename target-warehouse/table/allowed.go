package table

import (
	"bytes"

	"tapline/internal/rawjson"
)

// allowed is what a schema allows, as far as columns depend on it.
type allowed struct {
	kinds Kinds
	// exact is the Decimal that the numbers make, if the schema asks for one; otherwise it has no Type, and the numbers
	// make what their kinds say.
	exact Column
	enum  [][]byte // the values listed, or nil
}

// anything is what a schema allows that says nothing.
var anything = allowed{kinds: AnyKind}

// typeNames are the words of the keyword "type"; "any" is from before draft 4 and still seen.
var typeNames = map[string]Kinds{
	"null":    NullKind,
	"boolean": BooleanKind,
	"integer": IntegerKind,
	"number":  NumberKind,
	"string":  StringKind,
	"array":   ArrayKind,
	"object":  ObjectKind,
	"any":     AnyKind,
}

// formatNames are the formats that narrow what strings are allowed; what is no string is none of their business.
// https://sdk.meltano.com/en/latest/guides/sql-target.html tells of the decimal ones.
var formatNames = map[string]Kinds{
	"date-time":        AnyKind&^StringKind | DateTimeKind,
	"date":             AnyKind&^StringKind | DateKind,
	"singer.decimal":   AnyKind&^StringKind | DecimalKind,
	"x-singer.decimal": AnyKind&^StringKind | DecimalKind,
}

// column returns the narrowest type that holds each of the values. Scalars of several kinds become Text, where each
// keeps its spelling; where there can be an object, an array or anything at all, JSON keeps the values apart.
func (a allowed) column() Column {
	switch kinds := a.kinds &^ NullKind; {
	case kinds == 0:
		return Column{Type: JSON}
	case kinds == BooleanKind:
		return Column{Type: Boolean}
	case kinds&^(NumberKind|DecimalKind) == 0:
		return a.numbers()
	case kinds == DateTimeKind:
		return Column{Type: Timestamp}
	case kinds == DateKind:
		return Column{Type: Date}
	case kinds&(ArrayKind|ObjectKind) == 0:
		return Column{Type: Text}
	}
	return Column{Type: JSON}
}

// numbers returns the type of the numbers alone; without a Type if there are none. A whole number is a number like
// another, so whole numbers and others together are one Number and need no Join.
func (a allowed) numbers() Column {
	switch {
	case a.kinds&(NumberKind|DecimalKind) == 0:
		return Column{}
	case a.exact.Type != 0:
		return a.exact
	case a.kinds&DecimalKind != 0:
		return Column{Type: Decimal}
	case a.kinds&FractionKind != 0:
		return Column{Type: Number}
	}
	return Column{Type: Integer}
}

// rule returns what is asked of the column's values. The values listed count here, though they do not decide about the
// column's type: those listed today say less about tomorrow's than a type does.
func (a allowed) rule(required bool) Rule {
	kinds := a.kinds
	if a.enum != nil {
		kinds &= kindsOf(a.enum)
	}
	return Rule{Kinds: kinds, Required: required, Enum: a.enum}
}

// and returns what both schemas allow. Of two lists of values the shorter counts, so that none is a fault that is not.
func (a allowed) and(b allowed) allowed {
	sum := allowed{kinds: a.kinds & b.kinds, exact: a.exact, enum: a.enum}
	if a.exact.Precision == 0 && b.exact.Type != 0 || b.exact.Precision > 0 && b.exact.Precision < a.exact.Precision {
		sum.exact = b.exact
	}
	if a.enum == nil || b.enum != nil && len(b.enum) < len(a.enum) {
		sum.enum = b.enum
	}
	return sum
}

// or returns what one of the schemas or both allow.
func (a allowed) or(b allowed) allowed {
	sum := allowed{kinds: a.kinds | b.kinds}
	if a.exact.Type != 0 || b.exact.Type != 0 {
		sum.exact = Join(a.numbers(), b.numbers())
	}
	if x, y := a.listed(), b.listed(); x != nil && y != nil {
		sum.enum = append(x, y...)
	}
	return sum
}

// listed returns all values of a as a list of its own, nil if they are too many to list.
func (a allowed) listed() [][]byte {
	list := make([][]byte, 0, len(a.enum)+3)
	if a.enum != nil {
		return append(list, a.enum...)
	}
	if a.kinds&^(NullKind|BooleanKind) != 0 {
		return nil
	}
	if a.kinds&NullKind != 0 {
		list = append(list, []byte("null"))
	}
	if a.kinds&BooleanKind != 0 {
		list = append(list, []byte("true"), []byte("false"))
	}
	return list
}

// kindsOf returns the kinds of the values in a list. A string there is of every kind of string, since the list is what
// says which strings there are.
func kindsOf(list [][]byte) Kinds {
	var kinds Kinds
	for _, v := range list {
		switch rawjson.KindOf(v) {
		case rawjson.Null:
			kinds |= NullKind
		case rawjson.Bool:
			kinds |= BooleanKind
		case rawjson.Number:
			if kinds |= IntegerKind; bytes.ContainsAny(v, ".eE") {
				kinds |= FractionKind
			}
		case rawjson.NotFinite:
			kinds |= NumberKind
		case rawjson.String:
			kinds |= StringKind
		case rawjson.Array:
			kinds |= ArrayKind
		case rawjson.Object:
			kinds |= ObjectKind
		}
	}
	return kinds
}
