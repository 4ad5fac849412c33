package rechargefake

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// documented are the filters that the API documents for each list, besides limit, cursor, ids and sort_by.
var documented = map[string]string{
	"addresses":         "customer_id discount_code discount_id is_active created_at_min created_at_max updated_at_min updated_at_max",
	"bundle_selections": "purchase_item_ids bundle_variant_ids item_external_variant_ids item_external_product_ids active_purchase_items updated_at_min",
	"charges": "address_id customer_id discount_code discount_id external_order_id purchase_item_id purchase_item_ids status scheduled_at scheduled_at_min scheduled_at_max" +
		" processed_at_min processed_at_max created_at_min created_at_max updated_at_min updated_at_max",
	"collections":         "title",
	"collection_products": "collection_id",
	"credit_accounts":     "customer_id",
	"credit_adjustments":  "updated_at_min credit_account_id",
	"customers":           "email hash external_customer_id created_at_min created_at_max updated_at_min updated_at_max",
	"discounts":           "discount_code discount_type value_type status created_at_min created_at_max updated_at_min updated_at_max",
	"events":              "created_at_min created_at_max object_type object_id verbs customer_id origin",
	"metafields_order":    "owner_resource owner_id namespace",
	"onetimes":            "address_id address_ids customer_id external_variant_id include_cancelled created_at_min created_at_max updated_at_min updated_at_max",
	"orders": "address_id charge_id customer_id external_customer_id external_order_id has_external_order purchase_item_id status type scheduled_at_min scheduled_at_max" +
		" created_at_min created_at_max updated_at_min updated_at_max",
	"payment_methods":      "customer_id include_deleted",
	"plans":                "external_product_id type updated_at_min updated_at_max",
	"products":             "external_product_ids",
	"subscriptions":        "address_id address_ids customer_id external_variant_id status created_at_min created_at_max updated_at_min updated_at_max",
	"retention_strategies": "", "async_batches": "", "accounts": "", "webhooks": "",
}

func TestEveryListAcceptsItsDocumentedFiltersAndNoOthers(t *testing.T) {
	fake, c := start(t, Options{Objects: 200})
	all := map[string]bool{}
	for _, names := range documented {
		for _, name := range strings.Fields(names) {
			all[name] = true
		}
	}
	for kind, names := range documented {
		accepted := strings.Fields(names)
		for name := range all {
			value := "1"
			if strings.HasSuffix(name, "_min") || strings.HasSuffix(name, "_max") || name == "scheduled_at" {
				value = "2025-01-01"
			}
			query := append(needs(t, fake, kind), name, value)
			if name == "owner_resource" {
				query = []string{name, "order"}
			}
			want := 422
			if slices.Contains(accepted, name) {
				want = 200
			}
			var text []string
			for i := 0; i < len(query); i += 2 {
				text = append(text, query[i]+"="+query[i+1])
			}
			path := "/" + fake.world.byName[kind].urlPath() + "?" + strings.Join(text, "&")
			if status, _, body := c.do("GET", path, ""); status != want {
				t.Errorf("%.200s: %d %.200s, want %d", path, status, body, want)
			}
		}
	}
}

// decoded is an object of the oracle.
func decoded(t testing.TB, raw string) map[string]any {
	t.Helper()
	var o map[string]any
	dec := json.NewDecoder(strings.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&o); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestFiltersShowWhatTheyName(t *testing.T) {
	fake, c := start(t, Options{Seed: 3, Objects: 400, Counts: map[string]int{"metafields_order": 20}})
	at := func(o map[string]any, path ...string) string {
		for _, name := range path[:len(path)-1] {
			inner, ok := o[name].(map[string]any)
			if !ok {
				return ""
			}
			o = inner
		}
		if o[path[len(path)-1]] == nil {
			return ""
		}
		return fmt.Sprint(o[path[len(path)-1]])
	}
	in := func(list any, name, want string) bool {
		for _, item := range list.([]any) {
			if fmt.Sprint(item.(map[string]any)[name]) == want {
				return true
			}
		}
		return false
	}
	some := func(kind string) map[string]any {
		for _, raw := range oracle(t, fake, kind) {
			if o := decoded(t, raw); kind != "charges" || len(o["discounts"].([]any)) > 0 && at(o, "external_order_id", "ecommerce") != "" {
				return o
			}
		}
		t.Fatalf("no %s", kind)
		return nil
	}
	type seen struct {
		raw     string
		members map[string]any
	}
	objects := map[string][]seen{} // by kind, newest first
	for kind := range documented {
		for _, raw := range slices.Backward(oracle(t, fake, kind)) {
			objects[kind] = append(objects[kind], seen{raw, decoded(t, raw)})
		}
	}
	charge, order, subscription, event := some("charges"), some("orders"), some("subscriptions"), some("events")
	discount := charge["discounts"].([]any)[0].(map[string]any)
	item := fmt.Sprint(charge["line_items"].([]any)[0].(map[string]any)["purchase_item_id"])
	for _, test := range []struct {
		kind, param, value string
		match              func(o map[string]any) bool
	}{
		{"charges", "status", "error", func(o map[string]any) bool { return at(o, "status") == "error" }},
		{"charges", "status", "error,QUEUED", func(o map[string]any) bool { return at(o, "status") == "error" || at(o, "status") == "queued" }},
		{"charges", "address_id", at(charge, "address_id"), func(o map[string]any) bool { return at(o, "address_id") == at(charge, "address_id") }},
		{"charges", "customer_id", at(charge, "customer", "id"), func(o map[string]any) bool { return at(o, "customer", "id") == at(charge, "customer", "id") }},
		{"charges", "discount_code", at(discount, "code"), func(o map[string]any) bool { return in(o["discounts"], "code", at(discount, "code")) }},
		{"charges", "discount_id", at(discount, "id"), func(o map[string]any) bool { return in(o["discounts"], "id", at(discount, "id")) }},
		{"charges", "purchase_item_id", item, func(o map[string]any) bool { return in(o["line_items"], "purchase_item_id", item) }},
		{"charges", "purchase_item_ids", item + ",1", func(o map[string]any) bool { return in(o["line_items"], "purchase_item_id", item) }},
		{"charges", "external_order_id", at(charge, "external_order_id", "ecommerce"), func(o map[string]any) bool {
			return at(o, "external_order_id", "ecommerce") == at(charge, "external_order_id", "ecommerce")
		}},
		{"charges", "scheduled_at", at(charge, "scheduled_at"), func(o map[string]any) bool { return at(o, "scheduled_at") == at(charge, "scheduled_at") }},
		{"charges", "scheduled_at_max", at(charge, "scheduled_at"), func(o map[string]any) bool { return at(o, "scheduled_at") <= at(charge, "scheduled_at") }},
		{"charges", "processed_at_min", "2025-05-01", func(o map[string]any) bool { return at(o, "processed_at") >= "2025-05-01" }},
		{"charges", "processed_at_min", "2025-05-01T02:00:00+0200", func(o map[string]any) bool { return at(o, "processed_at") >= "2025-05-01" }},
		{"charges", "processed_at_min", "2025-05-01 00:00:00+00:00", func(o map[string]any) bool { return at(o, "processed_at") >= "2025-05-01" }},
		{"charges", "processed_at_min", "2025-05-01 00:00:00", func(o map[string]any) bool { return at(o, "processed_at") >= "2025-05-01" }},
		{"charges", "ids", at(charge, "id") + ",1", func(o map[string]any) bool { return at(o, "id") == at(charge, "id") }},
		{"orders", "charge_id", at(order, "charge", "id"), func(o map[string]any) bool { return at(o, "charge", "id") == at(order, "charge", "id") }},
		{"orders", "has_external_order", "false", func(o map[string]any) bool { return at(o, "external_order_id", "ecommerce") == "" }},
		{"orders", "type", "checkout", func(o map[string]any) bool { return at(o, "type") == "checkout" }},
		{"subscriptions", "address_ids", at(subscription, "address_id") + ",2", func(o map[string]any) bool { return at(o, "address_id") == at(subscription, "address_id") }},
		{"subscriptions", "status", "active", func(o map[string]any) bool { return at(o, "status") == "active" }},
		{"onetimes", "include_cancelled", "false", func(o map[string]any) bool { return at(o, "is_cancelled") != "true" }},
		{"events", "verbs", "created,cancelled", func(o map[string]any) bool { return at(o, "verb") != "updated" }},
		{"events", "ids", at(event, "id") + ",5", func(o map[string]any) bool { return at(o, "id") == at(event, "id") }},
		{"events", "origin", "api", func(o map[string]any) bool { return at(o, "source", "origin") == "api" }},
		{"events", "object_id", at(event, "object_id"), func(o map[string]any) bool { return at(o, "object_id") == at(event, "object_id") }},
		{"metafields_order", "namespace", "loyalty", func(o map[string]any) bool { return at(o, "namespace") == "loyalty" }},
	} {
		var want []string
		for _, o := range objects[test.kind] {
			if test.match(o.members) {
				want = append(want, o.raw)
			}
		}
		query := []string{test.param, test.value, "limit", "250"}
		if test.kind != "onetimes" {
			query = append(query, needs(t, fake, test.kind)...)
		}
		got := c.walk("/"+fake.world.byName[test.kind].urlPath(), query...)
		if diff := cmp.Diff(want, got); diff != "" || len(got) == 0 || len(got) == len(objects[test.kind]) {
			t.Errorf("%s %s=%s: %d of %d (-want +got):\n%.500s", test.kind, test.param, test.value, len(got), len(want), diff)
		}
	}
}

func TestCancelledOnetimesAreListedOnlyWhenAskedFor(t *testing.T) {
	fake, c := start(t, Options{Seed: 3, Counts: map[string]int{"onetimes": 40, "payment_methods": 10}})
	for query, want := range map[string]bool{"": false, "include_cancelled=false": false, "include_cancelled=true": true} {
		name, value, _ := strings.Cut(query, "=")
		var list []string
		if name != "" {
			list = []string{name, value}
		}
		got := c.walk("/onetimes", list...)
		if cancelled := strings.Contains(strings.Join(got, ""), `"is_cancelled":true`); cancelled != want || len(got) == 0 {
			t.Errorf("%q: %d onetimes, cancelled among them: %v", query, len(got), cancelled)
		}
	}
	id := idOf(oracle(t, fake, "payment_methods")[0])
	if err := fake.Update("payment_methods", number64(t, id), []byte(`{"deleted_at":"2025-06-02T12:00:00"}`)); err != nil {
		t.Fatal(err)
	}
	if usual, all := len(c.walk("/payment_methods")), len(c.walk("/payment_methods", "include_deleted", "true")); usual != 9 || all != 10 {
		t.Errorf("%d payment methods, with deleted ones %d", usual, all)
	}
}

func TestBoundsAreInclusiveAndTimesWithoutOffsetAreUTC(t *testing.T) {
	fake, c := start(t, Options{Seed: 4, Counts: map[string]int{"customers": 60, "subscriptions": 60}, TypeDrift: true})
	for _, kind := range []string{"customers", "subscriptions"} {
		for _, member := range []string{"created_at", "updated_at"} {
			all := oracle(t, fake, kind)
			text := plainText(memberRaw([]byte(all[20]), member))
			mark, ok := parseTime(text)
			if !ok {
				t.Fatalf("%s of %s: %q", member, kind, text)
			}
			var below, above []string
			for _, raw := range all {
				at, _ := parseTime(plainText(memberRaw([]byte(raw), member)))
				if at <= mark {
					below = append(below, raw)
				}
				if at >= mark {
					above = append(above, raw)
				}
			}
			east := time.UnixMicro(mark).In(time.FixedZone("", 7200)).Format(time.RFC3339Nano)
			for _, bound := range []string{text, east} {
				if diff := cmp.Diff(below, c.walk("/"+kind, "sort_by", "id-asc", member+"_max", bound)); diff != "" {
					t.Errorf("%s %s_max=%s (-want +got):\n%.500s", kind, member, bound, diff)
				}
				if diff := cmp.Diff(above, c.walk("/"+kind, "sort_by", "id-asc", member+"_min", bound, "limit", "9")); diff != "" {
					t.Errorf("%s %s_min=%s (-want +got):\n%.500s", kind, member, bound, diff)
				}
			}
		}
	}
}

func TestAnAddressIsActiveWithAnActiveSubscription(t *testing.T) {
	fake, c := start(t, Options{Counts: map[string]int{"customers": 5, "addresses": 30, "subscriptions": 20, "bundle_selections": 20}})
	active, subs := map[string]bool{}, map[string]bool{}
	for _, raw := range oracle(t, fake, "subscriptions") {
		if o := decoded(t, raw); o["status"] == "active" {
			active[fmt.Sprint(o["address_id"])], subs[idOf(raw)] = true, true
		}
	}
	var want []string
	for _, raw := range slices.Backward(oracle(t, fake, "addresses")) {
		if active[idOf(raw)] {
			want = append(want, raw)
		}
	}
	if diff := cmp.Diff(want, c.walk("/addresses", "is_active", "true")); diff != "" || len(want) == 0 || len(want) == 30 {
		t.Errorf("%d active addresses (-want +got):\n%.500s", len(want), diff)
	}
	for _, raw := range c.walk("/bundle_selections", "active_purchase_items", "true") {
		if item := plainText(memberRaw([]byte(raw), "purchase_item_id")); !subs[item] {
			t.Errorf("item %s is not active: %v", item, slices.Sorted(maps.Keys(subs)))
		}
	}
}
