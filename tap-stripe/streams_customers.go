package main

// customerStreams are customers and what they pay with.
var customerStreams = []stream{
	{name: "customers", path: "/v1/customers", cursor: "created", lists: bare, object: "customer", complete: true, clocked: true,
		permission: "rak_customer_read"},
	{name: "payment_methods", object: "payment_method", costly: true, permission: "rak_payment_method_read",
		parent: &parentage{stream: "customers", path: "/v1/customers/{id}/payment_methods", as: "customer"}},
	{name: "cards", object: "card", complete: true, parent: &parentage{stream: "customers", embedded: "sources", expanded: true,
		path: "/v1/customers/{id}/sources", query: "object=card", as: "customer"}},
	{name: "bank_accounts", object: "bank_account", complete: true, parent: &parentage{stream: "customers", embedded: "sources", expanded: true,
		path: "/v1/customers/{id}/sources", query: "object=bank_account", as: "customer"}},
	{name: "sources", object: "source", complete: true, parent: &parentage{stream: "customers", embedded: "sources", expanded: true,
		path: "/v1/customers/{id}/sources", query: "object=source", as: "customer"}},
	{name: "source_transactions", object: "source_transaction", costly: true,
		parent: &parentage{stream: "sources", path: "/v1/sources/{id}/source_transactions", as: "source"}},
	{name: "tax_ids", object: "tax_id", complete: true, parent: &parentage{stream: "customers", embedded: "tax_ids", expanded: true,
		path: "/v1/customers/{id}/tax_ids", as: "customer"}},
	// There is no list of discounts. Those of subscriptions and invoices are found by branches.
	{name: "discounts", object: "discount", deletable: true, parent: &parentage{stream: "customers", embedded: "discount", as: "customer"}},
	// A balance has no events. It changes with invoices and credit notes, and with the customer.
	{name: "customer_balance_transactions", costly: true,
		parent:   &parentage{stream: "customers", path: "/v1/customers/{id}/balance_transactions", as: "customer"},
		triggers: []trigger{{prefix: "invoice.", id: "customer"}, {prefix: "credit_note.", id: "customer"}}},
	{name: "customer_cash_balance_transactions", object: "customer_cash_balance_transaction", costly: true,
		parent: &parentage{stream: "customers", path: "/v1/customers/{id}/cash_balance_transactions", as: "customer", refusable: true}},
	{name: "active_entitlements", product: true, costly: true, permission: "rak_entitlement_read",
		parent:   &parentage{stream: "customers", path: "/v1/entitlements/active_entitlements", query: "customer={id}", as: "customer"},
		triggers: []trigger{{prefix: "entitlements.active_entitlement_summary.", id: "customer"}}},
}
