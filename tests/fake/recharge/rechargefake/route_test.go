package rechargefake

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhoMayReadWhat(t *testing.T) {
	fake, c := start(t, Options{Objects: 1000, NotInPlan: []string{"credit_accounts", "credit_summaries"}, Tokens: []Token{
		{Secret: DefaultToken},
		{Secret: "sk_orders", Scopes: []string{"read_orders", "read_plans"}, Name: "orders only"},
		{Secret: "sk_store", Scopes: []string{"read_store"}},
		{Secret: "sk_none", Scopes: []string{}},
		{Secret: "sk_gone", Revoked: true},
	}})
	customer := "/customers/" + idOf(oracle(t, fake, "customers")[0])
	for _, test := range []struct {
		token, path string
		status      int
		holds       string
	}{
		{"", "/charges", 401, `{"error":"bad authentication"}`},
		{"sk_wrong", "/charges", 401, `{"error":"bad authentication"}`},
		{"sk_gone", "/token_information", 401, `{"error":"bad authentication"}`},
		{"sk_orders", "/charges", 200, `"charges":[`},
		{"sk_orders", "/orders", 200, `"orders":[`},
		{"sk_orders", "/plans", 200, `"plans":[`},
		{"sk_orders", "/webhooks", 200, `"webhooks":[`},
		{"sk_orders", "/metafields?owner_resource=charge", 200, `"metafields":[`},
		{"sk_orders", "/metafields?owner_resource=store", 403, "store_info or read_store"},
		{"sk_orders", "/metafields?owner_resource=customer", 403, "read_customers"},
		{"sk_orders", "/subscriptions", 403, `{"errors":{"scope":"Missing: read_subscriptions"}}`},
		{"sk_orders", customer, 403, "read_customers"},
		{"sk_orders", "/store", 403, "store_info"},
		{"sk_orders", "/token_information", 200, `"name":"orders only","scopes":["read_orders","read_plans"]`},
		{"sk_store", "/store", 200, `{"store":{"id":18250,`},
		{"sk_store", customer + "/credit_summary", 403, "plan"},
		{"sk_none", "/token_information", 200, `"scopes":[]`},
		{"sk_none", "/webhooks", 403, "scope"},
		{DefaultToken, "/credit_accounts", 403, "plan"},
		{DefaultToken, customer + "/credit_summary", 403, "plan"},
		{DefaultToken, customer + "/delivery_schedule", 200, `{"customer":{"id":`},
		{DefaultToken, "/customers/12", 404, `{"errors":"Not Found"}`},
		{DefaultToken, "/customers/abc", 404, `{"errors":"Not Found"}`},
		{DefaultToken, "/customers/12/credit_summary", 403, "plan"},
		{DefaultToken, "/customers/12/delivery_schedule", 404, "Not Found"},
		{DefaultToken, customer + "/charges", 404, "Not Found"},
		{DefaultToken, "/events/1", 404, "Not Found"},
		{DefaultToken, "/shop", 404, "Not Found"},
		{DefaultToken, "/", 404, "Not Found"},
	} {
		c.token = test.token
		status, _, body := c.do("GET", test.path, "")
		if status != test.status || !strings.Contains(body, test.holds) {
			t.Errorf("%s %s: %d %.200s, want %d with %s", test.token, test.path, status, body, test.status, test.holds)
		}
	}
}

func TestARequestNamesTheVersionAndReadsOnly(t *testing.T) {
	_, c := start(t, Options{Objects: 100})
	if status, _, _ := c.do("POST", "/charges", "{}"); status != 405 {
		t.Errorf("POST: %d", status)
	}
	if status, _, _ := c.do("GET", "/charges?a=%zz", ""); status != 400 {
		t.Errorf("a query that cannot be read: %d", status)
	}
	for _, version := range []string{"", "2021-01", "2031-01"} {
		c.version = version
		if status, _, body := c.do("GET", "/charges", ""); status != 426 {
			t.Errorf("version %q: %d %s", version, status, body)
		}
	}
}

func TestEverySingleObjectIsThatOfTheList(t *testing.T) {
	fake, c := start(t, Options{Seed: 5, Objects: 200})
	for _, k := range fake.world.kinds {
		if k.alone {
			continue
		}
		raw := oracle(t, fake, k.name)[0]
		id := idOf(raw)
		if k.name == "products" {
			id = plainText(memberRaw([]byte(raw), "external_product_id"))
		}
		status, _, body := c.do("GET", "/"+k.urlPath()+"/"+id, "")
		if want := `{"` + k.one + `":` + raw + `}`; status != 200 || body != want {
			t.Errorf("%s: %d (-want +got):\n%s", k.name, status, cmp.Diff(want, body))
		}
	}
	for _, name := range []string{"store", "token_information"} {
		if _, _, body := c.do("GET", "/"+name, ""); body != `{"`+name+`":`+oracle(t, fake, name)[0]+`}` {
			t.Errorf("%s: %s", name, body)
		}
	}
	for i, customer := range oracle(t, fake, "customers") {
		_, _, summary := c.do("GET", "/customers/"+idOf(customer)+"/credit_summary", "")
		_, _, schedule := c.do("GET", "/customers/"+idOf(customer)+"/delivery_schedule", "")
		if summary != `{"credit_summary":`+oracle(t, fake, "credit_summaries")[i]+`}` || schedule != oracle(t, fake, "delivery_schedules")[i] {
			t.Errorf("customer %s: %s %s", idOf(customer), summary, schedule)
		}
	}
}

func TestADeliveryScheduleIsCutAsAsked(t *testing.T) {
	fake, c := start(t, Options{Seed: 5, Counts: map[string]int{"customers": 30, "orders": 5}})
	dates := map[string]int{}
	for _, customer := range oracle(t, fake, "customers") {
		at, _ := parseTime(plainText(memberRaw([]byte(customer), "updated_at")))
		soon := strings.Trim(day(at+20*dayMicros), `"`)
		for _, query := range []string{"", "delivery_count_future=1", "date_max=" + soon, "delivery_count_future=5&future_interval=90"} {
			status, _, body := c.do("GET", "/customers/"+idOf(customer)+"/delivery_schedule?"+query, "")
			found := reach([]byte(body), "deliveries.date")
			if status != 200 || plainText(reach([]byte(body), "customer.id")[0]) != idOf(customer) {
				t.Fatalf("%s: %d %s", query, status, body)
			}
			name, _, _ := strings.Cut(query, "=")
			dates[name] += len(found)
			if name == "delivery_count_future" && strings.HasSuffix(query, "=1") && len(found) > 1 || name == "date_max" && len(found) > 1 {
				t.Errorf("%s: %s", query, found)
			}
		}
	}
	if dates[""] <= dates["date_max"] || dates["date_max"] == 0 {
		t.Errorf("deliveries: %v", dates)
	}
}

func TestIncludesAddWhatBelongsToARecord(t *testing.T) {
	fake, c := start(t, Options{Seed: 6, Objects: 400})
	for _, k := range fake.world.kinds {
		for _, in := range k.includes {
			filled := 0
			for _, raw := range c.list("/"+k.urlPath(), "include", in.name, "limit", "250").items {
				plain, _, _ := strings.Cut(raw, `,"include":`)
				included := memberRaw(memberRaw([]byte(raw), "include"), in.name)
				for _, other := range reach(included, "") {
					if string(other) == "null" {
						continue
					}
					filled++
					theirs := plainText(memberRaw(other, in.theirs))
					if !strings.Contains(plain+"}", theirs) || memberRaw(other, "include") != nil {
						t.Errorf("%s %s: %s is not named by %.300s", k.name, in.name, theirs, plain)
					}
				}
			}
			if in.kind != "" && in.kind != "metafields_charge" && filled == 0 {
				t.Errorf("%s: include=%s added nothing to any record", k.name, in.name)
			}
		}
	}
	charge := c.list("/charges", "include", "customer,metafields,transactions", "limit", "1")
	if !strings.Contains(charge.items[0], `"include":{"customer":{"id":`) || !strings.HasSuffix(charge.items[0], `"transactions":[]}}`) {
		t.Errorf("several includes: %s", charge.items[0])
	}
	if next := c.list("/charges", "cursor", charge.next, "limit", "1"); !strings.Contains(next.items[0], `"include":{"customer"`) {
		t.Errorf("the second page forgot the include: %s", next.items[0])
	}
}

func TestRequestsAreLoggedWithoutTokens(t *testing.T) {
	fake, c := start(t, Options{Objects: 100})
	c.do("GET", "/charges?limit=3", "")
	c.do("GET", "/_control/counts", "")
	if diff := cmp.Diff([]Request{{"GET", "/charges", "limit=3"}}, fake.Requests()); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
	fake.ResetRequests()
	if n := len(fake.Requests()); n != 0 {
		t.Errorf("%d requests after the reset", n)
	}
}

func TestAnswersCarryLengthDateAndId(t *testing.T) {
	_, c := start(t, Options{Objects: 100})
	_, h, body := c.do("GET", "/charges", "")
	_, other, _ := c.do("GET", "/nothing", "")
	if h.Get("Content-Length") == "" || len(body) == 0 || h.Get("Date") != DefaultNow.Format(http.TimeFormat) || h.Get("X-Request-Id") == other.Get("X-Request-Id") {
		t.Errorf("headers: %v", h)
	}
}

func TestAnswersAreCompressedWhenBothSidesAgree(t *testing.T) {
	_, plain := start(t, Options{Objects: 100})
	fake, c := start(t, Options{Objects: 100, Gzip: true})
	_, h, want := plain.do("GET", "/charges", "")
	if h.Get("Content-Encoding") != "" {
		t.Errorf("compressed without being asked: %v", h)
	}
	for _, accept := range []string{"", "gzip"} {
		r := httptest.NewRequest("GET", "/charges", nil)
		r.Header.Set("X-Recharge-Access-Token", DefaultToken)
		r.Header.Set("X-Recharge-Version", Version)
		r.Header.Set("Accept-Encoding", accept)
		w := httptest.NewRecorder()
		fake.ServeHTTP(w, r)
		if w.Header().Get("Content-Encoding") != accept || accept == "gzip" && w.Body.Len() >= len(want) {
			t.Errorf("Accept-Encoding %q: %d bytes, %v", accept, w.Body.Len(), w.Header())
		}
	}
	if _, _, body := c.do("GET", "/charges", ""); body != want { // net/http asks for gzip by itself
		t.Error("compressed and plain answers differ")
	}
}

func TestTheStoreHasTheNumberOfTheOptions(t *testing.T) {
	fake, _ := start(t, Options{Objects: 5000, Store: 77})
	if id := idOf(oracle(t, fake, "store")[0]); id != "77" {
		t.Errorf("the store is %s", id)
	}
	if id := plainText(memberRaw([]byte(oracle(t, fake, "metafields_store")[0]), "owner_id")); id != "77" {
		t.Errorf("its metafields belong to %s", id)
	}
}
