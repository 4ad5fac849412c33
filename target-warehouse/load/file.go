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
	if f.open == nil {
		var err error
		if f.open, err = batch.Open(ctx, uri, f.message.Format, f.message.Compression); err != nil {
			return unreadable(f.message.Stream, err)
		}
		if next.whole = s.wholeFile(f); next.whole != nil {
			s.ordinal += next.whole.Rows
			f.open = nil
			f.read++
			return nil
		}
	}
	lines, err := f.open.ReadLines(next.buffer[:0:stepSize])
	if len(lines.Text) > 0 {
		r := f.run(s.ordinal + 1)
		r.Records, r.line = lines.Text, lines.Line
		next.add(r)
		s.ordinal += int64(lines.Count)
	}
	if errors.Is(err, io.EOF) {
		next.used, f.open = f.open, nil
		f.read++
		return next.used.Close()
	}
	if err != nil {
		return unreadable(f.message.Stream, err)
	}
	return nil
}

// run is that of records of the open file, without their text.
func (f *files) run(first int64) run {
	return run{first: first, stream: f.message.Stream, version: f.message.Version, hasVersion: f.message.HasVersion, file: f.open}
}

func unreadable(stream string, err error) error {
	return &singer.RecordError{Stream: stream, Err: fmt.Errorf("reading a file of its BATCH message: %w", err)}
}

// closeFile closes a file whose reading was given up.
func (s *splitter) closeFile() {
	if s.files != nil && s.files.open != nil {
		s.files.open.Close()
	}
}
