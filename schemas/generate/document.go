package main

import (
	"encoding/json"
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

// componentName returns the component a $ref points to.
func componentName(ref string) (string, error) {
	name, ok := strings.CutPrefix(ref, "#/components/schemas/")
	if !ok {
		return "", fmt.Errorf("$ref %q does not point to a component", ref)
	}
	return name, nil
}

// list is what the document says about a list endpoint.
type list struct {
	component    string   // of the listed objects
	parameters   []string // names of the query parameters, in the document's order
	takesCreated bool     // whether "created" is one of them
}

// list describes the list endpoint at a path.
func (d *document) list(path string) (list, error) {
	raw, ok := d.operations[path]["get"]
	if !ok {
		return list{}, fmt.Errorf("the OpenAPI document has no GET %s", path)
	}
	var operation spec.Operation
	if err := json.Unmarshal(raw, &operation); err != nil {
		return list{}, fmt.Errorf("reading GET %s: %w", path, err)
	}
	answer := operation.Responses["200"].Content["application/json"].Schema
	if answer == nil || answer.Properties["data"] == nil || answer.Properties["data"].Items == nil {
		return list{}, fmt.Errorf("GET %s does not answer with a list", path)
	}
	component, err := componentName(answer.Properties["data"].Items.Ref)
	if err != nil {
		return list{}, fmt.Errorf("reading GET %s: %w", path, err)
	}
	result := list{component: component}
	for _, parameter := range operation.Parameters {
		if parameter.In == spec.ParameterQuery {
			result.parameters = append(result.parameters, parameter.Name)
		}
	}
	result.takesCreated = slices.Contains(result.parameters, "created")
	return result, nil
}
