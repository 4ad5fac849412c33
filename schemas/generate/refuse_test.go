package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// animals is a small document with a list of each shape that the rows speak of.
const animals = `{
	"info": {"version": "2023-10-16"},
	"paths": {
		"/v1/cats": {"get": {
			"parameters": [{"in": "query", "name": "created"}, {"in": "query", "name": "limit"}],
			"responses": {"200": {"content": {"application/json": {"schema": {"type": "object", "properties": {
				"data": {"type": "array", "items": {"$ref": "#/components/schemas/cat"}}}}}}}}}},
		"/v1/cats/{cat}": {"get": {
			"responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/cat"}}}}}}},
		"/v1/cats/{cat}/toys": {"get": {
			"responses": {"200": {"content": {"application/json": {"schema": {"type": "object", "properties": {
				"data": {"type": "array", "items": {"anyOf": [
					{"$ref": "#/components/schemas/dog"}, {"$ref": "#/components/schemas/toy"}]}}}}}}}}}},
		"/v1/dogs": {"get": {
			"responses": {"200": {"content": {"application/json": {"schema": {"type": "object", "properties": {
				"data": {"type": "array", "items": {"$ref": "#/components/schemas/dog"}}}}}}}}}},
		"/v1/toys": {"get": {
			"parameters": [{"in": "query", "name": "cat", "required": true}],
			"responses": {"200": {"content": {"application/json": {"schema": {"type": "object", "properties": {
				"data": {"type": "array", "items": {"$ref": "#/components/schemas/toy"}}}}}}}}}},
		"/v1/text": {"get": {"responses": {"200": {"content": {"text/plain": {"schema": {"type": "string"}}}}}}}
	},
	"components": {"schemas": {
		"cat": {"type": "object", "properties": {
			"id": {"type": "string"}, "age": {"type": "integer"}, "created": {"type": "integer", "format": "unix-time"}}},
		"dog": {"type": "object", "properties": {"name": {"type": "string"}}},
		"toy": {"type": "object", "properties": {"id": {"type": "string"}}},
		"fish": {"type": "object", "properties": {"id": {"type": "string"}}}
	}}
}`

var (
	cats = source{Stream: "cats", Path: "/v1/cats", Object: "cat", Cursor: "created"}
	toys = source{Stream: "toys", Path: "/v1/cats/{cat}/toys", Object: "toy", Parent: "cat", Key: []string{"cat", "id"}}
)

// changed returns a row with something changed.
func changed(row source, change func(*source)) source {
	change(&row)
	return row
}

func TestGenerateRefusesARowThatTheDocumentDenies(t *testing.T) {
	tests := []struct {
		name string
		row  source
		want string
	}{
		{"an unknown path", changed(cats, func(s *source) { s.Path = "/v1/kittens" }), "no GET /v1/kittens"},
		{"one object where a list is said to be", changed(cats, func(s *source) { s.Path = "/v1/cats/{cat}" }), "answers with a list: false"},
		{"a list where one object is said to be", changed(cats, func(s *source) { s.Single = true }), "answers with a list: true"},
		{"an answer that is no JSON", changed(cats, func(s *source) { s.Path = "/v1/text" }), "does not answer with JSON"},
		{"another object than the list's", changed(cats, func(s *source) { s.Object = "dog" }), `component cat, not "dog"`},
		{"another object than those of a mixed list", changed(toys, func(s *source) { s.Object = "cat" }), `component dog or toy, not "cat"`},
		{"a cursor where the list has no filter", source{Stream: "dogs", Path: "/v1/dogs", Object: "dog", Cursor: "created"}, `cursor is "created"`},
		{"no cursor where the list has a filter", changed(cats, func(s *source) { s.Cursor = "" }), "are: created, limit"},
		{"a cursor that is no time", changed(cats, func(s *source) { s.Cursor = "age" }), `no unix-time field "age"`},
		{"an object without id", source{Stream: "dogs", Path: "/v1/dogs", Object: "dog"}, `no string field "id"`},
		{"a key that is no string", changed(cats, func(s *source) { s.Key = []string{"age"} }), `no string field "age"`},
		{"a list of an object without a parent", changed(toys, func(s *source) { s.Parent = "" }), "names no parent"},
		{"a list that must be asked with more", source{Stream: "toys", Path: "/v1/toys", Object: "toy"}, `without the parameter "cat"`},
		{"a question that the list does not know", source{Stream: "dogs", Path: "/v1/dogs?breed=", Object: "dog"}, `no parameter "breed"`},
		{"a time that the object has itself", changed(cats, func(s *source) { s.Time = "created" }), `"created" of its own`},
		{"an object that is nowhere", source{Stream: "cows", Object: "cow"}, `no component "cow"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := generate([]byte(animals), []source{tt.row}, nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestGenerateRefusesAnotherDocument(t *testing.T) {
	for document, want := range map[string]string{
		strings.Replace(animals, "2023-10-16", "2024-04-10", 1): `API version "2024-04-10"`,
		"{": "reading the OpenAPI document",
	} {
		_, err := generate([]byte(document), []source{cats}, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want one with %q", err, want)
		}
	}
}

func TestGenerateRefusesAnOverrideThatSaysNothing(t *testing.T) {
	text := json.RawMessage(`{"type":"string"}`)
	list := json.RawMessage(`{"responses":{"200":{}}}`)
	tests := []struct {
		name     string
		override override
		want     string
	}{
		{"no reason", override{Component: "cat", Field: "fur", Change: "add", Schema: text}, "gives no reason"},
		{"an unknown kind", override{Component: "cat", Field: "fur", Change: "drop", Schema: text, Reason: "r"}, `change is "drop"`},
		{"a component replaced", override{Component: "cat", Change: "replace", Schema: text, Reason: "r"}, `change is "replace"`},
		{"a parameter replaced", override{Path: "/v1/cats", Field: "limit", Change: "replace", Schema: text, Reason: "r"}, `change is "replace"`},
		{"no such component", override{Component: "cow", Field: "fur", Change: "add", Schema: text, Reason: "r"}, `no component "cow"`},
		{"no such list", override{Path: "/v1/cows", Field: "fur", Change: "add", Schema: text, Reason: "r"}, "no GET /v1/cows"},
		{"a field that is there", override{Component: "cat", Field: "age", Change: "add", Schema: text, Reason: "r"}, "has this field by now"},
		{"a component that is there", override{Component: "cat", Change: "add", Schema: text, Reason: "r"}, "override of cat: the document has it by now"},
		{"a parameter that is there", override{Path: "/v1/cats", Field: "limit", Change: "add", Schema: text, Reason: "r"}, "has it by now"},
		{"a list that is there", override{Path: "/v1/cats", Change: "add", Schema: list, Reason: "r"}, "override of /v1/cats: the document has it by now"},
		{"nothing to replace", override{Component: "cat", Field: "fur", Change: "replace", Schema: text, Reason: "r"}, "no such field"},
		{"the same again", override{Component: "cat", Field: "id", Change: "replace", Schema: text, Reason: "r"}, "says the same"},
		{"what no stream sees", override{Component: "fish", Field: "fin", Change: "add", Schema: text, Reason: "r"}, "no stream contains"},
		{"a keyword of no meaning", override{Component: "cat", Field: "fur", Change: "add", Schema: json.RawMessage(`{"typ":"x"}`), Reason: "r"}, "typ"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := generate([]byte(animals), []source{cats}, []override{tt.override})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestGenerateTakesWhatIsRight(t *testing.T) {
	rows := []source{
		cats,
		toys,
		{Stream: "cat", Path: "/v1/cats/{cat}", Object: "cat", Single: true},
		{Stream: "all_toys", Path: "/v1/toys?cat=", Object: "toy", Parent: "cat", Time: "seen_at", Key: []string{"id", "seen_at"}},
		{Stream: "fish", Object: "fish"},
		{Stream: "mice", Path: "/v1/mice", Object: "mouse", Cursor: "born"},
	}
	list := `{"parameters":[{"in":"query","name":"limit"}],"responses":{"200":{"content":{"application/json":{"schema":
		{"type":"object","properties":{"data":{"type":"array","items":{"$ref":"#/components/schemas/mouse"}}}}}}}}}`
	overrides := []override{
		{Component: "cat", Field: "fur", Change: "add", Schema: json.RawMessage(`{"type":"string"}`), Reason: "r"},
		{Component: "cat", Field: "age", Change: "replace", Schema: json.RawMessage(`{"type":"string"}`), Reason: "r"},
		{Component: "mouse", Change: "add", Schema: json.RawMessage(`{"type":"object","properties":
			{"id":{"type":"string"},"born":{"type":"integer","format":"unix-time"}}}`), Reason: "r"},
		{Path: "/v1/mice", Change: "add", Schema: json.RawMessage(list), Reason: "r"},
		{Path: "/v1/mice", Field: "created", Change: "add", Schema: json.RawMessage(`{"type":"integer"}`), Reason: "r"},
	}
	files, err := generate([]byte(animals), rows, overrides)
	if err != nil {
		t.Fatal(err)
	}
	wants := map[string]string{
		"cats.json": `{"type":"object","required":["id"],"properties":{"age":{"type":["null","string"]},
			"created":{"type":["null","string"],"format":"date-time"},"fur":{"type":["null","string"]},"id":{"type":"string"}},
			"additionalProperties":true}`,
		"toys.json": `{"type":"object","required":["cat","id"],"properties":{"cat":{"type":"string"},"id":{"type":"string"}},
			"additionalProperties":true}`,
		"all_toys.json": `{"type":"object","required":["id","seen_at"],"properties":{"cat":{"type":["null","string"]},
			"id":{"type":"string"},"seen_at":{"type":"string","format":"date-time"}},"additionalProperties":true}`,
		"mice.json": `{"type":"object","required":["id"],"properties":{"born":{"type":["null","string"],"format":"date-time"},
			"id":{"type":"string"}},"additionalProperties":true}`,
	}
	for name, want := range wants {
		var file struct{ Schema map[string]any }
		var wanted any
		if err := json.Unmarshal(files[name], &file); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := json.Unmarshal([]byte(want), &wanted); err != nil {
			t.Fatal(err)
		}
		properties := file.Schema["properties"].(map[string]any)
		for column := range columns() {
			if properties[column] == nil {
				t.Errorf("%s has no column %s", name, column)
			}
			delete(properties, column)
		}
		if diff := cmp.Diff(wanted, any(file.Schema)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestParseOverridesRefusesAnUnknownKey(t *testing.T) {
	if _, err := parseOverrides([]byte(`[{"component":"a","filed":"b"}]`)); err == nil {
		t.Error("a misspelt key was accepted")
	}
}
