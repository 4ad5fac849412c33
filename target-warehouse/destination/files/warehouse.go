package files

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"golang.org/x/sync/errgroup"

	"tapline/target-warehouse/destination"
)

// Warehouse is an open directory or bucket of files. It implements [destination.Destination].
type Warehouse struct {
	store    *store
	config   Config
	readOnly bool
	ledger   *ledger
	// unfinished is the newest commit, as long as it is not certain that all of its files have their final names.
	unfinished *entry
	// opening tells the staged files of this Warehouse from those of others.
	opening string
	staged  int // how many files have been staged so far
	loads   int
	// mostBytes is the size that files are ended at. Tests have it smaller.
	mostBytes int64
	// collecting has tables that are being overwritten, by their folder, with what is committed of them so far.
	collecting    map[string]*collection
	unpartitioned map[string]bool // streams that Config.Log was told about
	committed     bool            // at least once
	inDoubt       bool            // whether an entry of the log was created; if so, the next run finishes it
	shown         int64           // the number of the commit that the own tables were last written for people after
}

// collection is what is to take the place of a table's files.
type collection struct {
	known *known
	files []move // whose final names are not complete yet
}

var _ destination.Destination = (*Warehouse)(nil)

// Open opens the place for loading and ends what a killed process has left of a commit. Any number of processes may have
// it open; two runs of one pipeline are kept apart by their fences.
func Open(ctx context.Context, cfg Config) (*Warehouse, error) {
	w, err := open(ctx, cfg, false)
	if err != nil {
		return nil, err
	}
	if err := w.finish(ctx, false); err != nil {
		return nil, errors.Join(err, w.store.bucket.Close())
	}
	return w, nil
}

// OpenReadOnly opens the place for Read and Count and changes nothing in it; Begin fails.
func OpenReadOnly(ctx context.Context, cfg Config) (*Warehouse, error) { return open(ctx, cfg, true) }

func open(ctx context.Context, cfg Config, readOnly bool) (*Warehouse, error) {
	cfg, err := cfg.normalize()
	if err != nil {
		return nil, err
	}
	if err := useZstdCodec(); err != nil {
		return nil, err
	}
	s, err := openStore(ctx, cfg.URL, !readOnly)
	if err != nil {
		return nil, err
	}
	w := &Warehouse{store: s, config: cfg, readOnly: readOnly, ledger: newLedger(), opening: strings.ToLower(rand.Text()),
		mostBytes: mostBytes, collecting: map[string]*collection{}, unpartitioned: map[string]bool{}}
	if err := w.look(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open the files in %s: %w", s.place, err), s.bucket.Close())
	}
	w.shown = w.ledger.Number
	return w, nil
}

// Allocator returns an allocator for the Arrow buffers of batches that go to a Warehouse. Any would do.
func Allocator() memory.Allocator { return memory.NewGoAllocator() }

// look reads what has been committed since the last look.
func (w *Warehouse) look(ctx context.Context) error {
	next, last, err := w.store.catchUp(ctx, w.ledger)
	if err != nil {
		return err
	}
	w.ledger = next
	if last != nil {
		w.unfinished = last
	}
	return nil
}

// finish gives the files of the newest commit their final names. Whoever makes a commit has finished the one before it, so
// no other can be unfinished. With strict, files that are nowhere are a failure; without, somebody has deleted them since.
func (w *Warehouse) finish(ctx context.Context, strict bool) error {
	if w.unfinished == nil {
		return nil
	}
	var workers errgroup.Group
	workers.SetLimit(8)
	for _, m := range w.unfinished.Move {
		workers.Go(func() error { return w.place(ctx, m, strict) })
	}
	err := workers.Wait()
	if err == nil {
		err = w.store.syncFolders(w.unfinished.places()...)
	}
	for _, key := range w.unfinished.Remove {
		if err == nil {
			err = w.store.remove(ctx, key)
		}
	}
	if err == nil {
		err = w.store.syncFolders(w.unfinished.Remove...) // or a machine that goes down could bring them back
	}
	if err != nil {
		return fmt.Errorf("commit %d is valid, but not all of its files could be put in their places, which the next run does: %w", w.unfinished.Number, err)
	}
	w.unfinished = nil
	return nil
}

// places are the final names of the entry's files.
func (e *entry) places() []string {
	var keys []string
	for _, m := range e.Move {
		keys = append(keys, m.To)
	}
	return keys
}

// place gives a file its final name unless it has it.
func (w *Warehouse) place(ctx context.Context, m move, strict bool) error {
	err := w.store.move(ctx, m.From, m.To)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	found, failure := w.store.exists(ctx, m.To)
	if failure != nil {
		return failure
	}
	if strict && !found {
		return err
	}
	return nil
}

// Begin implements [destination.Destination].
func (w *Warehouse) Begin(ctx context.Context) (destination.Load, error) {
	if w.readOnly {
		return nil, errors.New("begin a load: the files are open for reading only")
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("begin a load: %w", err)
	}
	err := w.finish(ctx, false)
	if err == nil && w.loads == 0 {
		err = w.store.exclusive(ctx, w.stagedKey())
	}
	if err != nil {
		return nil, fmt.Errorf("begin a load: %w", err)
	}
	w.loads++
	return newLoad(w, fmt.Sprintf("%s-%d", w.opening, w.loads)), nil
}

// Count implements [destination.Destination]. It tells what was committed; files that others have deleted or added are
// not looked at.
func (w *Warehouse) Count(ctx context.Context, schema, name string) (rows int64, exists bool, err error) {
	if err := w.look(ctx); err != nil {
		return 0, false, fmt.Errorf("count the rows of %s: %w", name, err)
	}
	k := w.ledger.table(schema, name)
	if k == nil {
		return 0, false, nil
	}
	return k.Rows, true, nil
}

// stagedFolder has the files of this Warehouse that are not committed.
func (w *Warehouse) stagedFolder() string { return w.pipelineFolder() + w.opening + "/" }

func (w *Warehouse) pipelineFolder() string { return stagedPlace + part(w.config.Pipeline) + "/" }

// stagedKey names the next staged file.
func (w *Warehouse) stagedKey() string {
	w.staged++
	return fmt.Sprintf("%s%d.part", w.stagedFolder(), w.staged)
}

// clean deletes what earlier runs of the pipeline have staged. They cannot commit it any more, as this one has committed.
func (w *Warehouse) clean(ctx context.Context) error {
	keys, err := w.store.list(ctx, w.pipelineFolder())
	if err != nil {
		return err
	}
	seen := map[string]bool{w.opening: true}
	for _, key := range keys {
		opening, _, _ := strings.Cut(strings.TrimPrefix(key, w.pipelineFolder()), "/")
		if seen[opening] {
			continue
		}
		seen[opening] = true
		if err := w.store.removeAll(ctx, w.pipelineFolder()+opening+"/"); err != nil {
			return err
		}
	}
	return nil
}

// Close implements [destination.Destination]. It deletes what is staged and certainly not committed, and writes tapline's
// own tables for people.
func (w *Warehouse) Close() error {
	ctx := context.Background()
	var err error
	if w.committed && w.shown < w.ledger.Number {
		err = w.show(ctx)
	}
	if !w.readOnly && w.staged > 0 && w.unfinished == nil && !w.inDoubt {
		err = errors.Join(err, w.store.removeAll(ctx, w.stagedFolder()))
	}
	if err = errors.Join(err, w.store.bucket.Close()); err != nil {
		return fmt.Errorf("close the files in %s: %w", w.store.place, err)
	}
	return nil
}
