package singer

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	writeSize = 64 << 10 // buffered bytes that cause a write
	writeKeep = 1 << 20  // a buffer grown beyond this by a giant line is let go
)

// Writer writes messages as lines. It is safe for several goroutines.
//
// Lines are buffered until there are 64 KiB of them, until a state is written, or until [Writer.Flush]. Only whole lines
// are ever handed to the underlying writer, so that a process killed between two writes leaves no half line behind.
// The first failure of the underlying writer sticks: every later call returns it.
type Writer struct {
	mu  sync.Mutex
	w   io.Writer
	buf []byte
	err error
}

// NewWriter returns a Writer that writes to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// WriteSchema writes a SCHEMA line.
func (w *Writer) WriteSchema(m *Schema) error {
	if len(m.Schema) == 0 {
		return empty("schema", m.Stream)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open("SCHEMA", m.Stream)
	w.buf = append(w.buf, `,"schema":`...)
	w.buf = appendRaw(w.buf, m.Schema)
	w.buf = append(w.buf, `,"key_properties":`...)
	w.buf = appendStrings(w.buf, m.KeyProperties)
	if len(m.BookmarkProperties) > 0 {
		w.buf = append(w.buf, `,"bookmark_properties":`...)
		w.buf = appendStrings(w.buf, m.BookmarkProperties)
	}
	return w.close()
}

// WriteRecord writes a RECORD line. The record's bytes are copied before it returns.
func (w *Writer) WriteRecord(m *Record) error {
	if len(m.Record) == 0 {
		return empty("record", m.Stream)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open("RECORD", m.Stream)
	w.buf = append(w.buf, `,"record":`...)
	w.buf = appendRaw(w.buf, m.Record)
	if !m.TimeExtracted.IsZero() {
		w.buf = append(w.buf, `,"time_extracted":"`...)
		w.buf = m.TimeExtracted.UTC().AppendFormat(w.buf, time.RFC3339Nano)
		w.buf = append(w.buf, '"')
	}
	if m.HasVersion {
		w.version(m.Version)
	}
	return w.close()
}

// WriteState writes what is buffered and then the STATE line, by one write of its own. When it returns nil the
// underlying writer has taken everything up to and including the state.
func (w *Writer) WriteState(m State) error {
	if len(m.Value) == 0 {
		return errors.New("a state without a value cannot be written")
	}
	return w.alone(`{"type":"STATE","value":`, m.Value, "}\n")
}

// WriteValue writes what is buffered and then raw as a line of its own, by one write: how a target hands a state back.
func (w *Writer) WriteValue(raw json.RawMessage) error {
	if len(raw) == 0 {
		return errors.New("an empty state value cannot be written")
	}
	return w.alone("", raw, "\n")
}

// WriteActivateVersion writes an ACTIVATE_VERSION line.
func (w *Writer) WriteActivateVersion(m *ActivateVersion) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open("ACTIVATE_VERSION", m.Stream)
	w.version(m.Version)
	return w.close()
}

// WriteBatch writes a BATCH line. The files of the manifest must be complete by then.
func (w *Writer) WriteBatch(m *Batch) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open("BATCH", m.Stream)
	w.buf = append(w.buf, `,"encoding":{"format":`...)
	w.buf = appendString(w.buf, m.Format)
	if m.Compression != "" {
		w.buf = append(w.buf, `,"compression":`...)
		w.buf = appendString(w.buf, m.Compression)
	}
	w.buf = append(w.buf, `},"manifest":`...)
	w.buf = appendStrings(w.buf, m.Manifest)
	if m.HasVersion {
		w.version(m.Version)
	}
	return w.close()
}

// Flush writes what is buffered.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.flush()
}

// open begins a line.
func (w *Writer) open(kind, stream string) {
	w.buf = append(w.buf, `{"type":"`...)
	w.buf = append(w.buf, kind...)
	w.buf = append(w.buf, `","stream":`...)
	w.buf = appendString(w.buf, stream)
}

func (w *Writer) version(n int64) {
	w.buf = append(w.buf, `,"version":`...)
	w.buf = strconv.AppendInt(w.buf, n, 10)
}

// close ends a line.
func (w *Writer) close() error {
	w.buf = append(w.buf, "}\n"...)
	if len(w.buf) < writeSize && w.err == nil {
		return nil
	}
	return w.flush()
}

// alone writes one line by a write of its own, behind everything that is buffered.
func (w *Writer) alone(before string, raw []byte, behind string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.flush(); err != nil {
		return err
	}
	w.buf = append(w.buf, before...)
	w.buf = appendRaw(w.buf, raw)
	w.buf = append(w.buf, behind...)
	return w.flush()
}

func (w *Writer) flush() error {
	if len(w.buf) > 0 && w.err == nil {
		n, err := w.w.Write(w.buf)
		if err == nil && n < len(w.buf) {
			err = io.ErrShortWrite
		}
		w.err = err
	}
	w.buf = w.buf[:0]
	if cap(w.buf) > writeKeep {
		w.buf = nil
	}
	return w.err
}

func empty(member, stream string) error {
	return &RecordError{Stream: stream, Err: errors.New("a message without a " + member + " cannot be written")}
}

// appendRaw appends JSON text as part of a line: line breaks, which JSON has only between its tokens, become spaces.
func appendRaw(dst, raw []byte) []byte {
	start := len(dst)
	dst = append(dst, raw...)
	for _, c := range []byte("\n\r") {
		for i := start; ; i++ {
			next := bytes.IndexByte(dst[i:], c)
			if next < 0 {
				break
			}
			i += next
			dst[i] = ' '
		}
	}
	return dst
}

func appendStrings(dst []byte, list []string) []byte {
	dst = append(dst, '[')
	for i, s := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, s)
	}
	return append(dst, ']')
}

// appendString appends s as a JSON string. Text that is not UTF-8 is sent with U+FFFD in its place.
func appendString(dst []byte, s string) []byte {
	plain := utf8.ValidString(s)
	for i := 0; i < len(s) && plain; i++ {
		plain = s[i] >= 0x20 && s[i] != '"' && s[i] != '\\'
	}
	if !plain {
		quoted, _ := json.Marshal(s) // a string cannot fail
		return append(dst, quoted...)
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}
