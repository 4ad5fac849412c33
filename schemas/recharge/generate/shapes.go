package main

// Shapes that several streams have.
var (
	// ecommerce wraps an id of the shop system, whole numbers elsewhere, text here.
	ecommerce = object(all(mixed, "ecommerce"))
	processor = object(all(text, "payment_processor"))

	postal = object(all(text, "address1 address2 city company country country_code first_name last_name phone province zip"))

	utm = object(properties{"utm_params": list(object(all(text,
		"utm_campaign utm_content utm_data_source utm_medium utm_source utm_term utm_timestamp")))})

	// pairs are names with values, which shops fill with text, numbers, true and false.
	pairs = list(object(all(text, "name"), all(mixed, "value")))

	browser = object(all(text, "browser_ip user_agent"))

	discountsUsed = list(object(all(integer, "id"), all(text, "code value_type"), all(number, "value")))

	// taxLines have a rate that is a number for some shops and text for others.
	taxLines = list(object(all(money, "price unit_price"), all(mixed, "rate"), all(text, "title")))

	shippingLines = list(object(all(text, "code source title"), all(money, "price"), all(truth, "taxable"),
		all(instant, "retrieved_at"), all(status, "status"), properties{"tax_lines": taxLines}))
	shippingRates = list(object(all(text, "code title"), all(money, "price")))

	image = object(all(text, "large medium original small"), all(integer, "sort_order"))

	lineItem = object(
		all(integer, "grams purchase_item_id quantity"),
		all(text, "handle purchase_item_type sku title variant_title"),
		all(money, "original_price tax_due taxable_amount total_price unit_price"),
		all(boolean, "taxable unit_price_includes_tax"),
		all(ecommerce, "external_product_id external_variant_id"),
		properties{"images": image, "properties": pairs, "tax_lines": taxLines},
	)
	orderedItem = object(lineItem.properties, all(text, "external_inventory_policy"), all(free, "offer_attributes"))

	buyer = object(all(integer, "id"), all(text, "email hash"), all(ecommerce, "external_customer_id"))

	cardOrWallet = object(all(integer, "exp_month exp_year"),
		all(text, "brand funding_type last4 paypal_email paypal_payer_id wallet_type"))

	metafield = object(all(integer, "id"), all(instant, "created_at updated_at"), all(whole, "owner_id"),
		all(mixed, "value"), all(text, "description key namespace owner_resource value_type"))
)

// channels are the places where something can happen, each with the one setting of that name.
func channels(setting string) *node {
	return object(all(object(all(boolean, setting)), "api checkout_page customer_portal merchant_portal"))
}
