package batch

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
	"github.com/google/go-cmp/cmp"
)

// entries are what one column of a file has, with their levels where there are any.
type entries struct {
	values                   any
	definitions, repetitions []int16
}

// writeParquet makes a file of one row group from the entries of its columns and returns its path.
func writeParquet(t testing.TB, fields schema.FieldList, columns ...entries) string {
	t.Helper()
	root, err := schema.NewGroupNode("schema", parquet.Repetitions.Required, fields, -1)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := file.NewParquetWriter(&out, root, file.WithWriterProps(parquet.NewWriterProperties(parquet.WithDictionaryDefault(false))))
	group := w.AppendRowGroup()
	for _, c := range columns {
		column, err := group.NextColumn()
		if err == nil {
			err = writeColumn(column, c)
		}
		if err == nil {
			err = column.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "rows.parquet")
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func writeColumn(w file.ColumnChunkWriter, c entries) (err error) {
	switch w := w.(type) {
	case *file.BooleanColumnChunkWriter:
		_, err = w.WriteBatch(c.values.([]bool), c.definitions, c.repetitions)
	case *file.Int32ColumnChunkWriter:
		_, err = w.WriteBatch(c.values.([]int32), c.definitions, c.repetitions)
	case *file.Int64ColumnChunkWriter:
		_, err = w.WriteBatch(c.values.([]int64), c.definitions, c.repetitions)
	case *file.Int96ColumnChunkWriter:
		_, err = w.WriteBatch(c.values.([]parquet.Int96), c.definitions, c.repetitions)
	case *file.Float32ColumnChunkWriter:
		_, err = w.WriteBatch(c.values.([]float32), c.definitions, c.repetitions)
	case *file.Float64ColumnChunkWriter:
		_, err = w.WriteBatch(c.values.([]float64), c.definitions, c.repetitions)
	case *file.ByteArrayColumnChunkWriter:
		_, err = w.WriteBatch(c.values.([]parquet.ByteArray), c.definitions, c.repetitions)
	case *file.FixedLenByteArrayColumnChunkWriter:
		_, err = w.WriteBatch(c.values.([]parquet.FixedLenByteArray), c.definitions, c.repetitions)
	}
	return err
}

func leaf(name string, repetition parquet.Repetition, logical schema.LogicalType, physical parquet.Type, length int) schema.Node {
	n, err := schema.NewPrimitiveNodeLogical(name, repetition, logical, physical, length, -1)
	if err != nil {
		panic(err)
	}
	return n
}

func bytesOf(digits ...string) (list []parquet.ByteArray) {
	for _, d := range digits {
		b, err := hex.DecodeString(strings.ReplaceAll(d, " ", ""))
		if err != nil {
			panic(err)
		}
		list = append(list, b)
	}
	return list
}

func fixedOf(digits ...string) (list []parquet.FixedLenByteArray) {
	for _, b := range bytesOf(digits...) {
		list = append(list, parquet.FixedLenByteArray(b))
	}
	return list
}

func texts(list ...string) (out []parquet.ByteArray) {
	for _, s := range list {
		out = append(out, parquet.ByteArray(s))
	}
	return out
}

func int96(nanos int64, day uint32) (v parquet.Int96) {
	binary.LittleEndian.PutUint64(v[:], uint64(nanos))
	binary.LittleEndian.PutUint32(v[8:], day)
	return v
}

func TestValuesOfEveryTypeKeepWhatTheyAre(t *testing.T) {
	types, none := parquet.Types, schema.NoLogicalType{}
	micros, nanos := schema.NewTimestampLogicalType(true, schema.TimeUnitMicros), schema.NewTimestampLogicalType(true, schema.TimeUnitNanos)
	zeros := strings.Repeat("00", 15)
	for _, c := range []struct {
		name    string
		logical schema.LogicalType
		typ     parquet.Type
		length  int
		values  any
		want    []string
	}{
		{"boolean", none, types.Boolean, -1, []bool{true, false}, []string{"true", "false"}},
		{"int32", none, types.Int32, -1, []int32{math.MinInt32, 0, math.MaxInt32}, []string{"-2147483648", "0", "2147483647"}},
		{"uint32", schema.NewIntLogicalType(32, false), types.Int32, -1, []int32{-1}, []string{"4294967295"}},
		{"uint8", schema.NewIntLogicalType(8, false), types.Int32, -1, []int32{255}, []string{"255"}},
		{"int64", none, types.Int64, -1, []int64{math.MinInt64, math.MaxInt64}, []string{"-9223372036854775808", "9223372036854775807"}},
		{"uint64", schema.NewIntLogicalType(64, false), types.Int64, -1, []int64{-1}, []string{"18446744073709551615"}},
		{"float", none, types.Float, -1, []float32{0.1, float32(math.NaN()), 16777216}, []string{"0.10000000149011612", "NaN", "16777216"}},
		{"double", none, types.Double, -1, []float64{0.1, 1e6, 1e21, 1e-7, 0, math.Inf(1), math.Inf(-1), 5e-324, math.MaxFloat64},
			[]string{"0.1", "1000000", "1e+21", "1e-07", "0", "Infinity", "-Infinity", "5e-324", "1.7976931348623157e+308"}},
		{"negative zero", none, types.Double, -1, []float64{math.Copysign(0, -1)}, []string{"-0"}},
		{"float16", schema.Float16LogicalType{}, types.FixedLenByteArray, 2, fixedOf("003c", "00c0", "0100", "ff7b", "0080", "007c", "00fc", "017c"),
			[]string{"1", "-2", "5.960464477539063e-08", "65504", "-0", "Infinity", "-Infinity", "NaN"}},
		{"text", schema.StringLogicalType{}, types.ByteArray, -1, texts("", "é大\U0001F600", "\"\\/\n\t\x00\x7f", "\xff"),
			[]string{`""`, `"é大😀"`, `"\"\\/\n\u0009\u0000` + "\x7f\"", "\"\xff\""}},
		{"enum", schema.EnumLogicalType{}, types.ByteArray, -1, texts("red"), []string{`"red"`}},
		{"binary", none, types.ByteArray, -1, bytesOf("", "00ff10"), []string{`""`, `"AP8Q"`}},
		{"fixed binary", none, types.FixedLenByteArray, 3, fixedOf("00ff10"), []string{`"AP8Q"`}},
		{"json", schema.JSONLogicalType{}, types.ByteArray, -1, texts(`{"a":1.10}`, " [1,\n2]\n", `"x"`, "{bad", `{} {}`, ""),
			[]string{`{"a":1.10}`, "[1, 2]", `"x"`, `"{bad"`, `"{} {}"`, `""`}},
		{"date", schema.DateLogicalType{}, types.Int32, -1, []int32{0, -1, 2932896, -719162}, []string{`"1970-01-01"`, `"1969-12-31"`, `"9999-12-31"`, `"0001-01-01"`}},
		{"time in milliseconds", schema.NewTimeLogicalType(true, schema.TimeUnitMillis), types.Int32, -1, []int32{0, 86399999}, []string{`"00:00:00"`, `"23:59:59.999"`}},
		{"time in microseconds", schema.NewTimeLogicalType(false, schema.TimeUnitMicros), types.Int64, -1, []int64{1, 3600e6}, []string{`"00:00:00.000001"`, `"01:00:00"`}},
		{"timestamp in milliseconds", schema.NewTimestampLogicalType(true, schema.TimeUnitMillis), types.Int64, -1, []int64{-1, 1714557600123}, []string{`"1969-12-31T23:59:59.999Z"`, `"2024-05-01T10:00:00.123Z"`}},
		{"timestamp in microseconds", micros, types.Int64, -1, []int64{1714557600000001, -62135596800000000, 253402300799999999},
			[]string{`"2024-05-01T10:00:00.000001Z"`, `"0001-01-01T00:00:00Z"`, `"9999-12-31T23:59:59.999999Z"`}},
		{"timestamp in nanoseconds", nanos, types.Int64, -1, []int64{1, math.MinInt64}, []string{`"1970-01-01T00:00:00.000000001Z"`, `"1677-09-21T00:12:43.145224192Z"`}},
		{"timestamp without a zone", schema.NewTimestampLogicalType(false, schema.TimeUnitMicros), types.Int64, -1, []int64{0}, []string{`"1970-01-01T00:00:00Z"`}},
		{"int96", none, types.Int96, -1, []parquet.Int96{int96(1, 2440588), int96(0, 5373484), int96(3600e9, 1721426)},
			[]string{`"1970-01-01T00:00:00.000000001Z"`, `"9999-12-31T00:00:00Z"`, `"0001-01-01T01:00:00Z"`}},
		{"decimal in 32 bits", schema.NewDecimalLogicalType(9, 2), types.Int32, -1, []int32{1230, -5, 0}, []string{"12.30", "-0.05", "0.00"}},
		{"decimal in 64 bits", schema.NewDecimalLogicalType(18, 0), types.Int64, -1, []int64{-999999999999999999}, []string{"-999999999999999999"}},
		{"decimal in bytes", schema.NewDecimalLogicalType(10, 3), types.ByteArray, -1, bytesOf("7f", "80", "ff", "0080", "00"), []string{"0.127", "-0.128", "-0.001", "0.128", "0.000"}},
		{"decimal in 17 bytes", schema.NewDecimalLogicalType(40, 2), types.FixedLenByteArray, 17, fixedOf("80 00"+zeros, "ff fe"+zeros, "00"+"ff"+zeros),
			[]string{"-435561429658801233233119497512663310663.68", "-26584559915698317458076141205606891.52", "3389531389251535475904708003714878668.80"}},
		{"uuid", schema.UUIDLogicalType{}, types.FixedLenByteArray, 16, fixedOf("00112233445566778899aabbccddeeff"), []string{`"00112233-4455-6677-8899-aabbccddeeff"`}},
		{"interval", schema.IntervalLogicalType{}, types.FixedLenByteArray, 12, fixedOf("0e000000 03000000 e9030000"), []string{`"P14M3DT1.001S"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			field := leaf("v", parquet.Repetitions.Required, c.logical, c.typ, c.length)
			got, _, err := read(t, open(t, writeParquet(t, schema.FieldList{field}, entries{values: c.values}), "parquet", ""), 0)
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
