package rechargefake

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFailuresAnswerAsAsked(t *testing.T) {
	for _, test := range []struct {
		failure     Failure
		status      int
		contentType string
		body        string
	}{
		{Failure{Mode: RateLimit, RetryAfter: "2"}, 429, "application/json", `{"warning":"too many requests"}`},
		{Failure{Mode: Conflict}, 409, "application/json", `{"error":"a call to this route is already in progress"}`},
		{Failure{Mode: Internal}, 500, "text/html", "<title>500 Internal Server Error</title>"},
		{Failure{Mode: BadGateway}, 502, "text/html", "<title>502 Bad Gateway</title>"},
		{Failure{Mode: Unavailable}, 503, "text/html", "<title>503 Service Unavailable</title>"},
		{Failure{Mode: Timeout}, 504, "text/html", "<title>504 Gateway Timeout</title>"},
		{Failure{Mode: Unauthorized}, 401, "application/json", `{"error":"bad authentication"}`},
		{Failure{Mode: Forbidden}, 403, "application/json", `{"errors":{"scope":["Missing permission."]}}`},
		{Failure{Mode: Invalid}, 422, "application/json", `{"errors":{"updated_at_min":["Not a valid datetime."]}}`},
		{Failure{Mode: Slow, DelayMS: 1}, 200, "application/json", `"next_cursor"`},
		{Failure{Mode: Forbidden, Key: "error", Shape: "text"}, 403, "application/json", `{"error":"Missing permission."}`},
		{Failure{Mode: Forbidden, Key: "warning", Shape: "list"}, 403, "application/json", `{"warning":["Missing permission."]}`},
		{Failure{Mode: Invalid, Shape: "list"}, 422, "application/json", `{"errors":["Not a valid datetime."]}`},
		{Failure{Mode: RateLimit, Key: "errors", Shape: "map"}, 429, "application/json", `{"errors":{"rate":["too many requests"]}}`},
		{Failure{Mode: Unavailable, Key: "error"}, 503, "application/json", `{"error":"Service Unavailable"}`},
		{Failure{Mode: Internal, Shape: "list"}, 500, "application/json", `{"error":["Internal Server Error"]}`},
	} {
		fake, c := start(t, Options{Objects: 100})
		if err := fake.Fail(test.failure); err != nil {
			t.Fatal(err)
		}
		status, header, body := c.do("GET", "/charges", "")
		if status != test.status || header.Get("Content-Type") != test.contentType || !strings.Contains(body, test.body) || header.Get("Retry-After") != test.failure.RetryAfter {
			t.Errorf("%+v: %d %v %.300s", test.failure, status, header, body)
		}
		if status, _, _ := c.do("GET", "/charges", ""); status != 200 {
			t.Errorf("%+v was not used up: %d", test.failure, status)
		}
	}
}

func TestATruncatedAnswerHasTheLengthOfItsHalf(t *testing.T) {
	fake, c := start(t, Options{Objects: 200})
	if err := fake.Fail(Failure{Mode: Truncated}); err != nil {
		t.Fatal(err)
	}
	status, header, body := c.do("GET", "/charges", "")
	if status != 200 || json.Valid([]byte(body)) || len(body) < 1000 || header.Get("Content-Length") != itoa(int64(len(body))) {
		t.Errorf("%d, %d bytes, valid: %v, %v", status, len(body), json.Valid([]byte(body)), header)
	}
}

func TestConnectionsBreak(t *testing.T) {
	for mode, want := range map[Mode][]error{
		Cut:     {io.ErrUnexpectedEOF},
		Reset:   {syscall.ECONNRESET, io.ErrUnexpectedEOF},
		Dropped: {io.EOF},
	} {
		fake, c := start(t, Options{Objects: 200})
		if err := fake.Fail(Failure{Mode: mode}); err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequest("POST", c.base+"/charges", nil) // a GET would be sent again by net/http
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Recharge-Access-Token", c.token)
		answer, err := c.http.Do(r)
		if err == nil {
			defer answer.Body.Close()
			if answer.Header.Get("X-Request-Id") == "" || answer.Header.Get("X-Recharge-Limit") == "" || mode == Dropped {
				t.Errorf("%s: headers %v", mode, answer.Header)
			}
			_, err = io.ReadAll(answer.Body)
		}
		if !slices.ContainsFunc(want, func(w error) bool { return errors.Is(err, w) }) {
			t.Errorf("%s: reading the body gave %v", mode, err)
		}
	}
}

func TestAFailureHitsTheRequestsItIsMeantFor(t *testing.T) {
	fake, c := start(t, Options{Objects: 1000})
	cursor := c.list("/charges", "limit", "1").next
	address := oracle(t, fake, "addresses")[0]
	id := idOf(address)
	for _, test := range []struct {
		failure Failure
		paths   []string
		want    []int
	}{
		{Failure{Mode: Unavailable, Times: 2, Skip: 1, Path: "/charges"}, []string{"/charges", "/customers", "/charges", "/charges", "/charges"}, []int{200, 200, 503, 503, 200}},
		{Failure{Mode: Unauthorized, Path: "/customers/*"}, []string{"/customers", "/customers/5", "/customers/5"}, []int{200, 401, 404}},
		{Failure{Mode: BadCursor}, []string{"/charges", "/charges?cursor=" + strings.ReplaceAll(cursor, "=", "%3D"), "/charges"}, []int{200, 422, 200}},
		{Failure{Mode: Conflict, Address: number64(t, id), Times: 4},
			[]string{"/addresses", "/addresses/" + id, "/subscriptions?address_id=" + id, "/onetimes?address_ids=7," + id, "/subscriptions?address_id=1" + id, "/charges?address_id=" + id, "/charges?address_id=" + id},
			[]int{200, 409, 409, 409, 200, 409, 200}},
	} {
		if err := fake.Fail(test.failure); err != nil {
			t.Fatal(err)
		}
		var got []int
		for _, path := range test.paths {
			status, _, _ := c.do("GET", path, "")
			got = append(got, status)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", test.failure, diff)
		}
	}
	if err := fake.Fail(Failure{Mode: Forbidden, Share: 1}); err != nil {
		t.Fatal(err)
	}
	fake.ClearFailures()
	if status, _, _ := c.do("GET", "/charges", ""); status != 200 {
		t.Errorf("after ClearFailures: %d", status)
	}
	for _, wrong := range []Failure{{Mode: "odd"}, {Mode: Slow, Path: "[a-"}, {Mode: Conflict, Share: 1.5}, {Mode: Conflict, Key: "fault"}, {Mode: Conflict, Shape: "tree"}} {
		if fake.Fail(wrong) == nil {
			t.Errorf("%+v was accepted", wrong)
		}
	}
}

func TestALimitedRequestDoesNotUseUpAFailure(t *testing.T) {
	fake := fakeOf(t, Options{Bucket: 1, Leak: 1e-9})
	if err := fake.Fail(Failure{Mode: Unavailable, Skip: 1}); err != nil {
		t.Fatal(err)
	}
	got := []int{ask(fake, DefaultToken, "/webhooks").Code, ask(fake, DefaultToken, "/webhooks").Code}
	if diff := cmp.Diff([]int{200, 429}, got); diff != "" || fake.failures.Len() != 1 {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
}
