package rechargefake

// The kinds around a customer.

var customerFields = []field{
	{"id", nil}, {"analytics_data", utm}, {"apply_credit_to_next_checkout_charge?", truth},
	{"apply_credit_to_next_recurring_charge?", truth},
	{"created_at", nil}, {"email", nil}, {"external_customer_id", nil},
	{"first_charge_processed_at", orNull(0.3, moment)}, {"first_name", orNull(0.05, name)},
	{"has_payment_method_in_dunning", truth}, {"has_valid_payment_method", truth}, {"hash", nil},
	{"last_name", orNull(0.05, name)},
	{"phone?", orNull(0.5, phone)}, {"status?", text("ACTIVE", "INACTIVE")},
	{"subscriptions_active_count", number(0, 4)},
	{"subscriptions_total_count", number(4, 9)}, {"tax_exempt?", truth}, {"updated_at", nil},
}

func customerFacts(d *draw) facts {
	return d.world.draw(d.kind, d.index, moments{}, "person").person()
}

var addressKindFields = append([]field{
	{"id", nil}, {"customer_id", nil}, {"payment_method_id", orNull(0.1, ref("payment_methods"))},
	{"created_at", nil}, {"updated_at", nil},
	{"discounts", list(0, 1, oneOf(discountID, discountID, discount))}, {"order_attributes", properties},
	{"order_note", orNull(0.7, phrase)},
	{"presentment_currency", orNull(0.2, text("USD", "EUR"))}, {"shipping_lines_conserved?", plainShipping},
	{"shipping_lines_override", plainShipping},
}, addressFields...)

func addressFacts(d *draw) facts {
	customer, _ := d.world.owner(d.index)
	return facts{"customer_id": customer}
}

var subscriptionFields = []field{
	{"id", nil}, {"address_id", nil}, {"customer_id", nil}, {"analytics_data", utm},
	{"plan_id?", orNull(0.2, ref("plans"))}, {"cancellation_reason", nil},
	{"cancellation_reason_comments", nil}, {"cancelled_at", nil}, {"charge_interval_frequency", number(1, 12)},
	{"created_at", nil},
	{"expire_after_specific_number_of_charges", orNull(0.8, number(1, 12))}, {"external_product_id", ecommerce},
	{"external_variant_id", ecommerce},
	{"has_queued_charges", truth}, {"is_prepaid", drifting(truth, number(0, 1))}, {"is_skippable", truth},
	{"is_swappable", truth},
	{"max_retries_reached", truth}, {"next_charge_scheduled_at", nil},
	{"order_day_of_month", orNull(0.7, number(1, 28))},
	{"order_day_of_week", orNull(0.8, number(0, 6))}, {"order_interval_frequency", number(1, 12)},
	{"order_interval_unit", text("day", "week", "month")},
	{"presentment_currency", orNull(0.2, text("USD", "EUR"))}, {"price", money}, {"product_title", phrase},
	{"properties", properties},
	{"quantity", number(1, 9)}, {"sku", orNull(0.2, sku)}, {"sku_override", truth}, {"status", nil},
	{"updated_at", nil}, {"variant_title", orNull(0.2, phrase)},
}

func subscriptionFacts(d *draw) facts {
	addressID, customerID, _ := d.address()
	status := pick(d, []string{"active", "active", "active", "cancelled", "expired"})
	f := facts{
		"address_id": addressID, "customer_id": customerID, "status": quote(status), "next_charge_scheduled_at": "null",
		"cancelled_at": "null", "cancellation_reason": "null", "cancellation_reason_comments": "null",
	}
	switch status {
	case "active":
		f["next_charge_scheduled_at"] = day(d.updated + (1+d.Int64N(30))*dayMicros)
	case "cancelled":
		f["cancelled_at"], f["cancellation_reason"] = d.at(d.between()), `"Too expensive"`
	}
	return f
}

var onetimeFields = []field{
	{"id", nil}, {"address_id", nil}, {"customer_id", nil}, {"created_at", nil}, {"external_product_id", ecommerce},
	{"external_variant_id", ecommerce},
	{"is_cancelled", nil}, {"next_charge_scheduled_at", orNull(0.3, date)}, {"price", money},
	{"product_title", phrase}, {"properties", properties},
	{"quantity", number(1, 9)}, {"sku", orNull(0.2, sku)}, {"sku_override", truth}, {"updated_at", nil},
	{"variant_title", orNull(0.2, phrase)},
}

func onetimeFacts(d *draw) facts {
	addressID, customerID, _ := d.address()
	cancelled := pick(d, []string{"", "false", "false", "true"})
	return facts{"address_id": addressID, "customer_id": customerID, "is_cancelled": cancelled}
}

var paymentMethodFields = []field{
	{"id", nil}, {"customer_id", ref("customers")}, {"billing_address", addressCountry}, {"created_at", nil},
	{"default", orNull(0.1, truth)},
	{"deleted_at?", fixed("null")}, {"payment_details", nil}, {"payment_type", nil},
	{"processor_customer_token", nil},
	{"processor_name", text("stripe", "braintree", "authorize", "shopify_payments", "mollie")},
	{"processor_payment_method_token", nil},
	{"status", nil}, {"status_reason", orNull(0.8, text("expired_card"))}, {"updated_at", nil},
}

// paymentMethodFacts makes one wallet in twenty empty: of such a one the API knows next to nothing.
func paymentMethodFacts(d *draw) facts {
	if d.chance(0.05) {
		return facts{
			"payment_details": "null", "payment_type": "null", "processor_customer_token": "null", "processor_payment_method_token": "null",
			"status": "null", "default": "null", "billing_address": "null", "status_reason": "null",
		}
	}
	details := "{}"
	if d.chance(0.7) {
		card := object(field{"brand", text("visa", "mastercard")}, field{"exp_month", number(1, 12)},
			field{"exp_year", number(2024, 2032)},
			field{"last4", text("4242", "0005")}, field{"paypal_email?", fixed("null")},
			field{"paypal_payer_id?", fixed("null")},
			field{"wallet_type?", orNull(0.5, text("apple_pay"))}, field{"funding_type?", text("credit", "debit")})
		details = d.written(card)
	}
	return facts{
		"payment_details": details, "payment_type": quote(pick(d, []string{"CREDIT_CARD", "PAYPAL", "APPLE_PAY", "GOOGLE_PAY", "SEPA_DEBIT"})),
		"processor_customer_token":       quote("cus_fake" + itoa(d.Int64N(1e9))),
		"processor_payment_method_token": quote("pm_fake" + itoa(d.Int64N(1e9))),
		"status":                         quote(pick(d, []string{"valid", "valid", "valid", "unvalidated", "invalid", "empty"})),
	}
}

var creditAccountFields = []field{
	{"id", nil}, {"customer_id", ref("customers")}, {"name", phrase}, {"type", text("manual", "reward")},
	{"available_balance", money},
	{"initial_value", money}, {"currency_code", text("USD", "EUR")}, {"expires_at", orNull(0.7, moment)},
	{"created_at", nil}, {"updated_at", nil},
}

var creditAdjustmentFields = []field{
	{"id", nil}, {"credit_account_id", ref("credit_accounts")}, {"amount", money}, {"created_at", nil},
	{"created_by", object(field{"resource_id", drifting(number(1, 999), text("17"))},
		field{"type", text("api_token", "account")}, field{"identifier", phrase})},
	{"currency_code", text("USD", "EUR")}, {"ending_balance", money}, {"note", orNull(0.5, phrase)},
	{"type", text("debit", "credit")}, {"updated_at", nil},
}

var eventFields = []field{
	{"id", nil}, {"object_id", nil}, {"customer_id", nil}, {"created_at", nil}, {"object_type", nil}, {"verb", nil},
	{"description", phrase},
	{"custom_attributes", orNull(0.5, list(0, 2, object(field{"key", text("reason", "channel")},
		field{"value", phrase})))},
	{"updated_attributes", nil},
	{"source", object(field{"account_id", orNull(0.5, ref("accounts"))},
		field{"account_email", orNull(0.5, text("owner@example.com"))},
		field{"api_token_id", orNull(0.5, number(1, 9))}, field{"api_token_name", orNull(0.5, text("backoffice"))},
		field{"origin", text("api", "customer_portal", "merchant_portal", "system")},
		field{"user_type", text("api_client", "customer", "merchant")})},
}

func eventFacts(d *draw) facts {
	about := pick(d, []string{"subscriptions", "charges", "customers", "addresses"})
	updated := orNull(0.3, list(0, 2, object(field{"attribute", text("quantity", "price")},
		field{"previous_value", oneOf(number(1, 9), phrase, fixed("null"))},
		field{"value", oneOf(number(1, 9), phrase, truth, fixed(`{"a":1.0}`))})))
	return facts{
		"object_id": d.ref(about), "object_type": quote(d.world.byName[about].one), "customer_id": d.ref("customers"),
		"verb": quote(pick(d, []string{"created", "updated", "cancelled"})), "updated_attributes": d.written(updated),
	}
}
