package batch

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow/go/v15/arrow/memory"
)

// parquetRows writes the rows of a parquet file as lines. Values do not pass through Arrow arrays: that conversion loses
// digits of negative decimals beyond 38 digits and moves INT96 timestamps outside the years 1678 to 2261.
type parquetRows struct {
	file   parquetFile
	reader *file.Reader
	root   *node
	groups int    // row groups opened
	left   int64  // rows of the open group that are not written yet
	row    int64  // number of the last row written
	line   []byte // that row
	held   bool   // the row did not fit the caller's buffer
	fail   error  // what came behind the rows handed out
}

// parquetFile is what reading parquet needs; nobody else closes it.
type parquetFile interface {
	parquet.ReaderAtSeeker
	io.Closer
}

func openParquet(ctx context.Context, p *place) (*parquetRows, error) {
	var from parquetFile
	var err error
	if p.scheme == "" {
		from, err = p.openLocal()
	} else {
		from, err = p.download(ctx)
	}
	if err != nil {
		return nil, err
	}
	r := &parquetRows{file: from}
	if err := r.open(); err != nil {
		return nil, errors.Join(err, from.Close())
	}
	return r, nil
}

func (r *parquetRows) open() (err error) {
	defer catch(&err)
	properties := parquet.NewReaderProperties(memory.NewGoAllocator()) // whose pages stay while values of them are used
	properties.BufferedStreamEnabled = true                            // a page at a time, not all of a column in a row group
	properties.BufferSize = 64 << 10
	if r.reader, err = file.NewParquetReader(r.file, file.WithReadProps(properties)); err != nil {
		return fmt.Errorf("it is not a whole parquet file: %w", err)
	}
	r.root, err = compile(r.reader.MetaData().Schema)
	return err
}

func (r *parquetRows) readLines(buf []byte) (Lines, error) {
	if cap(buf) == 0 {
		buf = make([]byte, 0, roomForLines)
	}
	lines := Lines{Text: buf[:0]}
	for r.held || r.fail == nil {
		if !r.held {
			if r.fail = r.next(); r.fail != nil {
				break
			}
		}
		if r.held = lines.Count > 0 && len(lines.Text)+len(r.line) > cap(buf); r.held {
			return lines, nil
		}
		if lines.Count++; lines.Count == 1 {
			lines.Line = r.row
		}
		lines.Text = append(lines.Text, r.line...)
	}
	switch {
	case lines.Count > 0:
		return lines, nil // what failed comes with the next call
	case errors.Is(r.fail, io.EOF):
		return Lines{}, io.EOF
	}
	return Lines{}, &Error{Line: r.row + 1, Err: r.fail}
}

// next writes the next row to line.
func (r *parquetRows) next() (err error) {
	defer catch(&err)
	for r.left == 0 {
		if err := r.root.ended(); err != nil {
			return err
		}
		if r.groups == r.reader.NumRowGroups() {
			return io.EOF
		}
		group := r.reader.RowGroup(r.groups)
		for _, c := range r.root.columns {
			if err := c.open(group); err != nil {
				return err
			}
		}
		r.groups++
		r.left = group.NumRows()
	}
	if cap(r.line) > 4*roomForLines {
		r.line = nil
	}
	if r.line, err = r.root.row(r.line[:0]); err != nil {
		return err
	}
	r.line = append(r.line, '\n')
	r.left--
	r.row++
	return nil
}

// Close implements io.Closer.
func (r *parquetRows) Close() error { return r.file.Close() }

// catch turns a panic into a failure: the library panics over many kinds of damage in a file.
func catch(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the parquet file is damaged: %v", p)
	}
}
