package stripefake

import (
	"fmt"
	"strconv"
)

const day = 86400

// pickStatus draws from a list in which likely values stand more than once.
func (d *draw) pickStatus(list ...string) string { return pick(d, list) }

func boolean(b bool) string { return strconv.FormatBool(b) }

// maybe returns raw, or null with probability 1-p.
func (d *draw) maybe(p float64, raw string) string {
	if d.chance(p) {
		return raw
	}
	return "null"
}

func customerFacts(d *draw) fields {
	return fields{
		"email": d.maybe(0.9, d.email()), "balance": itoa(d.amount() - 250_000),
		"currency": d.maybe(0.8, quote(d.money())),
	}
}

func productFacts(d *draw) fields {
	return fields{
		"name": string(d.phrase(nil)), "active": boolean(d.chance(0.85)),
		"updated": itoa(min(d.created+d.Int64N(30*day), max(d.world.now, d.created))),
	}
}

// amountPair returns an integer amount and the same as decimal text, or null
// and a fraction of the smallest unit.
func (d *draw) amountPair() (whole, decimal string) {
	if d.chance(0.15) {
		return "null", quote("0.05" + strconv.Itoa(1_000_000_000+d.IntN(1_000_000_000)))
	}
	n := itoa(d.amount())
	return n, quote(n)
}

func priceFacts(d *draw) fields {
	amount, decimal := d.amountPair()
	f := fields{
		"active": boolean(d.chance(0.85)), "currency": quote(d.money()), "product": d.ref("products"),
		"billing_scheme": `"per_unit"`, "tiers_mode": "null", "unit_amount": amount, "unit_amount_decimal": decimal,
	}
	if d.chance(0.15) {
		f["billing_scheme"], f["tiers_mode"] = `"tiered"`, `"graduated"`
		f["unit_amount"], f["unit_amount_decimal"] = "null", "null"
	}
	f["type"] = `"recurring"`
	if d.chance(0.4) {
		f["type"], f["recurring"] = `"one_time"`, "null"
	} else {
		f["recurring"] = string(d.object(nil, d.world.doc.components["recurring"], nil, 1))
	}
	return f
}

func planFacts(d *draw) fields {
	amount, decimal := d.amountPair()
	f := fields{
		"active": boolean(d.chance(0.85)), "currency": quote(d.money()), "product": d.ref("products"),
		"amount": amount, "amount_decimal": decimal, "billing_scheme": `"per_unit"`, "tiers_mode": "null",
		"interval_count": strconv.Itoa(1 + d.IntN(3)),
	}
	if d.chance(0.15) {
		f["billing_scheme"], f["tiers_mode"], f["amount"], f["amount_decimal"] = `"tiered"`, `"volume"`, "null", "null"
	}
	return f
}

func couponFacts(d *draw) fields {
	f := fields{"amount_off": "null", "currency": "null", "percent_off": d.number(), "duration_in_months": "null"}
	if d.chance(0.4) {
		f["amount_off"], f["currency"], f["percent_off"] = itoa(d.amount()), quote(d.money()), "null"
	}
	duration := d.pickStatus("forever", "once", "repeating")
	f["duration"] = quote(duration)
	if duration == "repeating" {
		f["duration_in_months"] = strconv.Itoa(1 + d.IntN(12))
	}
	return f
}

func taxRateFacts(d *draw) fields {
	return fields{
		"active": boolean(d.chance(0.85)), "inclusive": boolean(d.chance(0.3)),
		"percentage": pick(d, []string{"19.0", "8.875", "7", "20.0", "5.10"}), "display_name": quote(pick(d, []string{"VAT", "GST", "Sales Tax"})),
	}
}

func subscriptionFacts(d *draw) fields {
	status := d.pickStatus("active", "active", "active", "active", "canceled", "canceled", "trialing", "past_due", "unpaid",
		"incomplete", "incomplete_expired", "paused")
	start := d.created + d.Int64N(2)*30*day
	f := fields{
		"status": quote(status), "customer": d.ref("customers"), "currency": quote(d.money()),
		"current_period_start": itoa(start), "current_period_end": itoa(start + 30*day), "start_date": itoa(d.created),
		"latest_invoice": d.ref("invoices"), "canceled_at": "null", "ended_at": "null",
	}
	if status == "canceled" {
		end := itoa(min(start+d.Int64N(30*day), max(d.world.now, d.created)))
		f["canceled_at"], f["ended_at"] = end, end
	}
	return d.discounts(f)
}

func subscriptionItem(d *draw, parent string, n int) fields {
	return fields{
		"id":      quote("si_" + token(d.Rand, 14)),
		"created": itoa(d.created), "subscription": quote(parent), "quantity": strconv.Itoa(1 + d.IntN(20)),
	}
}

func invoiceFacts(d *draw) fields {
	status := d.pickStatus("paid", "paid", "paid", "paid", "open", "draft", "void", "uncollectible")
	total := d.amount()
	paid, remaining := int64(0), total
	if status == "paid" {
		paid, remaining = total, 0
	}
	number := "null"
	if status != "draft" {
		number = quote(fmt.Sprintf("%s-%04d", token(d.Rand, 8), d.index%10_000))
	}
	return d.discounts(fields{
		"status": quote(status), "customer": d.ref("customers"), "subscription": d.maybe(0.7, d.ref("subscriptions")),
		"currency": quote(d.money()), "number": number, "paid": boolean(status == "paid"), "attempted": boolean(status != "draft"),
		"amount_due": itoa(total), "amount_paid": itoa(paid), "amount_remaining": itoa(remaining),
		"subtotal": itoa(total), "total": itoa(total), "period_start": itoa(d.created - 30*day), "period_end": itoa(d.created),
		"charge": d.maybe(0.7, d.ref("charges")), "payment_intent": d.maybe(0.8, d.ref("payment_intents")),
	})
}

func invoiceLine(d *draw, parent string, n int) fields {
	return fields{
		"id": quote("il_" + token(d.Rand, 24)), "amount": itoa(d.amount()), "currency": quote(d.money()),
		"quantity": strconv.Itoa(1 + d.IntN(9)),
	}
}

func chargeFacts(d *draw) fields {
	status := d.pickStatus("succeeded", "succeeded", "succeeded", "succeeded", "succeeded", "succeeded", "succeeded", "failed", "pending")
	amount := d.amount()
	done := status == "succeeded"
	f := fields{
		"status": quote(status), "amount": itoa(amount), "amount_captured": "0", "amount_refunded": "0", "currency": quote(d.money()),
		"paid": boolean(done), "captured": boolean(done), "refunded": "false", "customer": d.maybe(0.9, d.ref("customers")),
		"payment_intent": d.maybe(0.95, d.ref("payment_intents")), "invoice": d.maybe(0.5, d.ref("invoices")),
		"balance_transaction": "null", "failure_code": "null", "failure_message": "null", "failure_balance_transaction": "null",
	}
	if done {
		f["amount_captured"], f["balance_transaction"] = itoa(amount), d.ref("balance_transactions")
	}
	if status == "failed" {
		f["failure_code"], f["failure_message"] = `"card_declined"`, `"Your card was declined."`
	}
	return f
}

func paymentIntentFacts(d *draw) fields {
	status := d.pickStatus("succeeded", "succeeded", "succeeded", "succeeded", "succeeded", "canceled", "processing",
		"requires_action", "requires_capture", "requires_confirmation", "requires_payment_method")
	amount := d.amount()
	received := int64(0)
	if status == "succeeded" {
		received = amount
	}
	canceledAt := "null"
	if status == "canceled" {
		canceledAt = itoa(d.created + d.Int64N(day))
	}
	return fields{
		"status": quote(status), "amount": itoa(amount), "amount_received": itoa(received), "currency": quote(d.money()),
		"customer": d.maybe(0.9, d.ref("customers")), "canceled_at": canceledAt, "payment_method_types": `["card","link"]`,
		"latest_charge": d.maybe(0.8, d.ref("charges")), "client_secret": "null",
	}
}

func refundFacts(d *draw) fields {
	status := d.pickStatus("succeeded", "succeeded", "succeeded", "succeeded", "pending", "failed", "canceled")
	return fields{
		"status": quote(status), "amount": itoa(d.amount()), "currency": quote(d.money()), "charge": d.ref("charges"),
		"payment_intent": d.maybe(0.9, d.ref("payment_intents")), "balance_transaction": d.maybe(0.9, d.ref("balance_transactions")),
	}
}

// balanceTransactionFacts makes a row of the ledger. It is pending until the
// clock passes available_on, as seen at the start of the fake.
func balanceTransactionFacts(d *draw) fields {
	amount, fee := d.amount(), d.Int64N(50)
	kind, source := "charge", d.ref("charges")
	switch d.IntN(6) {
	case 0:
		kind, source, amount = "refund", d.ref("refunds"), -amount
	case 1:
		kind, source, amount = "payout", quote("po_"+token(d.Rand, 24)), -amount
	case 2:
		kind, source = "adjustment", "null"
	}
	available := d.created + (2+d.Int64N(5))*day
	status := "available"
	if available > d.world.now {
		status = "pending"
	}
	rate := "null"
	if d.chance(0.5) {
		rate = pick(d, []string{"0.91342", "1.10", "1.0", "156.4215", "0.000731519"}) + strconv.Itoa(d.IntN(10_000))
	}
	return fields{
		"amount": itoa(amount), "fee": itoa(fee), "net": itoa(amount - fee), "currency": quote(d.money()), "type": quote(kind),
		"reporting_category": quote(kind), "source": source, "available_on": itoa(available), "status": quote(status),
		"exchange_rate": rate,
	}
}
