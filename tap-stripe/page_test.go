package main

import (
	"compress/gzip"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline/singer"
	"tapline/tests/fake/stripe/stripefake"
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

// listServer answers every request with a page, after a little while, and counts connections.
func listServer(t *testing.T) (server *httptest.Server, connections, protocol *atomic.Int64) {
	t.Helper()
	connections, protocol = &atomic.Int64{}, &atomic.Int64{}
	server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protocol.Store(int64(r.ProtoMajor))
		time.Sleep(5 * time.Millisecond)
		if _, err := io.WriteString(w, goodPage); err != nil {
			t.Error(err)
		}
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	return server, connections, protocol
}

// askTogether makes requests by callers at the same time, in several rounds with a rest between them.
func askTogether(t *testing.T, c *client, callers, rounds int) {
	t.Helper()
	for range rounds {
		var group sync.WaitGroup
		for range callers {
			group.Go(func() {
				if _, err := c.list(t.Context(), request{path: "/v1/charges"}); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	}
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	server, connections, _ := listServer(t)
	server.Start()
	defer server.Close()
	s := &settings{APIKey: testKey, BaseURL: server.URL, RequestRate: 1e6, RequestTimeout: 80}
	askTogether(t, newClient(s, nil, slog.New(slog.DiscardHandler), &singer.Metrics{}), 30, 10)
	if n := connections.Load(); n > 60 { // 30, but for some that a new one was dialled for while they came free
		t.Errorf("300 requests of 30 at a time take %d connections", n)
	}
}

func TestOneConnectionIsEnoughWhereTheServerSpeaksHTTP2(t *testing.T) {
	server, connections, protocol := listServer(t)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	transport := newTransport(30)
	transport.TLSClientConfig = &tls.Config{RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	s := &settings{APIKey: testKey, BaseURL: server.URL, RequestRate: 1e6, RequestTimeout: 80}
	c := newClient(s, transport, slog.New(slog.DiscardHandler), &singer.Metrics{})
	askTogether(t, c, 1, 1)
	askTogether(t, c, 30, 5)
	if protocol.Load() != 2 || connections.Load() != 1 {
		t.Errorf("HTTP/%d and %d connections", protocol.Load(), connections.Load())
	}
}

func TestAnAnswerThatComesCompressed(t *testing.T) {
	fake, _ := newFake(t, stripefake.Options{Seed: 1, Counts: map[string]int{"charges": 150}})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "gzip" {
			t.Errorf("the client takes %q", r.Header.Get("Accept-Encoding"))
		}
		plain := httptest.NewRecorder()
		fake.ServeHTTP(plain, r)
		for name, values := range plain.Header() {
			w.Header()[name] = values
		}
		w.Header().Set("Content-Encoding", "gzip")
		small := gzip.NewWriter(w)
		if _, err := small.Write(plain.Body.Bytes()); err != nil {
			t.Error(err)
		}
		if err := small.Close(); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	s := &settings{APIKey: "sk_test_fake", BaseURL: server.URL + "/v1/", RequestRate: 1e6, RequestTimeout: 80}
	c := newClient(s, nil, slog.New(slog.DiscardHandler), &singer.Metrics{})
	want, err := fake.Objects("charges") // oldest first
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time, room is made for as much as came the first time
		p, err := c.list(t.Context(), request{path: "/v1/charges", size: 100})
		if err != nil {
			t.Fatal(err)
		}
		if len(p.objects) != 100 || !p.more {
			t.Fatalf("%d objects, more %v", len(p.objects), p.more)
		}
		for i, object := range p.objects {
			if diff := cmp.Diff(string(want[len(want)-1-i]), string(object)); diff != "" {
				t.Fatalf("object %d (-want +got):\n%s", i, diff)
			}
		}
	}
}
