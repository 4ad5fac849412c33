package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stripe/stripe-go/v76/form"

	"tapline/singer"
)

const testKey = "sk_test_verysecretkey"

// A script answers one request after the other; the last answer repeats.
type script struct {
	answers  []scripted
	requests []*http.Request
	times    []time.Time
}

type scripted struct {
	status int
	header http.Header
	body   string
	err    error
	cut    bool // the body ends before its end
	never  bool // no answer comes
}

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	a := s.answers[min(len(s.requests), len(s.answers)-1)]
	s.requests = append(s.requests, req)
	s.times = append(s.times, time.Now())
	if a.never {
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	if a.err != nil {
		return nil, a.err
	}
	header := http.Header{"Date": {"Tue, 02 Jan 2024 03:04:05 GMT"}, "Request-Id": {"req_1"}}
	for name, values := range a.header {
		header[name] = values
	}
	body := io.Reader(strings.NewReader(a.body))
	if a.cut {
		body = io.MultiReader(body, failingReader{})
	}
	return &http.Response{StatusCode: a.status, Header: header, Body: io.NopCloser(body), Request: req, ProtoMajor: 1}, nil
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

const goodPage = `{"object":"list","has_more":true,"data":[{"id":"a","n":1.10}, {"id":"b"}]}`

var good = scripted{status: 200, body: goodPage}

func refusal(status int, typ, code, message string) scripted {
	return scripted{status: status, body: `{"error":{"type":"` + typ + `","code":"` + code + `","message":"` + message + `"}}`}
}

func (a scripted) with(name, value string) scripted {
	a.header = http.Header{name: {value}}
	return a
}

func testClient(s *script, log io.Writer, metrics *singer.Metrics) *client {
	return newClient(&settings{APIKey: testKey, BaseURL: "https://api.stripe.com", RequestRate: 1000, MaxRetries: 8, RequestTimeout: 80, AccountID: "acct_1"},
		s, slog.New(slog.NewTextHandler(log, nil)), metrics)
}

func TestWhatIsTriedAgain(t *testing.T) {
	throttled := refusal(429, "invalid_request_error", "rate_limit", "slow down").with("Stripe-Rate-Limited-Reason", "global-rate")
	html := scripted{status: 502, body: "<html>Bad Gateway</html>"}
	for _, c := range []struct {
		name     string
		answers  []scripted
		requests int
		fails    error // nil: it succeeds
	}{
		{"success", []scripted{good}, 1, nil},
		{"a server failure", []scripted{refusal(500, "api_error", "", "oops"), good}, 2, nil},
		{"a page of HTML", []scripted{html, html, good}, 3, nil},
		{"503", []scripted{{status: 503}, good}, 2, nil},
		{"a conflict", []scripted{refusal(409, "invalid_request_error", "", "busy"), good}, 2, nil},
		{"a lock", []scripted{refusal(429, "invalid_request_error", "lock_timeout", "locked"), good}, 2, nil},
		{"a connection reset", []scripted{{err: errors.New("connection reset by peer")}, good}, 2, nil},
		{"a body cut by the network", []scripted{{status: 200, body: goodPage[:20], cut: true}, good}, 2, nil},
		{"a body cut by the server", []scripted{{status: 200, body: goodPage[:20]}, good}, 2, nil},
		{"an empty body", []scripted{{status: 200}, good}, 2, nil},
		{"a body that is no list", []scripted{{status: 200, body: `{"object":"charge"}`}, good}, 2, nil},
		{"a refusal worth another try", []scripted{refusal(400, "", "", "").with("Stripe-Should-Retry", "true"), good}, 2, nil},
		{"eight failures", append(repeat(html, 8), good), 9, nil},
		{"nine failures", append(repeat(html, 9), good), 9, singer.ErrUnavailable},
		{"locks without end", repeat(refusal(429, "", "lock_timeout", ""), 1), 9, singer.ErrUnavailable},
		{"thirty times beyond the rate", append(repeat(throttled, 30), good), 31, nil},
		{"a wrong key", []scripted{refusal(401, "invalid_request_error", "", "Invalid API Key provided: sk_test_****")}, 1, singer.ErrCredentials},
		{"a missing permission", []scripted{refusal(403, "invalid_request_error", "", "Having the 'rak_charge_read' permission would help.")}, 1, singer.ErrCredentials},
		{"a server failure not worth another try", []scripted{refusal(500, "api_error", "", "no").with("Stripe-Should-Retry", "false")}, 1, errAny},
		{"a bad request", []scripted{refusal(400, "invalid_request_error", "parameter_unknown", "no")}, 1, errAny},
		{"a redirect to another host", []scripted{(scripted{status: 302}).with("Location", "https://evil.example/v1/charges")}, 1, errRedirect},
		{"a redirect in the clear", []scripted{(scripted{status: 302}).with("Location", "http://api.stripe.com/v1/charges")}, 1, errRedirect},
		{"no clock", []scripted{good.with("Date", "")}, 1, errAny},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{answers: c.answers}
				var log bytes.Buffer
				answer, err := testClient(s, &log, &singer.Metrics{}).list(t.Context(), request{path: "/v1/charges", query: probe()})
				if len(s.requests) != c.requests {
					t.Errorf("%d requests, want %d", len(s.requests), c.requests)
				}
				if c.fails == nil && err != nil || c.fails == errAny && err == nil || c.fails != nil && c.fails != errAny && !errors.Is(err, c.fails) {
					t.Errorf("ends with %v, want %v", err, c.fails)
				}
				if err == nil && (len(answer.objects) != 2 || string(answer.objects[0]) != `{"id":"a","n":1.10}` || !answer.more ||
					!answer.read.Equal(time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC))) {
					t.Errorf("the page is %+v", answer)
				}
				if err != nil && strings.Contains(err.Error(), testKey) || strings.Contains(log.String(), testKey) {
					t.Errorf("the key shows in %v or\n%s", err, log.String())
				}
			})
		})
	}
}

var errAny = errors.New("any failure")

func repeat(a scripted, n int) (all []scripted) {
	for range n {
		all = append(all, a)
	}
	return all
}

func TestAThrottledRequestIsGivenUpInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []scripted{refusal(429, "", "rate_limit", "slow down").with("Retry-After", "60")}}
		began := time.Now()
		_, err := testClient(s, io.Discard, &singer.Metrics{}).list(t.Context(), request{path: "/v1/charges", query: probe()})
		if !errors.Is(err, singer.ErrUnavailable) || !strings.Contains(err.Error(), "request_rate") {
			t.Errorf("ends with %v", err)
		}
		if took := time.Since(began); took < patience/2 || took > patience {
			t.Errorf("it took %v", took)
		}
	})
}

func TestPausesGrowAndHonourTheServer(t *testing.T) {
	plain := errors.New("reset")
	for n := 1; n <= 12; n++ {
		longest := time.Duration(0)
		for range 400 {
			d := pause(plain, n)
			if limit := min(longestPause, firstPause*time.Duration(1<<(n-1))); d < 0 || d >= limit {
				t.Fatalf("pause %d takes %v, beyond %v", n, d, limit)
			}
			longest = max(longest, d)
		}
		if longest < min(longestPause, firstPause*time.Duration(1<<(n-1)))/2 {
			t.Errorf("pause %d never exceeds %v", n, longest)
		}
	}
	asked := &APIError{Status: 503, header: http.Header{"Retry-After": {"7"}}}
	if d := pause(asked, 1); d < 7*time.Second || d > 8*time.Second {
		t.Errorf("asked to wait 7 s it waits %v", d)
	}
}

func TestTheEndOfTheRunInterruptsAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		s := &script{answers: []scripted{refusal(503, "", "", "").with("Retry-After", "600")}}
		began := time.Now()
		_, err := testClient(s, io.Discard, &singer.Metrics{}).list(ctx, request{path: "/v1/charges", query: probe()})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 3*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

func TestRequestsKeepToTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []scripted{good}}
		c := testClient(s, io.Discard, &singer.Metrics{})
		c.limit = newLimiter(25, 25)
		began := time.Now()
		for range 51 {
			if _, err := c.list(t.Context(), request{path: "/v1/charges", query: probe()}); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took < 1990*time.Millisecond || took > 2100*time.Millisecond {
			t.Errorf("51 requests at 25 a second take %v", took)
		}
	})
}

func TestWhatARequestCarries(t *testing.T) {
	s := &script{answers: []scripted{good}}
	query := &form.Values{}
	query.Add("created[lt]", "5")
	if _, err := testClient(s, io.Discard, &singer.Metrics{}).list(t.Context(), request{path: "/v1/charges", query: query}); err != nil {
		t.Fatal(err)
	}
	req := s.requests[0]
	if got, want := req.URL.String(), "https://api.stripe.com/v1/charges?created[lt]=5"; got != want {
		t.Errorf("asks for %s, want %s", got, want)
	}
	for name, want := range map[string]string{
		"Authorization": "Bearer " + testKey, "Stripe-Version": "2023-10-16", "Stripe-Account": "acct_1",
		"User-Agent": "tapline tap-stripe", "X-Stripe-Client-User-Agent": "",
	} {
		if got := req.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}
