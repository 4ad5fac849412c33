package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/form"

	"tapline/singer"
)

// A client asks Stripe for pages of lists and for single objects. It is safe for several goroutines.
type client struct {
	http    *http.Client
	base    string // of the URLs, without a slash at its end
	key     singer.Secret
	account string // the connected account to read; "": the key's own
	limit   *limiter
	sizes   pageSizes
	retries int
	log     *slog.Logger
	metrics *singer.Metrics
	rooms   sync.Map // by endpoint, the length of its last answer, an int64, to make room for the next
}

// newClient makes a client whose connections are made by transport; nil stands for the usual one.
func newClient(s *settings, transport http.RoundTripper, log *slog.Logger, metrics *singer.Metrics) *client {
	if transport == nil {
		transport = newTransport(requestsAtOnce(s.RequestRate))
	}
	return &client{
		http: &http.Client{
			Timeout:       time.Duration(s.RequestTimeout) * time.Second,
			Transport:     transport,
			CheckRedirect: stayOnHost,
		},
		base:    strings.TrimSuffix(strings.TrimSuffix(s.BaseURL, "/"), "/v1"),
		key:     s.APIKey,
		account: s.AccountID,
		limit:   newLimiter(s.RequestRate, s.granted()),
		retries: s.MaxRetries,
		log:     log,
		metrics: metrics,
	}
}

// newTransport keeps a connection for each of so many requests at the same time; the standard transport would keep two.
// It speaks HTTP/2 where the server does.
func newTransport(atOnce int) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns, t.MaxIdleConnsPerHost = atOnce, atOnce
	// All requests may be on one connection. If that dies without a word, a ping finds out.
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 15 * time.Second}
	return t
}

var errRedirect = errors.New("the server redirects to another host, where the key must not go, or too often; check base_url")

func stayOnHost(req *http.Request, via []*http.Request) error {
	if first := via[0].URL; req.URL.Host != first.Host || req.URL.Scheme != first.Scheme || len(via) > 5 {
		return errRedirect
	}
	return nil
}

// A request asks for one page of a list or for one object.
type request struct {
	account  string // the connected account to read; "": that of the settings
	endpoint string // what Stripe counts requests by: the path with {id} in the place of ids; "": the path
	path     string
	query    *form.Values // may be nil
	// size is how many objects of a list to ask for at once, instead of a limit in the query. An endpoint that cannot
	// make so many in time is asked for fewer. 0: the query says it.
	size int
}

// byID is a request for what a pattern with {id} in it, such as /v1/invoices/{id}/lines, names for one id. Merchants
// choose some ids themselves, with any character in them.
func byID(pattern, id string) request {
	return request{endpoint: pattern, path: strings.Replace(pattern, "{id}", url.PathEscape(id), 1)}
}

// counted is the endpoint that the request counts for.
func (r request) counted() string {
	if r.endpoint != "" {
		return r.endpoint
	}
	return r.path
}

// A page is one answer of a list.
type page struct {
	objects []json.RawMessage // newest first, as they were sent, without white space between tokens
	more    bool              // whether older ones follow
	read    time.Time         // the server's clock
}

// An object is one object, asked for by its id, or the only one of its kind. One that was deleted comes as what Stripe
// left of it, {"id": ..., "object": ..., "deleted": true}, or not at all ([APIError.missing]).
type object struct {
	raw  json.RawMessage // as it was sent, without white space between tokens
	read time.Time       // the server's clock
}

// An answer is a body that Stripe sent with status 200.
type answer struct {
	body []byte
	read time.Time // the server's clock
}

func toPage(a *answer) (*page, error) {
	objects, more, err := splitList(a.body)
	return &page{objects: objects, more: more, read: a.read}, err
}

func toObject(a *answer) (*object, error) {
	raw, err := oneObject(a.body)
	return &object{raw: raw, read: a.read}, err
}

// get makes one request, asking for size objects unless that is 0. Failures are of type *APIError or *transferError.
func (c *client) get(ctx context.Context, r request, size int) (*answer, error) {
	req, err := c.newRequest(ctx, r, size)
	if err != nil {
		return nil, &transferError{err: err, final: true}
	}
	began := time.Now()
	status, header, body, err := c.exchange(req, r.counted())
	c.metrics.Request(r.counted(), status, time.Since(began))
	switch {
	case status >= http.StatusBadRequest: // even if its body was cut
		return nil, c.refusal(status, header, body)
	case err != nil:
		return nil, c.transferFailure(err)
	case status != http.StatusOK:
		return nil, &transferError{err: fmt.Errorf("the server answered with status %d", status)}
	}
	read := serverDate(header)
	if read.IsZero() {
		return nil, &transferError{err: errors.New("the answer has no Date header"), final: true}
	}
	return &answer{body: body, read: read}, nil
}

func (c *client) newRequest(ctx context.Context, r request, size int) (*http.Request, error) {
	var parameters []string
	if size > 0 {
		parameters = append(parameters, "limit="+strconv.Itoa(size))
	}
	if r.query != nil && !r.query.Empty() {
		parameters = append(parameters, r.query.Encode())
	}
	address := c.base + r.path
	if len(parameters) > 0 {
		address += "?" + strings.Join(parameters, "&")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.key.Reveal())
	req.Header.Set("Stripe-Version", stripe.APIVersion)
	req.Header.Set("User-Agent", "tapline tap-stripe")
	if account := cmp.Or(r.account, c.account); account != "" {
		req.Header.Set("Stripe-Account", account)
	}
	return req, nil
}

// exchange sends a request and reads its answer whole. The status is 0 if none came.
func (c *client) exchange(req *http.Request, endpoint string) (status int, header http.Header, body []byte, err error) {
	res, err := c.http.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer res.Body.Close()
	buffer := bytes.NewBuffer(make([]byte, 0, c.room(endpoint, res.ContentLength)))
	_, err = buffer.ReadFrom(res.Body)
	if res.StatusCode == http.StatusOK {
		c.rooms.Store(endpoint, int64(buffer.Len()))
	}
	return res.StatusCode, res.Header, buffer.Bytes(), err
}

// room is how much an answer of an endpoint will probably take. Length is what its header says, or -1 if it says
// nothing, as it does of compressed answers. A buffer that has to grow step by step would copy a page several times.
func (c *client) room(endpoint string, length int64) int64 {
	if last, ok := c.rooms.Load(endpoint); ok && length < 0 {
		length = last.(int64) + last.(int64)/8
	}
	return max(min(length, maxRoom), 0) + bytes.MinRead
}

// maxRoom bounds what is made ready for an answer on the word of its header.
const maxRoom = 16 << 20
