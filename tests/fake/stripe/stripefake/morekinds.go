package stripefake

// moreKinds are the kinds whose lists are empty unless [Options.AllKinds] or
// [Options.Counts] asks for them. Their members are drawn from the document;
// facts says only what has to agree with other objects.
var moreKinds = []kind{
	{name: "accounts", component: "account", prefix: "acct_", share: 4, updated: []string{"account.updated"}, children: []child{
		{name: "external_accounts", path: "accounts/%s/external_accounts", components: []string{"bank_account", "card"}, embedded: true, backlink: "account",
			created: []string{"account.external_account.created"}, updated: []string{"account.external_account.updated"}, deleted: []string{"account.external_account.deleted"}},
		{name: "persons", path: "accounts/%s/persons", components: []string{"person"}, backlink: "account", closed: ownsPersons,
			created: []string{"person.created"}, updated: []string{"person.updated"}, deleted: []string{"person.deleted"}},
		{name: "capabilities", path: "accounts/%s/capabilities", components: []string{"capability"}, backlink: "account", updated: []string{"capability.updated"}},
	}},
	{name: "application_fees", component: "application_fee", prefix: "fee_", share: 10, created: []string{"application_fee.created"}, children: []child{
		{name: "refunds", path: "application_fees/%s/refunds", components: []string{"fee_refund"}, embedded: true, backlink: "fee",
			updated: []string{"application_fee.refund.updated"}, counts: "amount_refunded", parent: []string{"application_fee.refunded"}},
	}},
	{name: "checkout_sessions", path: "checkout/sessions", component: "checkout.session", prefix: "cs_test_", share: 30,
		expandOnly: []string{"line_items"},
		children:   []child{{name: "line_items", path: "checkout/sessions/%s/line_items", components: []string{"item"}, embedded: true}},
		byStatus: map[string][]string{ // nothing tells of a session that was opened
			"complete": {"checkout.session.completed"}, "expired": {"checkout.session.expired"},
		}},
	{name: "credit_notes", component: "credit_note", prefix: "cn_", share: 10, created: []string{"credit_note.created"}, updated: []string{"credit_note.updated"},
		byStatus: map[string][]string{"void": {"credit_note.voided"}},
		children: []child{{name: "lines", path: "credit_notes/%s/lines", components: []string{"credit_note_line_item"}, embedded: true, frozen: true}}},
	{name: "disputes", component: "dispute", prefix: "dp_", share: 8, created: []string{"charge.dispute.created"}, updated: []string{"charge.dispute.updated"},
		byStatus: map[string][]string{"won": {"charge.dispute.closed", "charge.dispute.funds_reinstated"}, "lost": {"charge.dispute.closed"}}},
	{name: "early_fraud_warnings", path: "radar/early_fraud_warnings", component: "radar.early_fraud_warning", prefix: "issfr_", share: 5,
		created: []string{"radar.early_fraud_warning.created"}, updated: []string{"radar.early_fraud_warning.updated"}},
	{name: "files", component: "file", prefix: "file_", share: 5, created: []string{"file.created"}},
	{name: "file_links", component: "file_link", prefix: "link_", share: 5},
	{name: "invoiceitems", component: "invoiceitem", prefix: "ii_", share: 60, stamp: "date", deletable: true,
		created: []string{"invoiceitem.created"}, deleted: []string{"invoiceitem.deleted"}},
	{name: "mandates", component: "mandate", prefix: "mandate_", share: 5, unlisted: true, updated: []string{"mandate.updated"}},
	{name: "payment_links", component: "payment_link", prefix: "plink_", share: 5, expandOnly: []string{"line_items"},
		created: []string{"payment_link.created"}, updated: []string{"payment_link.updated"},
		children: []child{{name: "line_items", path: "payment_links/%s/line_items", components: []string{"item"}, embedded: true}}},
	{name: "payment_methods", component: "payment_method", prefix: "pm_", share: 120, facts: paymentMethodFacts, unlisted: true,
		created: []string{"payment_method.attached"}, updated: []string{"payment_method.updated"}, deleted: []string{"payment_method.detached"}},
	{name: "payouts", component: "payout", prefix: "po_", share: 15, created: []string{"payout.created"}, updated: []string{"payout.updated"},
		facts: func(d *draw) fields {
			return fields{"status": quote(d.pickStatus("paid", "paid", "pending", "failed", "canceled"))}
		},
		byStatus: map[string][]string{
			"paid": {"payout.paid"}, "failed": {"payout.failed"}, "canceled": {"payout.canceled"},
		}},
	{name: "promotion_codes", component: "promotion_code", prefix: "promo_", share: 8, created: []string{"promotion_code.created"}, updated: []string{"promotion_code.updated"}},
	{name: "quotes", component: "quote", prefix: "qt_", share: 5, created: []string{"quote.created"}, expandOnly: []string{"line_items"},
		byStatus: map[string][]string{"accepted": {"quote.accepted"}, "canceled": {"quote.canceled"}, "open": {"quote.finalized"}},
		children: []child{
			{name: "line_items", path: "quotes/%s/line_items", components: []string{"item"}, embedded: true},
			{name: "computed_upfront_line_items", path: "quotes/%s/computed_upfront_line_items", components: []string{"item"}},
		}},
	{name: "report_runs", path: "reporting/report_runs", component: "reporting.report_run", prefix: "frr_", share: 3,
		byStatus: map[string][]string{"succeeded": {"reporting.report_run.succeeded"}, "failed": {"reporting.report_run.failed"}}},
	{name: "reviews", component: "review", prefix: "prv_", share: 5, created: []string{"review.opened"}, updated: []string{"review.closed"},
		listed: func(o decoded) bool { return string(o["open"]) == "true" }},
	{name: "setup_intents", component: "setup_intent", prefix: "seti_", share: 30, created: []string{"setup_intent.created"},
		byStatus: map[string][]string{
			"succeeded": {"setup_intent.succeeded"}, "canceled": {"setup_intent.canceled"},
			"requires_action": {"setup_intent.requires_action"}, "requires_payment_method": {"setup_intent.setup_failed"},
		},
		children: []child{{name: "setup_attempts", path: "setup_attempts?setup_intent=%s", components: []string{"setup_attempt"}, backlink: "setup_intent",
			latest: "latest_attempt", parent: []string{"setup_intent.setup_failed"}}}},
	{name: "shipping_rates", component: "shipping_rate", prefix: "shr_", share: 2},
	{name: "subscription_schedules", component: "subscription_schedule", prefix: "sub_sched_", share: 10,
		created: []string{"subscription_schedule.created"}, updated: []string{"subscription_schedule.updated"},
		byStatus: map[string][]string{"canceled": {"subscription_schedule.canceled"}, "completed": {"subscription_schedule.completed"}, "released": {"subscription_schedule.released"}}},
	{name: "topups", component: "topup", prefix: "tu_", share: 4, created: []string{"topup.created"},
		byStatus: map[string][]string{"succeeded": {"topup.succeeded"}, "failed": {"topup.failed"}, "canceled": {"topup.canceled"}, "reversed": {"topup.reversed"}}},
	{name: "transfers", component: "transfer", prefix: "tr_", share: 20, created: []string{"transfer.created"}, updated: []string{"transfer.updated"},
		children: []child{{name: "reversals", path: "transfers/%s/reversals", components: []string{"transfer_reversal"}, embedded: true, backlink: "transfer",
			counts: "amount_reversed", parent: []string{"transfer.reversed"}}}},
	{name: "value_lists", path: "radar/value_lists", component: "radar.value_list", prefix: "rsl_", share: 3, deletable: true,
		children: []child{{name: "list_items", path: "radar/value_list_items?value_list=%s", components: []string{"radar.value_list_item"}, embedded: true, backlink: "value_list"}}},

	// Small lists without a filter on created.
	{name: "apple_pay_domains", path: "apple_pay/domains", component: "apple_pay_domain", prefix: "apwc_", share: 2, deletable: true},
	{name: "apps_secrets", path: "apps/secrets", component: "apps.secret", prefix: "appsecret_", share: 2},
	{name: "billing_portal_configurations", path: "billing_portal/configurations", component: "billing_portal.configuration", prefix: "bpc_", share: 2,
		created: []string{"billing_portal.configuration.created"}, updated: []string{"billing_portal.configuration.updated"}},
	{name: "country_specs", fixed: true, component: "country_spec", prefix: "", share: 8},
	{name: "payment_method_configurations", component: "payment_method_configuration", prefix: "pmc_", share: 1},
	{name: "payment_method_domains", component: "payment_method_domain", prefix: "pmd_", share: 2},
	{name: "report_types", fixed: true, path: "reporting/report_types", component: "reporting.report_type", prefix: "report.type.", share: 3},
	{name: "scheduled_query_runs", path: "sigma/scheduled_query_runs", component: "scheduled_query_run", prefix: "sqr_", share: 2, created: []string{"sigma.scheduled_query_run.created"}},
	{name: "tax_codes", fixed: true, component: "tax_code", prefix: "txcd_", share: 10},
	{name: "tax_registrations", path: "tax/registrations", component: "tax.registration", prefix: "taxreg_", share: 1},
	{name: "test_clocks", path: "test_helpers/test_clocks", component: "test_helpers.test_clock", prefix: "clock_", share: 1, deletable: true,
		created: []string{"test_helpers.test_clock.created"}, deleted: []string{"test_helpers.test_clock.deleted"}},
	{name: "webhook_endpoints", component: "webhook_endpoint", prefix: "we_", share: 2, deletable: true},
}

// optionalKinds copies kinds that nobody has asked for yet.
func optionalKinds(table []kind) []*kind {
	list := make([]*kind, len(table))
	for i, k := range table {
		k.optional = true
		list[i] = &k
	}
	return list
}

// singletons are the resources of which an account has one.
var singletons = map[string]string{"account": "account", "balance": "balance"}

// ownsPersons tells of accounts that give Stripe itself, not the platform, what
// it asks of their persons (https://docs.stripe.com/api/persons).
func ownsPersons(account []byte) bool {
	controller := memberRaw(account, "controller")
	return isObject(controller) && memberText(controller, "type") == "account"
}

// paymentMethodFacts gives a few customers many methods.
func paymentMethodFacts(d *draw) fields { return fields{"customer": d.ofFew("customers")} }

// ofFew is like ref, and every third time one of the first fiftieth.
func (d *draw) ofFew(name string) string {
	moments := d.world.created[name]
	if len(moments) == 0 || !d.chance(1.0/3) {
		return d.ref(name)
	}
	return quote(d.world.id(d.world.byName[name], d.IntN(1+len(moments)/50)))
}
