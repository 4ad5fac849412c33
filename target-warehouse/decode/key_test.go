package decode

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline/singer"
	"tapline/target-warehouse/table"
)

// TestKeysThatAreNotUnicodeAreRefused: two of them could become one text by the repair, and one of two rows would be lost.
func TestKeysThatAreNotUnicodeAreRefused(t *testing.T) {
	for _, schema := range []string{`{"type":"string"}`, `{}`, `{"type":["string","integer"]}`} {
		d := newPlan(t, `"id":`+schema+`,"v":{"type":"string"}`, table.Options{}, "id").NewDecoder()
		for _, key := range []string{`"a\ud800b"`, `"a\udc00b, and so long that it is not read in one step"`, "\"a\xffb\""} {
			err := d.Append(&singer.Record{Record: json.RawMessage(`{"id":` + key + `,"v":"x"}`)}, 1)
			want := "stream orders, field id: the value " + excerpt([]byte(key)) + " " + notUnicode
			if err == nil || err.Error() != want {
				t.Errorf("%s in %s\ngives %v\nwant  %s", key, schema, err, want)
			}
		}
		appendAll(t, d, `{"id":"a\ufffdb","v":"a\ud800b"}`, `{"id":"\ud83d\ude00","v":"x"}`, `{"id":"\ud800","id":"the last counts","v":"x"}`)
		if d.Replaced() != 1 || d.Rejects() != nil {
			t.Errorf("%s: %d places are replaced, %v is rejected", schema, d.Replaced(), d.Rejects())
		}
		if rows := rowsOf(t, d.Batch()); len(rows) != 3 || rows[0][1] != "a\uFFFDb" {
			t.Errorf("%s: %v", schema, rows)
		}
	}
}

// TestKeysWithNULAreRefusedWhereTheDestinationHasNone: in its place PostgreSQL stores U+FFFD, which another key may have.
func TestKeysWithNULAreRefusedWhereTheDestinationHasNone(t *testing.T) {
	for _, noNUL := range []bool{false, true} {
		p := newPlan(t, `"id":{"type":"string"},"v":{"type":"string"}`, table.Options{}, "id")
		p.options.NoNUL = noNUL
		d := p.NewDecoder()
		err := d.Append(&singer.Record{Record: json.RawMessage(`{"id":"a\u0000b","v":"x"}`)}, 1)
		want := `stream orders, field id: the value "a\u0000b" ` + hasNUL
		if !noNUL && err != nil || noNUL && (err == nil || err.Error() != want) {
			t.Errorf("no NUL %v: %v", noNUL, err)
		}
		appendAll(t, d, `{"id":"a\\u0000b","v":"x\u0000"}`)
		d.Batch().Rows.Release()
	}
}

// TestPropertiesWithTheNameOfMetadataKeepTheirValues: a property that the column of its name cannot hold has another.
func TestPropertiesWithTheNameOfMetadataKeepTheirValues(t *testing.T) {
	for _, c := range []struct {
		name, properties, record string
		options                  table.Options
		want                     []any
	}{
		{"a flag", `"_sdc_deleted_at":{"type":"boolean"}`, `{"_sdc_deleted_at":true}`, table.Options{Metadata: true}, []any{true}},
		{"text", `"_sdc_sequence":{"type":"string"}`, `{"_sdc_sequence":"0001-17"}`, table.Options{Metadata: true}, []any{"0001-17"}},
		{"a number where deletions are heeded", `"_sdc_deleted_at":{"type":"integer"}`, `{"_sdc_deleted_at":7}`, table.Options{HardDelete: true}, []any{int64(7)}},
		{"an object that is flattened", `"_sdc_table_version":{"type":"object","properties":{"n":{"type":"integer"}}}`, `{"_sdc_table_version":{"n":7}}`,
			table.Options{Metadata: true, Flatten: table.Flatten{Enabled: true, MaxDepth: 3, Separator: "__"}}, []any{int64(7)}},
	} {
		d := newPlan(t, c.properties, c.options).NewDecoder()
		appendAll(t, d, c.record)
		if rejects := d.Rejects(); rejects != nil {
			t.Errorf("%s: %v is rejected", c.name, rejects)
		}
		b := d.Batch()
		deleted := -1
		for i, column := range b.Table.Columns {
			if column.Name == table.DeletedAt {
				deleted = i
			}
		}
		row := rowsOf(t, b)[0]
		if diff := cmp.Diff(c.want, row[:1]); diff != "" || row[deleted] != nil {
			t.Errorf("%s: the row is %v (-want +got):\n%s", c.name, row, diff)
		}
	}
}
