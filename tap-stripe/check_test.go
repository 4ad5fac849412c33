package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline/singer"
	"tapline/tests/fake/stripe/stripefake"
)

func TestCheckTellsWhatAKeyCanDo(t *testing.T) {
	const own = "acct_1FakeTapline"
	_, url := newFake(t, stripefake.Options{Seed: 21, Objects: 100, Keys: []stripefake.Key{
		{Secret: "sk_live_full"}, {Secret: "sk_test_full"}, {Secret: "rk_live_narrow", Resources: []string{"charges", "customers"}},
		{Secret: "rk_test_narrow", Resources: []string{"charges", "customers"}},
		{Secret: "sk_test_revoked", Revoked: true}, {Secret: "sk_test_expired", Expired: true}, {Secret: "sk_test_own", OwnAccountOnly: true},
	}, Connected: []stripefake.Options{{Account: "acct_other", Objects: 50}}})
	some := []string{"charges.*", "refunds.*"}
	for _, c := range []struct {
		name  string
		set   map[string]any
		code  int
		lines []string // of the report
		last  string   // of the log, if it fails
	}{
		{"a secret key in live mode", map[string]any{"api_key": "sk_live_full", "select": some}, singer.ExitOK,
			[]string{"^secret key, live mode at http", "account: " + own, "at most 50 requests a second, 12.5 to one list", "charges  *yes", "refunds  *yes"}, ""},
		{"a secret key in test mode", map[string]any{"api_key": "sk_test_full", "select": some}, singer.ExitOK,
			[]string{"^secret key, test mode at http", "account: " + own, "at most 15 requests a second, 15 to one list", "charges  *yes", "refunds  *yes"}, ""},
		{"a rate of its own", map[string]any{"api_key": "sk_live_full", "select": some, "request_rate": 8.5}, singer.ExitOK,
			[]string{"at most 8.5 requests a second, 8.5 to one list"}, ""},
		{"a connected account", map[string]any{"api_key": "sk_test_full", "account_id": "acct_other", "select": some}, singer.ExitOK,
			[]string{"account: acct_other", "charges  *yes"}, ""},
		{"a restricted key that lacks something", map[string]any{"api_key": "rk_live_narrow", "select": some}, singer.ExitCredentials,
			[]string{"^restricted key, live mode", "account: " + own, "charges  *yes", "refunds  *no  *the key lacks rak_refund_read"},
			"stream refunds: .* the API key lacks the permission rak_refund_read; grant it or deselect the stream"},
		{"a restricted key that lacks several", map[string]any{"api_key": "rk_test_narrow", "select": []string{"refunds.*", "invoices.*", "charges.*"}}, singer.ExitCredentials,
			[]string{"charges  *yes", "refunds  *no  *the key lacks rak_refund_read", "invoices  *no  *the key lacks rak_invoice_read"},
			"2 streams cannot be read: "},
		{"a restricted key that lacks nothing", map[string]any{"api_key": "rk_test_narrow", "select": []string{"charges.*"}}, singer.ExitOK,
			[]string{"^restricted key, test mode", "account: " + own, "charges  *yes"}, ""},
		{"several accounts", map[string]any{"api_key": "sk_test_full", "accounts": []string{"platform", "all"}, "select": some}, singer.ExitOK,
			[]string{"account: platform, all", "charges  *yes"}, ""},
		{"a restricted key that nobody has chosen streams for", map[string]any{"api_key": "rk_test_narrow", "request_rate": 1e6}, singer.ExitOK,
			[]string{"charges  *yes", "customers  *yes", "refunds  *no  *the key lacks rak_refund_read"}, ""},
		{"a revoked key", map[string]any{"api_key": "sk_test_revoked", "select": some}, singer.ExitCredentials, nil,
			"the API key is wrong, expired or revoked; set api_key to a current one: .*401"},
		{"an expired key", map[string]any{"api_key": "sk_test_expired", "select": some}, singer.ExitCredentials, nil,
			"the API key is wrong, expired or revoked; .*api_key_expired"},
		{"a publishable key", map[string]any{"api_key": "pk_live_1", "select": some}, singer.ExitUsage, nil, "publishable key"},
		{"no key", map[string]any{"api_key": nil, "select": some}, singer.ExitUsage, nil, "set TAP_STRIPE_API_KEY and pass --config ENV"},
		{"a key without access to the account", map[string]any{"api_key": "sk_test_own", "account_id": "acct_other", "select": some}, singer.ExitCredentials, nil,
			"no access to the account that account_id names"},
		{"nobody there", map[string]any{"api_key": "sk_test_full", "base_url": "http://127.0.0.1:1", "max_retries": 0, "select": some}, singer.ExitUnavailable, nil,
			"still failed after 0 retries; try later: .*connection refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, given := c.set["request_rate"]; !given {
				c.set["request_rate"] = nil // what the tap takes by itself
			}
			r := runTap(t, url, "", c.set, "--check")
			if r.code != c.code {
				t.Errorf("it ends with %d, want %d", r.code, c.code)
			}
			report := string(r.out)
			for _, line := range c.lines {
				if !matches(report, "(?m)"+line) {
					t.Errorf("it does not report %q:\n%s", line, report)
				}
			}
			if c.lines == nil && report != "" {
				t.Errorf("it reports\n%s", report)
			}
			if c.last != "" && !matches(lastLine(r.log), c.last) {
				t.Errorf("it ends with the words\n%s\nwant %s", lastLine(r.log), c.last)
			}
			if key, _ := c.set["api_key"].(string); key != "" && strings.Contains(report+r.log, key) {
				t.Errorf("it shows the key:\n%s\n%s", report, r.log)
			}
			if c.code == singer.ExitOK && matches(report+r.log, "(?i)error|exception") {
				t.Errorf("a healthy check speaks of errors:\n%s\n%s", report, r.log)
			}
		})
	}
}

// A restricted key that may not read the account is refused, and learns from that which one it is.
func TestACheckNeedsNoAccount(t *testing.T) {
	fake, url := newFake(t, stripefake.Options{Seed: 21, Objects: 100, Keys: []stripefake.Key{{Secret: "rk_test_narrow", Resources: []string{"charges"}}}})
	r := runTap(t, url, "", map[string]any{"api_key": "rk_test_narrow"}, "--check")
	if r.code != singer.ExitOK || !strings.Contains(string(r.out), "account: acct_1FakeTapline") {
		t.Errorf("it ends with %d:\n%s%s", r.code, r.out, r.log)
	}
	asked := 0
	for _, request := range fake.Requests() {
		if request.Path == accountPath {
			asked++
		}
	}
	if asked != 1 {
		t.Errorf("the account is asked for %d times", asked)
	}
}

func TestACheckTellsWhatTheCatalogLeavesOut(t *testing.T) {
	fake, url := newFake(t, stripefake.Options{Seed: 21, Objects: 100})
	const entry = `{"tap_stream_id":%q,"schema":{"properties":{"id":{}}},"metadata":[{"breadcrumb":[],"metadata":%s}]}`
	catalog := `{"streams":[` + strings.Join([]string{
		fmt.Sprintf(entry, "charges", `{"selected":true}`),
		fmt.Sprintf(entry, "customers", `{"selected":false}`),
		fmt.Sprintf(entry, "refunds", `{"inclusion":"unsupported","unsupported-reason":"the key lacks rak_refund_read"}`),
		fmt.Sprintf(entry, "coupons", `{"inclusion":"unsupported"}`),
	}, ",") + `]}`
	r := runTap(t, url, "", nil, "--check", "--catalog", write(t, "catalog.json", catalog))
	report := string(r.out)
	if r.code != singer.ExitOK || strings.Contains(report, "customers") {
		t.Errorf("it ends with %d:\n%s%s", r.code, report, r.log)
	}
	for _, line := range []string{"charges  *yes", "refunds  *no  *the key lacks rak_refund_read", "coupons  *no  *the catalog says so"} {
		if !matches(report, line) {
			t.Errorf("it does not report %q:\n%s", line, report)
		}
	}
	if n := len(fake.Requests()); n != 2 { // a charge, and the account
		t.Errorf("it makes %d requests", n)
	}
}

// The first parent need not have children.
func TestARunForOneRecordEachLooksBelowSeveralParents(t *testing.T) {
	fake, url := newFake(t, stripefake.Options{Seed: 21, Meters: 1, Counts: map[string]int{"setup_intents": 30, "customers": 30, "subscriptions": 12}})
	names := []string{"setup_attempts", "billing_meter_event_summaries", "usage_record_summaries"}
	var patterns []string
	for _, name := range names {
		patterns = append(patterns, name+".*")
	}
	intents, err := fake.Objects("setup_intents")
	if err != nil {
		t.Fatal(err)
	}
	if member(intents[len(intents)-1], "latest_attempt") != nil {
		t.Fatal("the newest setup intent has an attempt, so that this shows nothing")
	}
	fake.ResetRequests()
	r := runTap(t, url, "", map[string]any{"select": patterns}, "--test")
	got := map[string]int{}
	for _, m := range r.messages {
		if record, ok := m.(*singer.Record); ok {
			got[record.Stream]++
		}
	}
	want := map[string]int{"setup_attempts": 1, "billing_meter_event_summaries": 1, "usage_record_summaries": 1}
	if diff := cmp.Diff(want, got); diff != "" || r.code != singer.ExitOK {
		t.Errorf("--test ends with %d (-want +got):\n%s%s", r.code, diff, r.log)
	}
	attempts := 0
	for _, asked := range fake.Requests() {
		if asked.Path == "/v1/setup_attempts" {
			attempts++
		}
	}
	if attempts != 1 {
		t.Errorf("%d lists of attempts are asked for", attempts)
	}
}
