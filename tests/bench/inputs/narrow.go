package inputs

import (
	"math/rand/v2"
	"strconv"
	"time"
)

// Narrow are payments in the least of words: 5 columns, about 100 bytes a record.
var Narrow = &Input{Name: "payments", Rows: 5_000_000, Mark: "status", Marks: [2]string{"open", "paid"}, row: appendPayment, Columns: []Column{
	{"id", `{"type":"integer"}`},
	{"customer_id", integer},
	{"amount", float},
	{"paid_at", moment},
	{"status", text},
}}

func appendPayment(b []byte, i int, mark string, rnd *rand.Rand) []byte {
	b = strconv.AppendInt(append(b, `{"id":`...), int64(i), 10)
	b = strconv.AppendInt(append(b, `,"customer_id":`...), rnd.Int64N(1_000_000), 10)
	b = strconv.AppendFloat(append(b, `,"amount":`...), float64(rnd.IntN(10_000_000))/100, 'f', -1, 64)
	b = time.Unix(1_600_000_000+int64(i), 0).UTC().AppendFormat(append(b, `,"paid_at":"`...), time.RFC3339)
	return append(append(append(b, `","status":"`...), mark...), `"}`...)
}
