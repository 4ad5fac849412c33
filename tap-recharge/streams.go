package main

import (
	"net/url"
	"time"
)

// A stream is one kind of record and how Recharge hands it out.
//
// A list comes in pages, each with an opaque cursor for the next one. The filters, the order and the bounds of the first
// page live on in the cursor; a request with a cursor must not repeat them.
// https://developer.rechargepayments.com/2021-11/cursor_pagination
type stream struct {
	name string // in the catalog and in package schemas
	path string // below the API's root; "{id}" in it stands for the id that the parent gives

	// member is the member of the answer that holds the records: a list of them or, if single is set, the only one. A
	// single record whose answer lacks the member is the answer itself, which member "" says from the beginning.
	member string
	single bool

	keys []string // the primary key, as in package schemas

	// replicationKey is the property by which the stream goes on where it stopped; "" is for FULL_TABLE. The list takes
	// two inclusive bounds named after it: updated_at_min and updated_at_max.
	replicationKey string
	// openEnd says that no upper bound is documented. It must not be sent, so the end of a window is for the reader to
	// find: records beyond it are left to the next run.
	openEnd bool

	// query is what the first page asks for beside limit and bounds, in the form of a URL's query.
	query string

	parent *parent // nil: one list shows every record

	// scopes are the names under which sources know the permission that the stream needs. The token has it if it has any
	// of them; a stream without scopes needs none.
	scopes []string
	// plan names the plans of Recharge that have the stream; "" for all of them. Other stores get status 403 or empty lists.
	plan string

	// retention is how long Recharge lists a record; zero: for good. A record that vanishes for its age is not deleted.
	retention time.Duration

	// optional streams are read only when asked for, since each costs one request for every record of its parent.
	optional bool
}

// A parent is the stream whose records tell what to ask for.
type parent struct {
	stream string
	field  string // of the parent's record, with the id; steps are joined by dots

	// query is the parameter that takes ids, joined by commas and at most batch in a request. If it is "", the stream's
	// path takes one id.
	query string
	batch int

	// adds is the property in which the tap writes the id, a whole number, unless the answer has it; "" if it always has.
	adds string
}

// ascending tells whether the list shows records in the order of the replication key. Only then does a record promise
// that those with smaller values have been seen, and a state may be saved after each page.
func (s *stream) ascending() bool {
	query, err := url.ParseQuery(s.query)
	return err == nil && s.replicationKey != "" && query.Get("sort_by") == s.replicationKey+"-asc"
}

// streams stand in the order they are read in: who owns something comes before what is owned, and what takes long or
// costs a request for each parent comes last.
var streams = []stream{
	{name: "token_information", path: "/token_information", member: "token_information", single: true, keys: []string{"name"}},
	{name: "store", path: "/store", member: "store", single: true, keys: idOnly, scopes: readStore},
	{name: "customers", path: "/customers", member: "customers", keys: idOnly, replicationKey: "updated_at", query: byUpdate,
		scopes: readCustomers},
	{name: "addresses", path: "/addresses", member: "addresses", keys: idOnly, replicationKey: "updated_at", query: byUpdate,
		scopes: readCustomers},
	{name: "payment_methods", path: "/payment_methods", member: "payment_methods", keys: idOnly,
		scopes: []string{"read_payment_methods"}, plan: "Pro or Custom"},
	{name: "plans", path: "/plans", member: "plans", keys: idOnly, replicationKey: "updated_at", query: byUpdate,
		scopes: []string{"read_products", "read_plans"}},
	// Without ids the list of products is refused. Plans name every product that can be subscribed to.
	{name: "products", path: "/products", member: "products", keys: []string{"external_product_id"},
		parent: &parent{stream: "plans", field: "external_product_id.ecommerce", query: "external_product_ids", batch: 250},
		scopes: readProducts},
	{name: "collections", path: "/collections", member: "collections", keys: idOnly, query: byID, scopes: readProducts},
	{name: "collection_products", path: "/collection_products", member: "collection_products",
		keys: []string{"collection_id", "external_product_id"}, scopes: readProducts},
	{name: "subscriptions", path: "/subscriptions", member: "subscriptions", keys: idOnly, replicationKey: "updated_at",
		query: byUpdate, scopes: readSubscriptions},
	// Without the parameter the list hides cancelled ones.
	{name: "onetimes", path: "/onetimes", member: "onetimes", keys: idOnly, replicationKey: "updated_at",
		query: byUpdate + "&include_cancelled=true", scopes: readSubscriptions},
	{name: "discounts", path: "/discounts", member: "discounts", keys: idOnly, replicationKey: "updated_at", query: byUpdate,
		scopes: []string{"read_discounts"}},
	// Charges that were paid or refunded disappear 90 days after they were processed; queued and failed ones stay.
	{name: "charges", path: "/charges", member: "charges", keys: idOnly, replicationKey: "updated_at", query: byUpdate,
		scopes: readCharges, retention: 90 * 24 * time.Hour},
	{name: "orders", path: "/orders", member: "orders", keys: idOnly, replicationKey: "updated_at", query: byUpdate,
		scopes: readOrders},
	{name: "bundle_selections", path: "/bundle_selections", member: "bundle_selections", keys: idOnly,
		replicationKey: "updated_at", openEnd: true, query: byUpdate, scopes: readSubscriptions, plan: "Pro or Custom"},
	{name: "credit_accounts", path: "/credit_accounts", member: "credit_accounts", keys: idOnly,
		scopes: []string{"read_credit_accounts"}, plan: "Plus or Custom"},
	{name: "credit_adjustments", path: "/credit_adjustments", member: "credit_adjustments", keys: idOnly,
		replicationKey: "updated_at", openEnd: true, query: byUpdate,
		scopes: []string{"read_credit_adjustments"}, plan: "Plus or Custom"},
	{name: "retention_strategies", path: "/retention_strategies", member: "retention_strategies", keys: idOnly,
		scopes: readSubscriptions},
	{name: "accounts", path: "/accounts", member: "accounts", keys: idOnly, scopes: []string{"read_accounts"}},
	// The list shows the webhooks whose topics the token may read, so it needs no scope of its own.
	{name: "webhooks", path: "/webhooks", member: "webhooks", keys: idOnly, query: byID},
	{name: "async_batches", path: "/async_batches", member: "async_batches", keys: idOnly, query: byID,
		scopes: []string{"read_batches"}},
	{name: "metafields_store", path: "/metafields", member: "metafields", keys: idOnly,
		query: byID + "&owner_resource=store", scopes: readStore},
	{name: "metafields_customer", path: "/metafields", member: "metafields", keys: idOnly,
		query: byID + "&owner_resource=customer", scopes: readCustomers},
	{name: "metafields_address", path: "/metafields", member: "metafields", keys: idOnly,
		query: byID + "&owner_resource=address", scopes: readCustomers},
	{name: "metafields_subscription", path: "/metafields", member: "metafields", keys: idOnly,
		query: byID + "&owner_resource=subscription", scopes: readSubscriptions},
	{name: "metafields_charge", path: "/metafields", member: "metafields", keys: idOnly,
		query: byID + "&owner_resource=charge", scopes: readCharges},
	{name: "metafields_order", path: "/metafields", member: "metafields", keys: idOnly,
		query: byID + "&owner_resource=order", scopes: readOrders},
	// No order of events is documented, so none is asked for.
	{name: "events", path: "/events", member: "events", keys: idOnly, replicationKey: "created_at",
		scopes: []string{"read_events"}, retention: 7 * 24 * time.Hour},
	{name: "async_batch_tasks", path: "/async_batches/{id}/tasks", member: "async_batch_tasks", keys: idOnly,
		parent: &parent{stream: "async_batches", field: "id"}, scopes: []string{"read_batches"}, optional: true},
	{name: "credit_summaries", path: "/customers/{id}/credit_summary", member: "credit_summary", single: true,
		keys: []string{"customer_id"}, parent: &parent{stream: "customers", field: "id", adds: "customer_id"},
		scopes: []string{"read_credit_summary"}, plan: "Plus", optional: true},
	{name: "delivery_schedules", path: "/customers/{id}/delivery_schedule", single: true,
		keys: []string{"customer_id"}, parent: &parent{stream: "customers", field: "id", adds: "customer_id"},
		scopes: readCustomers, optional: true},
}

// What many streams share.
var (
	idOnly = []string{"id"}

	readCustomers     = []string{"read_customers"}
	readOrders        = []string{"read_orders"}
	readCharges       = []string{"read_orders", "read_charges"}
	readProducts      = []string{"read_products"}
	readStore         = []string{"store_info", "read_store"}
	readSubscriptions = []string{"read_subscriptions"}
)

// Orders in which lists can be read; more is known to work for a few of them.
const (
	byUpdate = "sort_by=updated_at-asc"
	byID     = "sort_by=id-asc"
)

// findStream returns the stream of that name, or nil.
func findStream(name string) *stream {
	for i := range streams {
		if streams[i].name == name {
			return &streams[i]
		}
	}
	return nil
}
