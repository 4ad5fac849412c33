package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"tapline/singer"
)

func mustOpen(t *testing.T, place string) *blob.Bucket {
	t.Helper()
	u, err := url.Parse(place)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Open(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// requests are one of each kind.
var requests = map[string]func(ctx context.Context, b *blob.Bucket) error{
	"list": func(ctx context.Context, b *blob.Bucket) error {
		_, err := b.List(nil).Next(ctx)
		return err
	},
	"read": func(ctx context.Context, b *blob.Bucket) error {
		_, err := b.ReadAll(ctx, "a")
		return err
	},
	"look": func(ctx context.Context, b *blob.Bucket) error {
		_, err := b.Attributes(ctx, "a")
		return err
	},
	"delete": func(ctx context.Context, b *blob.Bucket) error { return b.Delete(ctx, "a") },
	"copy":   func(ctx context.Context, b *blob.Bucket) error { return b.Copy(ctx, "b", "a", nil) },
	"write":  func(ctx context.Context, b *blob.Bucket) error { return upload(ctx, b, "a", 1, false) },
	"create": func(ctx context.Context, b *blob.Bucket) error { return upload(ctx, b, "c", 1, true) },
	"parts":  func(ctx context.Context, b *blob.Bucket) error { return upload(ctx, b, "a", manyParts, false) },
}

// Stores take an object in parts of at least partSize. S3's client does so from 16 MiB on.
const (
	partSize  = 5 << 20
	manyParts = 4*partSize + 1
)

// upload writes an object of so many bytes, by one request unless they are more than a part has.
func upload(ctx context.Context, b *blob.Bucket, key string, size int, isNew bool) error {
	return b.Upload(ctx, key, bytes.NewReader(pattern(size)), &blob.WriterOptions{ContentType: "text/plain", BufferSize: partSize, IfNotExist: isNew})
}

// pattern is so many bytes, of which parts can be told apart.
func pattern(size int) []byte {
	text := make([]byte, size)
	for i := range text {
		text[i] = byte('a' + i%23)
	}
	return text
}

// eachAtOnce makes one request of each kind, which all have to fail.
func eachAtOnce(t *testing.T, b *blob.Bucket, check func(kind string, err error)) {
	t.Helper()
	var all sync.WaitGroup
	for kind, send := range requests {
		all.Go(func() {
			if err := send(t.Context(), b); err == nil {
				t.Errorf("%s: there is no failure", kind)
			} else {
				check(kind, err)
			}
		})
	}
	all.Wait()
}

// Google's client by itself would repeat most of them for ever.
func TestRequestsToAStoreThatIsDownEnd(t *testing.T) {
	asked := make(chan string, 1000)
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // what was sent does not matter
		asked <- r.Method
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer down.Close()
	t.Setenv("STORAGE_EMULATOR_HOST", strings.TrimPrefix(down.URL, "http://"))
	answers := mustOpen(t, "gs://bucket")
	t.Setenv("STORAGE_EMULATOR_HOST", "127.0.0.1:1")
	nobody := mustOpen(t, "gs://bucket")
	var both sync.WaitGroup
	for name, b := range map[string]*blob.Bucket{"a server that is not ready": answers, "no server": nobody} {
		both.Go(func() {
			eachAtOnce(t, b, func(kind string, err error) {
				text := Explain(err, "to write").Error()
				if IsMissing(err) || IsDenied(err) || strings.ContainsAny(text, "\n?") || !errors.Is(Explain(err, ""), singer.ErrUnavailable) {
					t.Errorf("%s, %s: %s", name, kind, text)
				}
			})
		})
	}
	both.Wait()
	close(asked)
	times := map[string]int{}
	for method := range asked {
		times[method]++
	}
	// Listing, reading and looking; a copy and three uploads; deleting.
	if diff := cmp.Diff(map[string]int{"GET": 3 * attempts, "POST": attempts + 3*uploadAttempts, "DELETE": attempts}, times); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// Google's driver calls not there what its user may not see, and what is done would be left undone.
func TestWhatIsDeniedIsNotMissing(t *testing.T) {
	status := make(chan int, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		code := <-status
		status <- code
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		fmt.Fprintf(w, `{"error": {"code": %d, "message": "no"}}`, code)
	}))
	defer server.Close()
	t.Setenv("STORAGE_EMULATOR_HOST", strings.TrimPrefix(server.URL, "http://"))
	b := mustOpen(t, "gs://bucket")
	for _, code := range []int{http.StatusForbidden, http.StatusNotFound} {
		status <- code
		eachAtOnce(t, b, func(kind string, err error) {
			denied := code == http.StatusForbidden
			if IsDenied(err) != denied || IsMissing(err) == denied || errors.Is(Explain(err, ""), singer.ErrCredentials) != denied {
				t.Errorf("%d, %s: %v (%s)", code, kind, err, gcerrors.Code(err))
			}
		})
		<-status
	}
	if IsDenied(nil) || IsMissing(nil) || Explain(nil, "") != nil {
		t.Error("no failure is one")
	}
}

func TestExplainHasOneLineAndNoSecret(t *testing.T) {
	hidden := &url.Error{Op: "Get", URL: "https://account.blob.core.windows.net/c?sig=hidden", Err: errors.New("dial tcp 127.0.0.1:1: connect: connection refused")}
	const azure = "blob (key \"a/b\") (code=Unknown): GET https://account.blob.core.windows.net/c?sig=hidden\n----\nRESPONSE 409: 409 There is a lease on it.\nERROR CODE: x"
	for _, c := range []struct {
		err  error
		want string
		kind error
	}{
		{fmt.Errorf("blob (code=Unknown): %w", hidden), "the store cannot be reached; check the network and the address: dial tcp 127.0.0.1:1: connect: connection refused", singer.ErrUnavailable},
		{errors.New(azure), "409 There is a lease on it", nil},
		{errors.New("GET https://x?sig=hidden\n---\nRESPONSE 403: 403 No.\n"), "the store denies it; give these credentials the right to read it", singer.ErrCredentials},
		{errors.New("api error ExpiredToken: it has expired\nat line 2"), "the credentials in the environment have expired; get new ones", singer.ErrCredentials},
		{errors.New("api error NoSuchBucket"), noBucket, nil},
		{errors.New("StatusCode: 301, api error PermanentRedirect: The bucket must be addressed by another endpoint."), otherRegion, nil},
		{errors.New("api error AuthorizationHeaderMalformed: the region 'us-east-1' is wrong; expecting 'eu-west-1'"), otherRegion, nil},
		{errors.New("https response error StatusCode: 507, api error XMinioStorageFull: no room"), full, nil},
		{errors.New("https response error StatusCode: 403, api error RequestTimeTooSkewed: no"), "the store's time differs from this machine's; set its clock right", nil},
		{errors.New("GET https://x?sig=hidden\n---\nRESPONSE 503: 503 Busy.\n"), "the store cannot answer now; run again later: 503 Busy", singer.ErrUnavailable},
		{errors.New("operation error S3: GetObject, https response error StatusCode: 500, RequestID: 1, InternalError"),
			"the store cannot answer now; run again later: operation error S3: GetObject, https response error StatusCode: 500, RequestID: 1, InternalError", singer.ErrUnavailable},
		{fmt.Errorf("open: %w", context.Canceled), "open: context canceled", context.Canceled},
		{Explain(errors.New("MissingRegion"), ""), noRegion, nil},
	} {
		got := Explain(c.err, "to read it")
		if got.Error() != c.want || !errors.Is(got, c.err) || c.kind != nil && !errors.Is(got, c.kind) {
			t.Errorf("%q becomes %q, want %q", c.err, got, c.want)
		}
	}
}

// The library would say on stdout, which is for states, that there are no credentials.
func TestNothingIsWrittenToStdout(t *testing.T) {
	t.Setenv("STORAGE_EMULATOR_HOST", "")
	file, err := os.Create(filepath.Join(t.TempDir(), "stdout"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	stdout := os.Stdout
	os.Stdout = file
	defer func() { os.Stdout = stdout }()
	for _, c := range []struct{ query, credentials, want string }{
		{"?anonymous=true", "none", ""},
		{"?access_id=-", "none", ""},
		{"?token=hidden&anonymous=true", "none", `open bucket gs://bucket: invalid query parameter "token"`},
		{"", "none", "there are no credentials in the file that GOOGLE_APPLICATION_CREDENTIALS names"},
	} {
		t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(t.TempDir(), c.credentials))
		u, err := url.Parse("gs://bucket" + c.query)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Open(t.Context(), u)
		if b != nil {
			err = errors.Join(err, b.Close())
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "hidden")) {
			t.Errorf("%q: %v", c.query, err)
		}
	}
	if text, err := os.ReadFile(file.Name()); len(text) > 0 || err != nil {
		t.Errorf("stdout has %q, %v", text, err)
	}
}

func TestWhatIsNotAmazonsHasItsBucketsInThePath(t *testing.T) {
	paths := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { paths <- r.URL.Path }))
	defer server.Close()
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "s3cret", "AWS_REGION": "", "AWS_CONFIG_FILE": os.DevNull} {
		t.Setenv(name, value)
	}
	b := mustOpen(t, "s3://bucket?endpoint="+server.URL)
	if _, err := b.ReadAll(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if path := <-paths; path != "/bucket/a" {
		t.Errorf("asked for %s", path)
	}
}
