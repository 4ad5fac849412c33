package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/stripe/stripe-mock/spec"
)

//go:embed overrides.json
var overridesFile []byte

// override corrects the document in one field of one component, before anything is converted.
type override struct {
	Component string          `json:"component"`
	Field     string          `json:"field"`
	Change    string          `json:"change"` // "add" a field the document lacks, or "replace" one it has
	Schema    json.RawMessage `json:"schema"` // the field in the document's own terms
	Reason    string          `json:"reason"`
}

func parseOverrides(data []byte) ([]override, error) {
	var overrides []override
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&overrides); err != nil {
		return nil, fmt.Errorf("reading the overrides: %w", err)
	}
	return overrides, nil
}

// apply changes the document. It fails when the override says nothing new: the document it was written for is gone.
func (o override) apply(doc *document) error {
	if o.Reason == "" {
		return fmt.Errorf("%s gives no reason", o)
	}
	component, err := doc.component(o.Component)
	if err != nil {
		return fmt.Errorf("%s: %w", o, err)
	}
	field := new(spec.Schema)
	if err := json.Unmarshal(o.Schema, field); err != nil {
		return fmt.Errorf("%s: %w", o, err)
	}
	present, known := component.Properties[o.Field]
	switch {
	case o.Change != "add" && o.Change != "replace":
		return fmt.Errorf(`%s: change is %q, not "add" or "replace"`, o, o.Change)
	case o.Change == "add" && known:
		return fmt.Errorf("%s: the document has this field by now; remove the override or let it replace", o)
	case o.Change == "replace" && !known:
		return fmt.Errorf("%s: the document has no such field to replace", o)
	case o.Change == "replace" && sameShape(present, field):
		return fmt.Errorf("%s: the document says the same by now; remove the override", o)
	case component.Properties == nil:
		component.Properties = map[string]*spec.Schema{}
	}
	component.Properties[o.Field] = field
	return nil
}

// sameShape reports whether two fields would be converted alike, as far as their own keywords tell.
func sameShape(a, b *spec.Schema) bool {
	return a.Type == b.Type && a.Format == b.Format && a.Ref == b.Ref &&
		reflect.DeepEqual(a.AnyOf, b.AnyOf) && reflect.DeepEqual(a.Items, b.Items) &&
		reflect.DeepEqual(a.Properties, b.Properties) && reflect.DeepEqual(a.AdditionalProperties, b.AdditionalProperties)
}

// String names the override in messages.
func (o override) String() string {
	return fmt.Sprintf("override of %s.%s", o.Component, o.Field)
}
