package duckdb

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// feed is an INSERT that goes on from one Append to the next, while the rows that it will get are decoded. DuckDB divides
// among its threads what one statement reads, and each of them copies, compresses and writes row groups of its own. What a
// single Append brings is too little for that. Of the statement alone, two threads take two thirds of the time of one; a load
// that keeps both processors busy with decoding, too, takes a tenth to a fifth less.
//
// A feed holds the load's connection, and ends before anything else is done there. Only then do those of its failures
// come to light that no Append has met with.
type feed struct {
	plan     *plan
	schema   *arrow.Schema
	rows     int64 // handed over
	batches  chan arrow.Record
	reading  sync.Mutex      // DuckDB's threads ask in turns anyway; this lets Go know
	current  arrow.Record    // the one that was asked for last
	stopped  <-chan struct{} // closed by stop
	stop     func()          // makes the statement fail
	ended    chan struct{}   // closed when the statement has ended
	inserted int64           // rows, as DuckDB says; known once the statement has ended, and so is
	err      error           // why it failed
}

const (
	// leastFeed is how large the first Append of a feed must be, in bytes. Where streams take turns, each has a share that
	// is smaller, and every turn of a feed would leave row groups that are not full.
	leastFeed = 32 << 20
	// mostThreads is how many threads of DuckDB a feed has at most.
	mostThreads = 4
	// columnBytes is what a thread takes for each column of a row group beside the values: a block of 256 KiB for the last
	// of these, one for its NULLs, and one for what it compresses.
	columnBytes = 3 * 256 << 10
)

// Eager implements [destination.Eager].
func (w *Warehouse) Eager(t *table.Table) int64 {
	if w.unfed(t) {
		return 0
	}
	return leastFeed
}

// unfed tells for which tables there are no feeds.
func (w *Warehouse) unfed(t *table.Table) bool {
	return t.Own || t.Keyed() || t.Method == table.History || w.shared
}

// feedThreads is how many threads there is memory for to write rows such as these, or 0 where a feed may not be.
func (l *load) feedThreads(p *plan, bytes, rows int64) int {
	if bytes < l.w.feedBytes || l.w.unfed(p.t) {
		return 0
	}
	for i := range p.t.Columns {
		if p.inexact(i) {
			return 0 // the table may have to be altered between two Appends
		}
	}
	threads := min(mostThreads, runtime.GOMAXPROCS(0))
	if l.w.room > 0 {
		each := bytes/rows*rowGroup + int64(len(p.all))*columnBytes
		threads = min(threads, int(2*l.w.room/each))
	}
	return threads
}

// startFeed begins a feed into the plan's table.
func (l *load) startFeed(ctx context.Context, p *plan, threads int) error {
	f := &feed{plan: p, schema: schemaOf(p.t, p.everyColumn()), batches: make(chan arrow.Record), ended: make(chan struct{})}
	if err := l.w.setThreads(ctx, threads); err != nil {
		return err
	}
	free, err := makeView(l.conn, f)
	if err != nil {
		return err
	}
	// The statement outlives the call that begins it.
	going, stop := context.WithCancel(context.WithoutCancel(ctx))
	f.stop, f.stopped = stop, going.Done()
	l.feed = f
	go func() {
		defer close(f.ended)
		defer free()
		f.inserted, f.err = l.exec(going, p.insertion(own(l.catalog, rowsView)))
	}()
	return nil
}

// feedRows hands rows to the feed, which is of their Table. It returns when DuckDB has asked for all of them.
func (l *load) feedRows(ctx context.Context, batches []*table.Batch, rows int64) (destination.Counts, error) {
	f := l.feed
	if err := ctx.Err(); err != nil {
		return destination.Counts{}, f.failure(err)
	}
	f.rows += rows
	l.adds(f.plan, rows)
	for _, b := range batches {
		if err := f.hand(ctx, array.NewRecord(f.schema, b.Rows.Columns(), b.Rows.NumRows())); err != nil {
			return destination.Counts{}, f.failure(err)
		}
	}
	if l.w.room > 0 {
		u, err := l.w.usage(ctx)
		if err == nil && u.cached > l.w.room/4 {
			err = l.endFeed(ctx) // what is cached is given up between statements
		}
		if err != nil {
			return destination.Counts{}, err
		}
	}
	return destination.Counts{Inserted: rows}, nil
}

// hand waits until DuckDB asks for rows and gives it these.
func (f *feed) hand(ctx context.Context, r arrow.Record) error {
	select {
	case f.batches <- r:
		return nil
	case <-f.ended:
		r.Release()
		return f.result()
	case <-ctx.Done():
		r.Release()
		return ctx.Err()
	}
}

// result is what is wrong with the ended statement.
func (f *feed) result() error {
	if f.err != nil {
		return f.err
	}
	return due("inserted", f.inserted, f.rows)
}

func (f *feed) failure(err error) error {
	return fmt.Errorf("append to table %s: insert rows: %w", f.plan.t.Name, explain(err))
}

// endFeed waits until all rows of the feed are in their table, if there is a feed.
func (l *load) endFeed(ctx context.Context) error {
	f := l.feed
	if f == nil {
		return nil
	}
	close(f.batches)
	select {
	case <-f.ended:
	case <-ctx.Done():
		f.stop()
	}
	l.dropFeed()
	if err := f.result(); err != nil {
		return f.failure(err)
	}
	if _, err := l.exec(ctx, "DROP VIEW "+own(l.catalog, rowsView)); err != nil {
		return f.failure(err)
	}
	return l.w.trim(ctx)
}

// endOtherFeed does so unless the feed is that of t's table.
func (l *load) endOtherFeed(ctx context.Context, t *table.Table) error {
	if l.feed != nil && l.feed.plan.t == t {
		return nil
	}
	return l.endFeed(ctx)
}

// dropFeed waits until the feed's statement has ended, and fails it if it has not been given all rows. The connection
// is free then.
func (l *load) dropFeed() {
	f := l.feed
	if f == nil {
		return
	}
	l.feed = nil
	f.stop()
	<-f.ended
	// More threads than the next statements need do no harm.
	_ = l.w.setThreads(context.Background(), 1)
}

// setThreads says how many threads DuckDB has for a statement.
func (w *Warehouse) setThreads(ctx context.Context, n int) error {
	_, err := w.db.ExecContext(ctx, fmt.Sprint("SET GLOBAL threads = ", n))
	return err
}

// DuckDB reads a feed as an [array.RecordReader], with whichever of its threads needs rows. It is the only owner.

func (f *feed) Retain() {}

func (f *feed) Release() {
	f.reading.Lock()
	defer f.reading.Unlock()
	f.drop()
}

func (f *feed) Schema() *arrow.Schema { return f.schema }

func (f *feed) Record() arrow.Record {
	f.reading.Lock()
	defer f.reading.Unlock()
	return f.current
}

// Next waits for rows. Those before them are given back, because DuckDB holds them for itself by now.
func (f *feed) Next() bool {
	f.reading.Lock()
	defer f.reading.Unlock()
	f.drop()
	select {
	case r, more := <-f.batches:
		f.current = r
		return more
	case <-f.stopped:
		return false
	}
}

func (f *feed) drop() {
	if f.current != nil {
		f.current.Release()
		f.current = nil
	}
}

// Err makes the statement fail whose feed was dropped.
func (f *feed) Err() error {
	select {
	case <-f.stopped:
		return errors.New("the load was given up")
	default:
		return nil
	}
}
