package main

import "time"

// priceExpand are the fields of prices that have to be asked for.
var priceExpand = []string{"data.tiers", "data.currency_options"}

// salesStreams are the catalogue and selling from it.
var salesStreams = []stream{
	// Whether the bare list shows archived prices is documented otherwise than it is done.
	{name: "prices", path: "/v1/prices", cursor: "created", lists: []string{"active=true", "active=false"},
		expand: priceExpand, object: "price", deletable: true, permission: "rak_plan_read"},
	{name: "plans", path: "/v1/plans", cursor: "created", lists: bare, expand: []string{"data.tiers"}, object: "plan", deletable: true,
		permission: "rak_plan_read"},
	{name: "products", path: "/v1/products", cursor: "created", lists: bare, object: "product", deletable: true, permission: "rak_product_read"},
	{name: "coupons", path: "/v1/coupons", cursor: "created", lists: bare,
		expand: []string{"data.applies_to", "data.currency_options"}, object: "coupon", complete: true, permission: "rak_coupon_read"},
	// That a code was redeemed may have no event.
	{name: "promotion_codes", path: "/v1/promotion_codes", cursor: "created", lists: bare, object: "promotion_code", reconcile: weekly,
		permission: "rak_promotion_code_read"},
	{name: "tax_rates", path: "/v1/tax_rates", cursor: "created", lists: bare, object: "tax_rate", permission: "rak_tax_rate_read"},
	{name: "tax_codes", path: "/v1/tax_codes", lists: bare, full: true},
	{name: "tax_registrations", path: "/v1/tax/registrations", lists: bare, full: true, product: true},
	// They change without events, and there are few.
	{name: "shipping_rates", path: "/v1/shipping_rates", lists: bare, full: true, permission: "rak_shipping_rate_read"},
	// A session has no event until it is completed or expires, at most a day after its creation.
	{name: "checkout_sessions", path: "/v1/checkout/sessions", cursor: "created", lists: bare, object: "checkout.session", lookback: 25 * time.Hour,
		permission: "rak_checkout_session_read"},
	{name: "checkout_session_line_items", parent: &parentage{stream: "checkout_sessions", embedded: "line_items", expanded: true,
		path: "/v1/checkout/sessions/{id}/line_items", as: "session"}},
	{name: "payment_links", path: "/v1/payment_links", lists: bare, full: true, object: "payment_link", permission: "rak_payment_links_read"},
	{name: "payment_link_line_items", parent: &parentage{stream: "payment_links", embedded: "line_items", expanded: true,
		path: "/v1/payment_links/{id}/line_items", as: "payment_link"}},
	{name: "payment_method_configurations", path: "/v1/payment_method_configurations", lists: bare, full: true, unpaged: true},
	{name: "payment_method_domains", path: "/v1/payment_method_domains", lists: bare, full: true},
	{name: "apple_pay_domains", path: "/v1/apple_pay/domains", lists: bare, full: true},
}
