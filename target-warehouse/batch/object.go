package batch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"
	_ "gocloud.dev/blob/azureblob" // azblob://
	_ "gocloud.dev/blob/gcsblob"   // gs://
	_ "gocloud.dev/blob/s3blob"    // s3://
	"gocloud.dev/gcerrors"

	"tapline/singer"
)

// object streams an object of a store. A connection that breaks is taken up again where it broke.
type object struct {
	ctx    context.Context
	place  *place
	bucket *blob.Bucket
	reader *blob.Reader
	at     int64 // bytes read
	failed int   // attempts since a byte was read
	pause  time.Duration
}

// attempts is how often in a row reading may break off.
const attempts = 4

func (p *place) openObject(ctx context.Context) (*object, error) {
	url := p.scheme + "://" + p.bucket
	if p.query != "" {
		url += "?" + p.query
	}
	bucket, err := blob.OpenBucket(ctx, url)
	if err != nil {
		return nil, p.explain(err)
	}
	reader, err := bucket.NewReader(ctx, p.key, quiet)
	if err != nil {
		return nil, errors.Join(p.explain(err), bucket.Close())
	}
	return &object{ctx: ctx, place: p, bucket: bucket, reader: reader, pause: time.Second}, nil
}

// quiet keeps S3's client from writing a line of its own to stderr for every object that was stored without a checksum.
var quiet = &blob.ReaderOptions{BeforeRead: func(as func(any) bool) error {
	var options *[]func(*s3.Options)
	if as(&options) {
		*options = append(*options, func(o *s3.Options) { o.DisableLogOutputChecksumValidationSkipped = true })
	}
	return nil
}}

// Read implements io.Reader.
func (o *object) Read(p []byte) (int, error) {
	for {
		n, err := o.reader.Read(p)
		o.at += int64(n)
		if n > 0 {
			o.failed = 0
			return n, nil // a failure comes again
		}
		if err == nil || errors.Is(err, io.EOF) {
			return 0, err
		}
		if o.failed++; o.failed == attempts || o.ctx.Err() != nil {
			return 0, o.place.explain(err)
		}
		if err := o.resume(); err != nil {
			return 0, err
		}
	}
}

// resume opens the object again behind what was read, after a pause.
func (o *object) resume() error {
	select {
	case <-time.After(o.pause << (o.failed - 1)):
	case <-o.ctx.Done():
		return o.ctx.Err()
	}
	again, err := o.bucket.NewRangeReader(o.ctx, o.place.key, o.at, -1, quiet)
	if err != nil {
		return nil // the old reader fails again, which counts
	}
	if again.Size() != o.reader.Size() || !again.ModTime().Equal(o.reader.ModTime()) {
		return errors.Join(errors.New("the object was changed while it was read; run again when nobody writes it"), again.Close())
	}
	_ = o.reader.Close() // it has failed
	o.reader = again
	return nil
}

// Close implements io.Closer.
func (o *object) Close() error { return errors.Join(o.reader.Close(), o.bucket.Close()) }

// download brings an object into a temporary file, which is gone once it is closed.
func (p *place) download(ctx context.Context) (_ *temporary, err error) {
	from, err := p.openObject(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	to, err := os.CreateTemp("", "tapline-batch-")
	if err != nil {
		return nil, fmt.Errorf("make a temporary file for the object: %w", err)
	}
	// Where an open file can be removed, nothing is left of it even if this process is killed.
	_ = os.Remove(to.Name())
	file := &temporary{to}
	if _, err := io.Copy(to, from); err != nil {
		return nil, errors.Join(fmt.Errorf("download it: %w", err), file.Close())
	}
	return file, nil
}

// temporary is a file that Close removes.
type temporary struct{ *os.File }

// Close implements io.Closer.
func (t *temporary) Close() error {
	err := t.File.Close()
	_ = os.Remove(t.Name()) // mostly it is gone already
	return err
}

// objectFailures are parts of the stores' messages and what they mean for the user.
var objectFailures = []struct {
	part    string
	kind    error
	meaning string
}{
	{"InvalidAccessKeyId", singer.ErrCredentials, "the store does not know the access key of the environment"},
	{"SignatureDoesNotMatch", singer.ErrCredentials, "the secret key of the environment does not belong to the access key"},
	{"ExpiredToken", singer.ErrCredentials, "the credentials of the environment have expired"},
	{"failed to refresh cached credentials", singer.ErrCredentials, "there are no credentials for the store in the environment"},
	{"could not find default credentials", singer.ErrCredentials, "there are no credentials for the store in the environment"},
	{"dial tcp", singer.ErrUnavailable, "the store cannot be reached"},
}

// explain puts a store's failure into words, without the URI's parameters.
func (p *place) explain(err error) error {
	text := err.Error()
	if p.query != "" {
		text = strings.ReplaceAll(text, p.query, "")
	}
	switch gcerrors.Code(err) {
	case gcerrors.NotFound:
		return errors.New("the store has no such object; objects must stay until they are loaded")
	case gcerrors.PermissionDenied:
		return fmt.Errorf("the credentials of the environment may not read the object: %w", singer.ErrCredentials)
	case gcerrors.Canceled:
		return context.Canceled
	}
	for _, f := range objectFailures {
		if strings.Contains(text, f.part) {
			return fmt.Errorf("%s: %w", f.meaning, f.kind)
		}
	}
	return errors.New(text)
}
