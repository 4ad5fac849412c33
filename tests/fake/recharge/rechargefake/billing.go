package rechargefake

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

var chargeFields = []field{
	{"id", nil}, {"address_id", nil}, {"analytics_data", utm}, {"billing_address", address},
	{"charge_attempts?", nil}, {"client_details", browser},
	{"created_at", nil}, {"currency", text("USD", "EUR", "JPY")}, {"customer", nil},
	{"discounts", list(0, 2, discount)}, {"error", nil},
	{"error_type", nil}, {"external_order_id", ecommerce}, {"external_transaction_id", processor},
	{"external_variant_id_not_found?", truth},
	{"external_variant_not_found?", truth}, {"has_uncommitted_changes", truth}, {"last_charge_attempt", nil},
	{"line_items", lines},
	{"merged_at?", orNull(0.8, moment)}, {"note", orNull(0.5, phrase)}, {"order_attributes", properties},
	{"orders_count", number(1, 3)},
	{"original_scheduled_at?", date}, {"payment_processor", text("stripe", "braintree", "authorize", "mollie", "shopify_payments")},
	{"processed_at", nil}, {"retry_date", nil}, {"scheduled_at", nil}, {"shipping_address", address},
	{"shipping_lines", list(0, 1, shippingLine)},
	{"status", nil}, {"subtotal_price", money}, {"tags", tags}, {"tax_lines", taxLines}, {"taxable", truth},
	{"taxes_included", truth},
	{"total_discounts", money}, {"total_duties", money}, {"total_line_items_price", money}, {"total_price", money},
	{"total_refunds", nil},
	{"total_tax", orNull(0.1, money)}, {"total_weight_grams", number(0, 9000)},
	{"type", text("recurring", "recurring", "checkout")}, {"updated_at", nil},
}

// errorTypes are some of the reasons for which a payment fails.
var errorTypes = []string{"INSUFFICIENT_FUNDS", "CARD_EXPIRED", "DO_NOT_HONOR", "CLOSED_MAX_RETRIES_REACHED", "TRANSIENT_ERROR"}

// paid are the states of a charge that is gone from the API 90 days after it was processed.
var paid = []string{"success", "refunded", "partially_refunded"}

func chargeFacts(d *draw) facts {
	status := pick(d, []string{"success", "success", "success", "success", "success", "queued", "queued", "error", "skipped", "refunded",
		"partially_refunded", "pending"})
	addressID, customerID, index := d.address()
	f := facts{
		"address_id": addressID, "customer": d.customer(customerID, index), "status": quote(status), "processed_at": "null",
		"total_refunds": "null", "error": "", "error_type": "", "charge_attempts": "", "last_charge_attempt": "", "retry_date": "",
		"scheduled_at": day(d.created),
	}
	if d.drifts() {
		f["status"] = quote(strings.ToUpper(status))
	}
	switch {
	case slices.Contains(paid, status):
		f["processed_at"] = d.at(d.until(min(d.updated, d.created+2*dayMicros)))
		f["total_refunds"] = `"0.00"`
		if status != "success" {
			f["total_refunds"] = quote(cents(100 + d.Int64N(5000)))
		}
	case status == "queued":
		f["scheduled_at"] = day(d.updated + d.Int64N(30)*dayMicros)
	case status == "error":
		d.failed(f, 1+d.IntN(6))
	}
	return f
}

// failed adds what a charge says after some failed attempts: its error is a log that grows with each.
func (d *draw) failed(f facts, attempts int) {
	var log strings.Builder
	for i := range attempts {
		at := time.UnixMicro(d.updated - int64(attempts-1-i)*6*dayMicros).UTC().Format("2006-01-02 15:04:05")
		fmt.Fprintf(&log, "None\n[%s] ['Your card was declined.']\n", at)
	}
	f["error"], f["error_type"] = quote(log.String()), quote(pick(d, errorTypes))
	f["charge_attempts"], f["last_charge_attempt"] = itoa(int64(attempts)), d.at(d.updated)
	f["retry_date"] = "null"
	if attempts < 6 {
		midnight := time.UnixMicro(d.updated).UTC().Truncate(24 * time.Hour).Add(6*24*time.Hour + 4*time.Hour)
		f["retry_date"] = d.at(midnight.UnixMicro())
	}
}

var orderFields = []field{
	{"id", nil}, {"address_id", nil}, {"billing_address", address}, {"charge", nil}, {"client_details", browser},
	{"created_at", nil},
	{"currency", text("USD", "EUR", "JPY")}, {"customer", nil}, {"discounts", list(0, 2, discount)},
	{"error?", orNull(0.7, phrase)},
	{"external_cart_token", orNull(0.5, text("c1-7a1", "c1-9b4"))}, {"external_order_id", ecommerce},
	{"external_order_name?", ecommerce},
	{"external_order_number", ecommerce}, {"is_prepaid", drifting(truth, number(0, 1))}, {"line_items", orderLines},
	{"note", orNull(0.5, phrase)},
	{"order_attributes", properties}, {"processed_at", orNull(0.2, moment)}, {"scheduled_at", moment},
	{"shipping_address", address},
	{"shipping_lines", list(0, 1, shippingLine)},
	{"status", text("success", "success", "success", "queued", "error", "cancelled")},
	{"subtotal_price", money}, {"tags", tags}, {"tax_lines", taxLines}, {"taxable", truth},
	{"total_discounts", money}, {"total_duties", money},
	{"total_line_items_price", money}, {"total_price", money}, {"total_refunds", orNull(0.3, money)},
	{"total_tax", money},
	{"total_weight_grams", number(0, 9000)}, {"type", text("recurring", "checkout")}, {"updated_at", nil},
}

func orderFacts(d *draw) facts {
	addressID, customerID, index := d.address()
	charge := object(field{"id", ref("charges")}, field{"external_transaction_id", processor},
		field{"payment_processor_name?", text("stripe")}, field{"status?", text("success", "refunded")})
	return facts{"address_id": addressID, "customer": d.customer(customerID, index), "charge": d.written(charge)}
}
