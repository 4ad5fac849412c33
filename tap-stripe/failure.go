package main

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76"

	"tapline/singer"
)

// APIError is an answer by which Stripe refused a request.
//
// https://docs.stripe.com/api/errors
type APIError struct {
	Status    int    // of the HTTP answer
	Type      string // Stripe's kind of failure, such as "invalid_request_error"; "" when the body did not say
	Code      string // Stripe's short name of the cause, such as "resource_missing"; often ""
	Message   string // Stripe's sentence; it never holds the key
	RequestID string // by which Stripe's support finds the request

	header http.Header
}

// Error has the status, Stripe's code, the id by which Stripe finds the request, and what it said.
func (e *APIError) Error() string {
	text := fmt.Sprintf("Stripe answered with status %d", e.Status)
	if e.Code != "" {
		text += " (" + e.Code + ")"
	}
	if e.RequestID != "" {
		text += " to request " + e.RequestID
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

// agedOut tells whether a list ended because its cursor is older than what Stripe keeps.
func (e *APIError) agedOut() bool {
	return e.Status == http.StatusBadRequest && strings.Contains(e.Message, "aged out of our retention policy")
}

// missing tells whether an object that the request names, such as the one a cursor stands on, is gone.
func (e *APIError) missing() bool { return e.Code == string(stripe.ErrorCodeResourceMissing) }

// concernsKey tells whether the key as a whole was refused, and not what one list asks for.
func (e *APIError) concernsKey() bool {
	return e.Status == http.StatusUnauthorized || e.Code == string(stripe.ErrorCodeAccountInvalid)
}

// forbidden tells whether the key lacks a permission.
func (e *APIError) forbidden() bool { return e.Status == http.StatusForbidden && !e.concernsKey() }

var permissionName = regexp.MustCompile(`rak_[a-z0-9_]+`)

// permission returns the name of the permission that a restricted key lacks, as far as the message tells it.
func (e *APIError) permission() string { return permissionName.FindString(e.Message) }

// noProduct is how Stripe says that an account does not use a product. There is no code for it.
var noProduct = regexp.MustCompile(`(?i)not set up to use|onboarded to|unrecognized request url|only available in test ?mode|` +
	`isn't available in test ?mode|not in live mode|surface is not enabled|not authorized to send forwarding|is not enabled for your`)

// productMissing tells whether a list does not exist because the account does not use the product it belongs to, or
// not in the key's mode.
func (e *APIError) productMissing() bool {
	return (e.Status == http.StatusBadRequest || e.Status == http.StatusNotFound) && !e.missing() && noProduct.MatchString(e.Message)
}

// unmetered tells whether the summaries of usage that were asked for do not exist, because the price counts usage in
// the newer way.
func (e *APIError) unmetered() bool {
	return e.Status == http.StatusBadRequest && strings.Contains(e.Message, "legacy metered billing")
}

// refusal types an answer that is not what was asked for.
func (c *client) refusal(status int, header http.Header, body []byte) *APIError {
	var said struct {
		Error struct {
			Type    stripe.ErrorType `json:"type"`
			Code    stripe.ErrorCode `json:"code"`
			Message string           `json:"message"`
		} `json:"error"`
	}
	if err := json.Unmarshal(body, &said); err != nil {
		said.Error.Message = "" // a page of HTML, or a cut body
	}
	return &APIError{
		Status: status, Type: string(said.Error.Type), Code: string(said.Error.Code),
		Message:   strings.ReplaceAll(said.Error.Message, c.key.Reveal(), "***"),
		RequestID: header.Get("Request-Id"), header: header,
	}
}

// serverDate returns the server's clock, or the zero time if the answer did not tell.
func serverDate(header http.Header) time.Time {
	t, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return t
}

// A transferError says that no complete answer came.
type transferError struct {
	err   error
	final bool // another attempt would end the same way
}

func (e *transferError) Error() string { return "no complete answer from Stripe: " + e.err.Error() }
func (e *transferError) Unwrap() error { return e.err }

// transferFailure types what went wrong on the way. It leaves out the words of package net/url, which tell the whole
// address.
func (c *client) transferFailure(err error) *transferError {
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, errRedirect):
		return &transferError{err: errRedirect, final: true}
	case errors.As(err, &certificate):
		return &transferError{err: fmt.Errorf("the server's certificate is not accepted; check base_url and this machine's clock: %w", certificate), final: true}
	case isTimeout(err):
		return &transferError{err: fmt.Errorf("%w within %v", errTimeout, c.http.Timeout)}
	}
	var address *url.Error
	if errors.As(err, &address) {
		err = address.Err
	}
	return &transferError{err: err}
}

var errTimeout = errors.New("it did not come")

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

// timedOut tells whether an answer took too long to make: for us, or for one of Stripe's own servers.
func timedOut(err error) bool {
	var api *APIError
	if errors.As(err, &api) {
		return api.Status == http.StatusRequestTimeout || api.Status == http.StatusGatewayTimeout
	}
	return errors.Is(err, errTimeout)
}

// explain puts a failed request into words for the person who runs the tap, and decides the exit code.
func explain(path string, err error) error {
	var api *APIError
	if !errors.As(err, &api) {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	switch {
	case api.Status == http.StatusUnauthorized:
		return fmt.Errorf("the API key is wrong, expired or revoked; set api_key to a current one: %w: %w", singer.ErrCredentials, err)
	case api.concernsKey():
		return fmt.Errorf("the API key has no access to the account that account_id names: %w: %w", singer.ErrCredentials, err)
	case api.forbidden():
		return fmt.Errorf("reading %s: the API key lacks %s; grant it or deselect the stream: %w: %w", path, api.lack(), singer.ErrCredentials, err)
	case api.productMissing():
		return fmt.Errorf("reading %s: the account does not use the product of Stripe that this belongs to; deselect the stream: %w", path, err)
	case api.agedOut():
		return fmt.Errorf("reading %s: Stripe does not keep objects as old as where the list was to go on: %w", path, err)
	case api.unmetered():
		return fmt.Errorf("reading %s: the price counts usage by meters, which have no such summaries: %w", path, err)
	case api.missing():
		return fmt.Errorf("reading %s: the object does not exist any more: %w", path, err)
	case api.Status == http.StatusNotFound && api.Type == "":
		return fmt.Errorf("reading %s: there is no such page, and no Stripe either; check base_url: %w", path, err)
	}
	return fmt.Errorf("reading %s: %w", path, err)
}

// lack words what a key must be granted.
func (e *APIError) lack() string {
	if name := e.permission(); name != "" {
		return "the permission " + name
	}
	return "a permission"
}
