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
	"tapline/target-warehouse/table"
)

// Options says how a load runs. Zero sizes and times take the defaults.
type Options struct {
	Table     table.Options
	Allocator memory.Allocator // of the memory that batches live in; the destination says which

	BatchRows  int64         // a stream with so many rows that are not durable is committed; default 1,000,000
	BatchBytes int64         // everything is committed when so many bytes were read since the last commit; default 2 GiB
	BatchWait  time.Duration // nothing read waits longer for its commit; default 10 s
	MaxMemory  int64         // bytes that records may take between input and destination; default 512 MiB
	Workers    int           // decoders side by side; default one for each processor

	Run         destination.Run // ID, Pipeline, Version and StartedAt as they are to be recorded
	Interrupted func() bool     // tells after the end of input whether a signal ended it
	Metrics     *singer.Metrics
	Log         *slog.Logger
	Now         func() time.Time
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
}

func setDefault[T int | int64 | time.Duration](value *T, fallback T) {
	if *value <= 0 {
		*value = fallback
	}
}

// Run loads everything that in gives and calls emit, from one goroutine, with each state that has become durable.
//
// When a line cannot be taken, what stands before it is made durable and the states that this covers are emitted; then
// Run returns the failure. When the destination fails, the open commit group is undone and earlier ones stand. The Run
// returned is what the last commit recorded, in both cases.
func Run(ctx context.Context, in *singer.Reader, dest destination.Destination, emit func(json.RawMessage) error, o Options) (destination.Run, error) {
	o.setDefaults()
	c := newCommitter(dest, emit, o)
	if err := c.start(ctx); err != nil {
		return c.run, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	inFlight := semaphore.NewWeighted(o.MaxMemory / 2)
	// The queue keeps the order; its length bounds only the number of steps, inFlight bounds their bytes.
	queue := make(chan *step, 4*o.Workers+64)
	work := make(chan *step, cap(queue))
	go func() {
		defer close(queue)
		defer close(work)
		newSplitter(in, o, inFlight).split(ctx, queue, work)
	}()
	for range o.Workers {
		go decodeSteps(work, o)
	}
	err := c.consume(ctx, queue, inFlight)
	// After a failure the splitter may still wait for input that never comes, so nobody waits for it here.
	cancel()
	go discard(queue)
	return c.run, c.finish(ctx, err)
}

// discard releases what nobody will commit.
func discard(queue <-chan *step) {
	for s := range queue {
		<-s.done
		release(s.batches)
	}
}

func release(batches []*table.Batch) {
	for _, b := range batches {
		b.Rows.Release()
	}
}
