package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/stripe/stripe-mock/spec"
)

//go:embed overrides.json
var overridesFile []byte

// override corrects the document in one place before anything is converted: in one field of one component, in one
// parameter of one list, or, when it names no field, by a component or a list that the document lacks.
type override struct {
	Component string          `json:"component"`
	Path      string          `json:"path"` // instead of Component: the list whose query takes the field
	Field     string          `json:"field"`
	Change    string          `json:"change"` // "add" what the document lacks, or "replace" a field it has
	Schema    json.RawMessage `json:"schema"` // what is put there, in the document's own terms
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
	var err error
	switch {
	case o.Reason == "":
		return fmt.Errorf("%s gives no reason", o)
	case o.Change != "add" && (o.Change != "replace" || o.Path != "" || o.Field == ""):
		return fmt.Errorf(`%s: change is %q, not "add" or, for a field, "replace"`, o, o.Change)
	case o.Path != "":
		err = o.applyToPath(doc)
	case o.Field == "":
		err = doc.addComponent(o.Component, o.Schema)
	default:
		err = o.applyToField(doc)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", o, err)
	}
	return nil
}

func (o override) applyToPath(doc *document) error {
	if o.Field != "" {
		return doc.addParameter(o.Path, o.Field, o.Schema)
	}
	return doc.addOperation(o.Path, o.Schema)
}

func (o override) applyToField(doc *document) error {
	component, err := doc.component(o.Component)
	if err != nil {
		return err
	}
	field := new(spec.Schema)
	if err := json.Unmarshal(o.Schema, field); err != nil {
		return err
	}
	present, known := component.Properties[o.Field]
	switch {
	case o.Change == "add" && known:
		return errors.New("the document has this field by now; remove the override or let it replace")
	case o.Change == "replace" && !known:
		return errors.New("the document has no such field to replace")
	case o.Change == "replace" && sameShape(present, field):
		return errors.New("the document says the same by now; remove the override")
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
	name := o.Component + o.Path
	if o.Field != "" {
		name += "." + o.Field
	}
	return "override of " + name
}
