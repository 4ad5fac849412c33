package decode

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tapline/singer"
	"tapline/target-warehouse/table"

	"github.com/google/go-cmp/cmp"
)

// Records of one stream in many spellings; most members are in those of everyType.
var spellings = []string{
	`{}`, ` { } `, `{"b":true,"i":1,"n":1.5,"s":"x","t":"2024-05-01T10:00:00Z","d":"2024-05-01","j":{"a":[1]}}`,
	`{"b": false, "i": -12, "n": -0.0, "s": "longer than eight bytes", "t": "1969-12-31T23:59:59Z", "d": null, "j": []}`,
	`{ "b" : null , "i" : 0 , "n" : 0 , "s" : "" , "t" : null , "j" : null }`,
	`{"j":"é","s":"é","n":123456789012345,"i":999999999999999999,"b":true}`,
	`{"i":-999999999999999999,"i":1000000000000000000}`, `{"i":01}`, `{"i":1.}`, `{"i":-}`, `{"n":1.5e3,"i":1e2}`, `{"n":.5}`, `{"n":00.5}`,
	`{"n":1234567890.123456,"i":1.0}`, `{"i":12 , "n":1.25 }`, `{"i":1x}`, `{"n":1.2.3}`, `{"b":truex}`, `{"b":nul}`, `{"b":tru}`,
	`{"t":"2024-02-30T10:00:00Z"}`, `{"t":"2024-13-01T10:00:00Z"}`, `{"t":"2024-05-01T24:00:00Z"}`, `{"t":"2024-05-01T10:60:00Z"}`,
	`{"t":"2024-05-01T10:00:60Z"}`, `{"t":"0000-05-01T10:00:00Z"}`, `{"t":"2024-05-01t10:00:00z"}`, `{"t":"2024-05-01T10:00:0:Z"}`,
	`{"s":"a\u0062c","\u0073":"again"}`, `{"s":"\ud800","j":{"x":"\ud800"}}`, "{\"s\":\"\xff\",\"j\":\"\xff\"}", `{"s":1,"j":NaN}`, `{"s":"open`,
	`{"x":1,"b":true,"y":{"z":2}}`, `{"x": 1,"b" :true}`, `{"y":1,"x":2}`, `{"b":true,}`, `{,"b":true}`, `{"b":true "i":1}`, `{"b"}`, `[]`, `{"b":true}x`,
}

func TestRecordsAreReadAlikeWhateverStoodBeforeThem(t *testing.T) {
	for _, first := range spellings {
		for _, second := range spellings {
			readAlike(t, first, second)
		}
	}
}

func FuzzBehind(f *testing.F) {
	for i, second := range spellings {
		f.Add(spellings[(i+1)%len(spellings)], second)
	}
	f.Fuzz(func(t *testing.T, first, second string) { readAlike(t, first, second) })
}

// readAlike holds what becomes of a record behind another one against what becomes of it alone. That may differ where the
// first one has made a column wider.
func readAlike(t *testing.T, first, second string) {
	t.Helper()
	p := newPlan(t, everyType, table.Options{})
	d, alone := p.NewDecoder(), newPlan(t, everyType, table.Options{}).NewDecoder()
	before := 0
	if d.Append(&singer.Record{Record: []byte(first)}, 1) == nil {
		before = 1
	}
	for i := range d.columns {
		if d.columns[i].shape != p.current.Load().shapes[i] {
			return
		}
	}
	replaced := d.Replaced()
	got, want := d.Append(&singer.Record{Record: []byte(second)}, 2), alone.Append(&singer.Record{Record: []byte(second)}, 2)
	if fmt.Sprint(got) != fmt.Sprint(want) || d.Len()-before != alone.Len() || d.Replaced()-replaced != alone.Replaced() {
		t.Fatalf("%q behind %q: %v, %d rows, %d replaced; alone: %v, %d, %d",
			second, first, got, d.Len()-before, d.Replaced()-replaced, want, alone.Len(), alone.Replaced())
	}
	if want != nil {
		return
	}
	if diff := cmp.Diff(lastRejects(alone), lastRejects(d)); diff != "" {
		t.Fatalf("%q behind %q is rejected otherwise than alone (-alone +behind):\n%s", second, first, diff)
	}
	a, b := alone.Batch(), d.Batch()
	defer a.Rows.Release()
	defer b.Rows.Release()
	for i := range d.columns {
		x, y := a.Rows.Column(i), b.Rows.Column(i)
		if x.DataType().ID() == y.DataType().ID() && x.ValueStr(0) != y.ValueStr(before) {
			t.Fatalf("%q behind %q: %s is %s, alone %s", second, first, a.Rows.ColumnName(i), y.ValueStr(before), x.ValueStr(0))
		}
	}
	if x, y := lastExtra(a), lastExtra(b); x != y {
		t.Fatalf("%q behind %q has the undeclared %s, alone %s", second, first, y, x)
	}
}

// lastExtra returns the undeclared members of a batch's last row; "" for none.
func lastExtra(b *table.Batch) string {
	at, last := extraOf(b.Table), int(b.Rows.NumRows())-1
	if at < 0 || b.Rows.Column(at).IsNull(last) {
		return ""
	}
	return b.Rows.Column(at).ValueStr(last)
}

// lastRejects tells of those that are about the record 2.
func lastRejects(d *Decoder) string {
	var text strings.Builder
	for _, r := range d.Rejects() {
		if r.Ordinal == 2 {
			fmt.Fprintf(&text, "%s %s\n", r.Field, r.Reason)
		}
	}
	return text.String()
}

func TestDaysAreThoseOfTheCalendar(t *testing.T) {
	at := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	for want := at.Unix() / (24 * 60 * 60); at.Year() < 10_000; want++ {
		year, month, day := at.Date()
		if got, ok := dayOf(int64(year), int64(month), int64(day)); !ok || got != want {
			t.Fatalf("%s is day %d (%t), want %d", at.Format(time.DateOnly), got, ok, want)
		}
		at = at.AddDate(0, 0, 1)
		if at.Day() == 1 {
			if _, ok := dayOf(int64(year), int64(month), int64(day)+1); ok {
				t.Fatalf("%s has a day behind it in its month", at.AddDate(0, 0, -1).Format(time.DateOnly))
			}
		}
	}
	for _, no := range [][3]int64{{0, 1, 1}, {2024, 0, 1}, {2024, 13, 1}, {2024, 1, 0}} {
		if _, ok := dayOf(no[0], no[1], no[2]); ok {
			t.Errorf("%v is taken for a day", no)
		}
	}
}
