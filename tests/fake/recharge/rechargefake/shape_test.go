package rechargefake

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// freeForm are members whose type the API leaves open.
var freeForm = []string{"events.updated_attributes.value", "events.updated_attributes.previous_value", "metafields.value"}

// types collects which JSON types stand at each path of an object.
func types(into map[string]map[string]bool, path string, value any) {
	note := func(name string) {
		if into[path] == nil {
			into[path] = map[string]bool{}
		}
		into[path][name] = true
	}
	switch v := value.(type) {
	case map[string]any:
		note("object")
		for name, inner := range v {
			types(into, path+"."+name, inner)
		}
	case []any:
		note("array")
		for _, inner := range v {
			types(into, path+"[]", inner)
		}
	case string:
		note("text")
	case json.Number:
		note("number")
	case bool:
		note("boolean")
	}
}

// typesOf collects the types of all objects of a fake, by kind and path.
func typesOf(t *testing.T, fake *Server) map[string]map[string]bool {
	t.Helper()
	seen := map[string]map[string]bool{}
	for _, kind := range fake.Kinds() {
		family, _, _ := strings.Cut(kind, "_address")
		if strings.HasPrefix(kind, "metafields_") {
			family = "metafields"
		}
		for _, raw := range oracle(t, fake, kind) {
			types(seen, family, decoded(t, raw))
		}
	}
	return seen
}

// ambiguous are the paths with more than one type.
func ambiguous(seen map[string]map[string]bool) []string {
	var list []string
	for path, set := range seen {
		name := strings.ReplaceAll(path, "[]", "")
		if len(set) > 1 && !slices.Contains(freeForm, name) {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

func TestEveryMemberHasOneTypeUnlessTheyDrift(t *testing.T) {
	fake, _ := start(t, Options{Seed: 7, Objects: 800})
	if list := ambiguous(typesOf(t, fake)); len(list) > 0 {
		t.Errorf("several types without drift: %v", list)
	}
}

func TestTheTypesThatDriftAreTheDocumentedOnes(t *testing.T) {
	fake, _ := start(t, Options{Seed: 8, Objects: 2000, TypeDrift: true})
	var want []string
	for _, kind := range []string{"charges", "orders"} {
		for _, member := range []string{"line_items.properties.value", "line_items.tax_lines.rate", "order_attributes.value", "shipping_lines.tax_lines.rate", "shipping_lines.taxable", "tags", "tax_lines.rate"} {
			want = append(want, kind+"."+member)
		}
	}
	want = append(want, "orders.is_prepaid", "subscriptions.is_prepaid", "subscriptions.properties.value", "onetimes.properties.value", "addresses.order_attributes.value",
		"bundle_selections.items.collection_id", "collection_products.external_product_id", "credit_adjustments.created_by.resource_id", "delivery_schedules.deliveries.orders.line_items.properties.value",
		"discounts.applies_to.ids", "discounts.prerequisite_subtotal_min", "discounts.usage_limits.first_time_customer_restriction", "metafields.owner_id",
		"products.options.position", "products.options.values.position")
	slices.Sort(want)
	if diff := cmp.Diff(want, ambiguous(typesOf(t, fake))); diff != "" {
		t.Errorf("drifting members (-want +got):\n%s", diff)
	}
	all := strings.Join(oracle(t, fake, "charges"), "\n") + strings.Join(oracle(t, fake, "orders"), "\n")
	for _, odd := range []string{`"purchase_item_id":null`, `"status":"SUCCESS"`, `"beta_flags":{`, `"total_refunds":null`} {
		if !strings.Contains(all, odd) {
			t.Errorf("no %s", odd)
		}
	}
	if !regexp.MustCompile(`"updated_at":"[0-9T:-]+\.[0-9]{1,6}\+00:00"`).MatchString(all) {
		t.Error("no updated_at has a fraction of a second")
	}
}

// naiveKinds write their times without an offset, which means UTC.
var naiveKinds = []string{"customers", "payment_methods", "events", "metafields_address", "metafields_charge", "metafields_customer", "metafields_order", "metafields_store", "metafields_subscription"}

func TestTimesAndMoneyAreWrittenAsEachResourceDoes(t *testing.T) {
	fake, _ := start(t, Options{Seed: 9, Objects: 500})
	stamp := regexp.MustCompile(`"[a-z_]+_at":"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}([^"]*)"`)
	money := regexp.MustCompile(`"(price|[a-z_]+_price|total_[a-z]+|amount|[a-z]+_balance)":("?)([0-9.]+)`)
	amounts := 0
	for _, kind := range fake.Kinds() {
		for _, raw := range oracle(t, fake, kind) {
			for _, m := range stamp.FindAllStringSubmatch(raw, -1) {
				if want := map[bool]string{true: "", false: "+00:00"}[slices.Contains(naiveKinds, kind)]; m[1] != want && kind != "delivery_schedules" {
					t.Fatalf("%s: %s", kind, m[0])
				}
			}
			for _, m := range money.FindAllStringSubmatch(raw, -1) {
				if m[1] == "total_weight_grams" || strings.HasSuffix(m[1], "_count") || m[1] == "total_task" {
					continue
				}
				amounts++
				if _, hundredths, _ := strings.Cut(m[3], "."); m[2] != `"` || len(hundredths) != 2 {
					t.Fatalf("%s: %s", kind, m[0])
				}
			}
		}
	}
	if amounts < 500 {
		t.Errorf("%d amounts", amounts)
	}
	if text := strings.Join(oracle(t, fake, "charges"), ""); !regexp.MustCompile(`"scheduled_at":"[0-9-]{10}"`).MatchString(text) || strings.Contains(text, `"scheduled_at":"20..-..-..T`) {
		t.Error("scheduled_at of a charge is a day")
	}
}

func TestSameOptionsMakeTheSameBytes(t *testing.T) {
	a, _ := start(t, Options{Seed: 10, Objects: 400})
	b, _ := start(t, Options{Seed: 10, Objects: 400})
	other, _ := start(t, Options{Seed: 11, Objects: 400})
	for _, kind := range a.Kinds() {
		if diff := cmp.Diff(oracle(t, a, kind), oracle(t, b, kind)); diff != "" {
			t.Errorf("%s differ under one seed:\n%.500s", kind, diff)
		}
		if kind != "token_information" && cmp.Equal(oracle(t, a, kind), oracle(t, other, kind)) {
			t.Errorf("%s are the same under two seeds", kind)
		}
	}
}

func TestThereAreThirtyOneStreams(t *testing.T) {
	fake := fakeOf(t, Options{Objects: 100})
	for _, kind := range fake.Kinds() {
		if n := len(oracle(t, fake, kind)); n == 0 {
			t.Errorf("no %s", kind)
		}
	}
	if n := len(fake.Kinds()); n != 31 {
		t.Errorf("%d streams", n)
	}
}

func TestObjectsAreSharedAndTheirIdsAreUnique(t *testing.T) {
	fake, _ := start(t, Options{Objects: 20_000})
	total := 0
	for _, n := range fake.Counts() {
		total += n
	}
	if total != 20_000 {
		t.Errorf("20,000 objects became %d: %v", total, fake.Counts())
	}
	for _, k := range fake.world.kinds {
		ids := map[int64]bool{}
		for i, e := range fake.shelves[k.name].entries {
			if ids[e.id] || i > 0 && e.id <= fake.shelves[k.name].entries[i-1].id || e.created > e.updated || e.updated > fake.world.now {
				t.Fatalf("%s: entry %d: %+v", k.name, i, e)
			}
			ids[e.id] = true
		}
	}
	for _, wrong := range []Options{{Counts: map[string]int{"custmers": 1}}, {Counts: map[string]int{"charges": -1}}, {Objects: -1}, {Span: -1}} {
		if _, err := New(wrong); err == nil {
			t.Errorf("%+v was accepted", wrong)
		}
	}
}

func TestObjectsPointAtEachOther(t *testing.T) {
	fake, _ := start(t, Options{Seed: 12, Objects: 600})
	ids := map[string]map[string]bool{}
	for _, kind := range fake.Kinds() {
		ids[kind] = map[string]bool{}
		for _, raw := range oracle(t, fake, kind) {
			ids[kind][idOf(raw)] = true
		}
	}
	products := map[string]bool{}
	for _, raw := range oracle(t, fake, "products") {
		products[plainText(memberRaw([]byte(raw), "external_product_id"))] = true
	}
	planned := map[string]bool{}
	for _, raw := range oracle(t, fake, "plans") {
		planned[plainText(reach([]byte(raw), "external_product_id.ecommerce")[0])] = true
	}
	if !maps.Equal(products, planned) {
		t.Errorf("%d products, plans name %d", len(products), len(planned))
	}
	owners := map[string]string{}
	for _, raw := range oracle(t, fake, "addresses") {
		owners[idOf(raw)] = plainText(memberRaw([]byte(raw), "customer_id"))
	}
	for _, kind := range []string{"subscriptions", "charges", "orders", "onetimes"} {
		for _, raw := range oracle(t, fake, kind) {
			address := plainText(memberRaw([]byte(raw), "address_id"))
			customer := plainText(append(reach([]byte(raw), "customer_id"), reach([]byte(raw), "customer.id")...)[0])
			if owners[address] != customer || !ids["customers"][customer] {
				t.Fatalf("%s %s: address %s of %s, but customer %s", kind, idOf(raw), address, owners[address], customer)
			}
		}
	}
}
