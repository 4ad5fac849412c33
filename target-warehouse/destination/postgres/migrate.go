package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// target is a table of the database as this load knows it. Nobody else can change its columns while the load is open.
type target struct {
	schema, name string // as stored
	columns      []stored
	indexes      []index
	// fresh says that the table was made in this load and has no rows yet.
	fresh bool
	// newest is the plan of the Table that was migrated last, whose key the table has in the end.
	newest *plan
	// due is the index that is made once the table has its first rows, as that is quicker than to make it before; nil
	// for none.
	due *index
}

// stored is a column of a target.
type stored struct {
	name      string
	oid       uint32
	modifier  int32  // -1 for none
	typ       string // as SQL writes it, with the modifier
	collate   string // as SQL writes it, or "" for the type's own
	filled    bool   // by a default, an identity or an expression
	always    bool   // filled by an identity that no UPDATE may change
	notNull   bool
	composite bool // made of others: an array or a row
	comment   string
}

// quoted is the table's name in SQL.
func (t *target) quoted() string { return quote(t.schema) + "." + quote(t.name) }

// column finds a column by the name it is stored under; nil if there is none.
func (t *target) column(name string) *stored {
	i := slices.IndexFunc(t.columns, func(s stored) bool { return s.name == name })
	if i < 0 {
		return nil
	}
	return &t.columns[i]
}

// plan is how the rows of one Table get into its target.
type plan struct {
	table *table.Table
	// target takes the rows. With table.Overwrite it is a hidden table, and final the one whose rows give way to them.
	target, final *target
	columns       []*column
	key           []*column
}

// column is a column of a Table in its target.
type column struct {
	index   int // in the Table
	name    string
	typ     string // as SQL writes it
	holding *holding
	// definition is the column in SQL for a table that is made like the target.
	definition string
}

// column finds the column that holds the Table's column of a name; nil if there is none.
func (p *plan) column(name string) *column {
	for _, c := range p.columns {
		if p.table.Columns[c.index].Name == name {
			return c
		}
	}
	return nil
}

// Migrate implements [destination.Load].
func (l *load) Migrate(ctx context.Context, t *table.Table) (*destination.Migration, error) {
	p := l.plans[t]
	m := &destination.Migration{}
	if p == nil {
		if err := l.w.refuseName(t); err != nil {
			return nil, err
		}
		var err error
		if p, err = l.plan(ctx, t, m); err != nil {
			return nil, fmt.Errorf("fit table %s to stream %q: %w", t.Name, t.Stream, explain(ctx, l.conn, err))
		}
		l.plans[t] = p
	}
	for _, c := range p.columns {
		m.Columns = append(m.Columns, destination.Stored{Name: c.name, Type: c.typ})
	}
	return m, nil
}

// refuseName finds a name that tapline itself needs.
func (w *Warehouse) refuseName(t *table.Table) error {
	reserved := w.schemaOf(t) == w.schema && strings.HasPrefix(t.Name, "_singer_") || strings.HasPrefix(t.Name, hiddenPrefix)
	if t.Own || !reserved {
		return nil
	}
	return fmt.Errorf("stream %q would be loaded into %s.%s, and names with _singer_ in front are tapline's own there; load it under another name or into another schema",
		t.Stream, w.schemaOf(t), t.Name)
}

// plan makes the table fit t and notes what that changed.
func (l *load) plan(ctx context.Context, t *table.Table, m *destination.Migration) (*plan, error) {
	to, created, err := l.target(ctx, l.w.schemaOf(t), storedName(t.Name), t)
	if err != nil {
		return nil, err
	}
	if err := destination.RefuseHistory(t, func(name string) bool { return to.column(name) != nil }); err != nil {
		return nil, err
	}
	if err := l.alter(ctx, t, to, m); err != nil {
		return nil, err
	}
	p := &plan{table: t, target: to}
	if err := p.fit(); err != nil {
		return nil, err
	}
	change, err := l.fitIndex(ctx, to, p)
	if err != nil {
		return nil, fmt.Errorf("index the key: %w", err)
	}
	to.newest = p
	switch {
	case created:
		m.Changes = []destination.Change{{Kind: destination.CreateTable, To: strings.Join(columnNames(p.key), ", ")}}
	case change != nil:
		m.Changes = append(m.Changes, *change)
	}
	if t.Method == table.Overwrite {
		return p, l.collect(ctx, p)
	}
	return p, nil
}

// fit finds how the target holds the Table's columns.
func (p *plan) fit() error {
	p.columns, p.key = nil, nil
	for i, c := range p.table.Columns {
		name, ok := p.target.place(p.table, c)
		if !ok {
			return fmt.Errorf("column %q was altered by another program; run again", c.Name)
		}
		s := p.target.column(name)
		definition := quote(name) + " " + s.typ
		if s.collate != "" {
			definition += " COLLATE " + s.collate
		}
		p.columns = append(p.columns, &column{index: i, name: name, typ: s.typ, holding: s.hold(c), definition: definition})
	}
	for _, i := range p.table.Key {
		p.key = append(p.key, p.columns[i])
	}
	return nil
}

func columnNames(columns []*column) []string {
	var list []string
	for _, c := range columns {
		list = append(list, c.name)
	}
	return list
}

// schemaOf is the schema of t's table as stored.
func (w *Warehouse) schemaOf(t *table.Table) string {
	if t.Schema == "" {
		return w.schema
	}
	return storedName(t.Schema)
}

// target finds or makes the table, and keeps others from loading or altering it until the load ends.
// created says that it was made for this.
func (l *load) target(ctx context.Context, schemaName, name string, t *table.Table) (_ *target, created bool, _ error) {
	found := &target{schema: schemaName, name: name}
	if known := l.targets[found.quoted()]; known != nil {
		return known, false, nil
	}
	var schema, instead bool
	var oid *uint32
	var kind *string
	batch := &pgx.Batch{}
	batch.Queue("SELECT pg_advisory_xact_lock($1)", lockKey("table", found.schema, found.name))
	batch.Queue(`SELECT n.oid IS NOT NULL, c.oid, c.relkind::text,
			EXISTS (SELECT FROM pg_rewrite WHERE ev_class = c.oid AND is_instead) FROM (SELECT) AS one LEFT JOIN pg_namespace AS n ON n.nspname = $1
		LEFT JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = $2`, found.schema, found.name).
		QueryRow(func(row pgx.Row) error { return row.Scan(&schema, &oid, &kind, &instead) })
	if t.Method != table.Overwrite { // an earlier one came to no end
		batch.Queue("DROP TABLE IF EXISTS " + (&target{schema: schemaName, name: storedName(hiddenPrefix + name)}).quoted())
	}
	if err := l.conn.SendBatch(ctx, batch).Close(); err != nil {
		return nil, false, err
	}
	switch {
	case !schema:
		if err := l.createSchema(ctx, found.schema); err != nil {
			return nil, false, err
		}
		fallthrough
	case oid == nil:
		if err := l.create(ctx, t, found); err != nil {
			return nil, false, err
		}
	case *kind != "r" && *kind != "p":
		return nil, false, fmt.Errorf("%s is there and is no table; rename it, or load the stream under another name", found.quoted())
	case instead: // which COPY does not heed and UPDATE does
		return nil, false, fmt.Errorf("%s has a rule that does something else INSTEAD, so that rows would be lost; drop the rule, or load the stream under another name", found.quoted())
	}
	if err := l.describe(ctx, found); err != nil {
		return nil, false, err
	}
	l.targets[found.quoted()] = found
	return found, oid == nil, nil
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
		columns = append(columns, quote(storedColumn(c.Name))+" "+columnType(c))
	}
	made.fresh = true
	_, err := l.exec(ctx, "CREATE TABLE "+made.quoted()+" ("+strings.Join(columns, ", ")+")")
	return err
}

// A column of the primary key or an identity cannot be NULL whatever is done to it, so its NOT NULL is not looked at.
const describeColumns = `SELECT a.attname::text, a.atttypid, a.atttypmod, format_type(a.atttypid, a.atttypmod),
		CASE WHEN a.attcollation <> t.typcollation THEN quote_ident(n.nspname) || '.' || quote_ident(c.collname) ELSE '' END,
		a.atthasdef OR a.attidentity <> '', a.attidentity = 'a', t.typcategory IN ('A', 'C'), coalesce(col_description(a.attrelid, a.attnum), ''),
		a.attnotnull AND a.attidentity = '' AND NOT EXISTS (SELECT FROM pg_index AS i
			WHERE i.indrelid = a.attrelid AND i.indisprimary AND a.attnum = ANY(i.indkey))
	FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
	LEFT JOIN pg_collation AS c ON c.oid = a.attcollation LEFT JOIN pg_namespace AS n ON n.oid = c.collnamespace
	WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`

// describe reads the columns and indexes of a table, having made sure that they stay.
func (l *load) describe(ctx context.Context, t *target) error {
	batch := &pgx.Batch{}
	batch.Queue("LOCK TABLE " + t.quoted() + " IN ROW EXCLUSIVE MODE")
	batch.Queue(describeColumns, t.quoted()).Query(func(rows pgx.Rows) (err error) {
		t.columns, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (c stored, err error) {
			err = row.Scan(&c.name, &c.oid, &c.modifier, &c.typ, &c.collate, &c.filled, &c.always, &c.composite, &c.comment, &c.notNull)
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
