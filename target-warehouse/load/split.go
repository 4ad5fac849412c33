package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"time"

	"golang.org/x/sync/semaphore"

	"tapline/singer"
	"tapline/target-warehouse/batch"
	"tapline/target-warehouse/decode"
	"tapline/target-warehouse/table"
)

// stepSize is how many bytes of RECORD lines a worker decodes at a time, or up to eight times as much where many streams
// take turns, so that their batches are not all tiny: enough to make hand-over cheap and batches
// large, small enough to keep all workers busy on short streams.
const stepSize = 1 << 20

// giant is more bytes than a step has but for one long line.
const giant = 10 * stepSize

// step is one piece of the stream in its order: RECORD lines with the states among them, then perhaps one other message
// or the failure that ended the stream. The records of a BATCH message are steps behind the one with the message.
type step struct {
	runs     []run
	first    int64          // ordinal of the first record of runs
	received time.Time      // when they were; never before those of an earlier step
	plans    plans          // by which they are decoded
	states   []queued       // each with the ordinal of the record before it
	message  singer.Message // behind all of that: a message that is neither RECORD nor STATE, or nil
	plan     *plan          // of the message's stream
	fault    error          // why the input cannot be read further behind all of that
	buffer   []byte         // for the text of runs, from storage
	storage  storage
	size     int64       // bytes of the lines in runs
	stated   int64       // bytes of states
	weight   int64       // bytes held of the in-flight budget
	used     *batch.File // a file of a BATCH message that ends with this step
	whole    *whole      // a file of a BATCH message in the place of runs; nil for none

	rejects []reject      // lines that were skipped, and then what the worker adds
	done    chan struct{} // closed once the fields below are set
	decoded []decoded
	last    int64 // ordinal of the last record in decoded
	err     error // why a record of runs could not be taken; decoded holds what stands before it
}

// run is a run of records: RECORD lines or, with a stream, the lines of a file of a BATCH message.
type run struct {
	singer.Chunk
	first      int64 // ordinal of the first
	stream     string
	version    int64 // of the BATCH message, if hasVersion
	hasVersion bool
	file       *batch.File
	line       int64 // of the first record in file
}

// plan is how the records of one stream are decoded from its latest SCHEMA on.
type plan struct {
	schema     []byte // the message that made it, to know a repeated one by
	table      *table.Table
	decode     *decode.Plan
	version    int64 // what the stream's last ACTIVATE_VERSION in this run made active, if hasVersion
	hasVersion bool
}

// plans is an immutable snapshot: a SCHEMA or an ACTIVATE_VERSION makes a new one.
type plans map[string]*plan

// splitter cuts the input into steps and compiles the schemas it meets.
type splitter struct {
	in       *singer.Reader
	options  Options
	inFlight *semaphore.Weighted
	storage  storage
	plans    plans
	ordinal  int64                        // of the last record read
	step     int64                        // the bytes in a step
	rows     int64                        // the most records in a step
	received time.Time                    // of the last step
	skipped  int64                        // number of the last line that was skipped
	files    *files                       // of the BATCH message being read; nil for none
	places   map[string]string            // by schema and name of a table: the stream that it belongs to
	names    map[string]map[string]string // by stream and path: the column that a value has had so far
	widest   int64                        // the most columns that a plan so far has
}

func newSplitter(in *singer.Reader, o Options, inFlight *semaphore.Weighted) *splitter {
	s := &splitter{in: in, options: o, inFlight: inFlight, plans: plans{}, names: map[string]map[string]string{}, places: map[string]string{}, step: stepSize}
	s.storage = make(storage, 2*max(1, o.Workers)+1)
	// A quarter, so that a small BatchRows is kept to and not only checked once a megabyte.
	s.rows = max(1, o.BatchRows/4)
	for stream, names := range o.Memory.Names {
		s.names[stream] = maps.Clone(names)
	}
	return s
}

// fewRows is how many rows a step may be limited to before lines are read in runs: a run cannot be limited in rows.
const fewRows = 2000

// storage holds the buffers that the text of steps was in, to be used again: fresh ones cost as much as reading into them.
type storage chan []byte

func (s storage) get() []byte {
	select {
	case buffer := <-s:
		return buffer
	default:
		return make([]byte, 0, stepSize)
	}
}

func (s storage) put(buffer []byte) {
	select {
	case s <- buffer:
	default:
	}
}

// split sends every step to queue, in order, and those with records to work too. A failure of the input travels in the
// last step, behind everything read before it. split returns at the end of input or when ctx has ended.
func (s *splitter) split(ctx context.Context, queue, work chan<- *step) {
	defer s.closeFile()
	for more := true; more; {
		var next *step
		next, more = s.next(ctx)
		if now := s.options.Now(); now.After(s.received) {
			s.received = now
		}
		next.received = s.received
		next.weight = s.weigh(next)
		if s.inFlight.Acquire(ctx, next.weight) != nil {
			return
		}
		select {
		case queue <- next:
		case <-ctx.Done():
			return
		}
		work <- next
	}
}

// weigh returns how much of the in-flight budget a step takes at most: its text and the columns made of it, which are
// alive side by side for a while. A giant line also blows up the buffers of its decoder, and a buffer that grows is there
// twice. Short records of a table with many columns take more as columns than as text, and where
// many streams take turns, what is kept about their small batches takes more than both.
func (s *splitter) weigh(next *step) int64 {
	if next.whole != nil {
		return 0 // nothing of it is in memory
	}
	records := s.ordinal - next.first + 1
	batches := min(records, int64(len(s.plans)))
	size := 2 * next.size
	if next.size > giant {
		size = 4 * next.size
	}
	return min(size+next.stated+(8*records+perColumn*batches)*s.widest, s.options.MaxMemory/2)
}

// next reads one step and tells whether more can follow. It waits for input only while the step is empty.
func (s *splitter) next(ctx context.Context) (next *step, more bool) {
	next = &step{first: s.ordinal + 1, plans: s.plans, buffer: s.storage.get(), storage: s.storage, done: make(chan struct{})}
	if s.files != nil {
		next.fault = s.readFile(ctx, next)
		return next, next.fault == nil
	}
	for next.size+next.stated < s.step && s.ordinal-next.first+1 < s.rows {
		free := next.room()
		if s.rows < fewRows {
			free = nil // one line at a time
		}
		chunk, err := s.in.ReadChunk(free)
		if errors.Is(err, io.EOF) {
			return next, false
		}
		if err != nil {
			if next.fault = s.badLine(next, err); next.fault != nil {
				return next, false
			}
			continue
		}
		if chunk.Count > 0 {
			next.add(run{Chunk: chunk, first: s.ordinal + 1})
			s.ordinal += int64(chunk.Count)
		} else if state, ok := chunk.Message.(*singer.State); ok {
			next.states = append(next.states, queued{state.Value, s.ordinal})
			next.stated += int64(len(state.Value))
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

func (s *step) add(r run) {
	s.runs = append(s.runs, r)
	s.size += int64(len(r.Records))
}

// room is what is left of the step's storage for text.
func (s *step) room() []byte {
	if s.size >= stepSize {
		return make([]byte, 0, stepSize)
	}
	return s.buffer[s.size:s.size:stepSize]
}

// take heeds a message that is neither RECORD nor STATE. It returns the plan of its stream.
func (s *splitter) take(m singer.Message) (*plan, error) {
	var stream string
	switch m := m.(type) {
	case *singer.Schema:
		return s.schema(m)
	case *singer.Batch:
		stream = m.Stream
		s.files = &files{message: m}
	case *singer.ActivateVersion:
		stream = m.Stream
	}
	have, ok := s.plans[stream]
	if !ok {
		return nil, &singer.RecordError{Stream: stream, Err: errors.New("a message about the stream stands before its SCHEMA: the tap must write the SCHEMA first")}
	}
	if v, ok := m.(*singer.ActivateVersion); ok {
		active := *have
		active.version, active.hasVersion = v.Version, true
		s.put(stream, &active)
	}
	return have, nil
}

func (s *splitter) put(stream string, p *plan) {
	s.plans = maps.Clone(s.plans)
	s.plans[stream] = p
	most := max(stepSize, min(8*stepSize, s.options.MaxMemory/64))
	s.step = min(most, stepSize*int64(1+len(s.plans)/64))
}

// repeats tells whether a SCHEMA is the one in force. Some taps write it before every few records, which must not cut
// these into as many steps and batches.
func (s *splitter) repeats(m *singer.Schema) bool {
	have := s.plans[m.Stream]
	return have != nil && bytes.Equal(have.schema, textOf(m))
}

func textOf(m *singer.Schema) []byte { return fmt.Appendf(nil, "%q %s", m.KeyProperties, m.Schema) }

func (s *splitter) schema(m *singer.Schema) (*plan, error) {
	fail := func(err error) (*plan, error) { return nil, &singer.RecordError{Stream: m.Stream, Err: err} }
	if s.options.KeyRequired && len(m.KeyProperties) == 0 {
		return fail(errors.New("its SCHEMA has no key_properties, and primary_key_required is on"))
	}
	o := s.options.Table
	o.Names = s.names[m.Stream]
	if len(m.KeyProperties) > 0 && s.options.History(m.Stream) {
		o.Method = table.History
	}
	t, err := table.Compile(m, o)
	if err != nil {
		return nil, err
	}
	if err := s.refuseMixed(t); err != nil {
		return fail(err)
	}
	settings := decode.Options{RunStart: s.options.Run.StartedAt, Now: s.options.Now, Allocator: s.options.Allocator, NoNUL: s.options.NoNUL}
	if s.options.Validate != nil {
		if settings.Strict, err = s.options.Validate(m); err != nil {
			return fail(err)
		}
	}
	place := t.Schema + "\x00" + t.Name
	if other, taken := s.places[place]; taken && other != m.Stream {
		return fail(fmt.Errorf("it would be loaded into the table %s of stream %s; rename one of them in the tap, or load it by another run into another schema", t.Name, other))
	}
	s.places[place] = m.Stream
	s.remember(t)
	s.widest = max(s.widest, int64(len(t.Columns)))
	p := &plan{schema: textOf(m), table: t, decode: decode.Compile(t, m, settings)}
	if have := s.plans[m.Stream]; have != nil {
		p.version, p.hasVersion = have.version, have.hasVersion
	}
	s.put(m.Stream, p)
	return p, nil
}

// remember keeps the names of columns for the SCHEMAs to come.
func (s *splitter) remember(t *table.Table) {
	names := s.names[t.Stream]
	if names == nil {
		names = map[string]string{}
		s.names[t.Stream] = names
	}
	for _, c := range t.Columns {
		if c.Property != "" {
			names[c.Path()] = c.Name
		}
	}
}
