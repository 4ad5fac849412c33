package duckdb

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// Append implements [destination.Load]. Counts are those of the rows applied one by one: of two rows with one key, the
// second counts as updated. They do not depend on how rows are cut into batches. What DuckDB says it did is held
// against the number of rows handed over, and a difference is a failure.
func (l *load) Append(ctx context.Context, batches []*table.Batch) (destination.Counts, error) {
	if len(batches) == 0 {
		return destination.Counts{}, nil
	}
	t := batches[0].Table
	if l.plans[t] == nil {
		return destination.Counts{}, fmt.Errorf("append to table %s: Migrate was not called with its Table in this load", t.Name)
	}
	if err := l.endOtherFeed(ctx, t); err != nil {
		return destination.Counts{}, err
	}
	p, err := l.migrate(ctx, t)
	if err != nil {
		return destination.Counts{}, fmt.Errorf("append to table %s: %w", t.Name, err)
	}
	rows, bytes := int64(0), int64(0)
	for _, b := range batches {
		if err := checkBatch(t, b); err != nil {
			return destination.Counts{}, fmt.Errorf("append to table %s: %w", t.Name, err)
		}
		rows += b.Rows.NumRows()
		bytes += b.Bytes
	}
	if rows == 0 {
		return destination.Counts{}, nil
	}
	if err := l.w.keepApart(ctx, bytes, rows); err != nil {
		return destination.Counts{}, fmt.Errorf("append to table %s: %w", t.Name, err)
	}
	if threads := l.feedThreads(p, bytes, rows); l.feed == nil && threads > 1 {
		if err := l.startFeed(ctx, p, threads); err != nil {
			return destination.Counts{}, fmt.Errorf("append to table %s: %w", t.Name, err)
		}
	}
	if l.feed != nil {
		return l.feedRows(ctx, batches, rows)
	}
	if p, err = l.makeRoom(ctx, p, batches); err != nil {
		return destination.Counts{}, fmt.Errorf("append to table %s: %w", t.Name, err)
	}
	first, last := ordinals(batches)
	return l.appendFrom(ctx, p, source{
		rows:      rows,
		first:     first,
		last:      last,
		keys:      keyBytes(t, batches),
		someValue: func(i int) bool { return someValue(batches, i) },
		distinct:  func() bool { return distinctKeys(t, batches) },
		lend: func(ctx context.Context, columns []int, f func(view string) error) error {
			return l.withRows(ctx, t, columns, batches, f)
		},
	})
}

// source is where the rows of an Append come from. Their columns are named by position, with table.Ordinal behind them.
type source struct {
	rows        int64
	first, last int64 // the least and the greatest of their ordinals
	keys        int64 // about what their keys take in memory, in bytes
	// someValue reports whether any row may have a value in the i-th column.
	someValue func(i int) bool
	// distinct reports whether it is certain that no two rows have one key.
	distinct func() bool
	// lend gives the given columns to a statement that reads each of them, and reads them once.
	lend func(ctx context.Context, columns []int, f func(view string) error) error
}

// manyRows is how many rows an Append must bring for DuckDB to do better with several threads, each of which writes whole row
// groups of them. Of 60,000 rows two threads leave row groups that are not full, which a checkpoint joins: a load takes half
// as long again then. Of a million they save a fifth.
const manyRows = 8 * rowGroup

// appendFrom adds the rows of a source as the plan's Table says.
func (l *load) appendFrom(ctx context.Context, p *plan, from source) (destination.Counts, error) {
	appendRows := l.upsert
	switch {
	case p.t.Method == table.History:
		appendRows = l.appendHistory
	case !p.t.Keyed():
		appendRows = l.insertAll
	}
	l.adds(p, from.rows)
	if from.rows >= manyRows && !l.w.shared {
		if err := l.w.setThreads(ctx, min(mostThreads, runtime.GOMAXPROCS(0))); err != nil {
			return destination.Counts{}, err
		}
		defer l.w.setThreads(context.WithoutCancel(ctx), 1)
	}
	counts, err := appendRows(ctx, p, from)
	if err == nil {
		err = l.w.trim(ctx)
	}
	if err != nil {
		return destination.Counts{}, fmt.Errorf("append to table %s: %w", p.t.Name, explain(err))
	}
	return counts, nil
}

// checkBatch finds a batch that is not of its Table's shape, which Arrow and DuckDB would otherwise answer with a crash
// or with wrong values.
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
		if c.Type == table.Decimal && c.Precision > 0 {
			if err := checkScale(c, b.Rows.Column(i).(*array.String)); err != nil {
				return err
			}
		}
	}
	if got := b.Rows.Column(len(t.Columns)).DataType(); got.ID() != arrow.INT64 {
		return fmt.Errorf("a batch has %s as ordinal where int64 is due", got)
	}
	for _, i := range t.Key {
		if b.Rows.Column(i).NullN() > 0 {
			return fmt.Errorf("a row has no value in the key column %q", t.Columns[i].Name)
		}
	}
	return nil
}

// checkScale finds digits behind the point that DuckDB would round away.
func checkScale(c table.Column, values *array.String) error {
	for i := range values.Len() {
		if v := values.Value(i); values.IsValid(i) && len(v)-1-strings.IndexByte(v+".", '.') > c.Scale {
			return fmt.Errorf("a batch has %s in column %q, which takes %d digits behind the point", v, c.Name, c.Scale)
		}
	}
	return nil
}

// insertAll adds every row.
func (l *load) insertAll(ctx context.Context, p *plan, from source) (destination.Counts, error) {
	return destination.Counts{Inserted: from.rows}, l.insert(ctx, p, from, "", from.rows)
}

// insert adds the rows that the filter leaves, which must be as many as want.
func (l *load) insert(ctx context.Context, p *plan, from source, filter string, want int64) error {
	return from.lend(ctx, p.everyColumn(), func(view string) error {
		inserted, err := l.exec(ctx, p.insertion(view)+filter)
		if err != nil {
			return fmt.Errorf("insert rows: %w", err)
		}
		return due("inserted", inserted, want)
	})
}

// insertion is the statement that adds the rows of a view which has every column.
func (p *plan) insertion(view string) string {
	var names []string
	for i := range p.t.Columns {
		names = append(names, quote(p.column(i).name))
	}
	return "INSERT INTO " + p.name + " (" + strings.Join(names, ", ") + ") SELECT " + strings.Join(p.values, ", ") + " FROM " + view
}

// everyColumn lists the indexes of the Table's columns.
func (p *plan) everyColumn() []int {
	all := make([]int, len(p.t.Columns))
	for i := range all {
		all[i] = i
	}
	return all
}

// ordinals finds the least and the greatest of the batches' ordinals.
func ordinals(batches []*table.Batch) (first, last int64) {
	first = math.MaxInt64
	for _, b := range batches {
		for _, o := range b.Rows.Column(int(b.Rows.NumCols()) - 1).(*array.Int64).Int64Values() {
			first, last = min(first, o), max(last, o)
		}
	}
	return first, last
}

// due fails if DuckDB did something to another number of rows than it was to.
func due(did string, got, want int64) error {
	if got != want {
		return fmt.Errorf("duckdb %s %d rows where %d were due", did, got, want)
	}
	return nil
}

// indexOf returns the index of the Table's column of a name, or -1.
func indexOf(t *table.Table, name string) int {
	return slices.IndexFunc(t.Columns, func(c table.Column) bool { return c.Name == name })
}
