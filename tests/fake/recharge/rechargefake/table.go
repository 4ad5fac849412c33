package rechargefake

import "time"

// kindTable lists the kinds with what a list of each accepts (https://developer.rechargepayments.com/2021-11).
func kindTable() []*kind {
	table := append(peopleKinds(), billingKinds()...)
	table = append(table, shopKinds()...)
	for _, owner := range []string{"address", "charge", "customer", "order", "store", "subscription"} {
		table = append(table, metafieldKind(owner))
	}
	return append(table, smallKinds()...)
}

var (
	readCustomers     = []string{"read_customers"}
	readOrders        = []string{"read_orders"}
	readProducts      = []string{"read_products"}
	readSubscriptions = []string{"read_subscriptions"}
)

// changeBounds are the filters of most lists that change.
var changeBounds = []filter{from("created_at"), until("created_at"), from("updated_at"), until("updated_at")}

func join(shared []filter, own ...filter) []filter {
	return append(shared[:len(shared):len(shared)], own...)
}

// many includes the objects of a kind that name the record, one the object that the record names, none nothing.
func many(name, kind, mine, theirs string) include {
	return include{name: name, kind: kind, mine: mine, theirs: theirs}
}
func one(name, kind, mine string) include { return include{name, kind, mine, "id", true} }
func none(name string) include            { return include{name: name} }

func peopleKinds() []*kind {
	return []*kind{
		{
			name: "customers", one: "customer", share: 120, fields: customerFields, facts: customerFacts, naive: true,
			scopes:  readCustomers,
			filters: join(changeBounds, is("email"), is("hash"), is("external_customer_id", "external_customer_id.ecommerce")),
			sorts:   []string{"created_at"},
			includes: []include{
				many("addresses", "addresses", "id", "customer_id"), many("metafields", "metafields_customer", "id", "owner_id"),
				many("payment_methods", "payment_methods", "id", "customer_id"), many("subscriptions", "subscriptions", "id", "customer_id"),
			},
		},
		{
			name: "addresses", one: "address", share: 130, fields: addressKindFields, facts: addressFacts,
			scopes: readCustomers,
			filters: join(changeBounds, isNumber("customer_id"), is("discount_code", "discounts.code"),
				isNumber("discount_id", "discounts.id"), isActive("is_active", "id", "address_id")),
			includes: []include{
				none("charge_activities"), one("customer", "customers", "customer_id"), one("discount", "discounts", "discounts.id"),
				many("payment_methods", "payment_methods", "payment_method_id", "id"), many("subscriptions", "subscriptions", "id", "address_id"),
			},
		},
		{
			name: "payment_methods", one: "payment_method", share: 90, fields: paymentMethodFields, facts: paymentMethodFacts, naive: true,
			scopes:   []string{"read_payment_methods"},
			filters:  []filter{isNumber("customer_id")},
			hidden:   hiding{"include_deleted", "deleted_at"},
			includes: []include{many("addresses", "addresses", "id", "payment_method_id")},
		},
		{
			name: "subscriptions", one: "subscription", share: 110, fields: subscriptionFields, facts: subscriptionFacts,
			scopes: readSubscriptions,
			filters: join(changeBounds, isNumber("address_id"), inNumbers("address_ids", "address_id"), isNumber("customer_id"),
				is("external_variant_id", "external_variant_id.ecommerce"), in("status")),
			sorts: []string{"created_at"},
			includes: []include{
				none("charge_activities"), one("address", "addresses", "address_id"), one("customer", "customers", "customer_id"),
				many("metafields", "metafields_subscription", "id", "owner_id"), none("bundle_product"),
				many("bundle_selections", "bundle_selections", "id", "purchase_item_id"),
			},
		},
		{
			name: "onetimes", one: "onetime", share: 20, fields: onetimeFields, facts: onetimeFacts,
			scopes: readSubscriptions,
			filters: join(changeBounds, isNumber("address_id"), inNumbers("address_ids", "address_id"), isNumber("customer_id"),
				is("external_variant_id", "external_variant_id.ecommerce")),
			hidden: hiding{"include_cancelled", "is_cancelled"},
		},
		{
			name: "credit_accounts", one: "credit_account", share: 8, fields: creditAccountFields,
			scopes:  []string{"read_credit_accounts"},
			filters: []filter{isNumber("customer_id")},
		},
		{
			name: "credit_adjustments", one: "credit_adjustment", share: 12, fields: creditAdjustmentFields,
			scopes:  []string{"read_credit_adjustments"},
			filters: []filter{from("updated_at"), isNumber("credit_account_id")},
		},
	}
}

func billingKinds() []*kind {
	return []*kind{
		{
			name: "charges", one: "charge", share: 175, fields: chargeFields, facts: chargeFacts, span: 75 * 24 * time.Hour,
			scopes: readOrders,
			filters: join(changeBounds, isNumber("address_id"), isNumber("customer_id", "customer.id"), is("discount_code", "discounts.code"),
				isNumber("discount_id", "discounts.id"), is("external_order_id", "external_order_id.ecommerce"),
				isNumber("purchase_item_id", "line_items.purchase_item_id"), inNumbers("purchase_item_ids", "line_items.purchase_item_id"),
				in("status"), isDate("scheduled_at"), from("scheduled_at"), until("scheduled_at"), from("processed_at"), until("processed_at")),
			sorts: []string{"created_at", "scheduled_at"},
			includes: []include{
				none("charge_activities"), one("customer", "customers", "customer.id"), many("metafields", "metafields_charge", "id", "owner_id"),
				many("payment_methods", "payment_methods", "customer.id", "customer_id"), none("transactions"),
			},
		},
		{
			name: "orders", one: "order", share: 165, fields: orderFields, facts: orderFacts,
			scopes: readOrders,
			filters: join(changeBounds, isNumber("address_id"), isNumber("charge_id", "charge.id"), isNumber("customer_id", "customer.id"),
				is("external_customer_id", "customer.external_customer_id.ecommerce"), is("external_order_id", "external_order_id.ecommerce"),
				isSet("has_external_order", "external_order_id.ecommerce"), isNumber("purchase_item_id", "line_items.purchase_item_id"),
				in("status"), in("type"), from("scheduled_at"), until("scheduled_at")),
			sorts: []string{"created_at", "processed_at", "scheduled_at", "shipped_date"},
			includes: []include{
				one("customer", "customers", "customer.id"), many("metafields", "metafields_order", "id", "owner_id"),
				many("subscriptions", "subscriptions", "line_items.purchase_item_id", "id"),
			},
		},
		{
			name: "events", one: "event", share: 60, fields: eventFields, facts: eventFacts, naive: true, span: 156 * time.Hour,
			alone: true, plain: true,
			scopes: []string{"read_events"},
			filters: []filter{from("created_at"), until("created_at"), is("object_type"), isNumber("object_id"), in("verbs", "verb"),
				isNumber("customer_id"), is("origin", "source.origin")},
		},
	}
}

func shopKinds() []*kind {
	return []*kind{
		{
			name: "discounts", one: "discount", share: 15, fields: discountFields,
			scopes:  []string{"read_discounts"},
			filters: join(changeBounds, is("discount_code", "code"), is("discount_type", "value_type"), is("value_type"), in("status")),
			sorts:   []string{"created_at"},
		},
		{
			name: "plans", one: "plan", share: 15, fields: planFields, facts: planFacts,
			scopes:  []string{"read_products", "read_plans"},
			filters: []filter{is("external_product_id", "external_product_id.ecommerce"), in("type"), from("updated_at"), until("updated_at")},
		},
		{
			name: "products", one: "product", share: 8, fields: productFields, facts: productFacts, plain: true,
			scopes:   readProducts,
			filters:  []filter{in("external_product_ids", "external_product_id")},
			required: "external_product_ids",
		},
		{
			name: "collections", one: "collection", share: 4, fields: collectionFields,
			scopes:  readProducts,
			filters: []filter{is("title")},
		},
		{
			name: "collection_products", one: "collection_product", share: 12, fields: collectionProductFields, facts: collectionProductFacts,
			alone:   true,
			scopes:  readProducts,
			filters: []filter{isNumber("collection_id")},
		},
		{
			name: "bundle_selections", one: "bundle_selection", share: 15, fields: bundleSelectionFields,
			scopes: readSubscriptions,
			filters: []filter{from("updated_at"), inNumbers("purchase_item_ids", "purchase_item_id"), inNumbers("bundle_variant_ids", "bundle_variant_id"),
				in("item_external_variant_ids", "items.external_variant_id"), in("item_external_product_ids", "items.external_product_id"),
				isActive("active_purchase_items", "purchase_item_id", "id")},
		},
	}
}

// metafieldKind is the kind of the metafields of one kind of owner. One list holds all of them, by owner_resource.
func metafieldKind(owner string) *kind {
	shares := map[string]int{"customer": 8, "address": 2, "charge": 4, "order": 6, "store": 1, "subscription": 6}
	scopes := map[string][]string{
		"address": readCustomers, "customer": readCustomers, "charge": readOrders, "order": readOrders,
		"subscription": readSubscriptions, "store": storeScopes,
	}
	return &kind{
		name: "metafields_" + owner, path: "metafields", one: "metafield", share: shares[owner],
		fields: metafieldFields, facts: metafieldFacts, naive: true,
		scopes:   scopes[owner],
		filters:  []filter{is("owner_resource"), isNumber("owner_id"), is("namespace")},
		required: "owner_resource",
	}
}

func smallKinds() []*kind {
	batches := []string{"read_batches"}
	return []*kind{
		{name: "retention_strategies", one: "retention_strategy", share: 2, fields: retentionStrategyFields, scopes: readSubscriptions},
		{
			name: "async_batches", one: "async_batch", share: 2, fields: asyncBatchFields, plain: true,
			scopes: batches,
			sorts:  []string{"created_at"},
		},
		{
			name: "async_batch_tasks", one: "async_batch_task", share: 8, fields: asyncBatchTaskFields, alone: true, plain: true,
			scopes:  batches,
			filters: []filter{isNumber("batch_id")}, // which the path says
			below:   "async_batches",
		},
		{name: "accounts", one: "account", share: 1, fields: accountFields, scopes: []string{"read_accounts"}, plain: true},
		{name: "webhooks", one: "webhook", share: 1, fields: webhookFields, plain: true}, // any scope that reads
	}
}
