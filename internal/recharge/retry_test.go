package recharge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A script answers one request after the other; the last answer repeats.
type script struct {
	answers []scripted

	mu       sync.Mutex
	requests []*http.Request
	times    []time.Duration // since the first
	began    time.Time
	closed   int // how often idle connections were closed
}

type scripted struct {
	status int // 0: 200
	header http.Header
	body   string
	err    error
	cut    bool          // the body has fewer bytes than its header tells
	late   time.Duration // until it comes
}

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	s.mu.Lock()
	a := s.answers[min(len(s.requests), len(s.answers)-1)]
	if s.began.IsZero() {
		s.began = time.Now()
	}
	s.requests = append(s.requests, req)
	s.times = append(s.times, time.Since(s.began))
	s.mu.Unlock()
	if err := sleep(req.Context(), a.late); err != nil {
		return nil, err
	}
	if a.err != nil {
		return nil, a.err
	}
	header := http.Header{"Date": {"Tue, 02 Jan 2024 03:04:05 GMT"}, "X-Request-Id": {"req-1"}, "X-Recharge-Limit": {"1/40"}}
	for name, values := range a.header {
		header[name] = values
	}
	length := int64(len(a.body))
	if a.cut {
		length++
	}
	return &http.Response{StatusCode: max(a.status, 200), Header: header, Body: io.NopCloser(strings.NewReader(a.body)),
		ContentLength: length, Request: req}, nil
}

func (s *script) CloseIdleConnections() { s.closed++ }

const goodPage = `{"next_cursor":null,"charges":[{"id":1}]}`

var charges = Request{Path: "/charges", Key: "charges", Limit: 250}

// charge makes one request and returns what came of it and how often it was made.
func (s *script) charge(t *testing.T, o Options) (*Page, error) {
	t.Helper()
	o.Transport, o.Token = s, testToken
	return New(o).Page(t.Context(), charges)
}

func TestWhatPassesIsTriedAgain(t *testing.T) {
	const retries = 3
	refusal := func(status int) scripted { return scripted{status: status, body: `{"errors":"no"}`} }
	tests := map[string]struct {
		answer   scripted
		requests int
	}{
		"bad request":              {refusal(400), 1},
		"credentials":              {refusal(401), 1},
		"payment":                  {refusal(402), 1},
		"scope":                    {refusal(403), 1},
		"no such object":           {refusal(404), 1},
		"method":                   {refusal(405), 1},
		"not acceptable":           {refusal(406), 1},
		"request timeout":          {refusal(408), 2},
		"media type":               {refusal(415), 1},
		"cursor":                   {refusal(422), 1},
		"version":                  {refusal(426), 1},
		"server":                   {refusal(500), 1 + retries},
		"not there":                {refusal(501), 1},
		"gateway":                  {scripted{status: 502, body: "<html>bad gateway</html>"}, 1 + retries},
		"third party":              {refusal(503), 1 + retries},
		"gateway timeout":          {refusal(504), 2}, // the caller can ask for less
		"edge":                     {scripted{status: 520}, 1 + retries},
		"reset":                    {scripted{err: errors.New("connection reset by peer")}, 1 + retries},
		"no answer in time":        {scripted{late: time.Hour}, 2},
		"short body":               {scripted{body: goodPage, cut: true}, 1 + retries},
		"JSON that does not end":   {scripted{body: goodPage[:len(goodPage)-3]}, 1 + retries},
		"empty body":               {scripted{}, 1 + retries},
		"HTML with status 200":     {scripted{body: "<html>"}, 1 + retries},
		"two bodies":               {scripted{body: goodPage + goodPage}, 1 + retries},
		"no list of that name":     {scripted{body: `{"orders":[]}`}, 1},
		"a list that is an object": {scripted{body: `{"charges":{}}`}, 1},
		"an unexpected status":     {scripted{status: 299, body: goodPage}, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{answers: []scripted{test.answer}}
				page, err := s.charge(t, Options{MaxRetries: retries})
				if page != nil || err == nil || !strings.Contains(err.Error(), "/charges") {
					t.Errorf("the page is %v, the failure %v", page, err)
				}
				if len(s.requests) != test.requests {
					t.Errorf("%d requests were made, not %d", len(s.requests), test.requests)
				}
				if again := test.requests > 1; errors.Is(err, ErrUnavailable) != again {
					t.Errorf("the failure is %v", err)
				}
				s.answers = append(s.answers, scripted{body: goodPage}) // the last repeats
				s.requests = s.requests[:0]
				page, err = s.charge(t, Options{MaxRetries: 1})
				if again := test.requests > 1; again != (err == nil) || again != (page != nil) {
					t.Errorf("a passing fault ended in %v, %v", page, err)
				}
			})
		})
	}
}

func TestPausesGrowAndAreRandom(t *testing.T) {
	for n, longest := range map[int]time.Duration{1: firstPause, 2: 2 * firstPause, 6: 32 * firstPause, 7: longestPause, 90: longestPause} {
		seen := time.Duration(0)
		for range 300 {
			wait := pause(n)
			if wait < 0 || wait > longest {
				t.Fatalf("pause %d is %v, longer than %v", n, wait, longest)
			}
			seen = max(seen, wait)
		}
		if seen < longest*9/10 {
			t.Errorf("none of 300 pauses %d came near %v", n, longest)
		}
	}
}

func TestTheServerSaysHowLongToWait(t *testing.T) {
	tests := map[string]struct {
		status int
		header string
		least  time.Duration
		most   time.Duration
	}{
		"429 without a word":    {429, "", 2 * time.Second, 13 * time.Second},
		"429 in seconds":        {429, "60", 60 * time.Second, 62 * time.Second},
		"429 at a time":         {429, "Tue, 02 Jan 2024 03:05:05 GMT", 60 * time.Second, 62 * time.Second},
		"429 in seconds past 0": {429, "-5", 2 * time.Second, 13 * time.Second},
		"429 for ever":          {429, "1e300", 0, 0},
		"409 in seconds":        {409, "60", 61 * time.Second, 62 * time.Second},
		"503 in seconds":        {503, "60", 60 * time.Second, 62 * time.Second},
		"503 without a word":    {503, "", 0, time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{answers: []scripted{{status: test.status, header: http.Header{"Retry-After": {test.header}}}, {body: goodPage}}}
				_, err := s.charge(t, Options{MaxRetries: 1})
				if test.most == 0 {
					if !errors.Is(err, ErrUnavailable) || len(s.times) != 1 {
						t.Errorf("waiting ended in %v after %v", err, s.times)
					}
					return
				}
				if err != nil || len(s.times) != 2 || s.times[1] < test.least || s.times[1] > test.most {
					t.Errorf("the requests were made at %v: %v", s.times, err)
				}
			})
		})
	}
}

func TestBeingPutOffIsNoFailure(t *testing.T) {
	for name, status := range map[string]int{"rate limit": 429, "conflict": 409} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				answers := make([]scripted, 7)
				for i := range answers {
					answers[i].status = status
				}
				s := &script{answers: append(answers, scripted{body: goodPage})}
				if _, err := s.charge(t, Options{}); err != nil || len(s.requests) != 8 {
					t.Errorf("after %d requests: %v", len(s.requests), err)
				}
			})
		})
	}
}

func TestNobodyIsPutOffForEver(t *testing.T) {
	for name, status := range map[string]int{"rate limit": 429, "conflict": 409} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{answers: []scripted{{status: status}}}
				_, err := s.charge(t, Options{MaxRetries: 5})
				if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "15m") {
					t.Errorf("the failure is %v", err)
				}
				if last := s.times[len(s.times)-1]; last < patience*9/10 || last > patience {
					t.Errorf("the last request was made after %v", last)
				}
			})
		})
	}
}

func TestAPageThatIsSmallIsAskedForAgainDespiteTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []scripted{{late: time.Hour}}}
		c := New(Options{Transport: s, MaxRetries: 3, Timeout: 30 * time.Second})
		_, err := c.Page(t.Context(), Request{Path: "/charges", Key: "charges", Limit: 25})
		if len(s.requests) != 4 || !Timeout(err) || !strings.Contains(err.Error(), "none came within 30s") {
			t.Errorf("%d requests ended in %v", len(s.requests), err)
		}
	})
}

func TestRequestsForAnAddressGoOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []scripted{{body: `{}`, header: http.Header{"X-Recharge-Limit": {"0/40"}}}, {status: 409, late: time.Second}, {body: `{}`, late: time.Second}}}
		c := New(Options{Transport: s})
		if _, _, err := c.Get(t.Context(), "/store", "", nil); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		took := make([]time.Duration, 5)
		var all sync.WaitGroup
		get := func(i int, path string, query url.Values) {
			all.Go(func() {
				if _, _, err := c.Get(t.Context(), path, "", query); err != nil {
					t.Error(err)
				}
				took[i] = time.Since(began)
			})
			synctest.Wait()
		}
		get(0, "/addresses/7/charges/skip", nil) // meets another program's
		get(1, "/charges", url.Values{"address_id": {"7"}})
		get(2, "/addresses/8", nil)
		get(3, "/charges", nil)
		get(4, "/charges", nil)
		all.Wait()
		// The second waits for the conflict to pass, the first for the second, and nobody else for either.
		if took[1] != 3*time.Second || took[0] != 4*time.Second {
			t.Errorf("the requests for the address took %v", took[:2])
		}
		if want := time.Second; took[2] != want || took[3] != want || took[4] != want {
			t.Errorf("the requests for others took %v", took[2:])
		}
		if len(c.holds.of) != 0 {
			t.Errorf("%d holds are kept", len(c.holds.of))
		}
	})
}

func TestOneConflictKeepsOthersFromTheList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []scripted{{status: 409}, {body: goodPage}}}
		c := New(Options{Transport: s})
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if _, err := c.Page(t.Context(), charges); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		all.Wait()
		for _, at := range s.times[1:] {
			if at < firstConflict {
				t.Errorf("the requests were made at %v", s.times)
			}
		}
	})
}

func TestWaitingForAnAddressEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHolds()
		seven := subject{"address 7", true}
		leave, err := h.enter(t.Context(), seven)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := h.enter(ctx, seven); err != context.DeadlineExceeded {
			t.Errorf("waiting for another request ended in %v", err)
		}
		h.put(seven, time.Minute)
		h.put(seven, time.Second) // which is over sooner
		leave()
		ctx, cancel = context.WithTimeout(t.Context(), 59*time.Second)
		defer cancel()
		if _, err := h.enter(ctx, seven); err != context.DeadlineExceeded {
			t.Errorf("waiting for a conflict to pass ended in %v", err)
		}
		if leave, err = h.enter(t.Context(), seven); err != nil {
			t.Fatal(err)
		}
		leave()
		if len(h.of) != 0 {
			t.Errorf("%d holds are kept", len(h.of))
		}
	})
}

func TestSubjects(t *testing.T) {
	for _, test := range []struct {
		path, query string
		want        subject
	}{
		{"/addresses/7", "", subject{"address 7", true}},
		{"/addresses/7/charges/skip", "", subject{"address 7", true}},
		{"/addresses/7x", "", subject{"/addresses/7x", false}},
		{"/addresses", "", subject{"/addresses", false}},
		{"/charges", "address_id=7", subject{"address 7", true}},
		{"/charges", "customer_id=7", subject{"/charges", false}},
	} {
		query, _ := url.ParseQuery(test.query)
		if got := (call{path: test.path, query: query}).subject(); got != test.want {
			t.Errorf("%s?%s is for %v, not %v", test.path, test.query, got, test.want)
		}
	}
}

func TestTheCallerCanGiveUp(t *testing.T) {
	tests := map[string]scripted{
		"while waiting for an answer":    {late: time.Hour},
		"while waiting to try again":     {status: 503, header: http.Header{"Retry-After": {"600"}}},
		"while waiting for the bucket":   {status: 429, header: http.Header{"Retry-After": {"600"}}},
		"while another request is ahead": {status: 409},
	}
	for name, answer := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{answers: []scripted{answer}}
				c := New(Options{Transport: s, MaxRetries: 100})
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				began := time.Now()
				if _, err := c.Page(ctx, charges); err != context.DeadlineExceeded {
					t.Errorf("giving up ended in %v", err)
				}
				if took := time.Since(began); took != 30*time.Second {
					t.Errorf("giving up took %v", took)
				}
			})
		})
	}
}

func TestRetriesAreLoggedWithoutSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const body = `{"errors":"` + testToken + ` of ann@example.com"}`
		s := &script{answers: []scripted{{status: 500, body: body}, {status: 409, body: body}, {body: body[:20]}, {err: &url.Error{Op: "Get", URL: "https://x/?email=ann@example.com", Err: io.EOF}}, {body: goodPage}}}
		var log bytes.Buffer
		if _, err := s.charge(t, Options{MaxRetries: 9, Log: slog.New(slog.NewTextHandler(&log, nil))}); err != nil {
			t.Fatal(err)
		}
		if text := log.String(); strings.Count(text, "\n") != 4 || strings.Contains(text, "secret") || strings.Contains(text, "ann@") {
			t.Errorf("the log is %s", text)
		}
		for _, want := range []string{"path=/charges", "status=500", "status=409", "request_id=req-1", "ends before its end", "cause=", "EOF", "wait="} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("the log lacks %s: %s", want, log.String())
			}
		}
	})
}

func TestEachAttemptIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		s := &script{answers: []scripted{{status: 500, late: time.Second}, {err: io.EOF}, {body: `{"a":1}`, late: 2 * time.Second}}}
		c := New(Options{Transport: s, MaxRetries: 9, OnRequest: func(path string, status int, took time.Duration) {
			got = append(got, fmt.Sprint(path, " ", status, " ", took))
		}})
		if _, _, err := c.Get(t.Context(), "/customers/17/credit_summary", "", nil); err != nil {
			t.Fatal(err)
		}
		const path = "/customers/{id}/credit_summary"
		if diff := cmp.Diff([]string{path + " 500 1s", path + " 0 0s", path + " 200 2s"}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestPatternsOfPaths(t *testing.T) {
	for path, want := range map[string]string{
		"/charges": "/charges", "/charges/1": "/charges/{id}", "/a/1/2/b": "/a/{id}/{id}/b", "/a1/b": "/a1/b", "/": "/",
	} {
		if got := pattern(path); got != want {
			t.Errorf("the pattern of %s is %s", path, got)
		}
	}
}
