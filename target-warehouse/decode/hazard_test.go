package decode

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"tapline/singer"
	"tapline/target-warehouse/table"

	"github.com/google/go-cmp/cmp"
)

// The tests of this file are named after what taps in the wild send and targets break on.

// hazard decodes {"v": value} for each of the values and returns the cells and, in the same order, why values were rejected.
func hazard(t *testing.T, schema string, values ...string) (b *table.Batch, reasons []string) {
	t.Helper()
	d := newPlan(t, `"v":`+schema, table.Options{}).NewDecoder()
	for i, value := range values {
		if err := d.Append(&singer.Record{Record: json.RawMessage(`{"v":` + value + `}`)}, int64(i+1)); err != nil {
			t.Fatalf("%.80s: %v", value, err)
		}
	}
	reasons = make([]string, len(values))
	for _, r := range d.Rejects() {
		reasons[r.Ordinal-1] = r.Reason
	}
	return d.Batch(), reasons
}

func TestHazardNullOrMissingKey(t *testing.T) {
	d := newPlan(t, `"id":{"type":["null","integer"]},"v":{"type":"string"}`, table.Options{}, "id").NewDecoder()
	for _, record := range []string{`{"id":null,"v":"a"}`, `{"v":"a"}`, `{"id":1,"id":null}`, `{}`} {
		err := d.Append(&singer.Record{Record: json.RawMessage(record)}, 1)
		var fault *singer.RecordError
		if !errors.As(err, &fault) || fault.Field != "id" || !strings.Contains(err.Error(), "null or missing") {
			t.Errorf("%s: %v", record, err)
		}
	}
	if d.Len() != 0 || d.Batch() != nil {
		t.Error("a row without a key is kept")
	}
}

func TestHazardKeyOfAnotherKind(t *testing.T) {
	d := newPlan(t, `"id":{"type":"integer"}`, table.Options{}, "id").NewDecoder()
	err := d.Append(&singer.Record{Record: json.RawMessage(`{"id":"x-1"}`)}, 1)
	want := `stream orders, field id: the value "x-1" is of another kind, but the SCHEMA declares {"type":"integer"}; ` + advice
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	appendAll(t, d, `{"id":"x-1","id":7}`)
	if rejects := d.Rejects(); rejects != nil {
		t.Errorf("%v is rejected", rejects)
	}
	d.Batch().Rows.Release()
	number := newPlan(t, `"id":{"type":"number"}`, table.Options{}, "id").NewDecoder()
	if err := number.Append(&singer.Record{Record: json.RawMessage(`{"id":NaN}`)}, 1); err == nil || !strings.Contains(err.Error(), notANumber) {
		t.Errorf("NaN as a key: %v", err)
	}
}

func TestHazardFalsyKeys(t *testing.T) {
	d := newPlan(t, `"n":{"type":"integer"},"s":{"type":"string"},"b":{"type":"boolean"}`, table.Options{}, "n", "s", "b").NewDecoder()
	appendAll(t, d, `{"n":0,"s":"","b":false}`)
	if diff := cmp.Diff([][]any{{int64(0), "", false, int64(1)}}, rowsOf(t, d.Batch())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestHazardIntegersOf1024Digits(t *testing.T) {
	long := strings.Repeat("1234567890", 103)[:1024]
	for _, schema := range []string{`{"type":"integer"}`, `{"type":"number"}`, `{"type":["null","string"],"format":"singer.decimal"}`} {
		b, reasons := hazard(t, schema, "12", long, "-"+long)
		if typ := typeOf(b); typ != "decimal" || reasons[1] != "" {
			t.Errorf("%s: the column is %s, %s", schema, typ, reasons[1])
		}
		if diff := cmp.Diff([]any{"12", long, "-" + long}, columnOf(t, b)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", schema, diff)
		}
	}
}

func TestHazardOnePointZeroInAnInteger(t *testing.T) {
	b, _ := hazard(t, `{"type":"integer"}`, `1.0`, `-20.00`, `1E3`, `9223372036854775807.0`)
	if typ := typeOf(b); typ != "integer" {
		t.Errorf("the column is %s", typ)
	}
	if diff := cmp.Diff([]any{int64(1), int64(-20), int64(1000), int64(math.MaxInt64)}, columnOf(t, b)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestHazardFractionInAnInteger(t *testing.T) {
	b, reasons := hazard(t, `{"type":"integer"}`, `1`, `1.5`, `"1.5"`)
	if typ := typeOf(b); typ != "number" || !strings.Contains(reasons[2], wrongKind) {
		t.Errorf("the column is %s, the reasons are %q", typ, reasons)
	}
	if diff := cmp.Diff([]any{1.0, 1.5, nil}, columnOf(t, b)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestHazardNaNAndInfinity(t *testing.T) {
	for schema, problem := range map[string]string{
		`{"type":"integer"}`: wrongKind,
		`{"type":"string"}`:  wrongKind,
		`{}`:                 notFinite,
		`{"type":["string","null"],"format":"singer.decimal"}`: notFiniteDecimal,
	} {
		b, reasons := hazard(t, schema, `NaN`, `Infinity`, `-Infinity`)
		for i, reason := range reasons {
			if !strings.Contains(reason, problem) {
				t.Errorf("%s, value %d: %q", schema, i, reason)
			}
		}
		if diff := cmp.Diff([]any{nil, nil, nil}, columnOf(t, b)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", schema, diff)
		}
	}
	b, _ := hazard(t, `{"type":"number"}`, `NaN`, `Infinity`, `-Infinity`)
	cells := columnOf(t, b)
	if !math.IsNaN(cells[0].(float64)) || cells[1] != math.Inf(1) || cells[2] != math.Inf(-1) {
		t.Errorf("a number holds %v", cells)
	}
	b, _ = hazard(t, `{"type":["string","number"]}`, `NaN`, `"NaN"`)
	if diff := cmp.Diff([]any{"NaN", "NaN"}, columnOf(t, b)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestHazardDates has years that no calendar column holds, times that are none, and spellings that mean one thing only.
func TestHazardDates(t *testing.T) {
	moment, day := `{"type":["null","string"],"format":"date-time"}`, `{"type":["null","string"],"format":"date"}`
	for _, c := range []struct{ schema, value, want string }{
		{moment, "2024-05-01 10:20:30", "2024-05-01 10:20:30 +0000 UTC"},
		{moment, "2024-05-01T10:20:30+0000", "2024-05-01 10:20:30 +0000 UTC"},
		{moment, "2024-05-01T10:20:30.5+05:30", "2024-05-01 04:50:30.5 +0000 UTC"},
		{moment, "0001-01-01T00:00:00Z", "0001-01-01 00:00:00 +0000 UTC"},
		{moment, "9999-12-31T23:59:59Z", "9999-12-31 23:59:59 +0000 UTC"},
		{moment, "2024-05-01T24:00:00Z", ""},
		{moment, "0000-00-00T00:00:00Z", ""},
		{moment, "10000-01-01T00:00:00Z", ""},
		{moment, "20107-05-10T00:00:00Z", ""},
		{moment, "-0044-03-15T00:00:00Z", ""},
		{moment, "0044-03-15T00:00:00Z BC", ""},
		{moment, "838:59:59", ""},
		{day, "0001-01-01", "0001-01-01"},
		{day, "9999-12-31", "9999-12-31"},
		{day, "2024-05-01 00:00:00", "2024-05-01"},
		{day, "2024-05-01T00:00:00+00:00", "2024-05-01"},
		{day, "2024-05-01+02:00", ""},
		{day, "2024-05-01T00:00:00+02:00", ""},
		{day, "0000-00-00", ""},
		{day, "20107-05-10", ""},
		{day, "24:00:00", ""},
	} {
		b, reasons := hazard(t, c.schema, `"`+c.value+`"`)
		want, rejected := any(c.want), c.want == ""
		if rejected {
			want = nil
		}
		got := columnOf(t, b)[0]
		if got != nil {
			got = fmt.Sprint(got)
		}
		if got != want || (reasons[0] != "") != rejected || rejected && !strings.Contains(reasons[0], c.value) {
			t.Errorf("%s in %s becomes %v (%s), want %v", c.value, c.schema, got, reasons[0], want)
		}
	}
}

func TestHazardLoneSurrogates(t *testing.T) {
	d := newPlan(t, `"v":{"type":"string"},"j":{}`, table.Options{}).NewDecoder()
	appendAll(t, d, `{"v":"a\ud800b","j":["\udc00"],"\ud83d":1}`, `{"v":"\ud83d\ude00"}`)
	if d.Replaced() != 3 {
		t.Errorf("%d replacements are counted, want 3", d.Replaced())
	}
	want := [][]any{{"a\uFFFDb", `["\ufffd"]`, `{"\ufffd":1}`, int64(1)}, {"😀", nil, nil, int64(2)}}
	if diff := cmp.Diff(want, rowsOf(t, d.Batch())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestHazardNULCharacters shows that they are kept: whether an engine has them is its own affair.
func TestHazardNULCharacters(t *testing.T) {
	d := newPlan(t, `"v":{"type":"string"},"j":{},"k\u0000":{"type":"string"}`, table.Options{}).NewDecoder()
	appendAll(t, d, `{"v":"a\u0000b","j":{"a\u0000":"\u0000"},"k\u0000":"c","x\u0000":1}`)
	want := [][]any{{"a\x00b", `{"a\u0000":"\u0000"}`, "c", `{"x\u0000":1}`, int64(1)}}
	if diff := cmp.Diff(want, rowsOf(t, d.Batch())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestHazardDuplicateNamesInARecord(t *testing.T) {
	d := newPlan(t, `"v":{"type":"integer"},"w":{"type":"string","enum":["a"]}`, table.Options{}).NewDecoder()
	appendAll(t, d, `{"v":"x","v":true,"v":1,"w":"b","w":"a","x":NaN,"x":2}`, `{"v":1,"v":"x"}`)
	if rejects := d.Rejects(); len(rejects) != 1 || rejects[0].Ordinal != 2 {
		t.Errorf("what did not count in the end is rejected: %v", rejects)
	}
	if violations := d.Violations(); violations != nil {
		t.Errorf("what did not count in the end is counted: %v", violations)
	}
	want := [][]any{{int64(1), "a", `{"x":2}`, int64(1)}, {nil, nil, nil, int64(2)}}
	if diff := cmp.Diff(want, rowsOf(t, d.Batch())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestHazardPartialRecords(t *testing.T) {
	d := newPlan(t, `"id":{"type":"integer"},"a":{"type":["null","string"]},"b":{"type":["null","integer"]}`, table.Options{}, "id").NewDecoder()
	appendAll(t, d, `{"id":1,"b":2}`, `{"a":"x","id":2}`, `{"id":3}`)
	want := [][]any{{int64(1), nil, int64(2), int64(1)}, {int64(2), "x", nil, int64(2)}, {int64(3), nil, nil, int64(3)}}
	if diff := cmp.Diff(want, rowsOf(t, d.Batch())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestHazardDeepNesting(t *testing.T) {
	deep := strings.Repeat(`[{"a":`, 4000) + `1` + strings.Repeat(`}]`, 4000)
	b, _ := hazard(t, `{}`, deep)
	if got := columnOf(t, b)[0]; got != deep {
		t.Errorf("%d bytes of nested values become %.60v", len(deep), got)
	}
	d := newPlan(t, `"v":{}`, table.Options{}).NewDecoder()
	bottomless := `{"v":` + strings.Repeat(`[`, 1_000_000) + strings.Repeat(`]`, 1_000_000) + `}`
	if err := d.Append(&singer.Record{Record: json.RawMessage(bottomless)}, 1); err == nil || len(err.Error()) > 300 {
		t.Errorf("a million arrays in arrays: %v", err)
	}
}

func TestHazardEscapes(t *testing.T) {
	d := newPlan(t, `"a\"b":{"type":"string"},"\u00fc/\\":{"type":"string"},"j":{}`, table.Options{}).NewDecoder()
	appendAll(t, d, `{"a\u0022b":"\u0041\/\"\\\b\f\n\r\t\u20ac","ü\/\\":"x","j":"\u0041\/"}`, `{"\u0061\"b":"1","\u00FC\u002f\u005c":"2"}`)
	want := [][]any{{"A/\"\\\b\f\n\r\t€", "x", `"\u0041\/"`, int64(1)}, {"1", "2", nil, int64(2)}}
	if diff := cmp.Diff(want, rowsOf(t, d.Batch())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestHazardMixedScalars has a property of which the SCHEMA says that it may be this or that.
func TestHazardMixedScalars(t *testing.T) {
	b, _ := hazard(t, `{"type":["null","string","integer"]}`, `"12"`, `12`, `1.50`, `1e3`, `null`)
	if diff := cmp.Diff([]any{"12", "12", "1.50", "1e3", nil}, columnOf(t, b)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	b, reasons := hazard(t, `{"anyOf":[{"type":"string","format":"date-time"},{"type":["string","boolean"]}]}`, `"2024-05-01"`, `"soon"`, `true`, `1`, `[]`)
	if diff := cmp.Diff([]any{"2024-05-01", "soon", "true", nil, nil}, columnOf(t, b)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for i, reason := range reasons {
		if (reason != "") != (i >= 3) {
			t.Errorf("value %d: %q", i, reason)
		}
	}
	b, reasons = hazard(t, `{"type":"string"}`, `12`, `true`)
	if diff := cmp.Diff([]any{nil, nil}, columnOf(t, b)); diff != "" || reasons[0] == "" || reasons[1] == "" {
		t.Errorf("%q (-want +got):\n%s", reasons, diff)
	}
}

func TestHazardNullForANonNullProperty(t *testing.T) {
	d := newPlan(t, `"v":{"type":"string"}`, table.Options{}).NewDecoder()
	appendAll(t, d, `{"v":null}`, `{"v":null}`, `{"v":"x"}`, `{}`)
	if diff := cmp.Diff([]Violation{{"v", "null", 2}}, d.Violations()); diff != "" {
		t.Errorf("violations differ (-want +got):\n%s", diff)
	}
	if cells := columnOf(t, d.Batch()); cells[0] != nil || cells[2] != "x" {
		t.Errorf("the column is %v", cells)
	}
}
