package rechargefake

import (
	"slices"
	"time"
)

// kind is one resource that the API lists: a row of [kindTable].
type kind struct {
	name  string // of the stream
	path  string // of the list, if it is not the name
	one   string // what wraps a single object
	share int    // of 1,000 objects, how many are of this kind
	base  int64  // below every id

	fields []field
	facts  func(*draw) facts
	naive  bool          // times are written without an offset
	span   time.Duration // before the clock's start, over which objects are made; 0: as the options say

	scopes   []string // each lets a token read it
	filters  []filter
	sorts    []string // besides id and, for what has it, updated_at
	includes []include
	required string // parameter without which a list is refused
	hidden   hiding // what a list shows only when asked to
	alone    bool   // no single object can be read
	below    string // kind of the parent in whose path alone it is listed
	plain    bool   // no list can be sorted by updated_at
}

// hiding is a member that keeps an object out of a list, unless a parameter is true.
type hiding struct{ param, member string }

// include is an object or a list that include= adds to a record: the objects of a kind whose member theirs equals the
// record's member mine. Without a kind the list is always empty.
type include struct {
	name, kind, mine, theirs string
	one                      bool
}

// Retention is how long after it was processed a paid charge can be read; EventRetention how long an event can.
const (
	Retention      = 90 * 24 * time.Hour
	EventRetention = 7 * 24 * time.Hour
)

var (
	changeBounds = []filter{from("created_at"), until("created_at"), from("updated_at"), until("updated_at")}
	activities   = include{name: "charge_activities"}

	readCustomers, readOrders, readSubscriptions = []string{"read_customers"}, []string{"read_orders"}, []string{"read_subscriptions"}
	readProducts                                 = []string{"read_products"}
)

// kindTable lists the kinds with what a list of each accepts
// (https://developer.rechargepayments.com/2021-11).
func kindTable() []*kind {
	table := append(peopleKinds(), billingKinds()...)
	table = append(table, shopKinds()...)
	for _, owner := range []string{"address", "charge", "customer", "order", "store", "subscription"} {
		table = append(table, metafieldKind(owner))
	}
	return append(table, smallKinds()...)
}

func peopleKinds() []*kind {
	return []*kind{
		{name: "customers", one: "customer", share: 120, fields: customerFields, facts: customerFacts, naive: true, scopes: readCustomers,
			filters: join(changeBounds, is("email"), is("hash"), is("external_customer_id", "external_customer_id.ecommerce")),
			sorts:   []string{"created_at"},
			includes: []include{{name: "addresses", kind: "addresses", mine: "id", theirs: "customer_id"}, {name: "metafields", kind: "metafields_customer", mine: "id", theirs: "owner_id"},
				{name: "payment_methods", kind: "payment_methods", mine: "id", theirs: "customer_id"}, {name: "subscriptions", kind: "subscriptions", mine: "id", theirs: "customer_id"}}},
		{name: "addresses", one: "address", share: 130, fields: addressKindFields, facts: addressFacts, scopes: readCustomers,
			filters: join(changeBounds, isNumber("customer_id"), is("discount_code", "discounts.code"), isNumber("discount_id", "discounts.id"), isActive("is_active", "id", "address_id")),
			includes: []include{activities, {"customer", "customers", "customer_id", "id", true}, {"discount", "discounts", "discounts.id", "id", true},
				{name: "payment_methods", kind: "payment_methods", mine: "payment_method_id", theirs: "id"}, {name: "subscriptions", kind: "subscriptions", mine: "id", theirs: "address_id"}}},
		{name: "payment_methods", one: "payment_method", share: 90, fields: paymentMethodFields, facts: paymentMethodFacts, naive: true, scopes: []string{"read_payment_methods"},
			filters: []filter{isNumber("customer_id")}, hidden: hiding{"include_deleted", "deleted_at"},
			includes: []include{{name: "addresses", kind: "addresses", mine: "id", theirs: "payment_method_id"}}},
		{name: "subscriptions", one: "subscription", share: 110, fields: subscriptionFields, facts: subscriptionFacts, scopes: readSubscriptions,
			filters: join(changeBounds, isNumber("address_id"), inNumbers("address_ids", "address_id"), isNumber("customer_id"), is("external_variant_id", "external_variant_id.ecommerce"), in("status")),
			sorts:   []string{"created_at"},
			includes: []include{activities, {"address", "addresses", "address_id", "id", true}, {"customer", "customers", "customer_id", "id", true},
				{name: "metafields", kind: "metafields_subscription", mine: "id", theirs: "owner_id"}, {name: "bundle_product"},
				{name: "bundle_selections", kind: "bundle_selections", mine: "id", theirs: "purchase_item_id"}}},
		{name: "onetimes", one: "onetime", share: 20, fields: onetimeFields, facts: onetimeFacts, scopes: readSubscriptions, hidden: hiding{"include_cancelled", "is_cancelled"},
			filters: join(changeBounds, isNumber("address_id"), inNumbers("address_ids", "address_id"), isNumber("customer_id"), is("external_variant_id", "external_variant_id.ecommerce"))},
		{name: "credit_accounts", one: "credit_account", share: 8, fields: creditAccountFields, scopes: []string{"read_credit_accounts"}, filters: []filter{isNumber("customer_id")}},
		{name: "credit_adjustments", one: "credit_adjustment", share: 12, fields: creditAdjustmentFields, scopes: []string{"read_credit_adjustments"},
			filters: []filter{from("updated_at"), isNumber("credit_account_id")}},
	}
}

func billingKinds() []*kind {
	return []*kind{
		{name: "charges", one: "charge", share: 175, fields: chargeFields, facts: chargeFacts, span: 75 * 24 * time.Hour, scopes: readOrders,
			filters: join(changeBounds, isNumber("address_id"), isNumber("customer_id", "customer.id"), is("discount_code", "discounts.code"), isNumber("discount_id", "discounts.id"),
				is("external_order_id", "external_order_id.ecommerce"), isNumber("purchase_item_id", "line_items.purchase_item_id"), inNumbers("purchase_item_ids", "line_items.purchase_item_id"),
				in("status"), isDate("scheduled_at"), from("scheduled_at"), until("scheduled_at"), from("processed_at"), until("processed_at")),
			sorts: []string{"created_at", "scheduled_at"},
			includes: []include{activities, {"customer", "customers", "customer.id", "id", true}, {name: "metafields", kind: "metafields_charge", mine: "id", theirs: "owner_id"},
				{name: "payment_methods", kind: "payment_methods", mine: "customer.id", theirs: "customer_id"}, {name: "transactions"}}},
		{name: "orders", one: "order", share: 165, fields: orderFields, facts: orderFacts, scopes: readOrders,
			filters: join(changeBounds, isNumber("address_id"), isNumber("charge_id", "charge.id"), isNumber("customer_id", "customer.id"), is("external_customer_id", "customer.external_customer_id.ecommerce"),
				is("external_order_id", "external_order_id.ecommerce"), isSet("has_external_order", "external_order_id.ecommerce"), isNumber("purchase_item_id", "line_items.purchase_item_id"),
				in("status"), in("type"), from("scheduled_at"), until("scheduled_at")),
			sorts: []string{"created_at", "processed_at", "scheduled_at", "shipped_date"},
			includes: []include{{"customer", "customers", "customer.id", "id", true}, {name: "metafields", kind: "metafields_order", mine: "id", theirs: "owner_id"},
				{name: "subscriptions", kind: "subscriptions", mine: "line_items.purchase_item_id", theirs: "id"}}},
		{name: "events", one: "event", share: 60, fields: eventFields, facts: eventFacts, naive: true, span: 156 * time.Hour, scopes: []string{"read_events"}, alone: true, plain: true,
			filters: []filter{from("created_at"), until("created_at"), is("object_type"), isNumber("object_id"), in("verbs", "verb"), isNumber("customer_id"), is("origin", "source.origin")},
			sorts:   []string{"created_at"}},
	}
}

func shopKinds() []*kind {
	return []*kind{
		{name: "discounts", one: "discount", share: 15, fields: discountFields, scopes: []string{"read_discounts"}, sorts: []string{"created_at"},
			filters: join(changeBounds, is("discount_code", "code"), is("discount_type", "value_type"), is("value_type"), in("status"))},
		{name: "plans", one: "plan", share: 15, fields: planFields, facts: planFacts, scopes: []string{"read_products", "read_plans"},
			filters: []filter{is("external_product_id", "external_product_id.ecommerce"), in("type"), from("updated_at"), until("updated_at")}},
		{name: "products", one: "product", share: 8, fields: productFields, facts: productFacts, scopes: readProducts, plain: true,
			filters: []filter{in("external_product_ids", "external_product_id")}, required: "external_product_ids"},
		{name: "collections", one: "collection", share: 4, fields: collectionFields, scopes: readProducts, filters: []filter{is("title")}},
		{name: "collection_products", one: "collection_product", share: 12, fields: collectionProductFields, facts: collectionProductFacts, scopes: readProducts, alone: true,
			filters: []filter{isNumber("collection_id")}},
		{name: "bundle_selections", one: "bundle_selection", share: 15, fields: bundleSelectionFields, scopes: readSubscriptions,
			filters: []filter{from("updated_at"), inNumbers("purchase_item_ids", "purchase_item_id"), inNumbers("bundle_variant_ids", "bundle_variant_id"), in("item_external_variant_ids", "items.external_variant_id"),
				in("item_external_product_ids", "items.external_product_id"), isActive("active_purchase_items", "purchase_item_id", "id")}},
	}
}

// metafieldShares are of 1,000 objects, by the owner of the metafields.
var metafieldShares = map[string]int{"customer": 8, "address": 2, "charge": 4, "order": 6, "store": 1, "subscription": 6}

func metafieldKind(owner string) *kind {
	scopes := map[string][]string{"address": readCustomers, "customer": readCustomers, "charge": readOrders, "order": readOrders, "subscription": readSubscriptions, "store": storeScopes}
	return &kind{name: "metafields_" + owner, path: "metafields", one: "metafield", share: metafieldShares[owner], fields: metafieldFields, facts: metafieldFacts,
		naive: true, scopes: scopes[owner], filters: []filter{is("owner_resource"), isNumber("owner_id"), is("namespace")}, required: "owner_resource"}
}

func smallKinds() []*kind {
	return []*kind{
		{name: "retention_strategies", one: "retention_strategy", share: 2, fields: retentionStrategyFields, scopes: readSubscriptions},
		{name: "async_batches", one: "async_batch", share: 2, fields: asyncBatchFields, scopes: []string{"read_batches"}, sorts: []string{"created_at"}, plain: true},
		{name: "async_batch_tasks", one: "async_batch_task", share: 8, fields: asyncBatchTaskFields, scopes: []string{"read_batches"}, below: "async_batches", alone: true, plain: true},
		{name: "accounts", one: "account", share: 1, fields: accountFields, scopes: []string{"read_accounts"}, plain: true},
		{name: "webhooks", one: "webhook", share: 1, fields: webhookFields, scopes: nil, plain: true},
	}
}

// urlPath is the path of the list.
func (k *kind) urlPath() string {
	if k.path != "" {
		return k.path
	}
	return k.name
}

// sortable reports whether a list can be sorted by a member.
func (k *kind) sortable(member string) bool {
	return member == "id" || member == "updated_at" && !k.plain || slices.Contains(k.sorts, member)
}

func join(shared []filter, own ...filter) []filter {
	return append(shared[:len(shared):len(shared)], own...)
}
