package tests

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// hazard is something that real taps send and that has broken targets.
type hazard struct {
	name     string
	settings string // beside where the warehouse is
	key      string // the SCHEMA's key_properties
	schema   string // the SCHEMA's properties; with the message it is of stream s
	lines    string // the lines behind it, of which %s stands for {"type":"RECORD","stream":"s","record":
	query    string
	want     []string // a row each, with | between the columns
	failure  string   // a part of the message that ends the run; "" if it succeeds
	warning  string   // a part of what is told; "" for none
}

var hazards = []hazard{
	{name: "null for a property that is not nullable, and a required one that is missing",
		schema: `"id":{"type":"integer"},"a":{"type":"string"},"b":{"type":"string"}},"required":["b"]`, key: `"id"`,
		lines: `%s{"id":1,"a":null}}`, query: `SELECT id, a, b FROM s`, want: []string{"1|NULL|NULL"}, warning: "null"},
	{name: "a key that is missing fails the run", schema: `"id":{"type":"integer"}}`, key: `"id"`,
		lines: `%s{"id":1}}` + "\n" + `%s{"other":1}}`, query: `SELECT id FROM s`, want: []string{"1"}, failure: "id"},
	{name: "a key that is null is rejected where that is wanted", settings: `"on_bad_record":"reject"`, schema: `"id":{"type":["null","integer"]}}`, key: `"id"`,
		lines: `%s{"id":null}}` + "\n" + `%s{"id":1}}`, query: `SELECT id FROM s UNION ALL SELECT ordinal FROM _singer_rejects WHERE stream = 's'`, want: []string{"1", "1"}},
	{name: "falsy keys are keys", schema: `"i":{"type":"integer"},"t":{"type":"string"},"b":{"type":"boolean"}}`, key: `"i","t","b"`,
		lines: `%s{"i":0,"t":"","b":false}}` + "\n" + `%s{"i":0,"t":"","b":false}}`, query: `SELECT i, t, b FROM s`, want: []string{"0||false"}},
	{name: "types that are missing, lists and unions",
		schema: `"any":{},"list":{"type":["null","string","integer"]},"union":{"anyOf":[{"type":"string","format":"date-time"},{"type":"string"}]}}`,
		lines:  `%s{"any":{"b": 1.0},"list":7,"union":"soon"}}` + "\n" + `%s{"any":[],"list":"7","union":"2026-03-04T05:06:07Z"}}`,
		query:  `SELECT any_value.j, list, "union" FROM (SELECT "any" AS j, list, "union" FROM s) AS any_value`,
		want:   []string{`[]|7|2026-03-04T05:06:07Z`, `{"b": 1.0}|7|soon`}},
	{name: "allOf, oneOf, const, enum, tuples, patternProperties",
		schema: `"a":{"allOf":[{"type":"integer"},{"minimum":3}]},"o":{"oneOf":[{"type":"null"},{"type":"boolean"}]},"c":{"const":"x"},` +
			`"t":{"type":"array","items":[{"type":"string"},{"type":"integer"}]},"p":{"type":"object","patternProperties":{"^x":{"type":"string"}}}}`,
		lines: `%s{"a":4,"o":true,"c":"x","t":["a", 1],"p":{"xy": "z"}}}`, query: `SELECT a + 1, o, c, t, p FROM s`, want: []string{`5|true|x|["a", 1]|{"xy": "z"}`}},
	{name: "a property that the SCHEMA does not name", schema: `"id":{"type":"integer"}}`,
		lines: `%s{"id":1,"new":{"a": [1]}}}`, query: `SELECT id, _sdc_extra FROM s`, want: []string{`1|{"new":{"a": [1]}}`}},
	{name: "multipleOf of 1e-20", schema: `"n":{"type":"number","multipleOf":1e-20}}`, lines: `%s{"n":0.1}}`, query: `SELECT n FROM s`, want: []string{"0.1"}},
	{name: "singer.decimal", schema: `"d":{"type":["null","string"],"format":"singer.decimal"}}`,
		lines: `%s{"d":"1E-7"}}` + "\n" + `%s{"d":"12345678901234567890.123456789012345678901"}}`, query: `SELECT d FROM s`,
		want: []string{"0.0000001", "12345678901234567890.123456789012345678901"}},
	{name: "integers beyond 64 bits", schema: `"n":{"type":"integer"}}`,
		lines: `%s{"n":9223372036854775807}}` + "\n" + `%s{"n":9223372036854775808}}` + "\n" + `%s{"n":-` + strings.Repeat("9", 1024) + `}}`, query: `SELECT n FROM s`,
		want: []string{"-" + strings.Repeat("9", 1024), "9223372036854775807", "9223372036854775808"}},
	{name: "1.0 where an integer is declared", schema: `"n":{"type":"integer"}}`, lines: `%s{"n":1.0}}`, query: `SELECT n FROM s`, want: []string{"1"}},
	{name: "1.5 where an integer is declared", schema: `"n":{"type":"integer"}}`, lines: `%s{"n":1}}` + "\n" + `%s{"n":1.5}}`,
		query: `SELECT n * 2 FROM s`, want: []string{"2", "3"}},
	{name: "dates that no calendar has", schema: `"id":{"type":"integer"},"at":{"type":"string","format":"date-time"}}`,
		lines: `%s{"id":1,"at":"0000-00-00 00:00:00"}}` + "\n" + `%s{"id":2,"at":"20107-05-10T00:00:00Z"}}` + "\n" + `%s{"id":3,"at":"2026-02-30T00:00:00Z"}}`,
		query: `SELECT s.id, s.at, r.field FROM s JOIN _singer_rejects AS r ON r.ordinal = s.id AND r.stream = 's'`, want: []string{"1|NULL|at", "2|NULL|at", "3|NULL|at"}, warning: "reject"},
	{name: "one SCHEMA again and again", schema: `"id":{"type":"integer"}}`, key: `"id"`,
		lines: `%s{"id":1}}` + "\n" + `{"type":"SCHEMA","stream":"s","key_properties":["id"],"schema":{"type":"object","properties":{"id":{"type":"integer"}}}}` + "\n" + `%s{"id":2}}`,
		query: `SELECT count(*), (SELECT count(*) FROM _singer_schema_changes) FROM s`, want: []string{"2|1"}},
	{name: "another SCHEMA in the middle", schema: `"id":{"type":"integer"},"old":{"type":"string"}}`, key: `"id"`,
		lines: `%s{"id":1,"old":"a"}}` + "\n" + `{"type":"SCHEMA","stream":"s","key_properties":["id"],"schema":{"type":"object","properties":{"id":{"type":"integer"},"new":{"type":"string"}}}}` + "\n" + `%s{"id":2,"new":"b"}}`,
		query: `SELECT id, old, new FROM s`, want: []string{"1|a|NULL", "2|NULL|b"}},
	{name: "key_properties that change in the middle", schema: `"a":{"type":"integer"},"b":{"type":"integer"}}`, key: `"a","b"`,
		lines: `%s{"a":1,"b":1}}` + "\n" + `%s{"a":1,"b":2}}` + "\n" + `%s{"a":1,"b":2}}` + "\n" +
			`{"type":"SCHEMA","stream":"s","key_properties":["b"],"schema":{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"}}}}` + "\n" + `%s{"a":7,"b":2}}`,
		query: `SELECT a, b FROM s`, want: []string{"1|1", "7|2"}},
	{name: "a key several times in one batch", schema: `"id":{"type":"integer"},"v":{"type":"string"}}`, key: `"id"`,
		lines: `%s{"id":1,"v":"a"}}` + "\n" + `%s{"id":1,"v":"b"}}` + "\n" + `%s{"id":1,"v":"c"}}`, query: `SELECT id, v FROM s`, want: []string{"1|c"}},
	{name: "records with some of the properties", schema: `"id":{"type":"integer"},"v":{"type":"string"}}`, key: `"id"`,
		lines: `%s{"id":1,"v":"a"}}` + "\n" + `%s{"id":1}}`, query: `SELECT id, v FROM s`, want: []string{"1|NULL"}},
	{name: "names that differ in case only, and those that look like one", schema: `"Id":{"type":"integer"},"id":{"type":"integer"},"a.b":{"type":"integer"},"a_b":{"type":"integer"}}`,
		lines: `%s{"Id":1,"id":2,"a.b":3,"a_b":4}}`, query: `SELECT id, "a.b", a_b, (SELECT count(DISTINCT column_name) FROM _singer_columns WHERE path IN ('["Id"]', '["id"]')) FROM s`,
		want: []string{"2|3|4|2"}},
	{name: "names of reserved words, emoji and 300 characters", schema: `"select":{"type":"integer"},"🧾 x":{"type":"integer"},"` + strings.Repeat("long ", 60) + `":{"type":"integer"},"1st":{"type":"integer"}}`,
		lines: `%s{"select":1,"🧾 x":2,"` + strings.Repeat("long ", 60) + `":3,"1st":4}}`, query: `SELECT "select", "🧾 x", "1st" FROM s`, want: []string{"1|2|4"}},
	{name: "a time of deletion in the record wins", schema: `"id":{"type":"integer"},"_sdc_deleted_at":{"type":["null","string"],"format":"date-time"}}`, key: `"id"`,
		settings: `"hard_delete":true`, lines: `%s{"id":1}}` + "\n" + `%s{"id":2}}` + "\n" + `%s{"id":1,"_sdc_deleted_at":"2026-03-04T05:06:07Z"}}`,
		query: `SELECT id FROM s`, want: []string{"2"}},
	{name: "deep nesting and arrays in arrays", schema: `"j":{"type":["null","array"]}}`,
		lines: `%s{"j":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}}`, query: `SELECT length(CAST(j AS VARCHAR)) FROM s`, want: []string{"400"}},
	{name: "a stream without records", schema: `"id":{"type":"integer"}}`, lines: `{"type":"STATE","value":{"n":1}}`, query: `SELECT count(*), (SELECT max(state) FROM _singer_state) FROM s`,
		want: []string{`0|{"n":1}`}},
	{name: "time_extracted that is missing", schema: `"id":{"type":"integer"}}`, lines: `%s{"id":1}}`,
		query: `SELECT _sdc_extracted_at = _sdc_received_at, _sdc_received_at IS NOT NULL FROM s`, want: []string{"true|true"}},
	{name: "text that looks like nothing", schema: `"id":{"type":"integer"},"t":{"type":["null","string"]}}`,
		lines: `%s{"id":1,"t":"NULL"}}` + "\n" + `%s{"id":2,"t":""}}` + "\n" + `%s{"id":3,"t":"\\N"}}`, query: `SELECT id, t, t IS NULL FROM s`,
		want: []string{"1|NULL|false", "2||false", `3|\N|false`}},
	{name: "lone surrogates", schema: `"t":{"type":"string"}}`, lines: `%s{"t":"a\ud800b"}}`, query: `SELECT t FROM s`, want: []string{"a\uFFFDb"}, warning: "U+FFFD"},
	{name: "ACTIVATE_VERSION behind rows that are pending", schema: `"id":{"type":"integer"}}`, key: `"id"`, settings: `"hard_delete":true`,
		lines: `{"type":"RECORD","stream":"s","version":1,"record":{"id":1}}` + "\n" + `{"type":"RECORD","stream":"s","version":2,"record":{"id":2}}` + "\n" +
			`{"type":"ACTIVATE_VERSION","stream":"s","version":2}`, query: `SELECT id FROM s`, want: []string{"2"}},
}

func TestHazards(t *testing.T) {
	server := startPostgres(t)
	for i, h := range hazards {
		t.Run(h.name, func(t *testing.T) {
			t.Run("duckdb", func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "warehouse.duckdb")
				h.load(t, fmt.Sprintf(`"path":%q`, file))
				// The driver would decode values of JSON.
				h.compare(t, "duckdb", file+"?access_mode=READ_ONLY", "SELECT COLUMNS(*)::VARCHAR FROM ("+h.query+") AS q")
			})
			t.Run("postgres", func(t *testing.T) {
				schema := fmt.Sprint("hazard", i)
				h.load(t, fmt.Sprintf(`"destination":"postgres","url":%q,"default_target_schema":%q`, server.URL("postgres"), schema))
				h.compare(t, "pgx", server.URL("postgres")+"?default_query_exec_mode=simple_protocol&search_path="+schema, h.query)
			})
		})
	}
}

// load runs the target on the hazard's messages.
func (h hazard) load(t *testing.T, place string) {
	t.Helper()
	m := &matrix{dir: t.TempDir()}
	if h.settings != "" {
		place += "," + h.settings
	}
	(&project{dir: m.dir}).write(t, "target.json", "{"+place+"}")
	input := fmt.Sprintf(`{"type":"SCHEMA","stream":"s","key_properties":[%s],"schema":{"type":"object","properties":{%s}}`, h.key, h.schema) + "\n" +
		strings.ReplaceAll(h.lines, "%s", `{"type":"RECORD","stream":"s","record":`) + "\n"
	_, stderr, err := m.run(strings.NewReader(input), nil)
	if failed := err != nil; failed != (h.failure != "") || !strings.Contains(lastMessage(stderr), h.failure) {
		t.Errorf("the run ends with %v\n%s", err, stderr)
	}
	if !strings.Contains(stderr, h.warning) {
		t.Errorf("nothing tells of %q:\n%s", h.warning, stderr)
	}
}

// compare compares the rows of a query, without regard to their order, to white space and to how numbers are written.
func (h hazard) compare(t *testing.T, driver, source, query string) {
	t.Helper()
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, rows := readAll(t, db, query)
	var have []string
	for _, row := range rows {
		have = append(have, plainLine(row))
	}
	var want []string
	for _, line := range h.want {
		var row []any
		for _, cell := range strings.Split(line, "|") {
			row = append(row, cell)
		}
		want = append(want, plainLine(row))
	}
	slices.Sort(have)
	slices.Sort(want)
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func plainLine(row []any) string {
	var cells []string
	for _, v := range row {
		text := fmt.Sprint(v)
		switch v := v.(type) {
		case nil:
			text = "NULL"
		case []byte:
			text = string(v)
		}
		cells = append(cells, sameNumber(strings.ReplaceAll(text, " ", "")))
	}
	return strings.Join(cells, "|")
}
