package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/form"

	"tapline/singer"
)

// A client asks Stripe for pages of lists. It is safe for several goroutines.
type client struct {
	backend stripe.Backend
	key     singer.Secret
	account *string // the connected account to read, or nil
	headers http.Header
	limit   *limiter
	retries int
	log     *slog.Logger
	metrics *singer.Metrics
}

// newClient makes a client whose connections are made by transport; nil stands for the usual one.
func newClient(s *settings, transport http.RoundTripper, log *slog.Logger, metrics *singer.Metrics) *client {
	if transport == nil {
		transport = newTransport(requestsAtOnce(s.RequestRate))
	}
	c := &client{
		key: s.APIKey,
		// stripe-go would send the name of this machine along in the second header.
		headers: http.Header{"User-Agent": {"tapline tap-stripe"}, "X-Stripe-Client-User-Agent": {`{"lang":"go"}`}},
		limit:   newLimiter(s.RequestRate, s.granted()),
		retries: s.MaxRetries,
		log:     log,
		metrics: metrics,
	}
	if s.AccountID != "" {
		c.account = &s.AccountID
	}
	c.backend = stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{
		URL:               &s.BaseURL,
		EnableTelemetry:   stripe.Bool(false),
		LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull}, // it would print whole answers
		MaxNetworkRetries: stripe.Int64(0),                                // retry.go knows more cases
		HTTPClient: &http.Client{
			Timeout:       time.Duration(s.RequestTimeout) * time.Second,
			Transport:     recorder{transport},
			CheckRedirect: stayOnHost,
		},
	})
	return c
}

// newTransport keeps a connection for each of so many requests at the same time; the standard transport would keep two.
// It speaks HTTP/2 where the server does.
func newTransport(atOnce int) http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns, t.MaxIdleConnsPerHost = atOnce, atOnce
	return t
}

var errRedirect = errors.New("the server redirects to another host, where the key must not go, or too often; check base_url")

func stayOnHost(req *http.Request, via []*http.Request) error {
	if first := via[0].URL; req.URL.Host != first.Host || req.URL.Scheme != first.Scheme || len(via) > 5 {
		return errRedirect
	}
	return nil
}

// An exchange is what stripe-go does not tell about a request in every case: how the answer began.
type exchange struct {
	status int // 0 while there is no answer
	header http.Header
}

type exchangeKey struct{}

// A recorder fills in the exchange that a request's context carries.
type recorder struct{ next http.RoundTripper }

func (r recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	answer, err := r.next.RoundTrip(req)
	if x, ok := req.Context().Value(exchangeKey{}).(*exchange); ok && err == nil {
		x.status, x.header = answer.StatusCode, answer.Header
	}
	return answer, err
}

// A request asks for one page of a list or for one object.
type request struct {
	account  string // the connected account to read; "": that of the settings
	endpoint string // what Stripe counts requests by: the path with {id} in the place of ids; "": the path
	path     string
	query    *form.Values // may be nil
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
	objects []json.RawMessage // newest first, as they were sent
	more    bool              // whether older ones follow
	read    time.Time         // the server's clock
}

// An object is one object, asked for by its id, or the only one of its kind. One that was deleted comes as what Stripe
// left of it, {"id": ..., "object": ..., "deleted": true}, or not at all ([APIError.missing]).
type object struct {
	raw  json.RawMessage // as it was sent
	read time.Time       // the server's clock
}

// listAnswer is the body of a page. Its objects stay text, so that no field and no digit is lost.
type listAnswer struct {
	stripe.APIResource
	HasMore bool              `json:"has_more"`
	Data    []json.RawMessage `json:"data"`
}

// objectAnswer is the body that is one object.
type objectAnswer struct {
	stripe.APIResource
	raw json.RawMessage
}

func (a *objectAnswer) UnmarshalJSON(body []byte) error {
	a.raw = bytes.Clone(body)
	return nil
}

// getPage makes one request for a page. Failures are of type *APIError or *transferError.
func (c *client) getPage(ctx context.Context, r request) (*page, error) {
	var answer listAnswer
	read, err := c.get(ctx, r, &answer)
	if err != nil {
		return nil, err
	}
	if answer.Data == nil {
		return nil, &transferError{err: errors.New("the answer is not a list")}
	}
	// The rest of the answer, a second copy of the objects, ends here.
	return &page{objects: answer.Data, more: answer.HasMore, read: read}, nil
}

// getObject makes one request for an object. Failures are of type *APIError or *transferError.
func (c *client) getObject(ctx context.Context, r request) (*object, error) {
	var answer objectAnswer
	read, err := c.get(ctx, r, &answer)
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(answer.raw, []byte("{")) {
		return nil, &transferError{err: errors.New("the answer is not an object")}
	}
	return &object{raw: answer.raw, read: read}, nil
}

// get makes one request, decodes its answer and returns the server's clock.
func (c *client) get(ctx context.Context, r request, answer stripe.LastResponseSetter) (time.Time, error) {
	x := &exchange{}
	params := &stripe.Params{
		Context:       context.WithValue(ctx, exchangeKey{}, x),
		StripeAccount: c.account,
		Headers:       c.headers,
	}
	if r.account != "" {
		params.StripeAccount = &r.account
	}
	began := time.Now()
	err := c.backend.CallRaw(http.MethodGet, r.path, c.key.Reveal(), r.query, params, answer)
	c.metrics.Request(r.counted(), x.status, time.Since(began))
	if err != nil {
		return time.Time{}, c.failure(x, err)
	}
	read := serverDate(x.header)
	if read.IsZero() {
		return read, &transferError{err: errors.New("the answer has no Date header"), final: true}
	}
	return read, nil
}

// failure types what went wrong in an exchange. It keeps bodies out of the words, because they may hold personal data.
func (c *client) failure(x *exchange, err error) error {
	if x.status >= 400 {
		api := &APIError{Status: x.status, RequestID: x.header.Get("Request-Id"), header: x.header}
		var said *stripe.Error
		if errors.As(err, &said) {
			api.Type, api.Code = string(said.Type), string(said.Code)
			api.Message = strings.ReplaceAll(said.Msg, c.key.Reveal(), "***")
		}
		return api
	}
	var (
		certificate *tls.CertificateVerificationError
		syntax      *json.SyntaxError
	)
	switch {
	case errors.Is(err, errRedirect):
		return &transferError{err: errRedirect, final: true}
	case errors.As(err, &certificate):
		return &transferError{err: certificate, final: true}
	case x.status == http.StatusOK && (errors.As(err, &syntax) || strings.HasPrefix(err.Error(), "Couldn't deserialize")):
		return &transferError{err: fmt.Errorf("the body of the answer (request %q) is not the whole JSON of a list", x.header.Get("Request-Id"))}
	}
	return &transferError{err: err}
}
