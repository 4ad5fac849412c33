package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline/singer"
	"tapline/tests/fake/recharge/rechargefake"
)

// methodsOf lists the payment methods among messages with their tokens.
func methodsOf(t *testing.T, messages []singer.Message) (tokens map[string]int, records []string) {
	t.Helper()
	tokens = map[string]int{}
	records = recordsOfStream(messages, "payment_methods")
	for _, record := range records {
		for _, field := range tokenFields {
			tokens[string(lookup([]byte(record), field))]++
		}
	}
	return tokens, records
}

func TestPaymentTokensAreMaskedUnlessTheyAreWanted(t *testing.T) {
	fake, url := newFake(t, rechargefake.Options{Seed: 31, Counts: map[string]int{"payment_methods": 60, "customers": 20}})
	set := map[string]any{"select": patterns("payment_methods")}
	objects, err := fake.Objects("payment_methods")
	if err != nil {
		t.Fatal(err)
	}
	nulls := 0
	for _, object := range objects {
		for _, field := range tokenFields {
			if string(lookup(object, field)) == "null" {
				nulls++
			}
		}
	}
	want := map[string]int{"null": nulls, `"***"`: 120 - nulls}
	tokens, _ := methodsOf(t, mustRun(t, url, "", set).messages)
	if diff := cmp.Diff(want, tokens); diff != "" || nulls == 0 || nulls == 120 {
		t.Errorf("%d nulls (-want +got):\n%s", nulls, diff)
	}

	set["payment_tokens"] = "keep"
	got := table{}
	got.load(t, mustRun(t, url, "", set).messages)
	if diff := differ(oracleWith(t, fake, &settings{PaymentTokens: tokensKeep}, "payment_methods"), got); diff != "" {
		t.Error(diff)
	}

	set["payment_tokens"] = "omit"
	r := mustRun(t, url, "", set)
	_, records := methodsOf(t, r.messages)
	schema := string(r.messages[0].(*singer.Schema).Schema)
	if text := strings.Join(records, "") + schema; len(records) != 60 || strings.Contains(text, "_token") || !strings.Contains(schema, `"payment_details"`) {
		t.Errorf("%d records have tokens left: %.300s", len(records), text)
	}
}

func TestOnlyChangedRecordsAreWrittenIfThatIsWanted(t *testing.T) {
	list := []string{`{"id":1,"title":"a"}`, `{"id":2,"title":"b"}`, `{"id":3,"title":"c"}`}
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		answers(map[string]string{"/collections": `{"next_cursor":null,"collections":[` + strings.Join(list, ",") + `]}`})(w, r)
	})
	set := map[string]any{"select": patterns("collections"), "changed_only": true}
	got, state := table{}, ""
	run := func(wantRecords, wantActivations int) {
		t.Helper()
		r := mustRun(t, address, state, set)
		got.load(t, r.messages)
		state = lastState(r.messages)
		if records, activations := count[*singer.Record](r.messages), count[*singer.ActivateVersion](r.messages); records != wantRecords || activations != wantActivations {
			t.Errorf("%d records and %d activations, want %d and %d; the state is %s", records, activations, wantRecords, wantActivations, state)
		}
		if len(got["collections"]) != len(list) && wantActivations > 0 {
			t.Errorf("the table has %d rows for %d collections", len(got["collections"]), len(list))
		}
	}
	run(3, 1) // everything
	run(0, 0) // nothing has changed
	list[1] = `{"id":2,"title":"B"}`
	run(1, 0)
	list = append(list, `{"id":4,"title":"d"}`)
	run(1, 0)
	run(4, 1) // one has come, so that all are written and what is gone can be told
	list = list[1:]
	run(0, 0)
	run(3, 1)
	run(0, 0)
	set["changed_only"] = false
	run(3, 1)
	if strings.Contains(state, "records") {
		t.Errorf("what is not needed stays in the state: %s", state)
	}
}

func TestTheScopeOfSubscribers(t *testing.T) {
	fake, url := newFake(t, rechargefake.Options{Seed: 32, Counts: map[string]int{"customers": 80, "addresses": 90, "subscriptions": 60, "payment_methods": 80}})
	customers, methods := subscribersOf(t, fake)
	if len(customers) == 0 || len(customers) == 80 || len(methods) == 0 || len(methods) == 80 {
		t.Fatalf("%d customers and %d payment methods show nothing", len(customers), len(methods))
	}
	set := map[string]any{"scope": "subscribed_only", "payment_tokens": "keep", "select": patterns("customers", "payment_methods"), "page_size": 20}
	r := mustRun(t, url, `{"bookmarks":{"customers":{"updated_at":"2025-05-05T00:00:00Z"}}}`, set)
	all, want := oracleWith(t, fake, &settings{PaymentTokens: tokensKeep}, "customers", "payment_methods"), map[string]map[string]string{"customers": {}, "payment_methods": {}}
	for key, record := range all["customers"] {
		if customers[key] {
			want["customers"][key] = record
		}
	}
	for key, record := range all["payment_methods"] {
		if methods[key] {
			want["payment_methods"][key] = record
		}
	}
	got := table{}
	got.load(t, r.messages)
	if diff := differ(want, got); diff != "" {
		t.Error(diff)
	}
	for _, m := range r.messages[:2] {
		if schema := m.(*singer.Schema); schema.BookmarkProperties != nil {
			t.Errorf("%s still goes by %v, but is read whole", schema.Stream, schema.BookmarkProperties)
		}
	}
	if n := count[*singer.ActivateVersion](r.messages); n != 2 {
		t.Errorf("%d activations, want one for each stream", n)
	}
	walks := 0
	for _, q := range fake.Requests() {
		if q.Path == "/subscriptions" && !strings.Contains(q.Query, "cursor") {
			walks++
		}
	}
	if walks != 1 {
		t.Errorf("subscriptions are read %d times", walks)
	}
	mustRun(t, url, lastState(r.messages), map[string]any{"select": patterns("customers")}) // and back to all of them
}

// subscribersOf works out by encoding/json who has an active subscription, and what pays for one.
func subscribersOf(t *testing.T, fake *rechargefake.Server) (customers, methods map[string]bool) {
	t.Helper()
	read := func(kind string) (list []map[string]any) {
		objects, err := fake.Objects(kind)
		if err != nil {
			t.Fatal(err)
		}
		for _, object := range objects {
			var m map[string]any
			d := json.NewDecoder(strings.NewReader(string(object)))
			d.UseNumber()
			if err := d.Decode(&m); err != nil {
				t.Fatal(err)
			}
			list = append(list, m)
		}
		return list
	}
	customers, methods = map[string]bool{}, map[string]bool{}
	methodOf, unnamed := map[string]any{}, map[string]bool{}
	for _, address := range read("addresses") {
		methodOf[fmt.Sprint(address["id"])] = address["payment_method_id"]
	}
	for _, s := range read("subscriptions") {
		if s["status"] != "active" {
			continue
		}
		customers[fmt.Sprint(s["customer_id"])] = true
		if method := methodOf[fmt.Sprint(s["address_id"])]; method != nil {
			methods[fmt.Sprint(method)] = true
		} else {
			unnamed[fmt.Sprint(s["customer_id"])] = true
		}
	}
	for _, m := range read("payment_methods") {
		if unnamed[fmt.Sprint(m["customer_id"])] {
			methods[fmt.Sprint(m["id"])] = true
		}
	}
	return customers, methods
}

func TestUnknownFieldsArePassedOnAndToldOnce(t *testing.T) {
	object := `{"id":%d,"title":"t","brand_new":{"x":1},"updated_at":"2025-05-05T00:00:00Z"}`
	address := serve(t, answers(map[string]string{"/collections": `{"collections":[` + fmt.Sprintf(object, 1) + "," + fmt.Sprintf(object, 2) + `]}`}))
	r := mustRun(t, address, "", map[string]any{"select": patterns("collections")}, "--log-level", "debug")
	if n := strings.Count(r.log, "brand_new"); n != 1 || !strings.Contains(r.log, "streams=1 fields=1") {
		t.Errorf("told %d times:\n%s", n, r.log)
	}
	if records := recordsOfStream(r.messages, "collections"); len(records) != 2 || !strings.Contains(records[0], `"brand_new":{"x":1}`) {
		t.Errorf("%v", records)
	}
}

func TestARecordWithoutAKeyStopsItsStreamOnly(t *testing.T) {
	address := serve(t, answers(map[string]string{
		"/collections":          `{"collections":[{"id":1,"title":"t"},{"id":null,"title":"u"}]}`,
		"/discounts":            `{"discounts":[5]}`,
		"/webhooks":             `{"webhooks":[{"id":4}]}`,
		"/async_batches":        `{"async_batches":{}}`,
		"/accounts":             `{"accounts":null,"next_cursor":null}`,
		"/retention_strategies": `{"data":[]}`,
	}))
	r := runTap(t, address, "", map[string]any{"max_retries": 0, "select": patterns("collections", "discounts", "webhooks", "accounts", "retention_strategies", "async_batches")})
	for _, words := range []string{
		"4 streams cannot be read",
		"stream collections: a record has no id, which identifies it",
		"stream discounts: an item of the list is not an object",
		`stream retention_strategies: .*no list "retention_strategies"`,
	} {
		if !matches(r.log, words) {
			t.Errorf("%q is not in\n%s", words, r.log)
		}
	}
	if r.code != singer.ExitFailure || len(recordsOfStream(r.messages, "webhooks")) != 1 || count[*singer.ActivateVersion](r.messages) != 2 {
		t.Errorf("the run ends with %d:\n%s", r.code, r.out)
	}
}
