package stripefake

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func newRequest(path, query string) *http.Request {
	return &http.Request{Method: "GET", URL: &url.URL{Path: "/v1/" + path, RawQuery: query}, Header: http.Header{}}
}

func eventsOf(t *testing.T, s *Server) []map[string]any {
	t.Helper()
	var list []map[string]any
	for _, raw := range slices.Backward(oracle(t, s, "events")) {
		list = append(list, decode(t, []byte(raw)))
	}
	return list
}

func TestAnUpdateIsToldWithThePreviousValues(t *testing.T) {
	fake, c := start(t, Options{Objects: 200})
	id := idOf(t, oracle(t, fake, "customers")[0])
	for _, patch := range []string{`{"name":"Old","metadata":{"kept":"1"},"preferred_locales":["de","en"]}`, `{"name":null,"metadata":{"new":"1.10"},"preferred_locales":["de"],"x_amount":1.10}`} {
		if err := fake.Update("customers", id, []byte(patch)); err != nil {
			t.Fatal(err)
		}
	}
	events := eventsOf(t, fake)
	last := events[len(events)-1]
	data := last["data"].(map[string]any)
	want := map[string]any{"name": "Old", "metadata": map[string]any{"new": nil}, "preferred_locales": []any{"de", "en"}, "x_amount": nil}
	if diff := cmp.Diff(want, data["previous_attributes"]); diff != "" || last["type"] != "customer.updated" {
		t.Errorf("%v (-want +got):\n%s", last["type"], diff)
	}
	_, _, body := c.do("GET", "/v1/customers/"+id, "")
	if diff := cmp.Diff(decode(t, body), data["object"]); diff != "" {
		t.Errorf("snapshot differs from GET (-get +event):\n%s", diff)
	}
	if !strings.Contains(compact(t, body), `"x_amount":1.10`) {
		t.Errorf("1.10 lost its digits: %s", body)
	}
	before := len(events)
	if err := fake.Update("customers", id, []byte(`{"name":null}`)); err != nil || len(eventsOf(t, fake)) != before {
		t.Errorf("an update without effect left an event (%v)", err)
	}
}

func TestWhatStripeKeepsSilentHasNoEvent(t *testing.T) {
	fake, _ := start(t, Options{Objects: 200})
	before := fake.Counts()["events"]
	id := idOf(t, oracle(t, fake, "payment_intents")[0])
	if err := fake.Update("payment_intents", id, []byte(`{"metadata":{"a":"b"}}`)); err != nil {
		t.Fatal(err)
	}
	if _, err := fake.Create("balance_transactions", 2); err != nil {
		t.Fatal(err)
	}
	if err := fake.Advance(9 * 24 * time.Hour); err != nil {
		t.Fatal(err)
	}
	pending := 0
	for _, raw := range oracle(t, fake, "balance_transactions") {
		if decode(t, []byte(raw))["status"] == "pending" {
			pending++
		}
	}
	if n := fake.Settle(); n != pending || n < 2 {
		t.Errorf("%d settled, %d were pending", n, pending)
	}
	if fake.Settle() != 0 {
		t.Error("something was left to settle")
	}
	if events := len(fake.shelves["events"].entries) - before; events > 0 {
		t.Errorf("%d events tell of silent changes", events)
	}
}

func TestDeletedObjectsAreGoneAsAtStripe(t *testing.T) {
	fake, c := start(t, Options{Objects: 300})
	for _, test := range []struct {
		kind, body string
		status     int
	}{
		{"customers", `{"id":"%s","object":"customer","deleted":true}`, 200},
		{"products", "", 404}, {"prices", "", 404}, {"plans", "", 404}, {"coupons", "", 404},
	} {
		id := idOf(t, oracle(t, fake, test.kind)[0])
		if err := fake.Delete(test.kind, id); err != nil {
			t.Fatal(err)
		}
		status, _, body := c.do("GET", "/v1/"+test.kind+"/"+url.PathEscape(id), "")
		if status != test.status || test.body != "" && compact(t, body) != strings.Replace(test.body, "%s", id, 1) {
			t.Errorf("GET of a deleted %s: %d %s", test.kind, status, body)
		}
		if status, _, _ := c.do("GET", "/v1/"+test.kind+"?starting_after="+url.QueryEscape(id), ""); status != 404 {
			t.Errorf("a deleted %s as cursor: %d, want 404", test.kind, status)
		}
		if err := fake.Delete(test.kind, id); err == nil {
			t.Errorf("%s could be deleted twice", test.kind)
		}
	}
	if err := fake.Delete("charges", idOf(t, oracle(t, fake, "charges")[0])); err == nil {
		t.Error("a charge could be deleted")
	}
}

func TestTheEventOfADeletionCanBeShort(t *testing.T) {
	for _, short := range []bool{false, true} {
		fake, _ := start(t, Options{Objects: 300, ShortDeletes: short})
		id := idOf(t, oracle(t, fake, "customers")[0])
		if err := fake.Delete("customers", id); err != nil {
			t.Fatal(err)
		}
		events := eventsOf(t, fake)
		object := events[len(events)-1]["data"].(map[string]any)["object"].(map[string]any)
		if object["id"] != id || short != (len(object) == 3) {
			t.Errorf("short %v: %v", short, object)
		}
	}
}

func TestADeletedSubscriptionStaysCanceled(t *testing.T) {
	fake, c := start(t, Options{Objects: 300})
	var id string
	for _, raw := range oracle(t, fake, "subscriptions") {
		if decode(t, []byte(raw))["status"] == "active" {
			id = idOf(t, raw)
			break
		}
	}
	if err := fake.Delete("subscriptions", id); err != nil {
		t.Fatal(err)
	}
	status, _, body := c.do("GET", "/v1/subscriptions/"+id, "")
	if o := decode(t, body); status != 200 || o["status"] != "canceled" || o["ended_at"].(json.Number).String() != itoa(fake.Ticks()) {
		t.Errorf("%d %v %v", status, o["status"], o["ended_at"])
	}
	events := eventsOf(t, fake)
	if typ := events[len(events)-1]["type"]; typ != "customer.subscription.deleted" {
		t.Errorf("last event is %v", typ)
	}
}

func TestAnIDCanComeBack(t *testing.T) {
	fake, c := start(t, Options{Objects: 300})
	id := idOf(t, oracle(t, fake, "coupons")[0])
	if err := fake.Recreate("coupons", id); err == nil {
		t.Error("a live coupon was made again")
	}
	if err := fake.Delete("coupons", id); err != nil {
		t.Fatal(err)
	}
	if err := fake.Recreate("coupons", id); err != nil {
		t.Fatal(err)
	}
	status, _, body := c.do("GET", "/v1/coupons/"+id, "")
	if o := decode(t, body); status != 200 || o["id"] != id || o["created"].(json.Number).String() != itoa(fake.Ticks()) {
		t.Errorf("%d %s", status, body)
	}
}

// Replaying the feed over the objects of the start gives the objects of the
// end, but for the kinds that Stripe changes silently.
func TestEventsLeadFromTheOldObjectsToTheNew(t *testing.T) {
	fake, _ := start(t, Options{Objects: 500})
	silent := []string{"balance_transaction", "payment_intent"}
	state := map[string]string{}
	for _, k := range fake.world.kinds {
		for _, raw := range oracle(t, fake, k.name) {
			state[k.component+" "+idOf(t, raw)] = raw
		}
	}
	seen := fake.Counts()["events"]
	changes, err := fake.Mutate(400, 7)
	if err != nil || len(changes) != 400 {
		t.Fatal(len(changes), err)
	}
	done := map[Action]int{}
	for _, c := range changes {
		done[c.Action]++
	}
	if done[Created] < 50 || done[Updated] < 50 || done[Deleted] < 20 {
		t.Errorf("a poor mix: %v", done)
	}
	for _, raw := range fake.shelves["events"].entries[seen:] {
		var e struct {
			Type string
			Data struct{ Object json.RawMessage }
		}
		if err := json.Unmarshal(raw.raw, &e); err != nil {
			t.Fatal(err)
		}
		key := memberText(e.Data.Object, "object") + " " + memberText(e.Data.Object, "id")
		if state[key] = string(e.Data.Object); strings.HasSuffix(e.Type, ".deleted") && e.Type != "customer.subscription.deleted" {
			delete(state, key)
		}
	}
	for _, k := range fake.world.kinds {
		if slices.Contains(silent, k.component) {
			continue
		}
		for _, raw := range oracle(t, fake, k.name) {
			key := k.component + " " + idOf(t, raw)
			if diff := cmp.Diff(raw, state[key]); diff != "" {
				t.Errorf("%s (-object +feed):\n%s", key, diff)
			}
			delete(state, key)
		}
	}
	for key := range state {
		if component, _, _ := strings.Cut(key, " "); !slices.Contains(silent, component) {
			t.Errorf("%s is gone and no event told", key)
		}
	}
}

func TestChangesAndReadsMayOverlap(t *testing.T) {
	fake, c := start(t, Options{Objects: 200})
	changed := make(chan error)
	go func() {
		_, err := fake.Mutate(10, 1)
		for seed := uint64(2); err == nil && seed < 10; seed++ {
			_, err = fake.Mutate(10, seed)
		}
		changed <- err
	}()
	for range 20 {
		c.list("/v1/customers", url.Values{"limit": {"50"}, "expand[]": {"data.sources"}})
		if _, err := fake.Objects("events"); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-changed; err != nil {
		t.Fatal(err)
	}
}
