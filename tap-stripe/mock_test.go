package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
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
	first := mustRun(t, url, "", map[string]any{"api_key": "sk_test_123", "account_id": "acct_1", "start_date": "2020-01-01"})
	mustRun(t, url, lastState(first.messages), map[string]any{"api_key": "sk_test_123"})
	if r := runTap(t, url, "", map[string]any{"api_key": "sk_test_123"}, "--check"); r.code != singer.ExitOK {
		t.Errorf("--check ends with %d:\n%s", r.code, r.log)
	}
	asked := map[string]int{}
	for _, request := range requests() {
		asked[request]++
	}
	for i := range streams {
		if asked["200 "+streams[i].path] < 3 {
			t.Errorf("%s was not asked for in all runs: %v", streams[i].path, asked)
		}
		delete(asked, "200 "+streams[i].path)
	}
	delete(asked, "200 "+accountPath) // --check asks whose the key is
	if len(asked) > 0 {
		t.Errorf("other requests or answers: %v", asked)
	}
	validate(t, first.messages)
}

// validate holds the records against the schemas that were announced for them.
func validate(t *testing.T, messages []singer.Message) {
	t.Helper()
	schemas := map[string]*gojsonschema.Schema{}
	checked := map[string]int{}
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
	for i := range streams {
		if checked[streams[i].name] == 0 {
			t.Errorf("no record of %s was seen", streams[i].name)
		}
	}
}
