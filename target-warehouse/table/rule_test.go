package table

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xeipuuv/gojsonschema"
)

func TestRuleIsWhatTheSchemaAsks(t *testing.T) {
	list := func(values ...string) [][]byte {
		var list [][]byte
		for _, v := range values {
			list = append(list, []byte(v))
		}
		return list
	}
	for _, c := range []struct {
		property string
		want     Rule
	}{
		{`{}`, Rule{Kinds: AnyKind}},
		{`true`, Rule{Kinds: AnyKind}},
		{`false`, Rule{}},
		{`{"type":"integer"}`, Rule{Kinds: IntegerKind}},
		{`{"type":["null","number"]}`, Rule{Kinds: NullKind | NumberKind}},
		{`{"type":"string","format":"date-time"}`, Rule{Kinds: DateTimeKind}},
		{`{"type":"string","format":"singer.decimal"}`, Rule{Kinds: DecimalKind}},
		{`{"anyOf":[{"type":"string","format":"date-time"},{"type":"string","format":"date"},{"type":"null"}]}`, Rule{Kinds: NullKind | DateTimeKind | DateKind}},
		{`{"type":"string","enum":["a","b"]}`, Rule{Kinds: StringKind, Enum: list(`"a"`, `"b"`)}},
		{`{"type":["null","string"],"enum":["a"]}`, Rule{Kinds: StringKind, Enum: list(`"a"`)}},
		{`{"type":["null","string"],"enum":["a",null]}`, Rule{Kinds: NullKind | StringKind, Enum: list(`"a"`, `null`)}},
		{`{"const":1.50}`, Rule{Kinds: NumberKind, Enum: list(`1.50`)}},
		{`{"enum":[]}`, Rule{Kinds: AnyKind}},
		{`{"anyOf":[{"type":"string","enum":["a"]},{"type":"null"}]}`, Rule{Kinds: NullKind | StringKind, Enum: list(`"a"`, `null`)}},
		{`{"anyOf":[{"enum":[1]},{"type":"boolean"}]}`, Rule{Kinds: IntegerKind | BooleanKind, Enum: list(`1`, `true`, `false`)}},
		{`{"anyOf":[{"enum":[1]},{"type":"string"}]}`, Rule{Kinds: IntegerKind | StringKind}},
		{`{"enum":[1,2,3],"const":2}`, Rule{Kinds: IntegerKind, Enum: list(`2`)}},
		{`{"allOf":[{"enum":[1,2]},{"type":"integer"}]}`, Rule{Kinds: IntegerKind, Enum: list(`1`, `2`)}},
		{`{"type":"string","nullable":true}`, Rule{Kinds: NullKind | StringKind}},
		{`{"type":"string","enum":["a"],"nullable":true}`, Rule{Kinds: NullKind | StringKind, Enum: list(`"a"`, `null`)}},
		{`{"type":"string","nullable":false}`, Rule{Kinds: StringKind}},
		{`{"$ref":"#/definitions/d","enum":["b"]}`, Rule{Kinds: StringKind, Enum: list(`"b"`)}},
	} {
		got, err := Compile(message(`{"type":"object","properties":{"p":`+c.property+`},"definitions":{"d":{"enum":["a","b"]}}}`), Options{})
		if err != nil {
			t.Errorf("%s: %v", c.property, err)
			continue
		}
		if diff := cmp.Diff([]Rule{c.want}, got.Rules); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.property, diff)
		}
	}
}

func TestRuleTellsWhichPropertiesAreRequired(t *testing.T) {
	for _, c := range []struct{ name, schema, want string }{
		{"none", `{"properties":{"a":{},"b":{}}}`, ""},
		{"one, and one that is no property", `{"required":["b","c"],"properties":{"a":{},"b":{}}}`, "b"},
		{"behind the properties", `{"properties":{"a":{},"b":{}},"required":["a"]}`, "a"},
		{"allOf adds up", `{"properties":{"a":{},"b":{}},"allOf":[{"required":["a"]},{"required":["b"]}]}`, "a b"},
		{"anyOf has what all branches ask", `{"properties":{"a":{},"b":{}},"anyOf":[{"required":["a","b"]},{"required":["b"]}]}`, "b"},
		{"branches that are no object do not count", `{"anyOf":[{"type":"null"},{"type":"object","properties":{"a":{},"b":{}},"required":["a"]}]}`, "a"},
		{"a reference", `{"$ref":"#/d","d":{"properties":{"a":{},"b":{}},"required":["a"]}}`, "a"},
		{"of draft 3, in the property", `{"properties":{"a":{"required":true},"b":{}}}`, ""},
		{"no list", `{"properties":{"a":{},"b":{}},"required":true}`, ""},
	} {
		got, err := Compile(message(c.schema), Options{Metadata: true})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var required []string
		for i, r := range got.Rules {
			if r.Required {
				required = append(required, got.Columns[i].Property)
			}
		}
		if text := strings.Join(required, " "); text != c.want || len(got.Rules) != 2 {
			t.Errorf("%s: %q of %d rules, want %q of 2", c.name, text, len(got.Rules), c.want)
		}
	}
}

// TestRuleAgreesWithAJSONSchemaValidator holds the rules of random schemas against gojsonschema. What is valid there must
// break no rule. The other way round the schemas must be of the keywords that a rule follows in full.
func TestRuleAgreesWithAJSONSchemaValidator(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	faults := 0
	for range 400 {
		full := random.IntN(2) == 0
		schema := randomSchema(random, full, 2)
		document := `{"type":"object","properties":{"v":` + schema + `},"definitions":{"d":{"type":["null","integer"]}}}`
		shape, err := Compile(message(document), Options{})
		if err != nil {
			t.Fatalf("%s: %v", schema, err)
		}
		validator, err := gojsonschema.NewSchema(gojsonschema.NewStringLoader(document))
		if err != nil {
			t.Fatalf("%s: %v", schema, err)
		}
		for _, value := range ruleValues {
			if value == `"2024-05-01"` && strings.Contains(schema, "date-time") {
				continue // gojsonschema takes it for a date-time, which RFC 3339 does not
			}
			result, err := validator.Validate(gojsonschema.NewStringLoader(`{"v":` + value + `}`))
			if err != nil {
				t.Fatal(err)
			}
			kept := keeps(shape.Rules[0], value)
			if result.Valid() && !kept || full && !result.Valid() && kept {
				t.Errorf("%s in %s: kept %v, valid %v", value, schema, kept, result.Valid())
			}
			if !kept {
				faults++
			}
		}
	}
	if faults < 1000 {
		t.Errorf("only %d values broke a rule: the schemas are too lenient to show anything", faults)
	}
}

var ruleValues = []string{`null`, `true`, `false`, `0`, `1`, `1.5`, `"x"`, `""`, `"2024-05-01"`, `"2024-05-01T10:00:00Z"`, `{}`, `{"a":1}`, `[]`, `[1]`}

// randomSchema makes a schema. In one that is full, values are listed at no place where another keyword counts too, and
// there is no oneOf, which forbids what two branches allow.
func randomSchema(random *rand.Rand, full bool, depth int) string {
	some := func(of []string) string {
		var list []string
		for range 1 + random.IntN(3) {
			list = append(list, of[random.IntN(len(of))])
		}
		slices.Sort(list)
		return strings.Join(slices.Compact(list), ",")
	}
	types := `"type":[` + some([]string{`"null"`, `"boolean"`, `"integer"`, `"number"`, `"string"`, `"array"`, `"object"`}) + `]`
	list := `"enum":[` + some(ruleValues) + `]`
	forms := []string{"{" + types + "}", `{"$ref":"#/definitions/d"}`}
	if !strings.Contains(types, "number") && !strings.Contains(types, "integer") { // gojsonschema asks formats of numbers too
		forms = append(forms, "{"+types+`,"format":"date"}`, "{"+types+`,"format":"date-time"}`)
	}
	if !full || depth == 2 {
		forms = append(forms, "{"+types+","+list+"}")
	}
	if depth > 0 {
		branches := "[" + randomSchema(random, full, depth-1) + "," + randomSchema(random, full, depth-1) + "]"
		forms = append(forms, `{"anyOf":`+branches+"}", "{"+types+`,"allOf":`+branches+"}")
		if !full {
			forms = append(forms, `{"oneOf":`+branches+"}", "{"+list+`,"anyOf":`+branches+"}")
		}
	}
	return forms[random.IntN(len(forms))]
}

// keeps tells whether a value of ruleValues keeps a rule.
func keeps(r Rule, value string) bool {
	var kind Kinds
	text := strings.Trim(value, `"`)
	_, noMoment := time.Parse(time.RFC3339, text)
	_, noDay := time.Parse(time.DateOnly, text)
	switch c := value[0]; {
	case c == 'n':
		kind = NullKind
	case c == 't' || c == 'f':
		kind = BooleanKind
	case c == '{':
		kind = ObjectKind
	case c == '[':
		kind = ArrayKind
	case c == '"' && noMoment == nil:
		kind = DateTimeKind
	case c == '"' && noDay == nil:
		kind = DateKind
	case c == '"':
		kind = OtherKind
	case strings.Contains(value, "."):
		kind = FractionKind
	default:
		kind = IntegerKind
	}
	listed := r.Enum == nil || slices.ContainsFunc(r.Enum, func(one []byte) bool { return string(one) == value })
	return r.Kinds&kind != 0 && listed
}
