package duckdb

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"tapline/target-warehouse/table"
)

// A holding says that a column of the DuckDB type can hold the values of a type. Where not every value fits, guard is
// an expression over the value %[1]s and the column's name %[2]s that fails for the others.
type holding struct {
	value  table.Type
	column string
	guard  string
}

// holdings has, for each type, first the DuckDB type that a new column gets.
var holdings = []holding{
	{table.Boolean, "BOOLEAN", ""},
	{table.Integer, "BIGINT", ""},
	{table.Integer, "HUGEINT", ""},
	{table.Integer, "DOUBLE", `CASE WHEN %[1]s NOT BETWEEN -9007199254740992 AND 9007199254740992 THEN error('column ' || %[2]s || ' is DOUBLE, which cannot hold the whole number ' || %[1]s || ' exactly; give the column another type')::DOUBLE ELSE %[1]s::DOUBLE END`},
	{table.Number, "DOUBLE", ""},
	{table.Text, "VARCHAR", ""},
	{table.Timestamp, "TIMESTAMP WITH TIME ZONE", ""},
	{table.Date, "DATE", ""},
	{table.JSON, "JSON", ""},
}

// columnType is the DuckDB type of a new column.
func columnType(t table.Type) string {
	i := slices.IndexFunc(holdings, func(h holding) bool { return h.value == t })
	return holdings[i].column
}

// plan is how the rows of one Table get into its table.
type plan struct {
	name   string   // quoted, in three parts
	values []string // by column, the expression over rowsView that fills it
}

// Migrate implements [destination.Load].
func (l *load) Migrate(ctx context.Context, t *table.Table) error {
	if l.plans[t] != nil {
		return nil
	}
	if err := l.claim(t); err != nil {
		return err
	}
	p := &plan{name: l.name(schemaName(t), t.Name)}
	if err := l.create(ctx, t, p); err != nil {
		return fmt.Errorf("make table %s for stream %q: %w", t.Name, t.Stream, err)
	}
	existing, err := l.columns(ctx, p.name)
	if err != nil {
		return fmt.Errorf("read the columns of table %s: %w", t.Name, err)
	}
	for i, c := range t.Columns {
		value, err := l.fit(ctx, t, p.name, c, existing, position(i))
		if err != nil {
			return err
		}
		p.values = append(p.values, value)
	}
	l.plans[t] = p
	return nil
}

// claim makes t's table that of t's stream, unless it is tapline's own or another stream's. DuckDB takes two names that
// differ only in case for one, and the rows of the two streams would replace each other.
func (l *load) claim(t *table.Table) error {
	if fold(schemaName(t)) == "main" && strings.HasPrefix(fold(t.Name), "_singer_") {
		return fmt.Errorf("stream %q would be loaded into main.%s, and names with _singer_ in front are tapline's own there; load it under another name or into another schema", t.Stream, t.Name)
	}
	place := quote(fold(schemaName(t))) + "." + quote(fold(t.Name))
	if other, taken := l.streams[place]; taken && other != t.Stream {
		return fmt.Errorf("streams %q and %q would be loaded into one table, because DuckDB does not tell names apart by case; rename one of them in the tap, or load it by another run into another schema", other, t.Stream)
	}
	l.streams[place] = t.Stream
	return nil
}

// schemaName is the schema of t's table.
func schemaName(t *table.Table) string {
	if t.Schema == "" {
		return "main"
	}
	return t.Schema
}

// create makes the schema and the table unless they are there.
func (l *load) create(ctx context.Context, t *table.Table, p *plan) error {
	if _, err := l.exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+quote(l.catalog)+"."+quote(schemaName(t))); err != nil {
		return err
	}
	var columns []string
	for _, c := range t.Columns {
		columns = append(columns, quote(c.Name)+" "+columnType(c.Type))
	}
	_, err := l.exec(ctx, "CREATE TABLE IF NOT EXISTS "+p.name+" ("+strings.Join(columns, ", ")+")")
	return err
}

// columns reads the DuckDB types of a table's columns, by folded name.
func (l *load) columns(ctx context.Context, name string) (map[string]string, error) {
	rows, err := l.conn.QueryContext(ctx, "SELECT column_name, column_type FROM (DESCRIBE "+name+")")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns := map[string]string{}
	for rows.Next() {
		var column, typ string
		if err := rows.Scan(&column, &typ); err != nil {
			return nil, err
		}
		columns[fold(column)] = typ
	}
	return columns, rows.Err()
}

// fit adds the column to the table if it lacks it, and returns the expression over value that fills it.
func (l *load) fit(ctx context.Context, t *table.Table, name string, c table.Column, existing map[string]string, value string) (string, error) {
	typ, ok := existing[fold(c.Name)]
	if !ok {
		if _, err := l.exec(ctx, "ALTER TABLE "+name+" ADD COLUMN "+quote(c.Name)+" "+columnType(c.Type)); err != nil {
			return "", fmt.Errorf("add column %s to table %s: %w", c.Name, t.Name, err)
		}
		return value, nil
	}
	i := slices.IndexFunc(holdings, func(h holding) bool { return h.value == c.Type && h.column == typ })
	if i < 0 {
		return "", misfit(t, name, c, typ)
	}
	if guard := holdings[i].guard; guard != "" {
		value = fmt.Sprintf(guard, value, text(c.Name))
	}
	return value, nil
}

// misfit words the failure that a column in the warehouse has a type which cannot hold the stream's values.
func misfit(t *table.Table, name string, c table.Column, typ string) error {
	wanted := columnType(c.Type)
	using := "CAST(" + quote(c.Name) + " AS " + wanted + ")"
	if c.Type == table.JSON {
		using = "to_json(" + quote(c.Name) + ")"
	}
	return fmt.Errorf("column %q of table %s is %s, which cannot hold the %s values that stream %q now has; rename the table or the column, or run: ALTER TABLE %s ALTER COLUMN %s TYPE %s USING %s",
		c.Name, t.Name, typ, wanted, t.Stream, name, quote(c.Name), wanted, using)
}

// name quotes a table's name in three parts.
func (l *load) name(schema, table string) string {
	return quote(l.catalog) + "." + quote(schema) + "." + quote(table)
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

// quote makes an SQL identifier of any name.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// text makes an SQL literal of any text.
func text(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
