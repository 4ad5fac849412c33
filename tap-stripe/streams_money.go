package main

import (
	"encoding/json"
	"time"
)

// moneyStreams are payments and the money that moves.
var moneyStreams = []stream{
	// Nothing tells that a balance transaction has become available.
	{name: "balance_transactions", path: "/v1/balance_transactions", cursor: "created", lists: bare,
		permission: "rak_balance_transaction_source_read"},
	{name: "charges", path: "/v1/charges", cursor: "created", lists: bare, object: "charge", permission: "rak_charge_read",
		triggers: []trigger{{prefix: "charge.dispute.", id: "charge"}}},
	// Metadata and amounts change without an event.
	{name: "payment_intents", path: "/v1/payment_intents", cursor: "created", lists: bare, object: "payment_intent", reconcile: weekly,
		permission: "rak_payment_intent_read"},
	{name: "setup_intents", path: "/v1/setup_intents", cursor: "created", lists: bare, object: "setup_intent", reconcile: weekly,
		permission: "rak_setup_intent_read"},
	{name: "setup_attempts", costly: true, parent: &parentage{stream: "setup_intents", path: "/v1/setup_attempts", query: "setup_intent={id}",
		as: "setup_intent", needed: shows("latest_attempt")}},
	// Not every refund has events of its own, but its charge has.
	{name: "refunds", path: "/v1/refunds", cursor: "created", lists: bare, object: "refund", permission: "rak_charge_read",
		triggers: []trigger{{prefix: "charge.refunded", id: "id"}}},
	{name: "disputes", path: "/v1/disputes", cursor: "created", lists: bare, object: "dispute", permission: "rak_dispute_read"},
	{name: "payouts", path: "/v1/payouts", cursor: "created", lists: bare, object: "payout", permission: "rak_payout_read"},
	// Stripe knows which transactions make up a payout only where it decides on payouts itself.
	{name: "payout_transactions", parent: &parentage{stream: "payouts", path: "/v1/balance_transactions", query: "payout={id}", as: "payout_id",
		needed: func(payout json.RawMessage) bool { return string(member(payout, "automatic")) == "true" }}},
	{name: "transfers", path: "/v1/transfers", cursor: "created", lists: bare, object: "transfer", permission: "rak_transfer_read"},
	{name: "transfer_reversals", parent: &parentage{stream: "transfers", embedded: "reversals", path: "/v1/transfers/{id}/reversals", as: "transfer"}},
	{name: "topups", path: "/v1/topups", cursor: "created", lists: bare, object: "topup", permission: "rak_top_up_read"},
	{name: "mandates", path: "/v1/mandates", object: "mandate"},
	{name: "reviews", path: "/v1/reviews", cursor: "created", lists: bare, object: "review", permission: "rak_review_read"},
	{name: "early_fraud_warnings", path: "/v1/radar/early_fraud_warnings", cursor: "created", lists: bare, object: "radar.early_fraud_warning"},
	{name: "radar_value_lists", path: "/v1/radar/value_lists", lists: bare, full: true},
	{name: "radar_value_list_items", parent: &parentage{stream: "radar_value_lists", embedded: "list_items", path: "/v1/radar/value_list_items",
		query: "value_list={id}", as: "value_list"}},
	{name: "events", path: "/v1/events", cursor: "created", lists: bare, retention: 30 * 24 * time.Hour, permission: "rak_event_read"},
	{name: "balance", path: "/v1/balance", single: true, permission: "rak_balance_read",
		time: "extracted_at", moment: func(f found) int64 { return f.read.Unix() }},
}
