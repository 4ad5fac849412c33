package bucket

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gocloud.dev/blob"

	"tapline/target-warehouse/servertest"
)

// startStore starts a server that a script in tests has installed, and returns its address, or "" where it was not.
func startStore(t *testing.T, arguments func(host, port string) []string, name ...string) string {
	t.Helper()
	s, err := servertest.StartCached(t.TempDir(), arguments, name...)
	if errors.Is(err, servertest.ErrMissing) {
		t.Log(err)
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s.Address
}

// busy is in front of a store. It does not take a request that it has not seen before.
type busy struct {
	status int
	store  string // its address
	to     *httputil.ReverseProxy

	mu   sync.Mutex
	seen map[string]int // how often: requests by method, URL and range
}

// newBusy answers with this status at the address that it returns. Where it forwards to is set later.
func newBusy(t *testing.T, status int) (b *busy, address string) {
	b = &busy{status: status, seen: map[string]int{}}
	b.to = &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: b.store})
		r.Out.Host = r.In.Host // which S3's clients sign
	}}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	return b, strings.TrimPrefix(server.URL, "http://")
}

func (b *busy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	what := fmt.Sprint(r.Method, " ", r.URL, " ", r.Header.Get("Content-Range"))
	b.mu.Lock()
	b.seen[what]++
	first := b.seen[what] == 1
	b.mu.Unlock()
	if first {
		_, _ = io.Copy(io.Discard, r.Body) // what was sent does not matter
		w.WriteHeader(b.status)
		return
	}
	b.to.ServeHTTP(w, r)
}

// use makes each kind of request, in an order in which they find what they need.
func (b *busy) use(t *testing.T, to *blob.Bucket) {
	t.Helper()
	for _, kind := range []string{"write", "parts", "create", "look", "list", "copy", "read", "delete"} {
		before := b.requests()
		if err := requests[kind](t.Context(), to); err != nil {
			t.Errorf("%d, %s: %v", b.status, kind, Explain(err, "to do that"))
		}
		if b.requests() == before {
			t.Errorf("%d, %s: the store was not asked for anything new", b.status, kind)
		}
	}
	if got, err := to.ReadAll(t.Context(), "b"); err != nil || !bytes.Equal(got, pattern(manyParts)) {
		t.Errorf("%d: the copy of an object of parts has %d bytes, or others: %v", b.status, len(got), err)
	}
	for what, times := range b.seen {
		if times < 2 {
			t.Errorf("%d: %s was asked for %d times", b.status, what, times)
		}
	}
}

// requests is how many different ones there were.
func (b *busy) requests() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.seen)
}

// TestABusyStoreIsAskedAgain is the only test that uses Azure, whose driver keeps the credentials that it has found first.
func TestABusyStoreIsAskedAgain(t *testing.T) {
	var all sync.WaitGroup
	for _, c := range []struct {
		status int
		open   func(t *testing.T, status int) (*busy, *blob.Bucket)
	}{
		{http.StatusServiceUnavailable, openBusyGoogle}, {http.StatusTooManyRequests, openBusyGoogle},
		{http.StatusServiceUnavailable, openBusyS3},
		{http.StatusServiceUnavailable, openBusyAzure}, {http.StatusTooManyRequests, openBusyAzure},
	} {
		if b, opened := c.open(t, c.status); opened != nil {
			all.Go(func() { b.use(t, opened) })
		}
	}
	all.Wait()
}

func openBusyGoogle(t *testing.T, status int) (*busy, *blob.Bucket) {
	b, front := newBusy(t, status)
	b.store = startStore(t, func(host, port string) []string {
		return []string{"-scheme", "http", "-host", host, "-port", port, "-public-host", front, "-backend", "memory", "-log-level", "error"}
	}, "fake-gcs-server-v1.56.1", "fake-gcs-server")
	if b.store == "" {
		return nil, nil
	}
	if err := servertest.Send(t.Context(), http.MethodPost, "http://"+b.store+"/storage/v1/b?project=tests", `{"name": "busy"}`); err != nil {
		t.Fatal(err)
	}
	t.Setenv("STORAGE_EMULATOR_HOST", front)
	return b, mustOpen(t, "gs://busy")
}

func openBusyS3(t *testing.T, status int) (*busy, *blob.Bucket) {
	dir := t.TempDir()
	for _, folder := range []string{"sidecar", "buckets/busy"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	b, front := newBusy(t, status)
	b.store = startStore(t, func(host, port string) []string {
		return []string{"--port", host + ":" + port, "--access", "tapline", "--secret", "s3cret/of+tests", "--quiet",
			"posix", "--sidecar", filepath.Join(dir, "sidecar"), filepath.Join(dir, "buckets")}
	}, "versitygw-v1.8.0", "versitygw")
	if b.store == "" {
		return nil, nil
	}
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "tapline", "AWS_SECRET_ACCESS_KEY": "s3cret/of+tests", "AWS_CONFIG_FILE": os.DevNull, "AWS_REGION": ""} {
		t.Setenv(name, value)
	}
	return b, mustOpen(t, "s3://busy?endpoint=http://"+front)
}

func openBusyAzure(t *testing.T, status int) (*busy, *blob.Bucket) {
	const account, key = "tapline", "YSBrZXkgdGhhdCBvbmx5IHRlc3RzIHVzZQ=="
	t.Setenv("AZURITE_ACCOUNTS", account+":"+key)
	b, front := newBusy(t, status)
	b.store = startStore(t, func(host, port string) []string {
		return []string{"--blobHost", host, "--blobPort", port, "--inMemoryPersistence", "--skipApiVersionCheck", "--silent", "--disableTelemetry"}
	}, "azurite-3.35.0", "node_modules", ".bin", "azurite-blob")
	if b.store == "" {
		return nil, nil
	}
	t.Setenv("AZURE_STORAGE_ACCOUNT", account)
	t.Setenv("AZURE_STORAGE_KEY", key)
	token, err := servertest.AzureToken(account, key, "rwdlac", time.Now().Add(time.Hour))
	if err == nil {
		err = servertest.Send(t.Context(), http.MethodPut, "http://"+b.store+"/"+account+"/busy?restype=container&"+token, "")
	}
	if err != nil {
		t.Fatal(err)
	}
	return b, mustOpen(t, "azblob://busy?protocol=http&domain="+front)
}
