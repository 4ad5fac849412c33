// Package load brings a Singer stream into a destination.
//
//	input -> splitter -> decode workers -> committer -> destination, then the state
//
// The splitter cuts the stream into steps: RECORD lines with the states among them, and single other messages. Workers
// decode steps in parallel, each under the snapshot of schema plans that held where the step stands. The committer takes
// the steps in their order and gathers batches by stream. When memory fills it stages them in the destination's open
// load; by time, rows or bytes it commits that load. The ledger tells it which state a commit covers, and a state is
// emitted only after the commit that holds it.
package load

import (
	"context"
	"encoding/json"
	"log/slog"
	"runtime"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"tapline/singer"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/journal"
	"tapline/target-warehouse/table"
)

// Options says how a load runs. Zero sizes and times take the defaults.
type Options struct {
	Table     table.Options            // of every stream; Names comes from Memory
	History   func(stream string) bool // which streams keep the history of their rows; nil for none
	Allocator memory.Allocator         // of the memory that batches live in; the destination says which

	BatchRows  int64         // a stream with so many rows that are not durable is committed; default 1,000,000
	BatchBytes int64         // everything is committed when so many bytes were read since the last commit; default 2 GiB
	BatchWait  time.Duration // nothing read waits longer for its commit; default 10 s
	FlushAll   bool          // BatchRows of one stream commit all streams
	MaxMemory  int64         // bytes that records may take between input and destination; default 512 MiB
	Workers    int           // decoders side by side; default one for each processor

	IgnoreVersions bool // ACTIVATE_VERSION is not acted on
	KeyRequired    bool // a SCHEMA without key_properties is refused
	NoNUL          bool // the destination's text has no NUL characters, so that a key with one is refused
	// Validate makes the strict judge of a SCHEMA's records, whose failures are those of bad records; nil for none.
	Validate func(*singer.Schema) (func(record []byte) error, error)
	// RejectBad leaves out a record that cannot be a row, and records it, instead of failing; SkipInvalid does so with a
	// line that is no message. After more than MaxRejected of them, unless that is 0, the load fails nevertheless.
	RejectBad, SkipInvalid bool
	MaxRejected            int64
	// DeleteBatches removes the local files of BATCH messages once they are durable.
	DeleteBatches bool

	Run         journal.Run     // ID, Pipeline, Integration, Version, Host and StartedAt as they are to be recorded
	Memory      *journal.Memory // what earlier runs of the pipeline left; nil for nothing
	Interrupted func() bool     // tells after the end of input whether a signal ended it
	Metrics     *singer.Metrics
	Log         *slog.Logger
	Now         func() time.Time

	rejects      *table.Table // of destination.Rejects
	takesParquet bool         // the destination's loads are of [destination.ParquetLoad]
}

func (o *Options) setDefaults() {
	setDefault(&o.MaxMemory, 512<<20)
	setDefault(&o.BatchRows, 1_000_000)
	setDefault(&o.BatchBytes, 2<<30)
	setDefault(&o.BatchWait, 10*time.Second)
	setDefault(&o.Workers, runtime.GOMAXPROCS(0))
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Metrics == nil {
		o.Metrics = &singer.Metrics{}
	}
	if o.Interrupted == nil {
		o.Interrupted = func() bool { return false }
	}
	if o.History == nil {
		o.History = func(string) bool { return false }
	}
	if o.Memory == nil {
		o.Memory = &journal.Memory{}
	}
	o.rejects = destination.Rejects.Shape()
}

func setDefault[T int | int64 | time.Duration](value *T, fallback T) {
	if *value <= 0 {
		*value = fallback
	}
}

// Run loads everything that in gives and calls emit, from one goroutine, with each state that has become durable.
//
// When a line cannot be taken, what stands before it is made durable and the states that this covers are emitted; then
// Run returns the failure. When the destination fails, the open commit group is undone and earlier ones stand. The Result is what the last commit recorded, in both cases.
func Run(ctx context.Context, in *singer.Reader, dest destination.Destination, emit func(json.RawMessage) error, o Options) (*Result, error) {
	o.setDefaults()
	c := newCommitter(dest, emit, o)
	if err := c.start(ctx); err != nil {
		c.undo()
		return c.result(), err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	inFlight := semaphore.NewWeighted(o.MaxMemory / 2)
	// The queue keeps the order; its length bounds only the number of steps, inFlight bounds their bytes.
	queue := make(chan *step, 4*o.Workers+64)
	// Few steps wait for a worker, so that their text is still in the processor's cache when its turn comes. While they
	// wait, more is read ahead, and the next step is a full one.
	work := make(chan *step, o.Workers)
	go func() {
		defer close(queue)
		defer close(work)
		newSplitter(in, c.options, inFlight).split(ctx, queue, work)
	}()
	for range o.Workers {
		go decodeSteps(work, o)
	}
	err := c.consume(ctx, queue, inFlight)
	// After a failure the splitter may still wait for input that never comes, so nobody waits for it here.
	cancel()
	go discard(queue)
	err = c.finish(ctx, err)
	return c.result(), err
}

// Result is what became of a load.
type Result struct {
	Run    journal.Run
	Tables map[string]journal.Table // by stream, of the streams whose SCHEMA was read
}

// discard releases what nobody will commit.
func discard(queue <-chan *step) {
	for s := range queue {
		<-s.done
		if s.whole != nil {
			s.whole.run.file.Close()
		}
		for _, d := range s.decoded {
			d.release()
		}
	}
}
