package postgres

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// Append implements [destination.Load]. Counts do not depend on how rows are cut into batches. What the server says it
// took is held against the number of rows sent, and a difference is a failure.
func (l *load) Append(ctx context.Context, batches []*table.Batch) (destination.Counts, error) {
	if len(batches) == 0 {
		return destination.Counts{}, nil
	}
	t := batches[0].Table
	p := l.plans[t]
	if p == nil {
		return destination.Counts{}, fmt.Errorf("append to table %s: Migrate was not called with its Table in this load", t.Name)
	}
	counts, err := l.add(ctx, p, batches)
	if err != nil {
		return destination.Counts{}, fmt.Errorf("append to table %s: %w", t.Name, explain(ctx, l.conn, err))
	}
	return counts, nil
}

func (l *load) add(ctx context.Context, p *plan, batches []*table.Batch) (destination.Counts, error) {
	rows, ordinal := int64(0), int64(math.MinInt64)
	for _, b := range batches {
		if err := p.check(b, &ordinal); err != nil {
			return destination.Counts{}, err
		}
		rows += b.Rows.NumRows()
	}
	if rows == 0 {
		return destination.Counts{}, nil
	}
	if _, err := l.fitIndex(ctx, p.target, p); err != nil { // another Table of this load may have another key
		return destination.Counts{}, fmt.Errorf("index the key: %w", err)
	}
	switch {
	case p.keepsHistory():
		return l.keep(ctx, p, batches, rows)
	case p.table.Keyed():
		return l.upsert(ctx, p, batches, rows)
	}
	p.target.fresh = false
	return destination.Counts{Inserted: rows}, l.send(ctx, p, p.target.quoted(), newRowSource(batches, p.columns), rows)
}

// check finds what is wrong with a batch. ordinal is that of the row before it, and becomes that of its last row.
func (p *plan) check(b *table.Batch, ordinal *int64) error {
	t := p.table
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
	}
	for _, i := range t.Key {
		if b.Rows.Column(i).NullN() > 0 {
			return fmt.Errorf("a row has no value in the key column %q", t.Columns[i].Name)
		}
	}
	ordinals, ok := b.Rows.Column(len(t.Columns)).(*array.Int64)
	if !ok {
		return fmt.Errorf("a batch has %s as ordinal where int64 is due", b.Rows.Column(len(t.Columns)).DataType())
	}
	for _, n := range ordinals.Int64Values() {
		if n <= *ordinal {
			return fmt.Errorf("the row with the ordinal %d comes behind that with %d", n, *ordinal)
		}
		*ordinal = n
	}
	return nil
}

// send copies the rows of a source of p's columns into a table, and notes which values had to be changed.
func (l *load) send(ctx context.Context, p *plan, to string, source *rowSource, want int64) error {
	if err := l.copyInto(ctx, to, source, want); err != nil {
		return err
	}
	for i, n := range source.replaced {
		if n != (replacements{}) {
			l.replaced.add(columnPlace{p.table.Stream, p.target.schema, p.target.name, p.columns[i].name}, n)
		}
	}
	return nil
}
