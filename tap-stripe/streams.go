package main

import (
	"encoding/json"
	"time"
)

// A stream is one kind of object and how Stripe shows it: as a list, below another object, or by itself.
//
// Lists show the newest object first. Most of them can be restricted to a range of creation times.
// https://docs.stripe.com/api/pagination
type stream struct {
	name   string // in the catalog and in package schemas
	path   string // of the list, or of the object if single; "" for a child stream, whose path its parentage has
	cursor string // the object's field with its time of creation; "" where the list cannot be asked for a range of times
	// lists are the queries that together show every object. Most lists need no parameter for that.
	lists []string
	// expand names what Stripe leaves out of the objects unless asked for it.
	expand []string
	// retention is how long Stripe keeps the objects; zero: for good.
	retention time.Duration

	object string     // what "object" says in its objects, by which an event's data.object is recognised; "" if no event speaks of them
	parent *parentage // of a child stream; nil for the others
	full   bool       // its list cannot be asked for a range of times, so that it is read whole in each run
	single bool       // path shows one object, not a list

	// triggers are events about other objects after which objects of this stream have to be read anew.
	triggers []trigger
	// lookback is how far before the bookmark every run lists anew, because creations have no event, or not always one.
	lookback time.Duration
	// reconcile is how often the whole list is due again, because events are incomplete; 0: never.
	reconcile time.Duration

	product    bool   // exists only in accounts that use the product it belongs to
	files      bool   // counts for the smaller budget that Stripe has for files
	permission string // what a restricted key needs, as Stripe's answers name it (rak_...); "" if that is not known
}

// A parentage says how the objects of a child stream hang on those of another stream.
type parentage struct {
	stream   string // the parent's name
	embedded string // path in the parent of the list whose first page it shows, such as "lines"; "": it shows none
	path     string // of the list of one parent's children; {id} stands for the parent's id
	query    string // parameters that this list needs; {id} stands for the parent's id here, too
	as       string // field with the parent's id, which records get if the object lacks it; "": none
	// needed tells by the parent whether there can be children; nil: always.
	needed func(parent json.RawMessage) bool
}

// A trigger names events about other objects that change objects of a stream.
type trigger struct {
	prefix string // of event types: "charge.refunded", or "invoice." for all of invoices
	id     string // member of the event's data.object with the id of the object or parent to read: "id", "charge"
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
	// Whether the bare list shows archived prices is documented otherwise than it is done.
	{name: "prices", path: "/v1/prices", cursor: "created", lists: []string{"active=true", "active=false"},
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
