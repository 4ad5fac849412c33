package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"tapline/internal/recharge"
	"tapline/singer"
)

// explain puts a failed request into words for the person who runs the tap, and decides the exit code. The stream may
// be nil.
func explain(st *stream, err error) error {
	refused, ok := errors.AsType[*recharge.Error](err)
	switch {
	case ok && refused.Credentials():
		return &classedError{recharge.Explain(err), err, singer.ErrCredentials}
	case ok && refused.Forbidden():
		words := fmt.Sprintf("%v; the access token may not read it: %s, or deselect the stream", err, remedyOf(st))
		return &classedError{words, err, singer.ErrCredentials}
	case errors.Is(err, recharge.ErrUnavailable):
		return &classedError{recharge.Explain(err), err, singer.ErrUnavailable}
	case ok:
		return &classedError{recharge.Explain(err), err, nil}
	}
	return err
}

// A classedError is a failure in plain words, of a class that decides the exit code; nil is for none.
type classedError struct {
	words      string
	err, class error
}

func (e *classedError) Error() string { return e.words }

func (e *classedError) Unwrap() []error {
	if e.class == nil {
		return []error{e.err}
	}
	return []error{e.err, e.class}
}

// remedyOf says what would let the token read a stream.
func remedyOf(st *stream) string {
	if st == nil || len(st.scopes) == 0 {
		return "see that the store has the app installed"
	}
	text := "grant it the scope " + strings.Join(st.scopes, " or ")
	if st.plan != "" {
		text += " and see that the store's plan is " + st.plan
	}
	return text
}

// An outputError is why a message could not be written, which ends the run and not one stream.
type outputError struct{ error }

func (e outputError) Unwrap() error { return e.error }

// wrote types the failure of writing a message.
func wrote(err error) error {
	if err == nil {
		return nil
	}
	return outputError{err}
}

// concernsOneStream tells whether other streams may be read in spite of a failure. That Recharge is unavailable is for
// the caller to judge.
func concernsOneStream(err error) bool {
	if _, ok := errors.AsType[outputError](err); ok {
		return false
	}
	refused, ok := errors.AsType[*recharge.Error](err)
	return !(ok && refused.Credentials()) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// A lackError says that a stream cannot be read for want of a scope.
type lackError struct{ reason string }

func (e *lackError) Error() string { return e.reason + "; grant it or deselect the stream" }
func (e *lackError) Unwrap() error { return singer.ErrCredentials }

// lackOf names the scopes that a token lacks.
func lackOf(scopes []string) string {
	return "the access token lacks the scope " + strings.Join(scopes, " and ")
}
