package main

import (
	"fmt"
	"strings"
)

// source says where in Stripe's document a stream comes from. Its claims are checked against the document, so a row that
// is wrong fails the generation instead of producing a wrong file.
type source struct {
	Stream string // name of the stream and of its file
	Path   string // list endpoint
	Object string // component of the document, and value of the records' field "object"
	Cursor string // unix-time field behind the list's filter "created"; "" when the list has no such filter
}

// streams are all streams that are generated. A new one is a new row.
var streams = []source{
	{"balance_transactions", "/v1/balance_transactions", "balance_transaction", "created"},
	{"charges", "/v1/charges", "charge", "created"},
	{"coupons", "/v1/coupons", "coupon", "created"},
	{"customers", "/v1/customers", "customer", "created"},
	{"events", "/v1/events", "event", "created"},
	{"invoices", "/v1/invoices", "invoice", "created"},
	{"payment_intents", "/v1/payment_intents", "payment_intent", "created"},
	{"plans", "/v1/plans", "plan", "created"},
	{"prices", "/v1/prices", "price", "created"},
	{"products", "/v1/products", "product", "created"},
	{"refunds", "/v1/refunds", "refund", "created"},
	{"subscriptions", "/v1/subscriptions", "subscription", "created"},
	{"tax_rates", "/v1/tax_rates", "tax_rate", "created"},
}

// key is the primary key of every stream above.
const key = "id"

// check compares a row with the document.
func (s source) check(doc *document) error {
	list, err := doc.list(s.Path)
	if err != nil {
		return err
	}
	if list.component != s.Object {
		return fmt.Errorf("%s lists objects of component %q, not %q", s.Path, list.component, s.Object)
	}
	if list.takesCreated != (s.Cursor != "") {
		return fmt.Errorf("%s: cursor is %q, but the parameters of the list are: %s",
			s.Path, s.Cursor, strings.Join(list.parameters, ", "))
	}
	component, err := doc.component(s.Object)
	if err != nil {
		return err
	}
	if id := component.Properties[key]; id == nil || id.Type != "string" {
		return fmt.Errorf("component %s has no string field %q to be its key", s.Object, key)
	}
	if s.Cursor == "" {
		return nil
	}
	if cursor := component.Properties[s.Cursor]; cursor == nil || cursor.Format != formatUnixTime {
		return fmt.Errorf("component %s has no unix-time field %q to be its cursor", s.Object, s.Cursor)
	}
	return nil
}
