package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-mock/embedded"

	"tapline/schemas"
)

// generated is what "go generate" would write, made once for all tests.
var generated = sync.OnceValues(func() (map[string][]byte, error) {
	overrides, err := parseOverrides(overridesFile)
	if err != nil {
		return nil, err
	}
	return generate(embedded.OpenAPISpec, streams, overrides)
})

func TestFilesAreCurrent(t *testing.T) {
	want, err := generated()
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob("../stripe/*")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got[filepath.Base(path)] = string(content)
	}
	for name, content := range want {
		if got[name] != string(content) {
			t.Errorf("%s is not what the generator writes; run \"go generate ./schemas\"\n%s",
				name, cmp.Diff(strings.Split(got[name], "\n"), strings.Split(string(content), "\n")))
		}
		delete(got, name)
	}
	for name := range got {
		t.Errorf("%s is in the folder, but the generator does not write it", name)
	}
}

func TestEveryFileIsReadBackAsItsStream(t *testing.T) {
	for _, s := range streams {
		stream, err := schemas.StripeStream(s.Stream)
		if err != nil {
			t.Error(err)
			continue
		}
		stream.Schema = nil
		want := schemas.Stream{Name: s.Stream, Object: s.Object, KeyProperties: []string{"id"}, ReplicationKey: s.Cursor}
		if diff := cmp.Diff(want, stream); diff != "" {
			t.Errorf("%s (-row +file):\n%s", s.Stream, diff)
		}
	}
}

func TestGenerateRefuses(t *testing.T) {
	const document = `{
		"info": {"version": "2023-10-16"},
		"paths": {
			"/v1/cats": {"get": {
				"parameters": [{"in": "query", "name": "created"}, {"in": "query", "name": "limit"}],
				"responses": {"200": {"content": {"application/json": {"schema": {"type": "object", "properties": {
					"data": {"type": "array", "items": {"$ref": "#/components/schemas/cat"}}}}}}}}}},
			"/v1/dogs": {"get": {
				"responses": {"200": {"content": {"application/json": {"schema": {"type": "object", "properties": {
					"data": {"type": "array", "items": {"$ref": "#/components/schemas/dog"}}}}}}}}}},
			"/v1/cat": {"get": {"responses": {"200": {"content": {"application/json": {"schema": {"type": "object"}}}}}}}
		},
		"components": {"schemas": {
			"cat": {"type": "object", "properties": {
				"id": {"type": "string"}, "age": {"type": "integer"}, "created": {"type": "integer", "format": "unix-time"}}},
			"dog": {"type": "object", "properties": {"name": {"type": "string"}}},
			"fish": {"type": "object", "properties": {"id": {"type": "string"}}}
		}}
	}`
	cats := source{"cats", "/v1/cats", "cat", "created"}
	text := []byte(`{"type":"string"}`)
	tests := []struct {
		name      string
		document  string
		row       source
		overrides []override
		want      string
	}{
		{"another API version", strings.Replace(document, "2023-10-16", "2024-04-10", 1), cats, nil, `API version "2024-04-10"`},
		{"a document that is no JSON", "{", cats, nil, "reading the OpenAPI document"},
		{"an unknown path", document, source{"cats", "/v1/kittens", "cat", "created"}, nil, "no GET /v1/kittens"},
		{"a path that is no list", document, source{"cats", "/v1/cat", "cat", "created"}, nil, "does not answer with a list"},
		{"another object than the list's", document, source{"cats", "/v1/cats", "dog", "created"}, nil, `component "cat", not "dog"`},
		{"a cursor where the list has no filter", document, source{"dogs", "/v1/dogs", "dog", "created"}, nil, `cursor is "created"`},
		{"no cursor where the list has a filter", document, source{"cats", "/v1/cats", "cat", ""}, nil, "are: created, limit"},
		{"a cursor that is no time", document, source{"cats", "/v1/cats", "cat", "age"}, nil, `no unix-time field "age"`},
		{"an object without id", document, source{"dogs", "/v1/dogs", "dog", ""}, nil, `no string field "id"`},
		{"an override without reason", document, cats, []override{{"cat", "fur", "add", text, ""}}, "gives no reason"},
		{"an override of an unknown kind", document, cats, []override{{"cat", "fur", "drop", text, "r"}}, `change is "drop"`},
		{"an override of no component", document, cats, []override{{"cow", "fur", "add", text, "r"}}, `no component "cow"`},
		{"an override that adds what is there", document, cats, []override{{"cat", "age", "add", text, "r"}}, "has this field by now"},
		{"an override that replaces nothing", document, cats, []override{{"cat", "fur", "replace", text, "r"}}, "no such field"},
		{"an override that changes nothing", document, cats, []override{{"cat", "id", "replace", text, "r"}}, "says the same"},
		{"an override that no stream sees", document, cats, []override{{"fish", "fin", "add", text, "r"}}, "no stream contains"},
		{"an override with a keyword of no meaning", document, cats, []override{{"cat", "fur", "add", []byte(`{"typ":"x"}`), "r"}}, "typ"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := generate([]byte(tt.document), []source{tt.row}, tt.overrides)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want one with %q", err, tt.want)
			}
		})
	}
	good := []override{{"cat", "fur", "add", text, "r"}, {"cat", "age", "replace", text, "r"}}
	if _, err := generate([]byte(document), []source{cats}, good); err != nil {
		t.Errorf("the document these cases break is not good itself: %v", err)
	}
}

func TestParseOverridesRefusesAnUnknownKey(t *testing.T) {
	if _, err := parseOverrides([]byte(`[{"component":"a","filed":"b"}]`)); err == nil {
		t.Error("a misspelt key was accepted")
	}
}

func TestWriteFilesLeavesExactlyTheGivenFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "stripe")
	first := map[string][]byte{"a.json": []byte("1"), "b.json": []byte("2")}
	second := map[string][]byte{"b.json": []byte("3"), "c.json": []byte("4")}
	for _, files := range []map[string][]byte{first, second} {
		if err := writeFiles(dir, files); err != nil {
			t.Fatal(err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, entry := range entries {
			names = append(names, entry.Name())
		}
		if diff := cmp.Diff(slices.Sorted(maps.Keys(files)), names); diff != "" {
			t.Errorf("names (-want +got):\n%s", diff)
		}
		for name, want := range files {
			if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != string(want) {
				t.Errorf("%s holds %q (%v), want %q", name, got, err, want)
			}
		}
	}
}
