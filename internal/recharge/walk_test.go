package recharge

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline/tests/fake/recharge/rechargefake"
)

// A direct transport calls a handler without a connection, so that time can be simulated.
type direct struct{ handler http.Handler }

func (d direct) RoundTrip(req *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, req)
	w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
	answer := w.Result()
	answer.ContentLength = -1
	return answer, nil
}

func newFake(t *testing.T, o rechargefake.Options) *rechargefake.Server {
	t.Helper()
	o.Seed, o.Objects = 7, 3000
	fake, err := rechargefake.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return fake
}

// lists are some of the fake's kinds, whose paths and keys are their names.
var lists = []string{"customers", "addresses", "subscriptions", "charges", "orders", "events", "discounts", "plans"}

// walk reads a list to its end.
func walk(ctx context.Context, c *Client, list string, limit int) ([]json.RawMessage, error) {
	r := Request{Path: "/" + list, Key: list, Query: url.Values{"sort_by": {"id-asc"}}, Limit: limit}
	if list == "events" {
		r.Query = url.Values{}
	}
	var items []json.RawMessage
	for {
		page, err := c.Page(ctx, r)
		if err != nil {
			return items, err
		}
		items = append(items, page.Items...)
		if r.Cursor = page.Next; r.Cursor == "" {
			return items, nil
		}
	}
}

// checkWalks reads all lists at once and compares them with what the fake holds.
func checkWalks(t *testing.T, c *Client, fake *rechargefake.Server, limit int) {
	t.Helper()
	var all sync.WaitGroup
	for _, list := range lists {
		all.Go(func() {
			items, err := walk(t.Context(), c, list, limit)
			if err != nil {
				t.Error(Explain(err))
			}
			want, err := fake.Objects(list)
			if err != nil || len(want) == 0 {
				t.Errorf("the fake holds %d of %s: %v", len(want), list, err)
			}
			if diff := cmp.Diff(texts(want), texts(items)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", list, diff)
			}
		})
	}
	all.Wait()
}

// texts are items in an order of their own.
func texts[T ~[]byte](items []T) []string {
	var all []string
	for _, item := range items {
		all = append(all, string(item))
	}
	slices.Sort(all)
	return all
}

func TestWholeListsAreReadThroughFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, rechargefake.Options{Bucket: usualSize, Leak: usualLeak})
		for _, mode := range []rechargefake.Mode{rechargefake.RateLimit, rechargefake.Conflict, rechargefake.Internal, rechargefake.BadGateway,
			rechargefake.Unavailable, rechargefake.Timeout, rechargefake.Truncated} {
			if err := fake.Fail(rechargefake.Failure{Mode: mode, Share: 0.04}); err != nil {
				t.Fatal(err)
			}
		}
		met := map[int]int{}
		var mu sync.Mutex
		c := New(Options{Token: rechargefake.DefaultToken, Transport: direct{fake}, MaxRetries: 8, OnRequest: func(_ string, status int, _ time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			met[status]++
		}})
		checkWalks(t, c, fake, 20)
		for _, status := range []int{200, 409, 429, 500, 502, 503, 504} {
			if met[status] == 0 {
				t.Errorf("status %d was not met: %v", status, met)
			}
		}
	})
}

func TestARequestAloneNeverMeetsAFullBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, rechargefake.Options{Bucket: usualSize, Leak: usualLeak})
		met := map[int]int{}
		var mu sync.Mutex
		c := New(Options{Token: rechargefake.DefaultToken, Transport: direct{fake}, OnRequest: func(_ string, status int, _ time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			met[status]++
		}})
		began := time.Now()
		checkWalks(t, c, fake, 10)
		took := time.Since(began)
		if got := slices.Collect(maps.Keys(met)); !slices.Equal(got, []int{200}) {
			t.Errorf("the answers were %v", met)
		}
		if used := float64(met[200]) / (took.Seconds() * usualLeak); used < 0.98*DefaultShare {
			t.Errorf("%d requests took %v, %.2f of the leak", met[200], took, used)
		}
	})
}

func TestWholeListsAreReadThroughBrokenConnections(t *testing.T) {
	fake := newFake(t, rechargefake.Options{})
	server := httptest.NewServer(fake)
	defer server.Close()
	for _, mode := range []rechargefake.Mode{rechargefake.Cut, rechargefake.Reset, rechargefake.Dropped, rechargefake.Truncated} {
		if err := fake.Fail(rechargefake.Failure{Mode: mode, Times: 2}); err != nil {
			t.Fatal(err)
		}
	}
	c := New(Options{Token: rechargefake.DefaultToken, BaseURL: server.URL, MaxRetries: 8})
	checkWalks(t, c, fake, 250)
}

func TestTheFakeRefusesAsRechargeDoes(t *testing.T) {
	fake := newFake(t, rechargefake.Options{Tokens: []rechargefake.Token{{Secret: "known", Scopes: []string{"read_orders"}}}})
	server := httptest.NewServer(fake)
	defer server.Close()
	ask := func(o Options, r Request) *Error {
		t.Helper()
		o.BaseURL = server.URL
		_, err := New(o).Page(t.Context(), r)
		refused, ok := errors.AsType[*Error](err)
		if !ok {
			t.Fatalf("no refusal but %v", err)
		}
		return refused
	}
	known := Options{Token: "known"}
	if e := ask(Options{Token: "unknown"}, charges); !e.Credentials() || e.Message != "bad authentication" {
		t.Errorf("an unknown token: %v", e)
	}
	if e := ask(known, Request{Path: "/customers", Key: "customers"}); !e.Forbidden() || e.Message == "" {
		t.Errorf("a scope that is missing: %v", e)
	}
	if e := ask(known, Request{Path: "/charges/1", Key: "charge"}); !e.NotFound() || e.Message != "Not Found" {
		t.Errorf("an object that is missing: %v", e)
	}
	if e := ask(known, Request{Path: "/charges", Key: "charges", Cursor: "bad"}); !e.BadCursor() || !strings.Contains(e.Message, "cursor: ") {
		t.Errorf("a bad cursor: %v", e)
	}
	if e := ask(known, Request{Path: "/charges", Key: "charges", Limit: 251}); e.Status != 422 || e.BadCursor() || e.Fields["limit"] == nil {
		t.Errorf("a limit that is too large: %v", e)
	}
	if e := ask(Options{Token: "known", Version: "2020-01"}, charges); e.Status != 426 {
		t.Errorf("an unknown version: %v", e)
	}
	info, err := New(Options{Token: "known", BaseURL: server.URL}).TokenInformation(t.Context())
	if err != nil || !slices.Equal(info.Scopes, []string{"read_orders"}) {
		t.Errorf("the token may %v: %v", info, err)
	}
	store, date, err := New(Options{Token: "known", BaseURL: server.URL}).Get(t.Context(), "/charges", "charges", nil)
	if err != nil || date.IsZero() || len(store) == 0 || store[0] != '[' {
		t.Errorf("all charges are %s of %v: %v", store, date, err)
	}
}
