package recharge

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestRefusalsAreReadInEveryShape(t *testing.T) {
	tests := map[string]struct {
		body string
		want Error
	}{
		"error, text":         {`{"error":"bad authentication"}`, Error{Message: "bad authentication"}},
		"errors, text":        {`{"errors":"Not Found"}`, Error{Message: "Not Found"}},
		"warning, text":       {`{"warning":"too many requests"}`, Error{Message: "too many requests"}},
		"errors, texts":       {`{"errors":["one", "two"]}`, Error{Message: "one; two"}},
		"errors, lists":       {`{"errors":{"cursor":["Invalid value"]}}`, Error{Message: "cursor: Invalid value", Fields: map[string][]string{"cursor": {"Invalid value"}}}},
		"errors, by name":     {`{"errors":{"limit":"too large","ids":["a","b"]}}`, Error{Message: "ids: a, b; limit: too large", Fields: map[string][]string{"limit": {"too large"}, "ids": {"a", "b"}}}},
		"errors, nested":      {`{"errors":{"a":{"b":["no"]}}}`, Error{Message: "a.b: no", Fields: map[string][]string{"a.b": {"no"}}}},
		"warning, by name":    {`{"warning":{"a":"b"}}`, Error{Message: "a: b", Fields: map[string][]string{"a": {"b"}}}},
		"error, texts":        {`{"error":["a"]}`, Error{Message: "a"}},
		"error, code":         {`{"error":42,"errors":{"paid":false}}`, Error{Message: "42; paid: false", Fields: map[string][]string{"paid": {"false"}}}},
		"both":                {`{"error":"a","errors":{"b":"c"}}`, Error{Message: "a; b: c", Fields: map[string][]string{"b": {"c"}}}},
		"empty list of one":   {`{"errors":{"cursor":[]}}`, Error{}},
		"null":                {`{"errors":null}`, Error{}},
		"escapes":             {`{"error":"\u00fcber\n  \u001b[2Jtwo\tlines"}`, Error{Message: "über [2Jtwo lines"}},
		"the token":           {`{"error":"` + testToken + ` is bad","errors":{"x":"` + testToken + `","` + testToken + `":"x"}}`, Error{Message: "*** is bad; ***: x; x: ***", Fields: map[string][]string{"x": {"***"}, "***": {"x"}}}},
		"the token, escaped":  {`{"error":"\u0073k_test_verysecrettoken"}`, Error{Message: "***"}},
		"something else":      {`{"message":"ann@example.com"}`, Error{}},
		"HTML":                {`<html>error: ann@example.com</html>`, Error{}},
		"cut":                 {`{"error":"bad","errors":{"a`, Error{Message: "bad"}},
		"nothing":             {``, Error{}},
		"a list":              {`[{"error":"a"}]`, Error{}},
		"deeper than is read": {`{"errors":[[[[[["a"]]]]]]}`, Error{}},
		"longer than is told": {`{"error":"` + strings.Repeat("ü", 300) + `"}`, Error{Message: strings.Repeat("ü", 250) + "..."}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := newError(&answer{status: 422, header: http.Header{"X-Request-Id": {"r"}}, body: []byte(test.body)}, testToken)
			test.want.Status, test.want.RequestID = 422, "r"
			if diff := cmp.Diff(&test.want, got, cmpopts.IgnoreUnexported(Error{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzRefusalsFitALine(f *testing.F) {
	f.Add([]byte(`{"errors":{"a":["b"]}}`))
	f.Add([]byte(`{"error":"\u0073k_test_verysecrettoken\r\n` + testToken + `"}`))
	f.Add([]byte("{\"warning\":\"\xff\u2028\"}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		e := newError(&answer{status: 400, body: body}, testToken)
		if e.Message != strings.TrimSpace(e.Message) || strings.ContainsAny(e.Message, "\r\n\x1b") || !utf8.ValidString(e.Message) || len(e.Message) > longestMessage+3 {
			t.Errorf("the message is %q", e.Message)
		}
		if strings.Contains(fmt.Sprint(e.Error(), e.Fields), testToken) {
			t.Error("the token is told")
		}
	})
}

func TestFailuresArePredicated(t *testing.T) {
	bad := map[string][]string{"cursor": {"Invalid value"}}
	type answers struct{ Credentials, Forbidden, NotFound, BadCursor, Timeout bool }
	for name, test := range map[string]struct {
		err  *Error
		want answers
	}{
		"401":             {&Error{Status: 401}, answers{Credentials: true}},
		"403":             {&Error{Status: 403}, answers{Forbidden: true}},
		"404":             {&Error{Status: 404}, answers{NotFound: true}},
		"422":             {&Error{Status: 422}, answers{}},
		"422 of a cursor": {&Error{Status: 422, Fields: bad}, answers{BadCursor: true}},
		"400 of a cursor": {&Error{Status: 400, Fields: bad}, answers{}},
		"408":             {&Error{Status: 408}, answers{Timeout: true}},
		"504":             {&Error{Status: 504}, answers{Timeout: true}},
		"503":             {&Error{Status: 503}, answers{}},
	} {
		e := test.err
		got := answers{e.Credentials(), e.Forbidden(), e.NotFound(), e.BadCursor(), Timeout(fmt.Errorf("x: %w", e))}
		if got != test.want {
			t.Errorf("%s: %+v, not %+v", name, got, test.want)
		}
	}
	if Timeout(nil) || Timeout(errors.New("timeout")) || Timeout(&transferError{err: errShort}) || !Timeout(&transferError{late: true}) {
		t.Error("other failures are judged by their words")
	}
}

func TestFailuresTellWhatToDo(t *testing.T) {
	read := func(err error) error { return fmt.Errorf("reading /charges: %w", err) }
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"credentials": {read(&Error{Status: 401, Message: "bad authentication"}),
			"reading /charges: Recharge answered with status 401 (Unauthorized): bad authentication; the access token is wrong, expired or revoked: give a current one"},
		"scope": {read(&Error{Status: 403, RequestID: "r"}),
			"reading /charges: Recharge answered with status 403 (Forbidden) to request r; the access token lacks a scope, or the store's plan lacks this feature: grant the scope in Recharge under Apps, API tokens, or leave this out"},
		"no status of HTTP": {read(&Error{Status: 520}), "reading /charges: Recharge answered with status 520"},
		"cursor":            {&Error{Status: 422, Fields: map[string][]string{"cursor": nil}}, "; the list must be read from its beginning again"},
		"missing":           {&Error{Status: 404}, "; check the base URL, or whether it has been deleted"},
		"version":           {&Error{Status: 426}, "ask for 2021-11"},
		"rate limit":        {fmt.Errorf("%w: %w", ErrUnavailable, &Error{Status: 429}), "give this one a token of its own, or try again later"},
		"conflict":          {fmt.Errorf("%w: %w", ErrUnavailable, &Error{Status: 409}), "the same address: try again later"},
		"server":            {fmt.Errorf("%w: %w", ErrUnavailable, &Error{Status: 500}), "; try again later"},
		"timeout":           {fmt.Errorf("%w: %w", ErrUnavailable, &Error{Status: 504}), "ask for smaller pages or allow more time for a request"},
		"redirect":          {read(&transferError{err: errRedirect, final: true}), "; check the base URL"},
		"unknown":           {errors.New("disk full"), "disk full"},
		"nothing to advise": {read(&Error{Status: 400, Message: "missing"}), ": missing"},
	} {
		if got := Explain(test.err); !strings.HasSuffix(got, test.want) || strings.Contains(got, "\n") {
			t.Errorf("%s: %s", name, got)
		}
	}
}
