package stripefake

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestFailuresAnswerAsAsked(t *testing.T) {
	for _, test := range []struct {
		failure     Failure
		status      int
		contentType string
		holds       string
		header      map[string]string
	}{
		{Failure{Mode: RateLimit}, 429, "application/json", `"message"`, map[string]string{"Stripe-Rate-Limited-Reason": "global-rate", "Retry-After": ""}},
		{Failure{Mode: RateLimit, Reason: "endpoint-rate", RetryAfter: "2"}, 429, "application/json", `"type"`, map[string]string{"Stripe-Rate-Limited-Reason": "endpoint-rate", "Retry-After": "2"}},
		{Failure{Mode: LockTimeout}, 429, "application/json", `"lock_timeout"`, map[string]string{"Stripe-Rate-Limited-Reason": ""}},
		{Failure{Mode: Conflict, ShouldRetry: "true"}, 409, "application/json", `"error"`, map[string]string{"Stripe-Should-Retry": "true"}},
		{Failure{Mode: Internal, ShouldRetry: "false"}, 500, "text/html", "<html>", map[string]string{"Stripe-Should-Retry": "false"}},
		{Failure{Mode: BadGateway}, 502, "text/html", "<html>", nil},
		{Failure{Mode: Unavailable}, 503, "application/json", `"api_error"`, nil},
		{Failure{Mode: Missing}, 404, "application/json", `"resource_missing"`, nil},
		{Failure{Mode: Slow, DelayMS: 1}, 200, "application/json", `"has_more"`, nil},
	} {
		fake, c := start(t, Options{Objects: 100})
		if err := fake.Fail(test.failure); err != nil {
			t.Fatal(err)
		}
		status, header, body := c.do("GET", "/v1/charges", "")
		if status != test.status || header.Get("Content-Type") != test.contentType || !strings.Contains(string(body), test.holds) || header.Get("Request-Id") == "" {
			t.Errorf("%+v: %d %v %s", test.failure, status, header, body)
		}
		for name, want := range test.header {
			if got := header.Get(name); got != want {
				t.Errorf("%+v: %s is %q, want %q", test.failure, name, got, want)
			}
		}
		if status, _, _ := c.do("GET", "/v1/charges", ""); status != 200 {
			t.Errorf("%+v was not used up: %d", test.failure, status)
		}
	}
}

func TestATruncatedAnswerEndsCleanlyInTheMiddle(t *testing.T) {
	fake, c := start(t, Options{Objects: 100})
	if err := fake.Fail(Failure{Mode: Truncated}); err != nil {
		t.Fatal(err)
	}
	status, _, body := c.do("GET", "/v1/charges", "")
	if status != 200 || json.Valid(body) || len(body) < 1000 {
		t.Errorf("%d, %d bytes, valid: %v", status, len(body), json.Valid(body))
	}
}

func TestConnectionsBreak(t *testing.T) {
	for mode, want := range map[Mode][]error{
		Cut:     {io.ErrUnexpectedEOF},
		Reset:   {syscall.ECONNRESET, io.ErrUnexpectedEOF},
		Dropped: {io.EOF},
	} {
		fake, c := start(t, Options{Objects: 100})
		if err := fake.Fail(Failure{Mode: mode}); err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequest("POST", c.base+"/v1/charges", nil) // a GET would be sent again by net/http
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+c.key)
		answer, err := c.http.Do(r)
		if err == nil {
			defer answer.Body.Close()
			if answer.Header.Get("Request-Id") == "" || mode == Dropped {
				t.Errorf("%s: headers %v", mode, answer.Header)
			}
			_, err = io.ReadAll(answer.Body)
		}
		if !slices.ContainsFunc(want, func(w error) bool { return errors.Is(err, w) }) {
			t.Errorf("%s: reading the body gave %v", mode, err)
		}
	}
}

func TestAFailureHitsTheRequestsItIsMeantFor(t *testing.T) {
	fake, c := start(t, Options{Objects: 100})
	if err := fake.Fail(Failure{Mode: Unavailable, Times: 2, Skip: 1, Path: "/v1/charges"}); err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, path := range []string{"/v1/charges", "/v1/customers", "/v1/charges", "/v1/charges", "/v1/charges"} {
		status, _, _ := c.do("GET", path, "")
		got = append(got, status)
	}
	for i, want := range []int{200, 200, 503, 503, 200} {
		if got[i] != want {
			t.Fatalf("statuses %v, want the second and third request of charges to fail", got)
		}
	}
	for _, wrong := range []Failure{{Mode: "odd"}, {Mode: Slow, Path: "[a-"}} {
		if fake.Fail(wrong) == nil {
			t.Errorf("%+v was accepted", wrong)
		}
	}
}

func TestTheBucketLetsTheRateThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket(25)
		passed := 0
		for range 300 { // three seconds of a hundred requests each
			if b.take(time.Now()) {
				passed++
			}
			time.Sleep(10 * time.Millisecond)
		}
		if passed < 98 || passed > 100 {
			t.Errorf("%d of 300 requests passed in three seconds, want the burst of 25 and 75 more", passed)
		}
	})
}

func TestARateAnswers429(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := fakeOf(t, Options{Rate: 1})
		if w := ask(fake, "charges"); w.Code != 200 {
			t.Errorf("first request: %d", w.Code)
		}
		if w := ask(fake, "charges"); w.Code != 429 || w.Header().Get("Stripe-Rate-Limited-Reason") != "global-rate" {
			t.Errorf("second request: %d %v", w.Code, w.Header())
		}
	})
}

func TestTheControlHalfDoesWhatTheMethodsDo(t *testing.T) {
	fake, c := start(t, Options{Objects: 200})
	c.key = "" // it asks for none
	id := idOf(t, oracle(t, fake, "customers")[0])
	gone := idOf(t, oracle(t, fake, "plans")[0])
	for _, step := range []struct {
		method, path, body string
		status             int
		holds              string
	}{
		{"GET", "counts", "", 200, `"charges":40`},
		{"POST", "create/charges?n=3", "", 200, `"ch_`},
		{"GET", "counts", "", 200, `"charges":43`},
		{"POST", "create/things?n=3", "", 400, `no kind \"things\"`},
		{"POST", "create/charges?n=-1", "", 400, "create?n="},
		{"POST", "update/customers/" + id, `{"name":"New"}`, 200, "ok"},
		{"POST", "update/customers/" + id, `{"id":"New"}`, 400, "cannot be updated"},
		{"POST", "update/customers/cus_gone", `{}`, 400, "no customers cus_gone"},
		{"DELETE", "objects/plans/" + strings.ReplaceAll(gone, " ", "%20"), "", 200, "ok"},
		{"POST", "recreate/plans/" + strings.ReplaceAll(gone, " ", "%20"), "", 200, "ok"},
		{"POST", "mutate?n=5&seed=7", "", 200, `"action"`},
		{"POST", "mutate?n=5&seed=x", "", 400, "mutate?seed="},
		{"POST", "step?n=5&seed=7", "", 200, `"action"`},
		{"POST", "step?n=5&seed=7", "", 200, `"action"`},
		{"POST", "step?n=x", "", 400, "step?n="},
		{"POST", "settle", "", 200, "settled"},
		{"POST", "clock?advance=48h", "", 200, `"now"`},
		{"POST", "clock?advance=-1s", "", 400, "cannot go back"},
		{"POST", "clock?advance=soon", "", 400, "duration"},
		{"GET", "clock", "", 200, `"time":"2024-04-12T12:0`},
		{"POST", "fail", `{"mode":"unavailable","times":2}`, 200, "ok"},
		{"POST", "fail", `{"mode":"unavailable","tmies":2}`, 400, "tmies"},
		{"POST", "reset-failures", "", 200, "ok"},
		{"GET", "requests", "", 200, "[]"},
		{"POST", "reset-requests", "", 200, "ok"},
		{"GET", "objects/customers", "", 200, `"name":"New"`},
		{"GET", "objects/customers?expand[]=sources", "", 200, `"sources":{`},
		{"GET", "objects/things", "", 400, "no kind"},
	} {
		status, _, body := c.do(step.method, "/_control/"+step.path, step.body)
		if status != step.status || !strings.Contains(string(body), step.holds) {
			t.Errorf("%s %s: %d %.300s, want %d with %q", step.method, step.path, status, body, step.status, step.holds)
		}
	}
	_, _, body := c.do("GET", "/_control/objects/charges", "")
	if lines := strings.Count(string(body), "\n"); lines != fake.Counts()["charges"] {
		t.Errorf("%d lines for %d charges", lines, fake.Counts()["charges"])
	}
}
