package main

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
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

var permissionName = regexp.MustCompile(`rak_[a-z0-9_]+`)

// permission returns the name of the permission that a restricted key lacks, as far as the message tells it.
func (e *APIError) permission() string { return permissionName.FindString(e.Message) }

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

// explain puts a failed request into words for the person who runs the tap, and decides the exit code.
func explain(path string, err error) error {
	var api *APIError
	if !errors.As(err, &api) {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	switch api.Status {
	case http.StatusUnauthorized:
		return fmt.Errorf("the API key is wrong, expired or revoked; set api_key to a current one: %w: %w", singer.ErrCredentials, err)
	case http.StatusForbidden:
		if api.Code == string(stripe.ErrorCodeAccountInvalid) {
			return fmt.Errorf("the API key has no access to the account that account_id names: %w: %w", singer.ErrCredentials, err)
		}
		lack := "a permission"
		if name := api.permission(); name != "" {
			lack = "the permission " + name
		}
		return fmt.Errorf("reading %s: the API key lacks %s; grant it or deselect the stream: %w: %w", path, lack, singer.ErrCredentials, err)
	}
	return fmt.Errorf("reading %s: %w", path, err)
}

// A streamError is why one stream could not be read to its end.
type streamError struct {
	stream *stream
	err    error
}

func (e *streamError) Error() string {
	var record *singer.RecordError
	if errors.As(e.err, &record) { // which names the stream itself
		return e.err.Error()
	}
	return fmt.Sprintf("stream %s: %v", e.stream.name, e.err)
}

func (e *streamError) Unwrap() error { return e.err }

// failures are those of several streams. They name all streams but tell the first's reason alone, to fit a line.
type failures []*streamError

func (f failures) Error() string {
	names := make([]string, len(f))
	for i, one := range f {
		names[i] = one.stream.name
	}
	return fmt.Sprintf("%d streams cannot be read: %s; %v", len(f), strings.Join(names, ", "), f[0])
}

func (f failures) Unwrap() []error {
	errs := make([]error, len(f))
	for i, one := range f {
		errs[i] = one
	}
	return errs
}

// join makes one failure of those that are not nil, or nil.
func join(failed []*streamError) error {
	some := failures(slices.DeleteFunc(failed, func(e *streamError) bool { return e == nil }))
	switch len(some) {
	case 0:
		return nil
	case 1:
		return some[0]
	}
	return some
}
