package duckdb

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// draftPrefix is put before a table's name to name the one that takes its place in remake. It is there within a load only.
const draftPrefix = "_singer_draft_"

// rewrites notes that rows of the plan's table will be deleted or updated. From then on every checkpoint joins the row groups
// that have become small, unless rows are long.
func (l *load) rewrites(p *plan) {
	l.rewritten[p.name] = true
	l.w.joins = true
}

// makeAlterable lets columns of the plan's table be added and changed. DuckDB refuses to commit a load that does so behind
// deletions and updates of the table's committed rows, so a copy that has none takes its place then.
func (l *load) makeAlterable(ctx context.Context, p *plan) error {
	if !l.rewritten[p.name] {
		return nil
	}
	if err := l.remake(ctx, p); err != nil {
		return fmt.Errorf("make table %s anew: %w", p.t.Name, err)
	}
	delete(l.rewritten, p.name)
	return nil
}

// remake puts a copy in the place of the plan's table, with its rows in their order and its columns, defaults, constraints
// and comments.
func (l *load) remake(ctx context.Context, p *plan) error {
	about := " WHERE database_name = ? AND " + folded("schema_name") + " = ? AND " + folded("table_name") + " = ?"
	var sql string
	var rows, indexes int64
	err := l.conn.QueryRowContext(ctx, "SELECT sql, (SELECT count(*) FROM "+p.name+"), (SELECT count(*) FROM duckdb_indexes()"+about+") FROM duckdb_tables()"+about,
		l.catalog, fold(p.schema), fold(p.bare), l.catalog, fold(p.schema), fold(p.bare)).Scan(&sql, &rows, &indexes)
	if err != nil {
		return err
	}
	if indexes > 0 {
		return errors.New("an index depends on it; drop the index and run again")
	}
	_, comment, err := findTable(ctx, l.conn, l.catalog, p.schema, p.bare)
	if err != nil {
		return err
	}
	comments, err := l.comments(ctx, p)
	if err != nil {
		return err
	}
	draft := l.name(p.schema, draftPrefix+p.bare)
	if _, err := l.exec(ctx, "CREATE TABLE "+draft+" "+definition(sql)); err != nil {
		return err
	}
	columns := strings.Join(p.insertable(sql), ", ")
	copied, err := l.exec(ctx, "INSERT INTO "+draft+" ("+columns+") SELECT "+columns+" FROM "+p.name)
	if err != nil {
		return err
	}
	if err := due("copied", copied, rows); err != nil {
		return err
	}
	statements := []string{"DROP TABLE " + p.name, "ALTER TABLE " + draft + " RENAME TO " + quote(p.bare)}
	if comment != "" {
		statements = append(statements, "COMMENT ON TABLE "+p.name+" IS "+text(comment))
	}
	for column, comment := range comments {
		statements = append(statements, "COMMENT ON COLUMN "+p.name+"."+quote(column)+" IS "+text(comment))
	}
	for _, statement := range statements {
		if err := l.alter(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// definition is what stands behind the name in a CREATE TABLE statement as DuckDB words it.
func definition(sql string) string {
	quoted := false
	for i, r := range sql {
		if r == '"' {
			quoted = !quoted
		}
		if r == '(' && !quoted {
			return sql[i:]
		}
	}
	return ""
}

// insertable quotes the columns of the plan's table that are not generated, which only its CREATE TABLE statement tells.
func (p *plan) insertable(sql string) []string {
	var columns []string
	for _, c := range p.all {
		generated := false
		for _, name := range []string{c.name, quote(c.name)} {
			for _, before := range []string{"(", ", "} {
				generated = generated || strings.Contains(sql, before+name+" "+c.typ+" GENERATED ALWAYS AS")
			}
		}
		if !generated {
			columns = append(columns, quote(c.name))
		}
	}
	return columns
}
