package files

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tapline/target-warehouse/destination"
)

// loadAs has a process load with nothing but these variables in its environment, and returns what it writes to stdout.
func loadAs(t *testing.T, place string, env ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), childTask + "=0", "FILES_TEST_URL=" + place}, env...)
	out, _ := cmd.Output() // it says itself that it failed
	return string(out)
}

// wantFailure looks for one sentence with the words and without a secret.
func wantFailure(t *testing.T, got, want string) {
	t.Helper()
	line, rest, _ := strings.Cut(got, "\n")
	if !strings.HasPrefix(line, "failed: ") || rest != "" || !strings.Contains(line, want) || strings.Contains(line, "(code=") {
		t.Errorf("the process wrote %q, want one line with %q", got, want)
	}
	for _, secret := range []string{"sig=", "hidden", "aGlkZGVu", azureKey} {
		if strings.Contains(got, secret) {
			t.Errorf("the process wrote %q, in which %q is secret", got, secret)
		}
	}
}

func failAzure(t *testing.T, address string) {
	const account, hidden = "AZURE_STORAGE_ACCOUNT=" + azureAccount, "aGlkZGVuaGlkZGVu" // hiddenhidden
	place := newContainer(t, address)
	in := func(address string) []string {
		return []string{"AZURE_STORAGE_DOMAIN=" + address, "AZURE_STORAGE_PROTOCOL=http", account}
	}
	here, nowhere := in(address), in("127.0.0.1:1")
	key, soon := "AZURE_STORAGE_KEY="+azureKey, time.Now().Add(time.Hour)
	connection := "AZURE_STORAGE_CONNECTION_STRING=DefaultEndpointsProtocol=http;BlobEndpoint=http://" + address + "/" + azureAccount + ";AccountName=" + azureAccount
	for _, c := range []struct {
		name, place, want string // want is "" where it works
		env               []string
	}{
		{"a key", place, "", append(here, key)},
		{"a connection string", place, "", []string{connection + ";AccountKey=" + azureKey}},
		{"a token", place, "", append(here, "AZURE_STORAGE_SAS_TOKEN="+azureSAS(t, "rwdlacx", soon))},
		{"nothing", place, "set AZURE_STORAGE_ACCOUNT", nil},
		{"no credentials", place, "there are no credentials for it", []string{account, "AZURE_TOKEN_CREDENTIALS=EnvironmentCredential"}},
		{"another key", place, "does not accept the account's key", append(here, "AZURE_STORAGE_KEY="+hidden)},
		{"a key that is none", place, "key is not base64", append(here, "AZURE_STORAGE_KEY=hidden!")},
		{"a connection string with a key that is none", place, "key is not base64", []string{connection + ";AccountKey=hidden!"}},
		{"a connection string that is none", place, "set AZURE_STORAGE_ACCOUNT", []string{"AZURE_STORAGE_CONNECTION_STRING=hidden"}},
		{"a token that has ended", place, "does not accept the account's key or its token", append(here, "AZURE_STORAGE_SAS_TOKEN="+azureSAS(t, "rwdlacx", time.Now().Add(-time.Hour)))},
		{"a token for reading", place, "the store denies it", append(here, "AZURE_STORAGE_SAS_TOKEN="+azureSAS(t, "rl", soon))},
		{"a token that may not delete", place, "the store denies it", append(here, "AZURE_STORAGE_SAS_TOKEN="+azureSAS(t, "rwlac", soon))},
		{"no container", "azblob://none/in/front", "there is no such container", append(here, key)},
		{"no server", place, "connection refused", append(nowhere, key)},
		{"a token and no server", place, "connection refused", append(nowhere, "AZURE_STORAGE_SAS_TOKEN="+azureSAS(t, "rl", soon))},
	} {
		t.Run(c.name, func(t *testing.T) {
			if strings.HasSuffix(c.name, "no server") {
				if !wholeStores() {
					t.Skip("Azure's client tries for ten seconds")
				}
				t.Parallel()
			}
			place := strings.Replace(c.place, "/in/front", "/"+strings.ReplaceAll(c.name, " ", "-"), 1)
			got := loadAs(t, place, c.env...)
			if c.want != "" {
				wantFailure(t, got, c.want)
			} else if !strings.HasSuffix(got, "closed\n") {
				t.Errorf("the process wrote %q", got)
			}
		})
	}
}

func failGoogle(t *testing.T, address string) {
	answering := func(status int, body string) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}))
		t.Cleanup(server.Close)
		return strings.TrimPrefix(server.URL, "http://")
	}
	answer := `{"error": {"code": %d, "message": "somebody may not", "errors": [{"reason": "forbidden"}]}}`
	tokens := answering(http.StatusBadRequest, `{"error": "invalid_grant", "error_description": "Invalid JWT Signature."}`)
	file := func(content string) string {
		path := filepath.Join(t.TempDir(), "key.json")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return "GOOGLE_APPLICATION_CREDENTIALS=" + path
	}
	account := func(key string) string {
		text, err := json.Marshal(map[string]string{"type": "service_account", "client_email": "tests@example.com", "private_key": key, "token_uri": "http://" + tokens})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for _, c := range []struct{ name, env, want string }{
		{"no bucket", "STORAGE_EMULATOR_HOST=" + address, "there is no such bucket"},
		{"an emulator with http://", "STORAGE_EMULATOR_HOST=http://" + address, "write STORAGE_EMULATOR_HOST without http://"},
		{"denied", "STORAGE_EMULATOR_HOST=" + answering(http.StatusForbidden, fmt.Sprintf(answer, 403)), "the store denies it"},
		{"denied by what is not Google", "STORAGE_EMULATOR_HOST=" + answering(http.StatusForbidden, ""), "the store denies it"},
		{"not accepted", "STORAGE_EMULATOR_HOST=" + answering(http.StatusUnauthorized, fmt.Sprintf(answer, 401)), "does not accept the credentials"},
		{"no file", "GOOGLE_APPLICATION_CREDENTIALS=" + filepath.Join(t.TempDir(), "none"), "in the file that GOOGLE_APPLICATION_CREDENTIALS names"},
		{"a file that is none", file("hidden"), "in the file that GOOGLE_APPLICATION_CREDENTIALS names"},
		{"a key that is none", file(account("hidden")), "private key of the credentials is damaged"},
		{"a key that has ended", file(account(testKey(t))), "Google does not accept the credentials"},
	} {
		t.Run(c.name, func(t *testing.T) { wantFailure(t, loadAs(t, "gs://none/in/front", c.env), c.want) })
	}
}

// denySome has a store deny requests of one kind while others work, as it does to accounts without the right to delete,
// and with the policies of some buckets. Google's driver calls what was denied not there, which for a load would be done.
func denySome(t *testing.T, address, place string) {
	var denied atomic.Pointer[func(*http.Request) bool]
	allow := func(*http.Request) bool { return false }
	denied.Store(&allow)
	proxy := proxyTo(address)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !(*denied.Load())(r) {
			proxy.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"error": {"code": 403, "message": "the account may not", "errors": [{"reason": "forbidden"}]}}`)
	}))
	defer front.Close()
	t.Setenv("STORAGE_EMULATOR_HOST", strings.TrimPrefix(front.URL, "http://"))
	deny := func(what func(*http.Request) bool) { denied.Store(&what) }

	cfg := Config{URL: place, Pipeline: "default"}
	w := mustOpen(t, cfg)
	overwrite(t, w, 1, nil)
	deny(func(r *http.Request) bool { return r.Method == http.MethodDelete })
	overwrite(t, w, 2, errDenied)
	deny(func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/rewriteTo/") })
	if _, err := Open(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), errDenied.Error()) {
		t.Errorf("what the last run has left was not put in its place, and opening gives %v", err)
	}
	deny(allow)
	w = mustOpen(t, cfg)
	defer mustClose(t, w)
	if got := ids(t, w, replaced()); len(got) != 1 || got[0] != 2 {
		t.Errorf("the table has %v, want 2", got)
	}
}

// proxyTo forwards requests to a server, as if they had come to it.
func proxyTo(address string) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: address}) }}
}

// loseAnswer has the answer get lost that says that an entry of the log was created. The store's client tries again and is
// told that there is one, which is its own: the rows are there once. Through makes a place that is reached by the proxy.
func loseAnswer(t *testing.T, address string, through func(proxy string) string) {
	var lost atomic.Int64
	proxy := proxyTo(address)
	proxy.ModifyResponse = func(r *http.Response) error {
		to, err := url.PathUnescape(r.Request.URL.String())
		if err == nil && r.Request.Method != http.MethodGet && r.StatusCode/100 == 2 && strings.Contains(to, entryKey(1)) && lost.Add(1) == 1 {
			r.Body = http.NoBody
			r.ContentLength, r.StatusCode = 0, http.StatusServiceUnavailable
			r.Header = http.Header{"Content-Length": {"0"}}
		}
		return err
	}
	front := httptest.NewServer(proxy)
	defer front.Close()
	w := mustOpen(t, Config{URL: through(strings.TrimPrefix(front.URL, "http://"))})
	mustLoad(t, w, orders(), checkpointOf("", "r", 1), 1, 4)
	if lost.Load() != 1 {
		t.Errorf("%d answers said that the entry was created, want the one that got lost", lost.Load())
	}
	mustLoad(t, w, orders(), checkpointOf("", "r", 1), 4, 5)
	mustClose(t, w)
	w = mustOpen(t, w.config)
	defer mustClose(t, w)
	wantIDs(t, w, 1, 2, 3, 4)
	if rows, _, err := w.Count(t.Context(), "shop", "orders"); rows != 4 || w.ledger.Number != 2 || err != nil {
		t.Errorf("the log counts %d rows in %d entries, %v", rows, w.ledger.Number, err)
	}
}

var errDenied = errors.New("the store denies it; give these credentials the right to list, read, write and delete there")

// overwrite replaces the rows of a table with one.
func overwrite(t *testing.T, w *Warehouse, id int64, want error) {
	t.Helper()
	l := begin(t, w, replaced(), id, id+1)
	newest := replaced()
	_, err := l.Migrate(t.Context(), newest)
	if err == nil {
		_, err = l.Activate(t.Context(), newest, destination.Activation{Version: id})
	}
	if err != nil {
		t.Fatal(err)
	}
	err = l.Commit(t.Context(), checkpointOf("default", "r", 1))
	if want == nil && err != nil || want != nil && (err == nil || !strings.Contains(err.Error(), want.Error())) {
		t.Fatalf("commit: %v, want %v", err, want)
	}
}

// testKey is a private key.
func testKey(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}
