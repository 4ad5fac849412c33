package load

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"tapline/singer"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/journal"
	"tapline/target-warehouse/table"
)

func TestATableOfSomebodyElseIsToldOf(t *testing.T) {
	mine := journal.Table{Pipeline: "mine", Stream: "users", Name: "users", LastLoadedAt: time.Unix(1, 0)}
	for _, c := range []struct {
		name  string
		table journal.Table // that was loaded last
		want  string        // in the log; "" for no word about it
	}{
		{"the stream itself was there last", mine, ""},
		{"nobody was there", journal.Table{Name: "orders", Stream: "orders"}, ""},
		{"the same name in another schema", journal.Table{Pipeline: "other", Stream: "users", Schema: "crm", Name: "users"}, ""},
		{"another pipeline", journal.Table{Pipeline: "other", Stream: "users", Name: "users"}, `stream \"users\" of pipeline \"other\"`},
		{"another stream", journal.Table{Pipeline: "mine", Stream: "people", Name: "users"}, `stream \"people\" of pipeline \"mine\"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &journal.Memory{Loaded: map[[2]string]journal.Table{{c.table.Schema, c.table.Name}: c.table}}
			in := usersSchema + user(1, "a") + strings.Replace(usersSchema, `"name"`, `"called"`, 1) + user(2, "b")
			got := loadText(t, newMemoryWarehouse(), strings.NewReader(in), Options{Memory: m, Run: journal.Run{Pipeline: "mine"}})
			told := strings.Count(got.log, "was loaded into the same table, users")
			if got.err != nil || len(got.rows) != 2 || c.want == "" && told > 0 || c.want != "" && (told != 1 || !strings.Contains(got.log, c.want)) {
				t.Errorf("failure %v, rows %v, log:\n%s", got.err, got.rows, got.log)
			}
		})
	}
}

func TestAnotherKeyIsToldOf(t *testing.T) {
	schema := func(key string) string {
		return `{"type":"SCHEMA","stream":"users","schema":{"properties":{"id":{"type":"integer"},"name":{"type":"string"}}},"key_properties":[` + key + "]}\n"
	}
	both := `"id","name"`
	for _, c := range []struct {
		name, before, since string
		method              table.Method
		want                string // in the log; "" for no word about it
	}{
		{"the same", `"id"`, `"id"`, table.Upsert, ""},
		{"one more column", `"id"`, both, table.Upsert, "its key was id and is id, name now"},
		{"none any more", both, "", table.Upsert, "its key was id, name, and the SCHEMA has no key_properties any more"},
		{"the first", "", `"id"`, table.Upsert, ""},
		{"one more column of rows that are only added", `"id"`, both, table.AppendOnly, ""},
		{"one more column of rows that are all replaced", `"id"`, both, table.Overwrite, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := schema(c.before) + user(1, "a") + activate(5)
			o := Options{Table: table.Options{Method: c.method}}
			w := newMemoryWarehouse()
			if first := loadText(t, w, strings.NewReader(in), o); first.err != nil || strings.Contains(first.log, "key") {
				t.Fatalf("failure %v, log:\n%s", first.err, first.log)
			}
			in = strings.NewReplacer("["+c.before+"]", "["+c.since+"]", `"id":1`, `"id":2`).Replace(in)
			got := loadText(t, w, strings.NewReader(in), o)
			if told := strings.Contains(got.log, c.want) && c.want != ""; got.err != nil || told != (c.want != "") || !told && strings.Contains(got.log, "key") {
				t.Errorf("failure %v, log:\n%s", got.err, got.log)
			}
		})
	}
}

func TestATableThatWasDroppedIsToldOf(t *testing.T) {
	loaded := journal.Table{Stream: "users", Name: "users", RowCount: 3}
	with := func(change func(*journal.Table)) journal.Table {
		t := loaded
		change(&t)
		return t
	}
	for _, c := range []struct {
		name   string
		before journal.Table
		method table.Method
		there  bool // the table is
		told   bool
	}{
		{name: "somebody dropped it", before: loaded, told: true},
		{name: "nobody counted its rows", before: with(func(t *journal.Table) { t.RowCount = -1 }), told: true},
		{name: "rows are only added", before: loaded, method: table.AppendOnly, told: true},
		{name: "it is there", before: loaded, there: true},
		{name: "it was empty", before: with(func(t *journal.Table) { t.RowCount = 0 })},
		{name: "the stream is read again", before: with(func(t *journal.Table) { t.ReloadRequestedAt = time.Unix(1, 0) })},
		{name: "all rows are replaced", before: loaded, method: table.Overwrite},
		{name: "it was in another schema", before: with(func(t *journal.Table) { t.Schema = "crm" })},
		{name: "it had another name", before: with(func(t *journal.Table) { t.Name = "people" })},
		{name: "it is another stream's", before: with(func(t *journal.Table) { t.Stream = "people" })},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log strings.Builder
			var into destination.Destination = newMemoryWarehouse()
			if !c.there {
				into = made{newMemoryWarehouse()}
			}
			o := Options{Table: table.Options{Metadata: true, Method: c.method}, Allocator: memory.NewGoAllocator(), Log: slog.New(slog.NewTextHandler(&log, nil)),
				Memory: &journal.Memory{Tables: map[string]journal.Table{c.before.Stream: c.before}}}
			in := singer.NewReader(strings.NewReader(usersSchema + user(1, "a") + activate(5)))
			if _, err := Run(t.Context(), in, into, func(json.RawMessage) error { return nil }, o); err != nil {
				t.Fatal(err)
			}
			if told := strings.Count(log.String(), "the table users was not there any more"); told > 1 || (told == 1) != c.told {
				t.Errorf("told %d times:\n%s", told, log.String())
			}
		})
	}
}
