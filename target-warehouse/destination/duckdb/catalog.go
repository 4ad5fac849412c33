package duckdb

import (
	"context"
	"database/sql"
	"slices"
	"strings"
)

// findTable looks for a table in a schema, both spelled in any case, and reads the comment on it.
func findTable(ctx context.Context, q querier, catalog, schema, name string) (found bool, comment string, err error) {
	err = each(ctx, q, func(rows *sql.Rows) error {
		found = true
		return rows.Scan(&comment)
	}, "SELECT coalesce(comment, '') FROM duckdb_tables() WHERE database_name = ? AND "+folded("schema_name")+" = ? AND "+folded("table_name")+" = ?",
		catalog, fold(schema), fold(name))
	return found, comment, err
}

// lookUp is findTable by a list of all tables: DuckDB words a CREATE TABLE statement for every table and column whenever it
// lists tables, which for hundreds of wide ones takes a tenth of a second, and a load asks once for each of its tables.
// The list is that of the load's first question and answers once for each table: by the next time the load may have
// changed it.
func (l *load) lookUp(ctx context.Context, schema, name string) (found bool, comment string, err error) {
	if l.listed == nil {
		if l.listed, err = listTables(ctx, l.conn, l.catalog); err != nil {
			return false, "", err
		}
	}
	at := placeOf(schema, name)
	if l.asked[at] {
		return findTable(ctx, l.conn, l.catalog, schema, name)
	}
	l.asked[at] = true
	comment, found = l.listed[at]
	return found, comment, nil
}

// listTables reads the comments on all tables, by place.
func listTables(ctx context.Context, q querier, catalog string) (map[string]string, error) {
	comments := map[string]string{}
	err := each(ctx, q, func(rows *sql.Rows) error {
		var schema, name, comment string
		err := rows.Scan(&schema, &name, &comment)
		comments[placeOf(schema, name)] = comment
		return err
	}, "SELECT schema_name, table_name, coalesce(comment, '') FROM duckdb_tables() WHERE database_name = ?", catalog)
	return comments, err
}

// A column is one of a table in the warehouse.
type column struct {
	name, typ string
	required  bool // NOT NULL
	primary   bool // part of a PRIMARY KEY
	filled    bool // has a default
}

// describe reads the columns of a table of a quoted name.
func describe(ctx context.Context, q querier, name string) ([]column, error) {
	var columns []column
	err := each(ctx, q, func(rows *sql.Rows) error {
		var c column
		err := rows.Scan(&c.name, &c.typ, &c.required, &c.primary, &c.filled)
		columns = append(columns, c)
		return err
	}, `SELECT column_name, column_type, "null" = 'NO', coalesce(key = 'PRI', false), "default" IS NOT NULL FROM (DESCRIBE `+name+")")
	return columns, err
}

// find returns the index of the column of a name, which may be spelled in any case, or -1.
func find(columns []column, name string) int {
	return slices.IndexFunc(columns, func(c column) bool { return fold(c.name) == fold(name) })
}

// fold makes names equal that DuckDB takes for one: those that differ in the case of the letters A to Z.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, name)
}

// folded is fold in SQL.
func folded(column string) string {
	return "translate(" + column + ", 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')"
}

// quote makes an SQL identifier of any name.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// text makes an SQL literal of any text without a NUL.
func text(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
