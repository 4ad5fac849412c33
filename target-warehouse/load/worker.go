package load

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"tapline/singer"
	"tapline/target-warehouse/decode"
)

// worker decodes runs of records; each goroutine has its own.
type worker struct {
	reader   singer.Reader
	decoders map[*decode.Plan]*decode.Decoder
}

// decodeSteps decodes the steps that come through work until it is closed.
func decodeSteps(work <-chan *step, o Options) {
	w := &worker{decoders: map[*decode.Plan]*decode.Decoder{}}
	for s := range work {
		s.err = w.decode(s)
		s.chunks = nil
		buffers.Put(s.buffer)
		close(s.done)
	}
}

// decode turns the records of a step into one batch for each stream. When a record cannot be taken, the batches hold
// what stands before it.
func (w *worker) decode(s *step) (err error) {
	var used []*decode.Decoder
	s.last = s.first - 1
	for _, chunk := range s.chunks {
		if used, err = w.decodeChunk(s, chunk, used); err != nil {
			break
		}
	}
	for _, d := range used {
		s.replaced = append(s.replaced, d.Replaced())
		s.batches = append(s.batches, d.Batch())
	}
	w.forget(used, s.size)
	return err
}

// decodeChunk adds the records of a chunk to the decoders of their streams, and decoders that were empty to used.
func (w *worker) decodeChunk(s *step, chunk singer.Chunk, used []*decode.Decoder) ([]*decode.Decoder, error) {
	for w.reader.Reset(chunk); ; s.last++ {
		message, err := w.reader.Read()
		if errors.Is(err, io.EOF) {
			return used, nil
		}
		if err != nil {
			return used, err
		}
		d, err := w.append(s.plans, message, s.last+1)
		if err != nil {
			line, offset := w.reader.Line()
			return used, &singer.LineError{Line: line, Offset: offset, Err: err}
		}
		if d.Len() == 1 {
			used = append(used, d)
		}
	}
}

func (w *worker) append(plans plans, m singer.Message, ordinal int64) (*decode.Decoder, error) {
	record, ok := m.(*singer.Record)
	if !ok {
		return nil, fmt.Errorf("a %T stands among RECORD lines", m)
	}
	plan := plans[record.Stream]
	if plan == nil {
		return nil, &singer.RecordError{Stream: record.Stream, Err: errors.New(
			"a RECORD stands before the stream's SCHEMA: the tap must write the SCHEMA first")}
	}
	d := w.decoders[plan.decode]
	if d == nil {
		d = plan.decode.NewDecoder()
		w.decoders[plan.decode] = d
	}
	return d, d.Append(record, ordinal)
}

// idleDecoders is how many decoders a worker keeps for steps to come beside those of the step behind it.
const idleDecoders = 16

// forget drops decoders, which keep buffers as large as their largest batch: all of them behind a giant line, and those
// that the step did not use when there are many of them.
func (w *worker) forget(used []*decode.Decoder, size int64) {
	switch {
	case size > 4*stepSize:
		clear(w.decoders)
	case len(w.decoders) > len(used)+idleDecoders:
		maps.DeleteFunc(w.decoders, func(_ *decode.Plan, d *decode.Decoder) bool { return !slices.Contains(used, d) })
	}
}
