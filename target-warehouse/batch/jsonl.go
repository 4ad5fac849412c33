package batch

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"tapline/internal/rawjson"
)

const (
	roomForLines = 1 << 20   // of a caller that brings no buffer
	longestLine  = 256 << 20 // as for the lines of the stream itself
	widestZstd   = 128 << 20 // bytes that a zstd file may want to look back; more is made only by zstd --ultra --long
)

// jsonl cuts text into lines.
type jsonl struct {
	packed   io.ReadCloser
	unpacked io.Reader
	free     func() // what the decompressor took; nil if nothing
	rest     []byte // from rest[at:] on it was read already, behind the lines handed out
	at       int
	line     int64 // number of the last line handed out
	fail     error // why nothing more comes from unpacked
}

func openJSONL(ctx context.Context, p *place, compression string) (*jsonl, error) {
	j := &jsonl{}
	var err error
	if p.scheme == "" {
		j.packed, err = p.openLocal()
	} else {
		j.packed, err = p.openObject(ctx)
	}
	if err != nil {
		return nil, err
	}
	if err := j.unpack(compression); err != nil {
		return nil, errors.Join(err, j.Close())
	}
	return j, nil
}

var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

// unpack chooses the decompressor. No text of JSON begins like a gzip or zstd file, so the bytes decide; what the message
// says is held against them, except that a store may have unpacked an object already.
func (j *jsonl) unpack(compression string) error {
	if compression == "none" {
		compression = ""
	}
	if compression != "" && compression != "gzip" && compression != "zstd" {
		return fmt.Errorf("files of the compression %q are not read; let the tap write none, gzip or zstd", compression)
	}
	from := &source{Reader: j.packed}
	ahead := bufio.NewReaderSize(from, 64<<10)
	magic, err := ahead.Peek(len(zstdMagic))
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch {
	case bytes.HasPrefix(magic, gzipMagic):
		z, err := gzip.NewReader(ahead)
		if err != nil {
			return from.explain(err, "gzip")
		}
		j.unpacked = &unpacker{z, from, "gzip"}
	case bytes.HasPrefix(magic, zstdMagic):
		z, err := zstd.NewReader(ahead, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(widestZstd))
		if err != nil {
			return from.explain(err, "zstd")
		}
		j.free = z.Close
		j.unpacked = &unpacker{z, from, "zstd"}
	case compression != "" && len(magic) == 0:
		return fmt.Errorf("the file is empty, which no %s file is: it was cut or never written", compression)
	case compression != "" && !bytes.HasPrefix(bytes.TrimSpace(magic), []byte("{")):
		return fmt.Errorf("the BATCH message says that it is %s, and it is neither that nor JSON", compression)
	default:
		j.unpacked = ahead
	}
	return nil
}

// source remembers why a file could not be read, which a decompressor would take for its end.
type source struct {
	io.Reader
	fail error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.fail = err
	}
	return n, err
}

// unpacker is a decompressor.
type unpacker struct {
	io.Reader
	from        *source
	compression string
}

func (u *unpacker) Read(p []byte) (int, error) {
	n, err := u.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = u.from.explain(err, u.compression)
	}
	return n, err
}

// explain puts a decompressor's failure into words.
func (s *source) explain(err error, compression string) error {
	switch {
	case s.fail != nil:
		return s.fail
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the %s file ends in the middle: it was cut or is still being written", compression)
	}
	return fmt.Errorf("the %s file is damaged: %w", compression, err)
}

func (j *jsonl) readLines(buf []byte) (Lines, error) {
	for {
		text, err := j.whole(buf)
		if err != nil {
			return Lines{}, err
		}
		if lines := j.check(text); lines.Count > 0 {
			return lines, nil
		}
	}
}

// whole returns the next whole lines, at least one. It fails only where there is none.
func (j *jsonl) whole(buf []byte) ([]byte, error) {
	if cap(buf) == 0 {
		buf = make([]byte, 0, roomForLines)
	}
	text := buf[:0]
	for {
		text = j.fill(text)
		end := bytes.LastIndexByte(text, '\n') + 1
		if end > 0 && len(text) > cap(buf) {
			end = bytes.IndexByte(text, '\n') + 1 // the one line that the buffer was too small for
		}
		switch {
		case end > 0:
			j.giveBack(text[end:])
			return text[:end], nil
		case len(text) < cap(text) && errors.Is(j.fail, io.EOF) && len(text) > 0:
			return j.last(text)
		case len(text) < cap(text) && errors.Is(j.fail, io.EOF):
			return nil, io.EOF
		case len(text) < cap(text):
			return nil, &Error{Line: j.line + 1, Err: j.fail}
		case len(text) > longestLine:
			return nil, &Error{Line: j.line + 1, Err: fmt.Errorf("the line is longer than %d bytes, the most that is taken", longestLine)}
		}
		text = append(make([]byte, 0, 2*cap(text)), text...)
	}
}

// fill adds to text until it is full or nothing more comes.
func (j *jsonl) fill(text []byte) []byte {
	n := copy(text[len(text):cap(text)], j.rest[j.at:])
	text, j.at = text[:len(text)+n], j.at+n
	for j.fail == nil && len(text) < cap(text) {
		n, err := j.unpacked.Read(text[len(text):cap(text)])
		text, j.fail = text[:len(text)+n], err
	}
	return text
}

// giveBack keeps the end of what fill gave for the next time.
func (j *jsonl) giveBack(tail []byte) {
	switch {
	case j.at < len(j.rest):
		j.at -= len(tail) // all of it came from there
	case cap(j.rest) > 4*roomForLines:
		j.rest, j.at = bytes.Clone(tail), 0
	default:
		j.rest, j.at = append(j.rest[:0], tail...), 0
	}
}

// last takes the text behind the last newline, which counts as a line if it is whole.
func (j *jsonl) last(text []byte) ([]byte, error) {
	if _, err := rawjson.Skip(text, rawjson.SkipSpace(text, 0)); rawjson.Unended(err) && len(bytes.TrimSpace(text)) > 0 {
		return nil, &Error{Line: j.line + 1, Err: errors.New("the file ends in the middle of the line: it was cut or is still being written")}
	}
	return append(text, '\n'), nil
}

var byteOrderMark = []byte("\ufeff")

// check counts the records in text and ends before a line that cannot be one; that failure comes with the next call.
func (j *jsonl) check(text []byte) Lines {
	if j.line == 0 {
		text = bytes.TrimPrefix(text, byteOrderMark)
	}
	lines := Lines{Line: j.line + 1}
	for at := 0; at < len(text); {
		end := at + bytes.IndexByte(text[at:], '\n') + 1
		start := rawjson.SkipSpace(text[:end], at)
		if start < end && text[start] != '{' {
			j.rest, j.at, j.fail = nil, 0, fmt.Errorf("the line is not a JSON object; it begins %q", brief(text[start:end]))
			text = text[:at]
			break
		}
		if start < end {
			lines.Count++
		}
		j.line++
		at = end
	}
	lines.Text = text
	return lines
}

// brief shortens a line for a failure's text.
func brief(line []byte) []byte {
	const most = 60
	line = bytes.TrimSpace(line)
	return line[:min(len(line), most)]
}

// Close implements io.Closer.
func (j *jsonl) Close() error {
	if j.free != nil {
		j.free()
	}
	return j.packed.Close()
}
