package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tapline/schemas"
	"tapline/singer"
)

// An archive has large lists, answers as late as Stripe does, on the clock of the test, and refuses what Stripe would.
type archive struct {
	lists   map[string][]entry // by path, newest first
	latency func(n int) time.Duration

	mu       sync.Mutex
	began    time.Time
	requests map[string]int  // by path
	at       []time.Duration // when each request was made
}

var archiveNow = time.Unix(1_700_000_000, 0)

const archivePage = 4 // objects; with 100 requests and rates would be the same

// growing makes a list of which more and more was made in the course of three years, until now.
func growing(prefix string, objects int) []entry {
	return spread(prefix, objects, func(part float64) float64 { return 3 * part * part })
}

// even makes a list of which as much was made in every month of two years.
func even(prefix string, objects int) []entry {
	return spread(prefix, objects, func(part float64) float64 { return 2 * part })
}

// spread makes a list of objects of ages in years.
func spread(prefix string, objects int, age func(part float64) float64) []entry {
	list := make([]entry, objects)
	for i := range list {
		seconds := int64(365 * 24 * 3600 * age(float64(i)/float64(objects)))
		list[i] = entry{prefix + strconv.Itoa(objects-1-i), archiveNow.Unix() - seconds}
	}
	return list
}

func (a *archive) RoundTrip(req *http.Request) (*http.Response, error) {
	a.mu.Lock()
	n := len(a.at)
	a.at = append(a.at, time.Since(a.began))
	a.requests[req.URL.Path]++
	a.mu.Unlock()
	time.Sleep(a.latency(n))
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(a.page(req))), Request: req,
		Header: http.Header{"Date": {archiveNow.UTC().Format(http.TimeFormat)}}}, nil
}

func (a *archive) page(req *http.Request) string {
	list, query := a.lists[req.URL.Path], req.URL.Query()
	older := func(than int64) int { // how many are not older
		return sort.Search(len(list), func(i int) bool { return list[i].created < than })
	}
	number := func(name string, otherwise int64) int64 {
		if n, err := strconv.ParseInt(query.Get(name), 10, 64); err == nil {
			return n
		}
		return otherwise
	}
	first, end := older(number("created[lt]", 1<<40)), older(number("created[gte]", 0))
	if after := query.Get("starting_after"); after != "" {
		serial, _ := strconv.Atoi(strings.TrimLeft(after, "abcdefghijklmnopqrstuvwxyz_"))
		first = len(list) - serial // those before the last one are the newer ones
	}
	last := max(first, min(end, first+int(number("limit", 10))))
	shown := make([]string, 0, last-first)
	for _, e := range list[first:last] {
		shown = append(shown, fmt.Sprintf(`{"id":%q,"created":%d}`, e.id, e.created))
	}
	return fmt.Sprintf(`{"object":"list","data":[%s],"has_more":%t}`, strings.Join(shown, ","), last < end)
}

// idle is how many of the requests that were allowed were not made, second by second.
func (a *archive) idle(perSecond float64) []int {
	var missed []int
	for _, at := range a.at {
		second := int(at / time.Second)
		for len(missed) <= second {
			missed = append(missed, int(perSecond))
		}
		missed[second]--
	}
	return missed
}

// readArchive reads all lists of an archive, each object once, and returns when the last request was made.
func readArchive(t *testing.T, a *archive) time.Duration {
	t.Helper()
	a.began = time.Now()
	catalog := &singer.Catalog{}
	for path := range a.lists {
		at := slices.IndexFunc(streams, func(st stream) bool { return st.path == path })
		known, err := schemas.StripeStream(streams[at].name)
		if err != nil {
			t.Fatal(err)
		}
		catalog.Streams = append(catalog.Streams, singer.NewStream(streams[at].name, known.Schema, known.KeyProperties, "created"))
	}
	var out bytes.Buffer
	log := slog.New(slog.DiscardHandler)
	s := &settings{APIKey: "sk_live_1", BaseURL: "https://stripe.example", RequestRate: accountRate, PageSize: archivePage, RequestTimeout: 80, MaxRetries: 1}
	run := &singer.Run{Catalog: catalog, Bookmarks: &singer.Bookmarks{}, Out: singer.NewWriter(&out), Log: log, Metrics: &singer.Metrics{}}
	if err := (&syncer{run: run, settings: s, client: newClient(s, a, log, run.Metrics)}).sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := ids(t, parse(t, out.Bytes()), map[string]int{})
	objects := 0
	for path, list := range a.lists {
		for objects += len(list); len(list) > 0; list = list[1:] {
			if n := got[list[0].id]; n != 1 {
				t.Fatalf("%s of %s comes %d times", list[0].id, path, n)
			}
		}
	}
	if len(got) != objects {
		t.Fatalf("%d objects, want %d", len(got), objects)
	}
	return slices.Max(a.at)
}

// Large lists are read at the rate that Stripe allows, however long its answers take, and hardly a request more than there
// are pages is made.
func TestLargeListsAreReadAtTheFullRate(t *testing.T) {
	const latency = 300 * time.Millisecond
	steady := func(int) time.Duration { return latency }
	uneven := func(n int) time.Duration { // most take less, one in a hundred five times as much
		spread := math.Erfinv(2*math.Mod(float64(n)*math.Phi, 1) - 1)
		return time.Duration(float64(latency) * math.Exp(0.7*math.Sqrt2*spread))
	}
	one := map[string]int{"charges": 750}
	eight := map[string]int{"charges": 600, "payment_intents": 600, "balance_transactions": 500, "invoices": 400, "customers": 400,
		"refunds": 200, "disputes": 200, "transfers": 100}
	for _, c := range []struct {
		name    string
		pages   map[string]int
		rate    float64
		latency func(int) time.Duration
		spread  func(prefix string, objects int) []entry
		used    float64
	}{
		{"one list", one, endpointRate, steady, growing, 0.95},
		{"one list, now fast, now slowly", one, endpointRate, uneven, even, 0.9},
		{"eight lists", eight, accountRate, steady, even, 0.95},
		{"eight lists, now fast, now slowly", eight, accountRate, uneven, growing, 0.9},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &archive{lists: map[string][]entry{}, latency: c.latency, requests: map[string]int{}}
				pages := 0
				for name, n := range c.pages {
					a.lists[findStream(name).path] = c.spread(name+"_", n*archivePage)
					pages += n
				}
				took := readArchive(t, a)
				used := float64(len(a.at)) / took.Seconds() / c.rate
				t.Logf("%d requests for %d pages in %v, %.1f %% of the rate; not used second by second: %v", len(a.at), pages, took, 100*used, a.idle(c.rate))
				if used < c.used || used > 1.01 || float64(len(a.at)) > 1.05*float64(pages) {
					t.Error("too slow, too fast or too many")
				}
				if longest := slices.Max(slices.Collect(maps.Values(a.requests))); float64(longest) > endpointRate*(took.Seconds()+0.5) {
					t.Errorf("%d requests to one endpoint in %v", longest, took)
				}
			})
		})
	}
}
