package table

import (
	"errors"
	"fmt"
	"slices"

	"tapline/internal/rawjson"
)

// property is one property of an object.
type property struct {
	name string
	allowed
	below object // what the property's value, an object, is declared to have; read only for flattening
}

// object is what a schema says of an object's properties.
type object struct {
	properties []property
	required   []string
}

// propertyError says which property's schema cannot be taken.
type propertyError struct {
	property string
	err      error
}

func (e *propertyError) Error() string { return e.property + ": " + e.err.Error() }

// object returns the properties that a schema names. They may stand in the schema itself, behind a reference, and in
// the branches of allOf, anyOf and oneOf. It reads those of properties too, as many levels down as levels says.
func (r *schemaReader) object(schema []byte, levels int) (object, error) {
	if rawjson.KindOf(schema) != rawjson.Object {
		return object{}, nil
	}
	var all object
	for key, value := range members(schema) {
		var part object
		var err error
		switch key {
		case "properties":
			part.properties, err = r.declared(value, levels)
		case "required":
			for _, name := range elements(value) {
				part.required = append(part.required, textOf(name))
			}
		case "patternProperties":
			r.found = true
		case "additionalProperties":
			r.found = r.found || rawjson.KindOf(value) == rawjson.Object
		case "$ref":
			part, err = follow(r, "object", value, object{}, func(schema []byte) (object, error) { return r.object(schema, levels) })
		case "allOf":
			for _, branch := range elements(value) {
				one, fault := r.object(branch, levels)
				part, err = part.and(one), errors.Join(err, fault)
			}
		case "anyOf", "oneOf":
			part, err = r.eitherObject(value, levels)
		}
		if err != nil {
			return object{}, err
		}
		all = all.and(part)
	}
	return all, nil
}

// eitherObject reads branches of which one or more describe the object. Those that describe no object do not count.
func (r *schemaReader) eitherObject(branches []byte, levels int) (object, error) {
	var either object
	first := true
	for _, branch := range elements(branches) {
		if a, err := r.allowed(branch); err != nil || a.kinds&ObjectKind == 0 {
			if err != nil {
				return object{}, err
			}
			continue
		}
		one, err := r.object(branch, levels)
		if err != nil {
			return object{}, err
		}
		if either = either.or(one); first {
			either, first = one, false
		}
	}
	return either, nil
}

// declared reads the keyword "properties". Of a property that stands there twice the last counts, as JSON readers have
// it.
func (r *schemaReader) declared(value []byte, levels int) ([]property, error) {
	if rawjson.KindOf(value) != rawjson.Object {
		return nil, fmt.Errorf("the SCHEMA's properties are %s, not an object", brief(value))
	}
	r.found = true
	var list []property
	at := map[string]int{}
	for name, schema := range members(value) {
		p := property{name: name}
		var err error
		if p.allowed, err = r.allowed(schema); err == nil && levels > 0 {
			p.below, err = r.object(schema, levels-1)
		}
		if inner := (*propertyError)(nil); errors.As(err, &inner) {
			return nil, &propertyError{name + "." + inner.property, inner.err}
		} else if err != nil {
			return nil, &propertyError{name, err}
		}
		if i, twice := at[name]; twice {
			list[i] = p
			continue
		}
		at[name] = len(list)
		list = append(list, p)
	}
	return list, nil
}

// and returns what two schemas say of one object.
func (o object) and(p object) object {
	return object{
		properties: merge(o.properties, p.properties, func(a, b property) property {
			return property{a.name, a.allowed.and(b.allowed), a.below.and(b.below)}
		}),
		required: slices.Concat(o.required, p.required),
	}
}

// or returns what can be said of an object that one of two schemas describes, or both. A property that only one of them
// names is taken to be missing under the other.
func (o object) or(p object) object {
	return object{
		properties: merge(o.properties, p.properties, func(a, b property) property {
			return property{a.name, a.allowed.or(b.allowed), a.below.or(b.below)}
		}),
		required: slices.DeleteFunc(slices.Clone(o.required), func(name string) bool { return !slices.Contains(p.required, name) }),
	}
}

// merge returns list with the properties of more behind it; one that both have is decided by both.
func merge(list, more []property, both func(a, b property) property) []property {
	if len(list) == 0 {
		return more
	}
	merged := slices.Clone(list)
	at := make(map[string]int, len(list))
	for i, p := range list {
		at[p.name] = i
	}
	for _, p := range more {
		if i, known := at[p.name]; known {
			merged[i] = both(merged[i], p)
			continue
		}
		at[p.name] = len(merged)
		merged = append(merged, p)
	}
	return merged
}
