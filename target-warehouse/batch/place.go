package batch

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
)

// place is where a file is.
type place struct {
	shown string // the URI without credentials and parameters

	path, literal string // of a local file, and the path without percent-decoding

	scheme, bucket, key, query string // of an object
}

// locate reads the URI of a manifest.
func locate(uri string) (place, error) {
	if rest, ok := strings.CutPrefix(uri, "file:"); ok {
		return localFile(uri, rest)
	}
	scheme, rest, ok := strings.Cut(uri, "://")
	if !ok {
		return place{shown: uri, path: uri, literal: uri}, nil
	}
	address, query, _ := strings.Cut(rest, "?")
	host, key, _ := strings.Cut(address, "/")
	_, bucket, hasUser := cutLast(host, "@")
	p := place{shown: scheme + "://" + bucket + "/" + key, scheme: strings.ToLower(scheme), bucket: bucket, key: key, query: query}
	switch {
	case p.scheme != "s3" && p.scheme != "gs" && p.scheme != "azblob":
		return p, errors.New("URIs of this kind are not read; only file://, s3://, gs:// and azblob:// are")
	case hasUser:
		return p, errors.New("the URI has credentials in it, which are not used: give them by the environment and take them out of the URI")
	case bucket == "" || key == "":
		return p, fmt.Errorf("the URI does not name a bucket and an object, as %s://bucket/path does", p.scheme)
	}
	return p, nil
}

// localFile reads what stands behind file: in a URI. What is not absolute is relative to the working directory: the SDK's
// own examples have file://path/to/file.
func localFile(uri, rest string) (place, error) {
	rest = strings.TrimPrefix(rest, "//")
	if path, ok := strings.CutPrefix(rest, "localhost/"); ok {
		rest = "/" + path
	}
	p := place{shown: uri, path: rest, literal: rest}
	if decoded, err := url.PathUnescape(rest); err == nil {
		p.path = decoded
	}
	if rest == "" {
		return p, errors.New("the URI does not name a file")
	}
	return p, nil
}

// cutLast cuts s around the last sep; without one all of s is behind it.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return "", s, false
}

// openLocal opens a local file. Some taps write the path into the URI as it is, so where nothing has the decoded name,
// the literal one counts.
func (p *place) openLocal() (*os.File, error) {
	f, err := os.Open(p.path)
	if errors.Is(err, fs.ErrNotExist) && p.literal != p.path {
		if literal, again := os.Open(p.literal); again == nil {
			p.path, f, err = p.literal, literal, nil
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("there is no such file; the tap and the target must see the same files, and they must stay until they are loaded")
	}
	if err != nil {
		return nil, withoutPath(err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = errors.New("it is a directory; a manifest lists files")
	}
	if err != nil {
		return nil, errors.Join(withoutPath(err), f.Close())
	}
	return f, nil
}
