package decode

import (
	"encoding/json"
	"fmt"
	"testing"

	"tapline/singer"
	"tapline/target-warehouse/table"

	"github.com/google/go-cmp/cmp"
)

// address is a property with two levels of objects below it.
const address = `"id":{"type":"integer"},"address":{"type":["null","object"],"required":["city"],"properties":{
	"city":{"type":"string"},"zip":{"type":["null","integer"]},"geo":{"type":["null","object"],"properties":{"lat":{"type":"number"},"tags":{"type":"array"}}}}},
	"last":{"type":["null","string"]}`

// flatPlan compiles address with flattening, so that the columns are id, city, zip, lat, tags and last.
func flatPlan(t testing.TB) *Plan {
	t.Helper()
	return newPlan(t, address, table.Options{Flatten: table.Flatten{Enabled: true, MaxDepth: 5, Separator: "__"}}, "id")
}

func TestNestedObjectsFillColumns(t *testing.T) {
	d := flatPlan(t).NewDecoder()
	appendAll(t, d,
		`{"id":1,"address":{"city":"Lyon","zip":69002,"geo":{"lat":45.7,"tags":["a", "b"]}},"last":"x"}`,
		` { "address" : { "geo" : { "tags" : [ ] , "l\u0061t" : 1 } , "city" : "Bonn" } , "id" : 2 } `,
		`{"id":3,"address":null,"last":"y"}`,
		`{"id":4}`,
		`{"id":5,"address":{},"last":null}`,
		`{"id":6,"address":{"city":"Rome","geo":null}}`,
		`{"id":7,"city":"not this one","address":{"city":"Oslo","city":"Ulm"}}`,
	)
	if rejects := d.Rejects(); rejects != nil {
		t.Errorf("%v is rejected", rejects)
	}
	if diff := cmp.Diff([]Violation{{"address.city", "missing", 1}}, d.Violations()); diff != "" {
		t.Errorf("violations differ (-want +got):\n%s", diff)
	}
	want := [][]any{
		{int64(1), "Lyon", int64(69002), 45.7, `["a", "b"]`, "x", nil, int64(1)},
		{int64(2), "Bonn", nil, 1.0, `[ ]`, nil, nil, int64(2)},
		{int64(3), nil, nil, nil, nil, "y", nil, int64(3)},
		{int64(4), nil, nil, nil, nil, nil, nil, int64(4)},
		{int64(5), nil, nil, nil, nil, nil, nil, int64(5)},
		{int64(6), "Rome", nil, nil, nil, nil, nil, int64(6)},
		{int64(7), "Ulm", nil, nil, nil, nil, `{"city":"not this one"}`, int64(7)},
	}
	if diff := cmp.Diff(want, rowsOf(t, d.Batch())); diff != "" {
		t.Errorf("rows differ (-want +got):\n%s", diff)
	}
}

func TestUndeclaredMembersOfObjectsKeepTheirPlace(t *testing.T) {
	d := flatPlan(t).NewDecoder()
	records := []string{
		`{"id":1,"address":{"zip4":1}}`,
		`{"id":2,"a":1,"address":{"zip4":"\u0041","geo":{"x":{"y": 2},"lat":1}},"b":2}`,
		`{"id":3,"address":{"geo":{"x":1}}}`,
		`{"id":4,"\u0061ddress":{"zip4":1,"zip4":2}}`,
		`{"id":5,"address":{"zip4":NaN,"other":1},"c":Infinity}`,
		`{"id":6,"address":{"zip4":"\ud800"}}`,
	}
	appendAll(t, d, records...)
	want := []Reject{
		{5, "c", "the value Infinity " + notFinite, []byte(records[4])},
		{5, "address.zip4", "the value NaN " + notFinite, []byte(records[4])},
	}
	if diff := cmp.Diff(want, d.Rejects()); diff != "" {
		t.Errorf("rejects differ (-want +got):\n%s", diff)
	}
	if d.Replaced() != 1 {
		t.Errorf("%d replacements are counted", d.Replaced())
	}
	extras := []any{`{"address":{"zip4":1}}`, `{"a":1,"b":2,"address":{"zip4":"\u0041","geo":{"x":{"y": 2}}}}`, `{"address":{"geo":{"x":1}}}`,
		`{"\u0061ddress":{"zip4":2}}`, `{"address":{"other":1}}`, `{"address":{"zip4":"\ufffd"}}`}
	var got []any
	for _, row := range rowsOf(t, d.Batch()) {
		got = append(got, row[6])
	}
	if diff := cmp.Diff(extras, got); diff != "" {
		t.Errorf("extras differ (-want +got):\n%s", diff)
	}
}

func TestWhatIsNoObjectIsRejectedOnce(t *testing.T) {
	d := flatPlan(t).NewDecoder()
	records := []string{`{"id":1,"address":"12 rue de la Paix","last":"x"}`, `{"id":2,"address":{"city":"Lyon","geo":[1,2]}}`, `{"id":3,"address":{"city":1,"zip":true}}`}
	appendAll(t, d, records...)
	want := []Reject{
		{1, "address", `the value "12 rue de la Paix" ` + notAnObject, []byte(records[0])},
		{2, "address.geo", `the value [1,2] ` + notAnObject, []byte(records[1])},
		{3, "address.city", "the value 1 is of another kind, but this column of the warehouse is of type text", []byte(records[2])},
		{3, "address.zip", "the value true is of another kind, but this column of the warehouse is of type integer", []byte(records[2])},
	}
	if diff := cmp.Diff(want, d.Rejects()); diff != "" {
		t.Errorf("rejects differ (-want +got):\n%s", diff)
	}
	rows := [][]any{{int64(1), nil, nil, nil, nil, "x", int64(1)}, {int64(2), "Lyon", nil, nil, nil, nil, int64(2)}, {int64(3), nil, nil, nil, nil, nil, int64(3)}}
	if diff := cmp.Diff(rows, rowsOf(t, d.Batch())); diff != "" {
		t.Errorf("rows differ (-want +got):\n%s", diff)
	}
}

// TestOfTwoObjectsTheLastCounts shows that nothing of the first one stays, be it a value, a reject or an undeclared member.
func TestOfTwoObjectsTheLastCounts(t *testing.T) {
	for record, want := range map[string][]any{
		`{"id":1,"address":{"city":"Lyon","zip":1,"geo":{"lat":1,"x":1},"y":1},"address":{"city":"Bonn"}}`:        {int64(1), "Bonn", nil, nil, nil, nil, int64(1)},
		`{"id":1,"address":{"city":1,"zip":"x","geo":[]},"address":null}`:                                         {int64(1), nil, nil, nil, nil, nil, int64(1)},
		`{"id":1,"address":"x","address":{"city":"Bonn"}}`:                                                        {int64(1), "Bonn", nil, nil, nil, nil, int64(1)},
		`{"id":1,"address":{"geo":{"lat":1,"x":1},"geo":{"tags":[]},"city":"Bonn"},"id":2}`:                       {int64(2), "Bonn", nil, nil, `[]`, nil, int64(1)},
		`{"id":1,"address":{"geo":3,"geo":{"lat":"x","lat":2}},"address":{"city":"Bonn","geo":{"lat":3}},"id":2}`: {int64(2), "Bonn", nil, 3.0, nil, nil, int64(1)},
	} {
		d := flatPlan(t).NewDecoder()
		appendAll(t, d, record)
		if rejects, violations := d.Rejects(), d.Violations(); rejects != nil || violations != nil {
			t.Errorf("%s: rejects %v, violations %v", record, rejects, violations)
		}
		if diff := cmp.Diff([][]any{want}, rowsOf(t, d.Batch())); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", record, diff)
		}
	}
}

func TestFlattenedColumnsWiden(t *testing.T) {
	d := flatPlan(t).NewDecoder()
	appendAll(t, d, `{"id":1,"address":{"city":"Lyon","zip":1}}`, `{"id":2,"address":{"city":"Bonn","zip":9223372036854775808}}`)
	b := d.Batch()
	if c := b.Table.Columns[2]; c.Type != table.Decimal || c.Property != "address" || !cmp.Equal(c.Below, []string{"zip"}) {
		t.Errorf("the column is %v", c)
	}
	b.Rows.Release()
}

func TestARefusedRecordWithObjectsLeavesNoTrace(t *testing.T) {
	d := flatPlan(t).NewDecoder()
	for range 3 {
		if err := d.Append(&singer.Record{Record: json.RawMessage(`{"address":{"city":1,"geo":{"lat":1,"x":1}},"last":"x"}`)}, 1); err == nil {
			t.Fatal("a record without a key is taken")
		}
		appendAll(t, d, `{"id":1}`)
	}
	if rejects, violations := d.Rejects(), d.Violations(); rejects != nil || violations != nil {
		t.Errorf("rejects %v, violations %v", rejects, violations)
	}
	for _, row := range rowsOf(t, d.Batch()) {
		if diff := cmp.Diff([]any{int64(1), nil, nil, nil, nil, nil, int64(1)}, row); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// TestHistoryColumnsStandBehindTheExtra has a table that keeps history.
func TestHistoryColumnsStandBehindTheExtra(t *testing.T) {
	d := newPlan(t, `"id":{"type":"integer"}`, table.Options{Method: table.History}, "id").NewDecoder()
	columns := func() (names []string) {
		b := d.Batch()
		for _, c := range b.Table.Columns {
			names = append(names, c.Name)
		}
		for _, row := range rowsOf(t, b) {
			names = append(names, fmt.Sprint(row[1:]))
		}
		return names
	}
	appendAll(t, d, `{"id":1}`, `{"id":2,"_sdc_extracted_at":"2024-01-01T00:00:00Z"}`)
	sent := "2024-01-01 00:00:00 +0000 UTC"
	want := []string{"id", table.ExtractedAt, table.DeletedAt, table.TableVersion, table.ValidFrom, table.ValidTo,
		fmt.Sprint([]any{clock, nil, nil, clock, nil, 1}), fmt.Sprint([]any{sent, nil, nil, sent, nil, 2})}
	if diff := cmp.Diff(want, columns()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	appendAll(t, d, `{"id":1,"_sdc_valid_from":"2020-01-01","_sdc_valid_to":null,"id":9223372036854775808}`)
	want = []string{"id", table.ExtractedAt, table.DeletedAt, table.TableVersion, table.Extra, table.ValidFrom, table.ValidTo,
		fmt.Sprint([]any{clock, nil, nil, `{"_sdc_valid_from":"2020-01-01","_sdc_valid_to":null}`, clock, nil, 1})}
	if diff := cmp.Diff(want, columns()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
