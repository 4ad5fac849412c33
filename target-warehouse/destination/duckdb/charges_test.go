package duckdb

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"tapline/target-warehouse/table"
)

// A chargeColumn gives the JSON text of a column's value in row i; "null" is NULL.
type chargeColumn struct {
	name  string
	typ   table.Type
	value func(i int) string
}

func hash(i int) uint64 {
	x := uint64(i)*0x9e3779b97f4a7c15 + 0x1234567
	x ^= x >> 29
	x *= 0xbf58476d1ce4e5b9
	return x ^ x>>32
}

func id(prefix string, i int) string { return fmt.Sprintf(`"%s_3%016x%08d"`, prefix, hash(i), i) }

func constant(s string) func(int) string { return func(int) string { return s } }

func idOf(prefix string, spread int) func(int) string {
	return func(i int) string { return id(prefix, i%spread) }
}

var chargeColumns = []chargeColumn{
	{"id", table.Text, func(i int) string { return id("ch", i) }},
	{"object", table.Text, constant(`"charge"`)},
	{"amount", table.Integer, func(i int) string { return strconv.FormatUint(hash(i)%1000000, 10) }},
	{"amount_captured", table.Integer, func(i int) string { return strconv.FormatUint(hash(i)%1000000, 10) }},
	{"amount_refunded", table.Integer, constant("0")},
	{"balance_transaction", table.Text, func(i int) string { return id("txn", i) }},
	{"billing_details", table.JSON, func(i int) string {
		return fmt.Sprintf(`{"address":{"city":"City %d","country":"US","line1":"%d Main Street","line2":null,"postal_code":"%05d","state":"CA"},"email":"customer%d@example.com","name":"Customer Number %d","phone":null}`, i%500, i%9000, i%99999, i, i)
	}},
	{"captured", table.Boolean, constant("true")},
	{"created", table.Timestamp, func(i int) string { return strconv.Itoa(1600000000 + i*7) }},
	{"currency", table.Text, constant(`"usd"`)},
	{"customer", table.Text, idOf("cus", 40000)},
	{"description", table.Text, func(i int) string { return fmt.Sprintf(`"Subscription creation for order %d"`, i) }},
	{"disputed", table.Boolean, constant("false")},
	{"failure_code", table.Text, constant("null")},
	{"invoice", table.Text, func(i int) string { return id("in", i) }},
	{"livemode", table.Boolean, constant("true")},
	{"metadata", table.JSON, func(i int) string {
		return fmt.Sprintf(`{"order_id":"%d","campaign":"spring","affiliate":"a%d","source":"web"}`, i, i%300)
	}},
	{"outcome", table.JSON, func(i int) string {
		return fmt.Sprintf(`{"network_status":"approved_by_network","reason":null,"risk_level":"normal","risk_score":%d,"seller_message":"Payment complete.","type":"authorized"}`, i%65)
	}},
	{"paid", table.Boolean, constant("true")},
	{"payment_intent", table.Text, func(i int) string { return id("pi", i) }},
	{"payment_method_details", table.JSON, func(i int) string {
		return fmt.Sprintf(`{"card":{"brand":"visa","checks":{"address_line1_check":"pass","address_postal_code_check":"pass","cvc_check":"pass"},"country":"US","exp_month":%d,"exp_year":2029,"fingerprint":"fp%014x","funding":"credit","installments":null,"last4":"%04d","mandate":null,"network":"visa","three_d_secure":null,"wallet":null},"type":"card"}`, i%12+1, hash(i)%40000, i%10000)
	}},
	{"receipt_url", table.Text, func(i int) string {
		return fmt.Sprintf(`"https://pay.example.com/receipts/payment/%032x%032x"`, hash(i), hash(i+1))
	}},
	{"status", table.Text, constant(`"succeeded"`)},
}

func chargeTable() *table.Table {
	t := &table.Table{Stream: "charges", Schema: "stripe", Name: "charges", Key: []int{0}}
	for i, c := range chargeColumns {
		t.Columns = append(t.Columns, table.Column{Name: c.name, Property: c.name, Type: c.typ, Nullable: i > 0})
	}
	return t
}

// chargeLine is row i as a line of JSON.
func chargeLine(i int) string {
	var b strings.Builder
	for j, c := range chargeColumns {
		b.WriteString([]string{"{", ","}[min(j, 1)] + `"` + c.name + `":` + c.value(i))
	}
	return b.String() + "}\n"
}

// chargeBatch is rows from..to-1, with ordinals beginning at from+1.
func chargeBatch(mem memory.Allocator, t *table.Table, from, to int) *table.Batch {
	var fields []arrow.Field
	types := map[table.Type]arrow.DataType{
		table.Boolean: arrow.FixedWidthTypes.Boolean, table.Integer: arrow.PrimitiveTypes.Int64, table.Text: arrow.BinaryTypes.String,
		table.Timestamp: arrow.FixedWidthTypes.Timestamp_us, table.JSON: arrow.BinaryTypes.String,
	}
	for _, c := range t.Columns {
		fields = append(fields, arrow.Field{Name: c.Name, Type: types[c.Type], Nullable: true})
	}
	fields = append(fields, arrow.Field{Name: table.Ordinal, Type: arrow.PrimitiveTypes.Int64})
	b := array.NewRecordBuilder(mem, arrow.NewSchema(fields, nil))
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
				f.Append(arrow.Timestamp(n * 1e6))
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
