package recharge

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// ErrUnavailable is wrapped by the failure of a request that was made again as often as it may be.
var ErrUnavailable = errors.New("no proper answer from Recharge")

// An Error is an answer by which Recharge refused a request.
type Error struct {
	Status    int                 // of the HTTP answer
	Message   string              // what Recharge said, in one line; it never holds the token; "" if it said nothing
	Fields    map[string][]string // what it said of single parameters, by their names; nested names are joined by dots
	RequestID string              // of the header X-Request-Id; "" if there was none

	wait time.Duration // that the server asked for
}

// Error has the status, the id by which Recharge finds the request, and what it said, but not Fields.
func (e *Error) Error() string {
	text := fmt.Sprintf("Recharge answered with status %d", e.Status)
	if name := http.StatusText(e.Status); name != "" {
		text += " (" + name + ")"
	}
	if e.RequestID != "" {
		text += " to request " + e.RequestID
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

// Credentials tells whether the token opens nothing: it is wrong or was revoked.
func (e *Error) Credentials() bool { return e.Status == http.StatusUnauthorized }

// Forbidden tells whether the token may not do this: it lacks a scope, the store's plan lacks the feature, or the store
// has uninstalled the app.
func (e *Error) Forbidden() bool { return e.Status == http.StatusForbidden }

// NotFound tells whether there is no such object or path.
func (e *Error) NotFound() bool { return e.Status == http.StatusNotFound }

// BadCursor tells whether the cursor of the request does not lead anywhere, any more or at all.
func (e *Error) BadCursor() bool {
	_, named := e.Fields["cursor"]
	return e.Status == http.StatusUnprocessableEntity && named
}

// Timeout tells whether err is that no answer came in time, from Recharge or from what stands before it. Asking for
// fewer items may help.
func Timeout(err error) bool {
	if refused, ok := errors.AsType[*Error](err); ok {
		return refused.Status == http.StatusGatewayTimeout || refused.Status == http.StatusRequestTimeout
	}
	transfer, ok := errors.AsType[*transferError](err)
	return ok && transfer.late
}

// A transferError says that no whole answer came.
type transferError struct {
	err   error
	final bool // another attempt would end the same way
	stale bool // another attempt should be made on another connection
	late  bool // the time for an attempt was over
}

func (e *transferError) Error() string { return "no whole answer from Recharge: " + e.err.Error() }
func (e *transferError) Unwrap() error { return e.err }
