package files

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// BenchmarkCharges writes rows like Stripe's charges and, beside it, has DuckDB write the same rows from a file of JSON
// lines. CHARGES sets how many rows (50,000 unless told).
//
//	CHARGES=500000 go test -run '^$' -bench Charges -benchtime 3x ./target-warehouse/destination/files
func BenchmarkCharges(b *testing.B) {
	rows := 50_000
	if n, err := strconv.Atoi(os.Getenv("CHARGES")); err == nil {
		rows = n
	}
	tab := chargeTable()
	var batches []*table.Batch
	for from := 0; from < rows; from += 10_000 {
		batches = append(batches, chargeBatch(tab, from, min(from+10_000, rows)))
	}
	b.Run("COPY", func(b *testing.B) {
		lines := filepath.Join(b.TempDir(), "charges.jsonl")
		writeCharges(b, lines, rows)
		b.ResetTimer()
		for range b.N {
			copyCharges(b, lines, filepath.Join(b.TempDir(), "charges.parquet"))
		}
		b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
	})
	for _, c := range []Config{{}, {Compression: "snappy"}, {Compression: "none"}, {Format: JSONL}, {Format: JSONL, Compression: "zstd"}} {
		b.Run(c.Format+c.Compression, func(b *testing.B) {
			size := int64(0)
			for range b.N {
				c.URL = b.TempDir()
				size = writeBatches(b, c, tab, batches)
			}
			b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(float64(size)/1e6, "MB")
		})
	}
}

func writeBatches(b *testing.B, c Config, tab *table.Table, batches []*table.Batch) (size int64) {
	w := mustOpen(b, c)
	l, err := w.Begin(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	if _, err := l.Migrate(b.Context(), tab); err != nil {
		b.Fatal(err)
	}
	const together = 10
	for from := 0; from < len(batches); from += together {
		if _, err := l.Append(b.Context(), batches[from:min(from+together, len(batches))]); err != nil {
			b.Fatal(err)
		}
	}
	if err := l.Commit(b.Context(), destination.Checkpoint{Fence: 1, State: []byte("{}")}); err != nil {
		b.Fatal(err)
	}
	for _, key := range w.dataFiles(b, tab) {
		info, err := os.Stat(w.store.path(key))
		if err != nil {
			b.Fatal(err)
		}
		size += info.Size()
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	return size
}

// copyCharges has DuckDB do the same with all threads.
func copyCharges(b *testing.B, lines, to string) {
	var columns []string
	for _, c := range chargeColumns {
		columns = append(columns, fmt.Sprintf("%q: '%s'", c.name, c.sql))
	}
	text := fmt.Sprintf("COPY (FROM read_json('%s', columns = {%s})) TO '%s' (FORMAT parquet, COMPRESSION zstd)", lines, strings.Join(columns, ", "), to)
	if _, err := duckDB().Exec("SET threads = 2"); err != nil {
		b.Fatal(err)
	}
	if _, err := duckDB().Exec(text); err != nil {
		b.Fatal(err)
	}
}

func writeCharges(b *testing.B, path string, rows int) {
	var text strings.Builder
	for i := range rows {
		for j, c := range chargeColumns {
			text.WriteString([]string{"{", ","}[min(j, 1)] + `"` + c.name + `":` + c.value(i))
		}
		text.WriteString("}\n")
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o666); err != nil {
		b.Fatal(err)
	}
}

// A chargeColumn gives the JSON text of a column's value in row i; "null" is NULL.
type chargeColumn struct {
	name  string
	typ   table.Type
	sql   string // its DuckDB type in the JSON lines
	value func(i int) string
}

func mix(i int) uint64 {
	x := uint64(i)*0x9e3779b97f4a7c15 + 0x7654321
	x ^= x >> 31
	x *= 0xd6e8feb86659fd93
	return x ^ x>>32
}

func idsOf(prefix string, spread int) func(int) string {
	return func(i int) string { return fmt.Sprintf(`"%s_3%016x%08d"`, prefix, mix(i%spread), i%spread) }
}

func always(text string) func(int) string { return func(int) string { return text } }

var chargeColumns = []chargeColumn{
	{"id", table.Text, "VARCHAR", idsOf("ch", 1<<40)},
	{"object", table.Text, "VARCHAR", always(`"charge"`)},
	{"amount", table.Integer, "BIGINT", func(i int) string { return strconv.FormatUint(mix(i)%1000000, 10) }},
	{"amount_captured", table.Integer, "BIGINT", func(i int) string { return strconv.FormatUint(mix(i)%1000000, 10) }},
	{"amount_refunded", table.Integer, "BIGINT", always("0")},
	{"balance_transaction", table.Text, "VARCHAR", idsOf("txn", 1<<40)},
	{"billing_details", table.JSON, "JSON", func(i int) string {
		return fmt.Sprintf(`{"address":{"city":"City %d","country":"US","line1":"%d Main Street","line2":null,"postal_code":"%05d","state":"CA"},"email":"customer%d@example.com","name":"Customer Number %d","phone":null}`, i%500, i%9000, i%99999, i, i)
	}},
	{"captured", table.Boolean, "BOOLEAN", always("true")},
	{"created", table.Timestamp, "BIGINT", func(i int) string { return strconv.Itoa(1600000000 + i*7) }},
	{"currency", table.Text, "VARCHAR", always(`"usd"`)},
	{"customer", table.Text, "VARCHAR", idsOf("cus", 40000)},
	{"description", table.Text, "VARCHAR", func(i int) string { return fmt.Sprintf(`"Subscription creation for order %d"`, i) }},
	{"disputed", table.Boolean, "BOOLEAN", always("false")},
	{"failure_code", table.Text, "VARCHAR", always("null")},
	{"invoice", table.Text, "VARCHAR", idsOf("in", 1<<40)},
	{"livemode", table.Boolean, "BOOLEAN", always("true")},
	{"metadata", table.JSON, "JSON", func(i int) string {
		return fmt.Sprintf(`{"order_id":"%d","campaign":"spring","affiliate":"a%d","source":"web"}`, i, i%300)
	}},
	{"outcome", table.JSON, "JSON", func(i int) string {
		return fmt.Sprintf(`{"network_status":"approved_by_network","reason":null,"risk_level":"normal","risk_score":%d,"seller_message":"Payment complete.","type":"authorized"}`, i%65)
	}},
	{"paid", table.Boolean, "BOOLEAN", always("true")},
	{"payment_intent", table.Text, "VARCHAR", idsOf("pi", 1<<40)},
	{"payment_method_details", table.JSON, "JSON", func(i int) string {
		return fmt.Sprintf(`{"card":{"brand":"visa","checks":{"address_line1_check":"pass","address_postal_code_check":"pass","cvc_check":"pass"},"country":"US","exp_month":%d,"exp_year":2029,"fingerprint":"fp%014x","funding":"credit","installments":null,"last4":"%04d","mandate":null,"network":"visa","three_d_secure":null,"wallet":null},"type":"card"}`, i%12+1, mix(i)%40000, i%10000)
	}},
	{"receipt_url", table.Text, "VARCHAR", func(i int) string {
		return fmt.Sprintf(`"https://pay.example.com/receipts/payment/%032x%032x"`, mix(i), mix(i+1))
	}},
	{"status", table.Text, "VARCHAR", always(`"succeeded"`)},
}

func chargeTable() *table.Table {
	t := &table.Table{Stream: "charges", Schema: "stripe", Name: "charges", Key: []int{0}}
	for i, c := range chargeColumns {
		t.Columns = append(t.Columns, table.Column{Name: c.name, Property: c.name, Type: c.typ, Nullable: i > 0})
	}
	return t
}

// chargeBatch is rows from..to-1.
func chargeBatch(t *table.Table, from, to int) *table.Batch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, t.ArrowSchema())
	defer b.Release()
	for i := from; i < to; i++ {
		for j, c := range chargeColumns {
			v := c.value(i)
			switch f := b.Field(j).(type) {
			case *array.BooleanBuilder:
				f.Append(v == "true")
			case *array.Int64Builder:
				n, _ := strconv.ParseInt(v, 10, 64)
				f.Append(n)
			case *array.TimestampBuilder:
				n, _ := strconv.ParseInt(v, 10, 64)
				f.Append(arrow.Timestamp(n * int64(time.Second/time.Microsecond)))
			case *array.StringBuilder:
				switch {
				case v == "null":
					f.AppendNull()
				case v[0] == '"':
					f.Append(v[1 : len(v)-1])
				default:
					f.Append(v)
				}
			}
		}
		b.Field(len(chargeColumns)).(*array.Int64Builder).Append(int64(i + 1))
	}
	return &table.Batch{Table: t, Rows: b.NewRecord()}
}
