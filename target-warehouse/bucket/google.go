package bucket

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"cloud.google.com/go/storage"
	"gocloud.dev/blob"
	"gocloud.dev/blob/gcsblob"
	"gocloud.dev/gcp"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

	"tapline/singer"
)

// How often Google is asked before a request has failed. By itself its client would ask for ever, or once where it thinks
// that a request could do something twice.
const (
	attempts = 5 // for up to 15 seconds
	// uploads are repeated sooner: for up to 13 seconds.
	uploadAttempts = 8
)

// openGoogle is blob.OpenBucket for gs://, which would write to stdout that there are no credentials, and go on without.
// Stdout is for states, and a bucket that anybody may use and an emulator need none.
func openGoogle(ctx context.Context, bucketURL string) (*blob.Bucket, error) {
	u, err := url.Parse(bucketURL)
	if err != nil {
		return nil, err
	}
	opener, err := googleOpener(u.Query())
	if err != nil {
		return nil, err
	}
	b, err := opener.OpenBucketURL(ctx, u)
	if err != nil {
		return nil, err
	}
	var client *storage.Client
	if !b.As(&client) {
		return nil, errors.New("the driver of gs:// has no client of Google's")
	}
	client.SetRetry(storage.WithPolicy(storage.RetryAlways), storage.WithMaxAttempts(attempts), storage.WithErrorFunc(passes))
	return b, nil
}

// googleOpener opens buckets with the credentials that a URL's query and the environment lead to.
func googleOpener(query url.Values) (*gcsblob.URLOpener, error) {
	opener := &gcsblob.URLOpener{Client: gcp.NewAnonymousHTTPClient(bounded{gcp.DefaultTransport()})}
	anonymous, _ := strconv.ParseBool(query.Get("anonymous")) // what is neither is refused when it is opened
	if anonymous || query.Get("access_id") == "-" || os.Getenv("STORAGE_EMULATOR_HOST") != "" {
		// The driver would take a client of its own.
		opener.Options.ClientOptions = []option.ClientOption{option.WithHTTPClient(&opener.Client.Client)}
		return opener, nil
	}
	found, err := findAccess()
	switch {
	case err != nil && os.Getenv("GOOGLE_APPLICATION_CREDENTIALS") != "":
		return nil, &failure{kind: singer.ErrCredentials, meaning: "there are no credentials in the file that GOOGLE_APPLICATION_CREDENTIALS names; " +
			"check that it is there and is a key of Google's, in JSON"}
	case err != nil:
		return nil, &failure{kind: singer.ErrCredentials, meaning: noCredentials}
	}
	opener.TokenSource = found.tokens
	if opener.Client, err = gcp.NewHTTPClient(bounded{gcp.DefaultTransport()}, found.tokens); err != nil {
		return nil, err
	}
	if domain := cmp.Or(query.Get("universe_domain"), found.domain); domain != "" {
		opener.Options.ClientOptions = []option.ClientOption{option.WithUniverseDomain(domain)}
	}
	return opener, nil
}

// access is what the process has credentials for.
type access struct {
	tokens gcp.TokenSource
	domain string // in which the credentials hold; "" for Google's own
}

// findAccess looks for credentials once, so that all buckets of the process share their tokens.
var findAccess = sync.OnceValues(func() (access, error) {
	found, err := gcp.DefaultCredentials(context.Background())
	if err != nil {
		return access{}, err
	}
	domain, _ := found.GetUniverseDomain() // where nobody tells, it is Google's own
	return access{gcp.CredentialsTokenSource(found), domain}, nil
})

// bounded ends the repetition of uploads, for which Google's client heeds no limit but the context's end.
type bounded struct{ http.RoundTripper }

// last is the failure of an upload that is not to be repeated any more.
type last struct{ error }

// Unwrap returns the failure itself.
func (l last) Unwrap() error { return l.error }

// passes tells that a request is to be repeated.
func passes(err error) bool { return !errors.As(err, new(last)) && storage.ShouldRetry(err) }

// attemptPattern finds how often the client has sent a request.
var attemptPattern = regexp.MustCompile(`gccl-attempt-count/(\d+)`)

// RoundTrip implements [http.RoundTripper].
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.RoundTripper.RoundTrip(r)
	count := attemptPattern.FindStringSubmatch(r.Header.Get("X-Goog-Api-Client"))
	if count == nil || !strings.HasPrefix(r.URL.Path, "/upload/") {
		return answer, err
	}
	if n, _ := strconv.Atoi(count[1]); n < uploadAttempts { // what is no number is no limit
		return answer, err
	}
	if err == nil {
		if !storage.ShouldRetry(&googleapi.Error{Code: answer.StatusCode}) {
			return answer, nil
		}
		err = googleapi.CheckResponse(answer)
		_ = answer.Body.Close() // it was read
	}
	return nil, last{err}
}
