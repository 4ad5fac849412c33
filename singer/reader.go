package singer

import "io"

// Reader reads the lines of a Singer stream as messages. It serves one goroutine.
type Reader struct {
	// MaxLine is the greatest length of a line in bytes; 0 stands for 256 MiB.
	MaxLine int
	// Skipped, if set, is called for the first message of each unknown type.
	Skipped func(kind string)
}

// Chunk is a run of RECORD lines, or one other message.
type Chunk struct {
	Records []byte  // whole RECORD lines, each ended by a newline; the caller's
	Count   int     // number of lines in Records
	Line    int64   // number of the first line, from 1
	Offset  int64   // bytes of the stream before the first line
	Message Message // any other message, instead of Records; the caller's
}

// NewReader returns a Reader that reads from r.
func NewReader(r io.Reader) *Reader { return &Reader{} }

// Read returns the next message, or io.EOF, or a [*LineError].
func (r *Reader) Read() (Message, error) { return nil, io.EOF }

// ReadChunk returns the next run of RECORD lines or the next other message.
func (r *Reader) ReadChunk(buf []byte) (Chunk, error) { return Chunk{}, io.EOF }

// Reset makes the reader read the lines of c.
func (r *Reader) Reset(c Chunk) {}

// Line returns the place of the message that Read returned last: its line's number and the bytes before it.
func (r *Reader) Line() (number, offset int64) { return 0, 0 }
