package stripefake

import "slices"

// kind is one resource that the fake lists: a row of [kindTable].
type kind struct {
	name      string // what the control half calls it
	path      string // below /v1/, if it is not the name
	component string // name of the schema in the OpenAPI document, and value of the member object
	prefix    string // of ids
	share     int    // of 1,000 objects, how many are of this kind

	facts func(*draw) fields // believable members; the rest is drawn from the schema

	expandOnly []string // members that Stripe sends only when expand[] asks for them
	children   []child
	links      []link
	embedded   bool // other objects hold a copy of it, not its id
	deletable  bool
	customID   bool               // the merchant may choose the id, and choose it again after a deletion
	fixed      bool               // only Stripe changes it
	optional   bool               // nobody asked for it: its list is empty, and no merchant fills it
	unlisted   bool               // only GET by id, and lists below other objects
	stamp      string             // member that holds the moment of creation, if it is not created
	listed     func(decoded) bool // what the list shows; nil: everything

	created  []string            // event types of a creation
	byStatus map[string][]string // more event types of a creation, by the object's status
	updated  []string            // none: Stripe changes such an object without a word
	deleted  []string
}

// urlPath is the path of the list below /v1/.
func (k *kind) urlPath() string {
	if k.path != "" {
		return k.path
	}
	return k.name
}

// stampName is the member that holds the moment of creation.
func (k *kind) stampName() string {
	if k.stamp != "" {
		return k.stamp
	}
	return "created"
}

// hasList reports whether a member is the first page of a list with a path of its own.
func (k *kind) hasList(member string) bool {
	return slices.ContainsFunc(k.children, func(c child) bool { return c.embedded && c.name == member }) ||
		slices.ContainsFunc(k.links, func(l link) bool { return l.name == member })
}

// eventsKind is apart from the table: events follow from what happens to other objects.
var eventsKind = &kind{name: "events", component: "event", prefix: "evt_"}

// kindTable lists the kinds. Event types are those whose data.object is the
// kind itself (https://docs.stripe.com/api/events/types); the members that
// need expand[] are marked so in the API reference of each object.
func kindTable() []*kind {
	return []*kind{
		{name: "customers", component: "customer", prefix: "cus_", share: 150, facts: customerFacts, deletable: true,
			expandOnly: []string{"cash_balance", "sources", "subscriptions", "tax_ids"},
			children:   customerChildren, links: []link{{"subscriptions", "subscriptions", "customer"}, {"payment_methods", "payment_methods", "customer"}},
			created: []string{"customer.created"}, updated: []string{"customer.updated"}, deleted: []string{"customer.deleted"}},
		{name: "products", component: "product", prefix: "prod_", share: 15, facts: productFacts, embedded: true, deletable: true, customID: true,
			created: []string{"product.created"}, updated: []string{"product.updated"}, deleted: []string{"product.deleted"}},
		{name: "prices", component: "price", prefix: "price_", share: 25, facts: priceFacts, embedded: true, deletable: true,
			expandOnly: []string{"currency_options", "tiers"},
			created:    []string{"price.created"}, updated: []string{"price.updated"}, deleted: []string{"price.deleted"}},
		{name: "plans", component: "plan", prefix: "plan_", share: 20, facts: planFacts, embedded: true, deletable: true, customID: true,
			expandOnly: []string{"tiers"},
			created:    []string{"plan.created"}, updated: []string{"plan.updated"}, deleted: []string{"plan.deleted"}},
		{name: "coupons", component: "coupon", prefix: "", share: 10, facts: couponFacts, embedded: true, deletable: true, customID: true,
			expandOnly: []string{"applies_to", "currency_options"},
			created:    []string{"coupon.created"}, updated: []string{"coupon.updated"}, deleted: []string{"coupon.deleted"}},
		{name: "tax_rates", component: "tax_rate", prefix: "txr_", share: 5, facts: taxRateFacts, embedded: true,
			created: []string{"tax_rate.created"}, updated: []string{"tax_rate.updated"}},
		{name: "subscriptions", component: "subscription", prefix: "sub_", share: 80, facts: subscriptionFacts,
			children: []child{{name: "items", path: "subscription_items?subscription=%s", components: []string{"subscription_item"}, embedded: true, make: subscriptionItem}},
			// Deleting a subscription is canceling it: the object stays.
			created: []string{"customer.subscription.created"}, updated: []string{"customer.subscription.updated"}, deleted: []string{"customer.subscription.deleted"}},
		{name: "invoices", component: "invoice", prefix: "in_", share: 170, facts: invoiceFacts,
			children: []child{{name: "lines", path: "invoices/%s/lines", components: []string{"line_item"}, embedded: true, make: invoiceLine}},
			// Only drafts can be deleted.
			created: []string{"invoice.created"}, updated: []string{"invoice.updated"}, deleted: []string{"invoice.deleted"},
			byStatus: map[string][]string{
				"open":          {"invoice.finalized", "invoice.sent"},
				"paid":          {"invoice.finalized", "invoice.paid", "invoice.payment_succeeded"},
				"uncollectible": {"invoice.finalized", "invoice.marked_uncollectible"},
				"void":          {"invoice.finalized", "invoice.voided"},
			}},
		{name: "charges", component: "charge", prefix: "ch_", share: 200, facts: chargeFacts,
			expandOnly: []string{"refunds"}, links: []link{{"refunds", "refunds", "charge"}}, updated: []string{"charge.updated"},
			byStatus: map[string][]string{
				"succeeded": {"charge.succeeded"}, "failed": {"charge.failed"}, "pending": {"charge.pending"},
			}},
		{name: "payment_intents", component: "payment_intent", prefix: "pi_", share: 190, facts: paymentIntentFacts,
			created: []string{"payment_intent.created"},
			byStatus: map[string][]string{
				"succeeded": {"payment_intent.succeeded"}, "canceled": {"payment_intent.canceled"},
				"processing": {"payment_intent.processing"}, "requires_action": {"payment_intent.requires_action"},
				"requires_payment_method": {"payment_intent.payment_failed"},
				"requires_capture":        {"payment_intent.amount_capturable_updated"},
			}},
		{name: "refunds", component: "refund", prefix: "re_", share: 25, facts: refundFacts,
			created: []string{"refund.created"}, updated: []string{"charge.refund.updated", "refund.updated"}},
		{name: "balance_transactions", component: "balance_transaction", prefix: "txn_", share: 110, facts: balanceTransactionFacts},
	}
}

// customerChildren are the lists below a customer that are not kinds.
var customerChildren = []child{
	{name: "sources", path: "customers/%s/sources", components: []string{"card", "bank_account", "source"}, embedded: true, backlink: "customer",
		created: []string{"customer.source.created"}, updated: []string{"customer.source.updated"}, deleted: []string{"customer.source.deleted"}},
	{name: "tax_ids", path: "customers/%s/tax_ids", components: []string{"tax_id"}, embedded: true, backlink: "customer",
		created: []string{"customer.tax_id.created"}, updated: []string{"customer.tax_id.updated"}, deleted: []string{"customer.tax_id.deleted"}},
	{name: "balance_transactions", path: "customers/%s/balance_transactions", components: []string{"customer_balance_transaction"}, backlink: "customer", counts: "balance"},
	{name: "cash_balance_transactions", path: "customers/%s/cash_balance_transactions", components: []string{"customer_cash_balance_transaction"}, backlink: "customer",
		created: []string{"customer_cash_balance_transaction.created"}},
}

// allKinds is everything that the fake can hold but events.
func allKinds() []*kind {
	return slices.Concat(kindTable(), optionalKinds(moreKinds), optionalKinds(productKinds))
}

// eventTypes lists the event types of an action on an object with that status.
func (k *kind) eventTypes(action Action, status string) []string {
	switch action {
	case Created:
		return append(k.created[:len(k.created):len(k.created)], k.byStatus[status]...)
	case Updated:
		return k.updated
	default:
		return k.deleted
	}
}

// prefixes of ids inside objects of kinds the fake does not list.
var prefixes = map[string]string{
	"account": "acct_", "credit_note_line_item": "cnli_", "customer_balance_transaction": "cbtxn_", "customer_cash_balance_transaction": "ccsbtxn_",
	"fee_refund": "fr_", "item": "li_", "person": "person_", "radar.value_list_item": "rsli_",
	"application": "ca_", "application_fee": "fee_", "bank_account": "ba_", "card": "card_",
	"discount": "di_", "invoiceitem": "ii_", "line_item": "il_", "mandate": "mandate_", "payment_method": "pm_",
	"quote": "qt_", "review": "prv_", "setup_attempt": "setatt_", "setup_intent": "seti_", "source": "src_",
	"subscription_item": "si_", "subscription_schedule": "sub_sched_", "tax_code": "txcd_", "tax_id": "txi_",
	"test_helpers.test_clock": "clock_", "transfer": "tr_", "transfer_reversal": "trr_", "payout": "po_", "usage_record_summary": "sis_", "source_transaction": "srctxn_",
}
