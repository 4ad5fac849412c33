package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stripe/stripe-mock/embedded"
	"github.com/stripe/stripe-mock/server"
	"github.com/xeipuuv/gojsonschema"

	"tapline/singer"
)

// stripe-mock holds requests against Stripe's own document of the API: an unknown path, parameter or expansion is
// refused. It knows one object of each kind.
func newMock(t *testing.T) (url string, requests func() []string) {
	t.Helper()
	spec, err := server.LoadSpec(embedded.OpenAPISpec, "")
	if err != nil {
		t.Fatal(err)
	}
	filters := spec.Paths["/v1/credit_notes"]["get"] // stripe-go, which is newer, asks with it
	for _, p := range spec.Paths["/v1/charges"]["get"].Parameters {
		if p.Name == "created" {
			filters.Parameters = append(filters.Parameters, p)
		}
	}
	fixtures, err := server.LoadFixtures(embedded.OpenAPIFixtures, "")
	if err != nil {
		t.Fatal(err)
	}
	mock, err := server.NewStubServer(fixtures, spec, true, false)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var seen []string
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		mock.HandleRequest(answer, r)
		mu.Lock()
		seen = append(seen, fmt.Sprint(answer.Code, " ", r.URL.Path))
		mu.Unlock()
		w.WriteHeader(answer.Code)
		if _, err := w.Write(answer.Body.Bytes()); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(web.Close)
	return web.URL, func() []string { mu.Lock(); defer mu.Unlock(); return seen }
}

func TestStripesOwnDocumentAcceptsEveryRequest(t *testing.T) {
	url, requests := newMock(t)
	set := map[string]any{"api_key": "sk_test_123", "account_id": "acct_1", "start_date": "2020-01-01", "select": everything}
	first := mustRun(t, url, "", set)
	mustRun(t, url, lastState(first.messages), set)
	runTap(t, url, "", map[string]any{"api_key": "sk_test_123"}, "--check")
	asked := map[string]int{}
	for _, request := range requests() {
		asked[request]++
		_, path, _ := strings.Cut(request, " ")
		if _, ok := newer[path]; !ok && !strings.HasPrefix(request, "200 ") {
			t.Errorf("a request is refused: %s", request)
		}
	}
	for i := range streams {
		st := &streams[i]
		if path, ok := newer[st.path]; st.parent != nil || ok && path == "" || st.heardOf() {
			continue
		}
		if asked["200 "+st.path] < 2 {
			t.Errorf("%s was not asked for in all runs", st.path)
		}
	}
	seen := validate(t, first.messages)
	for i := range streams {
		if st := &streams[i]; seen[st.name] == 0 && !slices.Contains(unseen, st.name) {
			t.Errorf("no record of %s was seen", st.name)
		}
	}
}

// everything is the selection of all streams.
var everything = []string{"*.*"}

// unseen are the streams of which stripe-mock shows nothing: it does not know their lists, or shows objects that have no
// such children.
var unseen = []string{"discounts", "mandates", "setup_attempts", "cards", "sources", "source_transactions", "active_entitlements", "invoice_line_items",
	"usage_record_summaries", "billing_meters", "billing_meter_event_summaries", "entitlements_features", "external_account_cards", "persons", "forwarding_requests",
	"financial_connections_account_owners", "issuing_personalization_designs", "issuing_physical_bundles"}

// validate holds the records against the schemas that were announced for them, and counts them.
func validate(t *testing.T, messages []singer.Message) (checked map[string]int) {
	t.Helper()
	schemas := map[string]*gojsonschema.Schema{}
	checked = map[string]int{}
	for _, m := range messages {
		switch m := m.(type) {
		case *singer.Schema:
			schema, err := gojsonschema.NewSchema(gojsonschema.NewBytesLoader(m.Schema))
			if err != nil {
				t.Fatalf("schema of %s: %v", m.Stream, err)
			}
			schemas[m.Stream] = schema
		case *singer.Record:
			if checked[m.Stream]++; checked[m.Stream] > 20 {
				continue // the validator is slow
			}
			verdict, err := schemas[m.Stream].Validate(gojsonschema.NewBytesLoader(m.Record))
			if err != nil {
				t.Fatal(err)
			}
			for _, fault := range verdict.Errors() {
				t.Errorf("record of %s: %v", m.Stream, fault)
			}
		}
	}
	return checked
}
