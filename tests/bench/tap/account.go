package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"tapline/tests/fake/stripe/stripefake"
)

const key = "sk_live_fake" // with which Stripe grants what it grants a live account

// What Stripe grants an account by default, https://docs.stripe.com/rate-limits, and how long it takes to answer.
const (
	accountRate  = 100.0
	endpointRate = 25.0
	filesRate    = 20.0
	latency      = 300 * time.Millisecond
)

// An account is a fake that is served and watched.
type account struct {
	*stripefake.Server
	url     string
	limited bool
	server  *http.Server

	mu      sync.Mutex // guards what follows
	answers []answer
}

// An answer is when a request was made and what came of it.
type answer struct {
	at     time.Time
	path   string
	status int
}

// open serves an account on loopback.
func open(o stripefake.Options) (*account, error) {
	o.Keys = []stripefake.Key{{Secret: key}}
	fake, err := stripefake.New(o)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	a := &account{Server: fake, url: "http://" + listener.Addr().String(), limited: o.Limits.Global > 0}
	a.server = &http.Server{Handler: a, ReadHeaderTimeout: 10 * time.Second}
	go a.server.Serve(listener) // until it is closed
	return a, nil
}

func (a *account) close() { a.server.Close() }

// limited are the options of an account as Stripe has them, so many times as fast, with a share of its rates.
func (b *bench) limited(o stripefake.Options) stripefake.Options {
	o.Limits = stripefake.Limits{Global: b.granted(accountRate), Endpoint: b.granted(endpointRate), Files: b.granted(filesRate)}
	o.Latency = time.Duration(float64(latency) / b.speed)
	return o
}

// granted is what is granted for a rate of Stripe's.
func (b *bench) granted(rate float64) float64 { return rate * b.speed * b.rate }

// ServeHTTP answers and takes notes, before the client can know the answer.
func (a *account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := time.Now()
	a.Server.ServeHTTP(&statusWriter{w, func(status int) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.answers = append(a.answers, answer{at, r.URL.Path, status})
	}}, r)
}

// statusWriter tells the status of an answer before it is sent.
type statusWriter struct {
	http.ResponseWriter
	tell func(status int)
}

func (w *statusWriter) WriteHeader(status int) {
	w.tell(status)
	w.ResponseWriter.WriteHeader(status)
}

// taken returns the answers since the last call.
func (a *account) taken() []answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := a.answers
	a.answers = nil
	a.ResetRequests()
	return list
}

// usage is what requests made of the rate that was allowed.
type usage struct {
	made, refused int
	took          time.Duration
	share         float64 // of what was allowed from the first request to the last
}

func use(answers []answer, allowed float64) (u usage) {
	var first, last time.Time
	for _, a := range answers {
		if a.status == http.StatusTooManyRequests {
			u.refused++
			continue
		}
		u.made++
		if first.IsZero() || a.at.Before(first) {
			first = a.at
		}
		if a.at.After(last) {
			last = a.at
		}
	}
	if u.took = last.Sub(first); u.took > 0 {
		u.share = float64(u.made-1) / (allowed * u.took.Seconds())
	}
	return u
}

// walk reads a list as most taps do, page after page, and returns how long a page took. It ends after so many pages.
func (a *account) walk(path string, pages int) (time.Duration, error) {
	start, after, n := time.Now(), "", 0
	for n < pages {
		r, err := http.NewRequest(http.MethodGet, a.url+path+"?limit=100"+after, nil)
		if err != nil {
			return 0, err
		}
		r.Header.Set("Authorization", "Bearer "+key)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0, err
		}
		var page struct {
			Data    []struct{ ID string }
			HasMore bool `json:"has_more"`
		}
		err = json.NewDecoder(response.Body).Decode(&page)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK || len(page.Data) == 0 {
			return 0, fmt.Errorf("walk of %s: %s, %d objects (%w)", path, response.Status, len(page.Data), err)
		}
		n++
		if !page.HasMore {
			break
		}
		after = "&starting_after=" + page.Data[len(page.Data)-1].ID
	}
	return time.Since(start) / time.Duration(n), nil
}
