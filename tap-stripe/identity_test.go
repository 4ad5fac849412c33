package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"tapline/singer"
	"tapline/tests/fake/stripe/stripefake"
)

func TestAStateOfOneAccountDoesNotGoOnWithAnother(t *testing.T) {
	const own, shop = "acct_1FakeTapline", "acct_1Shop"
	_, url := newFake(t, stripefake.Options{Seed: 71, Objects: 50, Connected: []stripefake.Options{{Account: shop, Objects: 50}}, Keys: []stripefake.Key{
		{Secret: "sk_test_full"}, {Secret: "sk_live_full"}, {Secret: "rk_test_narrow", Resources: []string{"charges"}}}})
	state := func(account string) string {
		return `{"bookmarks":{"charges":{"created":5},"_account":` + account + `}}`
	}
	ofOwn, ofShop, nobodys := state(`{"id":"`+own+`","livemode":false}`), state(`{"id":"`+shop+`","livemode":false}`), `{"bookmarks":{"charges":{"created":5}}}`
	for _, c := range []struct {
		name, state string
		set         map[string]any
		words       string // of the refusal; "": there is none
		then        string // of which account the state is then
	}{
		{"its own", ofOwn, nil, "", `{"id":"acct_1FakeTapline","livemode":false}`},
		{"a restricted key's own", ofOwn, map[string]any{"api_key": "rk_test_narrow"}, "", `{"id":"acct_1FakeTapline","livemode":false}`},
		{"that of the setting account_id", ofShop, map[string]any{"account_id": shop}, "", `{"id":"acct_1Shop","livemode":false}`},
		{"one from before accounts were noted", nobodys, nil, "", `{"id":"acct_1FakeTapline","livemode":false}`},
		{"no state", "", nil, "", `{"id":"acct_1FakeTapline","livemode":false}`},
		{"another account's", ofShop, nil, "speaks of the test data of account acct_1Shop, but the key leads to the test data of account acct_1FakeTapline; use", ""},
		{"another account's, with a restricted key", ofShop, map[string]any{"api_key": "rk_test_narrow"}, "of account acct_1Shop, but", ""},
		{"the platform's, with account_id", ofOwn, map[string]any{"account_id": shop}, "leads to the test data of account acct_1Shop", ""},
		{"that of test data, with a live key", ofOwn, map[string]any{"api_key": "sk_live_full"}, "leads to the live data of account acct_1FakeTapline", ""},
		{"that of test data, for several accounts", ofOwn, map[string]any{"api_key": "sk_live_full", "accounts": []string{shop}}, "leads to live data", ""},
		{"one account's, for several", ofOwn, map[string]any{"accounts": []string{shop}}, "", `{"id":"acct_1FakeTapline","livemode":false}`},
		{"no account's", state(`7`), nil, `the bookmark "_account" does not look like`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := map[string]any{"api_key": "sk_test_full", "select": []string{"charges.*"}}
			for name, value := range c.set {
				set[name] = value
			}
			for _, args := range [][]string{nil, {"--check"}} {
				r := runTap(t, url, c.state, set, args...)
				switch {
				case c.words == "" && r.code != singer.ExitOK:
					t.Errorf("%v ends with %d:\n%s", args, r.code, r.log)
				case c.words != "" && (r.code != singer.ExitUsage || !strings.Contains(lastLine(r.log), c.words)):
					t.Errorf("%v ends with %d and %q", args, r.code, lastLine(r.log))
				case args == nil && c.words != "" && len(r.messages) > 0:
					t.Errorf("it writes %d messages", len(r.messages))
				case args == nil && c.words == "" && !strings.Contains(lastState(r.messages), `"_account":`+c.then):
					t.Errorf("the state is %s then", lastState(r.messages))
				}
			}
		})
	}
}

// Not every refusal says of which account it is.
func TestAnAccountThatStripeDoesNotTellIsAnyAccount(t *testing.T) {
	fake, _ := newFake(t, stripefake.Options{Seed: 72, Objects: 50})
	for _, status := range []int{http.StatusForbidden, http.StatusNotFound} {
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != accountPath {
				fake.ServeHTTP(w, r)
				return
			}
			w.Header().Set("Date", fake.Now().Format(http.TimeFormat))
			w.WriteHeader(status)
			fmt.Fprint(w, `{"error":{"type":"invalid_request_error","message":"No."}}`)
		})
		const state = `{"bookmarks":{"charges":{"created":5},"_account":{"id":"acct_1Shop","livemode":false}}}`
		r := mustRun(t, url, state, map[string]any{"select": []string{"charges.*"}})
		if !strings.Contains(r.log, "a key of another account would not be noticed") || !strings.Contains(lastState(r.messages), `"_account":{"id":"acct_1Shop","livemode":false}`) {
			t.Errorf("status %d leads to %s and\n%s", status, lastState(r.messages), r.log)
		}
		if r := runTap(t, url, "", map[string]any{"accounts": []string{"platform"}, "select": []string{"charges.*"}}); r.code == singer.ExitOK || !strings.Contains(lastLine(r.log), "instead of platform") {
			t.Errorf("status %d: an unknown platform ends with %d and %q", status, r.code, lastLine(r.log))
		}
	}
}
