package rechargefake

import "fmt"

// The shapes that several kinds share (https://developer.rechargepayments.com/2021-11).
var (
	ecommerce = object(field{"ecommerce", orNull(0.1, digits)})
	processor = object(field{"payment_processor", orNull(0.1, text("ch_3NfakeRwz01", "pi_3Pfake77kQ", "8f3k2mfake"))})

	addressFields = []field{
		{"address1", street}, {"address2", orNull(0.6, street)},
		{"city", text("Portland", "Köln", "São Paulo", "Kyōto")},
		{"company", orNull(0.7, phrase)}, {"country_code", text("US", "DE", "BR", "JP")}, {"first_name", name},
		{"last_name", name},
		{"phone", orNull(0.4, phone)}, {"province", orNull(0.1, text("Oregon", "NRW", "SP"))},
		{"zip", text("97201", "01067", "0150-001")},
	}
	address        = object(addressFields...)
	addressCountry = object(append(addressFields[:len(addressFields):len(addressFields)],
		field{"country", text("United States", "Germany")})...)

	utm = object(field{"utm_params", list(0, 2, object(
		field{"utm_campaign", phrase}, field{"utm_content", phrase}, field{"utm_data_source", text("cookies")},
		field{"utm_source", text("google", "newsletter")}, field{"utm_medium", text("cpc", "email")},
		field{"utm_term", phrase},
		field{"utm_timestamp", moment},
	))})

	property = object(
		field{"name", text("engraving", "Gift note", "_bundle_id", "size")},
		field{"value", orNull(0.05, drifting(phrase, oneOf(number(0, 99), truth, fixed("12.50"))))},
	)
	properties = list(0, 3, property)

	discount = object(
		field{"id", ref("discounts")}, field{"code", code}, field{"value", oneOf(number(1, 50), fixed("7.5"))},
		field{"value_type", text("percentage", "fixed_amount", "shipping")},
	)
	discountID = object(field{"id", ref("discounts")})

	taxLine = object(
		field{"price", money}, field{"rate", drifting(text("0.0725", "0.19"), fixed("0.0725"))},
		field{"title", text("State tax", "VAT")},
		field{"unit_price?", money},
	)
	taxLines = list(0, 2, taxLine)

	shippingLine = object(
		field{"code", text("Standard", "Express")}, field{"price", money},
		field{"source", text("shopify", "custom")},
		field{"title", text("Standard Shipping", "Express")},
		field{"taxable", drifting(truth, text("true", "False"))},
		field{"tax_lines", taxLines}, field{"retrieved_at?", moment}, field{"status?", text("active")},
	)
	plainShipping = list(0, 1, object(field{"code", text("Standard")}, field{"price", money},
		field{"title", text("Standard Shipping")}))

	images = oneOf(fixed("{}"), object(
		field{"large", link}, field{"medium", link}, field{"original", link}, field{"small", link},
		field{"sort_order?", number(0, 9)},
	))

	lineFields = []field{
		{"purchase_item_id", drifting(ref("subscriptions"), fixed("null"))}, {"external_product_id", ecommerce},
		{"external_variant_id", ecommerce},
		{"grams", number(0, 5000)}, {"handle", orNull(0.2, text("coffee-beans", "tea"))}, {"images", images},
		{"original_price", money},
		{"properties", properties}, {"purchase_item_type", text("subscription", "subscription", "onetime")},
		{"quantity", number(1, 9)},
		{"sku", orNull(0.1, sku)}, {"tax_due", money}, {"tax_lines", taxLines}, {"taxable", truth},
		{"taxable_amount", money}, {"title", phrase},
		{"total_price", money}, {"unit_price", money}, {"unit_price_includes_tax", truth},
		{"variant_title", orNull(0.2, phrase)},
	}
	lines      = list(1, 3, object(lineFields...))
	orderLines = list(1, 3, object(append(lineFields[:len(lineFields):len(lineFields)],
		field{"external_inventory_policy?", text("decrement_obeying_policy")},
		field{"offer_attributes?", fixed("{}")})...))

	browser = object(field{"browser_ip", orNull(0.5, text("203.0.113.7", "2001:db8::7"))},
		field{"user_agent", orNull(0.5, text("Mozilla/5.0"))})
	tags = drifting(text("", "Subscription, Recurring", "VIP"), fixed(`["Subscription","VIP"]`))
)

// oneOf writes one of the values, each as likely.
func oneOf(choices ...gen) gen { return func(d *draw) { pick(d, choices)(d) } }

// customer writes the customer that belongs to an order or a charge.
func (d *draw) customer(id string, index int) string {
	if index < 0 {
		return "null"
	}
	kind := d.world.byName["customers"]
	c := d.world.draw(kind, index, moments{}, "person")
	given := c.person()
	return fmt.Sprintf(`{"id":%s,"email":%s,"external_customer_id":%s,"hash":%s}`,
		id, given["email"], given["external_customer_id"], given["hash"])
}

// person is what other objects repeat of a customer, as it was at first.
func (d *draw) person() facts {
	return facts{
		"email":                quote(fmt.Sprintf("person.%d@example.com", d.index)),
		"external_customer_id": `{"ecommerce":` + quote(itoa(6_000_000_000_000+d.Int64N(1e9))) + `}`,
		"hash":                 quote(fmt.Sprintf("%x", d.Uint64())),
	}
}

func digits(d *draw) { d.quote(itoa(40_000_000_000_000 + d.Int64N(1e12))) }
func street(d *draw) {
	d.quote(itoa(1+d.Int64N(999)) + " " + pick(d, []string{"Main Street", "Schloßallee", "Rua Augusta"}))
}
func phone(d *draw) { d.quote("+1555" + itoa(1_000_000+d.Int64N(9_000_000))) }
func sku(d *draw)   { d.quote("SKU-" + itoa(d.Int64N(10_000))) }
func code(d *draw)  { d.quote("SAVE" + itoa(d.Int64N(100))) }
func link(d *draw)  { d.quote("https://cdn.example.com/" + itoa(d.Int64N(1e6)) + ".jpg?v=1&width=64") }

var (
	names = []string{"Ada", "Zoë", "Łukasz", "Nguyễn", "O'Hara", "محمد", "花子", "Anne-Marie"}
	words = []string{"monthly", "Coffee", "box", "organic", "refill", "Vitamin", "starter", "blend", "travel", "kit"}

	// oddities are pieces of JSON strings, already encoded, that a careless reader changes.
	oddities = []string{
		`caf\u00e9`, "café", "cafe\u0301", `\ud83d\udce6`, "📦", `say \"hi\"`, `back\\slash`, `two\nlines`, `tab\t`, `\/`, `\u0001`,
		"שלום", "日本語", `<b>&amp;</b>`, "NULL", "'; --", "0012", "1e400", " spaces ", `\u2028`,
	}
)

func name(d *draw) { d.quote(pick(d, names)) }

// phrase writes some words, now and then with something odd among them.
func phrase(d *draw) {
	d.b = append(append(d.b, '"'), pick(d, words)...)
	for range d.IntN(4) {
		d.b = append(append(d.b, ' '), pick(d, words)...)
	}
	if d.chance(0.15) {
		d.b = append(append(d.b, ' '), pick(d, oddities)...)
	}
	d.b = append(d.b, '"')
}
