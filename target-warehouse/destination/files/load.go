package files

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/apache/arrow/go/v15/arrow"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// load implements [destination.Load].
type load struct {
	w       *Warehouse
	id      string
	plans   map[*table.Table]*plan
	changes map[string]*change // by folder
	writing []*dataFile        // files that are not whole yet, the one begun first ahead
	made    []string           // the keys of those that are
	ended   bool
}

func newLoad(w *Warehouse, id string) *load {
	return &load{w: w, id: id, plans: map[*table.Table]*plan{}, changes: map[string]*change{}}
}

// dataFile is a file that rows are being written into.
type dataFile struct {
	plan   *plan
	folder string // below the table's, for a partition
	rows   int64
	out    *upload
	size   *counter
	encoder
}

// encoder writes rows in a format.
type encoder interface {
	// add writes batches, each as the columns of the file; they stay the caller's.
	add(batches [][]arrow.Array) error
	// full tells whether the file had better be ended, whatever its size.
	full() bool
	// end writes what stands at the end of a file.
	end() error
}

// Files are ended when they have this size, as no store copies greater ones than 5 GB in one step, and while there are so
// many others, as each takes memory.
const (
	mostBytes = 1 << 30
	mostOpen  = 16
)

// counter counts and sums up what is written through it, and keeps the first failure to itself until it is asked: the writer of
// Parquet panics where some of its writes fail, and closes a file that failed as if it had not.
type counter struct {
	out io.Writer
	n   int64
	sum hash.Hash
	err error // the first failure; nothing is written behind it
}

func newCounter(out io.Writer) *counter { return &counter{out: out, sum: sha256.New()} }

// Write implements [io.Writer] and never fails.
func (c *counter) Write(p []byte) (int, error) {
	if c.err == nil {
		_, c.err = c.out.Write(p)
		c.n += int64(len(p))
		c.sum.Write(p) // which never fails
	}
	return len(p), nil
}

// Append implements [destination.Load]. Every row is inserted.
func (l *load) Append(ctx context.Context, batches []*table.Batch) (destination.Counts, error) {
	if err := ctx.Err(); err != nil || len(batches) == 0 {
		return destination.Counts{}, err
	}
	t := batches[0].Table
	p := l.plans[t]
	if p == nil {
		return destination.Counts{}, fmt.Errorf("append to table %s: Migrate was not called with its Table in this load", t.Name)
	}
	rows, err := l.append(p, batches)
	if err != nil {
		return destination.Counts{}, fmt.Errorf("append to table %s: %w", t.Name, err)
	}
	return destination.Counts{Inserted: rows}, nil
}

func (l *load) append(p *plan, batches []*table.Batch) (rows int64, err error) {
	parts := map[string][][]arrow.Array{}
	defer func() {
		for _, part := range parts {
			release(part)
		}
	}()
	var folders []string
	for _, b := range batches {
		if err := checkBatch(p.t, b); err != nil {
			return 0, err
		}
		if b.Rows.NumRows() == 0 {
			continue
		}
		rows += b.Rows.NumRows()
		names, divided, err := p.divide(b)
		if err != nil {
			return 0, err
		}
		for _, name := range names {
			if parts[name] == nil {
				folders = append(folders, name)
			}
			parts[name] = append(parts[name], divided[name])
		}
	}
	for _, folder := range folders {
		if err := l.write(p, folder, parts[folder]); err != nil {
			return 0, err
		}
	}
	return rows, nil
}

// divide gives a batch's columns the types of the file's, and parts its rows by the folder they belong in.
func (p *plan) divide(b *table.Batch) (folders []string, parts map[string][]arrow.Array, err error) {
	var columns []arrow.Array
	for i, c := range p.t.Columns {
		columns = append(columns, cast(b.Rows.Column(i), c.Type, p.columns[i].Type))
	}
	if p.partition < 0 {
		return []string{""}, map[string][]arrow.Array{"": columns}, nil
	}
	defer release([][]arrow.Array{columns})
	return split(columns, b.Rows.Column(p.partition), p.period)
}

func release(batches [][]arrow.Array) {
	for _, columns := range batches {
		for _, c := range columns {
			c.Release()
		}
	}
}

// checkBatch finds a batch that is not of its Table's shape.
func checkBatch(t *table.Table, b *table.Batch) error {
	if b.Table != t {
		return errors.New("the batches are of several Tables")
	}
	if b.Rows.NumCols() != int64(len(t.Columns)+1) {
		return fmt.Errorf("a batch has %d columns where the Table has %d and the ordinal", b.Rows.NumCols(), len(t.Columns))
	}
	for i, c := range t.Columns {
		if got := b.Rows.Column(i).DataType(); !arrow.TypeEqual(got, c.Type.Arrow()) {
			return fmt.Errorf("a batch has %s in column %q where %s is due", got, c.Name, c.Type.Arrow())
		}
		if !c.Nullable && b.Rows.Column(i).NullN() > 0 {
			return fmt.Errorf("a row has no value in the key column %q", c.Name)
		}
	}
	return nil
}

// write adds rows to the file for them, a row group at a time, as there may be more of them than belong in one file.
func (l *load) write(p *plan, folder string, batches [][]arrow.Array) error {
	for len(batches) > 0 {
		n := groupOf(batches, l.w.config.RowGroupBytes)
		f, err := l.file(p, folder)
		if err != nil {
			return err
		}
		if err := cmp.Or(f.add(batches[:n]), f.size.err); err != nil {
			return err
		}
		for _, b := range batches[:n] {
			f.rows += int64(b[0].Len())
		}
		if f.size.n >= l.w.mostBytes || f.full() {
			if err := l.complete(f); err != nil {
				return err
			}
		}
		batches = batches[n:]
	}
	return nil
}

// groupOf is how many batches, from the first one on, make a row group of at most so many bytes, or of one batch.
func groupOf(batches [][]arrow.Array, groupBytes int64) (n int) {
	for size := int64(0); n < len(batches); n++ {
		if size += bytesOf(batches[n]); n > 0 && size > groupBytes {
			break
		}
	}
	return n
}

// file returns the file that takes rows of a plan for a folder, and begins one if need be.
func (l *load) file(p *plan, folder string) (*dataFile, error) {
	for _, f := range l.writing {
		if f.plan == p && f.folder == folder {
			return f, nil
		}
	}
	if len(l.writing) >= mostOpen {
		if err := l.complete(l.writing[0]); err != nil {
			return nil, err
		}
	}
	// The file lives longer than one call of Append, whose context ends no more than that.
	out, err := l.w.store.create(context.Background(), l.w.stagedKey())
	if err != nil {
		return nil, err
	}
	f := &dataFile{plan: p, folder: folder, out: out, size: newCounter(out)}
	if f.encoder, err = l.encoder(p, f.size); err != nil {
		out.abort()
		return nil, err
	}
	l.writing = append(l.writing, f)
	return f, nil
}

func (l *load) encoder(p *plan, out *counter) (encoder, error) {
	switch {
	case p.t.Own:
		return newLines(out, p.columns, "none")
	case p.jsonl:
		return newLines(out, p.columns, l.w.config.Compression)
	}
	return newParquet(out, p.columns, l.w.config.Compression, l.w.config.RowGroupBytes)
}

// suffix ends the names of a plan's files.
func (l *load) suffix(p *plan) string {
	if p.t.Own {
		return ".jsonl"
	}
	return l.w.config.suffix()
}

// complete ends a file, which is then one of its table's as far as this load is concerned.
func (l *load) complete(f *dataFile) error {
	l.forget(f)
	if err := cmp.Or(f.end(), f.size.err); err != nil {
		f.out.abort()
		return err
	}
	if err := f.out.close(); err != nil {
		return err
	}
	l.made = append(l.made, f.out.key)
	c := f.plan.change
	c.files = append(c.files, move{From: f.out.key, To: c.folder + f.folder, Rows: f.rows, sum: f.size.sum.Sum(nil)})
	return nil
}

func (l *load) forget(f *dataFile) {
	for i, other := range l.writing {
		if other == f {
			l.writing = append(l.writing[:i], l.writing[i+1:]...)
			return
		}
	}
}

// completeAll ends the files of a change, or all of them for nil.
func (l *load) completeAll(c *change) error {
	for i := 0; i < len(l.writing); {
		if f := l.writing[i]; c == nil || f.plan.change == c {
			if err := l.complete(f); err != nil {
				return err
			}
			continue
		}
		i++
	}
	return nil
}

// Activate implements [destination.Load]. Only a table that is overwritten changes; see [Limits].
func (l *load) Activate(ctx context.Context, t *table.Table, _ destination.Activation) (destination.Counts, error) {
	if err := ctx.Err(); err != nil {
		return destination.Counts{}, err
	}
	p := l.plans[t]
	if p == nil {
		return destination.Counts{}, fmt.Errorf("activate a version of table %s: Migrate was not called with its Table in this load", t.Name)
	}
	if t.Method != table.Overwrite {
		return destination.Counts{}, nil
	}
	c := p.change
	if err := l.completeAll(c); err != nil {
		return destination.Counts{}, fmt.Errorf("activate a version of table %s: %w", t.Name, err)
	}
	return destination.Counts{Deleted: l.activate(c)}, nil
}

// activate lets what was collected take the place of the table's rows, and returns how many those are.
func (l *load) activate(c *change) (replaced int64) {
	if c.Replaced {
		replaced, c.Rows = c.Rows, 0
		c.active = nil
	} else if k := l.w.ledger.table(c.Schema, c.Name); k != nil {
		replaced = k.Rows
	}
	if collected := l.w.collecting[c.folder]; collected != nil && !c.Replaced {
		c.active = append(c.active, collected.files...)
	}
	c.active = append(c.active, c.files...)
	for _, m := range c.active {
		c.Rows += m.Rows
	}
	c.Replaced, c.files = true, nil
	return replaced
}

// Rollback implements [destination.Load].
func (l *load) Rollback() error {
	if l.ended {
		return nil
	}
	l.ended = true
	for _, f := range l.writing {
		f.out.abort()
	}
	for _, key := range l.made {
		if err := l.w.store.remove(context.Background(), key); err != nil {
			return fmt.Errorf("roll back: %w", err)
		}
	}
	return nil
}
