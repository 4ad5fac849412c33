package rewrite

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const coercedSchema = `{
	"type": "object",
	"properties": {
		"id": {"type": "integer"},
		"price": {"type": ["null", "string"]},
		"tags": {"type": ["null", "string"], "x-separator": ", "},
		"status": {"type": ["null", "string"], "x-lowercase": true},
		"prepaid": {"type": ["null", "boolean"]},
		"quantity": {"type": ["null", "integer"]},
		"weight": {"type": ["null", "number"]},
		"wide": {"type": ["null", "integer", "string"]},
		"updated_at": {"type": ["null", "string"], "format": "date-time"},
		"scheduled_at": {"type": ["null", "string"], "format": "date"},
		"customer": {"type": ["null", "object"], "properties": {"id": {"type": ["null", "integer"]}, "hash": {"type": ["null", "string"]}}, "additionalProperties": true},
		"properties": {"type": ["null", "array"], "items": {"type": ["null", "object"], "properties": {
			"name": {"type": ["null", "string"]}, "value": {"type": ["null", "string"]}}, "additionalProperties": true}},
		"names": {"type": ["null", "array"], "items": {"type": ["null", "string"]}},
		"body": {"type": ["null", "object"], "additionalProperties": true},
		"any": {},
		"either": {"anyOf": [{"type": "null"}, {"type": "string", "format": "date-time"}]}
	},
	"additionalProperties": true
}`

// finding is what a coercing rewriter reports.
type finding struct{ Path, What string }

func compileCoercing(t testing.TB, selected func(...string) bool) (*Rewriter, *[]finding) {
	t.Helper()
	found := &[]finding{}
	r, err := CompileCoercing([]byte(coercedSchema), selected, func(path, what string) { *found = append(*found, finding{path, what}) })
	if err != nil {
		t.Fatal(err)
	}
	return r, found
}

func TestCoercing(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"a number for text keeps its digits", `{"price":10.50}`, `{"price":"10.50"}`},
		{"a long number for text", `{"price":-12345678901234567890.10e+5}`, `{"price":"-12345678901234567890.10e+5"}`},
		{"true for text", `{"price":true}`, `{"price":"true"}`},
		{"an object for text", `{"price":{"a":"b\n"}}`, `{"price":"{\"a\":\"b\\n\"}"}`},
		{"white space in an object for text", "{\"price\":{\t\"a\" : 1\n}}", `{"price":"{\u0009\"a\" : 1\u000a}"}`},
		{"an array for text", `{"price":[1, "a"]}`, `{"price":"[1, \"a\"]"}`},
		{"null for text", `{"price":null}`, `{"price":null}`},
		{"text stays, escapes too", `{"price":"\u0041\/ 1"}`, `{"price":"\u0041\/ 1"}`},
		{"a list for joined text", `{"tags":[ "a" ,"b c","\"\u00e9\""]}`, `{"tags":"a, b c, \"é\""}`},
		{"an empty list for joined text", `{"tags":[ ]}`, `{"tags":""}`},
		{"text at joined text's place", `{"tags":"a,b"}`, `{"tags":"a,b"}`},
		{"upper case", `{"status":"PARTIALLY_Refunded"}`, `{"status":"partially_refunded"}`},
		{"upper case in escapes", `{"status":"\u0041\"B"}`, `{"status":"a\"b"}`},
		{"lower case stays, escapes too", `{"status":"\u0061\u00c9É"}`, `{"status":"\u0061\u00c9É"}`},
		{"zero and one for boolean", `{"prepaid":0,"x":{"prepaid":1}}`, `{"prepaid":false,"x":{"prepaid":1}}`},
		{"one for boolean", `{"prepaid":1}`, `{"prepaid":true}`},
		{"words for boolean", `{"prepaid":"True"}`, `{"prepaid":true}`},
		{"digits in text for boolean", `{"prepaid":"0"}`, `{"prepaid":false}`},
		{"booleans", `{"prepaid":false}`, `{"prepaid":false}`},
		{"text for integer", `{"quantity":"9007199254740993"}`, `{"quantity":9007199254740993}`},
		{"text below zero for integer", `{"quantity":"-3"}`, `{"quantity":-3}`},
		{"text with escapes for integer", `{"quantity":"\u0033"}`, `{"quantity":3}`},
		{"integers", `{"quantity":3,"id":0}`, `{"quantity":3,"id":0}`},
		{"a whole number with a point", `{"quantity":3.0}`, `{"quantity":3.0}`},
		{"text for number", `{"weight":"1.50e3"}`, `{"weight":1.50e3}`},
		{"numbers", `{"weight":1.50}`, `{"weight":1.50}`},
		{"a fraction where text is the other type", `{"wide":1.5}`, `{"wide":"1.5"}`},
		{"a whole number where text is the other type", `{"wide":1}`, `{"wide":1}`},
		{"true where text is the other type", `{"wide":true}`, `{"wide":"true"}`},
		{"below arrays", `{"properties":[{"name":"a","value":1},{"value":false},null]}`, `{"properties":[{"name":"a","value":"1"},{"value":"false"},null]}`},
		{"items of arrays", `{"names":[1,"b",null]}`, `{"names":["1","b",null]}`},
		{"free-form objects", `{"body":{"a":1,"b":[true]}}`, `{"body":{"a":1,"b":[true]}}`},
		{"where no type is declared", `{"any":[1,"2",{"c":3}]}`, `{"any":[1,"2",{"c":3}]}`},
		{"a time in an alternative", `{"either":"2022-03-09T02:36:35"}`, `{"either":"2022-03-09T02:36:35Z"}`},
		{"dropping beside coercing", `{"price":1,"customer":{"hash":"h","id":"2"},"quantity":"3"}`, `{"price":"1","customer":{"id":2},"quantity":3}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, found := compileCoercing(t, func(path ...string) bool { return strings.Join(path, ".") != "customer.hash" })
			got, err := r.Append([]byte("before "), []byte(c.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff("before "+c.want, string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, f := range *found {
				if f.Path != "x" {
					t.Errorf("reported: %v", f)
				}
			}
		})
	}
}

func TestTimes(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"without an offset", "2022-03-09T02:36:35", "2022-03-09T02:36:35Z"},
		{"with the offset of UTC", "2022-03-10T12:13:28+00:00", "2022-03-10T12:13:28Z"},
		{"with Z", "2022-03-10T12:13:28Z", "2022-03-10T12:13:28Z"},
		{"with z", "2022-03-10T12:13:28z", "2022-03-10T12:13:28Z"},
		{"with a fraction", "2022-03-10T12:13:28.120000", "2022-03-10T12:13:28.120000Z"},
		{"with a fraction finer than a nanosecond", "2022-03-10T12:13:28.1234567890123+00:00", "2022-03-10T12:13:28.1234567890123Z"},
		{"ahead of UTC", "2022-03-01T01:30:00.5+05:30", "2022-02-28T20:00:00.5Z"},
		{"behind UTC", "2022-12-31T20:00:00-05:00", "2023-01-01T01:00:00Z"},
		{"offset without a colon", "2022-03-10T12:13:28+0130", "2022-03-10T10:43:28Z"},
		{"offset of hours", "2022-03-10T12:13:28-01", "2022-03-10T13:13:28Z"},
		{"a space for T", "2022-03-10 12:13:28", "2022-03-10T12:13:28Z"},
		{"without seconds", "2022-03-10T12:13Z", "2022-03-10T12:13:00Z"},
		{"a day", "2022-03-10", "2022-03-10T00:00:00Z"},
		{"a leap day", "2024-02-29T00:00:00", "2024-02-29T00:00:00Z"},
		{"the first moment", "0001-01-01T00:00:00", "0001-01-01T00:00:00Z"},
		{"the last moment", "9999-12-31T23:59:59.999999999", "9999-12-31T23:59:59.999999999Z"},
		{"in escapes", `2022-03-10T12:13:28\u002b00:00`, "2022-03-10T12:13:28Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, found := compileCoercing(t, everything)
			got, err := r.Append(nil, []byte(`{"updated_at":"`+c.in+`"}`))
			if want := `{"updated_at":"` + c.want + `"}`; err != nil || string(got) != want || len(*found) > 0 {
				t.Errorf("got %s, %v, %v; want %s", got, err, *found, want)
			}
		})
	}
}

func TestDays(t *testing.T) {
	for in, want := range map[string]string{
		"2022-03-10": "2022-03-10", "2022-03-10T00:00:00": "2022-03-10", "2022-03-10 00:00": "2022-03-10",
		"2022-03-10T00:00:00.000+00:00": "2022-03-10", `2022\u002d03-10`: "2022-03-10",
	} {
		r, found := compileCoercing(t, everything)
		got, err := r.Append(nil, []byte(`{"scheduled_at":"`+in+`"}`))
		if want := `{"scheduled_at":"` + want + `"}`; err != nil || string(got) != want || len(*found) > 0 {
			t.Errorf("got %s, %v, %v; want %s", got, err, *found, want)
		}
	}
}

func TestWhatCannotBeCoercedStaysAndIsReported(t *testing.T) {
	const noTime, noDate = "is text that cannot be read as a date-time", "is text that cannot be read as a date"
	for _, c := range []struct{ in, path, what string }{
		{`{"quantity":10.5}`, "quantity", "is number where the schema has integer"},
		{`{"quantity":1e2}`, "quantity", "is number where the schema has integer"},
		{`{"quantity":true}`, "quantity", "is boolean where the schema has integer"},
		{`{"quantity":""}`, "quantity", "is string where the schema has integer"},
		{`{"quantity":"007"}`, "quantity", "is string where the schema has integer"},
		{`{"quantity":"3 "}`, "quantity", "is string where the schema has integer"},
		{`{"quantity":"1.5"}`, "quantity", "is string where the schema has integer"},
		{`{"quantity":"NaN"}`, "quantity", "is string where the schema has integer"},
		{`{"quantity":"\ud800"}`, "quantity", "is string where the schema has integer"},
		{`{"quantity":[1]}`, "quantity", "is array where the schema has integer"},
		{`{"weight":"1,5"}`, "weight", "is string where the schema has number"},
		{`{"prepaid":2}`, "prepaid", "is number where the schema has boolean"},
		{`{"prepaid":1.0}`, "prepaid", "is number where the schema has boolean"},
		{`{"prepaid":"yes"}`, "prepaid", "is string where the schema has boolean"},
		{`{"prepaid":{"a":1}}`, "prepaid", "is object where the schema has boolean"},
		{`{"customer":"cus_1"}`, "customer", "is string where the schema has object"},
		{`{"properties":{"name":1}}`, "properties", "is object where the schema has array"},
		{`{"properties":[3]}`, "properties", "is number where the schema has object"},
		{`{"tags":["a,b","c"]}`, "tags", "is array where the schema has string"},
		{`{"tags":["a",""]}`, "tags", "is array where the schema has string"},
		{`{"tags":["a",1]}`, "tags", "is array where the schema has string"},
		{`{"tags":["\udc00"]}`, "tags", "is array where the schema has string"},
		{`{"updated_at":1704164645}`, "updated_at", "is number where the schema has string"},
		{`{"updated_at":{"at":1}}`, "updated_at", "is object where the schema has string"},
		{`{"updated_at":""}`, "updated_at", noTime},
		{`{"updated_at":"now"}`, "updated_at", noTime},
		{`{"updated_at":"0000-00-00T00:00:00"}`, "updated_at", noTime},
		{`{"updated_at":"2022-13-01T00:00:00"}`, "updated_at", noTime},
		{`{"updated_at":"2022-02-29T00:00:00"}`, "updated_at", noTime},
		{`{"updated_at":"2022-03-10T24:00:00"}`, "updated_at", noTime},
		{`{"updated_at":"2022-03-10T23:59:60"}`, "updated_at", noTime},
		{`{"updated_at":"2022-03-10T23:60:00"}`, "updated_at", noTime},
		{`{"updated_at":"2022-03-10T12:13:28."}`, "updated_at", noTime},
		{`{"updated_at":"2022-03-10T12:13:28 EST"}`, "updated_at", noTime},
		{`{"updated_at":"2022-03-10T12:13:28+1"}`, "updated_at", noTime},
		{`{"updated_at":"2022-03-10T12:13:28+01:0"}`, "updated_at", noTime},
		{`{"updated_at":"2022-03-10T12:13:28+01:000"}`, "updated_at", noTime},
		{`{"updated_at":"2022-03-10T12"}`, "updated_at", noTime},
		{`{"updated_at":"0001-01-01T00:00:00+01:00"}`, "updated_at", noTime},
		{`{"updated_at":"9999-12-31T23:00:00-01:00"}`, "updated_at", noTime},
		{`{"updated_at":"20107-05-10T00:00:00"}`, "updated_at", noTime},
		{`{"scheduled_at":"2022-03-10T12:00:00"}`, "scheduled_at", noDate},
		{`{"scheduled_at":"2022-03-10T00:00:00.001"}`, "scheduled_at", noDate},
		{`{"scheduled_at":"2022-03-10T00:00:00+02:00"}`, "scheduled_at", noDate},
		{`{"scheduled_at":"soon"}`, "scheduled_at", noDate},
		{`{"scheduled_at":20220310}`, "scheduled_at", "is number where the schema has string"},
		{`{"new":1}`, "new", "is not in the schema"},
		{`{"customer":{"new":1}}`, "customer.new", "is not in the schema"},
	} {
		r, found := compileCoercing(t, everything)
		for range 2 {
			if got, err := r.Append(nil, []byte(c.in)); err != nil || string(got) != c.in {
				t.Errorf("%s becomes %s, %v", c.in, got, err)
			}
		}
		if diff := cmp.Diff([]finding{{c.path, c.what}}, *found); diff != "" {
			t.Errorf("%s is reported as (-want +got):\n%s", c.in, diff)
		}
	}
}

func TestSelectionHoldsBelowValuesOfAnotherType(t *testing.T) {
	r, _ := compileCoercing(t, func(path ...string) bool { return path[len(path)-1] != "secret" })
	got, err := r.Append(nil, []byte(`{"quantity":{"a":1,"secret":2},"customer":[{"secret":1,"id":"3"}]}`))
	if want := `{"quantity":{"a":1},"customer":[{"id":"3"}]}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
}

func TestCoercingRefusesWhatIsNotJSON(t *testing.T) {
	r, _ := compileCoercing(t, everything)
	for _, in := range []string{`{"price":01}`, `{"price":[1`, `{"tags":["a" "b"]}`, `{"quantity":tru}`, `{"updated_at":"x}`, `[]`} {
		if got, err := r.Append([]byte("kept"), []byte(in)); err == nil || string(got) != "kept" {
			t.Errorf("Append(%q) = %q, %v; want a failure", in, got, err)
		}
	}
	if _, err := CompileCoercing([]byte(`[`), everything, nil); err == nil {
		t.Error("CompileCoercing takes a schema that is not JSON")
	}
}

const drifted = `{"id":123456789,"price":10.50,"tags":["a","\u0062\"c"],"status":"SUC\u0043ESS","prepaid":1,"quantity":"3","weight":1.5,` +
	`"updated_at":"2022-03-09T02:36:35","scheduled_at":"2022-03-10","customer":{"id":1,"hash":"abc"},` +
	`"properties":[{"name":"a","value":1},{"name":"b","value":null}],"body":{"deep":[{"x":1}]},"price2":null}`

func TestSteadyCoercingAllocatesNothing(t *testing.T) {
	r, _ := compileCoercing(t, everything)
	in, buf := []byte(drifted), make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := r.Append(buf, in); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("one record costs %v allocations", n)
	}
}

func BenchmarkCoerce(b *testing.B) {
	r, _ := compileCoercing(b, everything)
	in, buf := []byte(drifted), make([]byte, 0, 4096)
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		if _, err := r.Append(buf, in); err != nil {
			b.Fatal(err)
		}
	}
}
