package recharge

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPagesAreTakenApart(t *testing.T) {
	tests := map[string]struct {
		body  string
		items []string
		next  string
	}{
		"usual":                {`{"next_cursor":"a","previous_cursor":null,"charges":[{"id":1},{"id":2}]}`, []string{`{"id":1}`, `{"id":2}`}, "a"},
		"the last":             {`{"next_cursor":null,"charges":[{"id":1}]}`, []string{`{"id":1}`}, ""},
		"no cursor":            {`{"charges":[{"id":1}]}`, []string{`{"id":1}`}, ""},
		"an empty cursor":      {`{"charges":[{"id":1}],"next_cursor":""}`, []string{`{"id":1}`}, ""},
		"empty, but not last":  {`{"charges":[],"next_cursor":"b"}`, nil, "b"},
		"no list but null":     {`{"charges":null}`, nil, ""},
		"cursor with escapes":  {`{"charges":[],"next_cursor":"a\u003d\/"}`, nil, "a=/"},
		"white space":          {" \n{ \"charges\" : [ {\"id\" : 1 } ,\t2.50 , \"x\" ] } \n", []string{`{"id" : 1 }`, "2.50", `"x"`}, ""},
		"brackets in text":     {`{"charges":[{"a":"]},{"}]}`, []string{`{"a":"]},{"}`}, ""},
		"a list within a list": {`{"other":{"charges":[1]},"charges":[[1],[]]}`, []string{"[1]", "[]"}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			page, err := readPage(&answer{body: []byte(test.body)}, "charges", 0)
			if err != nil {
				t.Fatal(err)
			}
			var items []string
			for _, item := range page.Items {
				items = append(items, string(item))
			}
			if diff := cmp.Diff(test.items, items); diff != "" || page.Next != test.next || !page.Date.IsZero() {
				t.Errorf("next %q, of %v, items (-want +got):\n%s", page.Next, page.Date, diff)
			}
		})
	}
}

func TestPagesThatAreNoneAreRefused(t *testing.T) {
	for body, passes := range map[string]bool{
		`{"charges":{}}`:                     false,
		`{"charges":"a"}`:                    false,
		`{"orders":[]}`:                      false,
		`{"charges":[],"next_cursor":7}`:     false,
		`{"charges":[1,]}`:                   true,
		`{"charges":[1 2]}`:                  true,
		`{"charges":[1]`:                     true,
		`{"charges":[1]}}`:                   true,
		`[1]`:                                true,
		`"a"`:                                true,
		`{"charges":[{"a":"` + "\n" + `"}]}`: true,
	} {
		page, err := readPage(&answer{body: []byte(body)}, "charges", 0)
		transfer, ok := errors.AsType[*transferError](err)
		if page != nil || !ok || transfer.final == passes {
			t.Errorf("%s: %v, %v", body, page, err)
		}
	}
}

func TestObjectsAreTakenOut(t *testing.T) {
	tests := []struct{ body, key, want string }{
		{`{"store":{"id":1.0}}`, "store", `{"id":1.0}`},
		{` {"id":1} `, "", ` {"id":1} `},
		{`{"store":null}`, "store", "null"},
		{`{"other":1}`, "store", ""},
		{`{"store":{}`, "store", ""},
		{`[]`, "", ""},
	}
	for _, test := range tests {
		got, err := readObject([]byte(test.body), test.key)
		if string(got) != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%q of %s is %q, %v", test.key, test.body, got, err)
		}
		if test.key != "" && cap(got) != len(got) {
			t.Errorf("%q of %s can grow over what follows it", test.key, test.body)
		}
	}
}

// A page that is read holds what encoding/json reads from it, and nothing that it refuses.
func FuzzPagesAreReadAsJSON(f *testing.F) {
	f.Add([]byte(`{"charges":[{"id":1},[2,"]"],null ],"next_cursor":"a\u0042"}`))
	f.Add([]byte(`{"charges":[1,2`))
	f.Add([]byte(`{"charges":null}x`))
	f.Fuzz(func(t *testing.T, body []byte) {
		page, err := readPage(&answer{header: http.Header{}, body: body}, "charges", 3)
		if err != nil {
			return
		}
		if bytes.Contains(body, []byte("NaN")) || bytes.Contains(body, []byte("Infinity")) || bytes.Count(body, []byte(`\`)) > 0 {
			return // rawjson takes the former, and encoding/json compares names without their case and escapes
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(body, &want); err != nil {
			t.Fatalf("%q is not JSON: %v", body, err)
		}
		var list []json.RawMessage
		if err := json.Unmarshal(want["charges"], &list); err != nil || !slices.EqualFunc(list, page.Items, equalText) {
			t.Errorf("the items of %q are %q, not %q: %v", body, page.Items, list, err)
		}
	})
}

func equalText(a, b json.RawMessage) bool { return bytes.Equal(a, b) }
