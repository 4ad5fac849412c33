package main

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// A slow transport takes as long as Stripe does, on the clock of the test.
type slow struct {
	*lister
	latency time.Duration
}

func (s slow) RoundTrip(req *http.Request) (*http.Response, error) {
	time.Sleep(s.latency)
	return s.lister.RoundTrip(req)
}

// One large list is read at the rate that Stripe allows for it, however long its answers take, and hardly a request more
// than there are pages is made.
func TestALargeListIsReadAtTheFullRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const objects, pageSize, latency = 60_000, 100, 300 * time.Millisecond
		l := &lister{random: rand.New(rand.NewPCG(1, 1)), now: time.Unix(1_700_000_000, 0), gone: map[string]bool{}}
		for i := range objects { // more and more of them in the course of three years
			age := int64(float64(3*365*24*3600) * (1 - float64(i)/objects) * (1 - float64(i)/objects))
			l.list = append(l.list, entry{"c" + strconv.Itoa(i), l.now.Unix() - age})
		}
		slices.SortStableFunc(l.list, func(a, b entry) int { return int(b.created - a.created) })
		began := time.Now()
		got := ids(t, readCouponsFrom(t, slow{l, latency}, "", pageSize, testModeRate), map[string]int{})
		took := time.Since(began)
		for id, n := range got {
			if n != 1 {
				t.Fatalf("%s comes %d times", id, n)
			}
		}
		pages := objects / pageSize
		used := float64(l.requests) / took.Seconds() / endpointRate
		t.Logf("%d requests for %d pages in %v, %.1f %% of the rate; one after the other they take %v", l.requests, pages, took, 100*used, time.Duration(pages)*latency)
		if len(got) != objects || used < 0.9 || float64(l.requests) > 1.1*float64(pages) {
			t.Errorf("%d objects", len(got))
		}
	})
}
