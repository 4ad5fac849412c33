package rechargefake

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// ask sends a request without a network, so that synctest can see it.
func ask(s *Server, token, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	r.Header.Set("X-Recharge-Access-Token", token)
	r.Header.Set("X-Recharge-Version", Version)
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

func TestTheBucketIsFortyDeepAndLeaksTwoASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := fakeOf(t, Options{Bucket: 40, Leak: 2, RetryAfter: "2", Tokens: []Token{{Secret: "sk_1x1_a"}, {Secret: "sk_2x1_b"}, {Secret: "plain"}, {Secret: "sk_1x2_c"}}})
		for i := range 40 {
			w := ask(fake, "plain", "/webhooks")
			if want := itoa(int64(i+1)) + "/40"; w.Code != 200 || w.Header().Get("x-recharge-limit") != want {
				t.Fatalf("request %d: %d %s, want 200 %s", i+1, w.Code, w.Header().Get("x-recharge-limit"), want)
			}
		}
		w := ask(fake, "plain", "/webhooks")
		if w.Code != 429 || w.Body.String() != `{"warning":"too many requests"}` || w.Header().Get("Retry-After") != "2" || w.Header().Get("x-recharge-limit") != "40/40" {
			t.Errorf("the 41st: %d %s %v", w.Code, w.Body, w.Header())
		}
		if w := ask(fake, "sk_1x1_a", "/webhooks"); w.Header().Get("x-recharge-limit") != "1/40" {
			t.Errorf("another token has the bucket %s", w.Header().Get("x-recharge-limit"))
		}
		// The 429 poured nothing in: half a second empties one place, and no more.
		time.Sleep(500 * time.Millisecond)
		if got := []int{ask(fake, "plain", "/webhooks").Code, ask(fake, "plain", "/webhooks").Code}; !slices.Equal(got, []int{200, 429}) {
			t.Errorf("after half a second: %v", got)
		}
		time.Sleep(5250 * time.Millisecond) // 10.5 requests
		if w := ask(fake, "plain", "/webhooks"); w.Header().Get("x-recharge-limit") != "31/40" {
			t.Errorf("after five seconds: %s", w.Header().Get("x-recharge-limit"))
		}
		if fake.Refused() != 2 {
			t.Errorf("%d refused, want 2", fake.Refused())
		}
		for token, want := range map[string]int{"plain": 120, "sk_2x1_b": 240, "sk_1x2_c": 120} {
			time.Sleep(time.Hour)
			for ask(fake, token, "/webhooks").Code == 200 { // fill it
			}
			passed := 0
			for range 600 { // a minute
				time.Sleep(100 * time.Millisecond)
				if ask(fake, token, "/webhooks").Code == 200 {
					passed++
				}
			}
			if passed < want-1 || passed > want+1 {
				t.Errorf("%s: %d passed in a minute, want %d", token, passed, want)
			}
		}
		if w := ask(fake, "sk_1x2_c", "/webhooks"); !strings.HasSuffix(w.Header().Get("x-recharge-limit"), "/80") {
			t.Errorf("twice the bucket: %s", w.Header().Get("x-recharge-limit"))
		}
	})
}

func TestWithoutABucketNothingIsRefused(t *testing.T) {
	fake := fakeOf(t, Options{})
	for range 500 {
		if w := ask(fake, DefaultToken, "/webhooks"); w.Code != 200 || !strings.HasSuffix(w.Header().Get("x-recharge-limit"), "/1000000") {
			t.Fatalf("%d %v", w.Code, w.Header())
		}
	}
	if w := ask(fake, "sk_wrong", "/webhooks"); w.Code != 401 || w.Header().Get("x-recharge-limit") != "" {
		t.Errorf("a wrong token: %d %v", w.Code, w.Header())
	}
	for _, wrong := range []Options{{Bucket: -1}, {Leak: -2}} {
		if _, err := New(wrong); err == nil {
			t.Errorf("%+v was accepted", wrong)
		}
	}
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
	synctest.Test(t, func(t *testing.T) {
		before := time.Now()
		if ask(fakeOf(t, Options{Latency: median}), DefaultToken, "/webhooks"); time.Since(before) != median {
			t.Errorf("the answer took %s", time.Since(before))
		}
	})
}

func TestAShareOfTheRequestsFails(t *testing.T) {
	var runs [2][]int
	for i := range runs {
		fake := fakeOf(t, Options{Seed: 4})
		for _, f := range []Failure{{Mode: Unavailable, Share: 0.05}, {Mode: Conflict, Share: 0.05, Path: "/webhooks"}} {
			if err := fake.Fail(f); err != nil {
				t.Fatal(err)
			}
		}
		for range 2000 {
			runs[i] = append(runs[i], ask(fake, DefaultToken, "/webhooks").Code)
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
}
