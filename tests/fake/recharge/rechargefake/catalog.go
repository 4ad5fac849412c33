package rechargefake

import (
	"strconv"
	"strings"
)

// The kinds of the shop, and the small ones.

var discountFields = []field{
	{"id", nil},
	{"applies_to", object(field{"ids", list(0, 3, drifting(number(1, 1e9), digits))},
		field{"purchase_item_type", text("ALL", "ONETIME", "SUBSCRIPTION")},
		field{"resource", orNull(0.4, text("shopify_product", "shopify_collection_id"))})},
	{"channel_settings", channels("can_apply")}, {"code", code}, {"created_at", nil},
	{"ends_at", orNull(0.6, moment)}, {"external_discount_id", ecommerce},
	{"external_discount_source?", orNull(0.5, text("shopify"))},
	{"prerequisite_subtotal_min", orNull(0.6, drifting(number(0, 100), text("50.00")))},
	{"starts_at", orNull(0.3, moment)}, {"status", text("enabled", "enabled", "disabled", "fully_disabled")},
	{"updated_at", nil},
	{"usage_limits", object(field{"first_time_customer_restriction", orNull(0.4, drifting(truth, text("customer_must_not_exist_in_recharge")))},
		field{"max_subsequent_redemptions", orNull(0.5, number(1, 9))},
		field{"one_application_per_customer", truth}, field{"redemptions?", number(1, 99)},
		field{"automatic_redemptions_per_customer?", number(1, 9)})},
	{"value", money}, {"value_type", text("percentage", "fixed_amount", "shipping")},
}

// channels are settings of where something can be done.
func channels(what string) gen {
	flag := object(field{what, truth})
	return object(field{"api", flag}, field{"checkout_page", flag}, field{"customer_portal", flag},
		field{"merchant_portal", flag})
}

var planFields = []field{
	{"id", nil}, {"channel_settings", channels("display")}, {"created_at", nil}, {"deleted_at", fixed("null")},
	{"discount_amount", orNull(0.4, money)},
	{"discount_type", orNull(0.4, text("percentage"))}, {"external_plan_group_id", orNull(0.5, digits)},
	{"external_plan_id", orNull(0.5, digits)},
	{"external_plan_name", orNull(0.5, phrase)}, {"external_product_id", nil},
	{"external_variant_ids", list(0, 3, digits)},
	{"has_variant_restrictions", truth}, {"sort_order", number(0, 20)},
	{"subscription_preferences", object(field{"apply_cutoff_date_to_checkout", truth},
		field{"charge_interval_frequency", number(1, 12)},
		field{"cutoff_day_of_month", orNull(0.8, number(1, 28))},
		field{"cutoff_day_of_week", orNull(0.8, number(0, 6))},
		field{"expire_after_specific_number_of_charges", orNull(0.7, number(1, 12))},
		field{"order_day_of_month", orNull(0.8, number(1, 28))},
		field{"order_day_of_week", orNull(0.8, number(0, 6))}, field{"order_interval_frequency", number(1, 12)},
		field{"interval_unit", text("day", "week", "month")})},
	{"title", phrase}, {"type", text("subscription", "prepaid", "onetime")}, {"updated_at", nil},
}

// planFacts gives every product a plan when there are no more products than plans.
func planFacts(d *draw) facts {
	product := "null"
	if n := len(d.world.seeded["products"]); n > 0 {
		product = d.world.product(d.index % n)
	}
	return facts{"external_product_id": `{"ecommerce":` + product + `}`}
}

// product is the identifier of a product, as JSON text: the shop's, not Recharge's.
func (w *world) product(index int) string {
	return quote("7" + itoa(w.id(w.byName["products"], index)) + "55")
}

var productFields = []field{
	{"brand", orNull(0.3, phrase)}, {"description?", orNull(0.3, phrase)}, {"external_created_at", moment},
	{"external_product_id", nil}, {"external_updated_at", moment},
	{"images", list(0, 2, images)},
	{"options", list(0, 2, object(field{"name", text("Size", "Größe")}, field{"position", position},
		field{"values", list(1, 2, object(
			field{"label", text("S", "M", "L")}, field{"position", position}))}))},
	{"published_at", orNull(0.1, moment)}, {"requires_shipping", truth}, {"title", phrase},
	{"variants", list(1, 3, object(field{"dimensions", object(field{"weight", oneOf(number(0, 9), fixed("0.50"))},
		field{"weight_unit", text("kg", "lb")})},
		field{"external_variant_id", digits}, field{"image", images},
		field{"option_values", list(0, 2, object(field{"label", text("S", "M")}))},
		field{"prices", object(field{"compare_at_price", orNull(0.6, money)}, field{"unit_price", money})},
		field{"requires_shipping", truth},
		field{"sku", orNull(0.1, sku)}, field{"tax_code", orNull(0.6, text("P0000000"))}, field{"taxable", truth},
		field{"title", phrase}))},
	{"vendor", orNull(0.2, phrase)},
}

func productFacts(d *draw) facts { return facts{"external_product_id": d.world.product(d.index)} }

// position is a number that is sometimes text.
func position(d *draw) {
	n := itoa(1 + d.Int64N(5))
	if d.drifts() {
		n = quote(n)
	}
	d.raw(n)
}

var collectionFields = []field{
	{"id", nil}, {"created_at", nil}, {"description", orNull(0.3, phrase)},
	{"sort_order", text("id-asc", "id-desc", "title-asc", "title-desc", "created-asc", "created-desc")},
	{"title", phrase}, {"type", text("manual", "bundle")}, {"updated_at", nil},
}

var collectionProductFields = []field{{"collection_id", ref("collections")}, {"created_at", nil},
	{"external_product_id", nil}, {"updated_at", nil}}

// collectionProductFacts never gives a collection the same product twice.
func collectionProductFacts(d *draw) facts {
	product := itoa(7_000_000_000_000 + int64(d.index))
	if d.drifts() {
		product = quote(product)
	}
	return facts{"external_product_id": product}
}

var bundleSelectionFields = []field{
	{"id", nil}, {"bundle_variant_id", number(1, 1e6)}, {"charge_id?", orNull(0.4, ref("charges"))},
	{"created_at", nil}, {"external_product_id", digits},
	{"external_variant_id", digits}, {"is_fallback?", truth},
	{"items", list(1, 4, object(field{"id", number(1, 1e9)},
		field{"collection_id", drifting(text("400595910907"), number(1, 1e9))},
		field{"collection_source", text("shopify", "recharge")},
		field{"created_at", moment}, field{"external_product_id", digits}, field{"external_variant_id", digits},
		field{"price?", money},
		field{"quantity", number(1, 9)}, field{"updated_at", moment}))},
	{"order_id?", orNull(0.4, ref("orders"))}, {"purchase_item_id", ref("subscriptions")}, {"updated_at", nil},
}

var metafieldFields = []field{
	{"id", nil}, {"created_at", nil}, {"description", orNull(0.5, phrase)},
	{"key", text("gift_note", "tier", "Größe")}, {"namespace", text("shop", "loyalty")},
	{"owner_id", nil}, {"owner_resource", nil}, {"updated_at", nil}, {"value", nil}, {"value_type", nil},
}

// metafieldOwners are the kinds whose objects can own metafields, by the word for one of them. The store is no kind.
var metafieldOwners = map[string]string{
	"address": "addresses", "charge": "charges", "customer": "customers", "order": "orders", "store": "", "subscription": "subscriptions",
}

func metafieldFacts(d *draw) facts {
	owner := strings.TrimPrefix(d.kind.name, "metafields_")
	id := itoa(d.world.store)
	if owner != "store" {
		id = d.ref(metafieldOwners[owner])
	}
	if d.drifts() && id != "null" {
		id = quote(id)
	}
	f := facts{"owner_id": id, "owner_resource": quote(owner)}
	switch f["value_type"] = pick(d, []string{`"string"`, `"json_string"`, `"integer"`}); f["value_type"] {
	case `"integer"`:
		f["value"] = itoa(d.Int64N(1000))
	case `"json_string"`:
		f["value"] = quote(`{"points": ` + strconv.Itoa(d.IntN(100)) + `.0}`)
	default:
		f["value"] = d.written(phrase)
	}
	return f
}

var retentionStrategyFields = []field{
	{"id", nil}, {"cancellation_flow_type", text("subscription", "membership")}, {"created_at", nil},
	{"discount_code", orNull(0.5, code)},
	{"incentive_type", orNull(0.3, text("delay_subscription", "discount", "skip_charge", "swap_product"))},
	{"prevention_text", phrase}, {"reason", phrase}, {"updated_at", nil},
}

var asyncBatchFields = []field{
	{"id", nil}, {"batch_type", text("discount_create", "bulk_plans_update", "onetime_delete")},
	{"closed_at", orNull(0.3, moment)}, {"created_at", nil},
	{"deleted_at", fixed("null")}, {"fail_task_count", number(0, 3)},
	{"status", text("not_started", "processing", "completed", "failed")},
	{"submitted_at", orNull(0.3, moment)}, {"success_task_count", number(0, 50)},
	{"total_task_count", number(50, 60)}, {"updated_at", nil}, {"version", text("2021-11")},
}

var asyncBatchTaskFields = []field{
	{"id", nil}, {"batch_id", ref("async_batches")},
	{"body", object(field{"code", code}, field{"value", fixed("10.50")})}, {"completed_at", orNull(0.3, moment)},
	{"created_at", nil}, {"deleted_at", fixed("null")}, {"queued_at", orNull(0.2, moment)},
	{"result", oneOf(fixed("null"), object(field{"id", number(1, 1e6)}, field{"note", phrase}))},
	{"started_at", orNull(0.2, moment)}, {"status", text("success", "fail", "queued")}, {"updated_at", nil},
}

var accountFields = []field{{"id", nil}, {"user_id", number(1, 1e6)}, {"created_at", nil},
	{"invited_at", orNull(0.3, moment)}, {"is_owner", truth},
	{"name?", name}, {"email?", text("owner@example.com")}}

var webhookFields = []field{{"id", nil}, {"address", link},
	{"included_objects", list(0, 2, text("customer", "metafields"))},
	{"topic", text("charge/failed", "charge/paid", "subscription/cancelled")}, {"version?", text("2021-11")}}

var storeFields = []field{
	{"id", nil}, {"checkout_logo_url", orNull(0.5, link)}, {"checkout_platform", text("shopify")},
	{"created_at", nil}, {"currency", text("USD")},
	{"customer_portal_base_url", text("https://fake-store.example.com/tools/recurring")},
	{"default_api_version", text("2021-01")},
	{"disabled_currencies_historical", list(0, 1, text("GBP"))}, {"email", text("owner@example.com")},
	{"enabled_presentment_currencies", list(1, 2, text("USD", "EUR"))},
	{"enabled_presentment_currencies_symbols", list(1, 1, object(field{"currency", text("EUR")},
		field{"locale_name", text("de-DE")}, field{"symbol", text("€")}))},
	{"external_platform", text("shopify")}, {"identifier", text("fake-store.example.com")},
	{"merchant_portal_base_url", text("https://fake-store-sp.example.com")},
	{"name", text("Fake Store")}, {"phone", orNull(0.5, phone)},
	{"timezone", fixed(`{"iana_name":"America/New_York","name":"(GMT-05:00) Eastern Time (US & Canada)"}`)},
	{"updated_at", nil}, {"weight_unit", text("g")},
}
