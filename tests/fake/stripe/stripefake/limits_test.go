package stripefake

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// ask sends a request without a network, so that synctest can see it.
func ask(s *Server, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "/v1/"+path, nil)
	r.Header.Set("Authorization", "Bearer sk_test_fake")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func fakeOf(t *testing.T, o Options) *Server {
	t.Helper()
	fake, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return fake
}

func TestEachEndpointHasItsOwnRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := fakeOf(t, Options{Objects: 100, AllKinds: true, Limits: Limits{Global: 100, Endpoint: 25, Files: 20, RetryAfter: "1", ShouldRetry: "true"}})
		customer := fake.shelves["customers"].entries[0].id
		for _, test := range []struct {
			paths  []string // asked in turns, 40 times each
			passed int
			reason string
		}{
			{[]string{"charges"}, 25, "endpoint-rate"},
			{[]string{"customers", "customers/" + customer}, 50, "endpoint-rate"}, // two operations
			{[]string{"charges/a", "charges/b"}, 25, "endpoint-rate"},             // one operation
			{[]string{"files", "file_links"}, 20, "endpoint-rate"},
			{[]string{"charges", "customers", "invoices", "prices", "plans"}, 100, "global-rate"},
		} {
			time.Sleep(time.Minute) // the buckets are full again
			passed := 0
			for range 40 {
				for _, path := range test.paths {
					switch w := ask(fake, path); w.Code {
					case http.StatusTooManyRequests:
						h := w.Header()
						if h.Get("Retry-After") != "1" || h.Get("Stripe-Should-Retry") != "true" || !slices.Contains([]string{test.reason, "endpoint-rate"}, h.Get("Stripe-Rate-Limited-Reason")) {
							t.Errorf("%v: %v", test.paths, h)
						}
					default:
						passed++
					}
				}
			}
			if passed != test.passed || fake.Refused()[test.reason] == 0 {
				t.Errorf("%v: %d passed in an instant, want %d (%v)", test.paths, passed, test.passed, fake.Refused())
			}
		}
	})
}

func TestRequestsInFlightAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := fakeOf(t, Options{Objects: 100, Latency: time.Second, Limits: Limits{InFlight: 4, EndpointInFlight: 3}})
		for _, path := range []string{"charges", "charges", "charges", "charges", "customers", "prices"} {
			go ask(fake, path)
			time.Sleep(time.Millisecond)
		}
		want := map[string]int{"endpoint-concurrency": 1, "global-concurrency": 1}
		if diff := cmp.Diff(want, fake.Refused()); diff != "" {
			t.Errorf("refused (-want +got):\n%s", diff)
		}
		time.Sleep(2 * time.Second)
		if w := ask(fake, "charges"); w.Code != 200 {
			t.Errorf("after they were answered: %d", w.Code)
		}
	})
}

func TestLatencyIsSpreadAsAServicesIs(t *testing.T) {
	const median, p99 = 300 * time.Millisecond, 2 * time.Second
	fake := fakeOf(t, Options{Latency: median, LatencyP99: p99})
	var times []time.Duration
	for serial := range 20_000 {
		times = append(times, fake.latency(serial))
	}
	slices.Sort(times)
	if got := times[10_000]; got < median*95/100 || got > median*105/100 {
		t.Errorf("the median is %s", got)
	}
	if got := times[19_800]; got < p99*85/100 || got > p99*115/100 {
		t.Errorf("one in a hundred takes %s", got)
	}
	if fixed := fakeOf(t, Options{Latency: median}); fixed.latency(1) != median || fixed.latency(2) != median {
		t.Error("a latency without spread varies")
	}
}

func TestAShareOfTheRequestsFails(t *testing.T) {
	var runs [2][]int
	for i := range runs {
		fake := fakeOf(t, Options{Seed: 4, Counts: map[string]int{"coupons": 1}})
		for _, f := range []Failure{{Mode: Unavailable, Share: 0.05}, {Mode: Conflict, Share: 0.05, Path: "/v1/coupons"}} {
			if err := fake.Fail(f); err != nil {
				t.Fatal(err)
			}
		}
		for range 2000 {
			runs[i] = append(runs[i], ask(fake, "coupons").Code)
		}
	}
	count := map[int]int{}
	for _, status := range runs[0] {
		count[status]++
	}
	if count[503] < 70 || count[503] > 130 || count[409] < 70 || count[409] > 130 || count[200] != 2000-count[503]-count[409] {
		t.Errorf("of 2000 requests %v", count)
	}
	if diff := cmp.Diff(runs[0], runs[1]); diff != "" {
		t.Errorf("the same seed failed other requests:\n%s", diff)
	}
	if err := fakeOf(t, Options{}).Fail(Failure{Mode: Conflict, Share: 1.5}); err == nil {
		t.Error("a share above 1 was accepted")
	}
}

func TestALimitedRequestDoesNotUseUpAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := fakeOf(t, Options{Limits: Limits{Global: 1}})
		if err := fake.Fail(Failure{Mode: Unavailable, Skip: 1}); err != nil {
			t.Fatal(err)
		}
		var got []int
		for range 2 {
			got = append(got, ask(fake, "charges").Code, ask(fake, "charges").Code)
			time.Sleep(time.Second)
		}
		if diff := cmp.Diff([]int{200, 429, 503, 429}, got); diff != "" {
			t.Errorf("statuses (-want +got):\n%s", diff)
		}
	})
}
