package main

import "time"

// A stream is one kind of object and how Stripe lists it.
//
// Lists show the newest object first and can be restricted to a range of creation times.
// https://docs.stripe.com/api/pagination
type stream struct {
	name   string // in the catalog and in package schemas
	path   string // of the list
	cursor string // the object's field with its time of creation
	// lists are the queries that together show every object. Most lists need no parameter for that.
	lists []string
	// expand names what Stripe leaves out of the objects unless asked for it.
	expand []string
	// retention is how long Stripe keeps the objects; zero: for good.
	retention time.Duration
}

// streams are read in this order, a few at a time, so those that tend to be longest come first.
var streams = []stream{
	{name: "balance_transactions", path: "/v1/balance_transactions", cursor: "created", lists: bare},
	{name: "charges", path: "/v1/charges", cursor: "created", lists: bare},
	{name: "payment_intents", path: "/v1/payment_intents", cursor: "created", lists: bare},
	{name: "invoices", path: "/v1/invoices", cursor: "created", lists: bare},
	{name: "events", path: "/v1/events", cursor: "created", lists: bare, retention: 30 * 24 * time.Hour},
	{name: "customers", path: "/v1/customers", cursor: "created", lists: bare},
	// Without a status the list hides canceled subscriptions.
	{name: "subscriptions", path: "/v1/subscriptions", cursor: "created", lists: []string{"status=all"}},
	{name: "refunds", path: "/v1/refunds", cursor: "created", lists: bare},
	// The documentation calls the bare list one of active prices, in practice it shows archived ones too. Reading the
	// archived ones by themselves in the end covers both, and a price that changes sides meanwhile.
	{name: "prices", path: "/v1/prices", cursor: "created", lists: []string{"", "active=false"},
		expand: []string{"data.tiers", "data.currency_options"}},
	{name: "plans", path: "/v1/plans", cursor: "created", lists: bare, expand: []string{"data.tiers"}},
	{name: "products", path: "/v1/products", cursor: "created", lists: bare},
	{name: "coupons", path: "/v1/coupons", cursor: "created", lists: bare,
		expand: []string{"data.applies_to", "data.currency_options"}},
	{name: "tax_rates", path: "/v1/tax_rates", cursor: "created", lists: bare},
}

// bare is the list without parameters.
var bare = []string{""}

// findStream returns the stream of that name, or nil.
func findStream(name string) *stream {
	for i := range streams {
		if streams[i].name == name {
			return &streams[i]
		}
	}
	return nil
}
