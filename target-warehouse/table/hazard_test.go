package table

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFatSchema shows what becomes of every construct in one SCHEMA: name, path, type and nullability of a column, then
// the kinds of values its rule allows, and how many values are listed.
func TestFatSchema(t *testing.T) {
	schema, err := os.ReadFile("testdata/fat.json")
	if err != nil {
		t.Fatal(err)
	}
	s := message(string(schema), "id")
	got, err := Compile(s, Options{Schema: "raw", Integration: "shop", Method: History, Flatten: Flatten{Enabled: true, MaxDepth: 2}})
	if err != nil {
		t.Fatal(err)
	}
	lines := describe(got.WithExtra())
	for i, r := range got.Rules {
		lines[i] += " | " + spell(r)
	}
	want := []string{
		"id id integer | integer required",
		"Id__c1538d18 Id text null | string",
		"_sdc_deleted_at _sdc_deleted_at timestamp null | null string",
		"_sdc_extra__fbac09c7 _sdc_extra text null | string",
		"status status text null | null string required 3",
		"kind kind text null | string 1",
		"livemode livemode boolean null | boolean",
		"amount amount number null | null integer fraction",
		"price price decimal(18,4) null | null decimal",
		"rate rate decimal(38,18) null | null decimal",
		"counter counter decimal(38,0) null | integer",
		"huge huge decimal null | integer",
		"created created timestamp null | date-time",
		"updated updated timestamp null | null date-time",
		"due due date null | null date",
		"loose loose text null | null string",
		"mixed mixed text null | null integer string",
		"flag_or_number flag_or_number text null | boolean integer fraction",
		"narrowed narrowed integer null | integer",
		"anything anything json null | any",
		"really really json null | any",
		"never never json null | nothing",
		"nothing nothing json null | null",
		"untyped untyped json null | any",
		"list list json null | array",
		"tuple tuple json null | null array",
		"map map json null | object",
		"expandable expandable json null | null string object",
		"customer__email customer.email text null | null string required",
		"customer__referrer customer.referrer json null | null object",
		"customer__address__city customer.address.city text null | string",
		"customer__address__zip customer.address.zip text null | integer string",
		"a.b a.b text null | string",
		"a_b a_b text null | string",
		"select select text null | string",
		"__6b883c39  integer null | integer",
		"_sdc_extracted_at - timestamp null",
		"_sdc_table_version - integer null",
		"_sdc_extra - json null",
		"_sdc_valid_from - timestamp null",
		"_sdc_valid_to - timestamp null",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("columns differ (-want +got):\n%s", diff)
	}
	if got.Schema != "raw" || got.Name != "shop_orders" || !cmp.Equal(got.Key, []int{0}) {
		t.Errorf("the table is %s.%s with the key %v", got.Schema, got.Name, got.Key)
	}
}

// spell writes a rule down.
func spell(r Rule) string {
	names := []string{"null", "boolean", "integer", "fraction", "date-time", "date", "decimal", "string", "array", "object"}
	var words []string
	switch kinds := r.Kinds; {
	case kinds == AnyKind:
		words = append(words, "any")
	case kinds == 0:
		words = append(words, "nothing")
	default:
		if kinds&StringKind == StringKind {
			kinds &^= StringKind &^ OtherKind
		}
		for i, name := range names {
			if kinds&(1<<i) != 0 {
				words = append(words, name)
			}
		}
	}
	if r.Required {
		words = append(words, "required")
	}
	if r.Enum != nil {
		words = append(words, fmt.Sprint(len(r.Enum)))
	}
	return strings.Join(words, " ")
}

// columnsOf compiles a record's properties and writes the columns down.
func columnsOf(t *testing.T, properties string, keys ...string) []string {
	t.Helper()
	got, err := Compile(message(`{"type":"object","properties":`+properties+`}`, keys...), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return describe(got)
}

func TestHazard(t *testing.T) {
	long := strings.Repeat("é", 300)
	for _, c := range []struct {
		name, properties string
		keys, want       []string
	}{
		{"NullForANonNullProperty", `{"id":{"type":"integer"},"a":{"type":"string"}}`, []string{"id"}, []string{"id id integer", "a a text null"}},
		{"MixedTypes", `{"a":{"anyOf":[{"type":"string","format":"date-time"},{"type":"string"}]},"b":{"type":["null","string","integer"]},"c":{"type":["boolean","object"]},"d":{"anyOf":[{"type":"integer"},{"type":"number"}]}}`,
			nil, []string{"a a text null", "b b text null", "c c json null", "d d number null"}},
		{"MissingTypes", `{"a":{},"b":{"format":"date-time"},"c":{"title":"C"},"d":{"type":[]}}`,
			nil, []string{"a a json null", "b b json null", "c c json null", "d d json null"}},
		{"MultipleOf", `{"a":{"type":"number","multipleOf":1e-20},"b":{"type":["null","integer"],"multipleOf":100},"c":{"type":"number","multipleOf":1}}`,
			nil, []string{"a a number null", "b b integer null", "c c number null"}},
		{"SingerDecimal", `{"a":{"type":["null","string"],"format":"singer.decimal"},"b":{"type":"string","format":"x-singer.decimal","precision":38,"scale":18},"c":{"type":"string","x-sql-datatype":"DECIMAL(3,1)"}}`,
			nil, []string{"a a decimal null", "b b decimal(38,18) null", "c c text null"}},
		{"LargeIntegers", `{"a":{"type":"integer","maximum":79228162514264337593543950335},"b":{"type":["null","integer"]}}`,
			nil, []string{"a a decimal(38,0) null", "b b integer null"}},
		{"KeyPropertiesInsideTheSchema", `{"id":{"type":"integer"},"key_properties":{"type":"array"}}`, nil, []string{"id id integer null", "key_properties key_properties json null"}},
		{"NamesThatDifferInCase", `{"Name":{"type":"string"},"name":{"type":"integer"}}`, []string{"Name"}, []string{"Name__acc373e2 Name text", "name name integer null"}},
		{"NamesWithDotsAndUnderscores", `{"a.b":{"type":"string"},"a_b":{"type":"string"},"a b":{"type":"string"},"a:b":{"type":"string"}}`,
			nil, []string{"a.b a.b text null", "a_b a_b text null", "a b a b text null", "a:b a:b text null"}},
		{"ReservedWordsAndOddNames", `{"order":{"type":"string"},"1st":{"type":"string"},"💰":{"type":"string"},"` + long + `":{"type":"string"}}`,
			nil, []string{"order order text null", "1st 1st text null", "💰 💰 text null", long + " " + long + " text null"}},
		{"NULInNames", `{"a\u0000b":{"type":"string"},"ab":{"type":"string"}}`, nil, []string{"ab__fce24f63 a\x00b text null", "ab ab text null"}},
		{"LoneSurrogatesInNames", `{"a\ud800":{"type":"string"}}`, nil, []string{"a\uFFFD a\uFFFD text null"}},
		{"DeepNesting", `{"a":` + strings.Repeat(`{"type":"array","items":`, 500) + `{}` + strings.Repeat(`}`, 500) + `}`, nil, []string{"a a json null"}},
		{"EmptyEnumAndConstNull", `{"a":{"enum":[]},"b":{"const":null},"c":{"enum":[null,"x"]}}`, nil, []string{"a a json null", "b b json null", "c c text null"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, columnsOf(t, c.properties, c.keys...)); diff != "" {
				t.Errorf("columns differ (-want +got):\n%s", diff)
			}
		})
	}
}

// TestHazardKeyPropertiesChanged: a SCHEMA with another key makes another table out of the same columns.
func TestHazardKeyPropertiesChanged(t *testing.T) {
	const properties = `{"id":{"type":"integer"},"code":{"type":"string"}}`
	for _, c := range []struct{ keys, want []string }{
		{nil, []string{"id id integer null", "code code text null"}},
		{[]string{"id"}, []string{"id id integer", "code code text null"}},
		{[]string{"code"}, []string{"id id integer null", "code code text"}},
		{[]string{"code", "id"}, []string{"id id integer", "code code text"}},
	} {
		if diff := cmp.Diff(c.want, columnsOf(t, properties, c.keys...)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", c.keys, diff)
		}
	}
}
