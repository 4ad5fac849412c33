package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"

	"tapline/target-warehouse/bucket"
)

// openStore opens the place that a URL or a path names. With make, a directory that is missing is made.
func openStore(ctx context.Context, place string, make bool) (*store, error) {
	if !strings.Contains(place, "://") {
		return openDirectory(place, make)
	}
	u, err := url.Parse(place)
	if err != nil {
		return nil, fmt.Errorf("the URL of the files is not valid: %w; write %% in it as %%25", errors.Unwrap(err))
	}
	// What stands behind such a character would be left out, and the files be somewhere else.
	if strings.Contains(place, "#") {
		return nil, fmt.Errorf("the URL of %s has a # in it; write it as %%23", withoutSecrets(u))
	}
	switch u.Scheme {
	case "file":
		if strings.Contains(place, "?") {
			return nil, fmt.Errorf("the URL of %s has a ? in it; write it as %%3F", withoutSecrets(u))
		}
		if u.Host != "" || u.Path == "" {
			return nil, fmt.Errorf("%s names no directory of this machine; write it with three slashes, such as file:///data/warehouse", withoutSecrets(u))
		}
		return openDirectory(filepath.FromSlash(u.Path), make)
	case "s3", "gs", "azblob":
		return openBucket(ctx, u)
	}
	return nil, fmt.Errorf("%s begins with %s://, which is unknown; use a directory, s3://, gs:// or azblob://", withoutSecrets(u), u.Scheme)
}

func openDirectory(dir string, make bool) (*store, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find %q: %w", dir, err)
	}
	s := &store{dir: absolute, place: absolute, step: func(string) {}, flush: syncFile, durable: map[string]bool{}}
	if make {
		err := os.Mkdir(absolute, 0o777)
		if err == nil {
			err = s.flush(filepath.Dir(absolute))
			if errors.Is(err, fs.ErrPermission) { // folders can be made in one that cannot be read
				err = nil
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there is no directory %s to make the warehouse's in; create it first", filepath.Dir(absolute))
		} else if err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, s.explain("open", "", err)
		}
	}
	info, err := os.Stat(absolute)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no directory %s; check the path, or load something into it first", absolute)
	}
	if err != nil {
		return nil, s.explain("open", "", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is a file; give the path of a directory", absolute)
	}
	s.bucket, err = fileblob.OpenBucket(absolute, &fileblob.Options{NoTempDir: true, Metadata: fileblob.MetadataDontWrite})
	return s, s.explain("open", "", err)
}

func openBucket(ctx context.Context, u *url.URL) (*store, error) {
	if u.User != nil {
		return nil, fmt.Errorf("the URL of %s holds credentials; take them out and set them in the environment, as the store's own tools have it", withoutSecrets(u))
	}
	if u.Host == "" {
		return nil, fmt.Errorf("%s:// is not followed by a bucket; write it such as %s://bucket/prefix", u.Scheme, u.Scheme)
	}
	s := &store{place: withoutSecrets(u), step: func(string) {}}
	opened, err := bucket.Open(ctx, u)
	if err != nil {
		return nil, s.explain("open", "", err)
	}
	if prefix := strings.Trim(u.Path, "/"); prefix != "" {
		opened = blob.PrefixedBucket(opened, prefix+"/")
	}
	s.bucket = opened
	return s, nil
}

// withoutSecrets is the part of a URL that may be shown.
func withoutSecrets(u *url.URL) string { return u.Scheme + "://" + u.Host + u.Path }

// explain words a failure to do something to an object: "" for the store itself. It is nil for nil.
func (s *store) explain(verb, key string, err error) error {
	if err == nil {
		return nil
	}
	what := verb + " " + s.place
	if key != "" {
		what = verb + " " + key + " in " + s.place
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: %w", what, err)
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%s: the disk is full; make room and run again: %w", what, syscall.ENOSPC)
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%s: the file system is mounted for reading only; choose another directory: %w", what, syscall.EROFS)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: this user may not; give it the permission to read and write there: %w", what, fs.ErrPermission)
	}
	return fmt.Errorf("%s: %w", what, bucket.Explain(err, "to list, read, write and delete there"))
}
