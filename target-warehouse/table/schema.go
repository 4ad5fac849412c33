package table

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"tapline/internal/rawjson"
)

// maxSteps bounds the subschemas that one SCHEMA makes the reader visit, since references can multiply without end.
const maxSteps = 100_000

// schemaReader reads a JSON Schema of any draft from 4 on as far as columns depend on it. Its text is valid JSON.
type schemaReader struct {
	root     []byte
	resolved map[string][]byte // by reference, what it points to
	open     []string          // the references being followed, each behind its walk, so that a cycle is noticed
	steps    int
	found    bool // whether the record's schema says which properties there are
}

// keywords gathers what the keywords of one schema say, in whatever order they stand.
type keywords struct {
	allowed
	typed, nullable, decimal bool
	listed                   Kinds // of "enum" and "const"
	precision, scale         int   // -1 where not given
	bound                    float64
}

// allowed returns what a schema allows. Keywords that cannot change a column are passed over, among them those that
// could only narrow further (not, if, dependentSchemas), and multipleOf, which taps write as 1e-20 to say "a decimal".
func (r *schemaReader) allowed(schema []byte) (allowed, error) {
	if r.steps++; r.steps > maxSteps {
		return allowed{}, errors.New("its references multiply without end")
	}
	switch rawjson.KindOf(schema) {
	case rawjson.Bool:
		if schema[0] == 'f' {
			return allowed{}, nil
		}
		return anything, nil
	case rawjson.Object:
	default:
		return allowed{}, fmt.Errorf("%s is not a JSON Schema, which is an object, true or false", brief(schema))
	}
	k := keywords{allowed: anything, listed: AnyKind, precision: -1, scale: -1}
	for key, value := range members(schema) {
		if err := r.keyword(&k, key, value); err != nil {
			return allowed{}, err
		}
	}
	return k.sum(), nil
}

func (r *schemaReader) keyword(k *keywords, key string, value []byte) error {
	part, err := anything, error(nil)
	switch key {
	case "type":
		part.kinds, err = typed(value)
		k.typed = true
	case "format":
		if kinds, known := formatNames[textOf(value)]; known {
			part.kinds = kinds
			k.decimal = kinds&DecimalKind != 0
		}
	case "precision", "x-precision":
		k.precision = count(value)
	case "scale", "x-scale":
		k.scale = count(value)
	case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum":
		bound, _ := strconv.ParseFloat(string(value), 64) // draft 4 has true and false here: 0, no bound
		k.bound = max(k.bound, math.Abs(bound))
	case "enum", "const":
		part.enum = [][]byte{value}
		if key == "enum" {
			part.enum = elements(value)
		}
		if part.enum != nil {
			k.listed &= kindsOf(part.enum)
		}
	case "nullable":
		k.nullable = string(value) == "true"
	case "anyOf", "oneOf":
		part, err = r.either(value)
	case "allOf":
		part, err = r.all(value)
	case "$ref":
		part, err = follow(r, "allowed", value, anything, r.allowed)
	}
	k.allowed = k.and(part)
	return err
}

// sum returns what all keywords together allow.
func (k *keywords) sum() allowed {
	a := k.allowed
	if !k.typed {
		a.kinds &= k.listed
	}
	if k.decimal {
		a.exact = decimalOf(k.precision, k.scale)
	}
	// A bound is as good as the float that most taps hold it in, and 2^63 itself is what such a float makes of the last
	// 64-bit integer. A bound beyond says that there are integers of more bits.
	if a.exact.Type == 0 && a.kinds&NumberKind == IntegerKind && k.bound > 1<<63 {
		if a.exact.Type = Decimal; k.bound < 1e38 {
			a.exact.Precision = mostDigits
		}
	}
	if k.nullable {
		if a.kinds |= NullKind; a.enum != nil {
			a.enum = append(a.listed(), []byte("null"))
		}
	}
	return a
}

// decimalOf returns the Decimal that a schema describes, -1 standing for what it does not say. As in SQL, digits in all
// without digits behind the point are those of whole numbers.
func decimalOf(precision, scale int) Column {
	if precision < 0 && scale >= 0 {
		precision = mostDigits
	}
	scale = max(scale, 0)
	if precision = max(precision, scale); precision > mostDigits || precision == 0 {
		return Column{Type: Decimal}
	}
	return Column{Type: Decimal, Precision: precision, Scale: scale}
}

// count reads a whole number from 0 on, -1 for anything else.
func count(value []byte) int {
	n, err := strconv.ParseUint(string(value), 10, 31)
	if err != nil {
		return -1
	}
	return int(n)
}

// typed reads the keyword "type": a name or a list of names.
func typed(value []byte) (Kinds, error) {
	names := [][]byte{value}
	if rawjson.KindOf(value) == rawjson.Array {
		if names = elements(value); len(names) == 0 {
			return AnyKind, nil
		}
	}
	var kinds Kinds
	for _, name := range names {
		one, known := typeNames[textOf(name)]
		if !known {
			return 0, fmt.Errorf("its type %s is none of JSON Schema's: null, boolean, integer, number, string, array, object", brief(name))
		}
		kinds |= one
	}
	return kinds, nil
}

func (r *schemaReader) either(branches []byte) (allowed, error) {
	var sum allowed
	for i, branch := range elements(branches) {
		one, err := r.allowed(branch)
		if err != nil {
			return allowed{}, err
		}
		if sum = sum.or(one); i == 0 {
			sum = one
		}
	}
	return sum, nil
}

func (r *schemaReader) all(parts []byte) (allowed, error) {
	sum := anything
	for _, part := range elements(parts) {
		one, err := r.allowed(part)
		if err != nil {
			return allowed{}, err
		}
		sum = sum.and(one)
	}
	return sum, nil
}
