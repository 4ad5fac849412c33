package servertest

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestSendFailsUnlessItIsAnsweredWithSuccess(t *testing.T) {
	got := ""
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // what is missing shows
		got = r.Method + " " + r.URL.String() + " " + string(body)
		if r.URL.Path == "/denied" {
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	if err := Send(t.Context(), http.MethodPost, s.URL+"/b?project=tests", "text"); err != nil || got != "POST /b?project=tests text" {
		t.Errorf("the server got %q, %v", got, err)
	}
	if err := Send(t.Context(), http.MethodPut, s.URL+"/denied?sig=hidden", ""); err == nil || err.Error() != "PUT /denied: 403 Forbidden" {
		t.Errorf("where it is denied the failure is %v", err)
	}
	s.Close()
	if err := Send(t.Context(), http.MethodGet, s.URL+"/gone?sig=hidden", ""); err == nil || strings.Contains(err.Error(), "hidden") {
		t.Errorf("where there is no server the failure is %v", err)
	}
}

func TestAServerThatIsNotInstalledMayBeMissing(t *testing.T) {
	for _, c := range []struct {
		ci, name string
		may      bool
	}{{"", "no-such-server", true}, {"true", "no-such-server", false}, {"true", "azurite-0", true}} {
		t.Setenv("CI", c.ci)
		_, err := StartCached(t.TempDir(), nil, c.name, "server")
		if err == nil || errors.Is(err, ErrMissing) != c.may || !strings.Contains(err.Error(), "tests/stores.sh") {
			t.Errorf("%s with CI=%q: %v", c.name, c.ci, err)
		}
	}
}

func TestAzureTokenSignsWhatItAllows(t *testing.T) {
	until := time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("", 3600))
	text, err := AzureToken("account", "a2V5", "rw", until)
	if err != nil {
		t.Fatal(err)
	}
	token, err := url.ParseQuery(text)
	if err != nil || token.Get("sp") != "rw" || token.Get("se") != "2026-03-04T04:06:07Z" {
		t.Errorf("token %q, %v", text, err)
	}
	if other, err := AzureToken("account", "a2V5", "r", until); err != nil || strings.Contains(other, url.QueryEscape(token.Get("sig"))) {
		t.Errorf("a token that allows less has the same signature: %s, %v", other, err)
	}
	if _, err := AzureToken("account", "no base64!", "rw", until); err == nil {
		t.Error("a key that is not base64 signs")
	}
}
