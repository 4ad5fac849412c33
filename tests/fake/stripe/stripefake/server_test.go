package stripefake

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// start makes a fake and a client for it.
func start(t testing.TB, o Options) (*Server, *client) {
	t.Helper()
	fake, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	return fake, &client{t: t, base: server.URL, key: "sk_test_fake", http: server.Client()}
}

type client struct {
	t         testing.TB
	base, key string
	http      *http.Client
}

func (c *client) do(method, path, body string, header ...string) (int, http.Header, []byte) {
	c.t.Helper()
	r, err := http.NewRequest(method, c.base+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if c.key != "" {
		r.Header.Set("Authorization", "Bearer "+c.key)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := c.http.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, text
}

type page struct {
	Object  string            `json:"object"`
	URL     string            `json:"url"`
	HasMore bool              `json:"has_more"`
	Data    []json.RawMessage `json:"data"`
}

// list gets a page that must be there.
func (c *client) list(path string, query url.Values) page {
	c.t.Helper()
	status, _, body := c.do("GET", path+"?"+query.Encode(), "")
	var p page
	if err := json.Unmarshal(body, &p); err != nil || status != 200 {
		c.t.Fatalf("GET %s?%s: %d %s (%v)", path, query.Encode(), status, body, err)
	}
	return p
}

func compact(t testing.TB, raw []byte) string {
	t.Helper()
	var b strings.Builder
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.UseNumber()
	var m json.RawMessage
	if err := dec.Decode(&m); err != nil {
		t.Fatal(err)
	}
	inString := false
	for i := 0; i < len(m); i++ {
		switch {
		case inString && m[i] == '\\':
			b.WriteByte(m[i])
			i++
		case m[i] == '"':
			inString = !inString
		case !inString && strings.IndexByte(" \n\t\r", m[i]) >= 0:
			continue
		}
		b.WriteByte(m[i])
	}
	return b.String()
}

// oracle returns the live objects newest first.
func oracle(t testing.TB, s *Server, kind string) []string {
	t.Helper()
	raws, err := s.Objects(kind)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, raw := range slices.Backward(raws) {
		list = append(list, string(raw))
	}
	return list
}

func idOf(t testing.TB, raw string) string {
	t.Helper()
	return memberText([]byte(raw), "id")
}

func TestPagesTogetherAreTheOracleNewestFirst(t *testing.T) {
	fake, c := start(t, Options{Seed: 3, Objects: 500, AllKinds: true})
	for _, k := range append(fake.world.kinds, eventsKind) {
		kind := k.name
		if k.unlisted || fake.world.doc.patterns[k.urlPath()] == "" || k.listed != nil || !pagedPath(fake, k) {
			continue
		}
		for _, limit := range []string{"7", "100"} {
			t.Run(kind+" by "+limit, func(t *testing.T) {
				var got []string
				query := url.Values{"limit": {limit}}
				if kind == "subscriptions" {
					query.Set("status", "all")
				}
				for {
					p := c.list("/v1/"+k.urlPath(), query)
					for _, raw := range p.Data {
						got = append(got, compact(t, raw))
					}
					if !p.HasMore {
						break
					}
					query.Set("starting_after", idOf(t, got[len(got)-1]))
				}
				if diff := cmp.Diff(oracle(t, fake, kind), got); diff != "" {
					t.Errorf("pages differ from the oracle (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// pagedPath reports whether a list knows limit and nothing that must be sent.
func pagedPath(s *Server, k *kind) bool {
	paged := false
	for _, p := range s.world.doc.lists["/v1/"+k.urlPath()] {
		if paged = paged || p.Name == "limit"; p.Required {
			return false
		}
	}
	return paged
}

func TestEndingBeforeReadsThePageAboveTheCursor(t *testing.T) {
	fake, c := start(t, Options{Objects: 400})
	want := oracle(t, fake, "customers")
	p := c.list("/v1/customers", url.Values{"limit": {"5"}, "ending_before": {idOf(t, want[20])}})
	var got []string
	for _, raw := range p.Data {
		got = append(got, compact(t, raw))
	}
	if diff := cmp.Diff(want[15:20], got); diff != "" || !p.HasMore {
		t.Errorf("has_more=%v (-want +got):\n%s", p.HasMore, diff)
	}
	p = c.list("/v1/customers", url.Values{"limit": {"5"}, "ending_before": {idOf(t, want[3])}})
	if len(p.Data) != 3 || p.HasMore {
		t.Errorf("at the top: %d objects, has_more=%v, want 3 and false", len(p.Data), p.HasMore)
	}
}

func TestCreatedFiltersCutByWholeSeconds(t *testing.T) {
	fake, c := start(t, Options{Objects: 400})
	all := oracle(t, fake, "charges")
	created := func(raw string) int64 {
		members, _ := readMembers([]byte(raw))
		return number(find(members, "created"))
	}
	at := created(all[len(all)/2])
	for key, keeps := range map[string]func(int64) bool{
		"created":      func(n int64) bool { return n == at },
		"created[gt]":  func(n int64) bool { return n > at },
		"created[gte]": func(n int64) bool { return n >= at },
		"created[lt]":  func(n int64) bool { return n < at },
		"created[lte]": func(n int64) bool { return n <= at },
	} {
		var want []string
		for _, raw := range all {
			if keeps(created(raw)) && len(want) < 100 {
				want = append(want, idOf(t, raw))
			}
		}
		var got []string
		for _, raw := range c.list("/v1/charges", url.Values{"limit": {"100"}, key: {itoa(at)}}).Data {
			got = append(got, idOf(t, string(raw)))
		}
		if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
			t.Errorf("%s (%d wanted) (-want +got):\n%s", key, len(want), diff)
		}
	}
}

func TestSeveralObjectsShareASecond(t *testing.T) {
	fake, _ := start(t, Options{Objects: 1000})
	seen := map[int64]int{}
	for _, e := range fake.shelves["charges"].entries {
		seen[e.created]++
	}
	if shared := 200 - len(seen); shared < 10 {
		t.Errorf("only %d of 200 charges share their second with another", shared)
	}
}

func TestSameOptionsMakeTheSameBytes(t *testing.T) {
	a, _ := start(t, Options{Seed: 9, Objects: 300})
	b, _ := start(t, Options{Seed: 9, Objects: 300})
	other, _ := start(t, Options{Seed: 10, Objects: 300})
	for _, s := range []*Server{a, b, other} {
		if _, err := s.Mutate(60, 4); err != nil {
			t.Fatal(err)
		}
	}
	for kind := range a.Counts() {
		if diff := cmp.Diff(oracle(t, a, kind), oracle(t, b, kind)); diff != "" {
			t.Errorf("%s differ under one seed:\n%s", kind, diff)
		}
		if cmp.Equal(oracle(t, a, kind), oracle(t, other, kind)) {
			t.Errorf("%s are the same under two seeds", kind)
		}
	}
}

func TestObjectsAreShared(t *testing.T) {
	fake, _ := start(t, Options{Objects: 20_000})
	counts := fake.Counts()
	total := -counts["events"]
	for _, n := range counts {
		total += n
	}
	if total != 20_000 || counts["events"] < 500 {
		t.Errorf("20,000 objects became %d, with %d events on top: %v", total, counts["events"], counts)
	}
	for _, wrong := range []Options{{Counts: map[string]int{"custmers": 1}}, {Counts: map[string]int{"events": 1}}, {Counts: map[string]int{"charges": -1}}, {Objects: -1}} {
		if _, err := New(wrong); err == nil {
			t.Errorf("%+v was accepted", wrong)
		}
	}
}

// What is not asked for is not made: the index alone is there after New.
func TestObjectsAreMadeWhenAskedFor(t *testing.T) {
	fake, c := start(t, Options{Objects: 200_000})
	if n := fake.Counts()["charges"]; n != 40_000 {
		t.Errorf("%d charges, want 40000", n)
	}
	if got := len(c.list("/v1/charges", url.Values{"limit": {"100"}}).Data); got != 100 {
		t.Errorf("%d charges on a page", got)
	}
	for kind, sh := range fake.shelves {
		for _, e := range sh.entries {
			if e.raw != nil {
				t.Fatalf("%s %s is held as bytes without a change", kind, e.id)
			}
		}
	}
}

func TestRequestsAreLoggedWithoutKeys(t *testing.T) {
	fake, c := start(t, Options{Objects: 100})
	c.list("/v1/charges", url.Values{"limit": {"3"}})
	c.do("GET", "/_control/counts", "")
	want := []Request{{"GET", "/v1/charges", "limit=3"}}
	if diff := cmp.Diff(want, fake.Requests()); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
	fake.ResetRequests()
	if n := len(fake.Requests()); n != 0 {
		t.Errorf("%d requests after the reset", n)
	}
}

func TestEveryAnswerCarriesStripesHeaders(t *testing.T) {
	fake, c := start(t, Options{})
	if err := fake.Advance(90 * time.Second); err != nil {
		t.Fatal(err)
	}
	_, h1, _ := c.do("GET", "/v1/charges", "")
	_, h2, _ := c.do("GET", "/v1/nothing", "")
	for _, h := range []http.Header{h1, h2} {
		if h.Get("Date") != "Wed, 10 Apr 2024 12:01:30 GMT" || h.Get("Stripe-Version") != Version || !strings.HasPrefix(h.Get("Request-Id"), "req_") {
			t.Errorf("headers: %v", h)
		}
	}
	if h1.Get("Request-Id") == h2.Get("Request-Id") {
		t.Error("two answers have one Request-Id")
	}
}
