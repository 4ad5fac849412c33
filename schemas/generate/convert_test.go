package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// convertComponent converts the component "it" of a document with the given components.
func convertComponent(t *testing.T, components string) (*node, error) {
	t.Helper()
	doc, err := parseDocument([]byte(`{"info":{"version":"2023-10-16"},"components":{"schemas":` + components + `}}`))
	if err != nil {
		t.Fatal(err)
	}
	return (&converter{doc: doc, used: map[string]bool{}}).component("it")
}

func TestFieldsAreConverted(t *testing.T) {
	const cat = `"cat": {"type":"object","properties":{"name":{"type":"string"}}}`
	const dog = `"dog": {"type":"object","properties":{"name":{"type":"string"},"breed":{"type":"string"}}}`
	const cats = `{"type":["null","object"],"properties":{"name":{"type":["null","string"]}},"additionalProperties":true}`
	tests := []struct {
		name, field, want string
	}{
		{"a required field may still be null", `{"type":"string"}`, `{"type":["null","string"]}`},
		{"a nullable field", `{"type":"boolean","nullable":true}`, `{"type":["null","boolean"]}`},
		{"an amount stays an integer", `{"type":"integer"}`, `{"type":["null","integer"]}`},
		{"a number", `{"type":"number"}`, `{"type":["null","number"]}`},
		{"a decimal stays a string", `{"type":"string","format":"decimal"}`, `{"type":["null","string"]}`},
		{"a unix time becomes a date-time", `{"type":"integer","format":"unix-time"}`, `{"type":["null","string"],"format":"date-time"}`},
		{"limits are left out", `{"type":"string","enum":["a"],"maxLength":5,"pattern":"^a","description":"A."}`, `{"type":["null","string"]}`},
		{
			"an expandable field is an id",
			`{"anyOf":[{"type":"string"},{"$ref":"#/components/schemas/cat"},{"$ref":"#/components/schemas/deleted_cat"}],
				"x-expansionResources":{"oneOf":[{"$ref":"#/components/schemas/cat"}]}}`,
			`{"type":["null","string"]}`,
		},
		{
			"a list of expandables is a list of ids",
			`{"type":"array","items":{"anyOf":[{"type":"string"},{"$ref":"#/components/schemas/cat"}],"x-expansionResources":{}}}`,
			`{"type":["null","array"],"items":{"type":["null","string"]}}`,
		},
		{"a reference is resolved", `{"$ref":"#/components/schemas/cat"}`, cats},
		{"a nullable reference", `{"anyOf":[{"$ref":"#/components/schemas/cat"}],"nullable":true}`, cats},
		{
			"an embedded list has typed items",
			`{"type":"object","properties":{"data":{"type":"array","items":{"$ref":"#/components/schemas/cat"}},"has_more":{"type":"boolean"}}}`,
			`{"type":["null","object"],"properties":{"data":{"type":["null","array"],"items":` + cats + `},
				"has_more":{"type":["null","boolean"]}},"additionalProperties":true}`,
		},
		{"an object without fields is open", `{"type":"object"}`, `{"type":["null","object"],"additionalProperties":true}`},
		{"an object with an empty list of fields is open", `{"type":"object","properties":{}}`, `{"type":["null","object"],"additionalProperties":true}`},
		{
			"a map keeps the type of its values",
			`{"type":"object","additionalProperties":{"type":"string","maxLength":500}}`,
			`{"type":["null","object"],"additionalProperties":{"type":["null","string"]}}`,
		},
		{
			"a map of objects",
			`{"type":"object","additionalProperties":{"$ref":"#/components/schemas/cat"}}`,
			`{"type":["null","object"],"additionalProperties":` + cats + `}`,
		},
		{
			"a union of objects has the fields of all",
			`{"anyOf":[{"$ref":"#/components/schemas/cat"},{"$ref":"#/components/schemas/dog"}]}`,
			`{"type":["null","object"],"properties":{"breed":{"type":["null","string"]},"name":{"type":["null","string"]}},"additionalProperties":true}`,
		},
		{
			"a union of a string and an object",
			`{"anyOf":[{"type":"string"},{"$ref":"#/components/schemas/cat"}]}`,
			`{"type":["null","object","string"],"properties":{"name":{"type":["null","string"]}},"additionalProperties":true}`,
		},
		{
			"recursion is cut with an open object",
			`{"type":"array","items":{"$ref":"#/components/schemas/it"}}`,
			`{"type":["null","array"],"items":{"type":["null","object"],"additionalProperties":true}}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := convertComponent(t, `{"it": {"type":"object","required":["field"],"properties":{"field":`+tt.field+`}},`+cat+`,`+dog+`}`)
			if err != nil {
				t.Fatal(err)
			}
			diffJSON(t, tt.want, got.Properties["field"])
		})
	}
}

func TestTheSameComponentTwiceIsNoRecursion(t *testing.T) {
	got, err := convertComponent(t, `{
		"it": {"type":"object","properties":{"a":{"$ref":"#/components/schemas/leaf"},"b":{"$ref":"#/components/schemas/leaf"}}},
		"leaf": {"type":"object","properties":{"x":{"type":"string"}}}}`)
	if err != nil {
		t.Fatal(err)
	}
	diffJSON(t, `{"type":["null","object"],"properties":{"x":{"type":["null","string"]}},"additionalProperties":true}`, got.Properties["b"])
}

func TestRecordRequiresItsKey(t *testing.T) {
	doc, err := parseDocument([]byte(`{"info":{"version":"2023-10-16"},"components":{"schemas":
		{"it":{"type":"object","properties":{"id":{"type":"string"},"n":{"type":"integer"}}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := (&converter{doc: doc, used: map[string]bool{}}).record(source{Object: "it"})
	if err != nil {
		t.Fatal(err)
	}
	for column := range columns() {
		delete(got.Properties, column)
	}
	diffJSON(t, `{"type":"object","required":["id"],"properties":{"id":{"type":"string"},"n":{"type":["null","integer"]}},
		"additionalProperties":true}`, got)
}

func TestAFieldOfStripesStaysInPlaceOfAColumnOfItsShapeOnly(t *testing.T) {
	for field, ok := range map[string]bool{
		`"updated":{"type":"integer","format":"unix-time"}`: true,
		`"deleted":{"type":"boolean"}`:                      true,
		`"updated":{"type":"integer"}`:                      false,
		`"account_id":{"type":"integer"}`:                   false,
	} {
		doc, err := parseDocument([]byte(`{"info":{"version":"2023-10-16"},"components":{"schemas":
			{"it":{"type":"object","properties":{"id":{"type":"string"},` + field + `}}}}}`))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := (&converter{doc: doc, used: map[string]bool{}}).record(source{Object: "it"}); (err == nil) != ok {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestWhatNoRuleCoversIsRefused(t *testing.T) {
	tests := []struct {
		name, field, want string
	}{
		{"an unknown format", `{"type":"string","format":"duration"}`, `type "string" with format "duration"`},
		{"no type", `{"nullable":true}`, `type ""`},
		{"an array of anything", `{"type":"array"}`, "what its items are"},
		{"a reference elsewhere", `{"$ref":"other.json#/cat"}`, "does not point to a component"},
		{"a reference to nothing", `{"$ref":"#/components/schemas/cow"}`, `no component "cow"`},
		{"an expandable without an id", `{"anyOf":[{"type":"object"}],"x-expansionResources":{}}`, "an id"},
		{"a time or a count", `{"anyOf":[{"type":"integer","format":"unix-time"},{"type":"integer"}]}`, "cannot merge"},
		{"a time or a word", `{"anyOf":[{"type":"string"},{"type":"integer","format":"unix-time"}]}`, "cannot merge"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := convertComponent(t, `{"it": {"type":"object","properties":{"field":`+tt.field+`}}}`)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "component it: field: ") {
				t.Errorf("error is %v, want one that names component it, field, and %q", err, tt.want)
			}
		})
	}
}

func TestMergeAllowsWhatEitherSideAllows(t *testing.T) {
	at := &node{Type: typeList{"null", "string"}, Format: formatDateTime}
	list := func(items *node) *node { return &node{Type: typeList{"null", "array"}, Items: items} }
	values := func(of any) *node { return &node{Type: typeList{"null", "object"}, AdditionalProperties: of} }
	tests := []struct {
		name string
		a, b *node
		want string
	}{
		{"equal", nullable("string"), nullable("string"), `{"type":["null","string"]}`},
		{"null comes first", nullable("string"), nullable("array"), `{"type":["null","array","string"]}`},
		{"number covers integer", nullable("integer"), nullable("number"), `{"type":["null","number"]}`},
		{"a time and an object keep the format", at, openObject(), `{"type":["null","object","string"],"format":"date-time","additionalProperties":true}`},
		{"items", list(nullable("string")), list(nullable("integer")), `{"type":["null","array"],"items":{"type":["null","integer","string"]}}`},
		{"items of one side", list(nullable("string")), nullable("boolean"), `{"type":["null","array","boolean"],"items":{"type":["null","string"]}}`},
		{"map values", values(nullable("string")), values(nullable("integer")), `{"type":["null","object"],"additionalProperties":{"type":["null","integer","string"]}}`},
		{"a map and an open object", values(nullable("string")), openObject(), `{"type":["null","object"],"additionalProperties":true}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, pair := range [][2]*node{{tt.a, tt.b}, {tt.b, tt.a}} {
				got, err := merge(pair[0], pair[1])
				if err != nil {
					t.Fatal(err)
				}
				diffJSON(t, tt.want, got)
			}
		})
	}
}

// diffJSON compares a node's JSON with the wanted one by meaning, not by spaces.
func diffJSON(t *testing.T, want string, got *node) {
	t.Helper()
	encoded, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var wantValue, gotValue any
	if err := json.Unmarshal([]byte(want), &wantValue); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(encoded, &gotValue); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wantValue, gotValue); diff != "" {
		t.Errorf("schema (-want +got):\n%s", diff)
	}
}
