package load

import (
	"bytes"
	"errors"
	"maps"

	"tapline/singer"
	"tapline/target-warehouse/decode"
	"tapline/target-warehouse/table"
)

// decoded is what the records of one stream in one step became.
type decoded struct {
	stream     string
	batch      *table.Batch // nil if every record was left out
	replaced   int64        // lone surrogates and bytes that are not UTF-8 that became U+FFFD
	versioned  bool         // a record had a version
	violations []decode.Violation
}

func (d *decoded) release() {
	if d.batch != nil {
		d.batch.Rows.Release()
	}
}

// worker decodes runs of records; each goroutine has its own.
type worker struct {
	options   Options
	reader    singer.Reader
	envelopes []*envelope   // those that records came in
	short     []byte        // an envelope without its record
	record    singer.Record // the last one whose envelope was known
	decoders  map[*decode.Plan]*decoder
	step      *step
	used      []*decoder // those with records of step
}

// decoder is a decoder and what it is used for.
type decoder struct {
	*decode.Decoder
	step      *step // the last one it was used in
	plan      *plan // of its stream there
	versioned bool  // a record of that step had a version
}

// decodeSteps decodes the steps that come through work until it is closed.
func decodeSteps(work <-chan *step, o Options) {
	w := newWorker(o)
	for s := range work {
		s.err = w.decode(s)
		s.runs = nil
		s.storage.put(s.buffer)
		close(s.done)
	}
}

func newWorker(o Options) *worker {
	return &worker{options: o, decoders: map[*decode.Plan]*decoder{}}
}

// decode turns the records of a step into one batch for each stream, and one of those that were left out or had to be
// changed. When a record cannot be taken, the batches hold what stands before it.
func (w *worker) decode(s *step) (err error) {
	w.step, w.used = s, w.used[:0]
	s.last = s.first - 1
	for _, run := range s.runs {
		s.last = run.first - 1
		if run.stream != "" {
			err = w.decodeLines(s, run)
		} else {
			err = w.decodeRecords(s, run)
		}
		if err != nil {
			break
		}
	}
	for _, d := range w.used {
		for _, r := range d.Rejects() {
			s.rejects = append(s.rejects, reject{stream: d.plan.table.Stream, Reject: r})
		}
		one := decoded{stream: d.plan.table.Stream, replaced: d.Replaced(), versioned: d.versioned, violations: d.Violations()}
		one.batch = d.Batch()
		s.decoded = append(s.decoded, one)
	}
	if batch := w.rejected(s.rejects); batch != nil {
		s.decoded = append(s.decoded, decoded{stream: w.options.rejects.Stream, batch: batch})
	}
	w.forget()
	w.reader.Reset(singer.Chunk{}) // which lets go of the text
	return err
}

// decodeLines adds the records of a file, one a line, to the decoder of their stream.
func (w *worker) decodeLines(s *step, run run) error {
	record := singer.Record{Stream: run.stream}
	number := run.line - 1
	for rest := run.Records; len(rest) > 0; {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte{'\n'})
		number++
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		record.Record, record.Version, record.HasVersion = line, run.version, run.hasVersion
		if err := w.append(s, &record, s.last+1); err != nil {
			return run.file.At(number, err)
		}
		s.last++
	}
	return nil
}

// append adds a record to the decoder of its stream. A record that cannot be a row is left out if that is wanted.
func (w *worker) append(s *step, record *singer.Record, ordinal int64) error {
	plan := s.plans[record.Stream]
	if plan == nil {
		return &singer.RecordError{Stream: record.Stream, Err: errors.New(
			"a RECORD stands before the stream's SCHEMA: the tap must write the SCHEMA first")}
	}
	d := w.decoder(s, plan)
	d.stamp(record)
	err := d.Append(record, ordinal)
	if err != nil && w.options.RejectBad {
		s.leaveOut(record.Stream, ordinal, err, record.Record)
		return nil
	}
	return err
}

// decoder returns the decoder for records of a plan in a step.
func (w *worker) decoder(s *step, p *plan) *decoder {
	d := w.decoders[p.decode]
	if d == nil {
		d = &decoder{Decoder: p.decode.NewDecoder()}
		w.decoders[p.decode] = d
	}
	if d.step != s {
		d.step, d.plan, d.versioned = s, p, false
		d.Receive(s.received)
		w.used = append(w.used, d)
	}
	return d
}

// stamp gives a record without a version that of its stream.
func (d *decoder) stamp(record *singer.Record) {
	if record.HasVersion {
		d.versioned = true
	} else {
		record.Version, record.HasVersion = d.plan.version, d.plan.hasVersion
	}
}

// idleDecoders is how many decoders a worker keeps for steps to come beside those of the step behind it.
const idleDecoders = 16

// forget drops decoders, which keep buffers as large as their largest batch: those that a giant line has blown up, and
// those that the step did not use when there are many of them.
func (w *worker) forget() {
	for _, e := range w.envelopes {
		e.decoder = nil
	}
	many := len(w.decoders) > len(w.used)+idleDecoders
	maps.DeleteFunc(w.decoders, func(_ *decode.Plan, d *decoder) bool {
		return many && d.step != w.step || d.Idle() > 4*stepSize
	})
}
