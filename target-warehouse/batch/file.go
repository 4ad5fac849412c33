package batch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// File is an open file of a BATCH message. It serves one goroutine.
type File struct {
	place place
	rows  rows
	unit  string // what a row is called
	fail  error  // what every further ReadLines returns
}

// rows gives the rows of a file as lines. A failure in the middle comes in a call of its own, behind the lines before it.
type rows interface {
	readLines(buf []byte) (Lines, error)
	Close() error
}

// Lines is a run of records in the order of the file.
type Lines struct {
	Text  []byte // whole lines, each ended by a newline; blank ones may be among them
	Count int    // of the lines that are not blank, at least 1
	Line  int64  // number of the first line, from 1; of a parquet file it is the row's
}

// Error says which file of a BATCH message could not be read, where and why.
type Error struct {
	File string // its URI without credentials and parameters
	Unit string // what Line counts: "line" or "row"
	Line int64  // from 1; 0 when the file as a whole is at fault
	Err  error
}

// Error names the file, the line or row if one is at fault, and the reason.
func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %v", e.File, e.Err)
	}
	return fmt.Sprintf("%s, %s %d: %v", e.File, e.Unit, e.Line, e.Err)
}

// Unwrap returns the reason alone.
func (e *Error) Unwrap() error { return e.Err }

// Open opens the file at a URI of a manifest: file://, s3://, gs:// or azblob://, or a plain path. The format is jsonl or
// parquet, the compression none, gzip or zstd; "" leaves it to the file's first bytes. ctx holds until the file is
// closed. Failures, here and later, are of type [*Error]; they wrap [singer.ErrCredentials] and [singer.ErrUnavailable]
// where these apply.
func Open(ctx context.Context, uri, format, compression string) (*File, error) {
	f := &File{unit: "line"}
	var err error
	if f.place, err = locate(uri); err == nil {
		err = f.open(ctx, strings.ToLower(format), strings.ToLower(compression))
	}
	if err != nil {
		return nil, f.At(0, err)
	}
	return f, nil
}

func (f *File) open(ctx context.Context, format, compression string) (err error) {
	switch format {
	case "jsonl":
		f.rows, err = openJSONL(ctx, &f.place, compression)
	case "parquet":
		f.unit = "row"
		f.rows, err = openParquet(ctx, &f.place)
	default:
		err = fmt.Errorf("files of the format %q are not read; let the tap write jsonl or parquet", format)
	}
	return err
}

// Name is the file's URI without credentials and parameters, for messages.
func (f *File) Name() string { return f.place.shown }

// At places a failure in the file: in a line that ReadLines gave, or in the whole file if line is 0.
func (f *File) At(line int64, err error) error {
	return &Error{File: f.place.shown, Unit: f.unit, Line: line, Err: err}
}

// ReadLines returns the next records, of up to cap(buf) bytes or one longer line; behind the last it returns io.EOF. The
// text is built in the storage of buf if it fits and is the caller's. Every line that is not blank begins with the brace
// of an object; whether it is sound JSON shows when it is decoded. After a failure every further call returns it again.
func (f *File) ReadLines(buf []byte) (Lines, error) {
	if f.fail != nil {
		return Lines{}, f.fail
	}
	lines, err := f.rows.readLines(buf)
	if located := (*Error)(nil); errors.As(err, &located) {
		located.File, located.Unit = f.place.shown, f.unit
	} else if err != nil && !errors.Is(err, io.EOF) {
		err = f.At(0, err)
	}
	f.fail = err
	return lines, err
}

// Whole is a local Parquet file as a whole.
type Whole struct {
	Path  string // absolute
	Rows  int64
	Bytes int64
}

// Whole describes the file if it is a local one of Parquet.
func (f *File) Whole() (w Whole, ok bool) {
	r, parquet := f.rows.(*parquetRows)
	if !parquet || f.place.path == "" {
		return w, false
	}
	path, err := filepath.Abs(f.place.path)
	if err != nil {
		return w, false
	}
	info, err := os.Stat(path)
	if err != nil {
		return w, false
	}
	return Whole{path, r.reader.NumRows(), info.Size()}, true
}

// Close ends the reading and frees what it took, but for Name, At and Remove. It is called once.
func (f *File) Close() error {
	err := f.rows.Close()
	f.rows, f.fail = nil, fs.ErrClosed
	if err != nil {
		return f.At(0, fmt.Errorf("close it: %w", err))
	}
	return nil
}

// Remove deletes a local file; objects of a store stay. It is for a file that has been closed and whose rows are durable.
// That the file is gone already is no failure.
func (f *File) Remove() error {
	if f.place.path == "" {
		return nil
	}
	if err := os.Remove(f.place.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return f.At(0, fmt.Errorf("delete it after its rows were loaded: %w", withoutPath(err)))
	}
	return nil
}

// withoutPath takes the path out of the error of a file operation where it is said anyway.
func withoutPath(err error) error {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}
