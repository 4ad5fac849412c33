package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A node is a part of a JSON Schema. Nodes are shared between streams and never changed.
type node struct {
	words      string // what the page of fields calls the type; "" for objects and lists that have parts
	kind       string // JSON Schema's type; "" admits every value
	required   bool   // the value is never null
	format     string
	lowercase  bool
	separator  string
	items      *node
	properties properties // of an object; without any it is free-form
}

// properties are the members of an object by name.
type properties map[string]*node

// The leaves of all schemas. Some differ in their words alone: they say what Recharge is known to send instead.
var (
	text    = &node{words: "text", kind: "string"}
	mixed   = &node{words: "text, also from numbers, true and false", kind: "string"}
	money   = &node{words: "money, as text", kind: "string"}
	status  = &node{words: "text in lower case", kind: "string", lowercase: true}
	tags    = &node{words: "text, also from a list", kind: "string", separator: ", "}
	integer = &node{words: "integer", kind: "integer"}
	whole   = &node{words: "integer, also from text", kind: "integer"}
	number  = &node{words: "number", kind: "number"}
	boolean = &node{words: "boolean", kind: "boolean"}
	truth   = &node{words: "boolean, also from 0, 1 and text", kind: "boolean"}
	instant = &node{words: "time", kind: "string", format: "date-time"}
	day     = &node{words: "date", kind: "string", format: "date"}
	free    = &node{words: "any object", kind: "object"}
	unknown = &node{words: "any value"}
)

// all gives one shape to several properties, whose names are separated by spaces.
func all(shape *node, names string) properties {
	p := properties{}
	for _, name := range strings.Fields(names) {
		p[name] = shape
	}
	return p
}

// object is an object with the properties of all parts. A name that two of them have is a mistake in the tables.
func object(parts ...properties) *node {
	n := &node{kind: "object", properties: properties{}}
	for _, part := range parts {
		for name, shape := range part {
			if n.properties[name] != nil {
				panic(fmt.Sprintf("the property %q is described twice", name))
			}
			n.properties[name] = shape
		}
	}
	return n
}

// list is an array of equal items.
func list(items *node) *node { return &node{kind: "array", items: items} }

// keyed returns an object like n whose key properties are required.
func (n *node) keyed(keys []string) (*node, error) {
	record := &node{kind: "object", required: true, properties: maps.Clone(n.properties)}
	for _, key := range keys {
		if n.properties[key] == nil {
			return nil, fmt.Errorf("the key %q is not described", key)
		}
		never := *n.properties[key]
		never.required = true
		record.properties[key] = &never
	}
	return record, nil
}

// write appends the schema of n, with each property on a line of its own.
func (n *node) write(b *bytes.Buffer, keys []string, indent string) {
	b.WriteString("{")
	switch {
	case n.kind == "":
	case n.required:
		fmt.Fprintf(b, `"type":%q`, n.kind)
	default:
		fmt.Fprintf(b, `"type":["null",%q]`, n.kind)
	}
	if n.format != "" {
		fmt.Fprintf(b, `,"format":%q`, n.format)
	}
	if n.lowercase {
		b.WriteString(`,"x-lowercase":true`)
	}
	if n.separator != "" {
		fmt.Fprintf(b, `,"x-separator":%q`, n.separator)
	}
	if keys != nil {
		fmt.Fprintf(b, `,"required":%s`, quoted(keys))
	}
	if n.items != nil {
		b.WriteString(`,"items":`)
		n.items.write(b, nil, indent)
	}
	if n.kind == "object" {
		n.writeProperties(b, indent)
		b.WriteString(`,"additionalProperties":true`)
	}
	b.WriteString("}")
}

func (n *node) writeProperties(b *bytes.Buffer, indent string) {
	if len(n.properties) == 0 {
		return
	}
	b.WriteString(`,"properties":{`)
	inner, separator := indent+"  ", ""
	for _, name := range slices.Sorted(maps.Keys(n.properties)) {
		fmt.Fprintf(b, "%s\n%s%q: ", separator, inner, name)
		n.properties[name].write(b, nil, inner)
		separator = ","
	}
	b.WriteString("\n" + indent + "}")
}

// quoted returns the JSON of a list of names, which cannot fail.
func quoted(names []string) []byte {
	list, _ := json.Marshal(names)
	return list
}
