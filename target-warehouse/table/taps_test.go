package table

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// taps are SCHEMAs in the ways that kinds of taps have of writing them.
var taps = []struct {
	name, schema string
	want         []string
}{
	{"databases: recursive arrays", `{"type":"object","definitions":{"sdc_recursive_integer_array":{"type":["null","integer","array"],"items":{"$ref":"#/definitions/sdc_recursive_integer_array"}}},
		"properties":{"id":{"type":["null","integer"],"minimum":-2147483648,"maximum":2147483647},"tags":{"type":["null","array"],"items":{"$ref":"#/definitions/sdc_recursive_integer_array"}},
		"cell":{"$ref":"#/definitions/sdc_recursive_integer_array"},"n":{"type":["null","number"],"exclusiveMaximum":true,"maximum":100000000000000000000,"multipleOf":1e-38,"exclusiveMinimum":true,"minimum":-100000000000000000000}}}`,
		[]string{"id id integer null", "tags tags json null", "cell cell json null", "n n number null"}},
	{"databases: unsigned and log columns", `{"type":"object","properties":{"u":{"type":["null","integer"],"inclusion":"available","minimum":0,"maximum":18446744073709551615},
		"_sdc_deleted_at":{"type":["null","string"],"format":"date-time"},"_sdc_lsn":{"type":["integer"]}}}`,
		[]string{"u u decimal(38,0) null", "_sdc_deleted_at _sdc_deleted_at timestamp null", "_sdc_lsn _sdc_lsn integer null"}},
	{"salesforce: anyOf with a format", `{"type":"object","additionalProperties":false,"properties":{"CreatedDate":{"anyOf":[{"type":"string","format":"date-time"},{"type":["string","null"]}]},
		"Id":{"type":"string"},"BillingAddress":{"type":["null","object"],"properties":{"street":{"type":["null","string"]}}}}}`,
		[]string{"CreatedDate CreatedDate text null", "Id Id text null", "BillingAddress BillingAddress json null"}},
	{"hubspot: values beside their history", `{"type":"object","properties":{"property_amount":{"type":"object","properties":{"value":{"type":["null","number","string"]}}},"versions":{"type":["null","array"],"items":{"type":"object"}}}}`,
		[]string{"property_amount property_amount json null", "versions versions json null"}},
	{"schemaless sources", `{"type":"object","properties":{"_id":{"type":["string","null"]},"document":{"additionalProperties":true,"type":["object","null"]},"x":{"anyOf":[{"type":"array","items":{}},{}]}}}`,
		[]string{"_id _id text null", "document document json null", "x x json null"}},
	{"generated from records", `{"type":"object","properties":{"a":{"type":["null","integer","number"]},"b":{"anyOf":[{"type":"integer"},{"type":"string"}]},"c":{"items":{},"type":"array"},"d":{"type":["string","null"],"format":"time"}}}`,
		[]string{"a a number null", "b b text null", "c c json null", "d d text null"}},
	{"advertising: decimals as text", `{"type":"object","properties":{"cost":{"type":["null","string"],"format":"singer.decimal"},"spend":{"type":["null","number","string"],"format":"singer.decimal"}}}`,
		[]string{"cost cost decimal null", "spend spend decimal null"}},
	{"typed models", `{"title":"Order","type":"object","properties":{"state":{"allOf":[{"$ref":"#/definitions/State"}]},"owner":{"anyOf":[{"$ref":"#/definitions/Owner"},{"type":"null"}]},"at":{"type":"string","format":"date-time","default":null}},
		"definitions":{"State":{"title":"State","enum":["on","off"],"type":"string"},"Owner":{"type":"object","properties":{"name":{"type":"string"}}}}}`,
		[]string{"state state text null", "owner owner json null", "at at timestamp null"}},
	{"OpenAPI", `{"type":"object","properties":{"a":{"type":"string","nullable":true},"b":{"type":"integer","format":"int64","nullable":true},"c":{"type":"number","format":"double"}}}`,
		[]string{"a a text null", "b b integer null", "c c number null"}},
}

func TestCompileTakesTheWaysOfTaps(t *testing.T) {
	for _, c := range taps {
		got, err := Compile(message(c.schema), Options{})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if diff := cmp.Diff(c.want, describe(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}
