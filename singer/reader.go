package singer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
)

const (
	readSize    = 1 << 20 // the buffer's usual size
	readKeep    = 4 << 20 // a buffer grown beyond this by a giant line is let go
	readMaxLine = 256 << 20
)

var byteOrderMark = []byte("\ufeff")

// Reader reads the lines of a Singer stream as messages. It serves one goroutine.
//
// A failure is a [*LineError]. Where a line is at fault, the next call goes on with the line behind it; a line that is
// too long and a failure of the underlying reader end the stream, and every later call returns them again. Blank lines,
// messages of unknown types and a byte order mark at the start are passed over. Everything is read up to a last line
// without a newline; it counts if it is whole, else its failure wraps [io.ErrUnexpectedEOF].
type Reader struct {
	// MaxLine is the greatest length of a line in bytes; 0 stands for 256 MiB.
	MaxLine int
	// Skipped, if set, is called for the first message of each type that is not one of Singer's.
	Skipped func(kind string)

	src        io.Reader
	fail       error // why src gives nothing more
	buf        []byte
	start, end int // buf[start:end] was read and is not taken yet

	lines int64 // lines taken
	taken int64 // bytes taken
	last  int64 // bytes taken before the last line
	parse parser
}

// NewReader returns a Reader that reads from r, up to 1 MiB ahead.
func NewReader(r io.Reader) *Reader { return &Reader{src: r} }

// Read returns the next message, or io.EOF behind the last one. The message and the bytes it refers to are valid until
// the next call. Reading a RECORD allocates nothing.
func (r *Reader) Read() (Message, error) {
	for {
		line, err := r.peek()
		if err != nil {
			return nil, err
		}
		r.take(line)
		if m, err := r.message(line); m != nil || err != nil {
			return m, r.fault(line, err)
		}
	}
}

// Chunk is a run of RECORD lines, or one other message.
type Chunk struct {
	// Records are whole RECORD lines, each ended by a newline. They belong to the caller. Whether the lines are sound
	// JSON shows only when a Reader reads them, see [Reader.Reset].
	Records []byte
	Count   int   // number of lines in Records
	Line    int64 // number of the chunk's first line, from 1
	Offset  int64 // bytes of the stream before that line
	// Message is any other message; Records is empty then. It belongs to the caller.
	Message Message
}

// ReadChunk returns the next run of RECORD lines, of up to cap(buf) bytes or of one longer line, or the next other
// message. A run also ends where the input has no whole line to give at the moment, so that no record waits for others.
//
// ReadChunk splits the stream without looking into records, so that several goroutines can do that for one stream: what
// [Reader.Reset] and Read make of all chunks, in order, is what Read would make of the stream, failures included.
// Records is built in the storage of buf if it fits.
func (r *Reader) ReadChunk(buf []byte) (Chunk, error) {
	c := Chunk{Records: buf[:0]}
	for {
		if c.Count > 0 {
			r.takeRecords(&c)
			if !r.Ready() {
				return c, nil
			}
		}
		line, err := r.peek()
		full := len(c.Records)+len(line) >= cap(buf)
		if c.Count > 0 && (err != nil || full) {
			return c, nil // the failure or the line comes again
		}
		if err != nil {
			return Chunk{}, err
		}
		var m Message
		record := startsRecord(line) && line[len(line)-1] == '\n'
		if !record {
			m, err = r.message(line)
			_, record = m.(*Record)
		}
		if !record && c.Count > 0 {
			return c, nil // the line comes again
		}
		r.take(line)
		if c.Count == 0 {
			c.Line, c.Offset = r.Line()
		}
		switch {
		case record:
			if c.Records = append(c.Records, line...); line[len(line)-1] != '\n' {
				c.Records = append(c.Records, '\n')
			}
			c.Count++
		case err != nil:
			return Chunk{}, r.fault(line, err)
		case m != nil:
			return Chunk{Line: c.Line, Offset: c.Offset, Message: clone(m)}, nil
		}
	}
}

// takeRecords takes the RECORD lines that come next, as far as they are whole in memory and the chunk has room. So most
// lines are looked at once and copied in one go.
func (r *Reader) takeRecords(c *Chunk) {
	held := r.buf[r.start:r.end]
	if room := cap(c.Records) - len(c.Records) - 1; len(held) > room {
		held = held[:max(room, 0)]
	}
	size, limit := 0, r.limit()
	for startsRecord(held[size:]) {
		length := bytes.IndexByte(held[size:], '\n') + 1
		if length == 0 || length > limit {
			break
		}
		r.last = r.taken + int64(size)
		size += length
		c.Count++
		r.lines++
	}
	c.Records = append(c.Records, held[:size]...)
	r.taken += int64(size)
	r.start += size
}

// startsRecord recognises most RECORD lines by their first bytes. A last line without a newline may have been cut.
func startsRecord(line []byte) bool {
	return bytes.HasPrefix(line, []byte(`{"type":"RECORD"`)) || bytes.HasPrefix(line, []byte(`{"type": "RECORD"`))
}

// Reset makes the reader read the lines of c.Records from memory, without copying them: they must stay as they are
// meanwhile. Line numbers and offsets go on from the chunk's. A zero Reader may be used so.
func (r *Reader) Reset(c Chunk) {
	r.src, r.fail = nil, io.EOF
	r.buf, r.start, r.end = c.Records, 0, len(c.Records)
	r.lines, r.taken, r.last = c.Line-1, c.Offset, c.Offset
}

// Line returns the place of the line that was read last: its number, from 1, and the bytes of the stream before it.
func (r *Reader) Line() (number, offset int64) { return r.lines, r.last }

// Ready tells whether the next line is in memory already, so that reading it does not wait for the input.
func (r *Reader) Ready() bool { return bytes.IndexByte(r.buf[r.start:r.end], '\n') >= 0 }

// peek returns the next line with its newline, if it has one, without taking it.
func (r *Reader) peek() ([]byte, error) {
	limit, searched := r.limit(), 0
	for {
		size := r.end - r.start
		newline := bytes.IndexByte(r.buf[r.start+searched:r.end], '\n')
		if newline >= 0 {
			size = searched + newline + 1
		}
		switch {
		case size > limit:
			return nil, r.ahead(fmt.Errorf("the line is longer than %d bytes, the most that is taken", limit))
		case newline >= 0 || size > 0 && r.fail == io.EOF:
			return r.unmarked(r.buf[r.start : r.start+size]), nil
		case r.fail == io.EOF:
			return nil, io.EOF
		case r.fail != nil:
			return nil, r.ahead(fmt.Errorf("reading the stream: %w", r.fail))
		}
		r.fill()
		searched = min(size, r.end-r.start)
	}
}

func (r *Reader) limit() int {
	if r.MaxLine <= 0 {
		return readMaxLine
	}
	return r.MaxLine
}

// unmarked drops a byte order mark from the first line.
func (r *Reader) unmarked(line []byte) []byte {
	if r.taken > 0 || !bytes.HasPrefix(line, byteOrderMark) {
		return line
	}
	r.start += len(byteOrderMark)
	r.taken += int64(len(byteOrderMark))
	return line[len(byteOrderMark):]
}

// fill reads once from src, behind what is not taken yet.
func (r *Reader) fill() {
	held := r.buf[r.start:r.end]
	full := len(held) == len(r.buf)
	oversize := len(r.buf) > readKeep && len(held) < readSize/2
	if full {
		r.buf = make([]byte, max(readSize, 2*len(r.buf)))
	} else if oversize {
		r.buf = make([]byte, readSize)
	}
	if full || oversize || r.start > 0 {
		r.start, r.end = 0, copy(r.buf, held)
	}
	for range 100 {
		n, err := r.src.Read(r.buf[r.end:])
		r.end += n
		if errors.Is(err, errStopped) {
			r.end = r.start + bytes.LastIndexByte(r.buf[r.start:r.end], '\n') + 1
			err = io.EOF
		}
		if r.fail = err; n > 0 || err != nil {
			return
		}
	}
	r.fail = io.ErrNoProgress
}

func (r *Reader) take(line []byte) {
	r.last = r.taken
	r.taken += int64(len(line))
	r.start += len(line)
	r.lines++
}

// message parses a line; blank lines and messages of unknown types give nil.
func (r *Reader) message(line []byte) (Message, error) { return r.parse.message(line, r.Skipped) }

// fault places err in the line taken last, ahead in the line after it.
func (r *Reader) fault(line []byte, err error) error {
	if err == nil {
		return nil
	}
	return &LineError{Line: r.lines, Offset: r.last, Text: bytes.TrimRight(line, "\r\n"), Err: err}
}

func (r *Reader) ahead(err error) error {
	return &LineError{Line: r.lines + 1, Offset: r.taken, Err: err}
}

// clone copies a message that is not a RECORD out of the reader's memory.
func clone(m Message) Message {
	switch m := m.(type) {
	case *Schema:
		m.Schema = slices.Clone(m.Schema)
	case *State:
		m.Value = slices.Clone(m.Value)
	}
	return m
}
