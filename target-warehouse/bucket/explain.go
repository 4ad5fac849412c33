package bucket

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"strings"

	"gocloud.dev/gcerrors"

	"tapline/singer"
)

// failure is a client's failure in our words.
type failure struct {
	part    string // of the client's message, by which it is known
	kind    error  // [singer.ErrCredentials], [singer.ErrUnavailable] or nil
	meaning string
	cause   error
}

// Error implements error.
func (f *failure) Error() string { return f.meaning }

// Unwrap returns what is wrapped, for [errors.Is].
func (f *failure) Unwrap() (wrapped []error) {
	for _, err := range []error{f.kind, f.cause} {
		if err != nil {
			wrapped = append(wrapped, err)
		}
	}
	return wrapped
}

const (
	noBucket      = "there is no such bucket; create it, or correct the URL"
	noCredentials = "there are no credentials for it; set them in the environment, as the store's own tools have it"
	otherRegion   = "the bucket is in another region; set AWS_REGION or put ?region= behind the URL"
	full          = "the store is full, or the quota used up; make room, and run again"
	noRegion      = "the region is missing; set AWS_REGION or put ?region= behind the URL"
)

var failures = []failure{
	{part: "NoSuchBucket", meaning: noBucket},
	{part: "bucket doesn't exist", meaning: noBucket},
	{part: "specified bucket does not exist", meaning: noBucket},
	{part: "ContainerNotFound", meaning: "there is no such container; create it, or correct the URL"},
	{part: "InvalidAccessKeyId", kind: singer.ErrCredentials, meaning: "the store does not know the access key; check the credentials in the environment"},
	{part: "SignatureDoesNotMatch", kind: singer.ErrCredentials, meaning: "the store does not accept the secret key; check the credentials in the environment"},
	{part: "ExpiredToken", kind: singer.ErrCredentials, meaning: "the credentials in the environment have expired; get new ones"},
	{part: "InvalidToken", kind: singer.ErrCredentials, meaning: "the store does not know the session token; check the credentials in the environment"},
	{part: "RequestTimeTooSkewed", meaning: "the store's time differs from this machine's; set its clock right"},
	{part: "PermanentRedirect", meaning: otherRegion},
	{part: "is wrong; expecting '", meaning: otherRegion},
	{part: "InsufficientStorage", meaning: full},
	{part: "XMinioStorageFull", meaning: full},
	{part: "QuotaExceeded", meaning: full},
	{part: "NotImplemented", meaning: "the store lacks something of Amazon's; put ?request_checksum_calculation=when_required behind the URL, and if that does not help, " +
		"use a store that has conditional writes"},
	{part: "Server failed to authenticate the request", kind: singer.ErrCredentials, meaning: "the store does not accept the account's key or its token; check the credentials in the environment, and the machine's clock"},
	{part: "decode account key", kind: singer.ErrCredentials, meaning: "the account's key is not base64; copy it again into AZURE_STORAGE_KEY or AZURE_STORAGE_CONNECTION_STRING"},
	{part: "cannot fetch token: 40", kind: singer.ErrCredentials, meaning: "Google does not accept the credentials; make a new key, and set GOOGLE_APPLICATION_CREDENTIALS to its file"},
	{part: "private key should be", kind: singer.ErrCredentials, meaning: "the private key of the credentials is damaged; make a new key, and set GOOGLE_APPLICATION_CREDENTIALS to its file"},
	{part: "googleapi: Error 401", kind: singer.ErrCredentials, meaning: "the store does not accept the credentials; check those in the environment"},
	{part: `"http://http`, meaning: "there is no such emulator; write STORAGE_EMULATOR_HOST without http://, such as 127.0.0.1:4443"},
	{part: "no EC2 IMDS role found", kind: singer.ErrCredentials, meaning: noCredentials},
	{part: "failed to refresh cached credentials", kind: singer.ErrCredentials, meaning: noCredentials},
	{part: "DefaultAzureCredential", kind: singer.ErrCredentials, meaning: noCredentials},
	{part: "AccountName is required", meaning: "the storage account is missing; set AZURE_STORAGE_ACCOUNT or put ?storage_account= behind the URL"},
	{part: "Invalid region", meaning: noRegion},
	{part: "MissingRegion", meaning: noRegion},
}

// Explain says what a client's failure means and what to do, on one line and without a secret. What it returns wraps err,
// and [singer.ErrCredentials] or [singer.ErrUnavailable] where that is the cause. A context that has ended stays as it is,
// and nil is nil. right is what the credentials are to be allowed, such as "to read it".
func Explain(err error, right string) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var known *failure
	if errors.As(err, &known) {
		return err
	}
	f := failure{meaning: reason(err), cause: err}
	for _, row := range failures {
		if strings.Contains(err.Error(), row.part) {
			f.kind, f.meaning = row.kind, row.meaning
			return &f
		}
	}
	switch {
	case IsDenied(err):
		f.kind, f.meaning = singer.ErrCredentials, "the store denies it; give these credentials the right "+right
	case downPattern.MatchString(err.Error()):
		f.kind, f.meaning = singer.ErrUnavailable, "the store cannot answer now; run again later: "+f.meaning
	case strings.Contains(err.Error(), "dial tcp"):
		f.kind, f.meaning = singer.ErrUnavailable, "the store cannot be reached; check the network and the address: "+f.meaning
	}
	return &f
}

// IsDenied tells that the store does not let these credentials do it. Google's driver calls that NotFound.
func IsDenied(err error) bool {
	return err != nil && (gcerrors.Code(err) == gcerrors.PermissionDenied || deniedPattern.MatchString(err.Error()))
}

var (
	deniedPattern = regexp.MustCompile(`googleapi: (Error|got HTTP response code) 403|(?m)^RESPONSE 403`)
	downPattern   = regexp.MustCompile(`googleapi: (Error|got HTTP response code) 5\d\d|(?m)^RESPONSE 5\d\d|https response error StatusCode: 5\d\d`)
)

// IsBusy tells that the store was about to change the object for somebody else, and did nothing: it is to be asked again.
func IsBusy(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "ConditionalRequestConflict") || strings.Contains(err.Error(), "OperationAborted"))
}

// IsMissing tells that there is no such object.
func IsMissing(err error) bool { return gcerrors.Code(err) == gcerrors.NotFound && !IsDenied(err) }

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
