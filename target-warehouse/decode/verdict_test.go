package decode

import (
	"encoding/json"
	"testing"

	"tapline/singer"
	"tapline/target-warehouse/table"

	"github.com/xeipuuv/gojsonschema"
)

// TestVerdictsAgreeWithAJSONSchemaValidator holds what is taken and refused against gojsonschema, in the cases where a
// column has no reason to be stricter or more lenient than the SCHEMA. The differences are meant and tested elsewhere:
// null is taken where the SCHEMA forbids it, a date may be written as its midnight, and a number is refused that its
// column would change.
func TestVerdictsAgreeWithAJSONSchemaValidator(t *testing.T) {
	values := []string{`null`, `true`, `0`, `-17`, `1.0`, `1.5`, `1e3`, `"x"`, `""`, `{}`, `{"a":1}`, `[]`, `[1]`, `"2024-05-01T10:00:00Z"`,
		`"2024-05-01T10:00:00.5+02:00"`, `"2024-05-01"`, `"2024-02-30"`, `"2024-13-01T00:00:00Z"`, `"2024-05-01T25:00:00Z"`}
	for _, schema := range []string{
		`{"type":["null","boolean"]}`,
		`{"type":["null","integer"]}`,
		`{"type":["null","number"]}`,
		`{"type":["null","string"]}`,
		`{"type":["null","string"],"format":"date-time"}`,
		`{"type":["null","string"],"format":"date"}`,
		`{"anyOf":[{"type":"integer"},{"type":"null"}]}`,
		`{"anyOf":[{"type":"string","format":"date-time"},{"type":["null","string"]}]}`,
		`{"oneOf":[{"type":"boolean"},{"type":"null"}]}`,
		`{"allOf":[{"type":["null","string","integer"]},{"type":["null","integer"]}]}`,
		`{"$ref":"#/definitions/amount"}`,
		`{}`,
		`{"type":["null","boolean","integer","number","string","array","object"]}`,
	} {
		document := `{"type":"object","properties":{"v":` + schema + `},"definitions":{"amount":{"type":["null","integer"]}}}`
		s := &singer.Schema{Stream: "orders", Schema: json.RawMessage(document)}
		shape, err := table.Compile(s, table.Options{})
		if err != nil {
			t.Fatal(err)
		}
		validator, err := gojsonschema.NewSchema(gojsonschema.NewStringLoader(document))
		if err != nil {
			t.Fatal(err)
		}
		for _, value := range values {
			record := `{"v":` + value + `}`
			result, err := validator.Validate(gojsonschema.NewStringLoader(record))
			if err != nil {
				t.Fatal(err)
			}
			failure := Compile(shape, s, Options{}).NewDecoder().Append(&singer.Record{Record: json.RawMessage(record)}, 1)
			if result.Valid() != (failure == nil) {
				t.Errorf("%s in %s: %v here, valid %v for gojsonschema", value, schema, failure, result.Valid())
			}
		}
	}
}
