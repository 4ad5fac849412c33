package files

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

// FuzzString holds strings as they are written against encoding/json.
func FuzzString(f *testing.F) {
	for _, s := range []string{"", `"\/`, "\x00\x1f\x7f\n\t", "東京 🧾 \u2028", "\xff\xfe", "a\xffb"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text := appendString(nil, s)
		var got string
		if err := json.Unmarshal(text, &got); err != nil || got != strings.ToValidUTF8(s, "\uFFFD") && got != s {
			t.Errorf("%q is written as %s, which is %q, %v", s, text, got, err)
		}
		if strings.ContainsAny(string(text), "\n\r") {
			t.Errorf("%q is written on several lines: %s", s, text)
		}
	})
}

// FuzzRecord writes rows of own tables and reads them again.
func FuzzRecord(f *testing.F) {
	f.Add("run", "it's \"x\"\n", int64(math.MinInt64), int64(0))
	f.Add("", "\x00", int64(7), int64(-62135596800000000))
	f.Fuzz(func(t *testing.T, id, message string, n, micros int64) {
		at := time.UnixMicro(micros).UTC()
		if at.Year() < 0 || at.Year() > 9999 {
			t.Skip("there is no such year in RFC 3339")
		}
		row := aRun(strings.ToValidUTF8(id, "?"))
		row.Values[5], row.Values[8], row.Values[9] = at, strings.ToValidUTF8(message, "?"), n
		got, err := parseRecord(nil, appendRecord(nil, row, true))
		if err != nil || got.Table != destination.Runs {
			t.Fatalf("%+v, %v", got, err)
		}
		for i, v := range row.Values {
			if got.Values[i] != v {
				t.Errorf("%s is %v, was %v", row.Table.Columns[i].Name, got.Values[i], v)
			}
		}
	})
}

func TestValuesAsJSONAndAsText(t *testing.T) {
	for _, c := range []struct {
		typ          table.Type
		value        any
		asJSON, text string
	}{
		{table.Boolean, true, "true", "true"},
		{table.Integer, int64(math.MinInt64), "-9223372036854775808", "-9223372036854775808"},
		{table.Number, 1e21, "1e+21", "1000000000000000000000"},
		{table.Number, -1e-7, "-1e-07", "-0.0000001"},
		{table.Number, math.Copysign(0, -1), "-0", "0"},
		{table.Number, math.NaN(), `"NaN"`, "NaN"},
		{table.Number, math.Inf(-1), `"-Infinity"`, "-Infinity"},
		{table.Decimal, "12345678901234567890.5", "12345678901234567890.5", "12345678901234567890.5"},
		{table.Decimal, "NaN", `"NaN"`, "NaN"},
		{table.Text, "a\"\n", `"a\"\n"`, "a\"\n"},
		{table.Timestamp, time.Date(2024, 3, 10, 2, 30, 0, 120000000, time.UTC), `"2024-03-10T02:30:00.12Z"`, "2024-03-10T02:30:00.12Z"},
		{table.Date, time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), `"0001-01-01"`, "0001-01-01"},
		{table.JSON, "{\n \"a\":\r1.0}", "{  \"a\": 1.0}", "{\n \"a\":\r1.0}"},
		{table.JSON, nil, "null", ""},
	} {
		b := destinationtest.Batch(Allocator(), typed(table.Column{Type: c.typ}, table.Widen), 1, destinationtest.Row{c.value})
		values := b.Rows.Column(0)
		if got := string(appendJSON(nil, c.typ, values, 0)); got != c.asJSON {
			t.Errorf("%v %v as JSON is %s, want %s", c.typ, c.value, got, c.asJSON)
		}
		if c.value == nil {
			continue
		}
		if got := string(appendText(nil, c.typ, values, 0)); got != c.text {
			t.Errorf("%v %v as text is %s, want %s", c.typ, c.value, got, c.text)
		}
	}
}

func TestLineLeavesOutJSONThatIsNULL(t *testing.T) {
	var out strings.Builder
	l, err := newLines(&out, []column{{Name: "a", Type: table.JSON}, {Name: "b\"", Type: table.Text}}, "none")
	if err != nil {
		t.Fatal(err)
	}
	texts := func(values ...string) arrow.Array {
		b := array.NewStringBuilder(Allocator())
		for _, v := range values {
			if v == "-" {
				b.AppendNull()
			} else {
				b.Append(v)
			}
		}
		return b.NewArray()
	}
	if err := l.add([][]arrow.Array{{texts("-", "null", "[1]"), texts("x", "-", "")}}); err != nil {
		t.Fatal(err)
	}
	if err := l.end(); err != nil {
		t.Fatal(err)
	}
	want := `{"b\"":"x"}` + "\n" + `{"a":null,"b\"":null}` + "\n" + `{"a":[1],"b\"":""}` + "\n"
	if out.String() != want {
		t.Errorf("lines are\n%swant\n%s", out.String(), want)
	}
}
