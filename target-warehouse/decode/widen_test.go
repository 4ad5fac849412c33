package decode

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"tapline/singer"
	"tapline/target-warehouse/table"

	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/google/go-cmp/cmp"
)

// typeOf returns the type of a batch's first column as the words of a test, such as decimal(38,18).
func typeOf(b *table.Batch) string {
	c := b.Table.Columns[0]
	if c.Precision > 0 {
		return fmt.Sprintf("%s(%d,%d)", c.Type, c.Precision, c.Scale)
	}
	return c.Type.String()
}

// columnOf returns the cells of a batch's first column and releases it.
func columnOf(t *testing.T, b *table.Batch) (cells []any) {
	t.Helper()
	for _, row := range rowsOf(t, b) {
		cells = append(cells, row[0])
	}
	return cells
}

func TestNumbersThatDoNotFitMakeTheirColumnWider(t *testing.T) {
	const integer, number, bounded = `{"type":"integer"}`, `{"type":"number"}`, `{"type":"string","format":"singer.decimal","precision":5,"scale":2}`
	for _, c := range []struct {
		schema, values, typ string
		want                []any
	}{
		{integer, `1 null 9223372036854775808`, "decimal(38,0)", []any{"1", nil, "9223372036854775808"}},
		{integer, `-9223372036854775808 -9223372036854775809`, "decimal(38,0)", []any{"-9223372036854775808", "-9223372036854775809"}},
		{integer, `99999999999999999999999999999999999999 1e37`, "decimal(38,0)", []any{strings.Repeat("9", 38), "1" + strings.Repeat("0", 37)}},
		{integer, `7 1e38`, "decimal", []any{"7", "1" + strings.Repeat("0", 38)}},
		{integer, `9223372036854775808 1e38 null 2`, "decimal", []any{"9223372036854775808", "1" + strings.Repeat("0", 38), nil, "2"}},
		{integer, `9223372036854775808 0.5 2`, "decimal", []any{"9223372036854775808", "0.5", "2"}},
		{integer, `1 null -2 1.5 3 4.0`, "number", []any{1.0, nil, -2.0, 1.5, 3.0, 4.0}},
		{integer, `9007199254740992 1.5`, "number", []any{9007199254740992.0, 1.5}},
		{integer, `1000000000000000000 1.5`, "number", []any{1e18, 1.5}},
		{integer, `9007199254740993 1.5`, "decimal(38,18)", []any{"9007199254740993", "1.5"}},
		{integer, `-9223372036854775808 1e-18`, "decimal(38,18)", []any{"-9223372036854775808", "0.000000000000000001"}},
		{integer, `9007199254740993 1e-19`, "decimal", []any{"9007199254740993", "0.0000000000000000001"}},
		{integer, `1 0.1000000000000000001`, "decimal", []any{"1", "0.1000000000000000001"}},
		{integer, `1 1.5 9007199254740993`, "decimal(38,18)", []any{"1", "1.5", "9007199254740993"}},
		{number, `0.1 1e400`, "decimal", []any{"0.1", "1" + strings.Repeat("0", 400)}},
		{number, `0.1 -0.0 null 9007199254740993`, "decimal(38,18)", []any{"0.1", "0", nil, "9007199254740993"}},
		{number, `5e-324 9007199254740993`, "decimal", []any{"0." + strings.Repeat("0", 323) + "5", "9007199254740993"}},
		{number, `1e300 9007199254740993`, "decimal", []any{"1" + strings.Repeat("0", 300), "9007199254740993"}},
		{number, `12345678901234567890.123456789012345678 3`, "decimal(38,18)", []any{"12345678901234567890.123456789012345678", "3"}},
		{bounded, `"1.50" 999.99 "-0.01"`, "decimal(5,2)", []any{"1.5", "999.99", "-0.01"}},
		{bounded, `"1.50" "1.005"`, "decimal", []any{"1.5", "1.005"}},
		{bounded, `"1.50" "1000"`, "decimal", []any{"1.5", "1000"}},
	} {
		p := newPlan(t, `"v":`+c.schema, table.Options{})
		d := p.NewDecoder()
		for _, value := range strings.Fields(c.values) {
			appendAll(t, d, `{"v":`+value+`}`)
		}
		if rejects := d.Rejects(); rejects != nil {
			t.Errorf("%s in %s: %v is rejected", c.values, c.schema, rejects)
		}
		b := d.Batch()
		typ := typeOf(b)
		if diff := cmp.Diff(c.want, columnOf(t, b)); diff != "" || typ != c.typ {
			t.Errorf("%s in %s: the column is %s, want %s (-want +got):\n%s", c.values, c.schema, typ, c.typ, diff)
		}
	}
}

// TestNumbersThatFitDoNotWiden has values at the edges of each type.
func TestNumbersThatFitDoNotWiden(t *testing.T) {
	for schema, values := range map[string]string{
		`{"type":"integer"}`: `9223372036854775807 -9223372036854775808 1.000 1e18 -0 0e999999999`,
		`{"type":"number"}`:  `1.7976931348623157e308 5e-324 9007199254740992 0.1 NaN -Infinity`,
		`{"type":"string","format":"singer.decimal","precision":38}`: `"99999999999999999999999999999999999999" 1.0 "-0.000"`,
	} {
		d := newPlan(t, `"v":`+schema, table.Options{}).NewDecoder()
		for _, value := range strings.Fields(values) {
			appendAll(t, d, `{"v":`+value+`}`)
		}
		b := d.Batch()
		if b.Table != d.plan.Table() {
			t.Errorf("%s makes %s a %s", values, schema, typeOf(b))
		}
		b.Rows.Release()
	}
}

func TestAWiderColumnStaysSoInEveryDecoderOfThePlan(t *testing.T) {
	p := newPlan(t, `"v":{"type":"integer"},"w":{"type":"integer"}`, table.Options{})
	first, second, third := p.NewDecoder(), p.NewDecoder(), p.NewDecoder()
	appendAll(t, second, `{"v":2,"w":5}`, `{"v":null}`, `{"v":3}`)
	appendAll(t, first, `{"v":1}`)
	narrow := first.Batch()
	appendAll(t, first, `{"v":1.5}`)
	wide := first.Batch()
	late := second.Batch()
	appendAll(t, third, `{"v":4,"w":6}`)
	later := third.Batch()
	if narrow.Table != p.Table() || wide.Table == p.Table() || late.Table != wide.Table || later.Table != wide.Table {
		t.Error("batches carry other tables than the plan's, and behind the fraction its one wider one")
	}
	if wide.Table.Columns[1].Type != table.Integer {
		t.Error("the neighbour became wider too")
	}
	for _, c := range []struct {
		batch *table.Batch
		want  []any
	}{{narrow, []any{int64(1)}}, {wide, []any{1.5}}, {late, []any{2.0, nil, 3.0}}, {later, []any{4.0}}} {
		if diff := cmp.Diff(c.want, columnOf(t, c.batch)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// TestDecodersThatWidenApartMeet has decoders with rows that the other's wider column cannot hold.
func TestDecodersThatWidenApartMeet(t *testing.T) {
	for _, c := range []struct {
		one, other, typ string
		want            []any
	}{
		{`1.5`, `9007199254740993`, "decimal(38,18)", []any{"9007199254740993"}},
		{`1.5`, `9223372036854775808`, "decimal(38,0)", []any{"9223372036854775808"}},
		{`9223372036854775808`, `1.5`, "decimal", []any{"1.5"}},
		{`9223372036854775808`, `7`, "decimal(38,0)", []any{"7"}},
		{`9007199254740993.5`, `9223372036854775808`, "decimal", []any{"9223372036854775808"}},
		{`1e50`, `7`, "decimal", []any{"7"}},
		{`1e50`, `9223372036854775808`, "decimal", []any{"9223372036854775808"}},
	} {
		p := newPlan(t, `"v":{"type":"integer"}`, table.Options{})
		one, other := p.NewDecoder(), p.NewDecoder()
		appendAll(t, one, `{"v":`+c.one+`}`)
		appendAll(t, other, `{"v":`+c.other+`}`)
		one.Batch().Rows.Release()
		b := other.Batch()
		typ := typeOf(b)
		if diff := cmp.Diff(c.want, columnOf(t, b)); diff != "" || typ != c.typ {
			t.Errorf("%s beside %s: the column is %s, want %s (-want +got):\n%s", c.other, c.one, typ, c.typ, diff)
		}
	}
}

func TestManyDecodersWidenOnePlanAtOnce(t *testing.T) {
	p := newPlan(t, `"v":{"type":"integer"},"w":{"type":"number"}`, table.Options{})
	var wait sync.WaitGroup
	for worker := range 4 {
		wait.Go(func() {
			d := p.NewDecoder()
			for i := range 50 {
				values := []string{"1", "2.5", "9007199254740993", "9223372036854775808", "1e60"}
				value := values[min(i/10, worker+1)]
				if err := d.Append(&singer.Record{Record: json.RawMessage(`{"v":` + value + `,"w":0.5,"x":1}`)}, int64(i+1)); err != nil {
					t.Error(err)
				}
				if i%3 != 2 {
					continue
				}
				b := d.Batch()
				if b.Table.Columns[1].Type != table.Number || !b.Rows.Schema().Equal(b.Table.ArrowSchema()) {
					t.Errorf("the batch is of %v with rows of %v", b.Table.Columns, b.Rows.Schema())
				}
				b.Rows.Release()
			}
			if d.Len() > 0 {
				d.Batch().Rows.Release()
			}
		})
	}
	wait.Wait()
	if got := p.current.Load().shapes[0]; got != anyDecimal {
		t.Errorf("the plan's column ends as %v", got)
	}
}

func TestNaNBeforeAColumnBecameADecimalIsRejected(t *testing.T) {
	d := newPlan(t, `"v":{"type":"number"},"w":{"type":"integer"}`, table.Options{}).NewDecoder()
	appendAll(t, d, `{"v":NaN,"w":1}`, `{"v":-Infinity}`, `{"v":Infinity}`, `{"v":0.5}`, `{"v":9007199254740993,"w":true}`, `{"v":NaN}`)
	reason := func(value string) string {
		return "the value " + value + " " + notFiniteDecimal + ", but a longer number in the stream makes this column one"
	}
	want := []Reject{
		{1, "v", reason("NaN"), []byte(`{"v":NaN}`)},
		{2, "v", reason("-Infinity"), []byte(`{"v":-Infinity}`)},
		{3, "v", reason("Infinity"), []byte(`{"v":Infinity}`)},
		{5, "w", `the value true is of another kind, but the SCHEMA declares {"type":"integer"}`, []byte(`{"v":9007199254740993,"w":true}`)},
		{6, "v", `the value NaN ` + notFiniteDecimal + `, but the SCHEMA declares {"type":"number"}`, []byte(`{"v":NaN}`)},
	}
	if diff := cmp.Diff(want, d.Rejects()); diff != "" {
		t.Errorf("rejects differ (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]any{nil, nil, nil, "0.5", "9007199254740993", nil}, columnOf(t, d.Batch())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestRejectsKnowWhatTheBatchWillBe has a NaN become NULL only because another decoder met a long number.
func TestRejectsKnowWhatTheBatchWillBe(t *testing.T) {
	p := newPlan(t, `"v":{"type":"number"}`, table.Options{})
	one, other := p.NewDecoder(), p.NewDecoder()
	appendAll(t, one, `{"v":NaN}`)
	appendAll(t, other, `{"v":9007199254740993}`)
	other.Batch().Rows.Release()
	if rejects := one.Rejects(); len(rejects) != 1 || rejects[0].Ordinal != 1 {
		t.Errorf("the rejects are %v", rejects)
	}
	appendAll(t, other, `{"v":1e50}`)
	other.Batch().Rows.Release()
	b := one.Batch()
	if typ := typeOf(b); typ != "decimal(38,18)" {
		t.Errorf("the batch has a %s, not what it was when its rejects were told", typ)
	}
	if cells := columnOf(t, b); cells[0] != nil {
		t.Errorf("NaN becomes %v", cells[0])
	}
}

func TestWideningAKeyKeepsItAKey(t *testing.T) {
	d := newPlan(t, `"v":{"type":"integer"}`, table.Options{}, "v").NewDecoder()
	appendAll(t, d, `{"v":0}`, `{"v":18446744073709551616}`)
	for _, bad := range []string{`{"v":null}`, `{"v":1e3000}`, `{"v":"1"}`} {
		if err := d.Append(&singer.Record{Record: json.RawMessage(bad)}, 3); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
	b := d.Batch()
	if b.Table.Key[0] != 0 || b.Table.Columns[0].Nullable {
		t.Errorf("the key is %v of %v", b.Table.Key, b.Table.Columns)
	}
	if diff := cmp.Diff([]any{"0", "18446744073709551616"}, columnOf(t, b)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestARefusedFirstRecordLeavesTheColumnsAsNarrowAsTheyWere(t *testing.T) {
	d := newPlan(t, `"v":{"type":"integer"},"id":{"type":"integer"}`, table.Options{}, "id").NewDecoder()
	if err := d.Append(&singer.Record{Record: json.RawMessage(`{"v":1.5}`)}, 1); err == nil {
		t.Fatal("a record without a key is taken")
	}
	appendAll(t, d, `{"v":1,"id":1}`)
	b := d.Batch()
	defer b.Rows.Release()
	if b.Table != d.plan.Table() {
		t.Errorf("the column is %s", typeOf(b))
	}
}

func TestConvertingDoesNotChangeTheSignOrTheNULLs(t *testing.T) {
	d := newPlan(t, `"v":{"type":"integer"}`, table.Options{}).NewDecoder()
	var want []any
	for i := range 100 {
		v := int64(i-50) * 1e12
		text, cell := fmt.Sprint(v), any(float64(v))
		if i%7 == 0 {
			text, cell = "null", nil
		}
		appendAll(t, d, `{"v":`+text+`}`)
		want = append(want, cell)
	}
	appendAll(t, d, `{"v":-0.5}`)
	b := d.Batch()
	if n := b.Rows.Column(0).(*array.Float64).NullN(); n != 15 {
		t.Errorf("%d rows are NULL", n)
	}
	if diff := cmp.Diff(append(want, -0.5), columnOf(t, b)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRowsMayFollowAQuestionAboutRejects(t *testing.T) {
	d := newPlan(t, `"v":{"type":"integer"}`, table.Options{}).NewDecoder()
	appendAll(t, d, `{"v":1}`)
	if rejects := d.Rejects(); rejects != nil {
		t.Errorf("%v is rejected", rejects)
	}
	appendAll(t, d, `{"v":1.5,"x":1}`)
	b := d.Batch()
	if typ := typeOf(b); typ != "number" || extraOf(b.Table) < 0 {
		t.Errorf("the column is %s in %v", typ, b.Table.Columns)
	}
	if diff := cmp.Diff([]any{1.0, 1.5}, columnOf(t, b)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
