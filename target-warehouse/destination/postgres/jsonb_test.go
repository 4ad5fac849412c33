package postgres

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"tapline/singer"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

// zeros is so many zeros.
func zeros(n int) string { return strings.Repeat("0", n) }

// numbers are at both sides of all limits of numeric.
var numbers = []string{
	"0", "-0", "1.5", "-1.5e-3", "1E+5", "0e99999", "0e200000", "0e-16383", "0e-16384", "0.0e-16382", "0.0e-16383",
	"1e131071", "1e131072", "-1e131071", "-1e+131072", "10e131070", "10E131071", "0.1e131072", "0.1e131073", "0.001e131074", "0.001e131075",
	"1e-16383", "1e-16384", "0.1e-16382", "0.1e-16383", "1e00000000000000000005", "1e-00016384",
	"1e999999999", "1e-999999999", "1e2147483648", "0e2147483648", "1e99999999999999999999", "1e-99999999999999999999",
	"1" + zeros(131_071), "1" + zeros(131_072), "0." + zeros(16_382) + "1", "0." + zeros(16_383) + "1", "1." + zeros(16_383), "1." + zeros(16_384),
	"1" + zeros(121_072) + "e9999", "1" + zeros(121_073) + "e9999", "1." + zeros(6_384) + "e-9999", "1." + zeros(6_385) + "e-9999",
}

func TestHugeNumbersAreThoseThatTheServerRefuses(t *testing.T) {
	conn := connect(t, newDatabase(t))
	refused := 0
	for _, number := range numbers {
		_, err := conn.Exec(t.Context(), "SELECT $1::text::jsonb", number)
		if got := isHuge(number); got != (err != nil) {
			t.Errorf("%.30s (%d characters) is huge: %v, but the server says %v", number, len(number), got, err)
		}
		if err != nil {
			refused++
		}
		if huge, may := isHuge(number), mayHaveHugeNumber("["+number+"]"); huge && !may {
			t.Errorf("%.30s (%d characters) is passed over", number, len(number))
		}
	}
	if refused < 15 || refused > len(numbers)-15 {
		t.Errorf("the server refuses %d of %d numbers, which tells little", refused, len(numbers))
	}
}

func TestHugeNumbersBecomeStringsAtEveryDepth(t *testing.T) {
	long := "1" + zeros(140_000)
	for _, c := range []struct{ text, want string }{
		{`1e200000`, `"1e200000"`},
		{`-1e200000`, `"-1e200000"`},
		{long, `"` + long + `"`},
		{` [1e-20000 , 2,{"a":[1E+200000,3e5]} ] `, ` ["1e-20000" , 2,{"a":["1E+200000",3e5]} ] `},
		{`{"a":1e200000,"b":-1e200000}`, `{"a":"1e200000","b":"-1e200000"}`},
		{`{"1e200000":"1e200000","\"1e200000":"\\"}`, `{"1e200000":"1e200000","\"1e200000":"\\"}`},
		{`["\\",1e200000,"\\\"",1e200000]`, `["\\","1e200000","\\\"","1e200000"]`},
		{`{"a":1e99999,"id":1234567890123,"at":"2026-03-04T05:06:07.123456Z"}`, `{"a":1e99999,"id":1234567890123,"at":"2026-03-04T05:06:07.123456Z"}`},
		{`"` + long + `"`, `"` + long + `"`},
		{`[true,false,null]`, `[true,false,null]`},
	} {
		got, changed := withoutHugeNumbers(c.text)
		if got != c.want || changed != (c.text != c.want) {
			t.Errorf("%.60s becomes %.60s, changed: %v; want %.60s", c.text, got, changed, c.want)
		}
	}
}

// TestHugeNumberIsFoundWhereverItStands moves one over the places that are looked at, among digits that are none.
func TestHugeNumberIsFoundWhereverItStands(t *testing.T) {
	for _, number := range []string{"1e20000000", "1e-20000", "1E+200000", "1." + zeros(6_385) + "e-9999"} {
		for ahead := range 12 {
			for _, filler := range []string{" ", "12345678901"[:ahead%11+1] + ",", `"1e123","1234",`} {
				text := "[" + strings.Repeat(" ", ahead) + filler + "1" + zeros(ahead) + "," + number + "]"
				if filler == " " {
					text = "[" + strings.Repeat(filler, ahead) + number + "]"
				}
				if got, _ := withoutHugeNumbers(text); !strings.HasSuffix(got, `"`+number+`"]`) {
					t.Errorf("%.60s becomes %.60s", text, got)
				}
			}
		}
	}
}

func FuzzWithoutHugeNumbers(f *testing.F) {
	for _, seed := range []string{`1e200000`, `[1e-20000,"1e200000",1]`, `{"\"":-1E+123456,"a1e12345":[12345e1]}`, `"\\"`, `0.00001e99999`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, changed := withoutHugeNumbers(text)
		if !json.Valid([]byte(text)) {
			return // which must only not panic
		}
		if whole, _ := quoteHugeNumbers(text); got != whole {
			t.Fatalf("%q becomes %q, and %q where all of it is read", text, got, whole)
		}
		if diff := gocmp.Diff(plainly(t, text, true), plainly(t, got, false)); diff != "" {
			t.Errorf("%q becomes %q (-want +got):\n%s", text, got, diff)
		}
		if changed != (got != text) {
			t.Errorf("%q becomes %q, changed: %v", text, got, changed)
		}
	})
}

// plainly lists the tokens of a JSON text, huge numbers as strings if that is asked for.
func plainly(t *testing.T, text string, quote bool) []json.Token {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var tokens []json.Token
	for {
		token, err := decoder.Token()
		if err != nil {
			break
		}
		if number, ok := token.(json.Number); ok && quote && isHuge(number.String()) {
			token = number.String()
		}
		tokens = append(tokens, token)
	}
	if len(tokens) == 0 {
		t.Fatalf("%q has no tokens", text)
	}
	return tokens
}

func TestHugeNumbersAreStoredAsStringsAndToldOncePerColumn(t *testing.T) {
	db := newDatabase(t)
	var log bytes.Buffer
	w, err := Open(t.Context(), Config{URL: singer.Secret(db), Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	conn := connect(t, db)
	mustExec(t, conn, "CREATE TABLE things (value bigint PRIMARY KEY, other jsonb, third json)")
	tab := things(1, table.Integer, table.JSON, table.JSON)
	rows := []destinationtest.Row{
		{int64(1), `1e200000`, `1e200000`},
		{int64(2), `{"a":[-1e-20000,1e200000],"b":"\u0000"}`, nil},
		{int64(3), `[1.50,1e5,12345678]`, nil},
	}
	mustLoad(t, w, tab, rows...)
	mustLoad(t, w, tab, rows[2])
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	want := []destinationtest.Row{{int64(1), `"1e200000"`, "1e200000"}, {int64(2), "{\"a\": [\"-1e-20000\", \"1e200000\"], \"b\": \"\uFFFD\"}", nil},
		{int64(3), "[1.50, 100000, 12345678]", nil}}
	if diff := gocmp.Diff(want, query(t, conn, "SELECT value, other::text, third::text FROM things ORDER BY value")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var told []string
	for line := range strings.Lines(log.String()) {
		_, text, _ := strings.Cut(strings.TrimSpace(line), "msg=")
		told = append(told, text)
	}
	const place = " stream=things table=public.things column=other values="
	if diff := gocmp.Diff([]string{`"NUL characters were replaced by U+FFFD: PostgreSQL cannot store them"` + place + "1",
		`"numbers of too many digits for PostgreSQL's jsonb were stored as strings"` + place + "2"}, told); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func BenchmarkForJSONB(b *testing.B) {
	text := `{"id":"ch_3NqEfG2eZvKYlo2C1a2b3c4d","amount":1999,"created":1709542800,"at":"2026-03-04T05:06:07.123456Z","paid":true,` +
		`"metadata":{"order":"6735","customer":"someone@example.com","note":"several words of a text that somebody has entered here"},"fee":0.3025}`
	b.SetBytes(int64(len(text)))
	var counts replacements
	for b.Loop() {
		forJSONB(text, &counts)
	}
	if counts != (replacements{}) {
		b.Error("it was changed")
	}
}
