package decode

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"tapline/internal/rawjson"
	"tapline/singer"
	"tapline/target-warehouse/table"

	"github.com/google/go-cmp/cmp"
)

// everyType declares one property of each type; what else a record has is undeclared.
const everyType = `"b":{"type":"boolean"},"i":{"type":"integer"},"n":{"type":"number"},"s":{"type":"string"},
	"t":{"type":"string","format":"date-time"},"d":{"type":"string","format":"date"},"j":{}`

// refused marks a value that no column of the type can hold; undecided one on which the oracle has no opinion.
var refused, undecided = new(int), new(int)

// expect is the oracle: what encoding/json, math/big and package time make of a value in a column of type t, which was
// declared as one of type declared.
func expect(declared, t table.Type, value any) any {
	if value == nil {
		return nil
	}
	switch declared {
	case table.Boolean:
		if v, ok := value.(bool); ok {
			return v
		}
	case table.Integer, table.Number:
		if v, ok := value.(json.Number); ok {
			return expectNumber(t, v)
		}
	case table.Text:
		if v, ok := value.(string); ok {
			return v
		}
	case table.Timestamp:
		if v, ok := value.(string); ok {
			return expectTimestamp(v)
		}
	case table.Date:
		if v, ok := value.(string); ok {
			return expectDate(v)
		}
	case table.JSON:
		return value
	}
	return refused
}

var longExponent = regexp.MustCompile(`[eE][+-]?\d{4,}`)

// expectNumber expects a type to hold a number exactly or not at all; a Decimal alone may refuse one that is too long.
func expectNumber(t table.Type, v json.Number) any {
	if longExponent.MatchString(v.String()) {
		return undecided // math/big would build the number
	}
	exact, _ := new(big.Rat).SetString(v.String())
	places, _ := exact.FloatPrec()
	written := exact.FloatString(places)
	if len(strings.Trim(strings.Replace(written, ".", "", 1), "-")) > maxDigits {
		return refused
	}
	switch t {
	case table.Decimal:
		return written
	case table.Integer:
		if exact.IsInt() && exact.Num().IsInt64() {
			return exact.Num().Int64()
		}
		return refused
	}
	near, err := strconv.ParseFloat(v.String(), 64)
	if err != nil {
		return refused
	}
	if back, _ := new(big.Rat).SetString(strconv.FormatFloat(near, 'g', -1, 64)); back.Cmp(exact) != 0 {
		return refused
	}
	return near
}

var (
	strictTime = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):\d\d)$`)
	strictDate = regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)
)

func expectTimestamp(v string) any {
	if !strictTime.MatchString(v) {
		return undecided
	}
	at, err := time.Parse(time.RFC3339Nano, v)
	local := at.Year()
	if at = at.UTC(); err != nil || at.Nanosecond()%1000 != 0 || at.Year() < 1 || at.Year() > 9999 || local < 1 {
		return refused
	}
	return at
}

func expectDate(v string) any {
	if !strictDate.MatchString(v) {
		return undecided
	}
	if at, err := time.Parse(time.DateOnly, v); err != nil || at.Year() < 1 {
		return refused
	}
	return v
}

// check appends a record to d. It returns what encoding/json reads in it; nil if it is not a record, or if there is
// nothing to compare.
func check(t *testing.T, d *Decoder, record []byte) map[string]any {
	t.Helper()
	err := d.Append(&singer.Record{Stream: "orders", Record: record}, int64(d.Len()+1))
	if bytes.Contains(record, []byte("NaN")) || bytes.Contains(record, []byte("Infinity")) || !utf8.Valid(record) {
		if err == nil {
			return map[string]any{unread: true}
		}
		return nil // encoding/json reads neither
	}
	decoder := json.NewDecoder(bytes.NewReader(record))
	decoder.UseNumber()
	var want map[string]any
	isRecord := json.Valid(record) && decoder.Decode(&want) == nil && want != nil
	if isRecord != (err == nil) {
		t.Fatalf("%q: %v, is a record: %v", record, err, isRecord)
	}
	return want
}

// unread is the key of a record that the oracle has not read.
const unread = "\x00unread"

// checkRows holds the rows of the next batch, and what was rejected of them, against what encoding/json read.
func checkRows(t *testing.T, d *Decoder, wants []map[string]any) {
	t.Helper()
	rejected := map[string]bool{}
	for _, r := range d.Rejects() {
		rejected[fmt.Sprint(r.Ordinal, r.Field)] = true
	}
	b := d.Batch()
	hasExtra := extraOf(b.Table) >= 0
	for r, row := range rowsOf(t, b) {
		want := wants[r]
		if want[unread] != nil {
			continue
		}
		for i, c := range d.plan.Table().Columns {
			got := row[i]
			if c.Type == table.JSON && got != nil {
				got = parse(t, got.(string))
			}
			expected := expect(c.Type, b.Table.Columns[i].Type, want[c.Property])
			isRejected := rejected[fmt.Sprint(r+1, c.Property)]
			switch {
			case expected == undecided:
			case expected == refused && (got != nil || !isRejected):
				t.Fatalf("row %d: %s of %v becomes %#v (rejected: %v), want NULL and a reject", r, c.Property, want, got, isRejected)
			case expected != refused && (!same(expected, got) || isRejected):
				t.Fatalf("row %d: %s becomes %#v (rejected: %v), want %#v", r, c.Property, got, isRejected, expected)
			}
			delete(want, c.Property)
		}
		var extra any
		if hasExtra && row[len(row)-2] != nil {
			extra = parse(t, row[len(row)-2].(string))
		}
		if len(want) > 0 && !cmp.Equal(any(want), extra) || len(want) == 0 && extra != nil {
			t.Fatalf("row %d has the extra %v, want %v", r, extra, want)
		}
	}
}

func parse(t *testing.T, text string) any {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		t.Fatalf("%q is kept as JSON: %v", text, err)
	}
	return v
}

func same(want, got any) bool {
	if w, ok := want.(float64); ok {
		g, ok := got.(float64)
		return ok && math.Float64bits(w) == math.Float64bits(g)
	}
	return cmp.Equal(want, got)
}

// FuzzDecode holds the decoder against encoding/json on any bytes.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"b":true,"i":-12,"n":1.5e3,"s":"a\u00e9\ud83d\ude00\ud800","t":"2024-05-01T10:00:00.123456+02:00","d":"2024-02-29","j":{"x":[1,null]}}`,
		`{"x":1,"\u0078":2,"y":{"a":"\udc00"},"b":null}`,
		`{"i":9223372036854775808}`, `{"i":1.0e2,"n":0.1000000000000000055}`, `{"t":"0001-01-01T00:00:00+23:59"}`,
		`{"d":"2023-02-29"}`, `{"s":1}`, ` {} `, `{"i":1,"i":2}`, `[]`, `{"n":-0.0}`, `{"":{}}`, "{\"s\":\"\xff\"}", `{"n":NaN,"j":[NaN]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, record []byte) {
		d := newPlan(t, everyType, table.Options{}).NewDecoder()
		if want := check(t, d, record); want != nil {
			checkRows(t, d, []map[string]any{want})
		} else if b := d.Batch(); b != nil {
			b.Rows.Release()
		}
	})
}

// FuzzTimestamp holds strict RFC 3339 against package time, and shows that a date is taken only where its timestamp is
// too.
func FuzzTimestamp(f *testing.F) {
	for _, seed := range []string{"2024-02-29T23:59:59.999999+14:00", "0001-01-01 00:00", "1900-02-29", "2024-05-01T00:00:00Z", "2024-05-01T10:00:00.0000001-0030"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		micros, problem := timestamp([]byte(text))
		var got any = refused
		if problem == "" {
			got = time.UnixMicro(micros).UTC()
		}
		quoted := []byte(`"` + text + `"`)
		if usual, ok := usualMoment(quoted); ok && (problem != "" || usual != micros) {
			t.Fatalf("%q is read as %d where its spelling is usual, else as %d (%s)", text, usual, micros, problem)
		}
		if want := expectTimestamp(text); want != undecided && !same(want, got) {
			t.Fatalf("%q becomes %v (%s), want %v", text, got, problem, want)
		}
		days, other := date([]byte(text))
		if other == "" && (problem != "" || int64(days)*microsPerDay != micros) {
			t.Fatalf("%q is the day %d and the moment %d (%s)", text, days, micros, problem)
		}
		if want := expectDate(text); want != undecided && (want == refused) != (other != "") {
			t.Fatalf("%q as a date: %d (%s), want %v", text, days, other, want)
		}
	})
}

// FuzzNumber holds both kinds of numbers against math/big.
func FuzzNumber(f *testing.F) {
	for _, seed := range []string{"0", "-1.50e1", "9223372036854775808", "0.1", "1e-400", "123456789012345.6", "4.35", "1E22", "0.30000000000000004"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		end, err := rawjson.Skip([]byte(text), 0)
		kind := rawjson.KindOf([]byte(text))
		if err != nil || end != len(text) || kind != rawjson.Number {
			return
		}
		var whole, near any = refused, refused
		if v, problem := integer([]byte(text), kind); problem == "" {
			whole = v
		}
		if v, problem := number([]byte(text), kind); problem == "" {
			near = v
		}
		for typ, got := range map[table.Type]any{table.Integer: whole, table.Number: near} {
			want := expectNumber(typ, json.Number(text))
			if long := want == refused && got != refused; long && len(text) > maxDigits {
				continue // what makes a Decimal refuse it is no matter to a number that fits
			}
			if want != undecided && !same(want, got) {
				t.Fatalf("%s as %s becomes %v, want %v", text, typ, got, want)
			}
		}
	})
}

// TestRandomRecordsDecodeAsEncodingJSONReadsThem sends random records through the decoders of one plan, so that guesses
// about the order of keys, buffers used again, rejected values and columns that grow wider in between are at work.
func TestRandomRecordsDecodeAsEncodingJSONReadsThem(t *testing.T) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 2))
		p := newPlan(t, everyType, table.Options{})
		decoders := []*Decoder{p.NewDecoder(), p.NewDecoder()}
		wants := make([][]map[string]any, 2)
		rare := 1 + r.IntN(2000) // how seldom a number does not fit
		for range 1_000 {
			which := r.IntN(2)
			if want := check(t, decoders[which], []byte(randomRecord(r, rare))); want != nil {
				wants[which] = append(wants[which], want)
			}
			if r.IntN(30) == 0 && len(wants[which]) > 0 {
				checkRows(t, decoders[which], wants[which])
				wants[which] = nil
			}
		}
		for which, d := range decoders {
			if d.Len() > 0 {
				checkRows(t, d, wants[which])
			}
		}
	}
}

func randomRecord(r *rand.Rand, rare int) string {
	names := []string{"b", "i", "n", "s", "t", "d", "j", "x", `\u0079`, "z z"}
	r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	var members []string
	for _, name := range slices.Concat(names[:r.IntN(len(names))], names[:r.IntN(2)]) {
		members = append(members, fmt.Sprintf(`%s"%s"%s:%s%s`, space(r), name, space(r), space(r), randomValue(r, name, rare)))
	}
	return "{" + strings.Join(members, ",") + space(r) + "}"
}

func space(r *rand.Rand) string { return []string{"", "", "", " ", "\t\n"}[r.IntN(5)] }

// randomValue mostly fits the property of that name.
func randomValue(r *rand.Rand, name string, rare int) string {
	if (name == "i" || name == "n") && r.IntN(rare) == 0 {
		return pick(r, "1.5", "-0.1", "9007199254740993.5", "9223372036854775808", "123456789012345678901234567890", "-1e40", "0.1e-400", "12345678901234567890.123456789012345678")
	}
	fitting := map[string]func() string{
		"b": func() string { return strconv.FormatBool(r.IntN(2) == 0) },
		"i": func() string {
			return pick(r, strconv.FormatInt(int64(r.Uint64()), 10), strconv.Itoa(r.IntN(1000)), "12.00", "3e2")
		},
		"n": func() string {
			return pick(r, strconv.FormatFloat(r.NormFloat64(), 'g', -1, 64), fmt.Sprintf("%.2f", r.Float64()*1e4), fmt.Sprint(r.IntN(1e6)),
				strconv.FormatFloat(math.Float64frombits(r.Uint64()&^(1<<62)), 'e', -1, 64))
		},
		"s": func() string { return pick(r, `""`, `"plain text"`, `"\u00e9\n\ud83d\ude00"`, `"\udfff"`, `"é😀"`) },
		"t": func() string {
			at := time.UnixMicro(r.Int64N(4e15)).In(time.FixedZone("", 60*(r.IntN(1440)-720)))
			return `"` + at.Format(pick(r, "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05.999999Z07:00")) + `"`
		},
		"d": func() string {
			return `"` + time.Unix(r.Int64N(8e10)-4e10, 0).UTC().Format(time.DateOnly) + `"`
		},
	}
	if fit, ok := fitting[name]; ok && r.IntN(20) > 0 {
		return fit()
	}
	return pick(r, "null", "null", "null", "null", "true", "1", "1.5", `"x"`, `{"a":[1,{"b":"\u00e9"}]}`, "[]", `"2024-05-01"`)
}

func pick(r *rand.Rand, choices ...string) string { return choices[r.IntN(len(choices))] }
