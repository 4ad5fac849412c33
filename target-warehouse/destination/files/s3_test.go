package files

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/servertest"
)

// s3 is a server that the tests of this package share. Its buckets are folders in dir.
type s3 struct {
	*servertest.Server
	dir string
}

// server is nil until a test has needed one.
var server *s3

// newBucket makes an empty bucket and returns its URL. Where the server was not built the test is skipped.
func newBucket(t *testing.T) string {
	t.Helper()
	if server == nil {
		var err error
		if server, err = startS3(); errors.Is(err, servertest.ErrMissing) {
			t.Skip(err)
		} else if err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "tapline")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "s3cret/of+tests")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	dir, err := os.MkdirTemp(filepath.Join(server.dir, "buckets"), "bucket")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // all goes with the server at the latest
	return fmt.Sprintf("s3://%s/in/front?endpoint=http://%s", filepath.Base(dir), server.Address)
}

func startS3() (*s3, error) {
	dir, err := os.MkdirTemp("", "s3test")
	if err != nil {
		return nil, err
	}
	buckets, sidecar := filepath.Join(dir, "buckets"), filepath.Join(dir, "sidecar")
	if err := errors.Join(os.Mkdir(buckets, 0o755), os.Mkdir(sidecar, 0o755)); err != nil {
		return nil, err
	}
	process, err := servertest.StartCached(dir, func(host, port string) []string {
		return []string{"--port", host + ":" + port, "--access", "tapline", "--secret", "s3cret/of+tests", "--quiet", "posix", "--sidecar", sidecar, buckets}
	}, "versitygw-v1.8.0", "versitygw") // which tests/s3.sh builds
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &s3{process, dir}, nil
}

func (s *s3) stop() {
	if s == nil {
		return
	}
	s.Stop()
	_ = os.RemoveAll(s.dir)
}

func TestSuiteS3(t *testing.T) {
	newBucket(t) // skips here, and not in every check
	fewSeeds(t, "2")
	destinationtest.Run(t, func(t *testing.T) *destinationtest.Harness {
		h, _ := newHarness(t, Config{URL: newBucket(t)})
		return h
	})
}

func TestS3FailuresSayWhatToDo(t *testing.T) {
	url := newBucket(t)
	bucket := strings.TrimPrefix(strings.Split(url, "/in/")[0], "s3://")
	for _, c := range []struct {
		name, url, secret, want string
	}{
		{"no such bucket", strings.Replace(url, bucket, "no-such-bucket", 1), "s3cret/of+tests", "there is no such bucket"},
		{"a wrong secret", url, "wrong-secret", "does not accept the secret key"},
		{"no server", "s3://bucket?endpoint=http://127.0.0.1:1", "s3cret/of+tests", "connection refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("AWS_SECRET_ACCESS_KEY", c.secret)
			t.Setenv("AWS_MAX_ATTEMPTS", "1")
			_, err := Open(t.Context(), Config{URL: c.url})
			if err == nil {
				t.Fatal("it was opened")
			}
			if got := err.Error(); !strings.Contains(got, c.want) || strings.Contains(got, c.secret) || strings.Contains(got, "\n") {
				t.Errorf("failure is %q, want one line with %q and no secret", got, c.want)
			}
		})
	}
}

func TestRunsInABucketFenceEachOther(t *testing.T) {
	fenceEachOther(t, Config{URL: newBucket(t), Pipeline: "default"})
}

func TestRunsInADirectoryFenceEachOther(t *testing.T) {
	fenceEachOther(t, Config{URL: t.TempDir(), Pipeline: "default"})
}

// fenceEachOther has two runs of one pipeline open at the same time, of which the later one takes over.
func fenceEachOther(t *testing.T, cfg Config) {
	earlier, later := mustOpen(t, cfg), mustOpen(t, cfg)
	earlierRun := destination.Checkpoint{Pipeline: "default", RunID: "A", Fence: 1}
	laterRun := destination.Checkpoint{Pipeline: "default", RunID: "B", Fence: 2}
	mustLoad(t, earlier, orders(), earlierRun, 1, 3)

	// The earlier run stages rows, the later one begins and sweeps, and then the earlier one wants to commit.
	l := begin(t, earlier, orders(), 3, 5)
	mustLoad(t, later, orders(), laterRun, 5, 7)
	if err := l.Commit(t.Context(), earlierRun); !errors.Is(err, destination.ErrFenced) {
		t.Errorf("the earlier run's commit: %v, want ErrFenced", err)
	}
	if err := l.Rollback(); err != nil {
		t.Error(err)
	}
	wantIDs(t, later, 1, 2, 5, 6)
	mustLoad(t, later, orders(), laterRun, 7, 8)
	if err := errors.Join(earlier.Close(), later.Close()); err != nil {
		t.Error(err)
	}
	again := mustOpen(t, cfg)
	wantIDs(t, again, 1, 2, 5, 6, 7)
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// A store that has taken an entry of the log and cannot say so leaves its writer in doubt. The files must outlive that.
func TestACommitWhoseAnswerNeverComesKeepsItsFiles(t *testing.T) {
	for _, c := range []struct {
		name  string
		after bool // requests behind the entry are answered again
	}{{"the store comes back", true}, {"the store stays away", false}} {
		t.Run(c.name, func(t *testing.T) {
			place := newBucket(t)
			var away atomic.Bool
			front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				entry := r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, entryKey(2))
				if entry && !away.Swap(true) {
					proxyS3().ServeHTTP(httptest.NewRecorder(), r)
				}
				if entry || away.Load() && !c.after {
					w.WriteHeader(http.StatusServiceUnavailable)
					return
				}
				proxyS3().ServeHTTP(w, r)
			}))
			defer front.Close()
			t.Setenv("AWS_MAX_ATTEMPTS", "1")
			w := mustOpen(t, Config{URL: strings.Replace(place, server.Address, front.Listener.Addr().String(), 1), Pipeline: "default"})
			mustLoad(t, w, orders(), checkpointOf("default", "r", 1), 1, 2)
			err := begin(t, w, orders(), 2, 4).Commit(t.Context(), checkpointOf("default", "r", 1))
			if (err == nil) != c.after {
				t.Errorf("commit: %v", err)
			}
			mustClose(t, w)
			w = mustOpen(t, Config{URL: place, Pipeline: "default"})
			defer mustClose(t, w)
			wantIDs(t, w, 1, 2, 3)
			mustLoad(t, w, orders(), checkpointOf("default", "s", 2), 4, 5)
			wantIDs(t, w, 1, 2, 3, 4)
		})
	}
}

// A store that does not heed If-None-Match would let one of two pipelines write its entry over the other's.
func TestAStoreWithoutConditionalWritesIsRefused(t *testing.T) {
	place := newBucket(t)
	proxy := proxyS3()
	proxy.ModifyResponse = func(r *http.Response) error {
		if r.StatusCode == http.StatusPreconditionFailed { // as if it had not been asked for
			r.StatusCode, r.ContentLength, r.Body = http.StatusOK, 0, http.NoBody
			r.Header = http.Header{"Content-Length": {"0"}}
		}
		return nil
	}
	front := httptest.NewServer(proxy)
	defer front.Close()
	w := mustOpen(t, Config{URL: strings.Replace(place, server.Address, front.Listener.Addr().String(), 1), Pipeline: "default"})
	_, err := w.Begin(t.Context())
	if err == nil || !strings.Contains(err.Error(), "use a store, or a version of it, that has conditional writes") {
		t.Errorf("begin: %v", err)
	}
	mustClose(t, w)
	s, err := openStore(t.Context(), place, false)
	if err != nil {
		t.Fatal(err)
	}
	if keys, err := s.list(t.Context(), ""); err != nil || len(keys) > 0 {
		t.Errorf("it leaves %v, %v", keys, err)
	}
}

// Amazon answers 409 to one of two that create an object at the same time; what became of the other one shows later.
func TestAnEntryThatIsBeingCreatedByAnotherRunIsTriedAgain(t *testing.T) {
	place := newBucket(t)
	conflicts := 0
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, entryKey(1)) && conflicts < 2 {
			conflicts++
			w.WriteHeader(http.StatusConflict)
			fmt.Fprint(w, "<Error><Code>ConditionalRequestConflict</Code><Message>Conflict. Please try again.</Message></Error>")
			return
		}
		proxyS3().ServeHTTP(w, r)
	}))
	defer front.Close()
	w := mustOpen(t, Config{URL: strings.Replace(place, server.Address, front.Listener.Addr().String(), 1), Pipeline: "default"})
	defer mustClose(t, w)
	mustLoad(t, w, orders(), checkpointOf("default", "r", 1), 1, 3)
	wantIDs(t, w, 1, 2)
	if conflicts != 2 || w.ledger.Number != 1 {
		t.Errorf("there were %d conflicts, and the log has %d entries", conflicts, w.ledger.Number)
	}
}

// proxyS3 forwards requests to the server with the host that they were signed for.
func proxyS3() *httputil.ReverseProxy {
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: server.Address})
		r.Out.Host = r.In.Host
	}}
}
