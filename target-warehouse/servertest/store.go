package servertest

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// ErrMissing says that a server to test with was not installed, and that the test may be skipped.
var ErrMissing = errors.New("there is no server to test with: run tests/s3.sh and tests/stores.sh")

// StartCached starts a program as [Start] does that a script in tests has put into the user's cache. Where it was not, the
// failure is [ErrMissing]; but in continuous integration it is another one if Go alone can build the server.
func StartCached(dir string, arguments func(host, port string) []string, name ...string) (*Server, error) {
	path, err := Cached(name...)
	if err != nil && os.Getenv("CI") != "" && !strings.HasPrefix(name[0], "azurite") {
		return nil, fmt.Errorf("%v (%w)", ErrMissing, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w (%v)", ErrMissing, err)
	}
	return Start(dir, path, arguments)
}

// Send sends a request to a server and fails unless it is answered with success. The failure has nothing of the URL but its
// path.
func Send(ctx context.Context, method, to, body string) error {
	r, err := http.NewRequestWithContext(ctx, method, to, strings.NewReader(body))
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, r.URL.Path, errors.Unwrap(err))
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s", method, r.URL.Path, answer.Status)
	}
	return nil
}

// AzureToken is the query of a URL that lets its bearer use the blobs of an account of Azure until then. Each letter of
// permissions is one, such as r to read; the key is the account's, in base64.
// Source: learn.microsoft.com/rest/api/storageservices/create-account-sas
func AzureToken(account, key, permissions string, until time.Time) (string, error) {
	const services, resources, version = "b", "sco", "2020-12-06"
	secret, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		return "", fmt.Errorf("decode the account's key: %w", err)
	}
	end := until.UTC().Format(time.RFC3339)
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "%s\n%s\n%s\n%s\n\n%s\n\n\n%s\n\n", account, permissions, services, resources, end, version)
	return url.Values{
		"sp": {permissions}, "ss": {services}, "srt": {resources}, "se": {end}, "sv": {version},
		"sig": {base64.StdEncoding.EncodeToString(mac.Sum(nil))},
	}.Encode(), nil
}
