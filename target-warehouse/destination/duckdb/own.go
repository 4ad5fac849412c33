package duckdb

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// own quotes the name of one of tapline's own tables, which are in the schema main. They have no index: a key's index
// forbids to replace a row twice within a transaction.
func own(catalog, name string) string { return quote(catalog) + ".main." + quote(name) }

// querier is a connection or a pool of them.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// each calls scan for every row of a query.
func each(ctx context.Context, q querier, scan func(*sql.Rows) error, query string, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// columnsOf reads the names of a table's columns, folded; nil if there is no such table.
func columnsOf(ctx context.Context, q querier, catalog string, t *destination.OwnTable) ([]string, error) {
	if found, _, err := findTable(ctx, q, catalog, "main", t.Name); err != nil || !found {
		return nil, err
	}
	stored, err := describe(ctx, q, own(catalog, t.Name))
	var names []string
	for _, c := range stored {
		names = append(names, fold(c.name))
	}
	return names, err
}

// Read implements [destination.Destination]. A table without a key gives the rows added last first.
func (w *Warehouse) Read(ctx context.Context, t *destination.OwnTable, newest int) ([]destination.Row, error) {
	stored, err := columnsOf(ctx, w.db, w.catalog, t)
	if err != nil || stored == nil {
		return nil, wrap(err, "look for the table "+t.Name)
	}
	var columns []string
	for _, c := range t.Columns {
		switch {
		case !slices.Contains(stored, fold(c.Name)): // an earlier version of tapline made the table
			columns = append(columns, "NULL::"+newTypes[c.Type])
		case c.Type == table.JSON: // which the driver would decode
			columns = append(columns, quote(c.Name)+"::VARCHAR")
		default:
			columns = append(columns, quote(c.Name))
		}
	}
	query := "SELECT " + strings.Join(columns, ", ") + " FROM " + own(w.catalog, t.Name) + " ORDER BY rowid DESC"
	if t.Key > 0 {
		var order []string
		for _, c := range t.Columns[:t.Key] {
			order = append(order, quote(c.Name)+" DESC")
		}
		query = strings.Replace(query, "rowid DESC", strings.Join(order, ", "), 1)
	}
	if newest > 0 {
		query += fmt.Sprint(" LIMIT ", newest)
	}
	var all []destination.Row
	err = each(ctx, w.db, func(rows *sql.Rows) error {
		row, err := scanRow(rows, t)
		all = append(all, row)
		return err
	}, query)
	if err != nil {
		return nil, fmt.Errorf("read the table %s: %w", t.Name, err)
	}
	return all, nil
}

func scanRow(rows *sql.Rows, t *destination.OwnTable) (destination.Row, error) {
	row := destination.Row{Table: t, Values: make([]any, len(t.Columns))}
	into := make([]any, len(t.Columns))
	for i := range into {
		into[i] = &row.Values[i]
	}
	err := rows.Scan(into...)
	for i, v := range row.Values {
		if at, ok := v.(time.Time); ok {
			row.Values[i] = at.UTC()
		}
	}
	return row, err
}

// Count implements [destination.Destination].
func (w *Warehouse) Count(ctx context.Context, schema, name string) (rows int64, present bool, err error) {
	if schema == "" {
		schema = "main"
	}
	if present, _, err = findTable(ctx, w.db, w.catalog, schema, name); err != nil || !present {
		return 0, false, wrap(err, "look for the table "+name)
	}
	err = w.db.QueryRowContext(ctx, "SELECT count(*) FROM "+quote(w.catalog)+"."+quote(schema)+"."+quote(name)).Scan(&rows)
	return rows, true, wrap(err, "count the rows of table "+name)
}

// record writes the checkpoint into tapline's own tables.
func (l *load) record(ctx context.Context, c destination.Checkpoint) error {
	if err := l.fence(ctx, c); err != nil {
		return err
	}
	byTable := map[*destination.OwnTable][]destination.Row{}
	for _, r := range c.Rows {
		byTable[r.Table] = append(byTable[r.Table], r)
	}
	for _, t := range destination.OwnTables { // in the same order each time
		if err := l.writeOwn(ctx, t, byTable[t]); err != nil {
			return fmt.Errorf("write to %s: %w", t.Name, err)
		}
	}
	return nil
}

// fence refuses the checkpoint of a run that another has taken over from, and writes the pipeline's row.
func (l *load) fence(ctx context.Context, c destination.Checkpoint) error {
	if err := l.prepareOwn(ctx, destination.States); err != nil {
		return fmt.Errorf("write to %s: %w", destination.States.Name, err)
	}
	name := own(l.catalog, destination.States.Name)
	known := false
	err := each(ctx, l.conn, func(rows *sql.Rows) error {
		var fence sql.NullInt64 // an earlier version of tapline had none
		var run sql.NullString
		known = true
		if err := rows.Scan(&fence, &run); err != nil {
			return err
		}
		if fence.Valid && (c.Fence < fence.Int64 || c.Fence == fence.Int64 && c.RunID != run.String) {
			return fmt.Errorf("pipeline %q: %w: run %s", c.Pipeline, destination.ErrFenced, run.String)
		}
		return nil
	}, "SELECT fence, run_id FROM "+name+" WHERE pipeline = ?", c.Pipeline)
	if err != nil {
		return err
	}
	set, args := "fence = ?, run_id = ?, updated_at = CAST(? AS TIMESTAMPTZ)", []any{c.Fence, c.RunID, moment(time.Now())}
	if c.State != nil {
		set, args = set+", state = ?", append(args, string(c.State))
	}
	if !known {
		if _, err := l.exec(ctx, "INSERT INTO "+name+" (pipeline) VALUES (?)", c.Pipeline); err != nil {
			return err
		}
	}
	written, err := l.exec(ctx, "UPDATE "+name+" SET "+set+" WHERE pipeline = ?", append(args, c.Pipeline)...)
	if err == nil && written != 1 {
		err = fmt.Errorf("duckdb wrote %d rows to %s where 1 was due", written, name)
	}
	return err
}

// prepareOwn makes one of tapline's own tables, and adds the columns that one of an earlier version lacks, unless an
// earlier load has done so.
func (l *load) prepareOwn(ctx context.Context, t *destination.OwnTable) error {
	if l.w.prepared[t] || l.prepared[t] {
		return nil
	}
	stored, err := columnsOf(ctx, l.conn, l.catalog, t)
	if err != nil {
		return err
	}
	var columns []string
	for _, c := range t.Columns {
		column := quote(c.Name) + " " + newTypes[c.Type]
		columns = append(columns, column)
		if stored != nil && !slices.Contains(stored, fold(c.Name)) {
			if err := l.alter(ctx, "ALTER TABLE "+own(l.catalog, t.Name)+" ADD COLUMN "+column); err != nil {
				return err
			}
		}
	}
	if stored == nil {
		if _, err := l.exec(ctx, "CREATE TABLE "+own(l.catalog, t.Name)+" ("+strings.Join(columns, ", ")+")"); err != nil {
			return err
		}
	}
	l.prepared[t] = true
	return nil
}

// writeOwn makes the table, so that a query which asks it finds it, and writes rows in the place of those with the same keys. They go as a batch: as arguments of a statement they would
// take DuckDB several times as long to plan as to write.
func (l *load) writeOwn(ctx context.Context, t *destination.OwnTable, rows []destination.Row) error {
	if err := l.prepareOwn(ctx, t); err != nil || len(rows) == 0 {
		return err
	}
	b := ownBatch(t, rows)
	defer b.Rows.Release()
	all := make([]int, len(t.Columns))
	for i := range all {
		all[i] = i
	}
	return l.withRows(ctx, b.Table, all, []*table.Batch{b}, func(view string) error {
		written, err := l.exec(ctx, mergeOwn(own(l.catalog, t.Name), t, view))
		if err != nil {
			return err
		}
		return due("wrote", written, int64(len(rows)))
	})
}

// ownBatch makes a batch of rows.
func ownBatch(t *destination.OwnTable, rows []destination.Row) *table.Batch {
	shape := t.Shape()
	b := array.NewRecordBuilder(Allocator(), shape.ArrowSchema())
	defer b.Release()
	for n, r := range rows {
		for i, v := range r.Values {
			appendOwn(b.Field(i), v)
		}
		b.Field(len(t.Columns)).(*array.Int64Builder).Append(int64(n))
	}
	return &table.Batch{Table: shape, Rows: b.NewRecord()}
}

// appendOwn appends a value as [destination.Row] has it.
func appendOwn(b array.Builder, value any) {
	switch v := value.(type) {
	case string:
		b.(*array.StringBuilder).Append(v)
	case int64:
		b.(*array.Int64Builder).Append(v)
	case bool:
		b.(*array.BooleanBuilder).Append(v)
	case time.Time:
		b.(*array.TimestampBuilder).Append(arrow.Timestamp(v.UnixMicro()))
	default:
		b.AppendNull()
	}
}

// mergeOwn is the statement that writes the rows of the view.
func mergeOwn(name string, t *destination.OwnTable, view string) string {
	var columns, values, same, set []string
	for i, c := range t.Columns {
		column, value := quote(c.Name), "v."+position(i)
		columns, values = append(columns, column), append(values, value)
		if i < t.Key {
			same = append(same, "o."+column+" = "+value)
		} else {
			set = append(set, column+" = "+value)
		}
	}
	list := strings.Join(columns, ", ")
	if t.Key == 0 {
		return "INSERT INTO " + name + " (" + list + ") SELECT " + strings.Join(values, ", ") + " FROM " + view + " AS v"
	}
	return "MERGE INTO " + name + " AS o USING " + view + " AS v ON " + strings.Join(same, " AND ") + " WHEN MATCHED THEN UPDATE SET " +
		strings.Join(set, ", ") + " WHEN NOT MATCHED THEN INSERT (" + list + ") VALUES (" + strings.Join(values, ", ") + ")"
}

// moment spells a moment, to the microsecond.
func moment(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.999999Z") }

// wrap says what was being done when err happened, if it did.
func wrap(err error, doing string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
