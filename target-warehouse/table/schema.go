package table

import (
	"bytes"
	"errors"
	"fmt"

	"tapline/internal/rawjson"
)

// property is one property of a record with the values its schema allows.
type property struct {
	name   string
	values values
}

// propertyError says which property's schema cannot be taken.
type propertyError struct {
	property string
	err      error
}

func (e *propertyError) Error() string { return e.property + ": " + e.err.Error() }

// maxSteps bounds the subschemas that one SCHEMA makes the reader visit, since references can multiply without end.
const maxSteps = 10_000

// schemaReader reads a JSON Schema of any draft from 4 on as far as columns depend on it. Its text is valid JSON.
type schemaReader struct {
	root  []byte
	open  []string // the references being followed, so that a cycle is noticed
	steps int
	found bool // whether a keyword "properties" has been read
}

// values returns which values a schema allows. Keywords that cannot change a column's type are passed over.
func (r *schemaReader) values(schema []byte) (values, error) {
	if r.steps++; r.steps > maxSteps {
		return 0, errors.New("its references multiply without end")
	}
	switch rawjson.KindOf(schema) {
	case rawjson.Bool:
		if schema[0] == 'f' {
			return 0, nil
		}
		return anything, nil
	case rawjson.Object:
	default:
		return 0, fmt.Errorf("%s is not a JSON Schema, which is an object, true or false", brief(schema))
	}
	allowed, listed, typed := anything, anything, false
	for key, value := range members(schema) {
		var set values
		var err error
		switch key {
		case "type":
			set, err = r.typed(value)
			typed = true
		case "format":
			set = formatValues(value)
		case "enum", "const":
			listed &= listedValues(key, value)
			continue
		case "anyOf", "oneOf":
			set, err = r.either(value)
		case "allOf":
			set, err = r.all(value)
		case "$ref":
			set, err = follow(r, value, anything, r.values)
		default:
			continue
		}
		if err != nil {
			return 0, err
		}
		allowed &= set
	}
	// The values listed today say less about tomorrow's than a type does, so they count only where there is no type.
	if !typed {
		allowed &= listed
	}
	return allowed, nil
}

// typed reads the keyword "type": a name or a list of names.
func (r *schemaReader) typed(value []byte) (values, error) {
	names := [][]byte{value}
	if rawjson.KindOf(value) == rawjson.Array {
		if names = elements(value); len(names) == 0 {
			return anything, nil
		}
	}
	var set values
	for _, name := range names {
		one, known := typeNames[textOf(name)]
		if !known {
			return 0, fmt.Errorf("its type %s is none of JSON Schema's: null, boolean, integer, number, string, array, object", brief(name))
		}
		set |= one
	}
	return set, nil
}

func (r *schemaReader) either(branches []byte) (values, error) {
	var set values
	for _, branch := range elements(branches) {
		one, err := r.values(branch)
		if err != nil {
			return 0, err
		}
		set |= one
	}
	return set, nil
}

func (r *schemaReader) all(parts []byte) (values, error) {
	set := anything
	for _, part := range elements(parts) {
		one, err := r.values(part)
		if err != nil {
			return 0, err
		}
		set &= one
	}
	return set, nil
}

// properties returns the properties that a record's schema names. They may stand in the schema itself, behind a
// reference, and in the branches of allOf, anyOf and oneOf.
func (r *schemaReader) properties(schema []byte) ([]property, error) {
	if rawjson.KindOf(schema) != rawjson.Object {
		return nil, nil
	}
	var list []property
	for key, value := range members(schema) {
		var part []property
		var err error
		switch key {
		case "properties":
			part, err = r.declared(value)
		case "$ref":
			part, err = follow(r, value, nil, r.properties)
		case "allOf":
			part, err = r.branches(value, intersection)
		case "anyOf", "oneOf":
			part, err = r.branches(value, union)
		}
		if err != nil {
			return nil, err
		}
		list = merge(list, part, intersection)
	}
	return list, nil
}

func (r *schemaReader) branches(value []byte, both func(a, b values) values) ([]property, error) {
	var list []property
	for _, branch := range elements(value) {
		part, err := r.properties(branch)
		if err != nil {
			return nil, err
		}
		list = merge(list, part, both)
	}
	return list, nil
}

func intersection(a, b values) values { return a & b }
func union(a, b values) values        { return a | b }

// declared reads the keyword "properties". Of a property that stands there twice the last counts, as JSON readers have
// it.
func (r *schemaReader) declared(value []byte) ([]property, error) {
	if rawjson.KindOf(value) != rawjson.Object {
		return nil, fmt.Errorf("the SCHEMA's properties are %s, not an object", brief(value))
	}
	r.found = true
	var list []property
	for name, schema := range members(value) {
		set, err := r.values(schema)
		if err != nil {
			return nil, &propertyError{name, err}
		}
		last := func(_, b values) values { return b }
		list = merge(list, []property{{name, set}}, last)
	}
	return list, nil
}

// merge adds the properties of more to list; one that list has already is decided by both.
func merge(list, more []property, both func(a, b values) values) []property {
	at := make(map[string]int, len(list))
	for i, p := range list {
		at[p.name] = i
	}
	for _, p := range more {
		if i, known := at[p.name]; known {
			list[i].values = both(list[i].values, p.values)
			continue
		}
		at[p.name] = len(list)
		list = append(list, p)
	}
	return list
}

func formatValues(value []byte) values {
	if set, known := formatNames[textOf(value)]; known {
		return set
	}
	return anything
}

// listedValues returns the kinds of value that "enum" or "const" lists.
func listedValues(keyword string, value []byte) values {
	list := [][]byte{value}
	if keyword == "enum" {
		list = elements(value)
	}
	var set values
	for _, v := range list {
		switch rawjson.KindOf(v) {
		case rawjson.Null:
			set |= null
		case rawjson.Bool:
			set |= boolean
		case rawjson.Number:
			if set |= whole; bytes.ContainsAny(v, ".eE") {
				set |= fraction
			}
		case rawjson.NotFinite:
			set |= number
		case rawjson.String:
			set |= text
		case rawjson.Array:
			set |= array
		case rawjson.Object:
			set |= object
		}
	}
	return set
}
