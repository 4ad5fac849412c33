package main

// A stream is what one file describes.
type stream struct {
	name        string
	keys        []string
	replication string // the property by which the stream is read incrementally; "" for none
	record      *node
}

// What the streams are keyed and replicated by.
var id = []string{"id"}

const updated = "updated_at"

// streams are all that Recharge's API 2021-11 lists, but for gift purchases, of which too little is known.
// https://developer.rechargepayments.com/2021-11
var streams = []stream{
	{"accounts", id, "", object(
		all(integer, "id user_id"),
		all(instant, "created_at invited_at"),
		all(boolean, "is_owner"),
		all(text, "email name"),
	)},
	{"addresses", id, updated, object(
		all(integer, "customer_id id payment_method_id"),
		all(text, "address1 address2 city company country_code first_name last_name order_note phone presentment_currency province zip"),
		all(instant, "created_at updated_at"),
		all(shippingRates, "shipping_lines_conserved shipping_lines_override"),
		properties{"discounts": discountsUsed, "order_attributes": pairs},
	)},
	{"async_batch_tasks", id, "", object(
		all(integer, "batch_id id"),
		all(instant, "completed_at created_at deleted_at queued_at started_at updated_at"),
		all(free, "body result"),
		all(status, "status"),
	)},
	{"async_batches", id, "", object(
		all(integer, "fail_task_count id success_task_count total_task_count"),
		all(instant, "closed_at created_at deleted_at submitted_at updated_at"),
		all(text, "batch_type version"),
		all(status, "status"),
	)},
	{"bundle_selections", id, updated, object(
		all(integer, "bundle_variant_id charge_id id order_id purchase_item_id"),
		all(instant, "created_at updated_at"),
		all(text, "external_product_id external_variant_id"),
		all(boolean, "is_fallback"),
		properties{"items": list(object(
			all(integer, "id quantity"),
			all(instant, "created_at updated_at"),
			all(mixed, "collection_id"),
			all(text, "collection_source external_product_id external_variant_id"),
			all(money, "price"),
		))},
	)},
	{"charges", id, updated, object(
		all(integer, "address_id charge_attempts id orders_count total_weight_grams"),
		all(instant, "created_at last_charge_attempt merged_at processed_at retry_date updated_at"),
		all(day, "original_scheduled_at scheduled_at"),
		all(text, "currency error error_type note payment_processor type"),
		all(money, "subtotal_price total_discounts total_duties total_line_items_price total_price total_refunds total_tax"),
		all(boolean, "external_variant_id_not_found external_variant_not_found has_uncommitted_changes taxable taxes_included"),
		all(postal, "billing_address shipping_address"),
		all(status, "status"),
		properties{
			"analytics_data": utm, "client_details": browser, "customer": buyer, "discounts": discountsUsed,
			"external_order_id": ecommerce, "external_transaction_id": processor, "line_items": list(lineItem),
			"order_attributes": pairs, "shipping_lines": shippingLines, "tags": tags, "tax_lines": taxLines,
		},
	)},
	{"collection_products", []string{"collection_id", "external_product_id"}, "", object(
		all(integer, "collection_id"),
		all(mixed, "external_product_id"),
		all(instant, "created_at updated_at"),
	)},
	{"collections", id, "", object(
		all(integer, "id"),
		all(instant, "created_at updated_at"),
		all(text, "description sort_order title type"),
	)},
	{"credit_accounts", id, "", object(
		all(integer, "customer_id id"),
		all(text, "currency_code name type"),
		all(money, "available_balance initial_value"),
		all(instant, "created_at expires_at updated_at"),
	)},
	{"credit_adjustments", id, updated, object(
		all(integer, "credit_account_id id"),
		all(money, "amount ending_balance"),
		all(instant, "created_at updated_at"),
		all(text, "currency_code note type"),
		properties{"created_by": object(all(text, "identifier type"), all(mixed, "resource_id"))},
	)},
	{"credit_summaries", []string{"customer_id"}, "", object(
		all(integer, "customer_id"),
		all(money, "total_available_balance"),
		all(text, "currency_code"),
	)},
	{"customers", id, updated, object(
		all(integer, "id subscriptions_active_count subscriptions_total_count"),
		all(boolean, "apply_credit_to_next_checkout_charge apply_credit_to_next_recurring_charge"),
		all(boolean, "has_payment_method_in_dunning has_valid_payment_method tax_exempt"),
		all(instant, "created_at first_charge_processed_at updated_at"),
		all(text, "email first_name hash last_name phone"),
		all(status, "status"),
		properties{"analytics_data": utm, "external_customer_id": ecommerce},
	)},
	{"delivery_schedules", []string{"customer_id"}, "", object(
		all(integer, "customer_id"),
		properties{
			"customer":   object(all(integer, "id"), all(text, "email first_name last_name")),
			"deliveries": list(object(all(day, "date"), properties{"orders": list(deliveredOrder)})),
		},
	)},
	{"discounts", id, updated, object(
		all(integer, "id"),
		all(text, "code external_discount_source value_type"),
		all(mixed, "prerequisite_subtotal_min"),
		all(money, "value"),
		all(instant, "created_at ends_at starts_at updated_at"),
		all(status, "status"),
		properties{
			"applies_to":           object(all(text, "purchase_item_type resource"), all(list(mixed), "ids")),
			"channel_settings":     channels("can_apply"),
			"external_discount_id": ecommerce,
			"usage_limits": object(
				all(integer, "automatic_redemptions_per_customer max_subsequent_redemptions redemptions"),
				all(boolean, "one_application_per_customer"),
				all(mixed, "first_time_customer_restriction"),
			),
		},
		// Names of the version before, which still come now and then.
		all(text, "applies_to_product_type applies_to_resource discount_type duration"),
		all(mixed, "applies_to_id first_time_customer_restriction"),
		all(integer, "duration_usage_limit times_used usage_limit"),
		all(truth, "once_per_customer"),
	)},
	{"events", id, "created_at", object(
		all(integer, "customer_id id object_id"),
		all(instant, "created_at"),
		all(text, "description object_type verb"),
		properties{
			"custom_attributes":  list(object(all(text, "key"), all(unknown, "value"))),
			"updated_attributes": list(object(all(text, "attribute"), all(unknown, "previous_value value"))),
			"source": object(all(integer, "account_id api_token_id"),
				all(text, "account_email api_token_name origin user_type")),
		},
	)},
	{"metafields_address", id, "", metafield},
	{"metafields_charge", id, "", metafield},
	{"metafields_customer", id, "", metafield},
	{"metafields_order", id, "", metafield},
	{"metafields_store", id, "", metafield},
	{"metafields_subscription", id, "", metafield},
	{"onetimes", id, updated, object(
		all(integer, "address_id customer_id id quantity"),
		all(instant, "created_at updated_at"),
		all(day, "next_charge_scheduled_at"),
		all(ecommerce, "external_product_id external_variant_id"),
		all(boolean, "is_cancelled sku_override"),
		all(money, "price"),
		all(text, "product_title sku variant_title"),
		properties{"properties": pairs},
	)},
	{"orders", id, updated, object(
		all(integer, "address_id id total_weight_grams"),
		all(instant, "created_at processed_at scheduled_at updated_at"),
		all(text, "currency error external_cart_token note type"),
		all(money, "subtotal_price total_discounts total_duties total_line_items_price total_price total_refunds total_tax"),
		all(boolean, "taxable"),
		all(truth, "is_prepaid"),
		all(postal, "billing_address shipping_address"),
		all(ecommerce, "external_order_id external_order_name external_order_number"),
		all(status, "status"),
		properties{
			"charge": object(all(integer, "id"), all(text, "payment_processor_name"), all(status, "status"),
				properties{"external_transaction_id": processor}),
			"client_details": browser, "customer": buyer, "discounts": discountsUsed, "line_items": list(orderedItem),
			"order_attributes": pairs, "shipping_lines": shippingLines, "tags": tags, "tax_lines": taxLines,
		},
	)},
	{"payment_methods", id, "", object(
		all(integer, "customer_id id"),
		all(instant, "created_at deleted_at updated_at"),
		all(boolean, "default"),
		all(text, "payment_type processor_customer_token processor_name processor_payment_method_token status_reason"),
		all(status, "status"),
		properties{"billing_address": postal, "payment_details": cardOrWallet},
	)},
	{"plans", id, updated, object(
		all(integer, "id sort_order"),
		all(instant, "created_at deleted_at updated_at"),
		all(money, "discount_amount"),
		all(text, "discount_type external_plan_group_id external_plan_id external_plan_name title type"),
		all(boolean, "has_variant_restrictions"),
		properties{
			"channel_settings":     channels("display"),
			"external_product_id":  ecommerce,
			"external_variant_ids": list(text),
			"subscription_preferences": object(
				all(boolean, "apply_cutoff_date_to_checkout"),
				all(integer, "charge_interval_frequency cutoff_day_of_month cutoff_day_of_week"),
				all(integer, "expire_after_specific_number_of_charges order_day_of_month order_day_of_week order_interval_frequency"),
				all(text, "interval_unit"),
			),
		},
	)},
	{"products", []string{"external_product_id"}, "", object(
		all(text, "brand description external_product_id title vendor"),
		all(instant, "external_created_at external_updated_at published_at"),
		all(boolean, "requires_shipping"),
		properties{
			"images": list(image),
			"options": list(object(all(text, "name"), all(whole, "position"),
				properties{"values": list(object(all(text, "label"), all(whole, "position")))})),
			"variants": list(object(
				all(text, "external_variant_id sku tax_code title"),
				all(boolean, "requires_shipping taxable"),
				properties{
					"dimensions":    object(all(number, "weight"), all(text, "weight_unit")),
					"image":         image,
					"option_values": list(object(all(text, "label"))),
					"prices":        object(all(money, "compare_at_price unit_price")),
				},
			)),
		},
	)},
	{"retention_strategies", id, "", object(
		all(integer, "id"),
		all(instant, "created_at updated_at"),
		all(text, "cancellation_flow_type discount_code incentive_type prevention_text reason"),
	)},
	{"store", id, "", object(
		all(integer, "id"),
		all(text, "checkout_logo_url checkout_platform currency customer_portal_base_url default_api_version email"),
		all(text, "external_platform identifier merchant_portal_base_url name phone weight_unit"),
		all(instant, "created_at updated_at"),
		all(list(text), "disabled_currencies_historical enabled_presentment_currencies"),
		properties{
			"enabled_presentment_currencies_symbols": list(object(all(text, "currency locale_name symbol"))),
			"timezone":                               object(all(text, "iana_name name")),
		},
	)},
	{"subscriptions", id, updated, object(
		all(integer, "address_id customer_id expire_after_specific_number_of_charges id"),
		all(integer, "order_day_of_month order_day_of_week plan_id quantity"),
		all(whole, "charge_interval_frequency order_interval_frequency"),
		all(instant, "cancelled_at created_at updated_at"),
		all(day, "next_charge_scheduled_at"),
		all(text, "cancellation_reason cancellation_reason_comments order_interval_unit presentment_currency"),
		all(text, "product_title sku variant_title"),
		all(money, "price"),
		all(boolean, "is_skippable is_swappable"),
		all(truth, "has_queued_charges is_prepaid max_retries_reached sku_override"),
		all(ecommerce, "external_product_id external_variant_id"),
		all(status, "status"),
		properties{"analytics_data": utm, "properties": pairs},
	)},
	{"token_information", []string{"name"}, "", object(
		all(text, "contact_email name"),
		properties{"client": object(all(text, "contact_email name")), "scopes": list(text)},
	)},
	{"webhooks", id, "", object(
		all(integer, "id"),
		all(text, "address topic version"),
		all(list(text), "included_objects"),
	)},
}

// deliveredOrder is one of the orders that a day of a delivery schedule will bring. It need not exist yet.
var deliveredOrder = object(
	all(integer, "address_id charge_id id"),
	all(money, "order_subtotal"),
	all(postal, "shipping_address"),
	properties{
		"line_items": list(object(
			all(integer, "quantity subscription_id"),
			all(ecommerce, "external_product_id external_variant_id"),
			all(boolean, "is_skippable is_skipped"),
			all(truth, "is_prepaid"),
			all(money, "original_price subtotal_price unit_price"),
			all(text, "plan_type product_title variant_title"),
			properties{"images": image, "properties": pairs},
		)),
		"payment_method": object(all(integer, "id"), all(postal, "billing_address"), all(cardOrWallet, "payment_details")),
	},
)
