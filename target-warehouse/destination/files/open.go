package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/azureblob" // azblob://
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/gcsblob"
	_ "gocloud.dev/blob/s3blob" // s3://
	"gocloud.dev/gcerrors"
	"gocloud.dev/gcp"
)

// openStore opens the place that a URL or a path names. With make, a directory that is missing is made.
func openStore(ctx context.Context, place string, make bool) (*store, error) {
	u, err := url.Parse(place)
	if err != nil || !strings.Contains(place, "://") {
		return openDirectory(place, make)
	}
	switch u.Scheme {
	case "file":
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
	s := &store{dir: absolute, place: absolute, step: func(string) {}, durable: map[string]bool{}}
	if make {
		if err := os.Mkdir(absolute, 0o777); errors.Is(err, fs.ErrNotExist) {
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
	if u.Scheme == "gs" {
		s.patience = 2 * time.Minute
	}
	bucketURL := url.URL{Scheme: u.Scheme, Host: u.Host, RawQuery: u.RawQuery}
	if query := u.Query(); u.Scheme == "s3" && query.Has("endpoint") {
		// What is not Amazon's own has buckets in the path, and no regions.
		for _, d := range [][2]string{{"use_path_style", "true"}, {"region", "us-east-1"}} {
			if !query.Has(d[0]) {
				query.Set(d[0], d[1])
			}
		}
		bucketURL.RawQuery = query.Encode()
	}
	open := blob.OpenBucket
	if u.Scheme == "gs" {
		open = openGoogle
	}
	bucket, err := open(ctx, bucketURL.String())
	if err != nil {
		return nil, s.explain("open", "", err)
	}
	if prefix := strings.Trim(u.Path, "/"); prefix != "" {
		bucket = blob.PrefixedBucket(bucket, prefix+"/")
	}
	s.bucket = bucket
	return s, nil
}

// openGoogle is blob.OpenBucket for gs://, which would write to stdout that there are no credentials, and go on without.
// Stdout is for states, and a bucket that anybody may use and an emulator need none.
func openGoogle(ctx context.Context, bucketURL string) (*blob.Bucket, error) {
	u, err := url.Parse(bucketURL)
	if err != nil {
		return nil, err
	}
	anonymous, _ := strconv.ParseBool(u.Query().Get("anonymous")) // what is neither is refused below
	if anonymous || u.Query().Get("access_id") == "-" || os.Getenv("STORAGE_EMULATOR_HOST") != "" {
		opener := gcsblob.URLOpener{Client: gcp.NewAnonymousHTTPClient(gcp.DefaultTransport())}
		return opener.OpenBucketURL(ctx, u)
	}
	if _, err := gcp.DefaultCredentials(ctx); err != nil {
		if os.Getenv("GOOGLE_APPLICATION_CREDENTIALS") != "" {
			return nil, errors.New("there are no credentials in the file that GOOGLE_APPLICATION_CREDENTIALS names; check that it is there and is a key of Google's, in JSON")
		}
		return nil, errors.New(noCredentials)
	}
	return blob.OpenBucket(ctx, bucketURL)
}

// withoutSecrets is the part of a URL that may be shown.
func withoutSecrets(u *url.URL) string { return u.Scheme + "://" + u.Host + u.Path }

// failures are what a store says, known by a part of the message, and what that means.
var failures = []struct{ part, meaning string }{
	{"NoSuchBucket", "there is no such bucket; create it, or correct the URL"},
	{"ContainerNotFound", "there is no such container; create it, or correct the URL"},
	{"bucket doesn't exist", "there is no such bucket; create it, or correct the URL"},
	{"specified bucket does not exist", "there is no such bucket; create it, or correct the URL"},
	{"InvalidAccessKeyId", "the store does not know the access key; check the credentials in the environment"},
	{"SignatureDoesNotMatch", "the store does not accept the secret key; check the credentials in the environment"},
	{"Server failed to authenticate the request", "the store does not accept the account's key or its token; check the credentials in the environment, and the machine's clock"},
	{"decode account key", "the account's key is not base64; copy it again into AZURE_STORAGE_KEY or AZURE_STORAGE_CONNECTION_STRING"},
	{"cannot fetch token: 40", "Google does not accept the credentials; make a new key, and set GOOGLE_APPLICATION_CREDENTIALS to its file"},
	{"private key should be", "the private key of the credentials is damaged; make a new key, and set GOOGLE_APPLICATION_CREDENTIALS to its file"},
	{"googleapi: Error 401", "the store does not accept the credentials; check those in the environment"},
	{`"http://http`, "there is no such emulator; write STORAGE_EMULATOR_HOST without http://, such as 127.0.0.1:4443"},
	{"no EC2 IMDS role found", noCredentials},
	{"failed to refresh cached credentials", noCredentials},
	{"DefaultAzureCredential", noCredentials},
	{"AccountName is required", "the storage account is missing; set AZURE_STORAGE_ACCOUNT or put ?storage_account= behind the URL"},
	{"Invalid region", "the region is missing; set AWS_REGION or put ?region= behind the URL"},
	{"MissingRegion", "the region is missing; set AWS_REGION or put ?region= behind the URL"},
}

const noCredentials = "there are no credentials for it; set them in the environment, as the store's own tools have it"

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
	case s.patience > 0 && errors.Is(err, context.DeadlineExceeded):
		return &storeError{fmt.Sprintf("%s: the store has not answered for %s; check the network, and run again: %s", what, s.patience, reason(err)), err}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: %w", what, err)
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%s: the disk is full; make room and run again: %w", what, syscall.ENOSPC)
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%s: the file system is mounted for reading only; choose another directory: %w", what, syscall.EROFS)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: this user may not; give it the permission to read and write there: %w", what, fs.ErrPermission)
	default:
		for _, f := range failures {
			if strings.Contains(err.Error(), f.part) {
				return &storeError{what + ": " + f.meaning, err}
			}
		}
		if isDenied(err) {
			return &storeError{what + ": the store denies it; give these credentials the right to list, read, write and delete there", err}
		}
		return &storeError{what + ": " + reason(err), err}
	}
}

// isDenied tells that the store does not let these credentials do it. Google's driver calls that NotFound.
func isDenied(err error) bool {
	code, text := gcerrors.Code(err), err.Error()
	return code == gcerrors.PermissionDenied || deniedPattern.MatchString(text)
}

var deniedPattern = regexp.MustCompile(`googleapi: (Error|got HTTP response code) 403|(?m)^RESPONSE 403`)

// isMissing tells that there is no such object.
func isMissing(err error) bool { return gcerrors.Code(err) == gcerrors.NotFound && !isDenied(err) }

// storeError is a failure in our words that still is the store's.
type storeError struct {
	message string
	cause   error
}

func (e *storeError) Error() string { return e.message }
func (e *storeError) Unwrap() error { return e.cause }

// reason is what a store has said, on one line and without URLs, which may hold a token.
func reason(err error) string {
	for failed := (*url.Error)(nil); errors.As(err, &failed); {
		err = failed.Err
	}
	text := strings.TrimSpace(driverPattern.ReplaceAllString(err.Error(), ""))
	if answer := azurePattern.FindStringSubmatch(text); answer != nil {
		text = answer[1]
	}
	line, _, _ := strings.Cut(text, "\n")
	return strings.TrimRight(line, " .:")
}

// driverPattern is what gocloud.dev puts in front of a store's message.
var driverPattern = regexp.MustCompile(`^blob (\(key ".*"\) )?\(code=\w+\): `)

// azurePattern finds what Azure has answered in its client's message of many lines.
var azurePattern = regexp.MustCompile(`(?m)^RESPONSE \d+: (.*)$`)
