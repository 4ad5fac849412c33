package stripefake

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// everyKind is an account that has some of everything.
func everyKind(seed uint64) Options {
	counts := map[string]int{}
	for _, k := range allKinds() {
		counts[k.name] = 40
	}
	return Options{Seed: seed, Counts: counts}
}

// whole reads a list to its end, three rows at a time.
func whole(t *testing.T, c *client, path string) []string {
	t.Helper()
	path, raw, _ := strings.Cut(path, "?")
	query, err := url.ParseQuery(raw)
	if err != nil {
		t.Fatal(err)
	}
	query.Set("limit", "3")
	var list []string
	for {
		p := c.list(path, query)
		for _, raw := range p.Data {
			list = append(list, compact(t, raw))
		}
		if !p.HasMore {
			return list
		}
		query.Set("starting_after", idOf(t, list[len(list)-1]))
	}
}

func TestChildrenAreListedBelowEveryParent(t *testing.T) {
	fake, c := start(t, everyKind(3))
	for _, k := range fake.world.kinds {
		for i := range k.children {
			child := &k.children[i]
			if child.name == "capabilities" || child.name == "owners" {
				continue // the one list has no pages, the other needs one more parameter
			}
			t.Run(k.name+" "+child.name, func(t *testing.T) {
				long := 0
				var expand []string
				if slices.Contains(k.expandOnly, child.name) {
					expand = []string{child.name}
				}
				raws, err := fake.Objects(k.name, expand...)
				if err != nil {
					t.Fatal(err)
				}
				for _, raw := range raws {
					parent := idOf(t, string(raw))
					if child.closed != nil && child.closed(raw) {
						if status, _, _ := c.do("GET", child.url(parent), ""); status != 403 {
							t.Errorf("%s of %s, which are its own: %d", child.name, parent, status)
						}
						continue
					}
					all := whole(t, c, child.url(parent))
					checkCounted(t, raw, child, all)
					if len(all) > cutAt {
						long++
					}
					if child.embedded {
						checkEmbedded(t, raw, child.name, child.url(parent), all)
					}
					for _, element := range all {
						e := decode(t, []byte(element))
						if list := childFaults(fake, child, e); list != nil {
							t.Fatalf("%s\n%s", strings.Join(list, "\n"), element)
						}
						if child.backlink != "" && e[child.backlink] != parent {
							t.Fatalf("%s of %s says %v", child.backlink, parent, e[child.backlink])
						}
					}
				}
				if long == 0 {
					t.Error("no list is longer than what its parent shows")
				}
			})
		}
	}
}

// checkCounted compares what an object says of its list with the list.
func checkCounted(t *testing.T, parent []byte, c *child, all []string) {
	t.Helper()
	newest, total := "", int64(0)
	for i, raw := range all {
		if total += memberNumber([]byte(raw), "amount"); i == 0 {
			newest = idOf(t, raw)
		}
	}
	if c.latest != "" && memberText(parent, c.latest) != newest {
		t.Errorf("%s is %q, and the list begins with %q", c.latest, memberText(parent, c.latest), newest)
	}
	if c.counts != "" && c.embedded && memberNumber(parent, c.counts) != total {
		t.Errorf("%s is %d, and the list comes to %d", c.counts, memberNumber(parent, c.counts), total)
	}
}

// checkEmbedded compares the first page that an object shows with its list.
func checkEmbedded(t *testing.T, parent []byte, name, url string, all []string) {
	t.Helper()
	var o map[string]json.RawMessage
	var shown page
	if json.Unmarshal(parent, &o) != nil || json.Unmarshal(o[name], &shown) != nil {
		t.Fatalf("no list %s in %s", name, parent)
	}
	var got []string
	for _, raw := range shown.Data {
		got = append(got, string(raw))
	}
	if diff := cmp.Diff(all[:min(len(all), cutAt)], got); diff != "" || shown.HasMore != (len(all) > cutAt) || shown.URL != url {
		t.Fatalf("%s: has_more %v, url %s (-list +embedded):\n%s", name, shown.HasMore, shown.URL, diff)
	}
}

// childFaults compares an element with the component that it says it is.
func childFaults(s *Server, c *child, e map[string]any) []string {
	var list []string
	for _, component := range c.components {
		if list = faults(s.world.doc.components[component], e, component); list == nil {
			return nil
		}
	}
	return list
}

func TestAChildCanBeReadAlone(t *testing.T) {
	fake, c := start(t, everyKind(4))
	for _, test := range []struct{ kind, list string }{
		{"customers", "sources"}, {"customers", "tax_ids"}, {"customers", "balance_transactions"}, {"transfers", "reversals"},
		{"application_fees", "refunds"}, {"accounts", "persons"}, {"accounts", "external_accounts"}, {"accounts", "capabilities"},
	} {
		parent := idOf(t, oracle(t, fake, test.kind)[0])
		path := "/v1/" + test.kind + "/" + parent + "/" + test.list
		first := c.list(path, nil).Data[0]
		status, _, body := c.do("GET", path+"/"+idOf(t, string(first)), "")
		if status != 200 || compact(t, body) != compact(t, first) {
			t.Errorf("%s: %d %s, want %s", path, status, body, first)
		}
		for _, wrong := range []string{path + "/gone", "/v1/" + test.kind + "/gone/" + test.list} {
			if status, _, _ := c.do("GET", wrong, ""); status != 404 {
				t.Errorf("%s: %d", wrong, status)
			}
		}
	}
}

func TestListsBelowAnObjectHoldTheObjectsThatNameIt(t *testing.T) {
	fake, c := start(t, everyKind(5))
	for _, test := range []struct{ kind, list, key, expand string }{
		{"charges", "refunds", "charge", "refunds"},
		{"customers", "subscriptions", "customer", "subscriptions"},
		{"customers", "payment_methods", "customer", ""},
	} {
		want := map[string][]string{}
		for _, raw := range oracle(t, fake, test.list) {
			if o := decode(t, []byte(raw)); test.list != "subscriptions" || o["status"] != "canceled" {
				parent := o[test.key].(string)
				want[parent] = append(want[parent], idOf(t, raw))
			}
		}
		most := 0
		for _, raw := range oracle(t, fake, test.kind) {
			parent := idOf(t, raw)
			var got []string
			for _, raw := range whole(t, c, "/v1/"+test.kind+"/"+parent+"/"+test.list) {
				got = append(got, idOf(t, raw))
			}
			if diff := cmp.Diff(want[parent], got); diff != "" {
				t.Errorf("%s of %s (-want +got):\n%s", test.list, parent, diff)
			}
			most = max(most, len(got))
			if test.expand == "" {
				continue
			}
			_, _, body := c.do("GET", "/v1/"+test.kind+"/"+parent+"?expand[]="+test.expand, "")
			var o map[string]page
			_ = json.Unmarshal(body, &o) // other members are no lists
			if shown := o[test.expand]; shown.URL != "/v1/"+test.kind+"/"+parent+"/"+test.list || len(shown.Data) < min(len(got), cutAt) {
				t.Errorf("%s of %s: %d shown at %s", test.expand, parent, len(shown.Data), shown.URL)
			}
		}
		if most < 2 {
			t.Errorf("no %s has two %s", test.kind, test.list)
		}
	}
}

func TestChildListsFilterAndRefuse(t *testing.T) {
	fake, c := start(t, everyKind(6))
	customer := idOf(t, oracle(t, fake, "customers")[32]) // position 7 from the oldest: a long list
	all := whole(t, c, "/v1/customers/"+customer+"/sources")
	cards := whole(t, c, "/v1/customers/"+customer+"/sources?object=card")
	if len(cards) == 0 || len(cards) >= len(all) || slices.ContainsFunc(cards, func(raw string) bool { return decode(t, []byte(raw))["object"] != "card" }) {
		t.Errorf("%d cards among %d sources", len(cards), len(all))
	}
	list := idOf(t, oracle(t, fake, "value_lists")[32])
	path := "/v1/radar/value_list_items?value_list=" + list
	items := whole(t, c, path)
	created := itoa(memberNumber([]byte(items[0]), "created"))
	if got := whole(t, c, path+"&created[gt]="+created); len(got) != 0 {
		t.Errorf("%d items created after the newest", len(got))
	}
	if got := whole(t, c, path+"&created[gte]="+created); len(got) != len(items) {
		t.Errorf("%d of %d items created since", len(got), len(items))
	}
	for query, want := range map[string]int{
		"radar/value_list_items":                         400,
		"setup_attempts":                                 400,
		"setup_attempts?setup_intent=seti_gone":          404,
		"apps/secrets":                                   400,
		"apps/secrets?scope[type]=account":               200,
		"reporting/report_types":                         200,
		"reporting/report_types?limit=3":                 400,
		"payment_method_configurations?starting_after=x": 400,
		"mandates":                 404,
		"invoiceitems?date[gte]=1": 400,
		"quotes?created[gte]=1":    400,
		"customers/" + customer + "/sources?limit=101":          400,
		"customers/" + customer + "/sources?starting_after=x":   404,
		"customers/" + customer + "/tax_ids?expand[]=data.nope": 400,
		"customers/" + customer + "/payment_methods?type=card":  200,
		"customers/" + customer + "/sources/a/b":                404,
		"balance":                                               200, "balance?limit=1": 400, "account": 200,
	} {
		if status, _, body := c.do("GET", "/v1/"+query, ""); status != want {
			t.Errorf("%s: %d %s, want %d", query, status, body, want)
		}
	}
}

func TestElementsExpand(t *testing.T) {
	fake, c := start(t, everyKind(7))
	invoice := idOf(t, oracle(t, fake, "invoices")[0])
	p := c.list("/v1/invoices/"+invoice+"/lines", url.Values{"expand[]": {"data.invoice_item", "data.price.product"}})
	for _, raw := range p.Data {
		if price, ok := decode(t, raw)["price"].(map[string]any); ok {
			if _, ok := price["product"].(map[string]any); !ok {
				t.Errorf("the product of a line is %v", price["product"])
			}
		}
	}
	charge := idOf(t, oracle(t, fake, "refunds")[0])
	refund := decode(t, []byte(oracle(t, fake, "refunds")[0]))
	p = c.list("/v1/charges/"+refund["charge"].(string)+"/refunds", url.Values{"expand[]": {"data.charge"}})
	if o, ok := decode(t, p.Data[0])["charge"].(map[string]any); !ok || o["id"] != refund["charge"] {
		t.Errorf("the charge of refund %s is not expanded: %s", charge, p.Data[0])
	}
}

func TestOtherKindsAreEmptyUnlessAskedFor(t *testing.T) {
	fake, c := start(t, Options{Objects: 100})
	for _, k := range slices.Concat(moreKinds, productKinds) {
		path := "/v1/" + k.urlPath()
		if k.unlisted || k.name == "apps_secrets" {
			continue
		}
		if status, _, body := c.do("GET", path, ""); status != 200 || len(decode(t, body)["data"].([]any)) > 0 {
			t.Errorf("%s: %d %s", path, status, body)
		}
		if status, _, _ := c.do("GET", path+"?unheard_of=1", ""); status != 400 {
			t.Errorf("%s with an unknown parameter: %d", path, status)
		}
	}
	if _, err := fake.Mutate(300, 1); err != nil {
		t.Fatal(err)
	}
	step(t, mutator(t, fake, MutatorOptions{Seed: 1}), 300)
	if n := fake.Counts()["disputes"]; n != 0 {
		t.Errorf("a merchant without disputes has %d", n)
	}
	if _, err := fake.Create("disputes", 2); err != nil || len(c.list("/v1/disputes", nil).Data) != 2 {
		t.Errorf("a dispute that the control half makes: %v", err)
	}
	fake, c = start(t, Options{Objects: 100, Counts: map[string]int{"disputes": 7}})
	if got := len(c.list("/v1/disputes", url.Values{"limit": {"100"}}).Data); got != 7 || fake.Counts()["disputes"] != 7 {
		t.Errorf("%d disputes, want 7", got)
	}
	fake, _ = start(t, Options{Objects: 20_000, AllKinds: true})
	if counts := fake.Counts(); counts["charges"] != 4000 || counts["payouts"] != 300 || counts["shipping_rates"] != 40 {
		t.Errorf("an account with all kinds has %v", counts)
	}
}

func TestAnElementIsFoundWithoutItsParent(t *testing.T) {
	fake, c := start(t, everyKind(8))
	item := func(subscription string) string {
		return idOf(t, whole(t, c, "/v1/subscription_items?subscription="+subscription)[0])
	}
	first := idOf(t, oracle(t, fake, "subscriptions")[0])
	found := func(id string) bool {
		status, _, body := c.do("GET", "/v1/subscription_items/"+id, "")
		return status == 200 && idOf(t, compact(t, body)) == id
	}
	if !found(item(first)) || found("si_gone") {
		t.Error("the seeded items are not found")
	}
	made, err := fake.Create("subscriptions", 1)
	if err != nil {
		t.Fatal(err)
	}
	if !found(item(made[0])) {
		t.Error("the item of a new subscription is not found")
	}
	for _, change := range step(t, mutator(t, fake, MutatorOptions{Seed: 1, Kinds: []string{"subscriptions"}}), 40) {
		if change.Action == Churned {
			for _, raw := range whole(t, c, "/v1/subscription_items?subscription="+change.ID) {
				if !found(idOf(t, raw)) {
					t.Errorf("no %s", raw)
				}
			}
		}
	}
	list := idOf(t, oracle(t, fake, "value_lists")[0])
	entry := idOf(t, whole(t, c, "/v1/radar/value_list_items?value_list="+list)[0])
	if status, _, _ := c.do("GET", "/v1/radar/value_list_items/"+entry, ""); status != 200 {
		t.Errorf("a list item: %d", status)
	}
}

func TestAutomaticPayoutsPartitionTheLedger(t *testing.T) {
	fake, c := start(t, Options{Counts: map[string]int{"payouts": 30, "balance_transactions": 200}})
	total, manual := map[string]bool{}, 0
	for _, raw := range oracle(t, fake, "payouts") {
		path := "/v1/balance_transactions?payout=" + idOf(t, raw)
		if decode(t, []byte(raw))["automatic"] == false {
			if status, _, _ := c.do("GET", path, ""); status != 400 {
				t.Errorf("a manual payout: %d", status)
			}
			manual++
			continue
		}
		for _, row := range whole(t, c, path) {
			if total[row] {
				t.Errorf("%s is in two payouts", row)
			}
			total[row] = true
		}
	}
	if len(total) < 50 || len(total) > 200 || manual == 0 {
		t.Errorf("%d of 200 rows in automatic payouts, %d manual ones", len(total), manual)
	}
	if status, _, _ := c.do("GET", "/v1/balance_transactions?payout=po_gone", ""); status != 404 {
		t.Errorf("a payout that is gone: %d", status)
	}
}

// A closed review is read by id only.
func TestTheListOfReviewsShowsOpenOnesOnly(t *testing.T) {
	fake, c := start(t, Options{Counts: map[string]int{"reviews": 60}})
	open := 0
	for _, raw := range oracle(t, fake, "reviews") {
		if decode(t, []byte(raw))["open"] == true {
			open++
		} else if status, _, _ := c.do("GET", "/v1/reviews/"+idOf(t, raw), ""); status != 200 {
			t.Errorf("a closed review by id: %d", status)
		}
	}
	if got := len(c.list("/v1/reviews", url.Values{"limit": {"100"}}).Data); got != open || open == 60 {
		t.Errorf("%d reviews listed, %d of 60 are open", got, open)
	}
}

func TestInlinePricesAreInNoList(t *testing.T) {
	fake, c := start(t, Options{Counts: map[string]int{"prices": 40}, InlinePrices: true})
	_, _, body := c.do("GET", "/v1/prices?limit=100", "")
	listed := map[string]bool{}
	for _, price := range decode(t, body)["data"].([]any) {
		listed[price.(map[string]any)["id"].(string)] = true
	}
	all, err := fake.Objects("prices")
	if err != nil {
		t.Fatal(err)
	}
	for _, price := range all {
		id := memberText(price, "id")
		if status, _, _ := c.do("GET", "/v1/prices/"+id, ""); status != 200 || listed[id] == inline(id) {
			t.Errorf("price %s: status %d, listed %v", id, status, listed[id])
		}
	}
	if len(listed) == 0 || len(listed) == len(all) {
		t.Errorf("%d of %d prices are listed", len(listed), len(all))
	}
}
