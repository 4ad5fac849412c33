package decode

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"tapline/singer"
	"tapline/target-warehouse/table"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/google/go-cmp/cmp"
)

var (
	runStart = time.Date(2024, 5, 1, 10, 0, 0, 7, time.UTC)
	clock    = time.Date(2024, 5, 1, 11, 0, 0, 0, time.UTC)
)

// newPlan compiles the plan of a stream with the given properties; the allocator must end up with nothing allocated.
func newPlan(t testing.TB, properties string, o table.Options, keys ...string) *Plan {
	t.Helper()
	s := &singer.Schema{Stream: "orders", Schema: json.RawMessage(`{"type":"object","properties":{` + properties + `}}`), KeyProperties: keys}
	shape, err := table.Compile(s, o)
	if err != nil {
		t.Fatal(err)
	}
	checked := memory.NewCheckedAllocator(memory.NewGoAllocator())
	t.Cleanup(func() { checked.AssertSize(t, 0) })
	return Compile(shape, s, Options{Allocator: checked, RunStart: runStart, Now: func() time.Time { return clock }})
}

func appendAll(t testing.TB, d *Decoder, records ...string) {
	t.Helper()
	for i, text := range records {
		if err := d.Append(&singer.Record{Stream: "orders", Record: json.RawMessage(text)}, int64(i+1)); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
}

// rowsOf reads a batch back as rows of Go values and releases it; the ordinal comes last.
func rowsOf(t testing.TB, b *table.Batch) [][]any {
	t.Helper()
	defer b.Rows.Release()
	if !b.Rows.Schema().Equal(b.Table.ArrowSchema()) {
		t.Fatalf("the rows have the schema %v, the table %v", b.Rows.Schema(), b.Table.ArrowSchema())
	}
	for i, c := range b.Rows.Columns() {
		nulls := 0
		for r := range c.Len() {
			if c.IsNull(r) {
				nulls++
			}
		}
		if c.Len() != int(b.Rows.NumRows()) || c.NullN() != nulls {
			t.Fatalf("column %d has %d rows and says %d of them are NULL, but %d are", i, c.Len(), c.NullN(), nulls)
		}
	}
	rows := make([][]any, b.Rows.NumRows())
	for i := range rows {
		for _, c := range b.Rows.Columns() {
			rows[i] = append(rows[i], cell(c, i))
		}
	}
	return rows
}

func cell(c arrow.Array, i int) any {
	if c.IsNull(i) {
		return nil
	}
	switch c := c.(type) {
	case *array.Boolean:
		return c.Value(i)
	case *array.Int64:
		return c.Value(i)
	case *array.Float64:
		return c.Value(i)
	case *array.String:
		return strings.Clone(c.Value(i))
	case *array.Timestamp:
		return c.Value(i).ToTime(arrow.Microsecond)
	case *array.Date32:
		return c.Value(i).ToTime().Format(time.DateOnly)
	}
	return fmt.Sprintf("an unexpected %T", c)
}

// one decodes {"v": value} for a property of the given schema. Reason is why the value was rejected, "" if it was not.
func one(t *testing.T, schema, value string) (cell any, reason string) {
	t.Helper()
	d := newPlan(t, `"v":`+schema, table.Options{}).NewDecoder()
	record := `{"v":` + value + `}`
	appendAll(t, d, record)
	for _, r := range d.Rejects() {
		want := Reject{Ordinal: 1, Field: "v", Reason: r.Reason, Record: []byte(record)}
		if diff := cmp.Diff(want, r); diff != "" || reason != "" {
			t.Errorf("%s has another reject beside %q (-want +got):\n%s", record, reason, diff)
		}
		reason = r.Reason
	}
	return rowsOf(t, d.Batch())[0][0], reason
}

func utc(year, month, day, hour, minute, second, micro int) time.Time {
	return time.Date(year, time.Month(month), day, hour, minute, second, micro*1000, time.UTC)
}

func TestValuesOfEachType(t *testing.T) {
	const (
		boolean   = `{"type":"boolean"}`
		integer   = `{"type":"integer"}`
		number    = `{"type":"number"}`
		text      = `{"type":"string"}`
		timestamp = `{"type":"string","format":"date-time"}`
		date      = `{"type":"string","format":"date"}`
		anything  = `{}`
	)
	for _, c := range []struct {
		schema, value string
		want          any
	}{
		{boolean, `true`, true}, {boolean, `false`, false}, {boolean, `null`, nil},
		{integer, `0`, int64(0)}, {integer, `-0`, int64(0)}, {integer, `-17`, int64(-17)}, {integer, `null`, nil},
		{integer, `999999999999999999`, int64(999999999999999999)},
		{integer, `9223372036854775807`, int64(math.MaxInt64)}, {integer, `-9223372036854775808`, int64(math.MinInt64)},
		{integer, `1.0`, int64(1)}, {integer, `-1.50e1`, int64(-15)}, {integer, `1e3`, int64(1000)}, {integer, `1E+18`, int64(1e18)},
		{integer, `100e-2`, int64(1)}, {integer, `0e999999999999`, int64(0)}, {integer, `0.000`, int64(0)},
		{integer, `922337203685477580700e-2`, int64(math.MaxInt64)},
		{number, `0`, 0.0}, {number, `1`, 1.0}, {number, `-1.5`, -1.5}, {number, `0.1`, 0.1}, {number, `1.10`, 1.1}, {number, `null`, nil},
		{number, `123456789012345`, 123456789012345.0}, {number, `0.123456789012345`, 0.123456789012345},
		{number, `9007199254740992`, 9007199254740992.0}, {number, `0.30000000000000004`, 0.30000000000000004},
		{number, `1e23`, 1e23}, {number, `1.7976931348623157e308`, math.MaxFloat64}, {number, `5e-324`, 5e-324},
		{number, `100000000000000000000000000000`, 1e29}, {number, `0e400`, 0.0},
		{number, `Infinity`, math.Inf(1)}, {number, `-Infinity`, math.Inf(-1)},
		{text, `""`, ""}, {text, `"plain"`, "plain"}, {text, `"a\u00e9\ud83d\ude00\n\""`, "aé😀\n\""}, {text, `"\u0000"`, "\x00"}, {text, `null`, nil},
		{text, `"\ud800"`, "\uFFFD"}, {text, "\"a\xffb\"", "a\uFFFDb"},
		{timestamp, `"2024-05-01T10:20:30Z"`, utc(2024, 5, 1, 10, 20, 30, 0)},
		{timestamp, `"2024-05-01T10:20:30.123456Z"`, utc(2024, 5, 1, 10, 20, 30, 123456)},
		{timestamp, `"2024-05-01t10:20:30.5z"`, utc(2024, 5, 1, 10, 20, 30, 500000)},
		{timestamp, `"2024-05-01T10:20:30.123456000000Z"`, utc(2024, 5, 1, 10, 20, 30, 123456)},
		{timestamp, `"2024-05-01 10:20:30+02:30"`, utc(2024, 5, 1, 7, 50, 30, 0)},
		{timestamp, `"2024-01-01T00:00:00+0200"`, utc(2023, 12, 31, 22, 0, 0, 0)},
		{timestamp, `"2024-01-01T00:00:00-05"`, utc(2024, 1, 1, 5, 0, 0, 0)},
		{timestamp, `"2024-05-01 10:20:30 +0230"`, utc(2024, 5, 1, 7, 50, 30, 0)}, {timestamp, `"2024-05-01T10:20:30 Z"`, utc(2024, 5, 1, 10, 20, 30, 0)},
		{timestamp, `"2024-05-01 10:20:30.5 UTC"`, utc(2024, 5, 1, 10, 20, 30, 500000)}, {timestamp, `"2024-05-01T10:20:30UTC"`, utc(2024, 5, 1, 10, 20, 30, 0)},
		{timestamp, `"2024-05-01T10:20:30"`, utc(2024, 5, 1, 10, 20, 30, 0)},
		{timestamp, `"2024-05-01T10:20"`, utc(2024, 5, 1, 10, 20, 0, 0)}, {timestamp, `"2024-05-01T10:20Z"`, utc(2024, 5, 1, 10, 20, 0, 0)},
		{timestamp, `"2024-05-01"`, utc(2024, 5, 1, 0, 0, 0, 0)},
		{timestamp, `"2024\u002d05-01T00:00:00Z"`, utc(2024, 5, 1, 0, 0, 0, 0)},
		{timestamp, `"0001-01-01T00:00:00Z"`, utc(1, 1, 1, 0, 0, 0, 0)},
		{timestamp, `"9999-12-31T23:59:59.999999Z"`, utc(9999, 12, 31, 23, 59, 59, 999999)},
		{timestamp, `"2000-02-29T00:00:00Z"`, utc(2000, 2, 29, 0, 0, 0, 0)}, {timestamp, `"1969-12-31T23:59:59.999999Z"`, utc(1969, 12, 31, 23, 59, 59, 999999)},
		{timestamp, `null`, nil},
		{date, `"2024-02-29"`, "2024-02-29"}, {date, `"1969-12-31"`, "1969-12-31"}, {date, `"0001-01-01"`, "0001-01-01"},
		{date, `"9999-12-31"`, "9999-12-31"}, {date, `"2024-05-01T00:00:00.000000Z"`, "2024-05-01"}, {date, `null`, nil},
		{anything, `null`, nil}, {anything, `1`, "1"}, {anything, `"1"`, `"1"`}, {anything, `1.10`, "1.10"}, {anything, `false`, "false"},
		{anything, `{ "b" : [ 1e400 , "\u00e9\/" ] }`, `{ "b" : [ 1e400 , "\u00e9\/" ] }`},
		{anything, `["NaN","Infinity","\"NaN"]`, `["NaN","Infinity","\"NaN"]`},
		{anything, `"\ud83d\ude00\\ud800"`, `"\ud83d\ude00\\ud800"`},
		{anything, `["\ud800","\uDC00x","\ud800\u0041"]`, `["\ufffd","\ufffdx","\ufffd\u0041"]`},
		{anything, "[\"\xff\",\"\u00e9\"]", "[\"\uFFFD\",\"\u00e9\"]"},
	} {
		got, reason := one(t, c.schema, c.value)
		if diff := cmp.Diff(c.want, got); diff != "" || reason != "" {
			t.Errorf("%s in %s: %s (-want +got):\n%s", c.value, c.schema, reason, diff)
		}
	}
	if got, reason := one(t, number, `NaN`); reason != "" || !math.IsNaN(got.(float64)) {
		t.Errorf("NaN in a number becomes %v, %s", got, reason)
	}
	if got, reason := one(t, number, `-0.0`); reason != "" || !math.Signbit(got.(float64)) {
		t.Errorf("-0.0 in a number becomes %v, %s", got, reason)
	}
}

// The SCHEMA is quoted in the reason, so that its reader need not look for it.
func TestValuesThatWouldChangeAreNULLAndRejected(t *testing.T) {
	for _, c := range []struct {
		schema string
		want   string
		values []string
	}{
		{`{"type":"boolean"}`, wrongKind, []string{`"true"`, `1`, `{}`, `[]`, `NaN`}},
		{`{"type":"integer"}`, wrongKind, []string{`"1"`, `true`, `{}`, `NaN`, `-Infinity`}},
		{`{"type":"integer"}`, tooManyDigits, []string{`1e999999999999`, `-1e2000`, `1e-2000`, `1e-999999999999`, strings.Repeat("9", 2001)}},
		{`{"type":"number"}`, wrongKind, []string{`"1"`, `true`, `[]`}},
		{`{"type":"number"}`, tooManyDigits, []string{`1e2000`, `-1e-2000`, `0.` + strings.Repeat("3", 2000)}},
		{`{"type":"string","format":"singer.decimal"}`, notDecimal, []string{`""`, `"x"`, `"1,5"`, `"NaN"`, `"."`, `"1e"`, `"--1"`, `" 1"`, `"0x1"`}},
		{`{"type":"string","format":"singer.decimal"}`, notFiniteDecimal, []string{`NaN`, `-Infinity`}},
		{`{"type":"string","format":"singer.decimal"}`, wrongKind, []string{`true`, `{}`}},
		{`{"type":"string","format":"singer.decimal"}`, tooManyDigits, []string{`"1E+2000"`, `1E-2000`}},
		{`{"type":"string"}`, wrongKind, []string{`1`, `true`, `{"a":"b"}`, `NaN`}},
		{`{"type":"string","format":"date-time"}`, wrongKind, []string{`1714550400`, `{}`}},
		{`{"type":"string","format":"date-time"}`, noTime, []string{`""`, `"now"`, `"2024-05-01T"`, `"2024-05-01T1:00:00Z"`, `"2024-13-01T00:00:00Z"`,
			`"2023-02-29T00:00:00Z"`, `"1900-02-29"`, `"2024-05-01T24:00:00Z"`, `"2024-05-01T23:59:60Z"`, `"2024-05-01T10:60:00Z"`, `"0000-01-01T00:00:00Z"`,
			`"20107-05-10T00:00:00Z"`, `"-0044-03-15T00:00:00Z"`, `"0001-01-01T00:00:00+01:00"`, `"9999-12-31T23:59:59-01:00"`, `"2024-05-01T10:00:00+24:00"`,
			`"2024-05-01T10:00:00+1"`, `"2024-05-01T10:00:00 "`, `"2024-05-01T10:00:00  Z"`, `"2024-05-01 10:00:00 CET"`, `"2024-05-01 UTC"`, `"2024-05-01T10:00:00 + 01"`, `"2024-05-01T10:00:00.Z"`, `"2024-05-01T10:00:00Z "`, `" 2024-05-01"`, `"2024-05-01_10:00:00Z"`,
			`"2024/05/01"`, `"2024-00-10"`, `"2024-05-00"`, `"2024-05-01T10Z"`, `"2024-05-01T1000Z"`, `"2024-05-01T10:00:00+02:"`, `"2024-05-01T10:00:00x02:00"`, `"2024-05-01T10:00:"`}},
		{`{"type":"string","format":"date-time"}`, tooFine, []string{`"2024-05-01T10:00:00.1234567Z"`, `"2024-05-01T10:00:00.000000001Z"`}},
		{`{"type":"string","format":"date"}`, noDate, []string{`""`, `"2024-02-30"`, `"2024-5-1"`, `"01.05.2024"`, `"0000-00-00"`}},
		{`{"type":"string","format":"date"}`, noDay, []string{`"2024-05-01T00:00:01Z"`, `"2024-05-01T00:00:00+02:00"`, `"2024-05-01T00:00:00.0000001Z"`}},
		{`{}`, notFinite, []string{`NaN`, `[1,-Infinity]`, `{"a":["NaN",NaN]}`}},
	} {
		for _, value := range c.values {
			got, reason := one(t, c.schema, value)
			if got != nil || !strings.Contains(reason, c.want) || !strings.Contains(reason, c.schema) {
				t.Errorf("%.60s in %s gives %v, %q; want NULL and %q", value, c.schema, got, reason, c.want)
			}
		}
	}
}

func TestARejectShowsOnlyTheBeginningOfAValue(t *testing.T) {
	_, reason := one(t, `{"type":"integer"}`, `"`+strings.Repeat("x", 1000)+`"`)
	want := `the value "` + strings.Repeat("x", 59) + `... is of another kind, but the SCHEMA declares {"type":"integer"}`
	if reason != want {
		t.Errorf("got  %s\nwant %s", reason, want)
	}
}

func TestRowsFollowTheTableNotTheRecord(t *testing.T) {
	d := newPlan(t, `"id":{"type":"integer"},"n\u00e4me":{"type":"string"},"":{"type":"boolean"}`, table.Options{}).NewDecoder()
	appendAll(t, d,
		`{"id":1,"näme":"a","":true}`,
		` { "näme" : "b" , "id" : 2 } `,
		`{"n\u00e4me":"c","id":3,"":null}`,
		`{}`,
		`{"id":4,"id":5,"näme":"x","näme":null,"":false,"id":6}`,
		`{"näme":null,"näme":"y"}`,
	)
	got := rowsOf(t, d.Batch())
	want := [][]any{
		{int64(1), "a", true, int64(1)},
		{int64(2), "b", nil, int64(2)},
		{int64(3), "c", nil, int64(3)},
		{nil, nil, nil, int64(4)},
		{int64(6), nil, false, int64(5)},
		{nil, "y", nil, int64(6)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows differ (-want +got):\n%s", diff)
	}
}

func TestNamesWithABackslashAreNotTakenForEscapes(t *testing.T) {
	d := newPlan(t, `"a\\u0062":{"type":"integer"},"ab":{"type":"integer"}`, table.Options{}).NewDecoder()
	appendAll(t, d, `{"a\u0062":1}`, `{"a\\u0062":2}`)
	want := [][]any{{nil, int64(1), int64(1)}, {int64(2), nil, int64(2)}}
	if diff := cmp.Diff(want, rowsOf(t, d.Batch())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestUndeclaredPropertiesAreKeptInExtra(t *testing.T) {
	p := newPlan(t, `"id":{"type":"integer"}`, table.Options{})
	d := p.NewDecoder()
	appendAll(t, d, `{"id":1}`)
	narrow := d.Batch()
	appendAll(t, d,
		`{"id":1}`,
		`{"x":{"a": 1},"id":2,"\u0079":"\/","_sdc_extra":null}`,
		`{"id":3,"x":1,"x":[2],"\u0078":3.0}`,
		`{"id":4}`,
		"{\"id\":5,\"\xff\":\"\\ud800\"}",
	)
	if d.Replaced() != 2 {
		t.Errorf("%d replacements are counted, want 2", d.Replaced())
	}
	wide := d.Batch()
	other := p.NewDecoder()
	appendAll(t, other, `{"id":1}`)
	again := other.Batch()
	if narrow.Table != p.Table() || wide.Table == p.Table() || again.Table != wide.Table {
		t.Error("batches do not carry the plan's table, and once there was an undeclared property one with the extra column")
	}
	want := [][]any{
		{int64(1), nil, int64(1)},
		{int64(2), `{"x":{"a": 1},"\u0079":"\/","_sdc_extra":null}`, int64(2)},
		{int64(3), `{"x":3.0}`, int64(3)},
		{int64(4), nil, int64(4)},
		{int64(5), "{\"\uFFFD\":\"\\ufffd\"}", int64(5)},
	}
	if diff := cmp.Diff(want, rowsOf(t, wide)); diff != "" {
		t.Errorf("rows differ (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([][]any{{int64(1), int64(1)}}, rowsOf(t, narrow)); diff != "" {
		t.Errorf("narrow rows differ (-want +got):\n%s", diff)
	}
	rowsOf(t, again)
}

func TestATableWithoutPropertiesKeepsWholeRecords(t *testing.T) {
	p := newPlan(t, ``, table.Options{})
	d := p.NewDecoder()
	appendAll(t, d, `{}`, `{"a":1}`)
	b := d.Batch()
	if b.Table != p.Table() {
		t.Error("the batch carries another table")
	}
	if diff := cmp.Diff([][]any{{nil, int64(1)}, {`{"a":1}`, int64(2)}}, rowsOf(t, b)); diff != "" {
		t.Errorf("rows differ (-want +got):\n%s", diff)
	}
}

func TestNamesOfUndeclaredPropertiesDoNotPileUp(t *testing.T) {
	d := newPlan(t, `"id":{"type":"integer"}`, table.Options{}).NewDecoder()
	for i := range 3 * maxUndeclared {
		appendAll(t, d, fmt.Sprintf(`{"id":%d,"k%d":1,"other":2}`, i, i))
	}
	if n := len(d.objects[0].learned); n > maxUndeclared+3 {
		t.Errorf("%d names are remembered", n)
	}
	for i, row := range rowsOf(t, d.Batch()) {
		if want := fmt.Sprintf(`{"k%d":1,"other":2}`, i); row[0] != int64(i) || row[1] != want {
			t.Fatalf("row %d is %v, want %s", i, row, want)
		}
	}
}

func TestARefusedRecordLeavesNoTrace(t *testing.T) {
	d := newPlan(t, `"id":{"type":"integer"},"b":{"type":"boolean"},"s":{"type":"string"},"d":{"type":"string","format":"date"},"n":{"type":"number"},"last":{"type":["null","integer"]}`,
		table.Options{}, "id").NewDecoder()
	var want [][]any
	for i := range 20 {
		n := int64(i)
		if i%3 == 0 {
			n = 3
		}
		appendAll(t, d, fmt.Sprintf(`{"id":%d,"b":true,"s":"row","d":"2024-05-01","n":1.5,"last":null}`, n))
		want = append(want, []any{n, true, "row", "2024-05-01", 1.5, nil, int64(1)})
		for _, bad := range []string{
			`{"b":true,"s":"lost","d":"2024-05-01","n":null,"last":"x"}`,
			`{"b":null,"s":null,"d":null,"n":2,"last":"1","id":"9"}`,
			`{"id":9,"s":"lost","s":1,"id":true}`,
			`{"b":true,"s":"no key"}`,
			`{"extra":[1]}`,
			`{"id":9,"s":"lost"`,
			`{"id":9,"s":"lost",}`,
			`{"id":9,"s":"lost"} {}`,
			`[]`,
			``,
		} {
			err := d.Append(&singer.Record{Record: json.RawMessage(bad)}, 99)
			if fault := (*singer.RecordError)(nil); !errors.As(err, &fault) {
				t.Fatalf("%s is taken or fails with %v", bad, err)
			}
		}
		if d.Len() != i+1 {
			t.Fatalf("Len is %d after %d rows", d.Len(), i+1)
		}
	}
	if rejects, violations := d.Rejects(), d.Violations(); rejects != nil || violations != nil {
		t.Errorf("refused records leave %v and %v", rejects, violations)
	}
	b := d.Batch()
	if b.Table.Columns[len(b.Table.Columns)-1].Name == table.Extra {
		t.Error("a refused record's extra property made the table wider")
	}
	if diff := cmp.Diff(want, rowsOf(t, b)); diff != "" {
		t.Errorf("rows differ (-want +got):\n%s", diff)
	}
}

func TestWhatIsReadBecomesARowOnlyWhenAdded(t *testing.T) {
	d := newPlan(t, `"name":{"type":"string"},"paid":{"type":"boolean"}`, table.Options{}).NewDecoder()
	for _, c := range []struct {
		text string
		end  int
		add  bool
	}{
		{`{"name":"a","paid":true},"more":1}`, 24, true},
		{`{"name":"\ud800","paid":true,"b":1}`, 35, false},
		{`{"paid":false}` + "\n", 14, true},
	} {
		if end, err := d.Read([]byte(c.text)); err != nil || end != c.end {
			t.Fatalf("%s: ends at %d, %v; want %d", c.text, end, err, c.end)
		}
		if !c.add {
			d.Undo()
		} else if err := d.Add(&singer.Record{Record: []byte(c.text[:c.end])}, int64(c.end)); err != nil {
			t.Fatal(err)
		}
	}
	if d.Replaced() != 0 || d.Len() != 2 {
		t.Errorf("%d rows, %d replaced; want 2 without what was undone", d.Len(), d.Replaced())
	}
	if diff := cmp.Diff([][]any{{"a", true, int64(24)}, {nil, false, int64(14)}}, rowsOf(t, d.Batch())); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestKeysMayBeFalsyButNotNull(t *testing.T) {
	p := newPlan(t, `"a":{"type":["null","integer"]},"b":{"type":"string"},"c":{"type":"boolean"}`, table.Options{}, "c", "a", "b")
	d := p.NewDecoder()
	appendAll(t, d, `{"a":0,"b":"","c":false}`)
	for field, record := range map[string]string{"a": `{"a":null,"b":"","c":true}`, "b": `{"a":1,"c":true}`, "c": `{"a":1,"b":"","c":true,"c":null}`} {
		err := d.Append(&singer.Record{Record: json.RawMessage(record)}, 2)
		var fault *singer.RecordError
		if !errors.As(err, &fault) || fault.Field != field || !strings.Contains(err.Error(), "part of the key") {
			t.Errorf("%s: %v, want a fault in %s", record, err, field)
		}
	}
	if rows := rowsOf(t, d.Batch()); len(rows) != 1 {
		t.Errorf("the batch has %d rows", len(rows))
	}
}

func TestMetadata(t *testing.T) {
	d := newPlan(t, `"id":{"type":"integer"}`, table.Options{Metadata: true}).NewDecoder()
	extracted := time.Date(2024, 5, 1, 9, 0, 0, 123456789, time.UTC)
	deleted := time.Date(2024, 4, 1, 0, 0, 0, 0, time.UTC)
	for i, rec := range []singer.Record{
		{Record: json.RawMessage(`{"id":1}`)},
		{Record: json.RawMessage(`{"id":2}`), TimeExtracted: extracted, Version: 5, HasVersion: true},
		{Record: json.RawMessage(`{"_sdc_deleted_at":"2024-04-01T00:00:00Z","_sdc_received_at":null,"id":3,"_sdc_sequence":4}`)},
	} {
		if err := d.Append(&rec, int64(i+100)); err != nil {
			t.Fatal(err)
		}
	}
	start := runStart.UnixMilli()
	want := [][]any{
		{int64(1), clock, clock, clock, nil, runStart.UnixNano() + 100, nil, start, int64(100)},
		{int64(2), extracted.Truncate(time.Microsecond), clock, clock, nil, runStart.UnixNano() + 101, int64(5), start, int64(101)},
		{int64(3), clock, clock, clock, deleted, int64(4), nil, start, int64(102)},
	}
	if diff := cmp.Diff(want, rowsOf(t, d.Batch())); diff != "" {
		t.Errorf("rows differ (-want +got):\n%s", diff)
	}
	appendAll(t, d, `{"id":1,"_sdc_sequence":1.5,"_sdc_table_version":1e30,"_sdc_deleted_at":"0000-00-00"}`)
	var fields []string
	for _, r := range d.Rejects() {
		fields = append(fields, r.Field)
	}
	if diff := cmp.Diff([]string{"_sdc_sequence", "_sdc_table_version", "_sdc_deleted_at"}, fields); diff != "" {
		t.Errorf("what does not fit is not rejected (-want +got):\n%s", diff)
	}
	want = [][]any{{int64(1), clock, clock, clock, nil, runStart.UnixNano() + 1, nil, start, int64(1)}}
	b := d.Batch()
	if b.Table != d.plan.Table() {
		t.Error("a value made a column of tapline's own wider")
	}
	if diff := cmp.Diff(want, rowsOf(t, b)); diff != "" {
		t.Errorf("rows differ (-want +got):\n%s", diff)
	}
}

func TestMetadataDeclaredByTheTapIsTheTaps(t *testing.T) {
	d := newPlan(t, `"_sdc_deleted_at":{"type":["null","string"],"format":"date-time"},"_sdc_received_at":{"type":["null","string"]},"_sdc_sequence":{}`, table.Options{Metadata: true}).NewDecoder()
	appendAll(t, d, `{"_sdc_deleted_at":"2024-04-01T00:00:00Z","_sdc_received_at":"2024-04-02","_sdc_sequence":7}`, `{}`, `{"_sdc_sequence":1.5}`)
	if rejects := d.Rejects(); len(rejects) != 1 || rejects[0].Field != "_sdc_sequence" {
		t.Errorf("%v is rejected", rejects)
	}
	want := [][]any{{utc(2024, 4, 1, 0, 0, 0, 0), utc(2024, 4, 2, 0, 0, 0, 0), int64(7)}, {nil, nil, nil}, {nil, nil, nil}}
	for i, row := range rowsOf(t, d.Batch()) {
		if diff := cmp.Diff(want[i], row[:3]); diff != "" || len(row) != len(table.Metadata)+1 {
			t.Errorf("row %d has %d cells (-want +got):\n%s", i, len(row), diff)
		}
	}
}

func TestSizes(t *testing.T) {
	d := newPlan(t, `"a":{"type":"string"},"b":{"type":"integer"}`, table.Options{}).NewDecoder()
	if d.Len() != 0 || d.Bytes() != 0 || d.Batch() != nil {
		t.Errorf("an empty decoder has %d rows, %d bytes", d.Len(), d.Bytes())
	}
	for range 1000 {
		appendAll(t, d, `{"a":"twenty characters...","b":1,"c":null}`)
	}
	near := d.Bytes()
	b := d.Batch()
	defer b.Rows.Release()
	if low, high := b.Bytes*9/10, b.Bytes*11/10; near < low || near > high || b.Bytes < 1000*(22+8+8) {
		t.Errorf("Bytes says %d before and %d after", near, b.Bytes)
	}
	if d.Len() != 0 || d.Bytes() != 0 {
		t.Errorf("%d rows, %d bytes are left", d.Len(), d.Bytes())
	}
}

func TestDecodersOfOnePlanDoNotDisturbEachOther(t *testing.T) {
	p := newPlan(t, `"id":{"type":"integer"},"né":{"type":"string"}`, table.Options{}, "id")
	done := make(chan [][]any)
	for worker := range 4 {
		go func() {
			d := p.NewDecoder()
			for i := range 200 {
				text := fmt.Sprintf(`{"né":"%d","id":%d,"w%d":1}`, worker, i, worker)
				if i%2 == 0 {
					text = fmt.Sprintf(`{"id":%d,"w%d":1,"n\u00e9":"%d"}`, i, worker, worker)
				}
				if err := d.Append(&singer.Record{Record: json.RawMessage(text)}, int64(i)); err != nil {
					t.Error(err)
				}
			}
			done <- rowsOf(t, d.Batch())
		}()
	}
	for range 4 {
		for i, row := range <-done {
			want := []any{int64(i), row[1], fmt.Sprintf(`{"w%s":1}`, row[1]), int64(i)}
			if diff := cmp.Diff(want, row); diff != "" {
				t.Fatalf("row %d differs (-want +got):\n%s", i, diff)
			}
		}
	}
}

func TestTheStrictJudgeRefusesWholeRecords(t *testing.T) {
	p := newPlan(t, `"id":{"type":"integer"}`, table.Options{})
	verdict := errors.New("id must be at least 2")
	p.options.Strict = func(record []byte) error {
		if strings.Contains(string(record), "1") {
			return verdict
		}
		return nil
	}
	d := p.NewDecoder()
	err := d.Append(&singer.Record{Record: json.RawMessage(`{"id":1,"x":1}`)}, 1)
	if fault := (*singer.RecordError)(nil); !errors.As(err, &fault) || !errors.Is(err, verdict) {
		t.Errorf("the judge's word becomes %v", err)
	}
	appendAll(t, d, `{"id":2}`)
	if diff := cmp.Diff([][]any{{int64(2), int64(1)}}, rowsOf(t, d.Batch())); diff != "" {
		t.Errorf("rows differ (-want +got):\n%s", diff)
	}
}

func TestRejectsAndViolationsAreThoseOfOneBatch(t *testing.T) {
	d := newPlan(t, `"a":{"type":"boolean"},"b":{"type":"boolean"}`, table.Options{}).NewDecoder()
	empty := d.Bytes()
	appendAll(t, d, `{"a":1,"b":"x"}`)
	first := d.Rejects()
	want := []Reject{
		{1, "a", `the value 1 is of another kind, but the SCHEMA declares {"type":"boolean"}`, []byte(`{"a":1,"b":"x"}`)},
		{1, "b", `the value "x" is of another kind, but the SCHEMA declares {"type":"boolean"}`, []byte(`{"a":1,"b":"x"}`)},
	}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("rejects differ (-want +got):\n%s", diff)
	}
	if size := d.Bytes() - empty; size < 200 || size > 600 {
		t.Errorf("a row with two rejects of 160 bytes is said to take %d", size)
	}
	d.Batch().Rows.Release()
	if d.Bytes() != 0 || d.Rejects() != nil {
		t.Errorf("%d bytes and %v are left", d.Bytes(), d.Rejects())
	}
	appendAll(t, d, `{"a":true}`, `{"b":2}`)
	if second := d.Rejects(); len(second) != 1 || second[0].Ordinal != 2 || !cmp.Equal(want, first) {
		t.Errorf("then %v is rejected, and before %v", second, first)
	}
	d.Batch().Rows.Release()
}

func TestARejectedRecordIsACopy(t *testing.T) {
	d := newPlan(t, `"a":{"type":"boolean"}`, table.Options{}).NewDecoder()
	record := []byte(`{"a":"keep me"}`)
	if err := d.Append(&singer.Record{Record: record}, 1); err != nil {
		t.Fatal(err)
	}
	clear(record)
	if r := d.Rejects()[0]; string(r.Record) != `{"a":"keep me"}` || !strings.Contains(r.Reason, "keep me") {
		t.Errorf("the reject is %v", r)
	}
	d.Batch().Rows.Release()
}

func TestIdleTellsWhatADecoderHolds(t *testing.T) {
	d := newPlan(t, `"a":{"type":"string"},"b":{"type":"integer"}`, table.Options{}).NewDecoder()
	if idle := d.Idle(); idle > 1000 {
		t.Errorf("a new decoder holds %d bytes", idle)
	}
	appendAll(t, d, `{"a":"`+strings.Repeat("x", 1<<20)+`","b":1,"c":"`+strings.Repeat("y", 1<<20)+`"}`)
	d.Batch().Rows.Release()
	if idle := d.Idle(); idle < 2<<20 || idle > 8<<20 {
		t.Errorf("after a row of 2 MiB it holds %d bytes", idle)
	}
}

func TestPlainTextIsFoundByEightBytesAsByOne(t *testing.T) {
	for length := range 20 {
		for at := range length + 1 {
			for _, odd := range []byte{'a', '\\', '[', ']', 0x00, 0x7f, 0x80, 0xdc, 0xff} {
				text := []byte(strings.Repeat("x", length))
				if at < length {
					text[at] = odd
				}
				want := at == length || odd < 0x80 && odd != '\\'
				if got := isPlain(text); got != want {
					t.Errorf("%q is plain: %v", text, got)
				}
			}
		}
	}
}
