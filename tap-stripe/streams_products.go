package main

import "encoding/json"

// productStreams exist where the account has the product they belong to.
var productStreams = []stream{
	{name: "climate_orders", path: "/v1/climate/orders", lists: bare, full: true, product: true},
	{name: "climate_products", path: "/v1/climate/products", lists: bare, full: true, product: true},
	{name: "climate_suppliers", path: "/v1/climate/suppliers", lists: bare, full: true, product: true},

	{name: "financial_connections_accounts", path: "/v1/financial_connections/accounts", lists: bare, full: true, product: true},
	{name: "financial_connections_account_owners", product: true,
		parent: &parentage{stream: "financial_connections_accounts", path: "/v1/financial_connections/accounts/{id}/owners",
			query: "ownership={ownership}", as: "account", needed: func(account json.RawMessage) bool { return member(account, "ownership") != nil }}},
	{name: "financial_connections_transactions", product: true,
		parent: &parentage{stream: "financial_connections_accounts", path: "/v1/financial_connections/transactions", query: "account={id}", as: "account"}},

	{name: "identity_verification_sessions", path: "/v1/identity/verification_sessions", cursor: "created", lists: bare, product: true,
		object: "identity.verification_session"},
	{name: "identity_verification_reports", path: "/v1/identity/verification_reports", cursor: "created", lists: bare, product: true},

	{name: "issuing_authorizations", path: "/v1/issuing/authorizations", cursor: "created", lists: bare, product: true, object: "issuing.authorization"},
	{name: "issuing_transactions", path: "/v1/issuing/transactions", cursor: "created", lists: bare, product: true, object: "issuing.transaction"},
	{name: "issuing_cards", path: "/v1/issuing/cards", cursor: "created", lists: bare, product: true, object: "issuing.card"},
	{name: "issuing_cardholders", path: "/v1/issuing/cardholders", cursor: "created", lists: bare, product: true, object: "issuing.cardholder"},
	{name: "issuing_disputes", path: "/v1/issuing/disputes", cursor: "created", lists: bare, product: true, object: "issuing.dispute"},
	{name: "issuing_tokens", product: true, object: "issuing.token",
		parent: &parentage{stream: "issuing_cards", path: "/v1/issuing/tokens", query: "card={id}", as: "card"}},
	{name: "issuing_personalization_designs", path: "/v1/issuing/personalization_designs", lists: bare, full: true, product: true},
	{name: "issuing_physical_bundles", path: "/v1/issuing/physical_bundles", lists: bare, full: true, product: true},

	{name: "terminal_configurations", path: "/v1/terminal/configurations", lists: bare, full: true, product: true},
	{name: "terminal_locations", path: "/v1/terminal/locations", lists: bare, full: true, product: true},
	{name: "terminal_readers", path: "/v1/terminal/readers", lists: bare, full: true, product: true},

	{name: "treasury_financial_accounts", path: "/v1/treasury/financial_accounts", cursor: "created", lists: bare, product: true,
		object: "treasury.financial_account"},
	{name: "treasury_transactions", product: true, object: "treasury.transaction", parent: treasury("transactions")},
	{name: "treasury_transaction_entries", product: true, parent: treasury("transaction_entries")},
	{name: "treasury_credit_reversals", product: true, object: "treasury.credit_reversal", parent: treasury("credit_reversals")},
	{name: "treasury_debit_reversals", product: true, object: "treasury.debit_reversal", parent: treasury("debit_reversals")},
	{name: "treasury_inbound_transfers", product: true, object: "treasury.inbound_transfer", parent: treasury("inbound_transfers")},
	{name: "treasury_outbound_payments", product: true, object: "treasury.outbound_payment", parent: treasury("outbound_payments")},
	{name: "treasury_outbound_transfers", product: true, object: "treasury.outbound_transfer", parent: treasury("outbound_transfers")},
	{name: "treasury_received_credits", product: true, object: "treasury.received_credit", parent: treasury("received_credits")},
	{name: "treasury_received_debits", product: true, object: "treasury.received_debit", parent: treasury("received_debits")},
}

// treasury is the parentage of the lists that have to be asked for by financial account.
func treasury(list string) *parentage {
	return &parentage{stream: "treasury_financial_accounts", path: "/v1/treasury/" + list, query: "financial_account={id}", as: "financial_account"}
}
