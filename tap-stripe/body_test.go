package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline/internal/rawjson"
)

func TestAListIsSplitIntoItsObjects(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       []string
		more       bool
	}{
		{"compact", `{"object":"list","data":[{"id":"a"},{"id":"b"}],"has_more":true,"url":"/v1/x"}`, []string{`{"id":"a"}`, `{"id":"b"}`}, true},
		{"indented", "{\n  \"object\": \"list\",\n  \"data\": [\n    {\n      \"id\": \"a b\",\n      \"n\": -1.50e+3,\n      \"l\": [ ],\n      \"o\": { }\n    }\n  ],\n  \"has_more\": false\n}\n",
			[]string{`{"id":"a b","n":-1.50e+3,"l":[],"o":{}}`}, false},
		{"in another order", `{"has_more":true,"data":[{"data":[1,2],"has_more":false}]}`, []string{`{"data":[1,2],"has_more":false}`}, true},
		{"empty", `{"data":[],"has_more":false}`, nil, false},
		{"empty with space", ` { "data" : [ ] , "has_more" : false } `, nil, false},
		{"escapes", `{"data":[{"a":" \" } ] , \\","b\"":1 , "é":"\u00e9 \ud83d\ude00"}],"has_more":false}`,
			[]string{`{"a":" \" } ] , \\","b\"":1,"é":"\u00e9 \ud83d\ude00"}`}, false},
	} {
		objects, more, err := splitList([]byte(c.body))
		var got []string
		for _, o := range objects {
			got = append(got, string(o))
		}
		if diff := cmp.Diff(c.want, got); diff != "" || more != c.more || err != nil {
			t.Errorf("%s: more %v, %v, objects (-want +got):\n%s", c.name, more, err, diff)
		}
	}
}

func TestWhatIsNoListIsRefused(t *testing.T) {
	const whole = `{"object": "list", "data": [{"id": "a", "n": [1, 2]}, {"id": "b"}], "has_more": true, "url": "/v1/x"}`
	for cut := range whole {
		if _, _, err := splitList([]byte(whole[:cut])); err == nil {
			t.Errorf("cut to %q it is taken for a list", whole[:cut])
		}
		if _, err := oneObject([]byte(whole[:cut])); err == nil {
			t.Errorf("cut to %q it is taken for an object", whole[:cut])
		}
	}
	for _, body := range []string{`null`, `[]`, `{}`, `"data"`, `{"data":[]}`, `{"has_more":true}`, `{"data":null,"has_more":false}`,
		`{"data":{},"has_more":false}`, `{"data":[],"has_more":0}`, `{"data":[],"has_more":null}`, whole + "x", whole + whole,
		`{"data":[1 2],"has_more":false}`, `{"data":[{"a":1 2}],"has_more":false}`, `{"data":[{}{}],"has_more":false}`, `{"data":[{},],"has_more":false}`,
		`{"data":[] "has_more":false}`, `{"data" [],"has_more":false}`, `{data:[],"has_more":false}`, `{"data":[{"a":1}},"has_more":false}`, `<html>`} {
		if objects, _, err := splitList([]byte(body)); err == nil {
			t.Errorf("%s is taken for a list of %d", body, len(objects))
		} else if strings.Contains(err.Error(), "id") {
			t.Errorf("%v shows what it reads", err)
		}
	}
	for _, body := range []string{`null`, `[]`, `"a"`, `1`, ``, `{}{}`, `{} x`, `{"a":01}`} {
		if _, err := oneObject([]byte(body)); err == nil {
			t.Errorf("%s is taken for an object", body)
		}
	}
}

func TestIndentsAreSkippedAsAnyWhiteSpace(t *testing.T) {
	for before := range 20 {
		for _, end := range []string{"", "x", "\t  x", "\n \r y", " \x00", "\xa0"} {
			text := []byte("{\n" + strings.Repeat(" ", before) + end)
			for i := range text {
				if got, want := skipIndent(text, i), rawjson.SkipSpace(text, i); got != want {
					t.Errorf("from %d of %q white space ends at %d, want %d", i, text, got, want)
				}
			}
		}
	}
}

// FuzzSplitList holds the splitting against encoding/json.
func FuzzSplitList(f *testing.F) {
	for _, seed := range []string{`{"data":[{"a": [1, {"b" : null}]} , 2],"has_more":true}`, `{"data":[],"has_more":false}`,
		`{"has_more":true,"data":["\" "]}`, `{"data":[[ ]],"has_more":false,"x":{}} `, "{\"data\":\n            [ {\n         \"a\":  [\n\n] } ],\r\n\"has_more\":false}", `{"data":[1],"data":[2],"has_more":false}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if bytes.Contains(body, []byte("NaN")) || bytes.Contains(body, []byte("Infinity")) || bytes.ContainsAny(body, `\`) {
			return // names with escapes are not resolved
		}
		text := bytes.Clone(body)
		objects, more, err := splitList(body)
		if err != nil {
			return
		}
		var want struct {
			Data    []json.RawMessage
			HasMore bool `json:"has_more"`
		}
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatalf("%q is taken for a list of %d: %v", text, len(objects), err)
		}
		if keys := bytes.Count(bytes.ToLower(text), []byte(`"data"`)) + bytes.Count(bytes.ToLower(text), []byte(`"has_more"`)); keys != 2 {
			return // encoding/json takes Data for data
		}
		if more != want.HasMore || len(objects) != len(want.Data) {
			t.Fatalf("%q: %d objects, more %v; want %d, %v", text, len(objects), more, len(want.Data), want.HasMore)
		}
		for i, object := range objects {
			var compacted bytes.Buffer
			if err := json.Compact(&compacted, want.Data[i]); err != nil || compacted.String() != string(object) {
				t.Fatalf("%q: object %d is %q, want %q (%v)", text, i, object, compacted.String(), err)
			}
		}
	})
}
