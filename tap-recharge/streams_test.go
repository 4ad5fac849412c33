package main

import (
	"encoding/json"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xeipuuv/gojsonschema"

	"tapline/internal/rewrite"
	"tapline/schemas"
	"tapline/tests/fake/recharge/rechargefake"
)

func TestStreamNamesAreUnique(t *testing.T) {
	if len(streams) != 31 {
		t.Errorf("there are %d streams, want 31", len(streams))
	}
	for i := range streams {
		if st := &streams[i]; findStream(st.name) != st {
			t.Errorf("%s is the name of two streams", st.name)
		}
	}
	if findStream("checkouts") != nil {
		t.Error("checkouts are a stream, but there is no list of them")
	}
}

func TestStreamsAreWhole(t *testing.T) {
	for _, st := range streams {
		t.Run(st.name, func(t *testing.T) {
			if !strings.HasPrefix(st.path, "/") || strings.HasSuffix(st.path, "/") || len(st.keys) == 0 {
				t.Errorf("path %q, keys %q", st.path, st.keys)
			}
			if st.member == "" && !st.single {
				t.Error("a list must name the member that holds it")
			}
			if _, err := url.ParseQuery(st.query); err != nil {
				t.Errorf("query %q: %v", st.query, err)
			}
			if st.single && (st.query != "" || st.replicationKey != "") {
				t.Error("a single record has neither an order nor bounds")
			}
			if st.openEnd && !st.ascending() {
				t.Error("without an upper bound and an order the end of a window cannot be found")
			}
		})
	}
}

func TestParentsAreReadFirstAndGiveTheIDInOnePlace(t *testing.T) {
	for i, st := range streams {
		inPath := strings.Contains(st.path, "{id}")
		if st.parent == nil {
			if inPath || st.optional {
				t.Errorf("%s asks for the id of a parent that it does not have, or is optional without reason", st.name)
			}
			continue
		}
		above := slices.IndexFunc(streams, func(s stream) bool { return s.name == st.parent.stream })
		if above < 0 || above >= i || streams[above].parent != nil || st.parent.field == "" {
			t.Errorf("%s: the parent %q is missing, comes later or is a child itself", st.name, st.parent.stream)
		}
		if byQuery := st.parent.query != "" && st.parent.batch > 0; byQuery == inPath {
			t.Errorf("%s: the parent's id goes into the path: %t, into the query: %t", st.name, inPath, byQuery)
		}
		if st.optional != inPath {
			t.Errorf("%s: optional is %t, though a request for each parent is %t", st.name, st.optional, inPath)
		}
	}
}

func TestAscendingStreams(t *testing.T) {
	want := []string{"customers", "addresses", "plans", "subscriptions", "onetimes", "discounts", "charges", "orders",
		"bundle_selections", "credit_adjustments"}
	var got []string
	for _, st := range streams {
		if st.ascending() {
			got = append(got, st.name)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEveryMetafieldStreamAsksForItsOwner(t *testing.T) {
	owners := map[string]bool{}
	for _, st := range streams {
		owner, isMetafields := strings.CutPrefix(st.name, "metafields_")
		query, _ := url.ParseQuery(st.query)
		if got := query.Get("owner_resource"); isMetafields && got != owner || !isMetafields && got != "" {
			t.Errorf("%s asks for the metafields of %q", st.name, got)
		}
		owners[owner] = isMetafields || owners[owner]
	}
	for _, owner := range []string{"address", "charge", "customer", "order", "store", "subscription"} {
		if !owners[owner] {
			t.Errorf("there is no stream of the metafields of the %s", owner)
		}
	}
}

func TestRetention(t *testing.T) {
	got := map[string]time.Duration{}
	for _, st := range streams {
		if st.retention != 0 {
			got[st.name] = st.retention
		}
	}
	want := map[string]time.Duration{"charges": 90 * 24 * time.Hour, "events": 7 * 24 * time.Hour}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestStreamsWithoutAScope(t *testing.T) {
	var got []string
	for _, st := range streams {
		for _, scope := range st.scopes {
			if !strings.HasPrefix(scope, "read_") && scope != "store_info" {
				t.Errorf("%s needs the scope %q, which does not read", st.name, scope)
			}
		}
		if len(st.scopes) == 0 {
			got = append(got, st.name)
		}
	}
	if diff := cmp.Diff([]string{"token_information", "webhooks"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEveryStreamHasItsSchema(t *testing.T) {
	var names []string
	for _, st := range streams {
		names = append(names, st.name)
		s, err := schemas.RechargeStream(st.name)
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(s.KeyProperties, st.keys); diff != "" || s.ReplicationKey != st.replicationKey {
			t.Errorf("%s: replication key %q, schema has %q; keys (-schema +stream):\n%s", st.name, st.replicationKey, s.ReplicationKey, diff)
		}
		if st.parent == nil {
			continue
		}
		if id := propertyOf(t, s, st.parent.adds); st.parent.adds != "" && string(id) != `{"type":"integer"}` {
			t.Errorf("%s: the id of the parent goes to %s, which is %s", st.name, st.parent.adds, id)
		}
		above, err := schemas.RechargeStream(st.parent.stream)
		if first, _, _ := strings.Cut(st.parent.field, "."); err != nil || propertyOf(t, above, first) == nil {
			t.Errorf("%s: %s has no property %s", st.name, st.parent.stream, st.parent.field)
		}
	}
	slices.Sort(names)
	if diff := cmp.Diff(schemas.RechargeNames(), names); diff != "" {
		t.Errorf("streams (-schemas +table):\n%s", diff)
	}
}

// propertyOf returns the schema of a property of records, or nil.
func propertyOf(t *testing.T, s schemas.Stream, name string) json.RawMessage {
	t.Helper()
	var schema struct{ Properties map[string]json.RawMessage }
	if err := json.Unmarshal(s.Schema, &schema); err != nil {
		t.Fatal(err)
	}
	return schema.Properties[name]
}

// The samples are objects as Recharge sends them, with its habits: times without an offset, numbers as text and text as
// numbers, 0 and 1 for false and true, words in capitals.
func TestSamplesBecomeValidRecords(t *testing.T) {
	for _, st := range streams {
		t.Run(st.name, func(t *testing.T) {
			s, r := coercerOf(t, st.name)
			record, err := r.Append(nil, sampleOf(t, st.name))
			if err != nil {
				t.Fatal(err)
			}
			result, err := gojsonschema.Validate(gojsonschema.NewBytesLoader(s.Schema), gojsonschema.NewBytesLoader(record))
			if err != nil {
				t.Fatal(err)
			}
			for _, fault := range result.Errors() {
				t.Error(fault)
			}
			if again, err := r.Append(nil, record); err != nil || string(again) != string(record) {
				t.Errorf("a record is changed when it is read again: %s, %v", cmp.Diff(string(record), string(again)), err)
			}
		})
	}
}

func TestDriftingFieldsOfSamples(t *testing.T) {
	for _, c := range []struct{ stream, part string }{
		{"orders", `"is_prepaid": false`},
		{"orders", `"external_order_number": {"ecommerce": "1001"}`},
		{"orders", `"rate": "0.1"`},
		{"charges", `"rate": "0.100"`},
		{"charges", `"tags": "Subscription, First order"`},
		{"charges", `"status": "error"`},
		{"charges", `"title": "Standard", "taxable": true`},
		{"charges", `"value": 10.5, "value_type"`},
		{"charges", `"total_refunds": null`},
		{"charges", `"purchase_item_id": null`},
		{"charges", `"updated_at": "2022-03-12T12:00:00.123456Z"`},
		{"charges", `{"name": "grind", "value": "3"}`},
		{"customers", `"updated_at": "2022-03-10T02:36:35Z"`},
		{"subscriptions", `"next_charge_scheduled_at": "2022-04-12"`},
		{"subscriptions", `"order_interval_frequency": 30`},
		{"subscriptions", `"value": "3.50"`},
		{"discounts", `"prerequisite_subtotal_min": "50"`},
		{"discounts", `"ids": ["4869", "4870"]`},
		{"collection_products", `"external_product_id": "7200062308604"`},
		{"metafields_order", `"owner_id": 43845860`},
		{"metafields_order", `"value": "42"`},
		{"events", `"previous_value": 1, "value": [2, "3"]`},
	} {
		_, r := coercerOf(t, c.stream)
		if record, err := r.Append(nil, sampleOf(t, c.stream)); err != nil || !strings.Contains(string(record), c.part) {
			t.Errorf("%s: %s is not in %s, %v", c.stream, c.part, record, err)
		}
	}
}

// coercerOf compiles the schema of a stream; whatever is reported of a sample is a failure.
func coercerOf(t *testing.T, name string) (schemas.Stream, *rewrite.Rewriter) {
	t.Helper()
	s, err := schemas.RechargeStream(name)
	if err != nil {
		t.Fatal(err)
	}
	all := func(...string) bool { return true }
	r, err := rewrite.CompileCoercing(s.Schema, all, func(path, what string) { t.Errorf("%s: %s %s", name, path, what) })
	if err != nil {
		t.Fatal(err)
	}
	return s, r
}

func sampleOf(t *testing.T, name string) []byte {
	t.Helper()
	sample, err := os.ReadFile("../schemas/recharge/testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return sample
}

// The fake store's fields were typed apart from the schemas, too. With TypeDrift its values have every type that is known
// from practice, and some objects a member that nobody documents.
func TestObjectsOfTheFakeBecomeValidRecords(t *testing.T) {
	fake, err := rechargefake.New(rechargefake.Options{Seed: 5, Objects: 1500, TypeDrift: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range fake.Kinds() {
		t.Run(kind, func(t *testing.T) {
			objects, err := fake.Objects(kind)
			if err != nil || len(objects) == 0 {
				t.Fatalf("%d objects, %v", len(objects), err)
			}
			s, err := schemas.RechargeStream(kind)
			if err != nil {
				t.Fatal(err)
			}
			schema, err := gojsonschema.NewSchema(gojsonschema.NewBytesLoader(s.Schema))
			if err != nil {
				t.Fatal(err)
			}
			r, err := rewrite.CompileCoercing(s.Schema, func(...string) bool { return true }, func(path, what string) {
				if path != "beta_flags" {
					t.Errorf("%s %s", path, what)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, object := range objects {
				if p := findStream(kind).parent; p != nil && p.adds != "" {
					object = append([]byte(`{"`+p.adds+`":1,`), object[1:]...)
				}
				record, err := r.Append(nil, object)
				if err != nil {
					t.Fatal(err)
				}
				result, err := schema.Validate(gojsonschema.NewBytesLoader(record))
				if err != nil || !result.Valid() {
					t.Fatalf("%v, %v: %s", err, result.Errors(), record)
				}
			}
		})
	}
}
