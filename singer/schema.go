package singer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tapline/internal/rawjson"
)

const (
	maxDepth    = 100      // levels of properties that are looked at
	maxExpanded = 16 << 20 // bytes that a schema may have once its references are resolved
	maxVisits   = 100_000  // schemas of a stream that are searched for properties
)

// SelectedSchema returns the SCHEMA message for what is selected: deselected properties are left out at any depth,
// local references ($ref) are replaced by what they refer to, and the order of properties stays. Where a reference leads
// back into itself, the inner one becomes a schema with only the type. A failure is a [*ConfigError].
func (s *Stream) SelectedSchema() (*Schema, error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, s.Schema); err != nil {
		return nil, &ConfigError{Source: "schema of stream " + s.ID, Faults: []string{"It is not JSON: " + err.Error() + "."}}
	}
	w := schemaWriter{references: references{root: compact.Bytes(), open: []string{"#"}}}
	at := s.scope()
	w.schema(w.root, &at)
	if len(w.faults) > 0 {
		return nil, &ConfigError{Source: "schema of stream " + s.ID, Faults: w.faults}
	}
	m := &Schema{Stream: s.Name, Schema: w.out, KeyProperties: s.KeyProperties()}
	if key := s.ReplicationKey(); key != "" {
		m.BookmarkProperties = []string{key}
	}
	return m, nil
}

// references resolves the references of a schema.
type references struct {
	root    json.RawMessage
	open    []string          // references that are being followed
	targets map[string]object // what references refer to
	faults  faultList
}

// follow returns the members of a schema, a reference replaced by what it refers to; members beside the reference stay
// if they are not there, too. Where the reference is followed already, only the type is left. done must be called when
// the members have been worked on.
func (r *references) follow(text []byte) (o object, done func()) {
	depth := len(r.open)
	done = func() { r.open = r.open[:depth] }
	o, _ = parseObject(text)
	for {
		ref := o.take("$ref")
		if ref == nil {
			return o, done
		}
		pointer := stringOf(ref)
		target, err := r.target(pointer)
		if err != nil {
			r.fault(pointer, err)
			return o, done
		}
		if slices.Contains(r.open, pointer) {
			return typeOnly(target), done
		}
		r.open = append(r.open, pointer)
		merged := slices.Clone(target)
		for _, m := range o {
			if target.get(m.name) == nil {
				merged = append(merged, m)
			}
		}
		o = merged
	}
}

// target returns the members of what a reference refers to.
func (r *references) target(pointer string) (object, error) {
	if o, ok := r.targets[pointer]; ok {
		return o, nil
	}
	text, err := resolve(r.root, pointer)
	if err != nil {
		return nil, err
	}
	if r.targets == nil {
		r.targets = map[string]object{}
	}
	o, err := parseObject(text)
	r.targets[pointer] = o
	return o, err
}

func (r *references) fault(pointer string, err error) {
	sentence := fmt.Sprintf("The reference %q %v.", pointer, err)
	if !slices.Contains(r.faults, sentence) {
		r.faults = append(r.faults, sentence)
	}
}

func typeOnly(o object) object {
	if kind := o.get("type"); kind != nil {
		return object{{"type", kind}}
	}
	return nil
}

// resolve returns what a local JSON pointer such as #/definitions/a refers to.
//
// https://www.rfc-editor.org/rfc/rfc6901
func resolve(root json.RawMessage, pointer string) (json.RawMessage, error) {
	local, ok := strings.CutPrefix(pointer, "#")
	if !ok || local != "" && local[0] != '/' {
		return nil, fmt.Errorf("does not point into the schema; only references like %q can be resolved", "#/definitions/a")
	}
	local, err := url.PathUnescape(local)
	if err != nil {
		return nil, fmt.Errorf("is not a JSON pointer: %w", err)
	}
	at := root
	for _, step := range strings.Split(local, "/")[1:] {
		step = strings.ReplaceAll(strings.ReplaceAll(step, "~1", "/"), "~0", "~")
		switch rawjson.KindOf(at) {
		case rawjson.Object:
			o, _ := parseObject(at)
			at = o.get(step)
		case rawjson.Array:
			list := elements(at)
			i, err := strconv.Atoi(step)
			if at = nil; err == nil && i >= 0 && i < len(list) {
				at = list[i]
			}
		default:
			at = nil
		}
		if at == nil {
			return nil, fmt.Errorf("points to nothing: the schema has no %q there", step)
		}
	}
	if kind := rawjson.KindOf(at); kind != rawjson.Object {
		return nil, fmt.Errorf("does not point to a schema")
	}
	return at, nil
}

// schemaWriter writes a schema without its references and deselected properties.
type schemaWriter struct {
	references
	out []byte
}

// schema writes one schema. at is its place in the record, or nil where no names are known and all is kept.
func (w *schemaWriter) schema(text []byte, at *scope) {
	if rawjson.KindOf(text) != rawjson.Object {
		w.out = append(w.out, text...) // true and false are schemas, too
		return
	}
	if len(w.out) > maxExpanded {
		w.fault("#", fmt.Errorf("and others make the schema longer than %d bytes when they are resolved", maxExpanded))
		return
	}
	members, done := w.follow(text)
	defer done()
	w.out = append(w.out, '{')
	for _, m := range members {
		switch m.name {
		case "definitions", "$defs": // nothing refers to them any more
		case "properties":
			w.out = appendName(w.out, m.name)
			w.properties(m.value, at)
		case "required":
			w.required(m.value, at)
		case "items", "anyOf", "oneOf", "allOf":
			w.out = appendName(w.out, m.name)
			w.list(m.value, at)
		case "additionalProperties", "additionalItems", "not", "contains":
			w.out = appendName(w.out, m.name)
			w.schema(m.value, nil)
		case "patternProperties":
			w.out = appendName(w.out, m.name)
			w.properties(m.value, nil)
		default:
			w.out = appendMember(w.out, m.name, m.value)
		}
	}
	w.out = append(w.out, '}')
}

// properties writes the selected ones of an object of schemas.
func (w *schemaWriter) properties(text []byte, at *scope) {
	properties, err := parseObject(text)
	if err != nil {
		w.out = append(w.out, text...)
		return
	}
	w.out = append(w.out, '{')
	for _, p := range properties {
		var inner *scope
		if at != nil {
			field, selected := at.field(p.name)
			if !selected {
				continue
			}
			inner = &field
		}
		w.out = appendName(w.out, p.name)
		w.schema(p.value, inner)
	}
	w.out = append(w.out, '}')
}

// list writes one schema or an array of them, all for the same place.
func (w *schemaWriter) list(text []byte, at *scope) {
	if rawjson.KindOf(text) != rawjson.Array {
		w.schema(text, at)
		return
	}
	w.out = append(w.out, '[')
	for i, element := range elements(text) {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		w.schema(element, at)
	}
	w.out = append(w.out, ']')
}

// required writes the selected names; an empty list is left out, as older drafts of JSON Schema have none.
func (w *schemaWriter) required(text []byte, at *scope) {
	if at == nil || rawjson.KindOf(text) != rawjson.Array {
		w.out = appendMember(w.out, "required", text)
		return
	}
	var kept []string
	for _, name := range stringsOf(text) {
		if _, selected := at.field(name); selected {
			kept = append(kept, name)
		}
	}
	if len(kept) > 0 {
		w.out = appendStrings(appendName(w.out, "required"), kept)
	}
}

// property is what a schema says about the names in a record.
type property struct {
	name   string
	fields []*property // in the order of the schema
	open   bool        // other names may stand in it
}

// propertiesOf returns the properties of a schema down to a depth. The elements of an array belong to the array.
func propertiesOf(schema json.RawMessage, depth int) *property {
	root := &property{}
	f := propertyFinder{references: references{root: schema, open: []string{"#"}}}
	f.find(root, schema, depth)
	return root
}

type propertyFinder struct {
	references
	visits int
}

// find adds to p the properties that text names.
func (f *propertyFinder) find(p *property, text []byte, depth int) {
	if f.visits++; depth == 0 || f.visits > maxVisits || rawjson.KindOf(text) != rawjson.Object {
		return
	}
	members, done := f.follow(text)
	defer done()
	properties, _ := parseObject(members.get("properties"))
	p.open = p.open || len(properties) == 0 && isOpen(members)
	for _, m := range properties {
		f.find(p.add(m.name), m.value, depth-1)
	}
	for _, keyword := range []string{"items", "anyOf", "oneOf", "allOf"} {
		value := members.get(keyword)
		if rawjson.KindOf(value) == rawjson.Object {
			f.find(p, value, depth)
		}
		for _, element := range elements(value) {
			f.find(p, element, depth)
		}
	}
}

// field returns the property with that name in p. One that is not known may hold anything if p may.
func (p *property) field(name string) *property {
	for _, field := range p.fields {
		if field.name == name {
			return field
		}
	}
	return &property{name: name, open: p.open}
}

// add returns the property with that name in p, which is new if need be.
func (p *property) add(name string) *property {
	field := p.field(name)
	if !slices.Contains(p.fields, field) {
		field.open = false
		p.fields = append(p.fields, field)
	}
	return field
}

// isOpen reports whether a schema that names no properties describes an object with any. One that names some counts as
// naming all of them, even where it allows others: a mistyped name is likelier than a name that only records know.
func isOpen(schema object) bool {
	for _, keyword := range []string{"items", "anyOf", "oneOf", "allOf", "enum", "const"} {
		if schema.get(keyword) != nil {
			return false
		}
	}
	types := stringsOf(schema.get("type"))
	return len(types) == 0 || slices.Contains(types, "object") || slices.Contains(types, "array")
}

// leads reports whether the steps lead from p to a property, or to names that are not known.
func (p *property) leads(steps []glob) bool {
	if len(steps) == 0 || p.open {
		return true
	}
	return slices.ContainsFunc(p.fields, func(field *property) bool {
		return steps[0].match(field.name) && field.leads(steps[1:])
	})
}

// has reports whether the dotted path of some property below p matches; path is p's own.
func (p *property) has(g glob, path string) bool {
	return slices.ContainsFunc(p.fields, func(field *property) bool {
		return g.match(path+field.name) || field.has(g, path+field.name+".")
	})
}
