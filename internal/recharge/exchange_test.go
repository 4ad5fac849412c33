package recharge

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func zip(t *testing.T, text string) []byte {
	t.Helper()
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	io.WriteString(w, text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return zipped.Bytes()
}

func TestAnAnswerThatWasCutIsReadAgainOnAnotherConnection(t *testing.T) {
	zipped := zip(t, goodPage)
	tests := map[string]struct {
		length int // told in the header; -1: none, in chunks
		body   []byte
		coding string
	}{
		"shorter than told":           {len(goodPage), []byte(goodPage[:10]), ""},
		"JSON cut, length as told":    {10, []byte(goodPage[:10]), ""},
		"JSON cut, in whole chunks":   {-1, []byte(goodPage[:10]), ""},
		"JSON cut behind its list":    {len(goodPage) - 1, []byte(goodPage[:len(goodPage)-1]), ""},
		"compressed, cut":             {len(zipped) - 9, zipped[:len(zipped)-9], "gzip"},
		"compressed, without its sum": {len(zipped) - 8, zipped[:len(zipped)-8], "gzip"},
		"not compressed as told":      {len(goodPage), []byte(goodPage), "gzip"},
		"no body":                     {0, nil, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // for the pauses before the second requests
			var from []string
			c := serve(t, Options{MaxRetries: 1}, func(w http.ResponseWriter, r *http.Request) {
				if from = append(from, r.RemoteAddr); len(from) > 1 {
					io.WriteString(w, goodPage)
					return
				}
				if test.coding != "" {
					w.Header().Set("Content-Encoding", test.coding)
				}
				if test.length >= 0 {
					w.Header().Set("Content-Length", strconv.Itoa(test.length))
				}
				w.Write(test.body)
				if test.length < 0 {
					w.(http.Flusher).Flush()
				}
			})
			page, err := c.Page(t.Context(), charges)
			if err != nil || len(page.Items) != 1 || string(page.Items[0]) != `{"id":1}` {
				t.Errorf("the page is %v, %v", page, err)
			}
			if len(from) != 2 || from[0] == from[1] {
				t.Errorf("requests came from %v", from)
			}
		})
	}
}

func TestConnectionsAreKept(t *testing.T) {
	var (
		mu   sync.Mutex
		from = map[string]bool{}
	)
	together := make(chan struct{}, 8)
	c := serve(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		from[r.RemoteAddr] = true
		mu.Unlock()
		w.Header().Set("X-Recharge-Limit", "1/1000")
		if r.URL.Path == "/charges" {
			io.WriteString(w, goodPage)
			return
		}
		together <- struct{}{}
		for len(together) < cap(together) {
			time.Sleep(time.Millisecond)
		}
		w.WriteHeader(http.StatusNotFound)
	})
	for range 3 {
		if _, err := c.Page(t.Context(), charges); err != nil {
			t.Fatal(err)
		}
	}
	if len(from) != 1 {
		t.Errorf("one request after the other took %d connections", len(from))
	}
	for range 3 {
		var all sync.WaitGroup
		for range cap(together) {
			all.Go(func() { c.Get(t.Context(), "/together", "", nil) })
		}
		all.Wait()
		for len(together) > 0 {
			<-together
		}
	}
	if len(from) != cap(together) {
		t.Errorf("%d requests at once took %d connections", cap(together), len(from))
	}
}

func TestCompressedAnswersAreRead(t *testing.T) {
	c := serve(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "gzip" {
			t.Errorf("accepted is %q", r.Header.Get("Accept-Encoding"))
		}
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(zip(t, goodPage))
	})
	if page, err := c.Page(t.Context(), charges); err != nil || len(page.Items) != 1 {
		t.Errorf("the page is %v, %v", page, err)
	}
}

func TestTheTokenStaysOnItsHost(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Error("another host was asked, with the headers ", r.Header)
	}))
	defer other.Close()
	for name, target := range map[string]string{"another host": other.URL + "/charges", "another scheme": "https", "itself, without end": "/charges"} {
		t.Run(name, func(t *testing.T) {
			requests := 0
			c := serve(t, Options{MaxRetries: 5}, func(w http.ResponseWriter, r *http.Request) {
				requests++
				if target == "https" {
					w.Header().Set("Location", "https://"+r.Host+"/charges")
					w.WriteHeader(http.StatusFound)
					return
				}
				http.Redirect(w, r, target, http.StatusFound)
			})
			_, err := c.Page(t.Context(), charges)
			if !errors.Is(err, errRedirect) || errors.Is(err, ErrUnavailable) || requests > 6 {
				t.Errorf("%d requests ended in %v", requests, err)
			}
		})
	}
	c := serve(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/charges" {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		} else {
			io.WriteString(w, goodPage)
		}
	})
	if _, err := c.Page(t.Context(), charges); err != nil {
		t.Errorf("on the same host: %v", err)
	}
}

func TestFailuresTellNoSecrets(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	garbage, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer garbage.Close()
	go func() {
		for {
			conn, err := garbage.Accept()
			if err != nil {
				return
			}
			conn.Read(make([]byte, 4096)) // the request
			io.WriteString(conn, testToken+" ann@example.com\r\n\r\n")
			conn.Close()
		}
	}()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"charges":[{"email":"ann@example.com"}], ann@example.com`)
	}))
	defer server.Close()
	for name, o := range map[string]Options{
		"no server":          {BaseURL: closed.URL, Token: testToken},
		"bytes that are not": {BaseURL: server.URL, Token: testToken},
		"no HTTP":            {BaseURL: "http://" + garbage.Addr().String(), Token: testToken},
		"a strange token":    {BaseURL: server.URL, Token: testToken + "\n" + testToken},
		"no base URL":        {BaseURL: "charges", Token: testToken},
		"a bad base URL":     {BaseURL: "http://a b/" + testToken, Token: testToken},
		"a strange scheme":   {BaseURL: "ftp://a", Token: testToken},
	} {
		t.Run(name, func(t *testing.T) {
			r := charges
			r.Query = map[string][]string{"email": {"bob@example.com"}}
			_, err := New(o).Page(t.Context(), r)
			if err == nil || strings.Contains(err.Error(), "@example.com") || name != "a bad base URL" && strings.Contains(err.Error(), "secret") {
				t.Errorf("the failure is %v", err)
			}
		})
	}
}

func TestSettingsThatCannotWorkAreNotTriedAgain(t *testing.T) {
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	defer untrusted.Close()
	for name, o := range map[string]Options{
		"certificate": {BaseURL: untrusted.URL},
		"token":       {Token: "a\x00b"},
		"base URL":    {BaseURL: "api.rechargeapps.com"},
		"base path":   {BaseURL: "https:///x"},
	} {
		o.MaxRetries = 5
		if _, err := New(o).Page(t.Context(), charges); err == nil || errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSecretsFromFilesMayEndInALineBreak(t *testing.T) {
	s := &script{answers: []scripted{{body: goodPage}}}
	if _, err := New(Options{Token: testToken + "\n", Transport: s}).Page(t.Context(), charges); err != nil {
		t.Fatal(err)
	}
	if got := s.requests[0].Header.Get("X-Recharge-Access-Token"); got != testToken {
		t.Errorf("the token is %q", got)
	}
}

func TestAnswersOfAnySizeEnd(t *testing.T) {
	for name, length := range map[string]int64{"told": 101, "untold": -1} {
		_, err := readBody(&http.Response{ContentLength: length, Body: io.NopCloser(zeros{})}, 100)
		if !errors.Is(err, errLong) {
			t.Errorf("%s: %v", name, err)
		}
		body, err := readBody(&http.Response{ContentLength: min(length, 100), Body: io.NopCloser(io.LimitReader(zeros{}, 100))}, 100)
		if len(body) != 100 || err != nil {
			t.Errorf("%s: %d bytes, %v", name, len(body), err)
		}
	}
}

func TestBodiesAreReadAsFarAsTold(t *testing.T) {
	for told, want := range map[int64]error{3: nil, 4: errShort, 0: nil, -1: nil} {
		if _, err := readBody(&http.Response{ContentLength: told, Body: io.NopCloser(strings.NewReader("abc"))}, 100); err != want {
			t.Errorf("3 bytes where %d are told: %v", told, err)
		}
	}
	if _, err := readBody(&http.Response{ContentLength: 3, Body: io.NopCloser(strings.NewReader(""))}, 100); err != errShort {
		t.Errorf("no byte where 3 are told: %v", err)
	}
	if _, err := readBody(&http.Response{ContentLength: -1, Body: io.NopCloser(failing{})}, 100); err != errShort {
		t.Errorf("chunks that end early: %v", err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// A monster is an answer of a size that none has. It tells whether it was closed.
type monster struct {
	zeros
	requests, closed int
}

func (m *monster) Close() error { m.closed++; return nil }

func (m *monster) RoundTrip(req *http.Request) (*http.Response, error) {
	m.requests++
	return &http.Response{StatusCode: 200, ContentLength: maxBody + 1, Body: m, Request: req}, nil
}

func TestMonstersAreNotAskedForAgain(t *testing.T) {
	m := &monster{}
	if _, err := New(Options{Transport: m, MaxRetries: 5}).Page(t.Context(), charges); !errors.Is(err, errLong) || errors.Is(err, ErrUnavailable) {
		t.Errorf("the failure is %v", err)
	}
	if m.requests != 1 || m.closed != 1 {
		t.Errorf("%d requests were made, %d bodies closed", m.requests, m.closed)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestAPageIsReadInFewAllocations(t *testing.T) {
	items := strings.Repeat(`{"id":123456,"total_price":"10.50","line_items":[{"title":"Coffee"}]},`, 249) + `{"id":1}`
	body := []byte(`{"next_cursor":"abc","previous_cursor":null,"charges":[` + items + `]}`)
	a := &answer{header: http.Header{"Date": {"Tue, 02 Jan 2024 03:04:05 GMT"}}, body: body}
	var page *Page
	if got := testing.AllocsPerRun(20, func() {
		var err error
		if page, err = readPage(a, "charges", 250); err != nil {
			t.Error(err)
		}
	}); got > 15 {
		t.Errorf("a page takes %v allocations", got)
	}
	if len(page.Items) != 250 || &page.Items[0][0] != &body[strings.Index(string(body), `{"id":123456`)] {
		t.Error("the items are not parts of the body")
	}
	before := string(body)
	_ = append(page.Items[0], '!')
	if string(body) != before {
		t.Error("an item that grows overwrites what follows it")
	}
}

func TestClientsServeManyGoroutines(t *testing.T) {
	c := serve(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Recharge-Limit", "1/100000")
		io.WriteString(w, goodPage)
	})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				if _, err := c.Page(context.Background(), charges); err != nil {
					t.Error(err)
				}
				c.Budget()
			}
		})
	}
	all.Wait()
}
