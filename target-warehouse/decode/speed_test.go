package decode

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"tapline/singer"
	"tapline/target-warehouse/table"

	"github.com/apache/arrow/go/v15/arrow/memory"
)

// chargeProperties are 23 columns, 4 of them nested, in the proportions of a payment provider's charge.
const chargeProperties = `"id":{"type":"string"},"object":{"type":"string"},"amount":{"type":"integer"},"amount_captured":{"type":"integer"},
	"amount_refunded":{"type":"integer"},"balance_transaction":{"type":["null","string"]},"billing_details":{"type":"object"},
	"captured":{"type":"boolean"},"created":{"type":"string","format":"date-time"},"currency":{"type":"string"},"customer":{"type":["null","string"]},
	"description":{"type":["null","string"]},"disputed":{"type":"boolean"},"failure_code":{"type":["null","string"]},"invoice":{"type":["null","string"]},
	"livemode":{"type":"boolean"},"metadata":{"type":"object"},"outcome":{"type":["null","object"]},"paid":{"type":"boolean"},
	"payment_intent":{"type":["null","string"]},"payment_method_details":{"type":["null","object"]},"receipt_url":{"type":["null","string"]},
	"status":{"type":"string"}`

func charge(i int) string {
	return fmt.Sprintf(`{"id":"ch_3Oq%08dLkdIwHu7ix","object":"charge","amount":%d,"amount_captured":%d,"amount_refunded":0,`+
		`"balance_transaction":"txn_3Oq%08dLkdIwHu7ix","billing_details":{"address":{"city":"Lyon","country":"FR","line1":"12 rue de la République","line2":null,`+
		`"postal_code":"69002","state":null},"email":"customer%d@example.com","name":"Customer %d","phone":null},"captured":true,`+
		`"created":"2024-05-01T10:%02d:%02dZ","currency":"eur","customer":"cus_%014d","description":"Subscription update","disputed":false,"failure_code":null,`+
		`"invoice":"in_1Oq%08dLkdIwHu7ix","livemode":true,"metadata":{"order_id":"%d","channel":"web","campaign":"spring"},`+
		`"outcome":{"network_status":"approved_by_network","reason":null,"risk_level":"normal","risk_score":%d,"seller_message":"Payment complete.","type":"authorized"},`+
		`"paid":true,"payment_intent":"pi_3Oq%08dLkdIwHu7ix","payment_method_details":{"card":{"brand":"visa","checks":{"address_line1_check":"pass",`+
		`"address_postal_code_check":"pass","cvc_check":"pass"},"country":"FR","exp_month":8,"exp_year":2027,"fingerprint":"Xt5EWLLDS7FJjR1c","funding":"credit",`+
		`"installments":null,"last4":"4242","mandate":null,"network":"visa","three_d_secure":null,"wallet":null},"type":"card"},`+
		`"receipt_url":"https://pay.example.com/receipts/payment/CAcaFwoVYWNjdF8xTkxra0RJd0h1N2l4KKj%08d","status":"succeeded"}`,
		i, i*7%100000, i*7%100000, i, i, i, i/60%60, i%60, i, i, i, i%100, i, i)
}

func charges(n int) []singer.Record {
	records := make([]singer.Record, n)
	for i := range records {
		records[i] = singer.Record{Stream: "orders", Record: json.RawMessage(charge(i))}
	}
	return records
}

func TestAppendAllocatesNothingOnceItsBuffersHaveGrown(t *testing.T) {
	d := newPlan(t, chargeProperties, table.Options{Metadata: true}, "id").NewDecoder()
	records := charges(100)
	for i := range records[50:] { // undeclared properties, escapes and long numbers must not cost more
		records[50+i].Record = []byte(`{"undeclared":{"a":1},"description":"caf\u00e9","metadata":{"a":"\ud800"},` + charge(i)[1:])
	}
	fill := func() {
		for i := range records {
			if err := d.Append(&records[i], int64(i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	fill()
	fill()
	d.Batch().Rows.Release()
	if n := allocations(d, fill); n != 0 {
		t.Errorf("100 rows allocate %v times", n)
	}
}

// allocations is how often fill allocates at the least: the runtime itself may do so in between, but not each time.
func allocations(d *Decoder, fill func()) float64 {
	least := math.Inf(1)
	for range 5 {
		least = min(least, testing.AllocsPerRun(1, fill))
		d.Batch().Rows.Release()
	}
	return least
}

// TestWhatIsSeldomAllocatesNothingEither has flattened objects, violations, and numbers in columns that grew wider.
func TestWhatIsSeldomAllocatesNothingEither(t *testing.T) {
	p := newPlan(t, address+`,"wide":{"type":"integer"},"wider":{"type":"integer"},"price":{"type":"string","format":"singer.decimal"},
		"state":{"type":"string","enum":["open","shut"]},"size":{"type":["string","integer"]},"strict":{"type":"string"}`,
		table.Options{Flatten: table.Flatten{Enabled: true, MaxDepth: 5, Separator: "__"}, Method: table.History}, "id")
	d := p.NewDecoder()
	record := &singer.Record{Record: json.RawMessage(`{"id":1,"address":{"city":"Lyon","geo":{"lat":0.1234567890123456,"x":1},"zip4":1},"wide":1.5,` +
		`"wider":12345678901234567890123456789,"price":"12.50","state":"lost","size":1.5,"strict":null}`)}
	fill := func() {
		for i := range 100 {
			if err := d.Append(record, int64(i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	fill()
	fill()
	fill()
	if violations := d.Violations(); len(violations) != 4 {
		t.Errorf("the record shows only %v", violations)
	}
	b := d.Batch()
	if b.Table == p.Table() {
		t.Error("no column grew wider")
	}
	b.Rows.Release()
	if n := allocations(d, fill); n != 0 {
		t.Errorf("100 rows allocate %v times", n)
	}
}

func BenchmarkDecodeCharges(b *testing.B) {
	s := &singer.Schema{Stream: "orders", Schema: json.RawMessage(`{"type":"object","properties":{` + chargeProperties + `}}`), KeyProperties: []string{"id"}}
	shape, err := table.Compile(s, table.Options{Metadata: true})
	if err != nil {
		b.Fatal(err)
	}
	d := Compile(shape, s, Options{Allocator: memory.NewGoAllocator(), RunStart: runStart}).NewDecoder()
	records := charges(10_000)
	size := 0
	for i := range records {
		size += len(records[i].Record)
	}
	b.SetBytes(int64(size / len(records)))
	rows := 0
	for b.Loop() {
		if err := d.Append(&records[rows%len(records)], int64(rows)); err != nil {
			b.Fatal(err)
		}
		if rows++; rows%len(records) == 0 {
			d.Batch().Rows.Release()
		}
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(size/len(records)), "B/row")
}
