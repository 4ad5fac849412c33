package main

import (
	"encoding/json"
	"strconv"
)

// billingStreams are subscriptions and invoices.
var billingStreams = []stream{
	{name: "invoices", path: "/v1/invoices", cursor: "created", lists: bare, object: "invoice", complete: true, clocked: true,
		permission: "rak_invoice_read"},
	{name: "invoice_line_items", complete: true,
		parent: &parentage{stream: "invoices", embedded: "lines", path: "/v1/invoices/{id}/lines", as: "invoice"}},
	// Updates have no event.
	{name: "invoice_items", path: "/v1/invoiceitems", cursor: "date", lists: bare, object: "invoiceitem", reconcile: weekly,
		complete: true, clocked: true, permission: "rak_invoice_read"},
	{name: "credit_notes", path: "/v1/credit_notes", cursor: "created", lists: bare, object: "credit_note", permission: "rak_credit_note_read"},
	{name: "credit_note_line_items", parent: &parentage{stream: "credit_notes", embedded: "lines", path: "/v1/credit_notes/{id}/lines", as: "credit_note"}},
	// Without a status the list hides canceled subscriptions.
	{name: "subscriptions", path: "/v1/subscriptions", cursor: "created", lists: []string{"status=all"}, object: "subscription",
		permission: "rak_subscription_read"},
	{name: "subscription_items", deletable: true,
		parent: &parentage{stream: "subscriptions", embedded: "items", path: "/v1/subscription_items", query: "subscription={id}", as: "subscription"}},
	{name: "usage_record_summaries", time: "period_start", moment: periodStart, parent: &parentage{stream: "subscription_items", refusable: true,
		path: "/v1/subscription_items/{id}/usage_record_summaries", as: "subscription_item", needed: reportsUsage}},
	{name: "subscription_schedules", path: "/v1/subscription_schedules", cursor: "created", lists: bare, object: "subscription_schedule",
		permission: "rak_subscription_read"},
	{name: "quotes", path: "/v1/quotes", lists: bare, full: true, object: "quote", permission: "rak_quote_read"},
	{name: "quote_line_items", parent: &parentage{stream: "quotes", embedded: "line_items", expanded: true, path: "/v1/quotes/{id}/line_items", as: "quote"}},
	{name: "quote_upfront_line_items", parent: &parentage{stream: "quotes", path: "/v1/quotes/{id}/computed_upfront_line_items", as: "quote"}},
	{name: "billing_meters", path: "/v1/billing/meters", lists: bare, full: true, product: true, permission: "rak_billing_meter_read"},
	{name: "billing_meter_event_summaries", product: true, costly: true, permission: "rak_billing_meter_read",
		parent: &parentage{stream: "billing_meters", path: "/v1/billing/meters/{id}/event_summaries", as: "meter", metered: true}},
	{name: "entitlements_features", path: "/v1/entitlements/features", lists: bare, full: true, product: true,
		permission: "rak_entitlement_read"},
	{name: "billing_portal_configurations", path: "/v1/billing_portal/configurations", lists: bare, full: true},
	{name: "test_clocks", path: "/v1/test_helpers/test_clocks", lists: bare, full: true, product: true},
}

// reportsUsage tells whether usage of a subscription item is reported by usage records: it is metered, and by no meter.
func reportsUsage(item json.RawMessage) bool {
	recurring := member(member(item, "price"), "recurring")
	return string(member(recurring, "usage_type")) == `"metered"` && member(recurring, "meter") == nil
}

// periodStart is when the period of a summary begins. The one that goes on may have no beginning; it gets 0.
func periodStart(f found) int64 {
	start, err := strconv.ParseInt(string(member(member(f.object, "period"), "start")), 10, 64)
	if err != nil {
		return 0
	}
	return start
}
