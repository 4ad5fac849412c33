package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"tapline/singer"
	"tapline/target-warehouse/bucket"
)

// store is the directory or bucket below which everything lies. Keys have slashes between their parts.
type store struct {
	bucket *blob.Bucket
	dir    string // of a local directory; "" for a bucket
	place  string // for messages
	// step is told what is about to be changed, before it is. Tests stop a process there.
	step  func(what string)
	flush func(path string) error // makes a file or folder durable
	// durable has the folders whose own names are on disk.
	durable map[string]bool
}

// upload is an object that is being written. Nobody sees it before close has returned.
type upload struct {
	s      *store
	key    string
	w      io.WriteCloser
	cancel context.CancelFunc
}

// create begins to write an object. One with the same key is replaced.
func (s *store) create(ctx context.Context, key string) (*upload, error) {
	s.step("create " + key)
	ctx, cancel := context.WithCancel(ctx)
	if s.dir == "" {
		return &upload{s, key, s.send(ctx, key), cancel}, nil
	}
	w, err := s.bucket.NewWriter(ctx, key, uploadOptions())
	if err != nil {
		cancel()
		return nil, s.explain("write", key, err)
	}
	return &upload{s, key, w, cancel}, nil
}

// sender uploads to a bucket what is written into its pipe.
type sender struct {
	*io.PipeWriter
	sent chan error
}

// send begins an upload. It goes by Upload, as what NewWriter returns panics for Azure where an upload fails in Close.
func (s *store) send(ctx context.Context, key string) *sender {
	r, w := io.Pipe()
	sent := make(chan error, 1)
	go func() {
		defer close(sent)
		err := s.bucket.Upload(ctx, key, r, uploadOptions())
		_ = r.CloseWithError(err) // it never fails
		sent <- err
	}()
	return &sender{w, sent}
}

// Close implements [io.Closer]. The object is there once it has returned nil.
func (s *sender) Close() error {
	_ = s.PipeWriter.Close() // it never fails
	return <-s.sent
}

// uploadOptions bound the memory of an upload: a part is sent while the next one fills.
func uploadOptions() *blob.WriterOptions {
	return &blob.WriterOptions{BufferSize: 8 << 20, MaxConcurrency: 2, ContentType: "application/octet-stream", DisableContentTypeDetection: true}
}

func (u *upload) Write(p []byte) (int, error) {
	n, err := u.w.Write(p)
	if err != nil {
		err = u.s.explain("write", u.key, err)
	}
	return n, err
}

// close makes the object what was written. In a directory it is durable once its folder is (see syncFolders).
func (u *upload) close() error {
	defer u.cancel()
	u.s.step("finish " + u.key)
	if err := u.w.Close(); err != nil {
		return u.s.explain("write", u.key, err)
	}
	if u.s.dir == "" {
		return nil
	}
	return u.s.explain("write", u.key, u.s.flush(u.s.path(u.key)))
}

// abort forgets what was written.
func (u *upload) abort() {
	u.cancel()
	_ = u.w.Close() // it fails, being cancelled
}

// put writes a whole object.
func (s *store) put(ctx context.Context, key string, body []byte) error {
	u, err := s.create(ctx, key)
	if err != nil {
		return err
	}
	if _, err := u.Write(body); err != nil {
		u.abort()
		return err
	}
	return u.close()
}

// replace writes a whole object, drafted under another key first if what a kill leaves of it would lie beside it. It need
// not be durable.
func (s *store) replace(ctx context.Context, key, draft string, body []byte) error {
	if s.dir == "" {
		return s.put(ctx, key, body)
	}
	if err := s.put(ctx, draft, body); err != nil {
		return err
	}
	return s.move(ctx, draft, key)
}

// patience is how long the store may take for a small object that it is to create, with all repetitions. One that takes a
// request and never answers would hold up the run for ever.
const patience = 2 * time.Minute

// pause is how long a store is left alone that is about to create the object for somebody else.
const pause = 200 * time.Millisecond

// createNew writes a whole object unless there is one with its key; of several that try at once, one succeeds. In a
// directory the object is drafted under another key first.
func (s *store) createNew(ctx context.Context, key, draft string, body []byte) (created bool, err error) {
	if s.dir != "" {
		return s.linkNew(ctx, key, draft, body)
	}
	s.step("create new " + key)
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	options := uploadOptions()
	options.IfNotExist = true
	for {
		err = s.bucket.Upload(limited, key, bytes.NewReader(body), options)
		if !bucket.IsBusy(err) {
			break
		}
		select { // another one creates it at this moment, and may fail
		case <-limited.Done():
		case <-time.After(pause):
		}
	}
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return false, fmt.Errorf("write %s in %s: %w: the store has not taken it within %s; check the network, and run again", key, s.place, singer.ErrUnavailable, patience)
	}
	if code := gcerrors.Code(err); code == gcerrors.FailedPrecondition || code == gcerrors.AlreadyExists {
		return false, nil
	}
	return err == nil, s.explain("write", key, err)
}

// exclusive fails unless the store refuses to create an object that is there already. Some that speak S3's protocol do not
// heed that condition, and of two commits at once the second one would take the place of the first.
func (s *store) exclusive(ctx context.Context, key string) error {
	if s.dir != "" {
		return nil
	}
	for range 2 {
		created, err := s.createNew(ctx, key, "", []byte("a probe"))
		if err != nil {
			return err
		}
		if !created {
			return nil
		}
	}
	return fmt.Errorf("write %s in %s: the store replaces an object that was to be created only if there is none (If-None-Match: *), so runs would destroy each other's commits; use a store, or a version of it, that has conditional writes", key, s.place)
}

// linkNew is createNew in a directory: a link to a finished file is made whole, or fails.
func (s *store) linkNew(ctx context.Context, key, draft string, body []byte) (created bool, err error) {
	if err := s.put(ctx, draft, body); err != nil {
		return false, err
	}
	defer os.Remove(s.path(draft))
	if err := os.MkdirAll(filepath.Dir(s.path(key)), 0o777); err != nil {
		return false, s.explain("write", key, err)
	}
	s.step("create new " + key)
	err = os.Link(s.path(draft), s.path(key))
	// Another run may have made the file, or have committed and deleted the draft as one of an earlier run.
	if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, s.explain("write", key, explainLink(err))
	}
	return true, s.syncFolders(key)
}

// explainLink says what it means that a link to a file of our own cannot be made.
func explainLink(err error) error {
	for _, no := range []error{syscall.EPERM, syscall.ENOTSUP, syscall.EOPNOTSUPP, syscall.ENOSYS} {
		if errors.Is(err, no) {
			return fmt.Errorf("the file system has no hard links, which commits are made with; choose a directory on another one, or a bucket (%v)", no)
		}
	}
	return err
}

// read reads a whole object; none is a failure that is [fs.ErrNotExist].
func (s *store) read(ctx context.Context, key string) ([]byte, error) {
	body, err := s.bucket.ReadAll(ctx, key)
	if bucket.IsMissing(err) {
		return nil, fmt.Errorf("read %s in %s: %w", key, s.place, fs.ErrNotExist)
	}
	return body, s.explain("read", key, err)
}

// list returns the keys below a folder, which ends with a slash, or all of them for "", in order.
func (s *store) list(ctx context.Context, folder string) ([]string, error) {
	var keys []string
	if s.dir != "" {
		err := s.walk(folder, map[string]bool{}, func(key string) { keys = append(keys, key) })
		slices.Sort(keys)
		return keys, s.explain("list", folder, err)
	}
	for i := s.bucket.List(&blob.ListOptions{Prefix: folder}); ; {
		object, err := i.Next(ctx)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, s.explain("list", folder, err)
		}
		keys = append(keys, object.Key)
	}
	slices.Sort(keys)
	return keys, nil
}

// walk finds the files below a folder of a directory. It follows links, by which somebody may have put a table elsewhere,
// but goes into no place twice.
func (s *store) walk(folder string, seen map[string]bool, found func(key string)) error {
	place, err := filepath.EvalSymlinks(s.path(folder))
	if err == nil && !seen[place] {
		seen[place] = true
		var children []fs.DirEntry
		children, err = os.ReadDir(place)
		for _, c := range children {
			info, failure := os.Stat(filepath.Join(place, c.Name()))
			switch {
			case failure == nil && info.IsDir():
				err = errors.Join(err, s.walk(folder+c.Name()+"/", seen, found))
			case failure == nil:
				found(folder + c.Name())
			case !errors.Is(failure, fs.ErrNotExist): // it was deleted meanwhile
				err = errors.Join(err, failure)
			}
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// remove deletes an object; none is as good.
func (s *store) remove(ctx context.Context, key string) error {
	s.step("remove " + key)
	err := s.bucket.Delete(ctx, key)
	if bucket.IsMissing(err) {
		return nil
	}
	return s.explain("delete", key, err)
}

// move gives an object another key, durably once its folder is. If there is no such object the result is [fs.ErrNotExist].
func (s *store) move(ctx context.Context, from, to string) error {
	s.step("move " + from)
	if s.dir != "" {
		if err := os.MkdirAll(filepath.Dir(s.path(to)), 0o777); err != nil {
			return s.explain("write", to, err)
		}
		err := os.Rename(s.path(from), s.path(to))
		if errors.Is(err, syscall.EXDEV) {
			err = s.carry(from, to)
		}
		return s.explain("write", to, err)
	}
	err := s.bucket.Copy(ctx, to, from, nil)
	if bucket.IsMissing(err) {
		return fmt.Errorf("move %s in %s: %w", from, s.place, fs.ErrNotExist)
	}
	if err != nil {
		return s.explain("write", to, err)
	}
	return s.remove(ctx, from)
}

// carry is move where the folder is on another file system, by a link or a mount. A copy that a kill cuts off has a name
// that no glob for data finds, and the next one replaces it.
func (s *store) carry(from, to string) error {
	source, err := os.Open(s.path(from))
	if err != nil {
		return err
	}
	defer source.Close()
	draft := s.path(to) + ".part"
	target, err := os.Create(draft)
	if err != nil {
		return err
	}
	if _, err = io.Copy(target, source); err == nil {
		err = target.Sync()
	}
	if err = errors.Join(err, target.Close()); err != nil {
		return errors.Join(err, os.Remove(draft))
	}
	if err := os.Rename(draft, s.path(to)); err != nil {
		return err
	}
	return os.Remove(s.path(from))
}

// removeAll deletes everything whose key begins with the folder.
func (s *store) removeAll(ctx context.Context, folder string) error {
	if s.dir != "" {
		s.step("remove " + folder)
		return s.explain("delete", folder, os.RemoveAll(s.path(folder)))
	}
	keys, err := s.list(ctx, folder)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if err := s.remove(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

func (s *store) exists(ctx context.Context, key string) (bool, error) {
	_, err := s.bucket.Attributes(ctx, key)
	if bucket.IsMissing(err) {
		return false, nil
	}
	return err == nil, s.explain("look for", key, err)
}

func (s *store) path(key string) string { return filepath.Join(s.dir, filepath.FromSlash(key)) }

// foldsCase tells that names that differ in nothing but capitals are the same there. It knows that once there is a log.
func (s *store) foldsCase() bool {
	if s.dir == "" {
		return false
	}
	lower, err := os.Stat(s.path(logPlace))
	upper, failure := os.Stat(s.path(strings.ToUpper(logPlace)))
	return err == nil && failure == nil && os.SameFile(lower, upper)
}

// syncFolders flushes to disk the folders of a directory that files have come into, with the names of those that are new.
// A bucket needs none of this.
func (s *store) syncFolders(keys ...string) error {
	if s.dir == "" {
		return nil
	}
	flushed := map[string]bool{}
	for _, key := range keys {
		for folder := filepath.Dir(s.path(key)); strings.HasPrefix(folder, s.dir); folder = filepath.Dir(folder) {
			if !flushed[folder] {
				if err := s.flush(folder); err != nil && !errors.Is(err, fs.ErrNotExist) { // its files may have been deleted
					return s.explain("write", key, err)
				}
			}
			flushed[folder] = true
			if s.durable[folder] {
				break
			}
		}
	}
	for folder := range flushed {
		s.durable[folder] = true
	}
	return nil
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
