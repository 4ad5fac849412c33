package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
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

// BenchmarkRecords is the cost of the records of a page of 100 objects once they have come.
func BenchmarkRecords(b *testing.B) {
	catalog, err := allStreams()
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"charges", "balance_transactions"} {
		b.Run(name, func(b *testing.B) {
			st := findStream(name)
			entry := catalog.Stream(name)
			schema, err := entry.SelectedSchema()
			if err != nil {
				b.Fatal(err)
			}
			shop, err := newRecordShop(st, schema, func(...string) bool { return true })
			if err != nil {
				b.Fatal(err)
			}
			objects, _, err := splitList(cannedPage(b, st).body)
			if err != nil {
				b.Fatal(err)
			}
			list := foundOn(&page{objects: objects, read: stripefake.DefaultNow})
			b.ReportAllocs()
			for b.Loop() {
				if _, err := identifyAll(st, objects); err != nil {
					b.Fatal(err)
				}
				maker := &recordMaker{stream: st, shop: shop} // as it is where many workers wait to write
				if _, err := maker.make(list, ""); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A shelf serves one list of charges that were made ready before, newest first, so that a measurement is of the tap and
// hardly of the server.
type shelf struct {
	entries []entry
	texts   [][]byte // indented as Stripe's answers are
}

func newShelf(b *testing.B, objects int) *shelf {
	b.Helper()
	fake, _ := newFake(b, stripefake.Options{Seed: 1, Counts: map[string]int{"charges": objects}})
	list, err := fake.Objects("charges")
	if err != nil {
		b.Fatal(err)
	}
	s := &shelf{}
	for _, object := range slices.Backward(list) {
		e, err := identify(object, "created")
		if err != nil {
			b.Fatal(err)
		}
		var text bytes.Buffer
		if err := json.Indent(&text, object, "    ", "  "); err != nil {
			b.Fatal(err)
		}
		s.entries, s.texts = append(s.entries, e), append(s.texts, text.Bytes())
	}
	return s
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	number := func(name string, fallback int64) int64 {
		if n, err := strconv.ParseInt(query.Get(name), 10, 64); err == nil {
			return n
		}
		return fallback
	}
	below, from := number("created[lt]", 1<<62), number("created[gte]", 0)
	at := slices.IndexFunc(s.entries, func(e entry) bool { return e.created < below })
	if id := query.Get("starting_after"); id != "" {
		at = 1 + slices.IndexFunc(s.entries, func(e entry) bool { return e.id == id })
	}
	if at < 0 { // all are newer
		at = len(s.entries)
	}
	end := at
	for end < len(s.entries) && end-at < int(number("limit", 10)) && s.entries[end].created >= from {
		end++
	}
	more := end < len(s.entries) && s.entries[end].created >= from
	w.Header().Set("Date", stripefake.DefaultNow.Format(http.TimeFormat))
	fmt.Fprintf(w, "{\n  \"object\": \"list\",\n  \"data\": [\n    %s\n  ],\n  \"has_more\": %v,\n  \"url\": \"/v1/charges\"\n}\n",
		bytes.Join(s.texts[at:end], []byte(",\n    ")), more)
}

// BenchmarkTap is a whole run over one stream, with a server that costs little and without limits.
func BenchmarkTap(b *testing.B) {
	const objects = 20_000
	server := httptest.NewServer(newShelf(b, objects))
	defer server.Close()
	catalog, err := allStreams()
	if err != nil {
		b.Fatal(err)
	}
	text, err := json.Marshal(&singer.Catalog{Streams: []*singer.Stream{catalog.Stream("charges")}})
	if err != nil {
		b.Fatal(err)
	}
	args := []string{"--catalog", write(b, "catalog.json", string(text)), "--log-level", "error", "--config",
		write(b, "config.json", fmt.Sprintf(`{"api_key": "sk_test_fake", "base_url": %q, "request_rate": 1e9, "select": ["charges.*"]}`, server.URL))}
	runs := 0
	for b.Loop() {
		var log bytes.Buffer
		if code := tap().Run(context.Background(), args, singer.IO{Out: io.Discard, Err: &log}); code != singer.ExitOK {
			b.Fatalf("the tap ends with %d:\n%s", code, log.String())
		}
		runs++
	}
	b.ReportMetric(float64(runs*objects)/b.Elapsed().Seconds(), "records/s")
}
