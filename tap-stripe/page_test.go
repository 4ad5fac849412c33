package main

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"tapline/singer"
)

func TestOneObjectIsRetrieved(t *testing.T) {
	const charge = `{"id":"ch_1","amount":1.10,"metadata":{"a":"\u00e9"}}`
	for _, c := range []struct {
		name     string
		answers  []scripted
		requests int
		want     string // "": it fails
	}{
		{"as it was sent", []scripted{{status: 200, body: charge}}, 1, charge},
		{"what is left of a deleted one", []scripted{{status: 200, body: `{"id":"cus_1","deleted":true}`}}, 1, `{"id":"cus_1","deleted":true}`},
		{"behind a server failure", []scripted{refusal(500, "api_error", "", "oops"), {status: 200, body: charge}}, 2, charge},
		{"behind a cut body", []scripted{{status: 200, body: charge[:20]}, {status: 200, body: charge}}, 2, charge},
		{"behind a body that is none", []scripted{{status: 200, body: `[]`}, {status: 200, body: `null`}, {status: 200, body: charge}}, 3, charge},
		{"not if it is gone", []scripted{refusal(404, "invalid_request_error", "resource_missing", "No such charge: 'ch_1'")}, 1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{answers: c.answers}
				got, err := testClient(s, io.Discard, &singer.Metrics{}).retrieve(t.Context(), byID("/v1/charges/{id}", "ch_1"))
				if len(s.requests) != c.requests {
					t.Errorf("%d requests, want %d", len(s.requests), c.requests)
				}
				if c.want == "" {
					var api *APIError
					if !errors.As(err, &api) || !api.missing() {
						t.Errorf("ends with %v, want a missing object", err)
					}
					return
				}
				if err != nil || string(got.raw) != c.want || !got.read.Equal(time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)) {
					t.Errorf("got %+v, %v; want %s", got, err, c.want)
				}
			})
		})
	}
}

func TestAnIDKeepsItsPlaceInThePath(t *testing.T) {
	for _, c := range []struct{ pattern, id, want string }{
		{"/v1/invoices/{id}/lines", "in_1", "https://api.stripe.com/v1/invoices/in_1/lines"},
		{"/v1/coupons/{id}", "50% off / summer?", "https://api.stripe.com/v1/coupons/50%25%20off%20%2F%20summer%3F"},
	} {
		s := &script{answers: []scripted{good}}
		r := byID(c.pattern, c.id)
		if _, err := testClient(s, io.Discard, &singer.Metrics{}).list(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if got := s.requests[0].URL.String(); got != c.want || r.counted() != c.pattern {
			t.Errorf("%s of %q: asks for %s, counted for %s; want %s", c.pattern, c.id, got, r.counted(), c.want)
		}
	}
	if got := (request{path: "/v1/charges"}).counted(); got != "/v1/charges" {
		t.Errorf("a list counts for %s", got)
	}
}
