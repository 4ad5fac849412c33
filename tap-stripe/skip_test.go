package main

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tapline/schemas"
	"tapline/singer"
	"tapline/tests/fake/stripe/stripefake"
)

// catalogOf writes a catalog of streams that are all selected, as a key that may read everything has discovered it.
func catalogOf(t *testing.T, names ...string) string {
	t.Helper()
	path := catalogFor(t, map[string]any{"select": names}, nil)
	if path == "" {
		t.Fatalf("there is no catalog of %v", names)
	}
	return path
}

// schemasOf are the names of the streams that a run has announced.
func schemasOf(messages []singer.Message) (names []string) {
	for _, m := range messages {
		if s, ok := m.(*singer.Schema); ok {
			names = append(names, s.Stream)
		}
	}
	slices.Sort(names)
	return names
}

func TestWhatTheKeyMayNotReadIsLeftOutIfTheSettingsSaySo(t *testing.T) {
	keys := []stripefake.Key{{Secret: "rk_test_narrow", Resources: []string{"charges", "customers", "issuing_cards", "products"}}, {Secret: "sk_test_fake"}}
	fake, url := newFake(t, stripefake.Options{Seed: 61, Objects: 300, AllKinds: true, NotEnabled: []string{"issuing_cards"}, Keys: keys})
	catalog := catalogOf(t, "charges", "refunds", "customers", "cards", "payment_methods", "issuing_cards", "issuing_tokens", "mandates", "balance", "products")
	summary := filepath.Join(t.TempDir(), "summary.json")
	set := map[string]any{"api_key": "rk_test_narrow", "skip_forbidden": true}
	first := runTap(t, url, "", set, "--catalog", catalog, "--summary-file", summary)
	if first.code != singer.ExitOK || matches(first.log, "(?i)error|exception") {
		t.Fatalf("the run ends with %d:\n%s", first.code, first.log)
	}
	if got := schemasOf(first.messages); !slices.Equal(got, []string{"cards", "charges", "customers", "products"}) {
		t.Errorf("the run announces %v", got)
	}
	text, err := os.ReadFile(summary)
	if err != nil {
		t.Fatal(err)
	}
	for name, why := range map[string]string{"refunds": "the key lacks rak_refund_read", "payment_methods": "the key lacks rak_payment_method_read",
		"issuing_cards": "the account does not use this product", "issuing_tokens": "the account does not use this product",
		"mandates": "the key lacks rak_mandate_read", "balance": "the key lacks rak_balance_read"} {
		if !matches(first.log, `WARN stream=`+name+` the stream is left out.* reason="`+why) {
			t.Errorf("the log does not say that %s is left out because %s:\n%s", name, why, first.log)
		}
		if !matches(string(text), `"`+name+`": \{[^}]*"window": "left out: `+why+`"`) {
			t.Errorf("the summary does not say that %s is left out:\n%s", name, text)
		}
		if strings.Contains(lastState(first.messages), `"`+name+`"`) {
			t.Errorf("the state speaks of %s: %s", name, lastState(first.messages))
		}
	}

	// When the key is granted what it lacked, all that was left out is read from the start.
	second := runTap(t, url, lastState(first.messages), nil, "--catalog", catalog)
	got := table{}
	got.load(t, append(first.messages, second.messages...))
	if diff := differ(oracle(t, fake, "charges", "refunds", "customers", "products"), got); second.code != singer.ExitOK || diff != "" {
		t.Errorf("then the run ends with %d: %s\n%s", second.code, diff, second.log)
	}
	methods := 0
	customers, err := fake.Objects("customers")
	if err != nil {
		t.Fatal(err)
	}
	for _, customer := range customers {
		methods += len((&scenario{merchant: &merchant{fake: fake}}).ask(t, "/v1/customers/"+textOf(member(customer, "id"))+"/payment_methods", "", true))
	}
	if methods == 0 || len(got["payment_methods"]) != methods {
		t.Errorf("%d of %d payment methods were read", len(got["payment_methods"]), methods)
	}
}

// A permission may be taken away while the run goes on.
func TestAStreamThatIsRefusedLaterIsLeftOutToo(t *testing.T) {
	fake, _ := newFake(t, stripefake.Options{Seed: 62, Counts: map[string]int{"charges": 60, "coupons": 20}})
	refuse := true
	asked := 0
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/charges" {
			asked++
		}
		if r.URL.Path == "/v1/charges" && refuse && asked > 3 {
			w.Header().Set("Date", fake.Now().Format(http.TimeFormat))
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(`{"error":{"type":"invalid_request_error","message":"The key lacks 'rak_charge_read'."}}`))
			return
		}
		fake.ServeHTTP(w, r)
	})
	set := map[string]any{"select": []string{"charges.*", "coupons.*"}, "page_size": 10, "skip_forbidden": true}
	first := mustRun(t, url, "", set)
	if !matches(first.log, `WARN stream=charges the stream is left out.* reason="the key lacks rak_charge_read"`) {
		t.Errorf("nobody is told:\n%s", first.log)
	}
	got := table{}
	got.load(t, first.messages)
	if len(got["charges"]) == 60 || len(got["coupons"]) != 20 {
		t.Fatalf("%d charges and %d coupons", len(got["charges"]), len(got["coupons"]))
	}
	refuse = false
	second := mustRun(t, url, lastState(first.messages), set)
	got.load(t, second.messages)
	if diff := differ(oracle(t, fake, "charges", "coupons"), got); diff != "" {
		t.Error(diff)
	}
	refuse, asked = true, 100
	delete(set, "skip_forbidden")
	if r := runTap(t, url, "", set); r.code != singer.ExitCredentials || !strings.Contains(lastLine(r.log), "stream charges") {
		t.Errorf("without the setting it ends with %d and %q", r.code, lastLine(r.log))
	}
}

func TestACheckWithStreamsToBeLeftOut(t *testing.T) {
	_, url := newFake(t, stripefake.Options{Seed: 63, Objects: 100, Keys: []stripefake.Key{{Secret: "rk_test_narrow", Resources: []string{"charges", "customers"}}}})
	set := map[string]any{"api_key": "rk_test_narrow", "select": []string{"charges.*", "refunds.*", "payment_methods.*"}, "skip_forbidden": true}
	r := runTap(t, url, "", set, "--check")
	for _, line := range []string{"charges  *yes", "refunds  *no  *the key lacks rak_refund_read, so it is left out", "payment_methods  *no  *the key lacks rak_payment_method_read, so"} {
		if !matches(string(r.out), line) {
			t.Errorf("it does not report %q:\n%s", line, r.out)
		}
	}
	if r.code != singer.ExitOK {
		t.Errorf("it ends with %d:\n%s", r.code, r.log)
	}
	set["skip_forbidden"] = false
	if r := runTap(t, url, "", set, "--check"); r.code != singer.ExitCredentials {
		t.Errorf("without the setting it ends with %d", r.code)
	}
}

func TestAKeyThatMayReadNothingReadsNothing(t *testing.T) {
	_, url := newFake(t, stripefake.Options{Seed: 63, Objects: 100, Keys: []stripefake.Key{{Secret: "rk_test_narrow", Resources: []string{"charges"}}}})
	r := runTap(t, url, "", map[string]any{"api_key": "rk_test_narrow", "select": []string{"refunds.*"}, "skip_forbidden": true})
	if r.code != singer.ExitOK || len(r.messages) != 0 || !strings.Contains(r.log, "may read none of the selected streams") {
		t.Errorf("it ends with %d and %d messages:\n%s", r.code, len(r.messages), r.log)
	}
}

// The streams that hang on others are tried with the id of nobody. What Stripe says of that must not count.
func TestEveryChildStreamCanBeTried(t *testing.T) {
	_, url := newFake(t, stripefake.Options{Seed: 64, Objects: 100, AllKinds: true, Keys: []stripefake.Key{{Secret: "rk_test_all"}}})
	_, readable, reasons := discovered(t, url, map[string]any{"api_key": "rk_test_all"})
	if want := len(schemas.StripeNames()); len(readable) < want-5 || len(reasons) > 1 {
		t.Errorf("%d of %d streams can be read, not %v", len(readable), want, reasons)
	}
}
