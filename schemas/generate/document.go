package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stripe/stripe-mock/spec"
)

// version is the API version whose shapes are generated, the one the tap asks for.
const version = "2023-10-16"

// document is Stripe's OpenAPI document. Most of its 900 components belong to no stream, so a component is parsed when
// it is first asked for.
type document struct {
	operations map[string]map[string]json.RawMessage // path, then method in lower case
	raw        map[string]json.RawMessage            // component name -> schema
	parsed     map[string]*spec.Schema
}

// parseDocument reads an OpenAPI document and refuses any API version but [version].
func parseDocument(data []byte) (*document, error) {
	var content struct {
		Info       spec.Info
		Paths      map[string]map[string]json.RawMessage
		Components struct{ Schemas map[string]json.RawMessage }
	}
	if err := json.Unmarshal(data, &content); err != nil {
		return nil, fmt.Errorf("reading the OpenAPI document: %w", err)
	}
	if content.Info.Version != version {
		return nil, fmt.Errorf("the OpenAPI document describes API version %q, not %q", content.Info.Version, version)
	}
	return &document{
		operations: content.Paths,
		raw:        content.Components.Schemas,
		parsed:     map[string]*spec.Schema{},
	}, nil
}

// component returns the schema of a component. All callers share it: overrides change it in place, the converter only
// reads. A keyword that stripe-mock's reader does not know is an error, so none is dropped unseen.
func (d *document) component(name string) (*spec.Schema, error) {
	if schema := d.parsed[name]; schema != nil {
		return schema, nil
	}
	raw, ok := d.raw[name]
	if !ok {
		return nil, fmt.Errorf("the OpenAPI document has no component %q", name)
	}
	schema := new(spec.Schema)
	if err := json.Unmarshal(raw, schema); err != nil {
		return nil, fmt.Errorf("reading component %s: %w", name, err)
	}
	d.parsed[name] = schema
	return schema, nil
}

// errPresent says that the document has by now what was to be added to it.
var errPresent = errors.New("the document has it by now; remove the override")

// addComponent adds a component that the document lacks.
func (d *document) addComponent(name string, schema json.RawMessage) error {
	if d.raw[name] != nil {
		return errPresent
	}
	d.raw[name] = schema
	return nil
}

// addOperation adds a path that the document lacks, with the operation GET.
func (d *document) addOperation(path string, operation json.RawMessage) error {
	if d.operations[path] != nil {
		return errPresent
	}
	d.operations[path] = map[string]json.RawMessage{"get": operation}
	return nil
}

// addParameter adds a query parameter to GET of a path. Nothing here reads more of it than its name.
func (d *document) addParameter(path, name string, schema json.RawMessage) error {
	present, err := d.endpoint(path)
	if err != nil {
		return err
	}
	if present.takes(name) {
		return errPresent
	}
	var operation map[string]any
	if err := json.Unmarshal(d.operations[path]["get"], &operation); err != nil {
		return err
	}
	parameters, _ := operation["parameters"].([]any)
	operation["parameters"] = append(parameters, map[string]any{"in": spec.ParameterQuery, "name": name, "schema": schema})
	d.operations[path]["get"], err = json.Marshal(operation)
	return err
}

// componentName returns the component a $ref points to.
func componentName(ref string) (string, error) {
	name, ok := strings.CutPrefix(ref, "#/components/schemas/")
	if !ok {
		return "", fmt.Errorf("$ref %q does not point to a component", ref)
	}
	return name, nil
}

// endpoint is what the document says about reading a path.
type endpoint struct {
	components []string // of the objects it shows: one, or several where they are mixed
	single     bool     // whether it shows one object instead of a list
	parameters []string // names of the query parameters, in the document's order
	required   []string // those that must be given
}

// takes tells whether there is a query parameter of that name.
func (e endpoint) takes(parameter string) bool { return slices.Contains(e.parameters, parameter) }

// endpoint describes GET of a path.
func (d *document) endpoint(path string) (endpoint, error) {
	raw, ok := d.operations[path]["get"]
	if !ok {
		return endpoint{}, fmt.Errorf("the OpenAPI document has no GET %s", path)
	}
	var operation spec.Operation
	if err := json.Unmarshal(raw, &operation); err != nil {
		return endpoint{}, fmt.Errorf("reading GET %s: %w", path, err)
	}
	answer := operation.Responses["200"].Content["application/json"].Schema
	if answer == nil {
		return endpoint{}, fmt.Errorf("GET %s does not answer with JSON", path)
	}
	result := endpoint{single: true}
	if data := answer.Properties["data"]; data != nil && data.Items != nil {
		result.single, answer = false, data.Items
	}
	var err error
	if result.components, err = shown(answer); err != nil {
		return endpoint{}, fmt.Errorf("reading GET %s: %w", path, err)
	}
	for _, parameter := range operation.Parameters {
		if parameter.In != spec.ParameterQuery {
			continue
		}
		result.parameters = append(result.parameters, parameter.Name)
		if parameter.Required {
			result.required = append(result.required, parameter.Name)
		}
	}
	return result, nil
}

// shown returns the components that a schema refers to, itself or by its branches.
func shown(s *spec.Schema) ([]string, error) {
	branches := s.AnyOf
	if len(branches) == 0 {
		branches = []*spec.Schema{s}
	}
	var names []string
	for _, branch := range branches {
		name, err := componentName(branch.Ref)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}
