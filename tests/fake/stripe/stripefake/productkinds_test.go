package stripefake

import (
	"net/url"
	"strings"
	"testing"
)

func TestProductsThatAreNotEnabledSayWhich(t *testing.T) {
	for resource, words := range map[string]string{
		"issuing_cards": "not set up to use Issuing", "treasury_financial_accounts": "Have you onboarded to Treasury",
		"climate_orders": "Unrecognized request URL", "scheduled_query_runs": "isn't available in test mode",
		"financial_connections_accounts": "API surface is not enabled", "identity_verification_sessions": "not set up to use identity",
	} {
		fake, c := start(t, Options{Counts: map[string]int{resource: 3}, NotEnabled: []string{resource}})
		k := fake.world.byName[resource]
		paths := []string{k.urlPath(), k.urlPath() + "/" + idOf(t, oracle(t, fake, resource)[0])}
		for i := range k.children {
			paths = append(paths, strings.ReplaceAll(k.children[i].path, "%s", "x"))
		}
		for _, path := range paths {
			if status, _, body := c.do("GET", "/v1/"+path, ""); status != 400 || !strings.Contains(string(body), words) {
				t.Errorf("%s: %d %s, want 400 with %q", path, status, body, words)
			}
		}
	}
}

// Customers and what belongs to Terminal answer after their deletion; all else is gone.
func TestWhatIsLeftOfDeletedObjects(t *testing.T) {
	fake, c := start(t, everyKind(6))
	for kind, want := range map[string]int{"customers": 200, "terminal_readers": 200, "terminal_locations": 200, "terminal_configurations": 200,
		"coupons": 404, "products": 404, "plans": 404, "prices": 404, "invoiceitems": 404, "webhook_endpoints": 404} {
		id := idOf(t, oracle(t, fake, kind)[0])
		if err := fake.Delete(kind, id); err != nil {
			t.Fatal(err)
		}
		path := "/v1/" + fake.world.byName[kind].urlPath()
		status, _, body := c.do("GET", path+"/"+url.PathEscape(id), "")
		if status != want || status == 200 && (decode(t, body)["deleted"] != true || decode(t, body)["id"] != id) || status == 404 && !strings.Contains(string(body), "resource_missing") {
			t.Errorf("%s: %d %s, want %d", path, status, body, want)
		}
		for _, raw := range whole(t, c, path) {
			if idOf(t, raw) == id {
				t.Errorf("%s still lists %s", path, id)
			}
		}
	}
}

func TestOwnersAreListedByTheirOwnership(t *testing.T) {
	fake, c := start(t, everyKind(7))
	for _, raw := range oracle(t, fake, "financial_connections_accounts") {
		o := decode(t, []byte(raw))
		path := "/v1/financial_connections/accounts/" + o["id"].(string) + "/owners"
		if status, _, _ := c.do("GET", path, ""); status != 400 {
			t.Errorf("%s without an ownership: %d", path, status)
		}
		if n := len(c.list(path, url.Values{"ownership": {o["ownership"].(string)}}).Data); n == 0 {
			t.Errorf("%s: nobody", path)
		}
		if n := len(c.list(path, url.Values{"ownership": {"fcaowns_other"}}).Data); n != 0 {
			t.Errorf("%s: %d owners of another ownership", path, n)
		}
	}
}

func TestListsBelowElements(t *testing.T) {
	fake, c := start(t, everyKind(10))
	for _, l := range elementLists {
		refused, long := 0, 0
		for _, parent := range oracle(t, fake, l.kind) {
			list := "/v1/subscription_items?subscription=" + idOf(t, parent)
			if l.list == "sources" {
				list = "/v1/customers/" + idOf(t, parent) + "/sources"
			}
			for _, raw := range whole(t, c, list) {
				element := decode(t, []byte(raw))
				path := "/v1/" + strings.ReplaceAll(l.path, "{}", element["id"].(string))
				status, _, body := c.do("GET", path, "")
				if element["object"] != l.element {
					if status != 404 {
						t.Errorf("%s is a %v: %d", path, element["object"], status)
					}
					continue
				}
				if status == 400 && strings.Contains(string(body), "legacy metered billing") {
					refused++
					continue
				}
				all := whole(t, c, path)
				for _, row := range all {
					if list := faults(fake.world.doc.components[l.component], decode(t, []byte(row)), l.component); list != nil || decode(t, []byte(row))[l.element] != element["id"] {
						t.Fatalf("%s\n%s", strings.Join(list, "\n"), row)
					}
				}
				if len(all) > 10 {
					long++
				}
			}
		}
		if long == 0 || (refused == 0) == (l.element == "subscription_item") {
			t.Errorf("%s: %d refused, %d longer than a page", l.path, refused, long)
		}
		if status, _, _ := c.do("GET", "/v1/"+strings.ReplaceAll(l.path, "{}", "gone"), ""); status != 404 {
			t.Errorf("%s of nothing: %d", l.path, status)
		}
	}
}

// An element may have come after others were asked for.
func TestNewElementsAreFoundWithoutTheirParent(t *testing.T) {
	fake, c := start(t, everyKind(11))
	paths := func() (list []string) {
		for _, customer := range oracle(t, fake, "customers") {
			for _, source := range whole(t, c, "/v1/customers/"+idOf(t, customer)+"/sources?object=source") {
				list = append(list, "/v1/sources/"+idOf(t, source)+"/source_transactions")
			}
		}
		for _, account := range oracle(t, fake, "treasury_financial_accounts") {
			for _, name := range []string{"received_credits", "outbound_payments"} {
				for _, row := range whole(t, c, "/v1/treasury/"+name+"?financial_account="+idOf(t, account)) {
					list = append(list, "/v1/treasury/"+name+"/"+idOf(t, row))
				}
			}
		}
		return list
	}
	n := len(paths())
	for range 2 {
		for _, path := range paths() {
			if status, _, body := c.do("GET", path, ""); status != 200 {
				t.Errorf("%s: %d %s", path, status, body)
			}
		}
		step(t, mutator(t, fake, MutatorOptions{Seed: 5, Kinds: []string{"customers", "treasury_financial_accounts"}}), 60)
	}
	if len(paths()) <= n {
		t.Error("nothing came")
	}
}

// The document is older than these parameters.
func TestLaterListsTakeCreated(t *testing.T) {
	fake, c := start(t, everyKind(10))
	for _, kind := range []string{"credit_notes", "early_fraud_warnings"} {
		sh := fake.shelves[kind]
		at := itoa(sh.entries[20].created)
		path := "/v1/" + sh.kind.urlPath()
		older := len(c.list(path, url.Values{"created[lt]": {at}, "limit": {"100"}}).Data)
		younger := len(c.list(path, url.Values{"created[gte]": {at}, "limit": {"100"}}).Data)
		if older == 0 || younger == 0 || older+younger != 40 {
			t.Errorf("%s: %d older, %d younger, of 40", path, older, younger)
		}
		if status, _, _ := c.do("GET", path+"?created[eq]=5", ""); status != 400 {
			t.Errorf("%s: a comparison that does not exist: %d", path, status)
		}
	}
}

func TestListsThatTheDocumentLacksAreEmptyAndStrict(t *testing.T) {
	_, c := start(t, Options{Keys: []Key{{Secret: "sk_test_fake"}, {Secret: "rk_test_little", Resources: []string{"charges"}}}})
	for _, l := range laterLists {
		path, query := "/v1/"+l.path, url.Values{"limit": {"100"}}
		for _, p := range l.parameters {
			if p.Required {
				if status, _, _ := c.do("GET", path, ""); status != 400 {
					t.Errorf("%s without %s: %d", path, p.Name, status)
				}
				query.Set(p.Name, "cus_x")
			}
		}
		if got := c.list(path, query); len(got.Data) > 0 || got.HasMore || got.URL != path {
			t.Errorf("%s: %+v", path, got)
		}
		for name, wrong := range map[string]string{"limit": "101", "unheard_of": "1", "starting_after": "x"} {
			bad := url.Values{name: {wrong}}
			for key := range query {
				if key != name {
					bad[key] = query[key]
				}
			}
			if status, _, body := c.do("GET", path+"?"+bad.Encode(), ""); status != 400 && (name != "starting_after" || status != 404) {
				t.Errorf("%s with %s=%s: %d %s", path, name, wrong, status, body)
			}
		}
		c.key = "rk_test_little"
		if status, _, _ := c.do("GET", path+"?"+query.Encode(), ""); status != 403 {
			t.Errorf("%s with a key that may not read it: %d", path, status)
		}
		c.key = "sk_test_fake"
	}
}
