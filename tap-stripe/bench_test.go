package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"testing"

	"tapline/singer"
	"tapline/tests/fake/stripe/stripefake"
)

// A canned server gives the same answer to every request, at no cost.
type canned struct{ body []byte }

func (c canned) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, ProtoMajor: 1, ContentLength: int64(len(c.body)), Request: req,
		Header: http.Header{"Date": {"Tue, 02 Jan 2024 03:04:05 GMT"}},
		Body:   io.NopCloser(bytes.NewReader(c.body)),
	}, nil
}

// cannedPage is a full page of a stream, as the fake sends it.
func cannedPage(b *testing.B, st *stream) canned {
	b.Helper()
	_, url := newFake(b, stripefake.Options{Seed: 1, Counts: map[string]int{st.name: 200}})
	req, err := http.NewRequest(http.MethodGet, url+st.path+"?limit=100", nil)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer sk_test_fake")
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		b.Fatal(answer.Status, err)
	}
	return canned{body}
}

// BenchmarkPage is the client's own cost of a page of 100 objects: no network, no limits.
func BenchmarkPage(b *testing.B) {
	for _, name := range []string{"charges", "invoices"} {
		b.Run(name, func(b *testing.B) {
			st := findStream(name)
			server := cannedPage(b, st)
			c := newClient(&settings{APIKey: testKey, BaseURL: "https://api.stripe.com", RequestRate: 1e9, RequestTimeout: 80},
				server, slog.New(slog.DiscardHandler), &singer.Metrics{})
			records := 0
			b.SetBytes(int64(len(server.body)))
			b.ReportAllocs()
			for b.Loop() {
				p, err := c.list(context.Background(), request{path: st.path})
				if err != nil {
					b.Fatal(err)
				}
				records += len(p.objects)
			}
			b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

func BenchmarkSplitList(b *testing.B) {
	page := cannedPage(b, findStream("charges")).body
	body := make([]byte, len(page))
	b.SetBytes(int64(len(page)))
	for b.Loop() {
		copy(body, page)
		if _, _, err := splitList(body); err != nil {
			b.Fatal(err)
		}
	}
}
