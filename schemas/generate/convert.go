package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/stripe/stripe-mock/spec"
)

// The formats of the document that have a meaning here.
const (
	formatUnixTime = "unix-time" // an integer: whole seconds since 1970
	formatDecimal  = "decimal"   // a string of digits; it stays the string it is
)

// converter turns components of the document into JSON Schemas.
type converter struct {
	doc  *document
	used map[string]bool // components that were converted, for finding overrides that do nothing
	open []string        // components being converted, outermost first: meeting one again is recursion
}

// record returns the schema of a stream's records: the component's, with the fields that the tap adds and with the key
// required and never null.
func (c *converter) record(s source) (*node, error) {
	root, err := c.component(s.Object)
	if err != nil {
		return nil, err
	}
	root.Type = typeList{"object"}
	if s.Parent != "" && root.Properties[s.Parent] == nil {
		root.Properties[s.Parent] = nullable(spec.TypeString)
	}
	if s.Time != "" {
		root.Properties[s.Time] = timeNode()
	}
	if err := addColumns(root); err != nil {
		return nil, err
	}
	root.Required = s.key()
	for _, name := range root.Required {
		field := root.Properties[name]
		if field == nil || !slices.Equal(field.Type, typeList{"null", "string"}) {
			return nil, fmt.Errorf("component %s has no string field %q to be in its key", s.Object, name)
		}
		field.Type = typeList{"string"}
	}
	return root, nil
}

// columns are what the tap adds to every record: what is known of its version, and whose it is. An object of Stripe may
// have fields of some of these names, which then stay.
func columns() map[string]*node {
	return map[string]*node{
		"updated":                timeNode(),
		"updated_by_event_type":  nullable(spec.TypeString),
		"deleted":                nullable(spec.TypeBoolean),
		"deleted_at":             timeNode(),
		"_sdc_deleted_at":        timeNode(),
		"_sdc_source_fetched_at": timeNode(),
		"account_id":             nullable(spec.TypeString),
	}
}

// addColumns adds the columns to a record. A field of Stripe's in place of one must be of the same shape.
func addColumns(root *node) error {
	for name, column := range columns() {
		own := root.Properties[name]
		if own == nil {
			root.Properties[name] = column
			continue
		}
		if !slices.Equal(own.Type, column.Type) || own.Format != column.Format {
			return fmt.Errorf("the object's own %s is of type %v, and the column of type %v", name, own.Type, column.Type)
		}
	}
	return nil
}

// component converts a component, and cuts recursion with an open object: the place of the cut depends only on the path
// that leads to it, so the output is the same in every run.
func (c *converter) component(name string) (*node, error) {
	if slices.Contains(c.open, name) {
		return openObject(), nil
	}
	schema, err := c.doc.component(name)
	if err != nil {
		return nil, err
	}
	c.used[name] = true
	c.open = append(c.open, name)
	defer func() { c.open = c.open[:len(c.open)-1] }()
	converted, err := c.schema(schema)
	if err != nil {
		return nil, fmt.Errorf("component %s: %w", name, err)
	}
	return converted, nil
}

// schema converts one schema of the document. The result is fresh and belongs to the caller.
func (c *converter) schema(s *spec.Schema) (*node, error) {
	switch {
	case s.Ref != "":
		name, err := componentName(s.Ref)
		if err != nil {
			return nil, err
		}
		return c.component(name)
	case s.XExpansionResources != nil:
		return expandable(s)
	case len(s.AnyOf) > 0:
		return c.union(s.AnyOf)
	case s.Type == spec.TypeObject:
		return c.object(s)
	case s.Type == spec.TypeArray:
		return c.array(s)
	default:
		return scalar(s)
	}
}

// expandable converts a field that holds either the id of another object or, when expansion is asked for, that object or
// what is left of it after its deletion. Without expansion only the id comes.
func expandable(s *spec.Schema) (*node, error) {
	for _, branch := range s.AnyOf {
		if branch.Type == spec.TypeString {
			return nullable(spec.TypeString), nil
		}
	}
	return nil, errors.New("an expandable field has no form in which it is an id")
}

func (c *converter) union(branches []*spec.Schema) (*node, error) {
	var merged *node
	for _, branch := range branches {
		converted, err := c.schema(branch)
		if err != nil {
			return nil, err
		}
		if merged, err = merge(merged, converted); err != nil {
			return nil, err
		}
	}
	return merged, nil
}

func (c *converter) object(s *spec.Schema) (*node, error) {
	object := openObject()
	for name, property := range s.Properties {
		converted, err := c.schema(property)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if object.Properties == nil {
			object.Properties = map[string]*node{}
		}
		object.Properties[name] = converted
	}
	if s.AdditionalProperties != nil {
		values, err := c.schema(s.AdditionalProperties)
		if err != nil {
			return nil, fmt.Errorf("additional properties: %w", err)
		}
		object.AdditionalProperties = values
	}
	return object, nil
}

func (c *converter) array(s *spec.Schema) (*node, error) {
	if s.Items == nil {
		return nil, errors.New("an array does not say what its items are")
	}
	items, err := c.schema(s.Items)
	if err != nil {
		return nil, fmt.Errorf("items: %w", err)
	}
	array := nullable(spec.TypeArray)
	array.Items = items
	return array, nil
}

// scalar converts a value without parts. Limits of length, patterns and enums are left out: they describe today's values,
// and a record that comes tomorrow must still be legal.
func scalar(s *spec.Schema) (*node, error) {
	switch [2]string{s.Type, s.Format} {
	case [2]string{spec.TypeInteger, formatUnixTime}:
		return timeNode(), nil
	case [2]string{spec.TypeBoolean, ""}, [2]string{spec.TypeInteger, ""}, [2]string{spec.TypeNumber, ""},
		[2]string{spec.TypeString, ""}, [2]string{spec.TypeString, formatDecimal}:
		return nullable(s.Type), nil
	}
	return nil, fmt.Errorf("no rule converts type %q with format %q", s.Type, s.Format)
}
