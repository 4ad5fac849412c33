package load

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline/target-warehouse/journal"
	"tapline/target-warehouse/table"
)

const (
	keylessUser = `{"type":"RECORD","stream":"users","record":{"name":"x"}}` + "\n"
	oddUser     = `{"type":"RECORD","stream":"users","record":{"id":9,"name":{"first":"x"}}}` + "\n"
)

// rejected gives the rows of rejects as text.
func (w *memoryWarehouse) rejected() []string {
	var all []string
	rows := w.rows("_singer_rejects")
	for i := range 100 {
		if row, ok := rows[fmt.Sprint(i)]; ok {
			all = append(all, row)
		}
	}
	return all
}

func TestAValueThatFitsNoColumnIsNullAndRecorded(t *testing.T) {
	w := newMemoryWarehouse()
	got := loadText(t, w, strings.NewReader(usersSchema+user(1, "a")+oddUser+state(1)), Options{})
	if diff := cmp.Diff(map[string]string{"1;": "id=1 name=a ", "9;": "id=9 "}, got.rows); diff != "" || got.err != nil {
		t.Errorf("failure %v, rows (-want +got):\n%s", got.err, diff)
	}
	if rows := w.rejected(); len(rows) != 1 || !strings.Contains(rows[0], `field=name`) || !strings.Contains(rows[0], `record={"id":9,"name":{"first":"x"}}`) {
		t.Errorf("rejects %q", rows)
	}
	if got.run.Status != journal.Partial || got.run.Rejected != 1 || got.run.Rows != 2 || len(got.states) != 1 || !strings.Contains(got.log, "could not be loaded as they were sent") {
		t.Errorf("run %+v, states %v, log:\n%s", got.run, got.states, got.log)
	}
}

func TestBadRecordsAreLeftOutOnlyWhereThatIsWanted(t *testing.T) {
	in := usersSchema + user(1, "a") + keylessUser + "hello\n" + user(2, "b") + state(1) + `{"type":"RECORD","stream":"users","record":{"id":}}` + "\n" + user(3, "c") + state(2)
	for _, c := range []struct {
		name     string
		options  Options
		rows     int
		rejects  int
		states   int
		wantFail string
	}{
		{"neither", Options{}, 1, 0, 0, "line 3"},
		{"records", Options{RejectBad: true}, 1, 1, 0, "line 4"},
		{"lines too", Options{RejectBad: true, SkipInvalid: true}, 3, 3, 1, ""},
		{"as many as are allowed", Options{RejectBad: true, SkipInvalid: true, MaxRejected: 3}, 3, 3, 1, ""},
		{"more than are allowed", Options{RejectBad: true, SkipInvalid: true, MaxRejected: 2}, 0, 3, 0, "max_rejected_records"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newMemoryWarehouse()
			got := loadText(t, w, strings.NewReader(in), c.options)
			if len(got.rows) != c.rows || len(w.rejected()) != c.rejects || len(got.states) != c.states {
				t.Errorf("rows %v, rejects %q, states %v", got.rows, w.rejected(), got.states)
			}
			if c.wantFail == "" && got.err != nil || c.wantFail != "" && (got.err == nil || !strings.Contains(got.err.Error(), c.wantFail)) {
				t.Errorf("failure %v, want one with %q", got.err, c.wantFail)
			}
		})
	}
}

func TestALineThatIsSkippedIsKeptWhole(t *testing.T) {
	lines := []string{"a banner of " + strings.Repeat("many words ", 50), `{"type":"RECORD","stream":"users","record":[1,2]}`, `{"type":"RECORD","stream":"users","record":{"id":}}`, `{"type":"STATE"}`}
	w := newMemoryWarehouse()
	got := loadText(t, w, strings.NewReader(usersSchema+user(1, "a")+strings.Join(lines, "\r\n")+"\n"+user(2, "b")+state(1)), Options{SkipInvalid: true})
	if got.err != nil || len(got.rows) != 2 || len(w.rejected()) != len(lines) {
		t.Fatalf("failure %v, rows %v, rejects %q", got.err, got.rows, w.rejected())
	}
	for i, line := range lines {
		if row := w.rejected()[i]; !strings.Contains(row, "record="+line+" ") {
			t.Errorf("reject %d is %q, want one with the line %q", i, row, line)
		}
	}
}

func TestACutLineIsNeverSkipped(t *testing.T) {
	got := loadText(t, newMemoryWarehouse(), strings.NewReader(usersSchema+user(1, "a")+`{"type":"RECORD","stre`), Options{RejectBad: true, SkipInvalid: true})
	if got.err == nil || !strings.Contains(got.err.Error(), "cut in the middle") || len(got.rows) != 1 {
		t.Errorf("failure %v, rows %v", got.err, got.rows)
	}
}

func TestKeysCanBeRequired(t *testing.T) {
	in := strings.Replace(usersSchema, `["id"]`, `[]`, 1)
	got := loadText(t, newMemoryWarehouse(), strings.NewReader(in), Options{KeyRequired: true})
	if got.err == nil || !strings.Contains(got.err.Error(), "primary_key_required") {
		t.Errorf("failure %v", got.err)
	}
}

// TestColumnsKeepTheirNames has a property arrive whose name would take a column's name away: in one run, and in the
// run behind it.
func TestColumnsKeepTheirNames(t *testing.T) {
	schema := func(properties ...string) string {
		var list []string
		for _, p := range properties {
			list = append(list, fmt.Sprintf(`%q:{"type":"integer"}`, p))
		}
		return `{"type":"SCHEMA","stream":"users","key_properties":[],"schema":{"properties":{` + strings.Join(list, ",") + "}}}\n"
	}
	record := `{"type":"RECORD","stream":"users","record":{"Name":1}}` + "\n"
	got := loadText(t, newMemoryWarehouse(), strings.NewReader(schema("Name")+record+schema("name", "Name")+record), Options{})
	if diff := cmp.Diff(map[string]string{"1": "Name=1 ", "2": "Name=1 "}, got.rows); diff != "" || got.err != nil {
		t.Errorf("in one run: %v\n%s", got.err, diff)
	}
	memory := &journal.Memory{Names: map[string]map[string]string{"users": {`["Name"]`: "Name"}}}
	got = loadText(t, newMemoryWarehouse(), strings.NewReader(schema("name", "Name")+record), Options{Memory: memory})
	if diff := cmp.Diff(map[string]string{"1": "Name=1 "}, got.rows); diff != "" || got.err != nil {
		t.Errorf("in the next run: %v\n%s", got.err, diff)
	}
}

// TestStatesOfTwoStreamsLeaveAsEarlyAsTheyMay is the case of several states that the suites of other targets leave out:
// with commits by stream, exactly the states leave whose records are durable.
func TestStatesOfTwoStreamsLeaveAsEarlyAsTheyMay(t *testing.T) {
	var in strings.Builder
	for _, stream := range []string{"a", "b"} {
		in.WriteString(strings.ReplaceAll(usersSchema, "users", stream))
	}
	next := map[rune]int{}
	for _, step := range "a|ab|ab|aab|bbb|a" {
		if step == '|' {
			fmt.Fprintf(&in, `{"type": "STATE", "value": {"a": %d, "b": %d}}`+"\n", next['a'], next['b'])
			continue
		}
		next[step]++
		in.WriteString(strings.ReplaceAll(user(next[step], "x"), "users", string(step)))
	}
	got := loadText(t, newMemoryWarehouse(), strings.NewReader(in.String()), Options{BatchRows: 3})
	want := []string{`{"a": 1, "b": 0}`, `{"a": 3, "b": 2}`, `{"a": 5, "b": 6}`}
	if diff := cmp.Diff(want, got.states); diff != "" || got.err != nil {
		t.Errorf("failure %v, states (-want +got):\n%s", got.err, diff)
	}
}

func TestHistoryIsForStreamsWithAKey(t *testing.T) {
	w := newMemoryWarehouse()
	o := Options{History: func(stream string) bool { return stream != "c" }}
	var in string
	for _, stream := range []string{"a", "b", "c"} {
		in += strings.ReplaceAll(usersSchema, "users", stream)
	}
	got := loadText(t, w, strings.NewReader(strings.Replace(in, `["id"]`, `[]`, 1)), o)
	want := map[string]bool{"a": false, "b": true, "c": false}
	for stream, shape := range w.shapes {
		if shape[table.ValidTo] != want[stream] {
			t.Errorf("stream %s has the columns %v (%v)", stream, shape, got.err)
		}
	}
}

func TestTwoStreamsOfOneTableAreRefused(t *testing.T) {
	in := strings.ReplaceAll(usersSchema, "users", "shop-users") + usersSchema
	got := loadText(t, newMemoryWarehouse(), strings.NewReader(in), Options{Table: table.Options{SchemaMapping: map[string]string{"shop": ""}}})
	if got.err == nil || !strings.Contains(got.err.Error(), "stream users: it would be loaded into the table users of stream shop-users") {
		t.Errorf("failure %v", got.err)
	}
}

// TestAColumnIsRecordedOnceACommit widens a column in the commit that makes it.
func TestAColumnIsRecordedOnceACommit(t *testing.T) {
	w := newMemoryWarehouse()
	in := strings.Replace(usersSchema, `"name":{"type":["null","string"]}`, `"n":{"type":"integer"}`, 1) +
		`{"type":"RECORD","stream":"users","record":{"id":1,"n":123456789012345678901234567890}}` + "\n"
	if got := loadText(t, w, strings.NewReader(in), Options{}); got.err != nil {
		t.Fatal(got.err)
	}
	var types []string
	for _, row := range w.own["_singer_columns"] {
		if row.Values[3] == "n" {
			types = append(types, row.Values[5].(string))
		}
	}
	if diff := cmp.Diff([]string{"decimal(38,0)"}, types); diff != "" {
		t.Errorf("types of the column (-want +got):\n%s", diff)
	}
}
