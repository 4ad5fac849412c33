package duckdb

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// AppendParquet is of [destination.ParquetLoad].
func (l *load) AppendParquet(ctx context.Context, t *table.Table, path string) (destination.Counts, error) {
	if l.plans[t] == nil {
		return destination.Counts{}, fmt.Errorf("append %s to table %s: Migrate was not called with its Table in this load", path, t.Name)
	}
	if err := l.endFeed(ctx); err != nil {
		return destination.Counts{}, err
	}
	p, err := l.migrate(ctx, t)
	if err != nil {
		return destination.Counts{}, fmt.Errorf("append %s to table %s: %w", path, t.Name, err)
	}
	// DuckDB would take these characters for a pattern, and a name with a scheme for one of another file system.
	if !filepath.IsAbs(path) || strings.ContainsAny(path, "*?[]{}\x00") {
		return destination.Counts{}, fmt.Errorf("%w: %s is no path that DuckDB takes as such", destination.ErrNotParquet, path)
	}
	file := "read_parquet(" + text(path) + ", file_row_number = true)"
	if err := l.matchParquet(ctx, p, file); err != nil {
		return destination.Counts{}, err
	}
	rows, err := l.countParquet(ctx, p, file)
	if err != nil || rows == 0 {
		return destination.Counts{}, err
	}
	return l.appendFrom(ctx, p, source{
		rows:      rows,
		first:     1,
		last:      rows,
		keys:      rows * int64(128*len(t.Key)),
		someValue: func(int) bool { return true },
		distinct:  func() bool { return false },
		lend: func(_ context.Context, columns []int, f func(view string) error) error {
			var selected []string
			for _, i := range columns {
				selected = append(selected, quote(t.Columns[i].Property)+" AS "+position(i))
			}
			return f("(SELECT " + strings.Join(selected, ", ") + ", file_row_number + 1 AS " + table.Ordinal + " FROM " + file + ")")
		},
	})
}

// matchParquet compares the columns of a file with those that its rows are to go into.
func (l *load) matchParquet(ctx context.Context, p *plan, file string) error {
	types := map[string]string{}
	err := each(ctx, l.conn, func(rows *sql.Rows) error {
		var name, typ string
		err := rows.Scan(&name, &typ)
		types[name] = typ
		return err
	}, "SELECT column_name, column_type FROM (DESCRIBE SELECT * EXCLUDE file_row_number FROM "+file+")")
	if err != nil {
		return fmt.Errorf("%w: %w", destination.ErrNotParquet, err)
	}
	if len(types) != len(p.t.Columns) {
		return fmt.Errorf("%w: it has %d columns where table %s takes %d", destination.ErrNotParquet, len(types), p.t.Name, len(p.t.Columns))
	}
	for i, c := range p.t.Columns {
		// The text of a Decimal might be another spelling of its number than tapline's, and text is not JSON.
		spelled := c.Type == table.Decimal && c.Precision == 0
		if c.Property == "" || c.Below != nil || spelled || types[c.Property] != p.column(i).typ || typeOf(c) != p.column(i).typ {
			return fmt.Errorf("%w: column %s of table %s is %s, and the file has %q for it", destination.ErrNotParquet, c.Name, p.t.Name, p.column(i).typ, types[c.Property])
		}
	}
	return nil
}

// countParquet counts the rows of a file. Each of them must have a key if the Table has one.
func (l *load) countParquet(ctx context.Context, p *plan, file string) (int64, error) {
	missing := "false"
	for _, i := range p.t.Key {
		missing += " OR " + quote(p.t.Columns[i].Property) + " IS NULL"
	}
	var rows, keyless int64
	err := l.conn.QueryRowContext(ctx, "SELECT count(*), count(*) FILTER ("+missing+") FROM "+file).Scan(&rows, &keyless)
	if err == nil && keyless > 0 {
		err = fmt.Errorf("%d rows have no value in a column of the key", keyless)
	}
	if err != nil {
		return 0, fmt.Errorf("%w: %w", destination.ErrNotParquet, err)
	}
	return rows, nil
}
