package stripefake

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestKeysThatOpenNothing(t *testing.T) {
	_, c := start(t, Options{Keys: []Key{{Secret: "sk_test_51Hrevoked1111", Revoked: true}, {Secret: "sk_live_51Hexpired2222", Expired: true}, {Secret: "sk_test_51Hgood3333"}}})
	for key, want := range map[string]struct {
		status        int
		code, message string
	}{
		"sk_test_51Hrevoked1111":   {401, "", "Invalid API Key provided: sk_test_**********1111"},
		"sk_live_51Hexpired2222":   {401, "api_key_expired", "Expired API Key provided: sk_live_**********2222"},
		"pk_test_51Hpublished4444": {401, "secret_key_required", "publishable API key"},
	} {
		c.key = key
		status, _, body := c.do("GET", "/v1/charges", "")
		if e := refusal(t, body); status != want.status || e.Error.Code != want.code || !strings.Contains(e.Error.Message, want.message) || strings.Contains(string(body), key) {
			t.Errorf("%s: %d %s", key, status, body)
		}
	}
}

func TestPermissionsNameTheResource(t *testing.T) {
	o := everyKind(1)
	o.Keys = []Key{{Secret: "rk_test_51Hreader", Resources: []string{"customers"}}}
	fake, c := start(t, o)
	c.key = "rk_test_51Hreader"
	customer := idOf(t, oracle(t, fake, "customers")[0])
	for path, permission := range map[string]string{
		"customers/" + customer + "/sources": "",
		"checkout/sessions":                  "rak_checkout_session_read",
		"radar/value_lists":                  "rak_radar_value_list_read",
		"transfers/tr_x/reversals":           "rak_transfer_read",
		"balance":                            "rak_balance_read",
		"accounts":                           "rak_account_read",
	} {
		status, _, body := c.do("GET", "/v1/"+path, "")
		if permission == "" && status != 200 || permission != "" && (status != 403 || !strings.Contains(string(body), "'"+permission+"' permission")) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

func TestProductsThatAreNotEnabledAnswer400(t *testing.T) {
	o := everyKind(1)
	o.NotEnabled = []string{"early_fraud_warnings"}
	_, c := start(t, o)
	status, _, body := c.do("GET", "/v1/radar/early_fraud_warnings", "")
	if e := refusal(t, body); status != 400 || e.Error.Type != "invalid_request_error" || !strings.Contains(e.Error.Message, "not set up to use") {
		t.Errorf("%d %s", status, body)
	}
	if status, _, _ := c.do("GET", "/v1/reviews", ""); status != 200 {
		t.Errorf("another product: %d", status)
	}
}

func platform(t *testing.T) (*Server, *client) {
	return start(t, Options{Seed: 1, Objects: 200, AllKinds: true,
		Keys:      []Key{{Secret: "sk_test_fake"}, {Secret: "sk_test_own", OwnAccountOnly: true}},
		Connected: []Options{{Objects: 100}, {Objects: 50}, {Account: "acct_third"}}})
}

func TestAPlatformListsItsAccounts(t *testing.T) {
	fake, c := platform(t)
	var ids []string
	for _, raw := range whole(t, c, "/v1/accounts") {
		ids = append(ids, idOf(t, raw))
	}
	slices.Sort(ids)
	want := []string{"acct_1Connected0000", "acct_1Connected0001", "acct_third"}
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Errorf("accounts (-want +got):\n%s", diff)
	}
	_, _, there := c.do("GET", "/v1/accounts/acct_third", "")
	status, _, own := c.do("GET", "/v1/account", "", "Stripe-Account", "acct_third")
	if status != 200 || compact(t, there) != compact(t, own) {
		t.Errorf("the account about itself: %d\n%s\nthe platform about it:\n%s", status, own, there)
	}
	for _, raw := range oracle(t, fake, "application_fees") {
		if id := decode(t, []byte(raw))["account"].(string); !slices.Contains(want, id) {
			t.Errorf("a fee was paid by %s", id)
		}
	}
}

func TestEachAccountHasItsOwnObjects(t *testing.T) {
	fake, c := platform(t)
	seen := map[string]string{}
	for _, id := range []string{"acct_1FakeTapline", "acct_1Connected0000", "acct_1Connected0001"} {
		account := fake.Account(id)
		if account == nil {
			account = fake
		}
		status, _, body := c.do("GET", "/v1/charges?limit=100", "", "Stripe-Account", id)
		got := readElements(find(must(readMembers(body)), "data"))
		want := oracle(t, account, "charges")
		if status != 200 || len(got) != len(want) || len(want) == 0 {
			t.Fatalf("%s: %d, %d charges, want %d", id, status, len(got), len(want))
		}
		for i := range got {
			if compact(t, got[i]) != want[i] {
				t.Errorf("%s: charge %d differs", id, i)
			}
			charge := idOf(t, want[i])
			if other := seen[charge]; other != "" {
				t.Errorf("%s is in %s and %s", charge, id, other)
			}
			seen[charge] = id
		}
	}
	for _, test := range []struct {
		key, account string
		status       int
	}{{"sk_test_fake", "acct_other", 403}, {"sk_test_own", "acct_third", 403}, {"sk_test_own", "acct_1FakeTapline", 200}, {"sk_test_own", "", 200}} {
		c.key = test.key
		if status, _, body := c.do("GET", "/v1/charges", "", "Stripe-Account", test.account); status != test.status {
			t.Errorf("%s for %s: %d %s", test.key, test.account, status, body)
		}
	}
}

func TestAnAccountCanLeaveThePlatform(t *testing.T) {
	fake, c := platform(t)
	if status, _, body := c.do("DELETE", "/_control/accounts/acct_third", ""); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	if n := len(whole(t, c, "/v1/accounts")); n != 2 {
		t.Errorf("%d accounts are listed", n)
	}
	for account, want := range map[string]int{"acct_third": 403, "acct_1Connected0000": 200, "": 200} {
		if status, _, body := c.do("GET", "/v1/charges", "", "Stripe-Account", account); status != want {
			t.Errorf("for %q: %d %s", account, status, body)
		}
	}
	if fake.Account("acct_third") == nil || fake.Deauthorize("acct_third") == nil || fake.Deauthorize("acct_other") == nil {
		t.Error("an account leaves once, and its truth stays")
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func TestAccountsShareTheClockAndTheLog(t *testing.T) {
	fake, c := platform(t)
	account := fake.Account("acct_third")
	if err := account.Advance(time.Hour); err != nil || !fake.Now().Equal(account.Now()) {
		t.Errorf("%s and %s (%v)", fake.Now(), account.Now(), err)
	}
	c.do("GET", "/v1/charges", "", "Stripe-Account", "acct_third")
	if n := len(fake.Requests()); n != 1 {
		t.Errorf("%d requests in the log of the platform", n)
	}
	if status, _, _ := c.do("POST", "/_control/create/charges?n=4", "", "Stripe-Account", "acct_third"); status != 200 || account.Counts()["charges"] != 4 {
		t.Errorf("%d, %v", status, account.Counts())
	}
	if status, _, _ := c.do("GET", "/_control/counts", "", "Stripe-Account", "acct_other"); status != 400 {
		t.Errorf("the control half for a strange account: %d", status)
	}
}

// What happens to a connected account is told in its own feed.
func TestEventsOfAccountsAreInTheirOwnFeed(t *testing.T) {
	fake, c := platform(t)
	before := fake.Counts()["events"]
	if err := fake.Update("accounts", "acct_third", []byte(`{"metadata":{"plan":"gold"}}`)); err != nil {
		t.Fatal(err)
	}
	m := mutator(t, fake, MutatorOptions{Seed: 2, Kinds: []string{"accounts"}})
	step(t, m, 150)
	if n := fake.Counts()["events"]; n != before || fake.Counts()["accounts"] != 3 {
		t.Errorf("%d events of accounts in the feed of the platform, which has %d accounts", n-before, fake.Counts()["accounts"])
	}
	types := map[string]bool{}
	for _, id := range []string{"acct_1Connected0000", "acct_1Connected0001", "acct_third"} {
		for _, e := range eventsOf(t, fake.Account(id)) {
			types[e["type"].(string)] = true
		}
	}
	for _, want := range []string{"account.updated", "person.created", "account.external_account.created", "capability.updated"} {
		if !types[want] {
			t.Errorf("no %s among %v", want, types)
		}
	}
	p := c.list("/v1/events", url.Values{"type": {"account.*"}})
	if len(p.Data) != 0 {
		t.Errorf("the platform lists %s", p.Data[0])
	}
}

func TestWrongConnectedAccountsAreRefused(t *testing.T) {
	for _, o := range []Options{
		{Connected: []Options{{Account: "acct_a"}, {Account: "acct_a"}}},
		{Account: "acct_a", Connected: []Options{{Account: "acct_a"}}},
		{Connected: []Options{{Connected: []Options{{}}}}},
		{Connected: []Options{{Objects: -1}}},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v was accepted", o.Connected)
		}
	}
}
