package batch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"tapline/target-warehouse/bucket"
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
	from, err := bucket.Open(ctx, &url.URL{Scheme: p.scheme, Host: p.bucket, RawQuery: p.query})
	if err != nil {
		return nil, p.explain(err)
	}
	reader, err := from.NewReader(ctx, p.key, quiet)
	if err != nil {
		return nil, errors.Join(p.explain(err), from.Close())
	}
	return &object{ctx: ctx, place: p, bucket: from, reader: reader, pause: time.Second}, nil
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

// explain puts a store's failure into words, without the URI's parameters.
func (p *place) explain(err error) error {
	switch {
	case bucket.IsMissing(err):
		return errors.New("the store has no such object; objects must stay until they are loaded")
	case gcerrors.Code(err) == gcerrors.Canceled:
		return context.Canceled
	}
	return bucket.Explain(err, "to read the object")
}
