package stripefake

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestBulksAreListsOfCopies(t *testing.T) {
	fake, c := start(t, Options{Seed: 3, Span: 1000 * time.Second, Bulk: map[string]int{"charges": 250, "invoiceitems": 40}})
	for kind, n := range map[string]int{"charges": 250, "invoiceitems": 40} {
		k := fake.world.byName[kind]
		path := "/v1/" + k.urlPath()
		all := whole(t, c, path)
		if len(all) != n {
			t.Fatalf("%s: %d objects, want %d", path, len(all), n)
		}
		seen, before := map[string]bool{}, fake.Now().Unix()
		for _, raw := range all {
			o := decode(t, []byte(raw))
			if list := faults(fake.world.doc.components[k.component], o, kind); list != nil {
				t.Fatalf("%s\n%s", strings.Join(list, "\n"), raw)
			}
			created := memberNumber([]byte(raw), k.stampName())
			if seen[idOf(t, raw)] || created > before || created < fake.Now().Unix()-1000 {
				t.Errorf("%s of %d behind one of %d", idOf(t, raw), created, before)
			}
			seen[idOf(t, raw)], before = true, created
			if status, _, body := c.do("GET", path+"/"+idOf(t, raw), ""); status != 200 || compact(t, body) != raw {
				t.Fatalf("%s by its id: %d %s\nin the list: %s", idOf(t, raw), status, body, raw)
			}
		}
	}
	cut := itoa(fake.Now().Unix() - 500)
	for query, want := range map[string]int{"created[gte]=" + cut: 125, "created[lt]=" + cut: 125, "created[gte]=" + cut + "&created[lt]=" + cut: 0} {
		if n := len(whole(t, c, "/v1/charges?"+query)); n != want {
			t.Errorf("%s: %d charges, want %d", query, n, want)
		}
	}
	for query, want := range map[string]int{"starting_after=ch_gone": 404, "customer=cus_1": 400, "limit=101": 400, "unheard_of=1": 400, "ending_before=x": 400} {
		if status, _, body := c.do("GET", "/v1/charges?"+query, ""); status != want {
			t.Errorf("%s: %d %s", query, status, body)
		}
	}
	if status, _, _ := c.do("GET", "/v1/charges/ch_00000000000000000250", ""); status != 404 {
		t.Errorf("a charge behind the last: %d", status)
	}
	if n := len(c.list("/v1/events", url.Values{}).Data); n != 0 {
		t.Errorf("%d events", n)
	}
}

func TestWrongBulksAreRefused(t *testing.T) {
	for _, o := range []Options{
		{Bulk: map[string]int{"charge": 5}}, {Bulk: map[string]int{"charges": 0}}, {Bulk: map[string]int{"mandates": 5}},
		{Bulk: map[string]int{"charges": 5}, Counts: map[string]int{"charges": 5}},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
}

// BenchmarkBulk is the cost of a page of 100.
func BenchmarkBulk(b *testing.B) {
	fake, err := New(Options{Bulk: map[string]int{"charges": 10_000_000}})
	if err != nil {
		b.Fatal(err)
	}
	bulk := fake.bulks["charges"]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := bulk.list(fake.world, url.Values{"limit": {"100"}, "created[lt]": {"1700000000"}}); err != nil {
			b.Fatal(err)
		}
	}
}
