package main

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-mock/embedded"
	"github.com/xeipuuv/gojsonschema"

	"tapline/schemas"
)

// TestFixturesAreLegalRecords holds Stripe's own sample objects, with their times converted as the tap converts them,
// against the schemas.
func TestFixturesAreLegalRecords(t *testing.T) {
	var fixtures struct {
		Resources map[string]map[string]any
	}
	if err := json.Unmarshal(embedded.OpenAPIFixtures, &fixtures); err != nil {
		t.Fatal(err)
	}
	overrides, err := parseOverrides(overridesFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range streams {
		if slices.ContainsFunc(overrides, func(o override) bool { return o.Component == s.Object && o.Field == "" }) {
			continue // the document lacks the object, and so do the fixtures
		}
		t.Run(s.Stream, func(t *testing.T) {
			stream, err := schemas.StripeStream(s.Stream)
			if err != nil {
				t.Fatal(err)
			}
			object := maps.Clone(fixtures.Resources[s.Object])
			if object["object"] != s.Object {
				t.Fatalf("the fixture says it is %v", object["object"])
			}
			completeFixture(object, s)
			var schema readSchema
			if err := json.Unmarshal(stream.Schema, &schema); err != nil {
				t.Fatal(err)
			}
			record := schema.emit(object)
			if !cmp.Equal(object, record) && len(faults(t, stream.Schema, object)) == 0 {
				t.Error("the fixture is legal before its times are converted, so this test shows nothing")
			}
			for _, fault := range faults(t, stream.Schema, record) {
				t.Error(fault)
			}
			for name := range object {
				if schema.Properties[name] == nil {
					t.Errorf("the schema does not name the field %s", name)
				}
			}
		})
	}
}

// completeFixture adds what the tap would add to an object.
func completeFixture(object map[string]any, s source) {
	if s.Parent != "" && object[s.Parent] == nil {
		object[s.Parent] = "parent_1"
	}
	if s.Time != "" {
		object[s.Time] = float64(1704067200)
	}
}

func faults(t *testing.T, schema []byte, record any) []gojsonschema.ResultError {
	t.Helper()
	result, err := gojsonschema.Validate(gojsonschema.NewBytesLoader(schema), gojsonschema.NewGoLoader(record))
	if err != nil {
		t.Fatal(err)
	}
	return result.Errors()
}

// readSchema is a generated schema as tests read it.
type readSchema struct {
	Type                 any
	Format               string
	Properties           map[string]*readSchema
	Items                *readSchema
	AdditionalProperties json.RawMessage
}

// emit returns a value of Stripe's answer as the tap emits it: numbers where the schema says date-time become times.
func (s *readSchema) emit(value any) any {
	switch value := value.(type) {
	case float64:
		if s != nil && s.Format == formatDateTime {
			return time.Unix(int64(value), 0).UTC().Format(time.RFC3339)
		}
	case map[string]any:
		emitted := map[string]any{}
		for name, member := range value {
			emitted[name] = s.property(name).emit(member)
		}
		return emitted
	case []any:
		emitted := make([]any, len(value))
		for i, item := range value {
			emitted[i] = s.items().emit(item)
		}
		return emitted
	}
	return value
}

func (s *readSchema) property(name string) *readSchema {
	if s == nil {
		return nil
	}
	if property := s.Properties[name]; property != nil {
		return property
	}
	var values *readSchema
	if len(s.AdditionalProperties) > 0 && s.AdditionalProperties[0] == '{' {
		// The schemas under test were read before, so this part of one cannot be malformed.
		_ = json.Unmarshal(s.AdditionalProperties, &values)
	}
	return values
}

func (s *readSchema) items() *readSchema {
	if s == nil {
		return nil
	}
	return s.Items
}
