package main

import (
	"encoding/json"
	"fmt"
	"slices"
)

// formatDateTime is the JSON Schema format of an RFC 3339 time.
const formatDateTime = "date-time"

// node is the part of JSON Schema draft-07 that the generated files use.
type node struct {
	Type       typeList         `json:"type"`
	Format     string           `json:"format,omitempty"`
	Required   []string         `json:"required,omitempty"`
	Properties map[string]*node `json:"properties,omitempty"`
	Items      *node            `json:"items,omitempty"`
	// AdditionalProperties is nil where no object is allowed, true where fields of any shape may come, and a *node
	// where they all have one shape.
	AdditionalProperties any `json:"additionalProperties,omitempty"`
}

// typeList is the value of the keyword "type": sorted, without repetition, "null" first.
type typeList []string

// MarshalJSON writes a single type as a plain string.
func (t typeList) MarshalJSON() ([]byte, error) {
	if len(t) == 1 {
		return json.Marshal(t[0])
	}
	return json.Marshal([]string(t))
}

// nullable returns a node that allows null and the named type.
func nullable(name string) *node {
	return &node{Type: typeList{"null", name}}
}

// timeNode returns a node for a time, or null.
func timeNode() *node {
	at := nullable("string")
	at.Format = formatDateTime
	return at
}

// openObject returns a node for an object, or null, about whose fields nothing is said.
func openObject() *node {
	object := nullable("object")
	object.AdditionalProperties = true
	return object
}

// merge returns a node that allows whatever a or b allows. It may reuse parts of both. Where one side would have a
// number converted to a time and the other keep it, no schema can be true for both, and merge fails.
func merge(a, b *node) (*node, error) {
	if a == nil {
		return b, nil
	}
	if b == nil {
		return a, nil
	}
	format, err := mergeFormats(a, b)
	if err != nil {
		return nil, err
	}
	merged := &node{Type: mergeTypes(a.Type, b.Type), Format: format, Properties: a.Properties}
	for name, property := range b.Properties {
		if merged.Properties == nil {
			merged.Properties = map[string]*node{}
		}
		if merged.Properties[name], err = merge(merged.Properties[name], property); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if merged.Items, err = merge(a.Items, b.Items); err != nil {
		return nil, fmt.Errorf("items: %w", err)
	}
	merged.AdditionalProperties, err = mergeAdditional(a.AdditionalProperties, b.AdditionalProperties)
	return merged, err
}

// mergeTypes unites two type lists. Every integer is a number, so "integer" gives way to "number".
func mergeTypes(a, b typeList) typeList {
	union := slices.Concat(a, b)
	slices.Sort(union)
	union = slices.Compact(union)
	if slices.Contains(union, "number") {
		union = slices.DeleteFunc(union, func(name string) bool { return name == "integer" })
	}
	if i := slices.Index(union, "null"); i > 0 {
		union = slices.Insert(slices.Delete(union, i, i+1), 0, "null")
	}
	return union
}

func mergeFormats(a, b *node) (string, error) {
	if a.Format == b.Format {
		return a.Format, nil
	}
	plain := a
	if a.Format != "" {
		plain = b
	}
	if plain.Format == "" && !slices.ContainsFunc(plain.Type, isScalar) {
		return a.Format + b.Format, nil
	}
	return "", fmt.Errorf("cannot merge type %v format %q with type %v format %q: write an override that gives them one shape",
		a.Type, a.Format, b.Type, b.Format)
}

func isScalar(name string) bool {
	return name == "string" || name == "integer" || name == "number"
}

func mergeAdditional(a, b any) (any, error) {
	if a == nil {
		return b, nil
	}
	if b == nil {
		return a, nil
	}
	left, leftIsNode := a.(*node)
	right, rightIsNode := b.(*node)
	if leftIsNode && rightIsNode {
		return merge(left, right)
	}
	return true, nil
}
