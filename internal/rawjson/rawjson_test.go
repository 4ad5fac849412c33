package rawjson

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestSkipFindsTheEndOfAValue(t *testing.T) {
	for _, value := range []string{
		`null`, `true`, `false`, `0`, `-0`, `12`, `-1.5`, `1e9`, `1.25E-7`, `123456789012345678901234567890.10`,
		`""`, `"plain"`, `"a longer string than eight bytes, with \"quotes\""`, `"\u00e9\ud83d\ude00"`, "\"\u00e9\U0001F600\"",
		`[]`, `[ ]`, `[1,2]`, `[[],[[]]]`, `{}`, `{ }`, `{"a":1}`, `{"a":{"b":[{"c":"}"}]},"d":[]}`, ` `[:0] + `[ 1 , { "a" : null } ]`,
		`NaN`, `Infinity`, `-Infinity`, `[NaN,-Infinity]`,
	} {
		for _, behind := range []string{"", ",", "}", " ", "]x"} {
			end, err := Skip([]byte(value+behind), 0)
			if err != nil || end != len(value) {
				t.Errorf("Skip(%q) = %d, %v; want %d", value+behind, end, err, len(value))
			}
		}
	}
}

func TestSkipRefusesWhatIsNotJSON(t *testing.T) {
	for _, text := range []string{
		`}`, `nul!`, `01`, `1.`, `1.x`, `-`, `+1`, `.5`, `1e`, `"a`, `"\x"`, `"\u12g4"`, "\"a\nb\"", `[1,]`, `[1 2]`, `[,]`,
		`{"a"}`, `{"a":}`, `{"a":1,}`, `{a:1}`, `{"a":1 "b":2}`, `{,}`, `[1}`, `{"a":1]`, `Infinitx`, `tru`, ``, `[`, `{"a":[`,
	} {
		if end, err := Skip([]byte(text), 0); err == nil && end == len(text) {
			t.Errorf("Skip(%q) accepts it", text)
		}
	}
}

func TestSkipTellsACutTextFromAWrongOne(t *testing.T) {
	whole := `{"a":[1.5e3,"x\u0041",{"b":null}],"c":true}`
	for cut := range whole {
		if _, err := Skip([]byte(whole[:cut]), 0); !Unended(err) {
			t.Errorf("Skip(%q) = %v, want the failure for a cut text", whole[:cut], err)
		}
	}
	if _, err := Skip([]byte(`[1 2]`), 0); Unended(err) {
		t.Error("a missing comma is taken for a cut text")
	}
}

func TestScanTellsTheTraitsOfAValue(t *testing.T) {
	for text, want := range map[string]Traits{
		`null`: 0, `"plain, and longer than eight bytes"`: 0, `{"a":[1,-2,true,"b"]}`: 0,
		`"a\nb"`: HasEscapes, `{"\u0061":1}`: HasEscapes, `[{"a":"b\\"}]`: HasEscapes,
		`"é"`: HasNonASCII, `"eight by é"`: HasNonASCII, `{"é":1}`: HasNonASCII, `{"a":{"é":1}}`: HasNonASCII, "\"\xff\"": HasNonASCII,
		`NaN`: HasNotFinite, `-Infinity`: HasNotFinite, `[Infinity]`: HasNotFinite, `{"a":[-Infinity]}`: HasNotFinite,
		`{"\\":"é","a":NaN}`: HasEscapes | HasNonASCII | HasNotFinite, `"NaN"`: 0,
	} {
		for _, behind := range []string{"", "é", `\"`, "1234567é", `,"\\é"`} {
			end, has, err := Scan([]byte(text+behind), 0)
			if err != nil || end != len(text) || has != want {
				t.Errorf("Scan(%s%s) = %d, %b, %v; want %d, %b", text, behind, end, has, err, len(text), want)
			}
		}
	}
}

func TestSkipBoundsItsDepth(t *testing.T) {
	if _, err := Skip([]byte(strings.Repeat("[", 1<<20)), 0); err == nil || Unended(err) {
		t.Errorf("a million open brackets give %v", err)
	}
}

func TestMembers(t *testing.T) {
	var got [][2]string
	var m Members
	text := ` { "a" : 1 , "b\n":[{"x":"}"}],"c":"" } tail`
	for m.Reset([]byte(text)); m.Next(); {
		got = append(got, [2]string{string(m.Key), string(m.Value)})
	}
	want := [][2]string{{"a", "1"}, {`b\n`, `[{"x":"}"}]`}, {"c", `""`}}
	if diff := cmp.Diff(want, got); diff != "" || m.Err() != nil {
		t.Errorf("members differ (-want +got):\n%s%v", diff, m.Err())
	}
	if rest := text[m.End():]; rest != " tail" {
		t.Errorf("End leaves %q", rest)
	}
}

func TestMembersRefusesWhatIsNotAnObject(t *testing.T) {
	for _, text := range []string{``, `[]`, `1`, `{`, `{"a":1`, `{"a":1,}`, `{"a" 1}`, `{"a":1;"b":2}`, `{1:2}`} {
		var m Members
		for m.Reset([]byte(text)); m.Next(); {
		}
		if m.Err() == nil {
			t.Errorf("Members accepts %q", text)
		}
	}
}

func TestText(t *testing.T) {
	for _, c := range []struct {
		quoted, want string
		replaced     int
	}{
		{`""`, "", 0},
		{`"plain"`, "plain", 0},
		{`"\"\\\/\b\f\n\r\t"`, "\"\\/\b\f\n\r\t", 0},
		{`"\u0041\u00e9\u0000"`, "A\u00e9\x00", 0},
		{`"\ud83d\ude00"`, "\U0001F600", 0},
		{`"\ud83dx"`, "\uFFFDx", 1},
		{`"\ud83d\u0041"`, "\uFFFDA", 1},
		{`"\ude00"`, "\uFFFD", 1},
		{"\"a\xffb\"", "a\uFFFDb", 1},
		{`"\ufffd"`, "\uFFFD", 0},
	} {
		_, escaped, err := SkipString([]byte(c.quoted), 0)
		got, replaced := Text([]byte(c.quoted), nil, escaped)
		if err != nil || string(got) != c.want || replaced != c.replaced {
			t.Errorf("Text(%s) = %q, %d, %v; want %q, %d", c.quoted, got, replaced, err, c.want, c.replaced)
		}
	}
}

func TestWalkingAllocatesNothing(t *testing.T) {
	text := []byte(`{"id":"ch_1","amount":1200,"nested":{"a":[1,2,{"b":"c"}]},"note":"no escapes here"}`)
	var m Members
	if n := testing.AllocsPerRun(100, func() {
		for m.Reset(text); m.Next(); {
			if KindOf(m.Value) == String {
				Text(m.Value, nil, false)
			}
		}
	}); n != 0 {
		t.Errorf("a walk allocates %v times", n)
	}
}

// FuzzSkip holds the walker against encoding/json: the same texts are JSON, and strings decode alike.
func FuzzSkip(f *testing.F) {
	for _, seed := range []string{`{"a":[1,-2.5e+3,"\u00e9\ud83d",null,true]}`, `"\ud83d\ude00"`, `[[[]]]`, `{"a":{}}`, `"a`, "\"\xff\"", `-0.0`, `1E400`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		start := SkipSpace(data, 0)
		end, err := Skip(data, start)
		ours := err == nil && SkipSpace(data, end) == len(data)
		if bytes.Contains(data, []byte("NaN")) || bytes.Contains(data, []byte("Infinity")) || !utf8.Valid(data) {
			return
		}
		if theirs := json.Valid(data); ours != theirs {
			t.Fatalf("%q: valid %v here (%v), %v for encoding/json", data, ours, err, theirs)
		}
		if !ours {
			return
		}
		_, has, _ := Scan(data, start)
		if (has&HasEscapes != 0) != bytes.ContainsRune(data, '\\') || (has&HasNonASCII != 0) != bytes.ContainsFunc(data, func(r rune) bool { return r > 127 }) {
			t.Fatalf("%q has the traits %b", data, has)
		}
		if KindOf(data[start:end]) != String {
			return
		}
		var want string
		if err := json.Unmarshal(data[start:end], &want); err != nil {
			t.Fatal(err)
		}
		_, escaped, _ := SkipString(data, start)
		if got, _ := Text(data[start:end], nil, escaped); string(got) != want {
			t.Fatalf("%q decodes to %q, want %q", data, got, want)
		}
	})
}

func BenchmarkSkip(b *testing.B) {
	text := []byte(`{"id":"ch_3OabcdefGHIJKLMN","object":"charge","amount":1200,"billing_details":{"address":{"city":"Lyon","country":"FR","line1":"1 rue de la Paix"},"email":"a@example.com"},"outcome":{"network_status":"approved_by_network","risk_score":12},"paid":true}`)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		Skip(text, 0)
	}
}
