package singer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// LineError says which line of a Singer stream could not be taken, and why.
type LineError struct {
	Line   int64 // number of the line, from 1
	Offset int64 // bytes of the stream before the line
	// Text is the line, without its end, if it was read whole. It is the Reader's, and stays as it is until the next call.
	Text []byte
	Err  error
}

// Error names the line, the byte at which it begins, and the reason; the line's text is not in it.
func (e *LineError) Error() string {
	return fmt.Sprintf("line %d (byte %d): %v", e.Line, e.Offset, e.Err)
}

// Unwrap returns the reason alone.
func (e *LineError) Unwrap() error { return e.Err }

// RecordError says which record of a stream could not be taken, and why. Inside a [LineError] it also has a place.
type RecordError struct {
	Stream string
	Field  string // path of the property, or "" when the record as a whole is at fault
	Err    error
}

// Error names the stream, the property if one is at fault, and the reason.
func (e *RecordError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("stream %s: %v", e.Stream, e.Err)
	}
	return fmt.Sprintf("stream %s, field %s: %v", e.Stream, e.Field, e.Err)
}

// Unwrap returns the reason alone.
func (e *RecordError) Unwrap() error { return e.Err }

// StreamError says which stream a tap could not read to its end, and why.
type StreamError struct {
	Stream string
	Err    error
}

// Error names the stream once, and the reason.
func (e *StreamError) Error() string {
	var record *RecordError
	if errors.As(e.Err, &record) { // which names the stream itself
		return e.Err.Error()
	}
	return fmt.Sprintf("stream %s: %v", e.Stream, e.Err)
}

// Unwrap returns the reason, which may decide the exit code.
func (e *StreamError) Unwrap() error { return e.Err }

// StreamErrors are those of several streams. They name all streams but tell the first's reason alone, to fit a line.
type StreamErrors []*StreamError

// Error counts and names the streams, in the order of the list, and has the first one's reason.
func (f StreamErrors) Error() string {
	names := make([]string, len(f))
	for i, one := range f {
		names[i] = one.Stream
	}
	return fmt.Sprintf("%d streams cannot be read: %s; %v", len(f), strings.Join(names, ", "), f[0])
}

// Unwrap lists the failures, each of which may decide the exit code.
func (f StreamErrors) Unwrap() []error {
	errs := make([]error, len(f))
	for i, one := range f {
		errs[i] = one
	}
	return errs
}

// JoinStreamErrors makes one failure of those that are not nil: nil, a [*StreamError] or [StreamErrors]. The list must not
// be used any more.
func JoinStreamErrors(failed []*StreamError) error {
	some := StreamErrors(slices.DeleteFunc(failed, func(e *StreamError) bool { return e == nil }))
	switch len(some) {
	case 0:
		return nil
	case 1:
		return some[0]
	}
	return some
}

// ConfigError lists everything that is wrong with a config, a catalog, a state or a command line, so that one run shows
// all of it. It ends a run with [ExitUsage].
type ConfigError struct {
	// Source names where the faults are, such as a file's path.
	Source string
	// Faults are whole sentences without a secret in them.
	Faults []string
}

// Error is one line if there is one fault, else one for the source and one for each fault.
func (e *ConfigError) Error() string {
	if len(e.Faults) == 1 {
		return e.Source + ": " + e.Faults[0]
	}
	return fmt.Sprintf("%s has %d faults:\n  - %s", e.Source, len(e.Faults), strings.Join(e.Faults, "\n  - "))
}

// Failures that decide a run's exit code. Wrap them to give the words: fmt.Errorf("...: %w", ErrCredentials).
var (
	// ErrCredentials means that the other side refused the key or withheld a permission.
	ErrCredentials = errors.New("credentials refused")
	// ErrUnavailable means that the other side could not be reached or kept failing after all retries.
	ErrUnavailable = errors.New("unavailable")
)

// The exit codes of taps and targets. A run that a signal cut short ends with 128 plus the signal's number.
const (
	ExitOK          = 0
	ExitFailure     = 1
	ExitUsage       = 2
	ExitCredentials = 3
	ExitUnavailable = 4
)
