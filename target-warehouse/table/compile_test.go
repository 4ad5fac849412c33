package table

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"tapline/singer"

	"github.com/google/go-cmp/cmp"
)

func message(schema string, keys ...string) *singer.Schema {
	return &singer.Schema{Stream: "orders", Schema: json.RawMessage(schema), KeyProperties: keys}
}

func TestCompileKeepsTheOrderOfTheText(t *testing.T) {
	schema := `{"properties":{"z":{"type":"integer"},"a":{"type":"string"},"m":{}},"type":["null","object"]}`
	got, err := Compile(message(schema, "a", "z", "a"), Options{Schema: "raw", Method: AppendOnly})
	want := &Table{Stream: "orders", Schema: "raw", Name: "orders", Method: AppendOnly, Key: []int{1, 0}, Columns: []Column{
		{Name: "z", Property: "z", Type: Integer},
		{Name: "a", Property: "a", Type: Text},
		{Name: "m", Property: "m", Type: JSON, Nullable: true},
	}, Rules: []Rule{{Kinds: IntegerKind}, {Kinds: StringKind}, {Kinds: AnyKind}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("table differs (-want +got):\n%s%v", diff, err)
	}
	again, _ := Compile(message(schema, "a", "z", "a"), Options{Schema: "raw", Method: AppendOnly})
	if diff := cmp.Diff(got, again); diff != "" {
		t.Errorf("a second time gives another table:\n%s", diff)
	}
}

func TestCompileMergesTheRecordsSchema(t *testing.T) {
	for _, c := range []struct{ name, schema string }{
		{"reference", `{"$ref":"#/definitions/r","definitions":{"r":{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"string"}}}}}`},
		{"allOf", `{"type":"object","allOf":[{"properties":{"a":{"type":["integer","string"]}}},{"properties":{"a":{"type":"integer"},"b":{"type":"string"}}}]}`},
		{"anyOf", `{"anyOf":[{"type":"object","properties":{"a":{"type":"integer"}}},{"type":"object","properties":{"a":{"type":"null"},"b":{"type":"string"}}}]}`},
		{"twice", `{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"},"a":{"type":"integer"}}}`},
		{"key_properties inside", `{"type":"object","key_properties":["x"],"properties":{"a":{"type":"integer"},"b":{"type":"string"}}}`},
	} {
		got, err := Compile(message(c.schema), Options{})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		want := []Column{{Name: "a", Property: "a", Type: Integer, Nullable: true}, {Name: "b", Property: "b", Type: Text, Nullable: true}}
		if diff := cmp.Diff(want, got.Columns); diff != "" || got.Key != nil {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestCompileRefusesWhatIsNoTable(t *testing.T) {
	for _, c := range []struct {
		schema, field, want string
		keys                []string
	}{
		{schema: `{"type":"object"}`, want: "no properties"},
		{schema: `{}`, want: "no properties"},
		{schema: `{"type":"array","items":{}}`, want: "does not describe an object"},
		{schema: `{"type":"string","properties":{}}`, want: "does not describe an object"},
		{schema: `[]`, want: "not a JSON Schema"},
		{schema: `null`, want: "not a JSON Schema"},
		{schema: ``, want: "not JSON"},
		{schema: `{"properties":`, want: "not JSON"},
		{schema: `{"properties":[]}`, want: "not an object"},
		{schema: `{"properties":{"a":null}}`, field: "a", want: "not a JSON Schema"},
		{schema: `{"properties":{"a":{"type":"datetime"}}}`, field: "a", want: `its type "datetime"`},
		{schema: `{"properties":{"a":{"type":[{"type":"string"}]}}}`, field: "a", want: "its type"},
		{schema: `{"properties":{"a":{"anyOf":[{"type":1}]}}}`, field: "a", want: "its type 1"},
		{schema: `{"properties":{"a":{"$ref":"#/definitions/b"}}}`, field: "a", want: "points to nothing"},
		{schema: `{"properties":{"a":{"$ref":"other.json#/b"}}}`, field: "a", want: "does not point into the SCHEMA"},
		{schema: `{"properties":{"a":{"$ref":"#b"}}}`, field: "a", want: "does not point into the SCHEMA"},
		{schema: `{"$ref":"#/definitions/b"}`, want: "points to nothing"},
		{schema: `{"properties":{},"allOf":[{"properties":{"a":{"type":"text"}}}]}`, field: "a", want: `its type "text"`},
		{schema: `{"properties":{},"allOf":[{"type":"text"}]}`, want: `its type "text"`},
		{schema: `{"properties":{},"anyOf":[{"type":"text"}]}`, want: `its type "text"`},
		{schema: `{"anyOf":[{"properties":{"a":{"allOf":[{"type":"text"}]}}},{"type":"null"}]}`, field: "a", want: `its type "text"`},
		{schema: `{"properties":{"a":{}}}`, keys: []string{"b"}, want: `"b", which the SCHEMA does not have`},
		{schema: `{"properties":{"Id":{}}}`, keys: []string{"id"}, want: `it has "Id"`},
	} {
		_, err := Compile(message(c.schema, c.keys...), Options{})
		var fault *singer.RecordError
		if !errors.As(err, &fault) || fault.Stream != "orders" || fault.Field != c.field || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want a fault in field %q with %q", c.schema, err, c.field, c.want)
		}
	}
	for _, stream := range []string{"", "a\x00b"} {
		if _, err := Compile(&singer.Schema{Stream: stream, Schema: json.RawMessage(`{"properties":{}}`)}, Options{}); err == nil {
			t.Errorf("the stream name %q is taken", stream)
		}
	}
}

func TestCompileEndsOnReferencesThatMultiply(t *testing.T) {
	text := `{"type":"object","properties":{"a":{"$ref":"#/d/0"}},"d":[`
	for next := 1; next <= 60; next++ {
		text += fmt.Sprintf(`{"anyOf":[{"$ref":"#/d/%d"},{"$ref":"#/d/%d"}]},`, next, next)
	}
	text += `{}]}`
	if _, err := Compile(message(text), Options{}); err == nil || !strings.Contains(err.Error(), "without end") {
		t.Errorf("references that multiply give %v", err)
	}
}

// FuzzCompile shows that no SCHEMA makes Compile panic or give a table that breaks its own rules.
func FuzzCompile(f *testing.F) {
	fat, err := os.ReadFile("testdata/fat.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(fat), "id", byte(0x2b))
	for i, tap := range taps {
		f.Add(tap.schema, "id", byte(0x21*i))
	}
	f.Add(`{"type":"object","properties":{"a":{"type":["null","string"],"format":"date-time"},"A":{"$ref":"#/d/x"}},"d":{"x":{"enum":[1,"b"]}}}`, "a", byte(0))
	f.Add(`{"$ref":"#"}`, "", byte(1))
	f.Add(`{"allOf":[{"properties":{"\ud800":{},"":{}}}],"properties":{"_sdc_extra":{},"_ordinal":true}}`, "", byte(0xff))
	f.Add(`{"properties":{"n":{"$ref":"#/$defs/n"}},"$defs":{"n":{"type":"object","properties":{"n":{"$ref":"#/$defs/n"},"n__n":{}}}}}`, "", byte(0x3a))
	f.Add(`{"properties":{"_sdc_deleted_at":{"type":"boolean"},"_sdc_sequence":{},"p":{"format":"singer.decimal","scale":99,"type":"string"}}}`, "p", byte(3))
	f.Add(`{"properties":{"d":{"anyOf":[{"type":"integer","maximum":1e20},{"type":"string","format":"singer.decimal","precision":38,"scale":38}]}}}`, "d", byte(2))
	f.Fuzz(func(t *testing.T, schema, key string, setting byte) {
		options := Options{Metadata: setting&1 != 0, HardDelete: setting&2 != 0, Flatten: Flatten{Enabled: setting&4 != 0, MaxDepth: int(setting >> 3 & 3)}, Method: Method(setting >> 5 & 3)}
		got, err := Compile(message(schema, key), options)
		if err != nil {
			var fault *singer.RecordError
			if !errors.As(err, &fault) {
				t.Fatalf("%q fails with %T", schema, err)
			}
			return
		}
		checkTable(t, schema, got.WithExtra())
		again, _ := Compile(message(schema, key), options)
		if !cmp.Equal(got, again) {
			t.Fatalf("%q gives two tables", schema)
		}
	})
}

func checkTable(t *testing.T, schema string, got *Table) {
	seen, extras := map[string]bool{Ordinal: true}, 0
	for i, c := range got.Columns {
		name := strings.ToLower(c.Name)
		if c.Name == "" || seen[name] || c.Type < Boolean || c.Type > JSON {
			t.Fatalf("%q gives the column %+v", schema, c)
		}
		if c.Precision < 0 || c.Precision > 38 || c.Scale < 0 || c.Scale > c.Precision || c.Type != Decimal && c.Precision != 0 {
			t.Fatalf("%q gives the column %+v", schema, c)
		}
		if declared := i < len(got.Rules); declared != (c.Path() != OwnPath) {
			t.Fatalf("%q gives %d rules for %+v", schema, len(got.Rules), got.Columns)
		}
		if c.Nullable == slices.Contains(got.Key, i) {
			t.Fatalf("%q gives the column %+v in the key %v", schema, c, got.Key)
		}
		if seen[name] = true; c.Name == Extra {
			extras++
		}
	}
	if last := got.Columns[len(got.Columns)-1].Name; extras != 1 || got.Method == History != (last == ValidTo) {
		t.Fatalf("%q gives %d extra columns, and %s last", schema, extras, last)
	}
}
