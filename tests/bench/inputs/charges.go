package inputs

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Charges are in the shape of Stripe's: about 1.36 kB a line, with 23 columns of which 4 are nested.
var Charges = &Input{Name: "charges", Rows: 500_000, Mark: "status", Marks: [2]string{"succeeded", "refunded"}, row: appendCharge, Columns: []Column{
	{"id", `{"type":"string"}`},
	{"object", text},
	{"amount", integer},
	{"amount_captured", integer},
	{"amount_refunded", integer},
	{"balance_transaction", text},
	{"billing_details", object},
	{"captured", boolean},
	{"created", moment},
	{"currency", text},
	{"customer", text},
	{"description", text},
	{"disputed", boolean},
	{"exchange_rate", float},
	{"invoice", text},
	{"livemode", boolean},
	{"metadata", object},
	{"outcome", object},
	{"paid", boolean},
	{"payment_intent", text},
	{"payment_method", text},
	{"payment_method_details", object},
	{"status", text},
}}

func appendCharge(b []byte, i int, mark string, rnd *rand.Rand) []byte {
	id := rnd.Uint64()
	amount := rnd.IntN(1_000_000)
	created := time.Unix(1_600_000_000+int64(i)*37, 0).UTC().Format(time.RFC3339)
	city, country, currency := pick(rnd, "Lyon", "München", "Austin", "大阪市", "São Paulo"), pick(rnd, "FR", "DE", "US", "JP", "BR"), pick(rnd, "eur", "usd", "jpy")
	b = fmt.Appendf(b, `{"id":"ch_%016x%08d","object":"charge","amount":%d,"amount_captured":%d,"amount_refunded":0,"balance_transaction":"txn_%016x",`,
		id, i, amount, amount, id*3)
	b = fmt.Appendf(b, `"billing_details":{"address":{"city":%q,"country":%q,"line1":"%d rue de la Paix","line2":null,"postal_code":"%05d","state":null},"email":"buyer.%d@example.com","name":"Buyer number %d","phone":null},`,
		city, country, rnd.IntN(300), rnd.IntN(100_000), i, i)
	b = fmt.Appendf(b, `"captured":true,"created":%q,"currency":%q,"customer":"cus_%014x","description":"Subscription update, order \"%d\"","disputed":false,"exchange_rate":%d.%06d,"invoice":"in_%016x","livemode":false,`,
		created, currency, id>>8, i, rnd.IntN(2), 1+rnd.IntN(999_999), id*5)
	b = fmt.Appendf(b, `"metadata":{"order_id":"%d","shop":"shop-%d.example.com","campaign":"spring-%d"},`, i, rnd.IntN(50), rnd.IntN(9))
	b = fmt.Appendf(b, `"outcome":{"network_status":"approved_by_network","reason":null,"risk_level":"normal","risk_score":%d,"seller_message":"Payment complete.","type":"authorized"},`, rnd.IntN(100))
	b = fmt.Appendf(b, `"paid":true,"payment_intent":"pi_%016x","payment_method":"pm_%016x",`, id*7, id*11)
	b = fmt.Appendf(b, `"payment_method_details":{"card":{"brand":"visa","checks":{"address_line1_check":"pass","address_postal_code_check":"pass","cvc_check":"pass"},"country":%q,"exp_month":%d,"exp_year":%d,"fingerprint":"%016x","funding":"credit","installments":null,"last4":"%04d","mandate":null,"network":"visa","three_d_secure":null,"wallet":null},"type":"card"},`,
		country, 1+rnd.IntN(12), 2026+rnd.IntN(6), id*13, rnd.IntN(10_000))
	return fmt.Appendf(b, `"status":%q}`, mark)
}
