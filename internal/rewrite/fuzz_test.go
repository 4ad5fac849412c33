package rewrite

import (
	"bytes"
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzCoerce holds coercing against the same work on decoded values.
func FuzzCoerce(f *testing.F) {
	for _, seed := range []string{drifted, `{"tags":["a","b,c"],"price":{"x":[1,null]}}`, `{"customer":[{"hash":1,"id":"2"}],"quantity":{"hash":{}}}`,
		`{"updated_at":"2022-03-10T12:13:28.5+05:30","scheduled_at":"2022-03-10T00:00:00"}`, `{"either":"2024-02-30","any":{"hash":1}}`,
		`{"updated_at":"2022-03-10 12:13-01","scheduled_at":"2022-03-10 00:00:00.000Z"}`, `{"prepaid":"TRUE","quantity":"-0.0","weight":"1e5"}`,
		`{"prepaid":1.0,"quantity":1e3,"weight":"NaN","wide":[true]}`, `{"price":"\u0041","status":"\u0041\/B","names":[1,[2],{"a":"b"}]}`} {
		f.Add([]byte(seed))
	}
	var s shape
	if err := json.Unmarshal([]byte(coercedSchema), &s); err != nil {
		f.Fatal(err)
	}
	selected := func(path ...string) bool { return !slices.Contains(path, "hash") }
	f.Fuzz(func(t *testing.T, in []byte) {
		want, err := decode(in)
		_, object := want.(map[string]any)
		lone := !utf8.Valid(in) || bytes.Contains(bytes.ToLower(in), []byte(`\ud`)) // decoding replaces what is not Unicode
		if err != nil || !object || !json.Valid(in) || lone || bytes.Count(in, []byte("["))+bytes.Count(in, []byte("{")) > maxDepth {
			return
		}
		r, _ := compileCoercing(t, selected)
		got, err := r.Append(nil, in)
		if err != nil {
			t.Fatalf("%q: %v", in, err)
		}
		value, err := decode(got)
		if err != nil {
			t.Fatalf("%q becomes %q: %v", in, got, err)
		}
		if expected := s.coerce(want); !same(expected, value) {
			t.Fatalf("%q becomes %q, want %v", in, got, expected)
		}
		if again, err := r.Append(nil, got); err != nil || !bytes.Equal(again, got) {
			t.Fatalf("%q becomes %q, and that %q, %v", in, got, again, err)
		}
	})
}

// inText is a value that is to be written as the text of its JSON.
type inText struct{ value any }

func same(want, got any) bool {
	switch want := want.(type) {
	case inText:
		text, _ := got.(string)
		value, err := decode([]byte(text))
		return err == nil && reflect.DeepEqual(want.value, value)
	case map[string]any:
		members, ok := got.(map[string]any)
		for name := range want {
			_, has := members[name]
			ok = ok && has && same(want[name], members[name])
		}
		return ok && len(want) == len(members)
	case []any:
		items, ok := got.([]any)
		ok = ok && len(items) == len(want)
		for i := 0; ok && i < len(want); i++ {
			ok = same(want[i], items[i])
		}
		return ok
	}
	return reflect.DeepEqual(want, got)
}

// coerce is what coercing must come to, on decoded values.
func (s *shape) coerce(v any) any {
	if len(s.AnyOf) == 2 {
		s = &s.AnyOf[1]
	}
	is := func(t types) bool { return s.Type&t != 0 }
	anyText := is(stringType) && s.Format == ""
	switch v := v.(type) {
	case bool:
		if !is(booleanType) && anyText {
			return map[bool]string{true: "true", false: "false"}[v]
		}
	case json.Number:
		switch {
		case s.Type == 0 || is(numberType) || is(integerType) && wholePattern.MatchString(string(v)):
		case anyText:
			return string(v)
		case is(booleanType) && (v == "0" || v == "1"):
			return v == "1"
		}
	case string:
		return s.coerceText(v)
	case []any:
		if !is(arrayType) && anyText {
			return s.coerceList(v)
		}
		items, out := &shape{}, make([]any, len(v))
		if s.Items != nil {
			items = &s.Items.shape
		}
		for i := range v {
			out[i] = items.coerce(v[i])
		}
		return out
	case map[string]any:
		if s.Type != 0 && !is(objectType) && anyText {
			return inText{v}
		}
		out := map[string]any{}
		for name, member := range v {
			if name != "hash" {
				out[name] = s.below(name).coerce(member)
			}
		}
		return out
	}
	return v
}

func (s *shape) coerceList(items []any) any {
	texts := make([]string, len(items))
	for i, item := range items {
		text, ok := item.(string)
		if texts[i] = text; !ok || text == "" || strings.Contains(text, ",") {
			if s.Separator != "" {
				return items
			}
		}
	}
	if s.Separator == "" {
		return inText{items}
	}
	return strings.Join(texts, s.Separator)
}

var (
	wholePattern  = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.0+)?$`)
	numberPattern = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)
	timePattern   = regexp.MustCompile(`^([0-9-]{10})(?:[Tt ]([0-9]{2}:[0-9]{2})(?:(:[0-9]{2})(\.[0-9]+)?)?(?:Z|z|([+-])([01][0-9]|2[0-3])(?::?([0-5][0-9]))?)?)?$`)
)

func (s *shape) coerceText(v string) any {
	switch {
	case s.Type == 0:
	case s.Format == "date-time":
		if at, fraction, _, ok := readTime(v); ok {
			return at.Format("2006-01-02T15:04:05") + fraction + "Z"
		}
	case s.Format == "date":
		if at, fraction, shifted, ok := readTime(v); ok && !shifted && at.Format("150405") == "000000" && strings.Trim(fraction, ".0") == "" {
			return at.Format("2006-01-02")
		}
	case s.Lowercase:
		return strings.Map(func(c rune) rune {
			if c >= 'A' && c <= 'Z' {
				c += 'a' - 'A'
			}
			return c
		}, v)
	case s.Type&stringType != 0:
	case s.Type&numberType != 0 && numberPattern.MatchString(v), s.Type&integerType != 0 && wholePattern.MatchString(v):
		return json.Number(v)
	case s.Type&booleanType != 0:
		if word, ok := map[string]bool{"1": true, "0": false, "true": true, "false": false}[asciiLower(v)]; ok {
			return word
		}
	}
	return v
}

// asciiLower leaves text alone that has letters which only Unicode folds into others.
func asciiLower(v string) string {
	if strings.ContainsFunc(v, func(c rune) bool { return c >= utf8.RuneSelf }) {
		return v
	}
	return strings.ToLower(v)
}

func readTime(v string) (at time.Time, fraction string, shifted, ok bool) {
	m := timePattern.FindStringSubmatch(v)
	if m == nil {
		return at, "", false, false
	}
	clock := m[2] + m[3]
	clock += "00:00:00"[len(clock):]
	at, err := time.Parse("2006-01-02 15:04:05", m[1]+" "+clock)
	if err != nil || at.Year() < 1 {
		return at, "", false, false
	}
	if m[6] != "" {
		offset, err := time.ParseDuration(m[5] + m[6] + "h" + m[7] + strings.Repeat("m", min(1, len(m[7]))))
		if err != nil {
			return at, "", false, false
		}
		at, shifted = at.Add(-offset), offset != 0
	}
	return at, m[4], shifted, at.Year() >= 1 && at.Year() <= 9999
}
