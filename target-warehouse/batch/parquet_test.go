package batch

import (
	"bytes"
	std "cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/google/go-cmp/cmp"
)

// generator makes tables of random types and values, and what their rows are as JSON.
type generator struct{ *rand.Rand }

var leafTypes = []arrow.DataType{
	arrow.FixedWidthTypes.Boolean, arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Uint16, arrow.PrimitiveTypes.Int32,
	arrow.PrimitiveTypes.Uint32, arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Uint64, arrow.PrimitiveTypes.Float32,
	arrow.PrimitiveTypes.Float64, arrow.BinaryTypes.String, arrow.BinaryTypes.Binary, arrow.PrimitiveTypes.Date32,
	arrow.FixedWidthTypes.Timestamp_ms, arrow.FixedWidthTypes.Timestamp_us, arrow.FixedWidthTypes.Timestamp_ns,
	&arrow.Decimal128Type{Precision: 7, Scale: 2}, &arrow.Decimal128Type{Precision: 38, Scale: 10},
}

func (g *generator) dataType(depth int) arrow.DataType {
	if depth == 0 || g.IntN(3) > 0 {
		return leafTypes[g.IntN(len(leafTypes))]
	}
	switch g.IntN(3) {
	case 0:
		return arrow.ListOf(g.dataType(depth - 1))
	case 1:
		return arrow.MapOf(arrow.BinaryTypes.String, g.dataType(depth-1))
	}
	return arrow.StructOf(g.fields(1+g.IntN(3), depth-1)...)
}

func (g *generator) fields(n, depth int) []arrow.Field {
	fields := make([]arrow.Field, n)
	for i := range fields {
		fields[i] = arrow.Field{Name: fmt.Sprintf("f%d", i), Type: g.dataType(depth), Nullable: g.IntN(3) > 0}
	}
	return fields
}

// fill appends a value and returns its JSON.
func (g *generator) fill(b array.Builder, nullable bool) string {
	if nullable && g.IntN(4) == 0 {
		b.AppendNull()
		return "null"
	}
	switch b := b.(type) {
	case *array.StructBuilder:
		b.Append(true)
		var members []string
		for i, f := range b.Type().(*arrow.StructType).Fields() {
			members = append(members, strconv.Quote(f.Name)+":"+g.fill(b.FieldBuilder(i), f.Nullable))
		}
		return "{" + strings.Join(members, ",") + "}"
	case *array.MapBuilder:
		b.Append(true)
		var members []string
		for i := range g.IntN(4) {
			key := fmt.Sprintf("k%d", i)
			b.KeyBuilder().(*array.StringBuilder).Append(key)
			members = append(members, strconv.Quote(key)+":"+g.fill(b.ItemBuilder(), true))
		}
		return "{" + strings.Join(members, ",") + "}"
	case *array.ListBuilder:
		b.Append(true)
		var elements []string
		for range g.IntN(4) {
			elements = append(elements, g.fill(b.ValueBuilder(), true))
		}
		return "[" + strings.Join(elements, ",") + "]"
	}
	return g.leaf(b)
}

func (g *generator) leaf(b array.Builder) string {
	word := g.Uint64() >> g.IntN(64)
	if g.IntN(2) == 0 {
		word = -word
	}
	switch b := b.(type) {
	case *array.BooleanBuilder:
		b.Append(word&1 == 1)
		return strconv.FormatBool(word&1 == 1)
	case *array.Int8Builder:
		b.Append(int8(word))
		return fmt.Sprint(int8(word))
	case *array.Uint16Builder:
		b.Append(uint16(word))
		return fmt.Sprint(uint16(word))
	case *array.Int32Builder:
		b.Append(int32(word))
		return fmt.Sprint(int32(word))
	case *array.Uint32Builder:
		b.Append(uint32(word))
		return fmt.Sprint(uint32(word))
	case *array.Int64Builder:
		b.Append(int64(word))
		return fmt.Sprint(int64(word))
	case *array.Uint64Builder:
		b.Append(word)
		return fmt.Sprint(word)
	case *array.Float32Builder:
		v := math.Float32frombits(uint32(word))
		b.Append(v)
		return floatOf(float64(v))
	case *array.Float64Builder:
		v := math.Float64frombits(word)
		b.Append(v)
		return floatOf(v)
	case *array.StringBuilder:
		text := strings.Repeat(fmt.Sprintf("%c\"\\\n\t é大", 'a'+rune(word%20)), g.IntN(3))
		b.Append(text)
		return strings.NewReplacer(`\t`, `\u0009`).Replace(strconv.Quote(text))
	case *array.BinaryBuilder:
		b.Append([]byte{byte(word), 0xff, 0})
		return strconv.Quote(base64.StdEncoding.EncodeToString([]byte{byte(word), 0xff, 0}))
	case *array.Date32Builder:
		days := int32(word % 1_000_000)
		b.Append(arrow.Date32(days))
		return strconv.Quote(time.Unix(0, 0).UTC().AddDate(0, 0, int(days)).Format("2006-01-02"))
	case *array.TimestampBuilder:
		return g.timestamp(b, int64(word))
	case *array.Decimal128Builder:
		return g.decimal(b)
	}
	panic(fmt.Sprintf("no values for %T", b))
}

func (g *generator) timestamp(b *array.TimestampBuilder, v int64) string {
	b.Append(arrow.Timestamp(v))
	var t time.Time
	switch b.Type().(*arrow.TimestampType).Unit {
	case arrow.Millisecond:
		t = time.UnixMilli(v)
	case arrow.Microsecond:
		t = time.UnixMicro(v)
	default:
		t = time.Unix(0, v)
	}
	return strconv.Quote(t.UTC().Format(time.RFC3339Nano))
}

// floatOf is how a number that a 64-bit float holds is written.
func floatOf(v float64) string {
	switch {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 0):
		return strings.Replace(strings.TrimPrefix(fmt.Sprint(v), "+"), "Inf", "Infinity", 1)
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return regexp.MustCompile(`e-(\d)$`).ReplaceAllString(string(text), "e-0$1")
}

// decimal makes the digits first, and the number of them.
func (g *generator) decimal(b *array.Decimal128Builder) string {
	typ := b.Type().(*arrow.Decimal128Type)
	digits := make([]byte, typ.Precision)
	for i := range digits {
		digits[i] = '0' + byte(g.IntN(10))
	}
	point := len(digits) - int(typ.Scale)
	whole := strings.TrimLeft(string(digits[:point]), "0")
	text := std.Or(whole, "0") + "." + string(digits[point:])
	if g.IntN(2) == 0 && strings.Trim(text, "0.") != "" {
		text = "-" + text
	}
	v, ok := new(big.Int).SetString(strings.Replace(text, ".", "", 1), 10)
	if !ok {
		panic(text)
	}
	b.Append(decimal128.FromBigInt(v))
	return text
}

// table makes a parquet file of random rows and their lines.
func (g *generator) table(t *testing.T, rows int) (file []byte, want string) {
	schema := arrow.NewSchema(g.fields(1+g.IntN(4), 3), nil)
	builder := array.NewRecordBuilder(memory.NewGoAllocator(), schema)
	defer builder.Release()
	for range rows {
		var members []string
		for i, f := range schema.Fields() {
			members = append(members, strconv.Quote(f.Name)+":"+g.fill(builder.Field(i), f.Nullable))
		}
		want += "{" + strings.Join(members, ",") + "}\n"
	}
	record := builder.NewRecordBatch()
	defer record.Release()
	var out bytes.Buffer
	properties := parquet.NewWriterProperties(
		parquet.WithDictionaryDefault(g.IntN(2) == 0), parquet.WithDataPageSize(int64(1+g.IntN(500))), parquet.WithBatchSize(64),
		parquet.WithDataPageVersion([]parquet.DataPageVersion{parquet.DataPageV1, parquet.DataPageV2}[g.IntN(2)]),
		parquet.WithCompression([]compress.Compression{compress.Codecs.Uncompressed, compress.Codecs.Snappy, compress.Codecs.Zstd, compress.Codecs.Gzip}[g.IntN(4)]),
		parquet.WithVersion(parquet.V2_LATEST), parquet.WithStoreDecimalAsInteger(g.IntN(2) == 0),
	)
	w, err := pqarrow.NewFileWriter(schema, &out, properties, pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	for at := int64(0); at < record.NumRows(); {
		group := min(1+g.Int64N(200), record.NumRows()-at)
		slice := record.NewSlice(at, at+group)
		if err := w.Write(slice); err != nil {
			t.Fatal(err)
		}
		slice.Release()
		at += group
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), want
}

// checkTable reads a random file back.
func checkTable(t *testing.T, seed uint64) {
	t.Helper()
	g := &generator{rand.New(rand.NewPCG(seed, 0))}
	file, want := g.table(t, g.IntN(300))
	path := filepath.Join(t.TempDir(), "rows.parquet")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 500} {
		got, _, err := read(t, open(t, path, "parquet", ""), size)
		if diff := cmp.Diff(records(want), records(got)); diff != "" || err != nil {
			t.Fatalf("seed %d, buffer of %d: %v (-want +got)\n%s", seed, size, err, diff)
		}
	}
}

func TestRowsOfParquetHaveTheirValues(t *testing.T) {
	for seed := range uint64(20) {
		checkTable(t, seed)
	}
}

// The file was written by DuckDB 1.5; its rows are in duckdb.jsonl.
func TestAFileOfDuckDBIsRead(t *testing.T) {
	want, err := os.ReadFile("testdata/duckdb.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := read(t, open(t, "testdata/duckdb.parquet", "PARQUET", "none"), 700)
	if diff := cmp.Diff(records(string(want)), records(got)); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

func FuzzParquet(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(checkTable)
}
