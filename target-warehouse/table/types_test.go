package table

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCompileChoosesTheNarrowestTypeThatKeepsEveryValue(t *testing.T) {
	for _, c := range []struct {
		property string
		want     string
	}{
		{`{"type":"boolean"}`, "boolean"},
		{`{"type":["null","boolean"]}`, "boolean"},
		{`{"type":"integer"}`, "integer"},
		{`{"type":["integer","null"],"minimum":0}`, "integer"},
		{`{"type":"number","multipleOf":1e-20}`, "number"},
		{`{"type":["integer","number"]}`, "number"},
		{`{"type":"string"}`, "text"},
		{`{"type":"string","format":"date-time"}`, "timestamp"},
		{`{"format":"date-time","type":["null","string"]}`, "timestamp"},
		{`{"type":["string"],"format":"date"}`, "date"},
		{`{"type":"string","format":"time"}`, "text"},
		{`{"type":"string","format":"email"}`, "text"},
		{`{"type":["null","string"],"format":"singer.decimal"}`, "decimal"},
		{`{"type":["null","string"],"format":"x-singer.decimal"}`, "decimal"},
		{`{"type":"string","format":"singer.decimal","precision":10,"scale":2}`, "decimal(10,2)"},
		{`{"x-scale":9,"x-precision":38,"type":"string","format":"x-singer.decimal"}`, "decimal(38,9)"},
		{`{"type":"number","format":"singer.decimal","precision":10}`, "decimal(10,0)"},
		{`{"type":"number","format":"singer.decimal","scale":3}`, "decimal(38,3)"},
		{`{"type":"string","format":"singer.decimal","precision":2,"scale":5}`, "decimal(5,5)"},
		{`{"type":"string","format":"singer.decimal","precision":39,"scale":2}`, "decimal"},
		{`{"type":"string","format":"singer.decimal","precision":0,"scale":0}`, "decimal"},
		{`{"type":"string","format":"singer.decimal","precision":"ten","scale":-1}`, "decimal"},
		{`{"type":["string","number"],"format":"singer.decimal","precision":9,"scale":1}`, "decimal(9,1)"},
		{`{"type":"number","precision":9,"scale":1}`, "number"},
		{`{"format":"singer.decimal"}`, "json"},
		{`{"anyOf":[{"type":"string","format":"singer.decimal","precision":9,"scale":2},{"type":"null"}]}`, "decimal(9,2)"},
		{`{"anyOf":[{"type":"string","format":"singer.decimal","precision":9,"scale":2},{"type":"integer"}]}`, "decimal(21,2)"},
		{`{"anyOf":[{"type":"string","format":"singer.decimal","precision":9,"scale":2},{"type":"number"}]}`, "decimal"},
		{`{"anyOf":[{"type":"string","format":"singer.decimal"},{"type":"string"}]}`, "text"},
		{`{"allOf":[{"type":"string","format":"singer.decimal"},{"format":"singer.decimal","precision":9,"scale":2}]}`, "decimal(9,2)"},
		{`{"allOf":[{"format":"singer.decimal","precision":5,"scale":2},{"type":"string","format":"singer.decimal","precision":9,"scale":2}]}`, "decimal(5,2)"},
		{`{"type":"integer","minimum":-9223372036854775808,"maximum":9223372036854775807}`, "integer"},
		{`{"type":"integer","exclusiveMaximum":9223372036854775808}`, "integer"},
		{`{"type":"integer","maximum":9223372036854776000}`, "integer"},
		{`{"type":["null","integer"],"minimum":0,"maximum":18446744073709551615}`, "decimal(38,0)"},
		{`{"type":"integer","minimum":-1e30}`, "decimal(38,0)"},
		{`{"type":"integer","exclusiveMaximum":1e39}`, "decimal"},
		{`{"type":"integer","maximum":1e999}`, "decimal"},
		{`{"type":"integer","minimum":0,"exclusiveMinimum":true}`, "integer"},
		{`{"type":"number","maximum":1e30}`, "number"},
		{`{"type":"string","nullable":true}`, "text"},
		{`{"$ref":"#/definitions/money","nullable":true,"description":"beside a reference"}`, "integer"},
		{`{"$ref":"#/definitions/money","type":["integer","string"]}`, "integer"},
		{`{"$dynamicRef":"#node"}`, "json"},
		{`{"type":"string","x-sql-datatype":"NUMERIC(3)"}`, "text"},
		{`{"type":["null","object"],"patternProperties":{"^a":{"type":"integer"}}}`, "json"},
		{`{"type":"array","prefixItems":[{"type":"integer"}],"items":false}`, "json"},
		{`{"if":{"type":"string"},"then":{"format":"date"},"type":"string"}`, "text"},
		{`{"enum":[]}`, "json"},
		{`{"type":"object"}`, "json"},
		{`{"type":["null","array"],"items":[{"type":"integer"}]}`, "json"},
		{`{}`, "json"},
		{`true`, "json"},
		{`false`, "json"},
		{`{"type":[]}`, "json"},
		{`{"type":"any"}`, "json"},
		{`{"type":"null"}`, "json"},
		{`{"description":"no type"}`, "json"},
		{`{"format":"date-time"}`, "json"},
		{`{"type":["string","integer"]}`, "text"},
		{`{"type":["null","boolean","integer"]}`, "text"},
		{`{"type":["string","number"],"format":"date-time"}`, "text"},
		{`{"type":["string","object"]}`, "json"},
		{`{"anyOf":[{"type":"string","format":"date-time"},{"type":"null"}]}`, "timestamp"},
		{`{"anyOf":[{"type":"string","format":"date-time"},{"type":["string","null"]}]}`, "text"},
		{`{"anyOf":[{"type":"string","format":"date-time"},{"type":"string","format":"date"}]}`, "text"},
		{`{"type":["null","string"],"anyOf":[{"format":"date-time"},{}]}`, "text"},
		{`{"oneOf":[{"type":"integer"},{"type":"number"}]}`, "number"},
		{`{"anyOf":[{"type":"string"},{"type":"integer"}]}`, "text"},
		{`{"anyOf":[{"type":"string"},{"type":"array"}]}`, "json"},
		{`{"anyOf":[{"type":"integer"},true]}`, "json"},
		{`{"anyOf":[]}`, "json"},
		{`{"allOf":[{"type":["string","null"]},{"format":"date-time"}]}`, "timestamp"},
		{`{"allOf":[{"type":["string","integer"]},{"type":["integer","null"]}]}`, "integer"},
		{`{"$ref":"#/definitions/money"}`, "integer"},
		{`{"$ref":"#/$defs/a~1b/%22c%22"}`, "timestamp"},
		{`{"$ref":"#/$defs/list/anyOf/1"}`, "boolean"},
		{`{"anyOf":[{"$ref":"#/definitions/money"},{"type":"null"}]}`, "integer"},
		{`{"$ref":"#/definitions/loop"}`, "json"},
		{`{"$ref":"#"}`, "json"},
		{`{"const":"x"}`, "text"},
		{`{"enum":["a","b",null]}`, "text"},
		{`{"enum":[1,2]}`, "integer"},
		{`{"enum":[1,2.5]}`, "number"},
		{`{"enum":[true,"true"]}`, "text"},
		{`{"const":{}}`, "json"},
		{`{"type":"number","enum":[1,2]}`, "number"},
		{`{"t\u0079pe":"boolean"}`, "boolean"},
	} {
		schema := `{"type":"object","properties":{"p":` + c.property + `},"definitions":{"money":{"type":"integer"},
			"loop":{"anyOf":[{"type":"string"},{"$ref":"#/definitions/loop"}]}},
			"$defs":{"a/b":{"\"c\"":{"type":"string","format":"date-time"}},"list":{"anyOf":[{},{"type":"boolean"}]}}}`
		got, err := Compile(message(schema), Options{})
		if err != nil {
			t.Errorf("%s: %v", c.property, err)
			continue
		}
		want := []string{"p p " + c.want + " null"}
		if diff := cmp.Diff(want, describe(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.property, diff)
		}
	}
}

// describe writes a table's columns down, one a line: name, path, type, and whether it may be NULL.
func describe(t *Table) []string {
	var lines []string
	for _, c := range t.Columns {
		from := strings.Join(append([]string{c.Property}, c.Below...), ".")
		if c.Path() == OwnPath {
			from = "-"
		}
		line := c.Name + " " + from + " " + c.LogicalType()
		if c.Nullable {
			line += " null"
		}
		lines = append(lines, line)
	}
	return lines
}
