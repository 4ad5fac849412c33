package stripefake

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMembersKeepTheirBytes(t *testing.T) {
	for object, want := range map[string][][2]string{
		`{}`:                                 nil,
		" {\n \"a\" : 1.10 , \"b\":[1, 2]} ": {{"a", "1.10"}, {"b", "[1, 2]"}},
		`{"a":{"b":"}"},"c":"\"]","d":-1e5}`: {{"a", `{"b":"}"}`}, {"c", `"\"]"`}, {"d", "-1e5"}},
		`{"esc\u0061ped":null,"x":true}`:     {{"escaped", "null"}, {"x", "true"}},
		`{"a":"","a":"\\"}`:                  {{"a", `""`}, {"a", `"\\"`}},
	} {
		members, err := readMembers([]byte(object))
		if err != nil {
			t.Errorf("%s: %v", object, err)
		}
		var got [][2]string
		for _, m := range members {
			got = append(got, [2]string{m.name, string(m.raw)})
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", object, diff)
		}
	}
	for _, wrong := range []string{"", "[]", `"a"`, "{", `{"a":1}x`, `{"a"}`, "null"} {
		if members, err := readMembers([]byte(wrong)); err == nil {
			t.Errorf("%q was read as %v", wrong, members)
		}
	}
}

// What encoding/json reads of an object is read of it here, and nothing else.
func FuzzMembers(f *testing.F) {
	for _, seed := range []string{`{"a":1}`, ` { "a\"":[{}], "b" : "\\" }`, `{"é":"\ud800"}`, `{"a":{"a":{}}}`, `{`, `{"a":"`, `"{`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, object []byte) {
		members, err := readMembers(object)
		var want map[string]json.RawMessage
		if wanted := json.Unmarshal(object, &want) == nil && want != nil; wanted != (err == nil) {
			t.Fatalf("%q: %v, encoding/json wants it: %v", object, err, wanted)
		}
		last := map[string][]byte{}
		for _, m := range members {
			last[m.name] = m.raw
		}
		if len(last) != len(want) && err == nil {
			t.Fatalf("%q: %d members, want %d", object, len(last), len(want))
		}
		for _, m := range members {
			if got := memberRaw(object, m.name); got == nil {
				t.Errorf("%q: no member %q", object, m.name)
			}
		}
		for name, raw := range want {
			if got, ok := last[name]; !ok || !bytes.Equal(got, raw) {
				t.Errorf("%q: %q is %q, want %q", object, name, got, raw)
			}
		}
	})
}
