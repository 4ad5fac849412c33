package files

import (
	"compress/gzip"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/klauspost/compress/zstd"

	"tapline/target-warehouse/table"
)

// lines writes JSONL: a JSON object a line, with NULL as null, but in a column of JSON, which has a null of its own, by
// leaving the member out. Integers, decimals and floats are numbers with all of their
// digits, moments and days are text as RFC 3339 has it, and JSON is what came in, but for line breaks between its values,
// which become spaces. A Number that JSON has no spelling for is the text NaN, Infinity or -Infinity.
type lines struct {
	w       io.Writer
	close   func() error // ends the compression
	columns []column
	names   []string // as they begin a member
	buffer  []byte
}

func newLines(w io.Writer, columns []column, compression string) (*lines, error) {
	l := &lines{w: w, close: func() error { return nil }, columns: columns}
	switch compression {
	case "gzip":
		z := gzip.NewWriter(w)
		l.w, l.close = z, z.Close
	case "zstd":
		z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		l.w, l.close = z, z.Close
	}
	for _, c := range columns {
		l.names = append(l.names, string(appendString([]byte{','}, c.Name))+":")
	}
	return l, nil
}

// lineBuffer is how many bytes are written at a time, about.
const lineBuffer = 256 << 10

func (l *lines) add(batches [][]arrow.Array) error {
	for _, columns := range batches {
		for i := range columns[0].Len() {
			start := len(l.buffer)
			for j, c := range l.columns {
				if c.Type == table.JSON && columns[j].IsNull(i) {
					continue
				}
				l.buffer = append(l.buffer, l.names[j]...)
				l.buffer = appendJSON(l.buffer, c.Type, columns[j], i)
			}
			if len(l.buffer) == start {
				l.buffer = append(l.buffer, '{')
			}
			l.buffer[start] = '{' // in the place of the comma ahead of the first name
			l.buffer = append(l.buffer, '}', '\n')
			if len(l.buffer) >= lineBuffer {
				if err := l.flush(); err != nil {
					return err
				}
			}
		}
	}
	return l.flush()
}

func (l *lines) flush() error {
	_, err := l.w.Write(l.buffer)
	l.buffer = l.buffer[:0]
	return err
}

func (l *lines) full() bool { return false }

func (l *lines) end() error { return l.close() }

// appendJSON writes the i-th value of a column as JSON.
func appendJSON(to []byte, typ table.Type, values arrow.Array, i int) []byte {
	if values.IsNull(i) {
		return append(to, "null"...)
	}
	switch typ {
	case table.JSON:
		return appendOneLine(to, values.(*array.String).Value(i))
	case table.Text:
		return appendString(to, values.(*array.String).Value(i))
	case table.Timestamp, table.Date:
		return append(appendText(append(to, '"'), typ, values, i), '"')
	case table.Number:
		f := values.(*array.Float64).Value(i)
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return append(appendFloat(append(to, '"'), f), '"')
		}
		return strconv.AppendFloat(to, f, 'g', -1, 64)
	case table.Decimal:
		if text := values.(*array.String).Value(i); strings.Trim(text, "-.0123456789") != "" {
			return appendString(to, text) // a Number that is no number, in a column that was widened
		}
	}
	return appendText(to, typ, values, i)
}

// appendText writes the i-th value of a column, which is not NULL, as text: in the one spelling that equal values share.
func appendText(to []byte, typ table.Type, values arrow.Array, i int) []byte {
	switch typ {
	case table.Boolean:
		return strconv.AppendBool(to, values.(*array.Boolean).Value(i))
	case table.Integer:
		return strconv.AppendInt(to, values.(*array.Int64).Value(i), 10)
	case table.Number:
		return appendFloat(to, values.(*array.Float64).Value(i))
	case table.Timestamp:
		return appendMoment(to, int64(values.(*array.Timestamp).Value(i)))
	case table.Date:
		return values.(*array.Date32).Value(i).ToTime().AppendFormat(to, time.DateOnly)
	}
	return append(to, values.(*array.String).Value(i)...)
}

// appendFloat writes plain digits without an exponent.
func appendFloat(to []byte, f float64) []byte {
	switch {
	case f == 0:
		return append(to, '0')
	case math.IsNaN(f):
		return append(to, "NaN"...)
	case math.IsInf(f, 1):
		return append(to, "Infinity"...)
	case math.IsInf(f, -1):
		return append(to, "-Infinity"...)
	}
	return strconv.AppendFloat(to, f, 'f', -1, 64)
}

// appendMoment writes microseconds since 1970 as RFC 3339 in UTC.
func appendMoment(to []byte, micros int64) []byte {
	return time.UnixMicro(micros).UTC().AppendFormat(to, time.RFC3339Nano)
}

// appendOneLine writes JSON without the line breaks that may stand between its values; strings cannot have any.
func appendOneLine(to []byte, text string) []byte {
	start := len(to)
	to = append(to, text...)
	for i := start; i < len(to); i++ {
		if to[i] == '\n' || to[i] == '\r' {
			to[i] = ' '
		}
	}
	return to
}

const hexDigits = "0123456789abcdef"

// appendString writes text as a JSON string. What is not Unicode becomes U+FFFD.
func appendString(to []byte, s string) []byte {
	to = append(to, '"')
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		to = append(to, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			to = append(to, '\\', c)
		case '\n':
			to = append(to, '\\', 'n')
		default:
			to = append(to, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(to, s[start:]...), '"')
}
