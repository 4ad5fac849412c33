package rechargefake

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// needs are the parameters without which a list is refused or leaves something out.
func needs(t testing.TB, fake *Server, kind string) []string {
	switch {
	case strings.HasPrefix(kind, "metafields_"):
		return []string{"owner_resource", strings.TrimPrefix(kind, "metafields_")}
	case kind == "products":
		var ids []string
		for _, raw := range oracle(t, fake, kind) {
			ids = append(ids, plainText(memberRaw([]byte(raw), "external_product_id")))
		}
		return []string{"external_product_ids", strings.Join(ids, ",")}
	case kind == "onetimes":
		return []string{"include_cancelled", "true"}
	}
	return nil
}

func TestAWalkShowsEveryObjectOnceAsTheOracleHasIt(t *testing.T) {
	fake, c := start(t, Options{Seed: 1, Objects: 700, TypeDrift: true})
	for _, k := range fake.world.kinds {
		if k.below != "" {
			continue
		}
		want := oracle(t, fake, k.name)
		slices.Reverse(want) // without sort_by the newest comes first
		got := c.walk("/"+k.urlPath(), append(needs(t, fake, k.name), "limit", "37")...)
		if diff := cmp.Diff(want, got); diff != "" || len(got) == 0 {
			t.Errorf("%s: %d of %d objects (-want +got):\n%.2000s", k.name, len(got), len(want), diff)
		}
	}
}

// More objects share one updated_at than a page holds, so the id must carry the walk on.
func TestSortedWalksKeepTheirOrderAcrossTies(t *testing.T) {
	fake, c := start(t, Options{Seed: 2, Counts: map[string]int{"customers": 300, "events": 120, "charges": 150, "orders": 150}})
	for _, test := range []struct{ path, member string }{
		{"customers", "id"}, {"customers", "updated_at"}, {"customers", "created_at"}, {"events", "id"}, {"charges", "scheduled_at"}, {"orders", "processed_at"},
	} {
		up := c.walk("/"+test.path, "sort_by", test.member+"-asc", "limit", "7")
		down := c.walk("/"+test.path, "sort_by", test.member+"-desc", "limit", "7")
		slices.Reverse(down)
		if diff := cmp.Diff(up, down); diff != "" || len(up) != fake.Counts()[test.path] {
			t.Errorf("%s by %s: %d objects; up and down differ:\n%.1000s", test.path, test.member, len(up), diff)
		}
		if !slices.IsSortedFunc(up, func(a, b string) int {
			return strings.Compare(plainText(memberRaw([]byte(a), test.member)), plainText(memberRaw([]byte(b), test.member)))
		}) {
			t.Errorf("%s are not sorted by %s", test.path, test.member)
		}
	}
	ties := map[string]int{}
	for _, raw := range oracle(t, fake, "customers") {
		ties[plainText(memberRaw([]byte(raw), "updated_at"))]++
	}
	most := 0
	for _, n := range ties {
		most = max(most, n)
	}
	if most < 8 {
		t.Errorf("at most %d customers share an updated_at: the ties are not tested", most)
	}
}

func TestPreviousCursorLeadsBack(t *testing.T) {
	_, c := start(t, Options{Counts: map[string]int{"customers": 25}})
	first := c.list("/customers", "limit", "10", "sort_by", "updated_at-asc")
	second := c.list("/customers", "limit", "10", "cursor", first.next)
	third := c.list("/customers", "limit", "10", "cursor", second.next)
	if first.previous != "" || third.next != "" || len(third.items) != 5 {
		t.Errorf("ends: previous %q, next %q, %d items", first.previous, third.next, len(third.items))
	}
	back := c.list("/customers", "limit", "10", "cursor", third.previous)
	if diff := cmp.Diff(second.items, back.items); diff != "" {
		t.Errorf("one page back (-want +got):\n%.500s", diff)
	}
	if again := c.list("/customers", "limit", "10", "cursor", back.previous); !cmp.Equal(first.items, again.items) || again.previous != "" {
		t.Errorf("two pages back: %d items, previous %q", len(again.items), again.previous)
	}
}

func TestTheFirstPageHoldsFifty(t *testing.T) {
	_, c := start(t, Options{Counts: map[string]int{"customers": 300}})
	first := c.list("/customers")
	if len(first.items) != 50 {
		t.Errorf("%d customers without a limit", len(first.items))
	}
	if n := len(c.list("/customers", "limit", "250").items); n != 250 {
		t.Errorf("%d customers with limit 250", n)
	}
	if n := len(c.list("/customers", "cursor", first.next).items); n != 50 {
		t.Errorf("%d customers on a second page without a limit", n)
	}
	if p := c.list("/customers", "email", "nobody@example.com"); len(p.items) != 0 || p.next != "" || p.previous != "" {
		t.Errorf("an empty list: %+v", p)
	}
}

func TestWhatAListRefuses(t *testing.T) {
	fake, c := start(t, Options{Objects: 1000})
	cursor := url.QueryEscape(c.list("/charges", "limit", "1").next)
	of := func(path string, query ...string) string { return url.QueryEscape(c.list(path, query...).next) }
	batch := idOf(oracle(t, fake, "async_batches")[0])
	forged := url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(`{"walk":{"q":"","s":"id-desc","v":900000000,"i":900000000},"sum":"0"}`)))
	for _, test := range []struct{ query, names string }{
		{"charges?limit=0", "limit"},
		{"charges?limit=251", "limit"},
		{"charges?limit=many", "limit"},
		{"charges?page=2", "page"},
		{"charges?sort_by=total_price-asc", "sort_by"},
		{"charges?sort_by=updated_at", "sort_by"},
		{"events?sort_by=updated_at-asc", "sort_by"},
		{"events?sort_by=created_at-asc", "sort_by"},
		{"charges?colour=red", "colour"},
		{"charges?=true", ""},
		{"charges?updated_at_min=yesterday", "updated_at_min"},
		{"charges?updated_at_min=2025-01-01T00:00:00+00:00", "updated_at_min"}, // an offset that was not escaped
		{"charges?scheduled_at=2025-01-01T00:00:00", "scheduled_at"},
		{"charges?customer_id=abc", "customer_id"},
		{"charges?ids=1,b", "ids"},
		{"charges?status=", "status"},
		{"charges?include=orders", "include"},
		{"addresses?is_active=perhaps", "is_active"},
		{"onetimes?include_cancelled=perhaps", "include_cancelled"},
		{"collections?updated_at_min=2025-01-01", "updated_at_min"},
		{"bundle_selections?updated_at_max=2025-01-01", "updated_at_max"},
		{"metafields", "owner_resource"},
		{"metafields?owner_resource=plan", "owner_resource"},
		{"products", "external_product_ids"},
		{"collection_products?ids=1", "ids"},
		{"products?external_product_ids=1&ids=1", "ids"},
		{"charges?cursor=" + cursor + "&limit=5&sort_by=id-desc", "sort_by"},
		{"charges?cursor=" + cursor + "&updated_at_min=2025-01-01", "updated_at_min"},
		{"charges?cursor=" + cursor + "&include=customer", "include"},
		{"metafields?owner_resource=order&cursor=" + of("/metafields", "owner_resource", "order", "limit", "1"), "owner_resource"},
		{"charges?cursor=", "cursor"},
		{"charges?cursor=abc", "cursor"},
		{"charges?cursor=" + forged, "cursor"},
		{"orders?cursor=" + cursor, "cursor"},
		{"metafields?cursor=" + cursor, "cursor"},
		{"async_batches/" + batch + "/tasks?cursor=" + cursor, "cursor"},
		{"async_batches/" + batch + "/tasks?batch_id=5", "batch_id"},
		{"async_batches/" + batch + "/tasks?sort_by=created_at-asc", "sort_by"},
		{"store?limit=5", "limit"},
		{"token_information?limit=5", "limit"},
		{"customers/" + idOf(oracle(t, fake, "customers")[0]) + "?limit=5", "limit"},
		{"customers/" + idOf(oracle(t, fake, "customers")[0]) + "/credit_summary?limit=5", "limit"},
		{"customers/" + idOf(oracle(t, fake, "customers")[0]) + "/delivery_schedule?date_max=soon", "date_max"},
	} {
		status, _, body := c.do("GET", "/"+test.query, "")
		if status != 422 || !strings.HasPrefix(body, `{"errors":{"`+test.names+`":["`) {
			t.Errorf("%s: %d %s, want 422 about %s", test.query, status, body, test.names)
		}
	}
	if _, _, body := c.do("GET", "/charges?cursor=abc", ""); body != `{"errors":{"cursor":["Invalid value"]}}` {
		t.Errorf("a bad cursor: %s", body)
	}
}

func TestTasksAreListedBelowTheirBatch(t *testing.T) {
	fake, c := start(t, Options{Counts: map[string]int{"async_batches": 3, "async_batch_tasks": 40}})
	var got []string
	for _, batch := range oracle(t, fake, "async_batches") {
		tasks := c.walk("/async_batches/"+idOf(batch)+"/tasks", "limit", "5")
		for _, task := range tasks {
			if plainText(memberRaw([]byte(task), "batch_id")) != idOf(batch) {
				t.Errorf("below batch %s: %s", idOf(batch), task)
			}
		}
		got = append(got, tasks...)
	}
	want := oracle(t, fake, "async_batch_tasks")
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tasks (-want +got):\n%.1000s", diff)
	}
	a, b := idOf(oracle(t, fake, "async_batches")[0]), idOf(oracle(t, fake, "async_batches")[1])
	cursor := url.QueryEscape(c.list("/async_batches/"+a+"/tasks", "limit", "1").next)
	if status, _, _ := c.do("GET", "/async_batches/"+b+"/tasks?cursor="+cursor, ""); status != 422 {
		t.Errorf("a cursor of another batch: %d", status)
	}
	if status, _, _ := c.do("GET", "/async_batch_tasks", ""); status != 404 {
		t.Errorf("tasks without a batch: %d", status)
	}
}
