package load

import (
	"cmp"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"tapline/singer"
	"tapline/target-warehouse/decode"
	"tapline/target-warehouse/table"
)

// reject is a record, or a part of one, that the warehouse does not take as it was sent.
type reject struct {
	stream  string // "" for a line that is no message
	leftOut bool   // the whole record
	decode.Reject
}

// leaveOut notes a record, or a line that is none, that becomes no row. The text is copied.
func (s *step) leaveOut(stream string, ordinal int64, why error, text []byte) {
	r := reject{stream: stream, leftOut: true}
	r.Ordinal, r.Reason, r.Record = ordinal, why.Error(), slices.Clone(text)
	s.rejects = append(s.rejects, r)
}

// rejected makes the batch for the table of rejects: one row for each record, whatever is wrong with it. nil for none.
func (w *worker) rejected(rejects []reject) *table.Batch {
	if len(rejects) == 0 {
		return nil
	}
	slices.SortStableFunc(rejects, func(a, b reject) int { return cmp.Compare(a.Ordinal, b.Ordinal) })
	rows := array.NewRecordBuilder(w.options.Allocator, w.options.rejects.ArrowSchema())
	defer rows.Release()
	text := func(column int, value string) {
		rows.Field(column).(*array.StringBuilder).Append(strings.ToValidUTF8(value, "\uFFFD"))
	}
	now := arrow.Timestamp(w.options.Now().UnixMicro())
	var size int64
	for len(rejects) > 0 {
		same := 1
		fields, reasons := rejects[0].Field, rejects[0].Reason
		for ; same < len(rejects) && rejects[same].Ordinal == rejects[0].Ordinal; same++ {
			fields += ", " + rejects[same].Field
			reasons += "; " + rejects[same].Reason
		}
		r := rejects[0]
		text(0, w.options.Run.ID)
		text(1, r.stream)
		rows.Field(2).(*array.Int64Builder).Append(r.Ordinal)
		rows.Field(3).(*array.TimestampBuilder).Append(now)
		text(4, fields)
		text(5, reasons)
		text(6, string(r.Record))
		rows.Field(7).(*array.Int64Builder).Append(r.Ordinal)
		size += int64(len(r.Record) + len(fields) + len(reasons) + 100)
		rejects = rejects[same:]
	}
	return &table.Batch{Table: w.options.rejects, Rows: rows.NewRecord(), Bytes: size}
}

// badLine notes a line that is no message, or returns the failure if such lines are not to be skipped. A tap that dies
// in the middle of a line must not pass for one that ended well.
func (s *splitter) badLine(next *step, err error) error {
	line, ok := err.(*singer.LineError)
	if !ok || !s.options.SkipInvalid || line.Line == s.skipped || errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	s.skipped = line.Line
	s.ordinal++ // the line is a unit of the ledger like a record
	next.leaveOut("", s.ordinal, err, line.Text)
	return nil
}
