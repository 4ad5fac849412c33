package rechargefake

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// start makes a fake and a client for it.
func start(t testing.TB, o Options) (*Server, *client) {
	t.Helper()
	fake, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	return fake, &client{t: t, base: server.URL, token: DefaultToken, version: Version, http: server.Client()}
}

type client struct {
	t                    testing.TB
	base, token, version string
	http                 *http.Client
}

func (c *client) do(method, path, body string) (int, http.Header, string) {
	c.t.Helper()
	r, err := http.NewRequest(method, c.base+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if c.token != "" {
		r.Header.Set("X-Recharge-Access-Token", c.token)
	}
	if c.version != "" {
		r.Header.Set("X-Recharge-Version", c.version)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(text)
}

// page is one page of a list.
type page struct {
	next, previous string
	items          []string
}

// list gets a page that must be there.
func (c *client) list(path string, query ...string) page {
	c.t.Helper()
	values := url.Values{}
	for i := 0; i < len(query); i += 2 {
		values.Set(query[i], query[i+1])
	}
	status, _, body := c.do("GET", path+"?"+values.Encode(), "")
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(body), &members); err != nil || status != 200 {
		c.t.Fatalf("GET %s?%s: %d %s (%v)", path, values.Encode(), status, body, err)
	}
	p := page{next: plainText(members["next_cursor"]), previous: plainText(members["previous_cursor"])}
	for name, raw := range members {
		if name == "next_cursor" || name == "previous_cursor" {
			continue
		}
		for _, item := range reach(raw, "") {
			p.items = append(p.items, string(item))
		}
	}
	return p
}

// walk reads a list to its end.
func (c *client) walk(path string, query ...string) []string {
	c.t.Helper()
	limit := []string{}
	for i := 0; i < len(query); i += 2 {
		if query[i] == "limit" {
			limit = query[i : i+2]
		}
	}
	p := c.list(path, query...)
	all := p.items
	for p.next != "" {
		p = c.list(path, append([]string{"cursor", p.next}, limit...)...)
		all = append(all, p.items...)
	}
	return all
}

// oracle returns the objects oldest first.
func oracle(t testing.TB, s *Server, kind string) []string {
	t.Helper()
	raws, err := s.Objects(kind)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, raw := range raws {
		list = append(list, string(raw))
	}
	return list
}

func idOf(object string) string { return plainText(memberRaw([]byte(object), "id")) }

func number64(t testing.TB, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
