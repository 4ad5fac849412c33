package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/stripe/stripe-mock/embedded"
)

// notStreams are lists of the document that are no streams, each with the reason.
var notStreams = map[string]string{
	"/v1/accounts/{account}/people":                 "old name of /v1/accounts/{account}/persons",
	"/v1/balance/history":                           "old name of /v1/balance_transactions",
	"/v1/charges/search":                            "a search in what charges shows",
	"/v1/charges/{charge}/refunds":                  "a part of refunds",
	"/v1/climate/reservations":                      "old name of /v1/climate/orders",
	"/v1/credit_notes/preview/lines":                "a preview",
	"/v1/customers/search":                          "a search in what customers shows",
	"/v1/customers/{customer}/bank_accounts":        "a part of /v1/customers/{customer}/sources",
	"/v1/customers/{customer}/cards":                "a part of /v1/customers/{customer}/sources",
	"/v1/customers/{customer}/subscriptions":        "a part of subscriptions",
	"/v1/exchange_rates":                            "Stripe has deprecated it, and stripe-go v76 cannot ask for it",
	"/v1/invoices/search":                           "a search in what invoices shows",
	"/v1/invoices/upcoming/lines":                   "a preview",
	"/v1/issuing/settlements":                       "stripe-go v76 cannot ask for it any more",
	"/v1/linked_accounts":                           "old name of /v1/financial_connections/accounts",
	"/v1/linked_accounts/{account}/owners":          "old name of /v1/financial_connections/accounts/{account}/owners",
	"/v1/payment_intents/search":                    "a search in what payment_intents shows",
	"/v1/payment_methods":                           "without a customer it does not show those of all customers",
	"/v1/prices/search":                             "a search in what prices shows",
	"/v1/products/search":                           "a search in what products shows",
	"/v1/subscriptions/search":                      "a search in what subscriptions shows",
	"/v1/tax/calculations/{calculation}/line_items": "calculations themselves have no list",
	"/v1/tax/transactions/{transaction}/line_items": "tax transactions themselves have no list",
}

func TestEveryListOfTheDocumentIsAStreamOrLeftOutForAReason(t *testing.T) {
	doc, err := parseDocument(embedded.OpenAPISpec)
	if err != nil {
		t.Fatal(err)
	}
	lists := 0
	for path := range doc.operations {
		if found, err := doc.endpoint(path); err != nil || found.single {
			continue
		}
		lists++
		isStream := slices.ContainsFunc(streams, func(s source) bool {
			asked, _, _ := strings.Cut(s.Path, "?")
			return asked == path
		})
		if left := notStreams[path] != ""; left == isStream {
			t.Errorf("%s: is a stream: %t, is left out for a reason: %t", path, isStream, left)
		}
	}
	if lists < 100 {
		t.Errorf("the document has %d lists, too few to show anything", lists)
	}
	for path := range notStreams {
		if doc.operations[path] == nil {
			t.Errorf("%s is left out, but the document does not have it", path)
		}
	}
}
