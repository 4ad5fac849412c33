package rewrite

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const testSchema = `{
	"type": "object",
	"properties": {
		"id": {"type": "string"},
		"created": {"type": ["null", "string"], "format": "date-time"},
		"amount": {"type": "integer"},
		"gone": {"type": "object", "properties": {"x": {"type": "integer"}}},
		"times": {"type": "array", "items": {"type": "string", "format": "date-time"}},
		"either": {"anyOf": [{"type": "null"}, {"type": "object", "properties": {"at": {"type": "string", "format": "date-time"}}}]},
		"lines": {"type": "object", "properties": {
			"data": {"type": "array", "items": {"type": "object", "properties": {
				"start": {"type": "string", "format": "date-time"},
				"secret": {"type": "string"},
				"amount": {"type": "integer"}
			}}}
		}},
		"by_currency": {"type": "object", "additionalProperties": {"type": "object", "properties": {
			"since": {"type": "string", "format": "date-time"}
		}}},
		"metadata": {"type": "object", "additionalProperties": {"type": "string"}},
		"é": {"type": "string", "format": "date-time"}
	},
	"additionalProperties": true
}`

// dropped are the paths that testSelected refuses.
var dropped = []string{"gone", "lines.data.secret", "metadata.ssn", "new.inner", "a", "b"}

func testSelected(path ...string) bool {
	joined := strings.Join(path, ".")
	for _, d := range dropped {
		if joined == d || strings.HasPrefix(joined, d+".") {
			return false
		}
	}
	return true
}

func compileTest(t testing.TB, selected func(...string) bool, unknown func(string)) *Rewriter {
	t.Helper()
	r, err := Compile([]byte(testSchema), selected, unknown)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func everything(...string) bool { return true }

func TestRewriting(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"a time", `{"created":1704164645}`, `{"created":"2024-01-02T03:04:05Z"}`},
		{"the epoch", `{"created":0}`, `{"created":"1970-01-01T00:00:00Z"}`},
		{"a time before the epoch", `{"created":-1}`, `{"created":"1969-12-31T23:59:59Z"}`},
		{"the last second of year 9999", `{"created":253402300799}`, `{"created":"9999-12-31T23:59:59Z"}`},
		{"the first second of year 1", `{"created":-62135596800}`, `{"created":"0001-01-01T00:00:00Z"}`},
		{"a number no year has", `{"created":253402300800}`, `{"created":253402300800}`},
		{"a number longer than any time", `{"created":12345678901234567890}`, `{"created":12345678901234567890}`},
		{"a fraction stays", `{"created":1704164645.5}`, `{"created":1704164645.5}`},
		{"an exponent stays", `{"created":1e9}`, `{"created":1e9}`},
		{"text stays", `{"created":"2024-01-02T03:04:05Z"}`, `{"created":"2024-01-02T03:04:05Z"}`},
		{"null stays", `{"created":null}`, `{"created":null}`},
		{"an object at a time's place stays", `{"created":{"x":1}}`, `{"created":{"x":1}}`},
		{"an array at a time's place stays", `{"created":[1]}`, `{"created":[1]}`},
		{"times in an array", `{"times":[1, null ,2]}`, `{"times":["1970-01-01T00:00:01Z", null ,"1970-01-01T00:00:02Z"]}`},
		{"a time in an alternative", `{"either":{"at":1}}`, `{"either":{"at":"1970-01-01T00:00:01Z"}}`},
		{"times below free names", `{"by_currency":{"eur":{"since":1},"usd":{"since":2}}}`,
			`{"by_currency":{"eur":{"since":"1970-01-01T00:00:01Z"},"usd":{"since":"1970-01-01T00:00:02Z"}}}`},
		{"a name in escapes", `{"cre\u0061ted":1,"\u00e9":1}`, `{"cre\u0061ted":"1970-01-01T00:00:01Z","\u00e9":"1970-01-01T00:00:01Z"}`},
		{"other numbers keep their digits", `{"amount":9007199254740993,"rate":0.10,"n":1E+2}`, `{"amount":9007199254740993,"rate":0.10,"n":1E+2}`},
		{"escapes stay", `{"id":"\u0041\/\ud83d\ude00"}`, `{"id":"\u0041\/\ud83d\ude00"}`},
		{"white space stays", "{ \"id\" :\t\"x\" ,\n\"amount\": 1 }\n", "{ \"id\" :\t\"x\" ,\n\"amount\": 1 }\n"},
		{"an id that came expanded passes", `{"id":{"object":"x","created":5}}`, `{"id":{"object":"x","created":5}}`},
		{"the first member dropped", `{"gone":{"x":1},"id":"x"}`, `{"id":"x"}`},
		{"the last member dropped", `{"id":"x","gone":[{}]}`, `{"id":"x"}`},
		{"a middle member dropped", `{"id":"x", "gone":"},{" , "amount":1}`, `{"id":"x" , "amount":1}`},
		{"all members dropped", `{ "gone":1, "a":2 ,"b":3 }`, `{  }`},
		{"leading and trailing members dropped", `{"a":1,"b":2,"id":"x","gone":3,"a":4}`, `{"id":"x"}`},
		{"two in a row dropped after a kept one", `{"id":"x","a":1,"b":2,"amount":3}`, `{"id":"x","amount":3}`},
		{"dropped in items", `{"lines":{"data":[{"secret":"s","start":1,"amount":2},{"amount":3,"secret":"t"}]}}`,
			`{"lines":{"data":[{"start":"1970-01-01T00:00:01Z","amount":2},{"amount":3}]}}`},
		{"dropped in free-form members", `{"metadata":{"ssn":"1","k":"2"}}`, `{"metadata":{"k":"2"}}`},
		{"dropped below an unknown field", `{"new":[{"inner":1,"other":2}]}`, `{"new":[{"other":2}]}`},
		{"empty containers", `{"lines":{ },"times":[ ],"metadata":{}}`, `{"lines":{ },"times":[ ],"metadata":{}}`},
		{"an empty record", `{}`, `{}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := compileTest(t, testSelected, nil).Append([]byte("before "), []byte(c.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff("before "+c.want, string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAppendRefusesWhatIsNotOneObject(t *testing.T) {
	r := compileTest(t, testSelected, nil)
	for _, in := range []string{``, ` `, `[]`, `1`, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{"a":1 "b":2}`, `{a:1}`, `{"id" 1}`,
		`{"times":[1`, `{"times":[1 2]}`, `{"times":[1,]}`, `{} {}`, `{"gone":}`, `{"created":01}`} {
		got, err := r.Append([]byte("kept"), []byte(in))
		if err == nil || string(got) != "kept" {
			t.Errorf("Append(%q) = %q, %v; want a failure", in, got, err)
		}
	}
	if _, err := Compile([]byte(`[`), everything, nil); err == nil {
		t.Error("Compile takes a schema that is not JSON")
	}
}

func TestUnknownFieldsAreReportedOnce(t *testing.T) {
	var got []string
	r := compileTest(t, testSelected, func(path string) { got = append(got, path) })
	for range 3 {
		if _, err := r.Append(nil, []byte(`{"id":"x","new":{"inner":1,"deep":2},"lines":{"data":[{"extra":1}],"url":"u"},"metadata":{"any":"1"},"a":1}`)); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"new", "lines.data.extra", "lines.url"}, got); diff != "" {
		t.Errorf("reported (-want +got):\n%s", diff)
	}
}

func TestNamesBeyondTheMemoryStillObeyTheSelection(t *testing.T) {
	r := compileTest(t, testSelected, nil)
	r.learned = maxLearned
	got, err := r.Append(nil, []byte(`{"metadata":{"ssn":"1","k":"2"},"new":{"inner":1,"x":2}}`))
	if want := `{"metadata":{"k":"2"},"new":{"x":2}}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
	if r.learned != maxLearned || len(r.root.members) != 10 {
		t.Errorf("%d names learned beyond the bound", r.learned-maxLearned)
	}
}

func TestDeepNestingNeedsNoDeepStack(t *testing.T) {
	deep := `{"new":` + strings.Repeat(`[`, 9000) + strings.Repeat(`]`, 9000) + `}`
	got, err := compileTest(t, testSelected, nil).Append(nil, []byte(deep))
	if err != nil || string(got) != deep {
		t.Errorf("a deep record comes out with %d bytes, %v; want %d", len(got), err, len(deep))
	}
}

const typical = `{"id":"ch_3OabcdefGHIJKLMN","object":"charge","amount":1200,"created":1704164645,"gone":{"a":[1,2,{"b":"c"}]},` +
	`"lines":{"data":[{"start":1704164645,"secret":"x","amount":1},{"start":null,"amount":2}]},"metadata":{"k":"v","ssn":"1"},"unknown":{"deep":[{"x":1}]}}`

func TestSteadyRewritingAllocatesNothing(t *testing.T) {
	r := compileTest(t, testSelected, nil)
	in, buf := []byte(typical), make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := r.Append(buf, in); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("one record costs %v allocations", n)
	}
}

// expect is what rewriting must come to, on decoded values.
func expect(v any, s *shape, path []string) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, member := range v {
			below := append(path[:len(path):len(path)], name)
			if testSelected(below...) {
				out[name] = expect(member, s.below(name), below)
			}
		}
		return out
	case []any:
		items := &shape{}
		if s.Items != nil {
			items = &s.Items.shape
		}
		out := make([]any, len(v))
		for i := range v {
			out[i] = expect(v[i], items, path)
		}
		return out
	case json.Number:
		n, err := v.Int64()
		if s.Format == "date-time" && err == nil && n >= minSeconds && n <= maxSeconds {
			return time.Unix(n, 0).UTC().Format(time.RFC3339)
		}
	}
	return v
}

func (s *shape) below(name string) *shape {
	if p, ok := s.Properties[name]; ok {
		return &p
	}
	for i := range s.AnyOf {
		if p, ok := s.AnyOf[i].Properties[name]; ok {
			return &p
		}
	}
	if s.AdditionalProperties != nil {
		return &s.AdditionalProperties.shape
	}
	return &shape{}
}

func decode(text []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return v, d.Decode(&v)
}

// FuzzAppend holds rewriting against the same work on decoded values, and untouched records against their own bytes.
func FuzzAppend(f *testing.F) {
	for _, seed := range []string{typical, `{"gone":1,"a":2}`, ` { "b" : [ ] , "id" : "\u00e9" } `, `{"either":{"at":-5}}`, `{"created":1,"created":2}`,
		`{"by_currency":{"eur":{"since":9}},"times":[[1],2]}`, `{"metadata":{"ssn":{"x":[]},"":1}}`, `{"a":1,"b":2,"id":3,"a":4}`} {
		f.Add([]byte(seed))
	}
	var s shape
	if err := json.Unmarshal([]byte(testSchema), &s); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		want, err := decode(in)
		if _, object := want.(map[string]any); !object || !json.Valid(in) || bytes.Count(in, []byte("["))+bytes.Count(in, []byte("{")) > maxDepth {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := compileTest(t, testSelected, nil).Append(nil, in)
		if err != nil {
			t.Fatalf("%q: %v", in, err)
		}
		value, err := decode(got)
		if err != nil {
			t.Fatalf("%q becomes %q: %v", in, got, err)
		}
		if diff := cmp.Diff(expect(want, &s, nil), value); diff != "" {
			t.Fatalf("%q becomes %q (-want +got):\n%s", in, got, diff)
		}
		plain, err := Compile([]byte(`{}`), everything, nil)
		if err != nil {
			t.Fatal(err)
		}
		if same, err := plain.Append(nil, in); err != nil || !bytes.Equal(same, in) {
			t.Fatalf("%q is changed to %q, %v", in, same, err)
		}
	})
}

// What a rewriter remembers of the records before must not show in those behind them, in whatever order members stand.
func TestARecordIsRewrittenAsIfItWereTheFirst(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	members := []string{`"id":"x"`, `"created":1704164645`, `"created" : 5`, `"cre\u0061ted":7`, `"createdat":8`, `"gone":{"x":1}`, `"a":1`, `"amount":2`,
		`"lines":{"data":[{"amount":1,"start":2,"secret":3},{"start":4,"amount":5},{"secret":"s"}]}`, `"lines":{"data":[{"start":6}],"n":7}`,
		`"metadata":{"ssn":1,"y":2}`, `"metadata":{"z":3}`, `"new":{"inner":1,"created":9}`, `"é":3`, `"":4`}
	used := compileTest(t, testSelected, nil)
	used.Watch([]string{"id", "none", "created", "gone"})
	for range 2000 {
		random.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
		chosen := members[:random.IntN(len(members)+1)]
		record := []byte("{" + strings.Join(chosen, ",") + "}")
		want, err := compileTest(t, testSelected, nil).Append(nil, record)
		if err != nil {
			t.Fatal(err)
		}
		got, err := used.Append(nil, record)
		if err != nil || string(got) != string(want) {
			t.Fatalf("%s becomes %s, and as the first %s; %v", record, got, want, err)
		}
		var met uint64
		for i, name := range []string{`"id"`, `"none"`, `"cre`, `"gone"`} {
			if slices.ContainsFunc(chosen, func(m string) bool { return strings.HasPrefix(m, name) && !strings.HasPrefix(m, `"createdat`) }) {
				met |= 1 << i
			}
		}
		if used.Met() != met {
			t.Fatalf("%s has the members %b of those watched, want %b", record, used.Met(), met)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	r := compileTest(b, testSelected, nil)
	in, buf := []byte(typical), make([]byte, 0, 4096)
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		if _, err := r.Append(buf, in); err != nil {
			b.Fatal(err)
		}
	}
}
