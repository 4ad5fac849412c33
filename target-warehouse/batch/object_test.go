package batch

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline/singer"
)

// store answers like S3 for one bucket.
type store struct {
	objects map[string]string
	status  int // of every answer, if not 0
	code    string
	cut     int64 // bytes after which an answer breaks off; 0 for never
	changed bool  // the object is another one at every request
	asked   atomic.Int64
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := s.asked.Add(1)
	content, ok := s.objects[strings.TrimPrefix(r.URL.Path, "/bucket/")]
	status, code := s.status, s.code
	if !ok && status == 0 {
		status, code = http.StatusNotFound, "NoSuchKey"
	}
	if status != 0 {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", code)
		return
	}
	at := time.Unix(1_700_000_000, 0)
	if s.changed {
		at = at.Add(time.Duration(n) * time.Minute)
	}
	if s.cut > 0 {
		w = &cutter{w, s.cut}
	}
	http.ServeContent(w, r, "", at, strings.NewReader(content))
}

// cutter breaks an answer off.
type cutter struct {
	http.ResponseWriter
	left int64
}

func (c *cutter) Write(p []byte) (int, error) {
	if int64(len(p)) > c.left {
		c.ResponseWriter.Write(p[:c.left])
		c.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	c.left -= int64(len(p))
	return c.ResponseWriter.Write(p)
}

// serve starts the store and returns what turns a key into a URI.
func serve(t *testing.T, s *store) func(key string) string {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "s3cret", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_MAX_ATTEMPTS": "1", "TMPDIR": t.TempDir(),
	} {
		t.Setenv(name, value)
	}
	parameters := url.Values{"endpoint": {server.URL}, "region": {"eu-west-1"}, "use_path_style": {"true"}}
	return func(key string) string { return "s3://bucket/" + key + "?" + parameters.Encode() }
}

func TestObjectsAreRead(t *testing.T) {
	rows := strings.Repeat("{\"id\":1}\n", 100_000)
	parquet, err := os.ReadFile("testdata/duckdb.parquet")
	if err != nil {
		t.Fatal(err)
	}
	uri := serve(t, &store{objects: map[string]string{"a/rows.jsonl": rows, "rows.gz": gzipped(rows), "rows.zst": zstandard(rows), "a.parquet": string(parquet)}})
	for key, compression := range map[string]string{"a/rows.jsonl": "", "rows.gz": "gzip", "rows.zst": "zstd"} {
		f := open(t, uri(key), "jsonl", compression)
		text, count, err := read(t, f, 1<<16)
		if err != nil || count != 100_000 || text != rows {
			t.Errorf("%s gives %d records of %d bytes, %v", key, count, len(text), err)
		}
		if want := "s3://bucket/" + key; f.Name() != want {
			t.Errorf("%s is called %s", want, f.Name())
		}
		if err := f.Remove(); err != nil {
			t.Errorf("Remove of an object: %v", err)
		}
	}
	f := open(t, uri("a.parquet"), "parquet", "")
	if left, err := os.ReadDir(os.TempDir()); len(left) > 0 {
		t.Errorf("while a parquet object is read, there is %v, %v", left, err)
	}
	if _, count, err := read(t, f, 0); err != nil || count != 5 {
		t.Errorf("the parquet object gives %d rows, %v", count, err)
	}
}

func TestABrokenConnectionIsTakenUpAgain(t *testing.T) {
	var rows bytes.Buffer
	for i := range 20_000 {
		fmt.Fprintf(&rows, "{\"id\":%d}\n", i)
	}
	s := &store{objects: map[string]string{"rows": rows.String()}, cut: 100_000}
	f := open(t, serve(t, s)("rows"), "jsonl", "")
	hasten(f)
	text, _, err := read(t, f, 0)
	if diff := cmp.Diff(len(rows.String()), len(text)); diff != "" || err != nil || text != rows.String() {
		t.Errorf("%v, size (-want +got):\n%s", err, diff)
	}
	if least := int64(rows.Len()) / s.cut; s.asked.Load() <= least {
		t.Errorf("%d requests for %d bytes, which break off after %d each", s.asked.Load(), rows.Len(), s.cut)
	}
}

// hasten takes the pauses out of an object's attempts.
func hasten(f *File) {
	f.rows.(*jsonl).packed.(*object).pause = 0
}

func TestFailuresOfStoresSayWhatToDo(t *testing.T) {
	for _, c := range []struct {
		name  string
		store *store
		want  string
		kind  error
	}{
		{"missing", &store{}, "the store has no such object; objects must stay until they are loaded", nil},
		{"forbidden", &store{status: 403, code: "AccessDenied"}, "the store denies it; give these credentials the right to read the object", singer.ErrCredentials},
		{"unknown key", &store{status: 403, code: "InvalidAccessKeyId"}, "the store does not know the access key; check the credentials in the environment", singer.ErrCredentials},
		{"wrong secret", &store{status: 403, code: "SignatureDoesNotMatch"}, "the store does not accept the secret key; check the credentials in the environment", singer.ErrCredentials},
	} {
		t.Run(c.name, func(t *testing.T) {
			uri := serve(t, c.store)("rows")
			for _, format := range []string{"jsonl", "parquet"} {
				_, err := Open(t.Context(), uri, format, "")
				if err == nil || err.Error() != "s3://bucket/rows: "+c.want || c.kind != nil && !errors.Is(err, c.kind) {
					t.Errorf("%s: %v", format, err)
				}
			}
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		uri := serve(t, &store{})("rows")
		parsed, _ := url.Parse(uri)
		query := parsed.Query()
		query.Set("endpoint", "http://127.0.0.1:1")
		_, err := Open(t.Context(), "s3://bucket/rows?"+query.Encode(), "jsonl", "")
		if err == nil || !strings.HasPrefix(err.Error(), "s3://bucket/rows: the store cannot be reached; check the network and the address: ") || !errors.Is(err, singer.ErrUnavailable) {
			t.Error(err)
		}
	})
	t.Run("unknown parameter", func(t *testing.T) {
		_, err := Open(t.Context(), "s3://bucket/rows?token=s3cret", "jsonl", "")
		if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), `"token"`) {
			t.Error(err)
		}
	})
	t.Run("changed meanwhile", func(t *testing.T) {
		s := &store{objects: map[string]string{"rows": strings.Repeat("{}\n", 50_000)}, cut: 1000, changed: true}
		f := open(t, serve(t, s)("rows"), "jsonl", "")
		hasten(f)
		_, _, err := read(t, f, 0)
		if err == nil || !strings.Contains(err.Error(), "the object was changed while it was read") {
			t.Error(err)
		}
	})
	t.Run("breaks again and again", func(t *testing.T) {
		s := &store{objects: map[string]string{"rows": strings.Repeat("{}\n", 50_000)}, cut: 100_000}
		f := open(t, serve(t, s)("rows"), "jsonl", "")
		hasten(f)
		if _, err := f.ReadLines(make([]byte, 0, 3000)); err != nil {
			t.Fatal(err)
		}
		s.status, s.code = 404, "NoSuchKey"
		_, _, err := read(t, f, 0)
		if err == nil || !strings.HasPrefix(err.Error(), "s3://bucket/rows, line ") {
			t.Error(err)
		}
	})
}
