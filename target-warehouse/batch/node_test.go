package batch

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/schema"
	"github.com/google/go-cmp/cmp"
)

func group(name string, repetition parquet.Repetition, logical schema.LogicalType, fields ...schema.Node) schema.Node {
	n, err := schema.NewGroupNode(name, repetition, fields, -1)
	if !logical.IsNone() {
		n, err = schema.NewGroupNodeLogical(name, repetition, fields, logical, -1)
	}
	if err != nil {
		panic(err)
	}
	return n
}

// The ways in which writers have spelt nested values, after the rules for compatibility of Parquet's LogicalTypes.md.
func TestNestedValuesAreReadHoweverTheyAreSpelt(t *testing.T) {
	required, optional, repeated := parquet.Repetitions.Required, parquet.Repetitions.Optional, parquet.Repetitions.Repeated
	none, list, mapping := schema.NoLogicalType{}, schema.NewListLogicalType(), schema.MapLogicalType{}
	number := func(name string, r parquet.Repetition) schema.Node {
		return leaf(name, r, none, parquet.Types.Int32, -1)
	}
	text := func(name string) schema.Node {
		return leaf(name, required, schema.StringLogicalType{}, parquet.Types.ByteArray, -1)
	}
	for _, c := range []struct {
		name    string
		field   schema.Node
		columns []entries
		want    []string
	}{
		{"list of three levels", group("v", optional, list, group("list", repeated, none, number("element", optional))),
			[]entries{{[]int32{1, 2}, []int16{3, 2, 3, 0, 1}, []int16{0, 1, 1, 0, 0}}}, []string{`[1,null,2]`, `null`, `[]`}},
		{"list of two levels", group("v", optional, list, number("element", repeated)),
			[]entries{{[]int32{1, 2}, []int16{2, 2, 0, 1}, []int16{0, 1, 0, 0}}}, []string{`[1,2]`, `null`, `[]`}},
		{"repeated value", number("v", repeated), []entries{{[]int32{1, 2}, []int16{1, 1, 0}, []int16{0, 1, 0}}}, []string{`[1,2]`, `[]`}},
		{"repeated group", group("v", repeated, none, number("a", required), number("b", optional)),
			[]entries{{[]int32{1, 2}, []int16{1, 1, 0}, []int16{0, 1, 0}}, {[]int32{3}, []int16{2, 1, 0}, []int16{0, 1, 0}}},
			[]string{`[{"a":1,"b":3},{"a":2,"b":null}]`, `[]`}},
		{"list of an array of one", group("v", required, list, group("array", repeated, none, number("x", required))),
			[]entries{{[]int32{1, 2}, []int16{1, 1}, []int16{0, 1}}}, []string{`[{"x":1},{"x":2}]`}},
		{"list of a tuple of one", group("v", required, list, group("v_tuple", repeated, none, number("x", required))),
			[]entries{{[]int32{1}, []int16{1}, []int16{0}}}, []string{`[{"x":1}]`}},
		{"list of groups", group("v", required, list, group("element", repeated, none, number("x", required), number("y", required))),
			[]entries{{[]int32{1}, []int16{1}, []int16{0}}, {[]int32{2}, []int16{1}, []int16{0}}}, []string{`[{"x":1,"y":2}]`}},
		{"list of repeated", group("v", required, list, group("list", repeated, none, number("x", repeated))),
			[]entries{{[]int32{1, 2, 3}, []int16{2, 2, 2, 1}, []int16{0, 2, 1, 0}}}, []string{`[{"x":[1,2]},{"x":[3]}]`, `[{"x":[]}]`}},
		{"list of lists", group("v", optional, list, group("list", repeated, none, group("element", optional, list, group("list", repeated, none, number("element", optional))))),
			[]entries{{[]int32{1, 2, 3}, []int16{5, 5, 5, 2, 3, 4, 0, 1}, []int16{0, 2, 1, 1, 1, 1, 0, 0}}}, []string{`[[1,2],[3],null,[],[null]]`, `null`, `[]`}},
		{"map", group("v", optional, mapping, group("key_value", repeated, none, text("key"), number("value", optional))),
			[]entries{{texts("a", "b\""), []int16{2, 2, 1, 0}, []int16{0, 1, 0, 0}}, {[]int32{1}, []int16{3, 2, 1, 0}, []int16{0, 1, 0, 0}}},
			[]string{`{"a":1,"b\"":null}`, `{}`, `null`}},
		{"map with numbers for keys", group("v", required, mapping, group("map", repeated, none, number("key", required), number("value", required))),
			[]entries{{[]int32{1, 2}, []int16{1, 1}, []int16{0, 1}}, {[]int32{3, 4}, []int16{1, 1}, []int16{0, 1}}}, []string{`{"1":3,"2":4}`}},
		{"map without values", group("v", required, mapping, group("key_value", repeated, none, text("key"))),
			[]entries{{texts("a", "b"), []int16{1, 1, 0}, []int16{0, 1, 0}}}, []string{`["a","b"]`, `[]`}},
		{"struct", group("v", optional, none, number("a", required), number("b", optional)),
			[]entries{{[]int32{1, 2}, []int16{1, 0, 1}, nil}, {[]int32{3}, []int16{2, 0, 1}, nil}}, []string{`{"a":1,"b":3}`, `null`, `{"a":2,"b":null}`}},
		{"column of nothing", leaf("v", optional, schema.NullLogicalType{}, parquet.Types.Int32, -1), []entries{{[]int32{}, []int16{0, 0}, nil}}, []string{`null`, `null`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _, err := read(t, open(t, writeParquet(t, schema.FieldList{c.field}, c.columns...), "parquet", ""), 0)
			var want []string
			for _, v := range c.want {
				want = append(want, `{"v":`+v+`}`)
			}
			if diff := cmp.Diff(want, records(got)); diff != "" || err != nil {
				t.Errorf("%v (-want +got)\n%s", err, diff)
			}
		})
	}
}

func TestParquetFilesThatCannotBeRecordsAreRefused(t *testing.T) {
	required := parquet.Repetitions.Required
	number := func(name string) schema.Node {
		return leaf(name, required, schema.NoLogicalType{}, parquet.Types.Int32, -1)
	}
	one := entries{values: []int32{1}}
	path := writeParquet(t, schema.FieldList{number("a"), number("a")}, one, one)
	want := path + `: the parquet file has two columns "a" in one place, of which a record could keep only one`
	if _, err := Open(t.Context(), path, "parquet", ""); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestNamesOfColumnsAreEscaped(t *testing.T) {
	field := leaf("a \"b\"\\\n大", parquet.Repetitions.Required, schema.NoLogicalType{}, parquet.Types.Int32, -1)
	got, _, err := read(t, open(t, writeParquet(t, schema.FieldList{field}, entries{values: []int32{1}}), "parquet", ""), 0)
	if want := `{"a \"b\"\\\n大":1}` + "\n"; got != want || err != nil {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
}

// Whatever happened to a file, reading it ends with rows or a failure.
func TestADamagedParquetFileDoesNotPanic(t *testing.T) {
	required, optional := parquet.Repetitions.Required, parquet.Repetitions.Optional
	number := leaf("n", required, schema.NoLogicalType{}, parquet.Types.Int64, -1)
	text := leaf("t", optional, schema.StringLogicalType{}, parquet.Types.ByteArray, -1)
	path := writeParquet(t, schema.FieldList{number, text}, entries{values: []int64{1, 2, 3}}, entries{values: texts("one", "three"), definitions: []int16{1, 0, 1}})
	sound, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	try := func(content []byte) error {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := Open(t.Context(), path, "parquet", "")
		if err == nil {
			_, _, err = read(t, f, 0)
		}
		return err
	}
	for cut := range sound {
		if try(sound[:cut]) == nil {
			t.Errorf("a file cut at byte %d of %d is taken for whole", cut, len(sound))
		}
	}
	for i := range sound {
		damaged := bytes.Clone(sound)
		damaged[i] ^= 1 << (i % 8)
		if err := try(damaged); err != nil && !strings.HasPrefix(err.Error(), path) {
			t.Errorf("byte %d: %v", i, err)
		}
	}
}
