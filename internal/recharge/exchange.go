package recharge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// A call is a request as it is made, as often as it takes.
type call struct {
	path       string
	query      url.Values
	shrinkable bool // the caller could ask for less
}

// An answer is what came back, its body read to the end.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// date returns the server's clock, or the zero time if the answer did not tell.
func (a *answer) date() time.Time {
	t, err := http.ParseTime(a.header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// maxBody bounds the memory that one answer may take. The largest pages have a few megabytes.
const maxBody = 256 << 20

var (
	errShort = errors.New("the answer ends before its end")
	errLong  = errors.New("the answer is longer than any that Recharge gives")
	errAlien = errors.New("the answer is not in the form of HTTP")
)

// attempt makes the request once. The answer's status and header are there even if its body could not be read; it is
// nil if none came. Failures are of type *Error or *transferError, or those of ctx.
func (c *Client) attempt(ctx context.Context, one call) (*answer, error) {
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := c.request(limited, one)
	if err != nil {
		return nil, &transferError{err: err, final: true}
	}
	response, err := c.http.Do(req)
	if err != nil {
		return nil, c.transferFailure(ctx, err)
	}
	defer response.Body.Close()
	a := &answer{status: response.StatusCode, header: response.Header}
	if a.body, err = readBody(response, maxBody); err != nil {
		err = c.transferFailure(ctx, err)
	}
	switch {
	case a.status >= 400:
		return a, newError(a, c.token) // a body that was cut tells little less
	case err != nil:
		return a, err
	case a.status != http.StatusOK:
		return a, &transferError{err: fmt.Errorf("the answer has the unexpected status %d", a.status), final: true}
	}
	return a, nil
}

// request makes the request of a call. Content codings are left to the transport, which undoes them itself.
func (c *Client) request(ctx context.Context, one call) (*http.Request, error) {
	address := c.base + one.path
	if len(one.query) > 0 {
		address += "?" + one.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, withoutAddress(err)
	}
	if scheme := req.URL.Scheme; scheme != "https" && scheme != "http" || req.URL.Host == "" {
		return nil, errors.New("the base URL does not begin with https:// and a host")
	}
	if strings.ContainsFunc(c.token, unicode.IsControl) {
		return nil, errors.New("the access token has characters that no token has")
	}
	req.Header = http.Header{
		"Accept":                  {"application/json"},
		"User-Agent":              {"tapline"},
		"X-Recharge-Access-Token": {c.token},
		"X-Recharge-Version":      {c.version},
	}
	return req, nil
}

// readBody reads all of a body of at most so many bytes, or fails with what is known of why it ended.
func readBody(response *http.Response, most int64) ([]byte, error) {
	if length := response.ContentLength; length > most {
		return nil, errLong
	} else if length >= 0 {
		body := make([]byte, length)
		n, err := io.ReadFull(response.Body, body)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			err = errShort
		}
		if err == nil {
			_, err = io.Copy(io.Discard, response.Body) // an end that was seen lets the connection be used again
		}
		return body[:n], err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return body, errShort
	case err == nil && int64(len(body)) > most:
		return nil, errLong
	}
	return body, err
}

// transferFailure types why no whole answer came, unless it is that the caller gave up.
func (c *Client) transferFailure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	certificate, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case untrusted:
		return &transferError{err: certificate, final: true}
	case errors.Is(err, errRedirect):
		return &transferError{err: errRedirect, final: true}
	case errors.Is(err, errLong):
		return &transferError{err: errLong, final: true}
	case errors.Is(err, context.DeadlineExceeded):
		return &transferError{err: fmt.Errorf("none came within %v", c.timeout), late: true, stale: true}
	}
	if strings.Contains(err.Error(), "malformed") { // what follows that word is what was received
		err = errAlien
	}
	return &transferError{err: withoutAddress(err), stale: true}
}

// withoutAddress takes the address, whose query may name people, out of the words of a failure.
func withoutAddress(err error) error {
	for {
		long, ok := errors.AsType[*url.Error](err)
		if !ok {
			return err
		}
		err = long.Err
	}
}
