// Package bucket opens buckets of S3, Google Cloud Storage and Azure, and puts into words what their clients say.
package bucket

import (
	"context"
	"errors"
	"net/url"
	"os"
	"strconv"
	"strings"

	"cloud.google.com/go/storage"
	"gocloud.dev/blob"
	_ "gocloud.dev/blob/azureblob" // azblob://
	"gocloud.dev/blob/gcsblob"
	_ "gocloud.dev/blob/s3blob" // s3://
	"gocloud.dev/gcp"

	"tapline/singer"
)

// Has tells whether a URL's scheme is that of a bucket: s3, gs or azblob.
func Has(scheme string) bool { return scheme == "s3" || scheme == "gs" || scheme == "azblob" }

// Open opens the bucket that the scheme, host and query of a URL name; its path is not heeded. Credentials come from the
// environment. Failures are as [Explain] has them; a bucket that is not there shows when it is used.
func Open(ctx context.Context, u *url.URL) (*blob.Bucket, error) {
	place := url.URL{Scheme: u.Scheme, Host: u.Host, RawQuery: u.RawQuery}
	open := blob.OpenBucket
	switch query := u.Query(); {
	case u.Scheme == "gs":
		open = openGoogle
	case u.Scheme == "s3" && query.Has("endpoint"):
		// What is not Amazon's own has buckets in the path, and no regions.
		for _, d := range [][2]string{{"use_path_style", "true"}, {"region", "us-east-1"}} {
			if !query.Has(d[0]) {
				query.Set(d[0], d[1])
			}
		}
		place.RawQuery = query.Encode()
	}
	b, err := open(ctx, place.String())
	if err != nil {
		explained := Explain(err, "to open it")
		if query := place.RawQuery; query != "" && strings.Contains(explained.Error(), query) { // which may hold a token
			return nil, errors.New(strings.ReplaceAll(explained.Error(), "?"+query, ""))
		}
		return nil, explained
	}
	return b, nil
}

// attempts is how often Google is asked before a request has failed: for up to 15 seconds. Its client would ask for ever.
// What changes something is asked for once, but an upload that may only create its object is repeated for as long as its
// context lasts: the client heeds no limit there.
const attempts = 5

// openGoogle is blob.OpenBucket for gs://, which would write to stdout that there are no credentials, and go on without.
// Stdout is for states, and a bucket that anybody may use and an emulator need none.
func openGoogle(ctx context.Context, bucketURL string) (*blob.Bucket, error) {
	u, err := url.Parse(bucketURL)
	if err != nil {
		return nil, err
	}
	var b *blob.Bucket
	anonymous, _ := strconv.ParseBool(u.Query().Get("anonymous")) // what is neither is refused below
	if anonymous || u.Query().Get("access_id") == "-" || os.Getenv("STORAGE_EMULATOR_HOST") != "" {
		opener := gcsblob.URLOpener{Client: gcp.NewAnonymousHTTPClient(gcp.DefaultTransport())}
		b, err = opener.OpenBucketURL(ctx, u)
	} else if _, err = gcp.DefaultCredentials(ctx); err == nil {
		b, err = blob.OpenBucket(ctx, bucketURL)
	} else if os.Getenv("GOOGLE_APPLICATION_CREDENTIALS") != "" {
		return nil, &failure{kind: singer.ErrCredentials, meaning: "there are no credentials in the file that GOOGLE_APPLICATION_CREDENTIALS names; " +
			"check that it is there and is a key of Google's, in JSON"}
	} else {
		return nil, &failure{kind: singer.ErrCredentials, meaning: noCredentials}
	}
	if err != nil {
		return nil, err
	}
	var client *storage.Client
	if !b.As(&client) {
		return nil, errors.New("the driver of gs:// has no client of Google's")
	}
	client.SetRetry(storage.WithMaxAttempts(attempts))
	return b, nil
}
