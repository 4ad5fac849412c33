package load

import (
	"context"
	"errors"
	"fmt"
	"io"

	"tapline/singer"
	"tapline/target-warehouse/batch"
)

// files are those of a BATCH message that are not read yet.
type files struct {
	message *singer.Batch
	read    int         // of the manifest's files, those that are done
	open    *batch.File // nil between files
}

// readFile fills a step with lines of the BATCH message's files. Behind the last file, the input goes on.
func (s *splitter) readFile(ctx context.Context, next *step) error {
	f := s.files
	if f.read == len(f.message.Manifest) {
		s.files = nil
		return nil
	}
	uri := f.message.Manifest[f.read]
	fail := func(err error) error {
		return &singer.RecordError{Stream: f.message.Stream, Err: fmt.Errorf("reading a file of its BATCH message: %w", err)}
	}
	if f.open == nil {
		var err error
		if f.open, err = batch.Open(ctx, uri, f.message.Format, f.message.Compression); err != nil {
			return fail(err)
		}
	}
	lines, err := f.open.ReadLines((*next.buffer)[:0:stepSize])
	if len(lines.Text) > 0 {
		r := run{first: s.ordinal + 1, stream: f.message.Stream, version: f.message.Version, hasVersion: f.message.HasVersion, file: f.open, line: lines.Line}
		r.Records = lines.Text
		next.add(r)
		s.ordinal += int64(lines.Count)
	}
	if errors.Is(err, io.EOF) {
		next.used, f.open = f.open, nil
		f.read++
		return next.used.Close()
	}
	if err != nil {
		return fail(err)
	}
	return nil
}

// closeFile closes a file whose reading was given up.
func (s *splitter) closeFile() {
	if s.files != nil && s.files.open != nil {
		s.files.open.Close()
	}
}
