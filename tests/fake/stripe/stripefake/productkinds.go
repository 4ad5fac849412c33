package stripefake

// productKinds are the kinds of products that an account uses only when it
// has enabled them. Like moreKinds their lists are empty unless they
// are asked for; [Options.NotEnabled] makes them refuse.
var productKinds = []kind{
	{name: "issuing_authorizations", path: "issuing/authorizations", component: "issuing.authorization", prefix: "iauth_", share: 10,
		created: []string{"issuing_authorization.created"}, updated: []string{"issuing_authorization.updated"}},
	{name: "issuing_cardholders", path: "issuing/cardholders", component: "issuing.cardholder", prefix: "ich_", share: 3,
		created: []string{"issuing_cardholder.created"}, updated: []string{"issuing_cardholder.updated"}},
	{name: "issuing_cards", path: "issuing/cards", component: "issuing.card", prefix: "ic_", share: 3, expandOnly: []string{"cvc", "number"},
		created: []string{"issuing_card.created"}, updated: []string{"issuing_card.updated"},
		children: []child{{name: "tokens", path: "issuing/tokens?card=%s", components: []string{"issuing.token"}, backlink: "card",
			created: []string{"issuing_token.created"}}}},
	{name: "issuing_disputes", path: "issuing/disputes", component: "issuing.dispute", prefix: "idp_", share: 1,
		created: []string{"issuing_dispute.created"}, updated: []string{"issuing_dispute.updated"},
		byStatus: map[string][]string{"submitted": {"issuing_dispute.submitted"}, "won": {"issuing_dispute.closed"}, "lost": {"issuing_dispute.closed"}}},
	{name: "issuing_transactions", path: "issuing/transactions", component: "issuing.transaction", prefix: "ipi_", share: 8,
		created: []string{"issuing_transaction.created"}, updated: []string{"issuing_transaction.updated"}},

	{name: "identity_verification_reports", path: "identity/verification_reports", component: "identity.verification_report", prefix: "vr_", share: 3},
	{name: "identity_verification_sessions", path: "identity/verification_sessions", component: "identity.verification_session", prefix: "vs_", share: 3,
		created: []string{"identity.verification_session.created"},
		byStatus: map[string][]string{
			"canceled": {"identity.verification_session.canceled"}, "processing": {"identity.verification_session.processing"},
			"requires_input": {"identity.verification_session.requires_input"}, "verified": {"identity.verification_session.verified"},
		}},

	{name: "treasury_financial_accounts", path: "treasury/financial_accounts", component: "treasury.financial_account", prefix: "fa_", share: 2,
		created: []string{"treasury.financial_account.created"}, children: financialAccountChildren()},

	// What the merchant deletes here still answers, with the member deleted.
	{name: "terminal_configurations", path: "terminal/configurations", component: "terminal.configuration", prefix: "tmc_", share: 1, deletable: true},
	{name: "terminal_locations", path: "terminal/locations", component: "terminal.location", prefix: "tml_", share: 2, deletable: true},
	{name: "terminal_readers", path: "terminal/readers", component: "terminal.reader", prefix: "tmr_", share: 3, deletable: true},

	{name: "financial_connections_accounts", path: "financial_connections/accounts", component: "financial_connections.account", prefix: "fca_", share: 2,
		created: []string{"financial_connections.account.created"}, facts: ownedAccountFacts,
		children: []child{
			{name: "owners", path: "financial_connections/accounts/%s/owners", components: []string{"financial_connections.account_owner"}, make: accountOwner},
			{name: "transactions", path: "financial_connections/transactions?account=%s", components: []string{"financial_connections.transaction"}, backlink: "account"},
		}},

	{name: "climate_orders", path: "climate/orders", component: "climate.order", prefix: "climorder_", share: 1,
		created: []string{"climate.order.created"}, byStatus: map[string][]string{"canceled": {"climate.order.canceled"}, "delivered": {"climate.order.delivered"}}},
	{name: "climate_products", path: "climate/products", component: "climate.product", prefix: "climsku_", share: 1, fixed: true},
	{name: "climate_suppliers", path: "climate/suppliers", component: "climate.supplier", prefix: "climsup_", share: 1, fixed: true},
}

// financialAccountChildren are the lists that need the id of a financial account.
func financialAccountChildren() []child {
	below := func(list, component string, created ...string) child {
		return child{name: list, path: "treasury/" + list + "?financial_account=%s", components: []string{"treasury." + component},
			backlink: "financial_account", created: created}
	}
	return []child{
		below("credit_reversals", "credit_reversal", "treasury.credit_reversal.created"),
		below("debit_reversals", "debit_reversal", "treasury.debit_reversal.created"),
		below("inbound_transfers", "inbound_transfer", "treasury.inbound_transfer.created"),
		below("outbound_payments", "outbound_payment", "treasury.outbound_payment.created"),
		below("outbound_transfers", "outbound_transfer", "treasury.outbound_transfer.created"),
		below("received_credits", "received_credit", "treasury.received_credit.created"),
		below("received_debits", "received_debit", "treasury.received_debit.created"),
		below("transactions", "transaction"),
		below("transaction_entries", "transaction_entry"),
	}
}

// ownership is the id under which the owners of a bank account were read.
func ownership(d *draw) string {
	return quote("fcaowns_" + token(d.world.random(d.kind.name, d.index, "ownership"), 24))
}

func ownedAccountFacts(d *draw) fields { return fields{"ownership": ownership(d)} }

func accountOwner(d *draw, parent string, n int) fields {
	return fields{"id": quote("fcaown_" + token(d.Rand, 24)), "ownership": ownership(d)}
}
