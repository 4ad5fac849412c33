// Package bucket opens buckets of S3, Google Cloud Storage and Azure, and puts into words what their clients say.
package bucket

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/azureblob" // azblob://
)

// Has tells whether a URL's scheme is that of a bucket: s3, gs or azblob.
func Has(scheme string) bool { return scheme == "s3" || scheme == "gs" || scheme == "azblob" }

// Open opens the bucket that the scheme, host and query of a URL name; its path is not heeded. Credentials come from the
// environment. Failures are as [Explain] has them; a bucket that is not there shows when it is used.
//
// A request that the store cannot take at the moment is repeated a few times. So it may have been taken twice: who deletes
// may be told that there is no such object, and who creates one that there is one already.
func Open(ctx context.Context, u *url.URL) (*blob.Bucket, error) {
	place := url.URL{Scheme: u.Scheme, Host: u.Host, RawQuery: u.RawQuery}
	open := blob.OpenBucket
	switch query := u.Query(); {
	case u.Scheme == "gs":
		open = openGoogle
	case u.Scheme == "s3":
		open = openAmazon
		if !query.Has("endpoint") {
			break
		}
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
