package main

import "encoding/json"

// accountStreams are the account, accounts connected to it, its files, reports and settings.
var accountStreams = []stream{
	{name: "account", path: "/v1/account", single: true},
	// Events of connected accounts come in feeds of their own, and have been seen missing.
	{name: "accounts", path: "/v1/accounts", cursor: "created", lists: bare, object: "account", reconcile: daily, product: true, undated: true,
		permission: "rak_connected_account_read"},
	{name: "external_account_bank_accounts", object: "bank_account", deletable: true, reconcile: daily, product: true,
		parent: &parentage{stream: "accounts", embedded: "external_accounts", path: "/v1/accounts/{id}/external_accounts",
			query: "object=bank_account", as: "account", refusable: true}},
	{name: "external_account_cards", object: "card", deletable: true, reconcile: daily, product: true,
		parent: &parentage{stream: "accounts", embedded: "external_accounts", path: "/v1/accounts/{id}/external_accounts",
			query: "object=card", as: "account", refusable: true}},
	{name: "persons", object: "person", deletable: true, reconcile: daily, product: true,
		parent: &parentage{stream: "accounts", path: "/v1/accounts/{id}/persons", as: "account", refusable: true, needed: showsPersons}},
	{name: "capabilities", object: "capability", reconcile: daily, product: true, unpaged: true,
		parent: &parentage{stream: "accounts", path: "/v1/accounts/{id}/capabilities", as: "account", refusable: true}},
	{name: "application_fees", path: "/v1/application_fees", cursor: "created", lists: bare, object: "application_fee", product: true,
		permission: "rak_application_fee_read"},
	{name: "application_fee_refunds", object: "fee_refund", product: true,
		parent: &parentage{stream: "application_fees", embedded: "refunds", path: "/v1/application_fees/{id}/refunds", as: "fee"}},

	{name: "files", path: "/v1/files", cursor: "created", lists: bare, object: "file", files: true, permission: "rak_file_read"},
	// They can be given another end without an event.
	{name: "file_links", path: "/v1/file_links", cursor: "created", lists: bare, files: true, reconcile: weekly},
	{name: "report_runs", path: "/v1/reporting/report_runs", cursor: "created", lists: bare, object: "reporting.report_run"},
	{name: "report_types", path: "/v1/reporting/report_types", lists: bare, full: true, unpaged: true},
	{name: "scheduled_query_runs", path: "/v1/sigma/scheduled_query_runs", lists: bare, full: true, product: true},

	// Secrets of single users can only be asked for user by user.
	{name: "apps_secrets", path: "/v1/apps/secrets", lists: []string{"scope[type]=account"}, full: true, product: true},
	{name: "country_specs", path: "/v1/country_specs", lists: bare, full: true},
	{name: "forwarding_requests", path: "/v1/forwarding/requests", cursor: "created", lists: bare, product: true},
	{name: "webhook_endpoints", path: "/v1/webhook_endpoints", lists: bare, full: true, permission: "rak_webhook_read"},
}

// showsPersons tells whether a platform may read the persons of an account: not where the account looks after itself.
func showsPersons(account json.RawMessage) bool {
	controller := member(account, "controller")
	return string(member(controller, "type")) != `"account"` && string(member(controller, "requirement_collection")) != `"stripe"`
}
