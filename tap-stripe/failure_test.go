package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tapline/singer"
	"tapline/tests/fake/stripe/stripefake"
)

// What a person reads when a request fails for good, and how often it was made until then. None of it may show the key,
// the address with its query, or a body.
func TestFailuresSayWhatToDo(t *testing.T) {
	const invalid = "invalid_request_error"
	htmlPage := func(status int) scripted { return scripted{status: status, body: "<html>private</html>"} }
	for _, c := range []struct {
		name     string
		answer   scripted
		requests int
		kind     error // that decides the exit code; nil: an ordinary failure
		words    string
	}{
		{"a wrong key", refusal(401, invalid, "", "Invalid API Key provided: sk_test_****tkey"), 1, singer.ErrCredentials,
			"the API key is wrong, expired or revoked; set api_key to a current one: | status 401 to request req_1: Invalid API Key"},
		{"an expired key", refusal(401, invalid, "api_key_expired", "Expired API Key provided: "+testKey), 1, singer.ErrCredentials,
			"the API key is wrong, expired or revoked | (api_key_expired) | Expired API Key provided: ***"},
		{"a publishable key", refusal(401, invalid, "secret_key_required", "This API call cannot be made with a publishable API key."), 1, singer.ErrCredentials,
			"the API key is wrong | secret_key_required | publishable"},
		{"a missing permission", refusal(403, invalid, "", "Having the 'rak_charge_read' permission would allow this."), 1, singer.ErrCredentials,
			"reading /v1/charges: the API key lacks the permission rak_charge_read; grant it or deselect the stream: "},
		{"a refusal without the permission's name", refusal(403, invalid, "", "Not allowed."), 1, singer.ErrCredentials,
			"reading /v1/charges: the API key lacks a permission; grant it or deselect the stream: | Not allowed."},
		{"a wrong account", refusal(403, invalid, "account_invalid", "The provided key does not have access to account 'acct_1'."), 1, singer.ErrCredentials,
			"the API key has no access to the account that account_id names: | acct_1"},
		{"a product that is not used", refusal(400, invalid, "", "Your account is not set up to use Issuing."), 1, nil,
			"reading /v1/charges: the account does not use the product of Stripe that this belongs to; deselect the stream: | Issuing"},
		{"a product without a word for it", refusal(404, invalid, "", "Unrecognized request URL (GET: /v1/x). (Hint: Have you onboarded to Treasury?)"), 1, nil,
			"reading /v1/charges: the account does not use the product of Stripe | Treasury"},
		{"an event that is too old", refusal(400, invalid, "", "The event evt_1 has aged out of our retention policy."), 1, nil,
			"reading /v1/charges: Stripe does not keep objects as old as where the list was to go on: "},
		{"another way to count usage", refusal(400, invalid, "", "Subscription item si_1 is not on the legacy metered billing system."), 1, nil,
			"reading /v1/charges: the price counts usage by meters, which have no such summaries: "},
		{"an object that is gone", refusal(404, invalid, "resource_missing", "No such charge: 'ch_1'"), 1, nil,
			"reading /v1/charges: the object does not exist any more: | (resource_missing) | No such charge"},
		{"a wrong address", htmlPage(404), 1, nil, "reading /v1/charges: there is no such page, and no Stripe either; check base_url: "},
		{"a bad request", refusal(400, invalid, "parameter_unknown", "Received unknown parameter: colour"), 1, nil,
			"reading /v1/charges: Stripe answered with status 400 (parameter_unknown) to request req_1: Received unknown parameter: colour"},
		{"a conflict", refusal(409, "idempotency_error", "", "busy"), 9, singer.ErrUnavailable, "/v1/charges still failed after 8 retries; try later: | status 409"},
		{"a lock", refusal(429, invalid, "lock_timeout", "locked"), 9, singer.ErrUnavailable, "/v1/charges still failed after 8 retries; try later: | (lock_timeout)"},
		{"a server failure", refusal(500, "api_error", "", "oops"), 9, singer.ErrUnavailable, "/v1/charges still failed after 8 retries; try later: | status 500 to request req_1: oops"},
		{"a bad gateway", htmlPage(502), 9, singer.ErrUnavailable, "/v1/charges still failed after 8 retries; try later: | status 502 to request req_1"},
		{"an overload", refusal(503, "api_error", "", "overloaded"), 9, singer.ErrUnavailable, "/v1/charges still failed after 8 retries; try later: | status 503"},
		{"a slow gateway", htmlPage(504), 9, singer.ErrUnavailable,
			"/v1/charges still failed after 8 retries; try later, raise request_timeout_seconds or lower page_size: | status 504"},
		{"a server failure that will stay", refusal(500, "api_error", "", "no").with("Stripe-Should-Retry", "false"), 1, nil, "reading /v1/charges: Stripe answered with status 500"},
		{"a refusal that may pass", refusal(400, "", "", "hm").with("Stripe-Should-Retry", "true"), 9, singer.ErrUnavailable, "/v1/charges still failed after 8 retries; try later"},
		{"no connection", scripted{err: errors.New("connection refused")}, 9, singer.ErrUnavailable,
			"/v1/charges still failed after 8 retries; try later: | no complete answer from Stripe: connection refused"},
		{"a connection reset", scripted{status: 200, body: goodPage[:20], cut: true}, 9, singer.ErrUnavailable, "still failed after 8 retries; try later: | no complete answer from Stripe: unexpected EOF"},
		{"a cut body", scripted{status: 200, body: goodPage[:50]}, 9, singer.ErrUnavailable,
			"still failed after 8 retries; try later: | the answer is not whole JSON: | ends in the middle of a value"},
		{"a page of HTML", htmlPage(200), 9, singer.ErrUnavailable, "still failed after 8 retries; try later: | the answer is not whole JSON"},
		{"no answer in time", scripted{never: true}, 9, singer.ErrUnavailable,
			"/v1/charges still failed after 8 retries; try later, raise request_timeout_seconds or lower page_size: | it did not come within 1m20s"},
		{"a wrong status", scripted{status: 204}, 9, singer.ErrUnavailable, "the server answered with status 204"},
		{"a certificate of somebody else", scripted{err: &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}}, 1, nil,
			"reading /v1/charges: no complete answer from Stripe: the server's certificate is not accepted; check base_url and this machine's clock: "},
		{"a redirect to another host", (scripted{status: 302}).with("Location", "https://evil.example/"), 1, nil,
			"reading /v1/charges: no complete answer from Stripe: the server redirects to another host, where the key must not go, or too often; check base_url"},
		{"no clock", good.with("Date", ""), 1, nil, "reading /v1/charges: no complete answer from Stripe: the answer has no Date header"},
		{"a rate that stays exceeded", refusal(429, invalid, "rate_limit", "Too many requests").with("Retry-After", "400"), 3, singer.ErrUnavailable,
			"/v1/charges stayed beyond the rate limit for 15m0s; lower request_rate or try later: | status 429"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{answers: []scripted{c.answer}}
				var log bytes.Buffer
				_, err := testClient(s, &log, &singer.Metrics{}).list(t.Context(), request{path: "/v1/charges", query: probe()})
				if err == nil {
					t.Fatal("it succeeds")
				}
				if len(s.requests) != c.requests {
					t.Errorf("%d requests, want %d", len(s.requests), c.requests)
				}
				for _, kind := range []error{singer.ErrCredentials, singer.ErrUnavailable} {
					if errors.Is(err, kind) != (kind == c.kind) {
						t.Errorf("%v is or is not %v", err, kind)
					}
				}
				for words := range strings.SplitSeq(c.words, " | ") {
					if !strings.Contains(err.Error(), words) {
						t.Errorf("%v\ndoes not say %q", err, words)
					}
				}
				for _, secret := range []string{testKey, "private", "limit=1", "\n", `"id"`} {
					if strings.Contains(err.Error(), secret) || secret != "\n" && strings.Contains(log.String(), secret) {
						t.Errorf("%q shows in %q or in\n%s", secret, err, log.String())
					}
				}
			})
		})
	}
}

func TestAProductThatIsNotUsedIsRecognised(t *testing.T) {
	for _, c := range []struct {
		status  int
		code    string
		message string
		want    bool
	}{
		{400, "", "Your account is not set up to use Issuing. Please visit the Dashboard.", true},
		{400, "", "Your account is not set up to use Identity.", true},
		{400, "", "Unrecognized request URL (GET: /v1/treasury/financial_accounts). (Hint: Have you onboarded to Treasury?)", true},
		{404, "", "Unrecognized request URL (GET: /v1/exchange_rates).", true},
		{400, "", "This endpoint is only available in testmode. Try using your test keys instead.", true},
		{400, "", "This endpoint isn't available in test mode.", true},
		{400, "", "This endpoint is not in live mode", true},
		{400, "", "This API surface is not enabled for your account.", true},
		{400, "", "Your account is not authorized to send Forwarding requests in livemode", true},
		{400, "parameter_unknown", "Received unknown parameter: colour", false},
		{404, "resource_missing", "No such customer: 'not set up to use'", false},
		{403, "", "The key does not have the required permissions, not set up to use", false},
		{500, "", "Your account is not set up to use Issuing.", false},
	} {
		if got := (&APIError{Status: c.status, Code: c.code, Message: c.message}).productMissing(); got != c.want {
			t.Errorf("%d %s %q: %v", c.status, c.code, c.message, got)
		}
	}
}

// Pages that cannot be made in time are asked for in smaller ones, and later in larger ones again.
func TestPagesShrinkWhereAnswersTakeTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := scripted{never: true}
		s := &script{answers: []scripted{slow, slow, slow, good, slow, good}}
		c := testClient(s, io.Discard, &singer.Metrics{})
		sizes := func() (list []string) {
			for _, r := range s.requests {
				list = append(list, r.URL.Query().Get("limit"))
			}
			s.requests, s.answers = nil, []scripted{good}
			return list
		}
		ask := func(path string, times int) {
			for range times {
				if _, err := c.list(t.Context(), request{path: path, size: 100}); err != nil {
					t.Fatal(err)
				}
			}
		}
		ask("/v1/invoices", 2)
		if got, want := strings.Join(sizes(), " "), "100 100 50 25 25 25"; got != want {
			t.Errorf("asked for %s, want %s", got, want)
		}
		ask("/v1/charges", 1)
		if got := strings.Join(sizes(), " "); got != "100" {
			t.Errorf("another endpoint is asked for %s", got)
		}
		ask("/v1/invoices", 150)
		got := sizes()
		if got[47] != "25" || got[48] != "50" || got[97] != "50" || got[98] != "100" || got[149] != "100" {
			t.Errorf("asked for %s", got)
		}
		s.answers = []scripted{slow, slow, good}
		if _, err := c.list(t.Context(), request{path: "/v1/plans", query: probe()}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(sizes(), " "); got != "1 1 1" {
			t.Errorf("a query that says the size itself asks for %s", got)
		}
	})
}

func TestPagesOfOneShrinkNoFurther(t *testing.T) {
	var p pageSizes
	for range 10 {
		p.shrink("/v1/charges")
	}
	if got := [3]int{p.of("/v1/charges", 100), p.of("/v1/charges", 1), p.of("/v1/charges", 0)}; got != [3]int{12, 1, 0} {
		t.Errorf("pages of 100, 1 and none become %v", got)
	}
}

func TestTheEndOfTheRunIsNoTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
		defer stop()
		var log bytes.Buffer
		_, err := testClient(&script{answers: []scripted{{never: true}}}, &log, &singer.Metrics{}).list(ctx, request{path: "/v1/charges", size: 100})
		if !errors.Is(err, context.DeadlineExceeded) || log.Len() > 0 {
			t.Errorf("ends with %v and the log\n%s", err, log.String())
		}
	})
}

// With one request in seven failing, in every way that passes, a run still reads every object once and unchanged.
func TestARunThroughMixedFailuresIsExact(t *testing.T) {
	fake, url := newFake(t, stripefake.Options{Seed: 22, Objects: 500})
	modes := []stripefake.Mode{stripefake.RateLimit, stripefake.LockTimeout, stripefake.Conflict, stripefake.Internal, stripefake.BadGateway,
		stripefake.Unavailable, stripefake.Truncated, stripefake.Cut, stripefake.Reset, stripefake.Dropped, stripefake.Slow}
	for _, mode := range modes {
		if err := fake.Fail(stripefake.Failure{Mode: mode, Share: 0.014, Reason: "endpoint-rate", DelayMS: 20}); err != nil {
			t.Fatal(err)
		}
	}
	r := mustRun(t, url, "", map[string]any{"page_size": 10, "select": []string{"charges.*", "customers.*", "invoices.*", "prices.*", "refunds.*"}})
	got := table{}
	got.load(t, r.messages)
	want := oracle(t, fake, "charges", "customers", "invoices", "prices", "refunds")
	if diff := differ(want, got); diff != "" {
		t.Error(diff)
	}
	if n := strings.Count(r.log, "a request is made again"); n < 3 {
		t.Errorf("only %d requests were made again:\n%s", n, r.log)
	}
	if strings.Contains(strings.ToLower(r.log), "error") {
		t.Errorf("a run that came through speaks of errors:\n%s", r.log)
	}
}
