package singer

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFaultsSayWhatASettingMustBe(t *testing.T) {
	for _, c := range []struct{ schema, value, want string }{
		{`{"type":"string"}`, `5`, `setting "x" must be of type string, but is 5`},
		{`{"type":["integer","boolean","null"]}`, `"five"`, `setting "x" must be of type integer or boolean, but is "five"`},
		{`{"type":"integer"}`, `1.5`, `setting "x" must be of type integer, but is 1.5`},
		{`{"type":"string"}`, `{"a":1}`, `setting "x" must be of type string`},
		{`{"type":"array"}`, `"charges.*"`, `setting "x" must be of type array, but is "charges.*"; as a list it is ["charges.*"]`},
		{`{"type":["array","null"]}`, `"a,b"`, `setting "x" must be of type array, but is "a,b"; as a list it is ["a","b"]`},
		{`{"type":"array"}`, `"[a"`, `setting "x" must be of type array, but is "[a"`},
		{`{"type":"array"}`, `5`, `setting "x" must be of type array, but is 5`},
		{`{"type":"array","x-sensitive":true}`, `"a"`, `setting "x" must be of type array`},
		{`{"const":"a"}`, `"b"`, `setting "x" must be "a", but is "b"`},
		{`{"enum":["a",1]}`, `"b"`, `setting "x" must be one of a, 1, but is "b"`},
		{`{"format":"date-time"}`, `"b"`, `setting "x" must be a date-time such as 2024-01-31T00:00:00Z, but is "b"`},
		{`{"format":"date"}`, `"b"`, `setting "x" must be a date such as 2024-01-31, but is "b"`},
		{`{"format":"uri"}`, `"b"`, `setting "x" must be a URI such as https://host/path, but is "b"`},
		{`{"format":"email"}`, `"b"`, `setting "x" must be of the format email, but is "b"`},
		{`{"pattern":"^a"}`, `"b"`, `setting "x" must match the pattern ^a, but is "b"`},
		{`{"pattern":"^a","examples":["ab","ac"]}`, `"b"`, `setting "x" must look like ab or ac, but is "b"`},
		{`{"minimum":1}`, `0`, `setting "x" must be at least 1, but is 0`},
		{`{"maximum":0.5}`, `1`, `setting "x" must be at most 0.5, but is 1`},
		{`{"exclusiveMinimum":1}`, `1`, `setting "x" must be more than 1, but is 1`},
		{`{"exclusiveMaximum":1}`, `1`, `setting "x" must be less than 1, but is 1`},
		{`{"minLength":2}`, `"b"`, `setting "x" must have 2 or more characters, but is "b"`},
		{`{"maxLength":2}`, `"bcd"`, `setting "x" must have 2 or fewer characters, but is "bcd"`},
		{`{"minItems":1}`, `[]`, `setting "x" must have 1 or more items`},
		{`{"maxItems":1}`, `[1,2]`, `setting "x" must have 1 or fewer items`},
		{`{"uniqueItems":true}`, `[1,1]`, `setting "x" must fit its description (array items[0,1] must be unique)`},
		{`{"items":{"type":"string"}}`, `[1]`, `setting "x.0" must be of type string, but is 1`},
		{`{"x-sensitive":true,"pattern":"^a"}`, `"b"`, `setting "x" must match the pattern ^a`},
		{`{"x-sensitive":true,"items":{"type":"string"}}`, `[1]`, `setting "x.0" must be of type string`},
		{`{"properties":{"y":{"x-sensitive":true}},"type":"object"}`, `"b"`, `setting "x" must be of type object`},
		{`{"properties":{"y":{}},"additionalProperties":false}`, `{"zzz":1}`, `setting "x.zzz" is not known; known are y`},
		{`{"additionalProperties":false}`, `{"zzz":1}`, `setting "x.zzz" is not known`},
	} {
		l := &configLoader{schema: []byte(`{"properties":{"x":` + c.schema + `}}`), prefix: "TAP_X_", env: envOf(nil)}
		_, err := l.load([]string{writeFile(t, "config.json", `{"x":`+c.value+`}`)})
		var config *ConfigError
		if !errors.As(err, &config) {
			t.Errorf("%s takes %s: %v", c.schema, c.value, err)
			continue
		}
		if diff := cmp.Diff([]string{c.want}, config.Faults); diff != "" {
			t.Errorf("faults of %s for %s differ (-want +got):\n%s", c.value, c.schema, diff)
		}
	}
}

func TestNumbersThatASettingCannotHoldAreFaults(t *testing.T) {
	var into struct {
		Pages int     `json:"pages"`
		Rate  float64 `json:"rate"`
	}
	for _, text := range []string{`{"pages":1e2}`, `{"pages":100.0}`, `{"pages":99999999999999999999}`, `{"rate":1e400}`} {
		l := &configLoader{schema: []byte(`{"properties":{"pages":{"type":"integer"},"rate":{"type":"number"}}}`), env: envOf(nil)}
		c, err := l.load([]string{writeFile(t, "config.json", text)})
		if err != nil {
			t.Fatal(err)
		}
		var config *ConfigError
		if err := c.Decode(&into); !errors.As(err, &config) || strings.Contains(err.Error(), "json") {
			t.Errorf("%s: %v, want a plain fault", text, err)
		}
	}
}

func TestFaultsNameWhereTheSettingsCameFrom(t *testing.T) {
	one, two := writeFile(t, "a.json", `{}`), writeFile(t, "b.json", `{}`)
	for _, c := range []struct {
		sources []string
		want    string
	}{
		{nil, "the config (no --config was given)"},
		{[]string{envSource}, "the config from the environment"},
		{[]string{one}, "the config " + one},
		{[]string{one, two, envSource}, "the config from " + one + ", " + two + ", ENV"},
	} {
		l := &configLoader{schema: []byte(`{"required":["x"],"properties":{"x":{"description":"URL of it."}}}`), prefix: "TAP_X_", env: envOf(nil)}
		_, err := l.load(c.sources)
		want := c.want + `: setting "x" is missing: put it in a config file or set TAP_X_X and pass --config ENV (URL of it)`
		if err == nil || err.Error() != want {
			t.Errorf("load = %v\nwant %s", err, want)
		}
	}
}

func TestRecordValidator(t *testing.T) {
	judge, err := RecordValidator(&Schema{Stream: "s", Schema: []byte(`{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object",
		"properties":{"id":{"type":"integer","minimum":1},"kind":{"enum":["a","b"]},"in":{"$ref":"#/$defs/in"}},"required":["id","kind"],
		"$defs":{"in":{"type":"object","properties":{"in":{"$ref":"#/$defs/in"},"n":{"type":"number","multipleOf":1e-20}}}}}`)})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ record, want string }{
		{`{"id":12345678901234567890123,"kind":"a","in":{"in":{"n":0.1}},"more":[]}`, ""},
		{`{"id":"x","kind":"a"}`, "id: invalid type. Expected: integer, given: string"},
		{`{"id":0,"kind":"secret","in":{"in":{"n":"q"}}}`,
			"id: must be greater than or equal to 1; in.in.n: invalid type. Expected: number, given: string; kind: kind must be one"},
		{`{}`, "(root): id is required; (root): kind is required"},
		{`[]`, "(root): invalid type"},
		{`{"id":null,"kind":1,"in":{"in":[],"n":true}}`, "; and 1 more"},
		{`{`, "the record is not JSON"},
	} {
		switch err := judge([]byte(c.record)); {
		case c.want == "" && err != nil:
			t.Errorf("%s is refused: %v", c.record, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret")):
			t.Errorf("%s: %v, want %q", c.record, err, c.want)
		}
	}
}

func TestRecordValidatorFetchesNothing(t *testing.T) {
	asked := make(chan string, 9)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Path
		w.Write([]byte("{}"))
	}))
	defer server.Close()
	file := writeFile(t, "other.json", "{}")
	for _, ref := range []string{server.URL + "/a.json", "file://" + file, file} {
		_, err := RecordValidator(&Schema{Schema: []byte(`{"type":"object","properties":{"a":{"$ref":"` + ref + `"}}}`)})
		if err == nil || !strings.Contains(err.Error(), "the SCHEMA is no JSON Schema") {
			t.Errorf("a reference to %s: %v", ref, err)
		}
	}
	if len(asked) > 0 {
		t.Errorf("it fetched %s", <-asked)
	}
}
