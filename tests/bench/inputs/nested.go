package inputs

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Nested are orders of a shop with one to eight line items each, about 1.5 kB a record, most of it below the top level.
var Nested = &Input{Name: "orders", Rows: 300_000, Mark: "financial_status", Marks: [2]string{"pending", "paid"}, row: appendOrder, Columns: []Column{
	{"id", `{"type":"integer"}`},
	{"name", text},
	{"created_at", moment},
	{"currency", text},
	{"total", float},
	{"customer", object},
	{"shipping_address", object},
	{"line_items", array},
	{"tags", array},
	{"test", boolean},
	{"financial_status", text},
}}

func appendOrder(b []byte, i int, mark string, rnd *rand.Rand) []byte {
	created := time.Unix(1_650_000_000+int64(i)*61, 0).UTC().Format(time.RFC3339)
	b = fmt.Appendf(b, `{"id":%d,"name":"#%d","created_at":%q,"currency":%q,"total":%d.%02d,`, 5_000_000_000+i, 1000+i, created, pick(rnd, "EUR", "USD"), rnd.IntN(900), rnd.IntN(100))
	b = fmt.Appendf(b, `"customer":{"id":%d,"email":"buyer.%d@example.com","accepts_marketing":%t,"orders_count":%d,"default_address":{"city":%q,"country_code":%q}},`,
		rnd.IntN(1e9), i, i%3 == 0, rnd.IntN(40), pick(rnd, "Köln", "Porto", "Oslo"), pick(rnd, "DE", "PT", "NO"))
	b = fmt.Appendf(b, `"shipping_address":{"line1":"Street %d","line2":null,"zip":"%05d","location":{"lat":%d.%06d,"lon":%d.%06d}},"line_items":[`,
		rnd.IntN(400), rnd.IntN(100_000), rnd.IntN(90), rnd.IntN(1e6), rnd.IntN(180), rnd.IntN(1e6))
	for item := range 1 + rnd.IntN(8) {
		if item > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `{"id":%d,"sku":"SKU-%04d-%s","title":"Article \"%d\"","quantity":%d,"price":"%d.%02d","taxable":true,`,
			rnd.IntN(1e9), rnd.IntN(10_000), pick(rnd, "S", "M", "L"), item, 1+rnd.IntN(5), rnd.IntN(300), rnd.IntN(100))
		b = fmt.Appendf(b, `"properties":[{"name":"engraving","value":null}],"tax_lines":[{"title":"VAT","rate":0.19,"price":"%d.%02d"}],"discount_allocations":[]}`,
			rnd.IntN(60), rnd.IntN(100))
	}
	return fmt.Appendf(b, `],"tags":[%q,"newsletter"],"test":false,"financial_status":%q}`, pick(rnd, "vip", "new"), mark)
}
