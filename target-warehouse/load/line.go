package load

import (
	"bytes"
	"fmt"
	"slices"

	"tapline/singer"
)

// envelope is what stands around the record in a line, and what it says. Two lines of one envelope differ in nothing but
// their records, so of the second the record can be read at once, without looking for its end before: RECORD lines of a
// stream are mostly such, or differ in time_extracted as well. That halves the work of finding where values end.
type envelope struct {
	before, after []byte
	record        singer.Record // without the record itself
	decoder       *decoder      // of its stream in the step being decoded, once known
}

// Bounds of what is remembered of envelopes: how many, and the bytes of one.
const (
	mostEnvelopes   = 16
	longestEnvelope = 4 << 10
)

// decodeRecords adds the records of RECORD lines to the decoders of their streams.
func (w *worker) decodeRecords(s *step, run run) error {
	at := singer.Chunk{Line: run.Line, Offset: run.Offset}
	for rest := run.Records; len(rest) > 0; at.Line++ {
		end := bytes.IndexByte(rest, '\n') + 1
		at.Records, rest = rest[:end], rest[end:]
		if !w.decodeKnown(s, at.Records) {
			if err := w.decodeLine(s, at); err != nil {
				return err
			}
		}
		s.last++
		at.Offset += int64(end)
	}
	return nil
}

// decodeKnown adds the record of a line if its envelope is known and its record can be a row. Else it does nothing.
func (w *worker) decodeKnown(s *step, line []byte) bool {
	for _, e := range w.envelopes {
		if !bytes.HasPrefix(line, e.before) {
			continue
		}
		if e.decoder == nil {
			plan := s.plans[e.record.Stream]
			if plan == nil {
				return false
			}
			e.decoder = w.decoder(s, plan)
		}
		d, text := e.decoder, line[len(e.before):]
		if text[0] != '{' {
			return false // white space, which is no part of the record
		}
		end, err := d.Read(text)
		if err != nil {
			return false
		}
		if !bytes.Equal(text[end:], e.after) && !w.learnAfter(e, text[end:]) {
			d.Undo()
			return false
		}
		w.record = e.record
		w.record.Record = text[:end]
		d.stamp(&w.record)
		return d.Add(&w.record, s.last+1) == nil
	}
	return false
}

// learnAfter makes text what stands behind the record in e, if such an envelope says that this is its record.
func (w *worker) learnAfter(e *envelope, text []byte) bool {
	w.short = append(append(append(w.short[:0], e.before...), "{}"...), text...)
	record, at, err := w.read(singer.Chunk{Records: w.short})
	if err != nil || at != len(e.before) || record.Stream != e.record.Stream {
		return false
	}
	w.remember(w.short, record, at)
	return true
}

// decodeLine adds the record of a line, whatever that is like, and remembers its envelope.
func (w *worker) decodeLine(s *step, line singer.Chunk) error {
	record, at, err := w.read(line)
	if err != nil && w.options.SkipInvalid {
		s.leaveOut("", s.last+1, err, bytes.TrimRight(line.Records, "\r\n"))
		return nil
	}
	if err != nil {
		return err
	}
	w.remember(line.Records, record, at)
	if err := w.append(s, record, s.last+1); err != nil {
		return &singer.LineError{Line: line.Line, Offset: line.Offset, Err: err}
	}
	return nil
}

// read returns the record in a line and the index in it where that begins.
func (w *worker) read(line singer.Chunk) (record *singer.Record, at int, err error) {
	w.reader.Reset(line)
	message, err := w.reader.Read()
	if err != nil {
		return nil, 0, err
	}
	record, ok := message.(*singer.Record)
	if !ok {
		return nil, 0, fmt.Errorf("a %T stands among RECORD lines", message)
	}
	return record, cap(line.Records) - cap(record.Record), nil // the record is a part of the line
}

// remember keeps the envelope of a line whose record begins at an index.
func (w *worker) remember(line []byte, record *singer.Record, at int) {
	before, after := line[:at], line[at+len(record.Record):]
	if len(before)+len(after) > longestEnvelope {
		return
	}
	known := slices.IndexFunc(w.envelopes, func(e *envelope) bool { return bytes.Equal(e.before, before) })
	if known < 0 {
		if len(w.envelopes) == mostEnvelopes {
			w.envelopes = w.envelopes[:0]
		}
		known = len(w.envelopes)
		w.envelopes = append(w.envelopes, &envelope{before: bytes.Clone(before)})
	}
	e := w.envelopes[known]
	e.after, e.record = append(e.after[:0], after...), *record
	e.record.Record = nil
}
