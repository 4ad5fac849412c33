package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"sync"

	"golang.org/x/sync/semaphore"

	"tapline/singer"
	"tapline/target-warehouse/decode"
	"tapline/target-warehouse/table"
)

// stepSize is how many bytes of RECORD lines a worker decodes at a time: enough to make hand-over cheap and batches
// large, small enough to keep all workers busy on short streams.
const stepSize = 1 << 20

// step is one piece of the stream in its order: RECORD lines with the states among them, then perhaps one other message
// or the failure that ended the stream.
type step struct {
	chunks  []singer.Chunk // runs of RECORD lines
	first   int64          // ordinal of the first of those records
	plans   plans          // by which they are decoded
	states  []queued       // each with the ordinal of the record before it
	message singer.Message // behind all of that: a message that is neither RECORD nor STATE, or nil
	plan    *plan          // what message was compiled to, if it is a SCHEMA
	fault   error          // why the input cannot be read further behind all of that
	buffer  *[]byte        // storage of chunks, from buffers
	size    int64          // bytes of the lines in chunks
	weight  int64          // bytes held of the in-flight budget

	done     chan struct{} // closed once the fields below are set
	batches  []*table.Batch
	replaced []int64 // for each of batches, how many lone surrogates and bytes that are not UTF-8 became U+FFFD
	last     int64   // ordinal of the last record in batches
	err      error   // why a record of chunks could not be taken; batches hold what stands before it
}

// plan is how the records of one stream are decoded from its latest SCHEMA on.
type plan struct {
	schema []byte // the message that made it, to know a repeated one by
	table  *table.Table
	decode *decode.Plan
}

// plans is an immutable snapshot: a SCHEMA makes a new one.
type plans map[string]*plan

// splitter cuts the input into steps and compiles the schemas it meets.
type splitter struct {
	in       *singer.Reader
	options  Options
	inFlight *semaphore.Weighted
	plans    plans
	ordinal  int64 // of the last record read
	rows     int64 // the most records in a step
	widest   int64 // the most bytes that a row of the plans so far takes beside its texts
}

func newSplitter(in *singer.Reader, o Options, inFlight *semaphore.Weighted) *splitter {
	// A quarter, so that a small BatchRows is kept to and not only checked once a megabyte.
	return &splitter{in: in, options: o, inFlight: inFlight, plans: plans{}, rows: max(1, o.BatchRows/4)}
}

// fewRows is how many rows a step may be limited to before lines are read in runs: a run cannot be limited in rows.
const fewRows = 2000

// buffers holds the text of steps between uses.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, stepSize); return &b }}

// split sends every step to queue, in order, and those with records to work too. A failure of the input travels in the
// last step, behind everything read before it. split returns at the end of input or when ctx has ended.
func (s *splitter) split(ctx context.Context, queue, work chan<- *step) {
	for more := true; more; {
		var next *step
		next, more = s.next()
		next.weight = s.weigh(next)
		if s.inFlight.Acquire(ctx, next.weight) != nil {
			return
		}
		select {
		case queue <- next:
		case <-ctx.Done():
			return
		}
		work <- next // as long as queue, so this waits no longer than queue does
	}
}

// weigh returns how much of the in-flight budget a step takes: its text and the columns made of it, which are alive
// side by side for a while. Short records of a table with many columns take more as columns than as text.
func (s *splitter) weigh(next *step) int64 {
	records := s.ordinal - next.first + 1
	return min(2*next.size+records*s.widest, s.options.MaxMemory/2)
}

// next reads one step and tells whether more can follow. It waits for input only while the step is empty.
func (s *splitter) next() (next *step, more bool) {
	next = &step{first: s.ordinal + 1, plans: s.plans, buffer: buffers.Get().(*[]byte), done: make(chan struct{})}
	for next.size < stepSize && s.ordinal-next.first+1 < s.rows {
		free := (*next.buffer)[next.size:next.size:stepSize]
		if s.rows < fewRows {
			free = nil // one line at a time
		}
		chunk, err := s.in.ReadChunk(free)
		if errors.Is(err, io.EOF) {
			return next, false
		}
		if err != nil {
			next.fault = err
			return next, false
		}
		if chunk.Count > 0 {
			next.chunks = append(next.chunks, chunk)
			next.size += int64(len(chunk.Records))
			s.ordinal += int64(chunk.Count)
		} else if state, ok := chunk.Message.(*singer.State); ok {
			next.states = append(next.states, queued{state.Value, s.ordinal})
		} else if schema, ok := chunk.Message.(*singer.Schema); !ok || !s.repeats(schema) {
			next.message = chunk.Message
			if next.plan, err = s.take(chunk.Message); err != nil {
				next.fault = &singer.LineError{Line: chunk.Line, Offset: chunk.Offset, Err: err}
			}
			return next, next.fault == nil
		}
		if !s.in.Ready() {
			break
		}
	}
	return next, true
}

// take heeds a message that is neither RECORD nor STATE.
func (s *splitter) take(m singer.Message) (*plan, error) {
	switch m := m.(type) {
	case *singer.Schema:
		return s.schema(m)
	case *singer.Batch:
		return nil, &singer.RecordError{Stream: m.Stream, Err: errors.New(
			"a BATCH message hands over rows in files, which target-warehouse does not read: let the tap send RECORD lines (remove its batch_config)")}
	case *singer.ActivateVersion:
		if _, ok := s.plans[m.Stream]; !ok {
			return nil, &singer.RecordError{Stream: m.Stream, Err: errors.New("ACTIVATE_VERSION stands before the stream's SCHEMA")}
		}
	}
	return nil, nil
}

// repeats tells whether a SCHEMA is the one in force. Some taps write it before every few records, which must not cut
// these into as many steps and batches.
func (s *splitter) repeats(m *singer.Schema) bool {
	have := s.plans[m.Stream]
	return have != nil && bytes.Equal(have.schema, textOf(m))
}

func textOf(m *singer.Schema) []byte { return fmt.Appendf(nil, "%q %s", m.KeyProperties, m.Schema) }

func (s *splitter) schema(m *singer.Schema) (*plan, error) {
	t, err := table.Compile(m, s.options.Table)
	if err != nil {
		return nil, err
	}
	p := &plan{schema: textOf(m), table: t, decode: decode.Compile(t, m, decode.Options{
		RunStart: s.options.Run.StartedAt, Now: s.options.Now, Allocator: s.options.Allocator,
	})}
	s.widest = max(s.widest, 8*int64(len(t.Columns)))
	s.plans = maps.Clone(s.plans)
	s.plans[m.Stream] = p
	return p, nil
}
