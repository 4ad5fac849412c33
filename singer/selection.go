package singer

import (
	"bytes"
	"encoding/json"
	"slices"
)

// answer is yes, no or silence.
type answer int8

const (
	unsaid answer = iota
	saidYes
	saidNo
)

// answerOf reads true and false; anything else is silence.
func answerOf(value json.RawMessage) answer {
	switch string(value) {
	case "true":
		return saidYes
	case "false":
		return saidNo
	}
	return unsaid
}

// choice is what a catalog says about the selection of a stream or property, and of the properties in it.
type choice struct {
	inclusion string
	selected  answer
	byDefault answer
	fields    map[string]*choice
}

// at returns the choice for the property at a path, making it if need be.
func (c *choice) at(path ...string) *choice {
	for _, name := range path {
		if c.fields == nil {
			c.fields = map[string]*choice{}
		}
		if c.fields[name] == nil {
			c.fields[name] = &choice{}
		}
		c = c.fields[name]
	}
	return c
}

// set takes over what metadata says; it leaves what metadata is silent about.
func (c *choice) set(metadata map[string]json.RawMessage) {
	if inclusion := stringOf(metadata["inclusion"]); inclusion != "" {
		c.inclusion = inclusion
	}
	if a := answerOf(metadata["selected"]); a != unsaid {
		c.selected = a
	}
	if a := answerOf(metadata["selected-by-default"]); a != unsaid {
		c.byDefault = a
	}
}

// setLegacy takes over the member "selected" that older catalogs put into the schema of a stream or property.
func (c *choice) setLegacy(schema json.RawMessage) {
	if !bytes.Contains(schema, []byte(`"selected"`)) {
		return
	}
	o, _ := parseObject(schema)
	if a := answerOf(o.get("selected")); a != unsaid {
		c.selected = a
	}
	c.setLegacy(o.get("items"))
	properties, _ := parseObject(o.get("properties"))
	for _, p := range properties {
		c.at(p.name).setLegacy(p.value)
	}
}

// pathOf returns the names of the properties in a breadcrumb.
func pathOf(breadcrumb []string) []string {
	var path []string
	for i := 0; i < len(breadcrumb); i++ {
		switch {
		case breadcrumb[i] == "items":
		case breadcrumb[i] == "properties" && i+1 < len(breadcrumb):
			i++
			path = append(path, breadcrumb[i])
		default:
			path = append(path, breadcrumb[i])
		}
	}
	return path
}

// choices returns what metadata and, where it is silent, legacy marks say. Key properties and the replication key are
// automatic even if nothing says so, because targets rely on them.
func (s *Stream) choices() *choice {
	if built := s.built.Load(); built != nil {
		return built
	}
	root := &choice{}
	root.setLegacy(s.Schema)
	if a := answerOf(s.rest.get("selected")); a != unsaid {
		root.selected = a
	}
	for _, m := range s.Metadata {
		root.at(pathOf(m.Breadcrumb)...).set(m.Metadata)
	}
	for _, key := range append(s.KeyProperties(), s.ReplicationKey()) {
		if key != "" && root.at(key).inclusion != "unsupported" {
			root.at(key).inclusion = "automatic"
		}
	}
	s.built.Store(root)
	return root
}

// Selected reports whether the stream is to be read. An unsupported stream never is. Else patterns decide if there are
// any; else selected, then selected-by-default of its metadata. A stream that nothing is said about is selected if the
// catalog has no metadata for it and marks no stream as selected.
func (s *Stream) Selected() bool {
	own := s.choices()
	switch {
	case own.inclusion == "unsupported":
		return false
	case s.patterns != nil:
		return s.patterns.selected
	case own.selected != unsaid:
		return own.selected == saidYes
	case own.byDefault != unsaid:
		return own.byDefault == saidYes
	}
	return own.inclusion == "automatic" || len(s.Metadata) == 0 && !s.othersMarked
}

// FieldSelected reports whether the property at path is to be sent. The path consists of property names from the top of
// a record; the elements of an array have the path of the array: lines.data[].amount is "lines", "data", "amount".
//
// A property is sent only if everything around it is. An unsupported one never is, an automatic one always; else
// patterns decide if there are any; else selected, then selected-by-default; one that nothing is said about goes with
// what is around it.
func (s *Stream) FieldSelected(path ...string) bool {
	at, ok := s.scope(), s.Selected()
	for i := 0; i < len(path) && ok; i++ {
		at, ok = at.field(path[i])
	}
	return ok
}

// scope is a selected place in a record: the record itself or a property.
type scope struct {
	choice   *choice // nil if nothing is said about the place or anything in it
	patterns *selection
	path     []string  // kept only for patterns
	known    *property // kept only for patterns
	whole    bool      // selected without a pattern that asks for it: everything in it is, unless excluded
}

func (s *Stream) scope() scope {
	at := scope{choice: s.choices(), patterns: s.patterns}
	if s.patterns != nil {
		at.known = s.patterns.tree
	}
	return at
}

// field goes on to a property and reports whether it is selected.
func (in scope) field(name string) (scope, bool) {
	at := scope{patterns: in.patterns, whole: in.whole}
	said := choice{}
	if in.choice != nil && in.choice.fields[name] != nil {
		at.choice = in.choice.fields[name]
		said = *at.choice
	}
	asked := false
	if in.patterns != nil {
		at.path, at.known = append(slices.Clip(in.path), name), in.known.field(name)
		asked = in.patterns.includes(at.path, at.known)
	}
	switch {
	case said.inclusion == "unsupported":
		return at, false
	case said.inclusion == "automatic":
		at.whole = !asked
		return at, true
	case in.patterns != nil:
		return at, (asked || in.whole) && !in.patterns.excludes(at.path)
	case said.selected != unsaid:
		return at, said.selected == saidYes
	}
	return at, said.byDefault != saidNo
}
