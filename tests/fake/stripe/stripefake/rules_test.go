package stripefake

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// errorBody is what a refused request is answered.
type errorBody struct {
	Error struct{ Code, Message, Param, Type string }
}

func refusal(t *testing.T, body []byte) errorBody {
	t.Helper()
	var e errorBody
	if err := json.Unmarshal(body, &e); err != nil || e.Error.Message == "" {
		t.Fatalf("no error body: %s", body)
	}
	return e
}

func TestWrongParametersAreRefused(t *testing.T) {
	_, c := start(t, Options{Objects: 100})
	types := strings.Repeat("&types[]=charge.failed", 21)[1:]
	for query, want := range map[string]struct {
		status      int
		code, param string
	}{
		"customers?limit=0":                               {400, "parameter_invalid_integer", "limit"},
		"customers?limit=101":                             {400, "parameter_invalid_integer", "limit"},
		"customers?limit=ten":                             {400, "parameter_invalid_integer", "limit"},
		"customers?nmae=x":                                {400, "parameter_unknown", "nmae"},
		"customers?status=active":                         {400, "parameter_unknown", "status"},
		"customers?created[after]=1":                      {400, "parameter_unknown", "created[after]"},
		"customers?created[gte]=yesterday":                {400, "parameter_invalid_integer", "created[gte]"},
		"customers?limit[x]=1":                            {400, "parameter_unknown", "limit[x]"},
		"customers?email=":                                {400, "parameter_invalid_empty", "email"},
		"customers?starting_after=cus_gone":               {404, "resource_missing", "starting_after"},
		"customers?ending_before=cus_gone":                {404, "resource_missing", "ending_before"},
		"customers?starting_after=a&ending_before=b":      {400, "parameter_invalid", "ending_before"},
		"customers?expand=data.discount":                  {400, "", "expand"},
		"customers?expand[]=data.email":                   {400, "", "expand"},
		"customers?expand[]=sources":                      {400, "", "expand"},
		"customers?expand[]=data":                         {400, "", "expand"},
		"events?expand[]=data.data":                       {400, "", "expand"},
		"subscriptions?status=gone":                       {400, "", "status"},
		"products?active=yes":                             {400, "", "active"},
		"events?" + types:                                 {400, "", "types"},
		"events?type=charge.failed&types[]=charge.failed": {400, "", "types"},
		"subscription_items":                              {400, "parameter_missing", "subscription"},
		"charges/ch_gone":                                 {404, "resource_missing", "id"},
		"charges/ch_gone?limit=1":                         {400, "parameter_unknown", "limit"},
		"nothing":                                         {404, "", ""},
		"charges/":                                        {404, "", ""},
		"charges/a/b":                                     {404, "", ""},
		"invoices/in_gone/lines":                          {404, "resource_missing", "id"},
	} {
		status, _, body := c.do("GET", "/v1/"+query, "")
		e := refusal(t, body)
		if status != want.status || e.Error.Code != want.code || e.Error.Param != want.param || e.Error.Type != "invalid_request_error" {
			t.Errorf("%s: %d %+v, want %+v", query, status, e.Error, want)
		}
	}
	if status, _, body := c.do("POST", "/v1/customers", "name=x"); status != 404 || !strings.Contains(string(body), "Unrecognized request URL (POST: /v1/customers)") {
		t.Errorf("POST: %d %s", status, body)
	}
}

func TestParametersOfTheSDKBeyondTheDocumentAreAccepted(t *testing.T) {
	_, c := start(t, Options{Objects: 100})
	c.list("/v1/products", url.Values{"type": {"service"}})
	c.list("/v1/subscriptions", url.Values{"plan": {"gold"}})
}

func TestKeysOpenWhatTheyMay(t *testing.T) {
	const secret, restricted = "sk_test_51Hsecret4242", "rk_test_51Hreader7777"
	_, c := start(t, Options{Objects: 100, Keys: []Key{{Secret: secret}, {Secret: restricted, Resources: []string{"customers", "invoices"}}}})
	for _, test := range []struct {
		name, key, path string
		header          []string
		status          int
		message         string
	}{
		{"no key", "", "charges", nil, 401, "did not provide an API key"},
		{"wrong key", "sk_test_thisisthewrongone", "charges", nil, 401, "Invalid API Key provided: sk_test_*************gone"},
		{"short wrong key", "abc", "charges", nil, 401, "Invalid API Key provided: ***"},
		{"full key", secret, "charges", nil, 200, ""},
		{"basic auth", "", "charges", []string{"Authorization", "Basic c2tfdGVzdF81MUhzZWNyZXQ0MjQyOg=="}, 200, ""},
		{"restricted, allowed", restricted, "customers", nil, 200, ""},
		{"restricted, lines of an allowed kind", restricted, "invoices/in_x/lines", nil, 404, "No such invoice"},
		{"restricted, refused", restricted, "tax_rates", nil, 403, "'rak_tax_rate_read' permission"},
		{"restricted, refused account", restricted, "account", nil, 403, "'rak_account_read' permission"},
		{"restricted, refused by id", restricted, "charges/ch_x", nil, 403, "'rak_charge_read' permission"},
		{"account", secret, "account", nil, 200, ""},
		{"right version", secret, "charges", []string{"Stripe-Version", Version}, 200, ""},
		{"wrong version", secret, "charges", []string{"Stripe-Version", "2022-11-15"}, 400, "Invalid Stripe API version: 2022-11-15"},
		{"own account", secret, "charges", []string{"Stripe-Account", "acct_1FakeTapline"}, 200, ""},
		{"strange account", secret, "charges", []string{"Stripe-Account", "acct_other"}, 403, "does not have access to account 'acct_other'"},
	} {
		c.key = test.key
		status, _, body := c.do("GET", "/v1/"+test.path, "", test.header...)
		if status != test.status || !strings.Contains(string(body), test.message) {
			t.Errorf("%s: %d %s, want %d with %q", test.name, status, body, test.status, test.message)
		}
		if strings.Contains(string(body), secret) || strings.Contains(string(body), restricted) {
			t.Errorf("%s: the answer holds a key: %s", test.name, body)
		}
	}
}

func TestFiltersAgreeWithTheObjects(t *testing.T) {
	fake, c := start(t, Options{Objects: 500})
	charge := decode(t, []byte(oracle(t, fake, "charges")[0]))
	shown := c.list("/v1/subscriptions", nil)
	subscription := decode(t, shown.Data[0])
	for _, test := range []struct {
		kind, key, value string
		keeps            func(o map[string]any) bool
	}{
		{"subscriptions", "", "", func(o map[string]any) bool { return o["status"] != "canceled" }},
		{"subscriptions", "status", "canceled", func(o map[string]any) bool { return o["status"] == "canceled" }},
		{"subscriptions", "status", "all", func(o map[string]any) bool { return true }},
		{"subscriptions", "customer", subscription["customer"].(string), func(o map[string]any) bool {
			return o["customer"] == subscription["customer"] && o["status"] != "canceled"
		}},
		{"subscriptions", "automatic_tax[enabled]", "true", func(o map[string]any) bool {
			return o["automatic_tax"].(map[string]any)["enabled"] == true && o["status"] != "canceled"
		}},
		{"invoices", "status", "open", func(o map[string]any) bool { return o["status"] == "open" }},
		{"charges", "customer", charge["customer"].(string), func(o map[string]any) bool { return o["customer"] == charge["customer"] }},
		{"prices", "active", "false", func(o map[string]any) bool { return o["active"] == false }},
		{"prices", "type", "one_time", func(o map[string]any) bool { return o["type"] == "one_time" }},
		{"balance_transactions", "type", "refund", func(o map[string]any) bool { return o["type"] == "refund" }},
		{"events", "type", "customer.subscription.*", func(o map[string]any) bool { return strings.HasPrefix(o["type"].(string), "customer.subscription.") }},
		{"events", "types[]", "charge.succeeded", func(o map[string]any) bool { return o["type"] == "charge.succeeded" }},
	} {
		var want, got []string
		for _, raw := range oracle(t, fake, test.kind) {
			if o := decode(t, []byte(raw)); test.keeps(o) && len(want) < 100 {
				want = append(want, o["id"].(string))
			}
		}
		query := url.Values{"limit": {"100"}}
		if test.key != "" {
			query.Set(test.key, test.value)
		}
		for _, raw := range c.list("/v1/"+test.kind, query).Data {
			got = append(got, idOf(t, string(raw)))
		}
		if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
			t.Errorf("%s?%s=%s (%d wanted) (-want +got):\n%s", test.kind, test.key, test.value, len(want), diff)
		}
	}
}

func TestExpandShowsWhatAPlainAnswerHides(t *testing.T) {
	fake, c := start(t, Options{Objects: 500})
	plain := c.list("/v1/customers", nil)
	if o := decode(t, plain.Data[0]); o["sources"] != nil {
		t.Errorf("sources without expand: %v", o["sources"])
	}
	opened := c.list("/v1/customers", url.Values{"expand[]": {"data.sources", "data.tax_ids"}})
	o := decode(t, opened.Data[0])
	if o["sources"] == nil || o["tax_ids"] == nil || o["subscriptions"] != nil {
		t.Errorf("expanded customer has %v", o)
	}
	raws, err := fake.Objects("customers", "sources", "tax_ids")
	if err != nil || string(raws[len(raws)-1]) != compact(t, opened.Data[0]) {
		t.Errorf("the oracle with expand differs from the list (%v)", err)
	}
	for _, raw := range c.list("/v1/charges", url.Values{"expand[]": {"data.customer", "data.invoice.customer"}}).Data {
		o := decode(t, raw)
		customer, ok := o["customer"].(map[string]any)
		if o["customer"] == nil || !ok {
			continue
		}
		want, err := fake.Object("customers", customer["id"].(string))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(decode(t, want), customer); diff != "" {
			t.Errorf("expanded customer (-want +got):\n%s", diff)
		}
		return
	}
	t.Error("no charge had a customer")
}

func TestEventsAgeOut(t *testing.T) {
	fake, c := start(t, Options{Objects: 2000})
	all := oracle(t, fake, "events")
	oldest := idOf(t, all[len(all)-1])
	if status, _, _ := c.do("GET", "/v1/events/"+oldest, ""); status != 200 {
		t.Fatalf("the oldest event cannot be read: %d", status)
	}
	if err := fake.Advance(10 * 24 * time.Hour); err != nil {
		t.Fatal(err)
	}
	left := oracle(t, fake, "events")
	if len(left) == 0 || len(left) >= len(all) {
		t.Fatalf("%d of %d events left after ten days", len(left), len(all))
	}
	if status, _, _ := c.do("GET", "/v1/events/"+oldest, ""); status != 404 {
		t.Errorf("an aged event by id: %d, want 404", status)
	}
	status, _, body := c.do("GET", "/v1/events?starting_after="+oldest, "")
	if status != 400 || !strings.Contains(string(body), "aged out of our retention policy") {
		t.Errorf("an aged event as cursor: %d %s", status, body)
	}
}

// Whatever a client asks, the answer is JSON and not a fault of the fake.
func FuzzQueries(f *testing.F) {
	fake, err := New(Options{Objects: 60})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"limit=3", "created[gte]=9223372036854775807", "created[lte]=9223372036854775807", "types[0]=a&types[]=b", "expand[]=data.a.b.c.d.e",
		"expand[]=data.invoice.charge", "limit[]=1", "created=", "a%zz", "[=]", "email=%00", "status=all&expand[]=data.items.data.price"} {
		f.Add("subscriptions", seed)
		f.Add("customers/x", seed)
	}
	f.Fuzz(func(t *testing.T, path, query string) {
		r := newRequest(path, query)
		r.Header.Set("Authorization", "Bearer sk_test_fake")
		status, body := fake.answer(r)
		if !json.Valid(body) || status >= 500 {
			t.Errorf("%q?%q: %d %s", path, query, status, body)
		}
	})
}

// An update that is accepted leaves a valid object and the same id.
func FuzzUpdates(f *testing.F) {
	for _, seed := range []string{`{}`, `{"name":null}`, `{"metadata":{"a":"b"},"metadata":{"a":1}}`, `{"x":1.10}`, `[]`, `{"id":"x"}`, `{"a":`, `{"a":1}garbage`, `{"address":{"city":[{}]}}`} {
		f.Add([]byte(seed))
	}
	fake, err := New(Options{Objects: 60})
	if err != nil {
		f.Fatal(err)
	}
	sh := fake.shelves["customers"]
	f.Fuzz(func(t *testing.T, patch []byte) {
		sh.entries[0].raw = nil
		err := fake.Update("customers", sh.entries[0].id, patch)
		raw := fake.raw(sh, 0)
		if !json.Valid(raw) || memberText(raw, "id") != sh.entries[0].id {
			t.Errorf("after %q (%v): %s", patch, err, raw)
		}
	})
}
