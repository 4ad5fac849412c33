package singer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCatalogKeepsWhatItDoesNotKnow(t *testing.T) {
	const text = `{
		"version": 1.10, "streams": [
			{"tap_stream_id": "db-orders", "stream": "orders", "table_name": "o", "stream_alias": null, "row_count": 12345678901234567890,
			 "schema": {"properties": {"z": {"type": "string", "x-note": "\u00e9"}, "a": {}}, "selected": true},
			 "metadata": [{"breadcrumb": [], "metadata": {"selected": true, "sql-datatype": "bigint(20)", "deep": {"b": 1, "a": [1.50]}}},
			              {"breadcrumb": ["properties", "a"], "metadata": {}}]},
			{"stream": "old", "tap_stream_id": "old", "schema": {}, "key_properties": ["id"]}
		], "tap": {"name": "x"}}`
	c, err := ParseCatalog([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var want, have any
	for text, into := range map[string]*any{text: &want, string(got): &have} {
		decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
		decoder.UseNumber()
		if err := decoder.Decode(into); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !bytes.Contains(got, []byte(`{"properties":{"z":{"type":"string","x-note":"\u00e9"},"a":{}},"selected":true}`)) {
		t.Errorf("the schema has changed: %s", got)
	}
	if one, err := json.Marshal(c.Streams[1]); err != nil || string(one) != `{"tap_stream_id":"old","stream":"old","key_properties":["id"],"schema":{}}` {
		t.Errorf("a stream by itself: %s, %v", one, err)
	}
}

func TestParseCatalogKeepsNoPartOfItsInput(t *testing.T) {
	data := []byte(`{"streams":[{"stream":"a","schema":{"type":"object"}}]}`)
	c, err := ParseCatalog(append([]byte("\ufeff"), data...))
	if err != nil {
		t.Fatal(err)
	}
	same, err := ParseCatalog(data)
	clear(data)
	if err != nil || string(same.Streams[0].Schema) != string(c.Streams[0].Schema) {
		t.Errorf("the schema has become %q", same.Streams[0].Schema)
	}
}

func TestParseCatalogListsAllFaults(t *testing.T) {
	for text, want := range map[string][]string{
		"":                   {"It is not JSON: unexpected end of JSON input (line 1, column 0)."},
		"{\n  \"streams\" 1": {"It is not JSON: invalid character '1' after object key (line 2, column 13)."},
		`{"streams":[NaN]}`:  {"It is not JSON: invalid character 'N' looking for beginning of value (line 1, column 13)."},
		`[]`:                 {`It is not a JSON object; a catalog looks like {"streams": [...]}.`},
		`{}`:                 {`"streams" is missing or not a list; a catalog looks like {"streams": [...]}.`},
		`{"streams":{}}`:     {`"streams" is missing or not a list; a catalog looks like {"streams": [...]}.`},
		`{"streams":[7,{"schema":{}},{"stream":"a","schema":[]},{"stream":"b","schema":{},"metadata":{}},{"stream":"b","schema":{},"metadata":[
			{"breadcrumb":["properties","x"],"metadata":{"selected":"true","inclusion":"always","selected-by-default":0}}]}]}`: {
			`The entry 1 of "streams" is not a JSON object.`,
			`The entry 2 of "streams" names no stream: "tap_stream_id" and "stream" are missing.`,
			`Stream a: "schema" is missing or not a JSON object.`,
			`Stream b: "metadata" is not a list of entries like {"breadcrumb": [...], "metadata": {...}}.`,
			`Stream b.x: "selected" is neither true nor false: "\"true\"".`,
			`Stream b.x: "selected-by-default" is neither true nor false: "0".`,
			`Stream b.x: "inclusion" is none of available, automatic, unsupported: "\"always\"".`,
			`The stream b stands in the catalog twice.`,
		},
	} {
		_, err := ParseCatalog([]byte(text))
		var faults *ConfigError
		if !errors.As(err, &faults) || faults.Source != "catalog" {
			t.Errorf("%s: failure is %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, faults.Faults); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func TestCatalogFindsStreams(t *testing.T) {
	c := catalogOf(t, `{"tap_stream_id":"a","stream":"b","schema":{}}`, `{"tap_stream_id":"b","stream":"c","schema":{}}`)
	for name, want := range map[string]*Stream{"a": c.Streams[0], "b": c.Streams[1], "c": c.Streams[1], "d": nil, "": nil} {
		if got := c.Stream(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

func TestNewStreamDescribesItselfForDiscovery(t *testing.T) {
	schema := json.RawMessage(`{"$ref":"#/$defs/a","$defs":{"a":{"properties":{"id":{},"created":{},"note":{"properties":{"x":{}}}}}}}`)
	for _, c := range []struct{ replicationKey, want string }{
		{"created", `{"streams":[{"tap_stream_id":"charges","stream":"charges","schema":` + string(schema) + `,"metadata":[` +
			`{"breadcrumb":[],"metadata":{"forced-replication-method":"INCREMENTAL","inclusion":"available","selected-by-default":true,"table-key-properties":["id"],"valid-replication-keys":["created"]}},` +
			`{"breadcrumb":["properties","id"],"metadata":{"inclusion":"automatic"}},{"breadcrumb":["properties","created"],"metadata":{"inclusion":"automatic"}},` +
			`{"breadcrumb":["properties","note"],"metadata":{"inclusion":"available"}}]}]}`},
		{"", `{"streams":[{"tap_stream_id":"charges","stream":"charges","schema":` + string(schema) + `,"metadata":[` +
			`{"breadcrumb":[],"metadata":{"forced-replication-method":"FULL_TABLE","inclusion":"available","selected-by-default":true,"table-key-properties":["id"]}},` +
			`{"breadcrumb":["properties","id"],"metadata":{"inclusion":"automatic"}},{"breadcrumb":["properties","created"],"metadata":{"inclusion":"available"}},` +
			`{"breadcrumb":["properties","note"],"metadata":{"inclusion":"available"}}]}]}`},
	} {
		discovered := &Catalog{Streams: []*Stream{NewStream("charges", schema, []string{"id"}, c.replicationKey)}}
		got, err := json.Marshal(discovered)
		if diff := cmp.Diff(c.want, string(got)); diff != "" || err != nil {
			t.Errorf("(-want +got):\n%s%v", diff, err)
		}
		parsed, err := ParseCatalog(got)
		if err != nil {
			t.Fatal(err)
		}
		for name, s := range map[string]*Stream{"discovered": discovered.Streams[0], "parsed": parsed.Streams[0]} {
			if !s.Selected() || !s.FieldSelected("note", "x") || s.ReplicationKey() != c.replicationKey || s.KeyProperties()[0] != "id" {
				t.Errorf("%s: selected %v, replication key %q, keys %v", name, s.Selected(), s.ReplicationKey(), s.KeyProperties())
			}
		}
	}
}

func TestMarkUnsupported(t *testing.T) {
	for _, s := range []*Stream{NewStream("a", json.RawMessage(`{}`), nil, ""), {ID: "a", Schema: json.RawMessage(`{}`)}} {
		if !s.Selected() {
			t.Error("the stream is not selected to begin with")
		}
		s.MarkUnsupported("the key may not read it")
		c := &Catalog{Streams: []*Stream{s}}
		if err := c.Select([]string{"a.*"}); err != nil || s.Selected() || s.FieldSelected("x") {
			t.Errorf("an unsupported stream is selected, %v", err)
		}
		if got, err := json.Marshal(c); err != nil || !bytes.Contains(got, []byte(`"inclusion":"unsupported"`)) || !bytes.Contains(got, []byte(`the key may not read it`)) {
			t.Errorf("%s, %v", got, err)
		}
	}
}

func TestStreamKeysAndReplication(t *testing.T) {
	own := func(members string) string { return `"metadata":[{"breadcrumb":[],"metadata":{` + members + `}}]` }
	for entry, want := range map[string][]string{ // keys, replication key, replication method
		`"x":1`: {"[]", "", ""},
		`"key_properties":["a","b"],"replication_key":"t","replication_method":"INCREMENTAL"`:                                                              {"[a b]", "t", "INCREMENTAL"},
		`"key_properties":"a","replication_key":null`:                                                                                                      {"[a]", "", ""},
		own(`"table-key-properties":["a"],"replication-key":"t","replication-method":"LOG_BASED"`) + `,"key_properties":["b"]`:                             {"[a]", "t", "LOG_BASED"},
		own(`"table-key-properties":[]`) + `,"key_properties":["b"]`:                                                                                       {"[]", "", ""},
		own(`"table-key-properties":["a"],"view-key-properties":["v"]`):                                                                                    {"[a]", "", ""},
		own(`"table-key-properties":["a"],"view-key-properties":["v"],"is-view":true`):                                                                     {"[v]", "", ""},
		own(`"view-key-properties":["v"]`) + `,"is_view":true`:                                                                                             {"[v]", "", ""},
		own(`"table-key-properties":["a"],"is-view":true`):                                                                                                 {"[a]", "", ""},
		own(`"forced-replication-method":"FULL_TABLE","replication-method":"INCREMENTAL"`) + `,"replication_method":"LOG_BASED"`:                           {"[]", "", "FULL_TABLE"},
		own(`"replication-method":null,"valid-replication-keys":["u","w"]`) + `,"replication_method":"INCREMENTAL"`:                                        {"[]", "u", "INCREMENTAL"},
		own(`"replication-key":"w","valid-replication-keys":["u","w"]`) + `,"replication_key":"x"`:                                                         {"[]", "w", ""},
		`"metadata":[{"breadcrumb":[],"metadata":{"replication-key":"a"}},{"breadcrumb":[],"metadata":{"replication-key":"b"}}]`:                           {"[]", "b", ""},
		`"metadata":[{"breadcrumb":["properties","a"],"metadata":{"replication-key":"a"}},{"breadcrumb":[],"metadata":{"forced-replication-method":"X"}}]`: {"[]", "", "X"},
	} {
		s := streamOf(t, `{"stream":"s","schema":{},`+entry+`}`)
		got := []string{fmt.Sprint(s.KeyProperties()), s.ReplicationKey(), s.ReplicationMethod()}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", entry, diff)
		}
	}
}

func FuzzParseCatalog(f *testing.F) {
	for _, seed := range []string{
		`{"streams":[{"tap_stream_id":"a","stream":"b","x":1,"schema":{"properties":{"c":{"$ref":"#/definitions/d"}},"definitions":{"d":{"$ref":"#"}}},"metadata":[{"breadcrumb":["properties","c"],"metadata":{"selected":false}}]}],"y":[]}`,
		`{"streams":[{"stream":"a","selected":true,"schema":{"selected":false,"items":[{"properties":{"a":{"anyOf":[{"items":{}}]}}}]},"metadata":null}]}`,
		`{"streams":[{"stream":"\u0061<\ud800","key_properties":"k","schema":{"properties":7,"required":["a"]}},{"stream":"b","schema":{}}]}`,
		`{"streams":null}`, `[`,
	} {
		f.Add([]byte(seed), "a.c,!*.b*")
	}
	f.Fuzz(func(t *testing.T, data []byte, patterns string) {
		c, err := ParseCatalog(data)
		if err != nil {
			var faults *ConfigError
			if !errors.As(err, &faults) || len(faults.Faults) == 0 {
				t.Fatalf("a failure without faults: %v", err)
			}
			return
		}
		first, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseCatalog(first)
		if err != nil {
			t.Fatalf("%v in %s", err, first)
		}
		if second, err := json.Marshal(again); err != nil || !bytes.Equal(first, second) {
			t.Fatalf("written twice:\n%s\n%s\n%v", first, second, err)
		}
		answers := func(c *Catalog) (all []any) {
			for _, s := range c.Streams {
				schema, err := s.SelectedSchema()
				all = append(all, s.Selected(), s.FieldSelected("c", "d"), s.KeyProperties(), s.ReplicationKey(), schema, err == nil)
			}
			return all
		}
		if before, after := answers(c), answers(again); !reflect.DeepEqual(before, after) {
			t.Fatalf("answers differ:\n%v\n%v", before, after)
		}
		if err := c.Select(strings.Split(patterns, ",")); err == nil {
			answers(c)
		}
	})
}
