package singer

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSelectedSchemaResolvesReferences(t *testing.T) {
	for name, c := range map[string]struct{ schema, want string }{
		"definitions": {
			`{"definitions":{"a":{"type":"string"}},"properties":{"z":{"$ref":"#/definitions/a"},"a":{}}}`,
			`{"properties":{"z":{"type":"string"},"a":{}}}`,
		},
		"$defs by way of another": {
			`{"properties":{"a":{"$ref":"#/$defs/a"}},"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"type":"null"}}}`,
			`{"properties":{"a":{"type":"null"}}}`,
		},
		"the root": {
			`{"$ref":"#/definitions/a","definitions":{"a":{"type":"object","properties":{"b":{}}}}}`,
			`{"type":"object","properties":{"b":{}}}`,
		},
		"members beside a reference": {
			`{"properties":{"a":{"description":"one","$ref":"#/definitions/a","type":"null"}},"definitions":{"a":{"type":"string"}}}`,
			`{"properties":{"a":{"type":"string","description":"one"}}}`,
		},
		"any pointer, escaped": {
			`{"properties":{"a/b~ c":{"enum":[{"$ref":"kept"}]},"d":{"$ref":"#/properties/a~1b~0%20c"},"e":{"$ref":"#/allOf/1"}},"allOf":[{},{"type":"null"}]}`,
			`{"properties":{"a/b~ c":{"enum":[{"$ref":"kept"}]},"d":{"enum":[{"$ref":"kept"}]},"e":{"type":"null"}},"allOf":[{},{"type":"null"}]}`,
		},
		"everywhere a schema may stand": {
			`{"definitions":{"n":{"type":"null"}},"properties":{
				"a":{"items":{"$ref":"#/definitions/n"}},"b":{"items":[{"$ref":"#/definitions/n"},true]},"c":{"anyOf":[{"$ref":"#/definitions/n"}]},
				"d":{"oneOf":[{"$ref":"#/definitions/n"}]},"e":{"allOf":[{"$ref":"#/definitions/n"}]},"f":{"additionalProperties":{"$ref":"#/definitions/n"}},
				"g":{"patternProperties":{"^x":{"$ref":"#/definitions/n"}}},"h":{"not":{"$ref":"#/definitions/n"}},"i":false}}`,
			`{"properties":{"a":{"items":{"type":"null"}},"b":{"items":[{"type":"null"},true]},"c":{"anyOf":[{"type":"null"}]},` +
				`"d":{"oneOf":[{"type":"null"}]},"e":{"allOf":[{"type":"null"}]},"f":{"additionalProperties":{"type":"null"}},` +
				`"g":{"patternProperties":{"^x":{"type":"null"}}},"h":{"not":{"type":"null"}},"i":false}}`,
		},
		"a circle": {
			`{"definitions":{"t":{"type":["null","object"],"properties":{"name":{},"up":{"$ref":"#/definitions/t"}}}},"properties":{"a":{"$ref":"#/definitions/t"},"b":{"$ref":"#/definitions/t"}}}`,
			`{"properties":{"a":{"type":["null","object"],"properties":{"name":{},"up":{"type":["null","object"]}}},"b":{"type":["null","object"],"properties":{"name":{},"up":{"type":["null","object"]}}}}}`,
		},
		"a circle through the root":     {`{"type":"object","properties":{"a":{"$ref":"#"}}}`, `{"type":"object","properties":{"a":{"type":"object"}}}`},
		"a circle of nothing but names": {`{"definitions":{"a":{"$ref":"#/definitions/b"},"b":{"$ref":"#/definitions/a"}},"properties":{"a":{"$ref":"#/definitions/a"}}}`, `{"properties":{"a":{}}}`},
		"properties with keyword names": {
			`{"properties":{"$ref":{"type":"string"},"definitions":{"type":"string"},"properties":{"properties":{"items":{}}}}}`,
			`{"properties":{"$ref":{"type":"string"},"definitions":{"type":"string"},"properties":{"properties":{"items":{}}}}}`,
		},
	} {
		got, err := (&Stream{ID: "s", Name: "s", Schema: json.RawMessage(c.schema)}).SelectedSchema()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(c.want, string(got.Schema)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestSelectedSchemaListsReferencesThatLeadNowhere(t *testing.T) {
	s := &Stream{ID: "s", Schema: json.RawMessage(`{"properties":{"a":{"$ref":"#/definitions/a"},"b":{"$ref":"other.json"},"c":{"$ref":"#/properties/e/0"},
		"d":{"$ref":"#/properties/e/type"},"e":{"type":"null"},"f":{"$ref":7},"g":{"$ref":"#/definitions/a"},"h":{"$ref":"#/%zz"}}}`)}
	_, err := s.SelectedSchema()
	var faults *ConfigError
	if !errors.As(err, &faults) {
		t.Fatalf("failure is %v", err)
	}
	want := &ConfigError{Source: "schema of stream s", Faults: []string{
		`The reference "#/definitions/a" points to nothing: the schema has no "definitions" there.`,
		`The reference "other.json" does not point into the schema; only references like "#/definitions/a" can be resolved.`,
		`The reference "#/properties/e/0" points to nothing: the schema has no "0" there.`,
		`The reference "#/properties/e/type" does not point to a schema.`,
		`The reference "" does not point into the schema; only references like "#/definitions/a" can be resolved.`,
		`The reference "#/%zz" is not a JSON pointer: invalid URL escape "%zz".`,
	}}
	if diff := cmp.Diff(want, faults); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := (&Stream{ID: "s", Schema: json.RawMessage(`{`)}).SelectedSchema(); !errors.As(err, &faults) {
		t.Errorf("a schema that is not JSON gives %v", err)
	}
}

func TestSelectedSchemaLeavesOutWhatIsNotSelected(t *testing.T) {
	const schema = `{
		"type": "object", "required": ["id", "a"],
		"properties": {
			"z": {"type": "string"}, "id": {"type": "string"},
			"a": {"type": ["null", "object"], "required": ["b"], "properties": {"b": {}, "c": {"$ref": "#/definitions/c"}}},
			"l": {"items": {"anyOf": [{"properties": {"b": {}, "c": {}}}, {"type": "null"}]}},
			"m": {"additionalProperties": {"properties": {"b": {}}}}
		},
		"definitions": {"c": {"properties": {"d": {}, "e": {}}}}
	}`
	s := streamOf(t, `{"stream":"s","schema":`+schema+`,"metadata":[`+strings.Join([]string{
		`{"breadcrumb":[],"metadata":{"selected":true,"table-key-properties":["id"],"valid-replication-keys":["z"]}}`,
		metadataOf(`["properties","a","properties","b"]`, "", "false", ""),
		metadataOf(`["properties","a","properties","c","properties","e"]`, "", "false", ""),
		metadataOf(`["properties","l","items","properties","c"]`, "unsupported", "", ""),
	}, ",")+`]}`)
	got, err := s.SelectedSchema()
	if err != nil {
		t.Fatal(err)
	}
	want := &Schema{
		Stream: "s", KeyProperties: []string{"id"}, BookmarkProperties: []string{"z"},
		Schema: json.RawMessage(`{"type":"object","required":["id","a"],"properties":{"z":{"type":"string"},"id":{"type":"string"},` +
			`"a":{"type":["null","object"],"properties":{"c":{"properties":{"d":{}}}}},` +
			`"l":{"items":{"anyOf":[{"properties":{"b":{}}},{"type":"null"}]}},"m":{"additionalProperties":{"properties":{"b":{}}}}}}`),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := (&Catalog{Streams: []*Stream{s}}).Select([]string{"s.l", "!s.l.b"}); err != nil {
		t.Fatal(err)
	}
	got, err = s.SelectedSchema()
	if want := `{"type":"object","required":["id"],"properties":{"z":{"type":"string"},"id":{"type":"string"},"l":{"items":{"anyOf":[{"properties":{}},{"type":"null"}]}}}}`; err != nil || string(got.Schema) != want {
		t.Errorf("by patterns: %v\n%s", err, got.Schema)
	}
}

// explosive is a schema whose properties double at every level.
func explosive(levels int) json.RawMessage {
	var definitions []string
	for i := range levels {
		definitions = append(definitions, fmt.Sprintf(`"d%d":{"properties":{"a":{"$ref":"#/definitions/d%d"},"b":{"$ref":"#/definitions/d%d"}}}`, i, i+1, i+1))
	}
	definitions = append(definitions, fmt.Sprintf(`"d%d":{"type":"string","description":"%s"}`, levels, strings.Repeat("long ", 1000)))
	return json.RawMessage(`{"$ref":"#/definitions/d0","definitions":{` + strings.Join(definitions, ",") + `}}`)
}

func TestReferencesThatMultiplyAreBounded(t *testing.T) {
	s := &Stream{ID: "s", Schema: explosive(40)}
	if _, err := s.SelectedSchema(); err == nil || !strings.Contains(err.Error(), "longer than 16777216 bytes") {
		t.Errorf("failure is %v", err)
	}
	if err := (&Catalog{Streams: []*Stream{s}}).Select([]string{"s.a"}); err != nil {
		t.Error(err)
	}
}

// bigCatalog has 13 streams whose schemas have several hundred kilobytes each, nested four levels deep.
func bigCatalog() *Catalog {
	leaf := `"type":["null","string"],"description":"` + strings.Repeat("word ", 10) + `"`
	var build func(depth int) string
	build = func(depth int) string {
		if depth == 0 {
			return "{" + leaf + "}"
		}
		var fields []string
		for i := range 8 {
			fields = append(fields, fmt.Sprintf(`"field_%d":%s`, i, build(depth-1)))
		}
		return `{"type":["null","object"],"properties":{` + strings.Join(fields, ",") + `}}`
	}
	c := &Catalog{}
	schema := json.RawMessage(build(4))
	for i := range 13 {
		c.Streams = append(c.Streams, NewStream(fmt.Sprintf("stream_%d", i), schema, []string{"field_0"}, "field_1"))
	}
	return c
}

func BenchmarkCatalog(b *testing.B) {
	data, err := json.Marshal(bigCatalog())
	if err != nil {
		b.Fatal(err)
	}
	b.Run("Discover", func(b *testing.B) {
		for b.Loop() {
			if _, err := bigCatalog().MarshalJSON(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Parse", func(b *testing.B) {
		for b.Loop() {
			if _, err := ParseCatalog(data); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Select", func(b *testing.B) {
		c := bigCatalog()
		for b.Loop() {
			if err := c.Select([]string{"*.*", "!*.*.*.*_7"}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("SelectedSchema", func(b *testing.B) {
		s := bigCatalog().Streams[0]
		for b.Loop() {
			if _, err := s.SelectedSchema(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
