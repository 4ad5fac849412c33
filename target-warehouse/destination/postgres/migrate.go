package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"tapline/target-warehouse/table"
)

// target is a table of the database as this load knows it. Nobody else can change its columns while the load is open.
type target struct {
	schema, name string // as stored
	columns      []stored
	indexes      []index
	// fresh says that the table was made in this load and has no rows yet.
	fresh bool
	// due is the index that is made once the table has its first rows, as that is quicker than to make it before; nil
	// for none.
	due *index
}

// stored is a column of a target.
type stored struct {
	name     string
	oid      uint32
	modifier int32  // -1 for none
	typ      string // as SQL writes it, with the modifier
	collate  string // as SQL writes it, or "" for the type's own
	filled   bool   // by a default, an identity or an expression
}

// quoted is the table's name in SQL.
func (t *target) quoted() string { return quote(t.schema) + "." + quote(t.name) }

// plan is how the rows of one Table get into its target.
type plan struct {
	table   *table.Table
	target  *target
	columns []*column
	key     []*column
}

// column is a column of a Table in its target.
type column struct {
	index   int // in the Table
	name    string
	holding *holding
	// definition is the column in SQL for a temporary table.
	definition string
}

// Migrate implements [destination.Load].
func (l *load) Migrate(ctx context.Context, t *table.Table) error {
	if l.plans[t] != nil {
		return nil
	}
	if l.w.schemaOf(t) == l.w.schema && strings.HasPrefix(t.Name, "_singer_") {
		return fmt.Errorf("stream %q would be loaded into %s.%s, and names with _singer_ in front are tapline's own there; load it under another name or into another schema",
			t.Stream, l.w.schema, t.Name)
	}
	p := &plan{table: t}
	var err error
	if p.target, err = l.target(ctx, t); err != nil {
		return fmt.Errorf("make table %s for stream %q: %w", t.Name, t.Stream, explain(ctx, l.conn, err))
	}
	if err := l.addColumns(ctx, t, p.target); err != nil {
		return fmt.Errorf("add columns to table %s for stream %q: %w", t.Name, t.Stream, explain(ctx, l.conn, err))
	}
	for i, c := range t.Columns {
		fitted, err := p.target.fit(t, i, storedColumn(c.Name))
		if err != nil {
			return err
		}
		p.columns = append(p.columns, fitted)
	}
	for _, i := range t.Key {
		p.key = append(p.key, p.columns[i])
	}
	if err := l.fitIndex(ctx, p); err != nil {
		return fmt.Errorf("index the key of table %s: %w", t.Name, explain(ctx, l.conn, err))
	}
	l.plans[t] = p
	return nil
}

// schemaOf is the schema of t's table as stored.
func (w *Warehouse) schemaOf(t *table.Table) string {
	if t.Schema == "" {
		return w.schema
	}
	return storedName(t.Schema)
}

// target finds or makes the table, and keeps others from loading or altering it until the load ends.
func (l *load) target(ctx context.Context, t *table.Table) (*target, error) {
	found := &target{schema: l.w.schemaOf(t), name: storedName(t.Name)}
	if known := l.targets[found.quoted()]; known != nil {
		return known, nil
	}
	var schema bool
	var oid *uint32
	var kind *string
	batch := &pgx.Batch{}
	batch.Queue("SELECT pg_advisory_xact_lock($1)", lockKey("table", found.schema, found.name))
	batch.Queue(`SELECT n.oid IS NOT NULL, c.oid, c.relkind::text FROM (SELECT) AS one LEFT JOIN pg_namespace AS n ON n.nspname = $1
		LEFT JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = $2`, found.schema, found.name).
		QueryRow(func(row pgx.Row) error { return row.Scan(&schema, &oid, &kind) })
	if err := l.conn.SendBatch(ctx, batch).Close(); err != nil {
		return nil, err
	}
	switch {
	case !schema:
		if err := l.createSchema(ctx, found.schema); err != nil {
			return nil, err
		}
		fallthrough
	case oid == nil:
		if err := l.create(ctx, t, found); err != nil {
			return nil, err
		}
	case *kind != "r" && *kind != "p":
		return nil, fmt.Errorf("%s is there and is no table; rename it, or load the stream under another name", found.quoted())
	}
	if err := l.describe(ctx, found); err != nil {
		return nil, err
	}
	l.targets[found.quoted()] = found
	return found, nil
}

// createSchema makes a schema. The lock keeps another load from making it at the same time, which the server
// answers with a failure even where it is told to make what is not there.
func (l *load) createSchema(ctx context.Context, schema string) error {
	if _, err := l.exec(ctx, "SELECT pg_advisory_xact_lock($1)", lockKey("create")); err != nil {
		return err
	}
	_, err := l.exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+quote(schema))
	return err
}

func (l *load) create(ctx context.Context, t *table.Table, made *target) error {
	var columns []string
	for _, c := range t.Columns {
		columns = append(columns, quote(storedColumn(c.Name))+" "+columnType(c.Type))
	}
	made.fresh = true
	_, err := l.exec(ctx, "CREATE TABLE "+made.quoted()+" ("+strings.Join(columns, ", ")+")")
	return err
}

const describeColumns = `SELECT a.attname::text, a.atttypid, a.atttypmod, format_type(a.atttypid, a.atttypmod),
		CASE WHEN a.attcollation <> t.typcollation THEN quote_ident(n.nspname) || '.' || quote_ident(c.collname) ELSE '' END,
		a.atthasdef OR a.attidentity <> ''
	FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
	LEFT JOIN pg_collation AS c ON c.oid = a.attcollation LEFT JOIN pg_namespace AS n ON n.oid = c.collnamespace
	WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`

// describe reads the columns and indexes of a table, having made sure that they stay.
func (l *load) describe(ctx context.Context, t *target) error {
	batch := &pgx.Batch{}
	batch.Queue("LOCK TABLE " + t.quoted() + " IN ROW EXCLUSIVE MODE")
	batch.Queue(describeColumns, t.quoted()).Query(func(rows pgx.Rows) (err error) {
		t.columns, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (c stored, err error) {
			err = row.Scan(&c.name, &c.oid, &c.modifier, &c.typ, &c.collate, &c.filled)
			return c, err
		})
		return err
	})
	batch.Queue(describeIndexes, t.quoted()).Query(func(rows pgx.Rows) (err error) {
		t.indexes, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (x index, err error) {
			err = row.Scan(&x.name, &x.unique, &x.columns)
			return x, err
		})
		return err
	})
	return l.conn.SendBatch(ctx, batch).Close()
}

// addColumns adds the columns of t that the table lacks.
func (l *load) addColumns(ctx context.Context, t *table.Table, to *target) error {
	var missing []stored
	var actions []string
	for _, c := range t.Columns {
		name := storedColumn(c.Name)
		if slices.ContainsFunc(to.columns, func(s stored) bool { return s.name == name }) {
			continue
		}
		h := find(func(h *holding) bool { return h.value == c.Type })
		missing = append(missing, stored{name: name, oid: h.oid, modifier: -1, typ: h.column})
		actions = append(actions, "ADD COLUMN "+quote(name)+" "+h.column)
	}
	if missing == nil {
		return nil
	}
	if _, err := l.exec(ctx, "ALTER TABLE "+to.quoted()+" "+strings.Join(actions, ", ")); err != nil {
		return err
	}
	to.columns = append(to.columns, missing...)
	return nil
}

// fit finds how the i-th column of t is held in the table.
func (t *target) fit(of *table.Table, i int, name string) (*column, error) {
	c := of.Columns[i]
	s := t.columns[slices.IndexFunc(t.columns, func(s stored) bool { return s.name == name })]
	h := find(func(h *holding) bool { return h.value == c.Type && h.oid == s.oid && s.modifier == -1 })
	if h == nil {
		return nil, misfit(of, t, c, s)
	}
	definition := quote(name) + " " + s.typ
	if s.collate != "" {
		definition += " COLLATE " + s.collate
	}
	return &column{index: i, name: name, holding: h, definition: definition}, nil
}

// misfit words the failure that a column in the warehouse has a type which cannot hold the stream's values.
func misfit(of *table.Table, t *target, c table.Column, s stored) error {
	wanted := columnType(c.Type)
	using := "CAST(" + quote(s.name) + " AS " + wanted + ")"
	if c.Type == table.JSON {
		using = "to_jsonb(" + quote(s.name) + ")"
	}
	return fmt.Errorf("column %q of table %s is %s, which cannot hold the %s values that stream %q now has; rename the table or the column, or run: ALTER TABLE %s ALTER COLUMN %s TYPE %s USING %s",
		c.Name, of.Name, s.typ, wanted, of.Stream, t.quoted(), quote(s.name), wanted, using)
}
