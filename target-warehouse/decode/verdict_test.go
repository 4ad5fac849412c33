package decode

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"tapline/singer"
	"tapline/target-warehouse/table"

	"github.com/google/go-cmp/cmp"
	"github.com/xeipuuv/gojsonschema"
)

// FuzzVerdict holds the verdicts on records against gojsonschema, and their values against encoding/json: a record is valid there exactly if nothing of it is
// refused, rejected or counted here. The choices pick a SCHEMA and a record of it. Where both are known to differ, the
// parts to choose from leave it out:
//
//   - A date may be written as its midnight here, and date-times take more spellings; what is finer than a microsecond or
//     outside of the years 1 to 9999 is rejected here, and gojsonschema takes a time of day alone for a date-time.
//   - A format says nothing about a number here, as JSON Schema has it; there it fails one.
//   - NaN and Infinity are not JSON there, and numbers over 2,000 digits are not taken here.
//   - oneOf is read as anyOf; a list of values in a branch of anyOf counts only if all branches list theirs, and of two lists
//     in an allOf one; keywords about sizes, patterns and what
//     is within arrays and objects are not looked at.
func FuzzVerdict(f *testing.F) {
	for seed := range uint64(20) {
		choices := make([]byte, 60)
		r := rand.New(rand.NewPCG(seed, 1))
		for i := range choices {
			choices[i] = byte(r.Uint32())
		}
		f.Add(choices)
	}
	f.Fuzz(func(t *testing.T, choices []byte) {
		c := chooser(choices)
		schema, names := c.schema()
		for range 5 {
			checkVerdict(t, schema, c.record(names))
		}
	})
}

func TestVerdictsAgreeWithAJSONSchemaValidator(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	broken := map[string]int{}
	for range 300 {
		choices := make(chooser, 300)
		for i := range choices {
			choices[i] = byte(r.Uint32())
		}
		schema, names := choices.schema()
		for range 10 {
			for _, kind := range checkVerdict(t, schema, choices.record(names)) {
				broken[kind]++
			}
		}
	}
	for _, kind := range []string{"", "reject", "null", "missing", "type", "enum"} {
		if broken[kind] < 20 {
			t.Errorf("only %d records show %q: %v", broken[kind], kind, broken)
		}
	}
}

// checkVerdict returns what is wrong with the record here, or "".
func checkVerdict(t *testing.T, schema, record string) (broken []string) {
	t.Helper()
	s := &singer.Schema{Stream: "orders", Schema: json.RawMessage(schema)}
	shape, err := table.Compile(s, table.Options{})
	if err != nil {
		t.Fatalf("%s: %v", schema, err)
	}
	d := Compile(shape, s, Options{}).NewDecoder()
	if err := d.Append(&singer.Record{Record: json.RawMessage(record)}, 1); err != nil {
		t.Fatalf("%s in %s: %v", record, schema, err)
	}
	for range d.Rejects() {
		broken = append(broken, "reject")
	}
	for _, v := range d.Violations() {
		broken = append(broken, v.Kind)
	}
	result, err := gojsonschema.Validate(gojsonschema.NewStringLoader(schema), gojsonschema.NewStringLoader(record))
	if err != nil {
		t.Fatalf("%s in %s: %v", record, schema, err)
	}
	if result.Valid() != (broken == nil) {
		t.Fatalf("%s in %s: %v and %v here, %v for gojsonschema", record, schema, d.Rejects(), d.Violations(), result.Errors())
	}
	checkValues(t, d, schema, record)
	if broken == nil {
		broken = []string{""}
	}
	return broken
}

// checkValues holds the only row of the next batch against what encoding/json reads in the record.
func checkValues(t *testing.T, d *Decoder, schema, record string) {
	t.Helper()
	rejected := map[string]bool{}
	for _, r := range d.Rejects() {
		rejected[r.Field] = true
	}
	read := parse(t, record).(map[string]any)
	b := d.Batch()
	row := rowsOf(t, b)[0]
	for i, c := range d.plan.Table().Columns {
		got, want := row[i], any(nil)
		if value := read[c.Property]; !rejected[c.Property] {
			want = expect(c.Type, b.Table.Columns[i].Type, value)
			switch value := value.(type) {
			case json.Number:
				if c.Type == table.Text {
					want = value.String()
				}
			case bool:
				if c.Type == table.Text {
					want = fmt.Sprint(value)
				}
			}
		}
		if c.Type == table.JSON && got != nil {
			got = parse(t, got.(string))
		}
		if want != undecided && !same(want, got) {
			t.Fatalf("%s in %s: %s becomes %#v, want %#v", record, schema, c.Property, got, want)
		}
	}
}

// chooser makes decisions out of bytes, so that a fuzzer can make them.
type chooser []byte

func (c *chooser) below(n int) int {
	if len(*c) == 0 {
		return 0
	}
	v := int((*c)[0]) % n
	*c = (*c)[1:]
	return v
}

func (c *chooser) of(list ...string) string { return list[c.below(len(list))] }

// schema makes the schema of a record and returns the names of its properties.
func (c *chooser) schema() (text string, names []string) {
	var properties, required []string
	for i := range 1 + c.below(4) {
		name := fmt.Sprintf("p%d", i)
		names = append(names, name)
		properties = append(properties, fmt.Sprintf("%q:%s", name, c.property(2)))
		if c.below(3) == 0 {
			required = append(required, fmt.Sprintf("%q", name))
		}
	}
	text = `{"type":"object","properties":{` + strings.Join(properties, ",") + `},"definitions":{"amount":{"type":["integer","null"]},"code":{"enum":["a","b",null]}}`
	if required != nil {
		text += `,"required":[` + strings.Join(required, ",") + `]`
	}
	return text + "}", names
}

// lists finds lists of values.
var lists = regexp.MustCompile(`enum|const|code`)

// property makes the schema of a property, with at most so many levels.
func (c *chooser) property(levels int) string {
	if levels == 0 {
		return c.leaf()
	}
	both := func() string { return "[" + c.property(levels-1) + "," + c.property(levels-1) + "]" }
	switch c.below(8) {
	case 0:
		if branches := both(); !lists.MatchString(branches) {
			return `{"anyOf":` + branches + `}`
		}
	case 1:
		return `{"allOf":[` + c.of(`{}`, `{"type":["integer","string","null"]}`, `{"type":["string","object","number"]}`) + `,` + c.property(levels-1) + `]}`
	case 2:
		return `{"$ref":"#/definitions/` + c.of("amount", "code") + `"}`
	}
	return c.leaf()
}

func (c *chooser) leaf() string {
	return c.of(
		`{}`, `{"type":"boolean"}`, `{"type":"integer"}`, `{"type":"number"}`, `{"type":"string"}`, `{"type":"object"}`, `{"type":"array"}`,
		`{"type":["null","boolean"]}`, `{"type":["null","integer"]}`, `{"type":["null","number"]}`, `{"type":["null","string"]}`,
		`{"type":["null","object","array"]}`, `{"type":["string","integer"]}`, `{"type":["string","number","boolean","null"]}`,
		`{"type":"string","format":"date-time"}`, `{"type":["null","string"],"format":"date-time"}`, `{"type":["null","string"],"format":"date"}`,
		`{"type":["boolean","object","string"],"format":"date-time"}`, `{"type":["string","boolean"],"format":"date"}`, `{"oneOf":[{"type":"boolean"},{"type":"null"}]}`,
		`{"type":"string","enum":["a","b","\u00e9\n"]}`, `{"type":["string","null"],"enum":["a",null]}`, `{"enum":[1,2.50,true,{"a":[1.0]},[]]}`,
		`{"type":"integer","enum":[1,20,300]}`, `{"type":["null","number"],"enum":[1.5,10,null]}`, `{"const":"a"}`, `{"type":"null"}`,
	)
}

// record makes a record that mostly has the properties.
func (c *chooser) record(names []string) string {
	var members []string
	for _, name := range names {
		if c.below(6) > 0 {
			members = append(members, fmt.Sprintf("%q:%s", name, c.value()))
		}
	}
	if c.below(8) == 0 {
		members = append(members, `"undeclared":1`)
	}
	return "{" + strings.Join(members, ",") + "}"
}

func (c *chooser) value() string {
	return c.of(
		`null`, `null`, `true`, `false`, `0`, `1`, `1.0`, `2.5`, `-17`, `1.5`, `15e-1`, `1e1`, `20`, `300.0`, `1e30`, `1E-7`, `123456789012345678901234567890.5`,
		`""`, `"a"`, `"b"`, `"\u0061"`, `"\u00e9\n"`, `"é\n"`, `"x"`, `{}`, `{"a":[1]}`, `{"a":[1.0]}`, `[]`, `[1,{"b":null}]`,
		`"2024-05-01T10:00:00Z"`, `"2024-05-01T10:00:00.5+02:00"`, `"2024-05-01"`, `"2024-02-30"`, `"2024-13-01T00:00:00Z"`, `"2024-05-01T25:00:00Z"`,
	)
}

func TestViolationsAreCountedAndLoaded(t *testing.T) {
	s := &singer.Schema{Stream: "orders", Schema: json.RawMessage(`{"type":"object","required":["id","state"],"properties":{
		"id":{"type":"integer"},"state":{"type":"string","enum":["open","\u00e9"]},"amount":{"type":"integer"},"lines":{"type":"array"},
		"when":{"anyOf":[{"type":"string","format":"date"},{"type":"object"}]},"size":{"type":["string","integer"]},"note":{"type":["null","string"]}}}`)}
	shape, err := table.Compile(s, table.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d := Compile(shape, s, Options{}).NewDecoder()
	appendAll(t, d,
		`{"id":1,"state":"open","amount":1,"lines":[],"when":"2024-05-01","size":"L","note":null}`,
		`{"id":null,"state":"\u00e9","amount":1,"lines":{"a":1},"when":{},"size":12,"note":"x"}`,
		`{"state":"shut","amount":1.5,"lines":"none","when":"soon","size":1.50}`,
		`{"id":null,"id":2,"amount":2.5,"amount":3,"lines":1,"lines":[],"when":"soon","when":null}`,
	)
	want := []Violation{{"amount", "type", 1}, {"id", "missing", 1}, {"id", "null", 1}, {"lines", "type", 2}, {"size", "type", 1},
		{"state", "enum", 1}, {"state", "missing", 1}, {"when", "format", 1}, {"when", "null", 1}}
	if diff := cmp.Diff(want, d.Violations()); diff != "" {
		t.Errorf("violations differ (-want +got):\n%s", diff)
	}
	if rejects := d.Rejects(); rejects != nil {
		t.Errorf("%v is rejected", rejects)
	}
	rows := [][]any{
		{int64(1), "open", 1.0, "[]", `"2024-05-01"`, "L", nil, int64(1)},
		{nil, "é", 1.0, `{"a":1}`, "{}", "12", "x", int64(2)},
		{nil, "shut", 1.5, `"none"`, `"soon"`, "1.50", nil, int64(3)},
		{int64(2), nil, 3.0, "[]", nil, nil, nil, int64(4)},
	}
	if diff := cmp.Diff(rows, rowsOf(t, d.Batch())); diff != "" {
		t.Errorf("rows differ (-want +got):\n%s", diff)
	}
	if again := d.Violations(); again != nil {
		t.Errorf("%v is counted in an empty batch", again)
	}
}
