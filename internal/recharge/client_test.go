package recharge

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const testToken = "sk_test_verysecrettoken"

// serve starts a server for one test, and returns a client of it.
func serve(t *testing.T, o Options, handle http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	o.BaseURL, o.Token = server.URL, testToken
	return New(o)
}

func TestPagesAreReadToTheLast(t *testing.T) {
	var asked []string
	c := serve(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RequestURI())
		if got := r.Header.Get("X-Recharge-Access-Token") + " " + r.Header.Get("X-Recharge-Version"); got != testToken+" 2021-11" {
			t.Errorf("the headers hold %q", got)
		}
		w.Header().Set("Date", "Tue, 02 Jan 2024 03:04:05 GMT")
		w.Header().Set("X-Recharge-Limit", "1/40")
		body := `{"next_cursor":"a\u003d","previous_cursor":null,"charges":[ {"id":1,"total":"1.10"} , {"id":1e2} ]}`
		if r.URL.Query().Get("cursor") != "" {
			body = `{"charges":[],"next_cursor":null}`
		}
		io.WriteString(w, body)
	})
	first := Request{Path: "/charges", Key: "charges", Query: url.Values{"sort_by": {"updated_at-asc"}}, Limit: 250}
	page, err := c.Page(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	var items []string
	for _, item := range page.Items {
		items = append(items, string(item))
	}
	if diff := cmp.Diff([]string{`{"id":1,"total":"1.10"}`, `{"id":1e2}`}, items); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	if want := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC); !page.Date.Equal(want) || page.Date.Location() != time.UTC {
		t.Errorf("the page is of %v, not %v", page.Date, want)
	}
	first.Cursor = page.Next
	if page, err = c.Page(t.Context(), first); err != nil || page.Next != "" || len(page.Items) != 0 {
		t.Errorf("the last page is %+v, %v", page, err)
	}
	want := []string{"/charges?limit=250&sort_by=updated_at-asc", "/charges?cursor=a%3D&limit=250"}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestTokenInformationIsRead(t *testing.T) {
	c := serve(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"token_information":{"client":{"name":"C","contact_email":"c@x"},"contact_email":"t@x","name":"T","scopes":["read_orders"]}}`)
	})
	got, err := c.TokenInformation(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	want := &TokenInfo{Name: "T", ContactEmail: "t@x", ClientName: "C", ClientEmail: "c@x", Scopes: []string{"read_orders"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestACursorTravelsAlone(t *testing.T) {
	query := url.Values{"sort_by": {"id-asc"}, "ids": {"1", "2"}}
	tests := []struct {
		request Request
		want    string
	}{
		{Request{Query: query}, "ids=1&ids=2&sort_by=id-asc"},
		{Request{Query: query, Limit: 250}, "ids=1&ids=2&limit=250&sort_by=id-asc"},
		{Request{Query: query, Limit: 250, Cursor: "a="}, "cursor=a%3D&limit=250"},
		{Request{Cursor: "a"}, "cursor=a"},
		{Request{}, ""},
	}
	for _, test := range tests {
		if got := test.request.query().Encode(); got != test.want {
			t.Errorf("%+v is sent as %s, not %s", test.request, got, test.want)
		}
	}
	if query.Encode() != "ids=1&ids=2&sort_by=id-asc" {
		t.Errorf("the query became %v", query)
	}
}
