package duckdb

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// keysTable is the temporary table of the distinct keys of an Append, each with the ordinal of the row that wins.
const keysTable = "temp.main._singer_keys"

// Append implements [destination.Load]. Counts are those of the rows applied one by one: of two rows with one key, the
// second counts as updated. They do not depend on how rows are cut into batches. What DuckDB says it did is held
// against the number of rows handed over, and a difference is a failure.
func (l *load) Append(ctx context.Context, batches []*table.Batch) (destination.Counts, error) {
	if len(batches) == 0 {
		return destination.Counts{}, nil
	}
	t := batches[0].Table
	p := l.plans[t]
	if p == nil {
		return destination.Counts{}, fmt.Errorf("append to table %s: Migrate was not called with its Table in this load", t.Name)
	}
	rows := int64(0)
	for _, b := range batches {
		if err := checkBatch(t, b); err != nil {
			return destination.Counts{}, fmt.Errorf("append to table %s: %w", t.Name, err)
		}
		rows += b.Rows.NumRows()
	}
	appendRows := l.upsert
	if len(t.Key) == 0 || t.AppendOnly {
		appendRows = l.insertAll
	}
	counts, err := appendRows(ctx, p, batches, rows)
	if err != nil {
		return destination.Counts{}, fmt.Errorf("append to table %s: %w", t.Name, err)
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
		if got := b.Rows.Column(i).DataType(); !arrow.TypeEqual(got, arrowTypes[c.Type]) {
			return fmt.Errorf("a batch has %s in column %q where %s is due", got, c.Name, arrowTypes[c.Type])
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

// insertAll adds every row.
func (l *load) insertAll(ctx context.Context, p *plan, batches []*table.Batch, rows int64) (destination.Counts, error) {
	if err := l.insert(ctx, p, batches, "", rows); err != nil {
		return destination.Counts{}, err
	}
	return destination.Counts{Inserted: rows}, nil
}

// upsert adds for every key the row that wins, in the place of those that the table has with this key.
func (l *load) upsert(ctx context.Context, p *plan, batches []*table.Batch, rows int64) (destination.Counts, error) {
	t := batches[0].Table
	if err := l.stageKeys(ctx, batches); err != nil {
		return destination.Counts{}, fmt.Errorf("collect the keys: %w", err)
	}
	var same []string
	for _, i := range t.Key {
		same = append(same, "t."+quote(t.Columns[i].Name)+" = k."+position(i))
	}
	on := strings.Join(same, " AND ")
	// The table may hold a key more than once, from loads without it, so deleted rows do not count keys.
	var staged, keys, known int64
	err := l.conn.QueryRowContext(ctx, "SELECT coalesce(sum(rows), 0)::BIGINT, count(*), (SELECT count(*) FROM "+keysTable+" AS k SEMI JOIN "+
		p.name+" AS t ON "+on+") FROM "+keysTable).Scan(&staged, &keys, &known)
	if err != nil {
		return destination.Counts{}, fmt.Errorf("look for known keys: %w", err)
	}
	if staged != rows {
		return destination.Counts{}, fmt.Errorf("duckdb read %d rows where %d were handed over", staged, rows)
	}
	if known > 0 {
		deleted, err := l.exec(ctx, "DELETE FROM "+p.name+" AS t USING "+keysTable+" AS k WHERE "+on)
		if err != nil {
			return destination.Counts{}, fmt.Errorf("delete replaced rows: %w", err)
		}
		if deleted < known {
			return destination.Counts{}, fmt.Errorf("duckdb deleted %d rows where at least %d were to be replaced", deleted, known)
		}
	}
	winners := ""
	if keys < rows {
		winners = " WHERE " + table.Ordinal + " IN (SELECT " + table.Ordinal + " FROM " + keysTable + ")"
	}
	if err := l.insert(ctx, p, batches, winners, keys); err != nil {
		return destination.Counts{}, err
	}
	inserted := keys - known
	return destination.Counts{Inserted: inserted, Updated: rows - inserted}, nil
}

// stageKeys fills keysTable, which also has the number of rows of each key.
func (l *load) stageKeys(ctx context.Context, batches []*table.Batch) error {
	t := batches[0].Table
	var columns []string
	for _, i := range t.Key {
		columns = append(columns, position(i))
	}
	list := strings.Join(columns, ", ")
	return l.withRows(ctx, t, t.Key, batches, func(view string) error {
		_, err := l.exec(ctx, "CREATE OR REPLACE TEMPORARY TABLE _singer_keys AS SELECT "+list+", max("+table.Ordinal+") AS "+
			table.Ordinal+", count(*) AS rows FROM "+view+" GROUP BY "+list)
		return err
	})
}

// insert adds the rows that the filter leaves, which must be as many as want.
func (l *load) insert(ctx context.Context, p *plan, batches []*table.Batch, filter string, want int64) error {
	t := batches[0].Table
	all := make([]int, len(t.Columns))
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		all[i], names[i] = i, quote(c.Name)
	}
	return l.withRows(ctx, t, all, batches, func(view string) error {
		inserted, err := l.exec(ctx, "INSERT INTO "+p.name+" ("+strings.Join(names, ", ")+") SELECT "+strings.Join(p.values, ", ")+" FROM "+view+filter)
		if err != nil {
			return fmt.Errorf("insert rows: %w", err)
		}
		if inserted != want {
			return fmt.Errorf("duckdb inserted %d rows where %d were due", inserted, want)
		}
		return nil
	})
}
