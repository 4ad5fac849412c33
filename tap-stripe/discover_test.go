package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline/singer"
	"tapline/tests/fake/stripe/stripefake"
)

// discovered runs discovery and returns the names of the streams that can be read, and why the others cannot.
func discovered(t *testing.T, url string, set map[string]any) (r result, readable []string, reasons map[string]string) {
	t.Helper()
	r = runTap(t, url, "", set, "--discover")
	if r.code != singer.ExitOK {
		t.Fatalf("discovery ends with %d:\n%s", r.code, r.log)
	}
	catalog, err := singer.ParseCatalog(r.out)
	if err != nil {
		t.Fatal(err)
	}
	reasons = map[string]string{}
	for _, entry := range catalog.Streams {
		if why, ok := unsupported(entry); ok {
			reasons[entry.ID] = why
		} else {
			readable = append(readable, entry.ID)
		}
	}
	return r, readable, reasons
}

func TestDiscoveryTellsWhatARestrictedKeyMayRead(t *testing.T) {
	granted := []string{"charges", "customers"}
	fake, url := newFake(t, stripefake.Options{Seed: 16, Objects: 100, Keys: []stripefake.Key{{Secret: "rk_test_narrow", Resources: granted}}})
	r, readable, reasons := discovered(t, url, map[string]any{"api_key": "rk_test_narrow"})
	for _, name := range readable {
		if root := findStream(name).root(); !slices.Contains(granted, root.name) {
			t.Errorf("%s is said to be readable", name)
		}
	}
	for _, name := range granted {
		if !slices.Contains(readable, name) {
			t.Errorf("%s is not said to be readable: %s", name, reasons[name])
		}
	}
	if got, want := reasons["refunds"], "the key lacks rak_refund_read"; got != want {
		t.Errorf("refunds: %q, want %q", got, want)
	}
	if n := strings.Count(r.log, "the API key may not read are left out"); n != 1 || strings.Contains(r.log, "rk_test_narrow") {
		t.Errorf("told %d times:\n%s", n, r.log)
	}
	asked := map[string]int{}
	for _, request := range fake.Requests() {
		asked[request.Path]++
	}
	for path, n := range asked {
		if n != 1 || path == accountPath {
			t.Errorf("%s is asked for %d times", path, n)
		}
	}
	if asked["/v1/refunds"] != 1 {
		t.Error("nobody was asked for refunds")
	}
}

func TestDiscoveryAsksASecretKeyForProductsAlone(t *testing.T) {
	fake, url := newFake(t, stripefake.Options{Seed: 16, Objects: 100})
	if _, readable, _ := discovered(t, url, nil); !slices.Contains(readable, "charges") {
		t.Errorf("readable are %v", readable)
	}
	for _, request := range fake.Requests() {
		for i := range streams {
			if streams[i].path == request.Path && !streams[i].product {
				t.Errorf("%s is asked for", request.Path)
			}
		}
	}
}

func TestWhatIsAskedForByNameIsNotLeftOut(t *testing.T) {
	fake, url := newFake(t, stripefake.Options{Seed: 16, Objects: 100, Keys: []stripefake.Key{{Secret: "rk_test_narrow", Resources: []string{"charges"}}}})
	_, readable, _ := discovered(t, url, map[string]any{"api_key": "rk_test_narrow", "select": []string{"refunds.*"}})
	if len(readable) != len(streams) || len(fake.Requests()) != 0 {
		t.Errorf("%d of %d streams and %d requests", len(readable), len(streams), len(fake.Requests()))
	}
}

func TestARunReadsAllThatARestrictedKeyMayRead(t *testing.T) {
	fake, url := newFake(t, stripefake.Options{Seed: 16, Objects: 300, Keys: []stripefake.Key{{Secret: "rk_test_narrow", Resources: []string{"refunds", "coupons"}}}})
	r := mustRun(t, url, "", map[string]any{"api_key": "rk_test_narrow"})
	got := table{}
	got.load(t, r.messages)
	if diff := differ(oracle(t, fake, "refunds", "coupons"), got); diff != "" {
		t.Error(diff)
	}
}

func TestDiscoveryWithoutANetworkListsAll(t *testing.T) {
	r, readable, _ := discovered(t, "http://127.0.0.1:1", map[string]any{"api_key": "rk_test_1"})
	if len(readable) != len(streams) || !strings.Contains(r.log, "Stripe cannot be asked which streams the key may read, so all are listed") {
		t.Errorf("%d of %d streams:\n%s", len(readable), len(streams), r.log)
	}
	if !strings.Contains(r.log, fmt.Sprintf("still failed after %d retries", discoveryRetries)) {
		t.Errorf("it does not give up early:\n%s", r.log)
	}
}

func TestDiscoveryWithAWrongKeySaysSo(t *testing.T) {
	_, url := newFake(t, stripefake.Options{Seed: 16, Keys: []stripefake.Key{{Secret: "rk_test_revoked", Revoked: true}}})
	r := runTap(t, url, "", map[string]any{"api_key": "rk_test_revoked"}, "--discover")
	if r.code != singer.ExitCredentials || !strings.Contains(lastLine(r.log), "the API key is wrong, expired or revoked") || len(r.out) > 0 {
		t.Errorf("it ends with %d and %q", r.code, lastLine(r.log))
	}
}

func TestTryingEveryListOnce(t *testing.T) {
	fake, url := newFake(t, stripefake.Options{Seed: 3, Objects: 100, AllKinds: true, NotEnabled: []string{"issuing_cards"},
		Keys: []stripefake.Key{{Secret: "rk_test_some", Resources: []string{"customers", "invoices", "issuing_cards", "prices"}}}})
	s := &settings{APIKey: "rk_test_some", BaseURL: url, RequestRate: 1000, RequestTimeout: 80}
	cards := &stream{name: "cards_issued", path: "/v1/issuing/cards", product: true}
	list := []*stream{
		{name: "customers", path: "/v1/customers", lists: bare},
		{name: "invoices", path: "/v1/invoices", lists: []string{"status=open", "status=paid"}},
		{name: "lines", parent: &parentage{stream: "invoices"}},
		{name: "refunds_of_charges", parent: &parentage{stream: "charges"}},
		{name: "account", path: "/v1/account", single: true},
		{name: "balance", path: "/v1/balance", single: true},
		cards, cards,
	}
	fake.ResetRequests()
	refused, err := tryAll(t.Context(), newClient(s, nil, slog.New(slog.DiscardHandler), &singer.Metrics{}), s, "", list)
	if err != nil {
		t.Fatal(err)
	}
	why := map[string]string{}
	for name, err := range refused {
		why[name] = reason(err)
	}
	want := map[string]string{
		"charges": "the key lacks rak_charge_read", "refunds_of_charges": "the key lacks rak_charge_read",
		"account": errAccountUnasked.Error(), "balance": "the key lacks rak_balance_read",
		"cards_issued": "the account does not use this product",
	}
	if diff := cmp.Diff(want, why); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
	asked := []string{}
	for _, request := range fake.Requests() {
		asked = append(asked, request.Path+"?"+request.Query)
	}
	slices.Sort(asked)
	wanted := []string{"/v1/balance?", "/v1/charges?limit=1", "/v1/customers?limit=1", "/v1/invoices?limit=1&status=open", "/v1/issuing/cards?limit=1"}
	if diff := cmp.Diff(wanted, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestAServerInTroubleIsNoMissingPermission(t *testing.T) {
	fake, url := newFake(t, stripefake.Options{Seed: 3, Objects: 100})
	if err := fake.Fail(stripefake.Failure{Mode: stripefake.Internal, Path: "/v1/refunds", Times: 1 << 30}); err != nil {
		t.Fatal(err)
	}
	s := &settings{APIKey: "sk_test_fake", BaseURL: url, RequestRate: 1000, RequestTimeout: 80}
	_, err := tryAll(t.Context(), newClient(s, nil, slog.New(slog.NewTextHandler(io.Discard, nil)), &singer.Metrics{}), s, "", []*stream{findStream("refunds"), findStream("charges")})
	if err == nil || !strings.Contains(err.Error(), "/v1/refunds still failed") {
		t.Errorf("it ends with %v", err)
	}
}

func TestWhatCostsARequestForEachCustomerHasToBeAskedFor(t *testing.T) {
	fake, url := newFake(t, stripefake.Options{Seed: 17, Objects: 200})
	r := runTap(t, url, "", nil, "--discover")
	catalog, err := singer.ParseCatalog(r.out)
	if err != nil {
		t.Fatal(err)
	}
	costly := []string{"active_entitlements", "billing_meter_event_summaries", "customer_balance_transactions", "customer_cash_balance_transactions", "payment_methods", "setup_attempts", "source_transactions"}
	var left []string
	for _, entry := range catalog.Streams {
		if !entry.Selected() {
			left = append(left, entry.ID)
		}
	}
	slices.Sort(left)
	if diff := cmp.Diff(costly, left); diff != "" {
		t.Errorf("not selected are (-want +got):\n%s", diff)
	}
	if !matches(r.log, `INFO .*read only when they are selected streams=".*payment_methods`) {
		t.Errorf("nobody is told:\n%s", r.log)
	}
	fake.ResetRequests()
	for _, patterns := range [][]string{nil, {"*.*"}} {
		r := mustRunWhole(t, url, patterns)
		asked := slices.ContainsFunc(fake.Requests(), func(r stripefake.Request) bool { return strings.HasSuffix(r.Path, "/payment_methods") })
		if asked != (patterns != nil) || count[*singer.Record](r.messages) == 0 {
			t.Errorf("with %v, payment methods are asked for: %v", patterns, asked)
		}
	}
}

// mustRunWhole is mustRun without a catalog.
func mustRunWhole(t *testing.T, url string, patterns []string) result {
	t.Helper()
	settings := map[string]any{"api_key": "sk_test_fake", "base_url": url, "request_rate": 1e6}
	if patterns != nil {
		settings["select"] = patterns
	}
	text, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	var out, log bytes.Buffer
	r := result{code: tap().Run(t.Context(), []string{"--config", write(t, "config.json", string(text)), "--log-format", "text"}, singer.IO{Out: &out, Err: &log})}
	if r.messages = parse(t, out.Bytes()); r.code != singer.ExitOK {
		t.Fatalf("the tap ends with %d:\n%s", r.code, log.String())
	}
	return r
}
