package duckdb

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// plan is how the rows of one Table get into its table.
type plan struct {
	t        *table.Table
	name     string   // quoted, in three parts, of the table that takes the rows
	schema   string   // of that table, and the table's own name, as they are
	bare     string   //
	all      []column // of the table
	into     []int    // by the Table's column, the index in all of the one that takes its values
	values   []string // by the Table's column, the expression over rowsView that fills it
	revision int      // of the table when the plan was made
	changes  []destination.Change
}

// column is where the i-th column of the Table is kept.
func (p *plan) column(i int) column { return p.all[p.into[i]] }

// named is the quoted name of the column that keeps the Table's column of a name; ok is false if there is none.
func (p *plan) named(name string) (quoted string, ok bool) {
	i := indexOf(p.t, name)
	if i < 0 {
		return "", false
	}
	return quote(p.column(i).name), true
}

func (p *plan) migration() *destination.Migration {
	m := &destination.Migration{Changes: p.changes}
	for i := range p.t.Columns {
		m.Columns = append(m.Columns, destination.Stored{Name: p.column(i).name, Type: p.column(i).typ})
	}
	return m
}

// Migrate implements [destination.Load]. Called again with the same Table it changes nothing.
func (l *load) Migrate(ctx context.Context, t *table.Table) (*destination.Migration, error) {
	if err := l.endOtherFeed(ctx, t); err != nil {
		return nil, err
	}
	p, err := l.migrate(ctx, t)
	if err != nil {
		return nil, explain(err)
	}
	p.changes = slices.Concat(l.w.untold[place(t)], p.changes)
	l.told[place(t)] = true
	m := p.migration()
	p.changes = nil
	return m, nil
}

// migrate returns the plan for t, which fits the table as it is now.
func (l *load) migrate(ctx context.Context, t *table.Table) (*plan, error) {
	p := &plan{t: t, schema: schemaName(t), bare: t.Name}
	if earlier := cmp.Or(l.plans[t], l.w.plans[t]); earlier != nil {
		if earlier.revision == l.revision(earlier.name) {
			l.plans[t] = earlier
			return earlier, nil
		}
		p.changes = earlier.changes // not told yet
	}
	if err := l.claim(t); err != nil {
		return nil, err
	}
	if t.Method == table.Overwrite {
		p.bare = shadowPrefix + t.Name
	}
	p.name = l.name(p.schema, p.bare)
	if err := l.makeTable(ctx, p); err != nil {
		return nil, fmt.Errorf("make table %s for stream %q: %w", t.Name, t.Stream, err)
	}
	var err error
	if p.all, err = describe(ctx, l.conn, p.name); err != nil {
		return nil, fmt.Errorf("read the columns of table %s: %w", t.Name, err)
	}
	if err := destination.RefuseHistory(t, func(name string) bool { return find(p.all, name) >= 0 }); err != nil {
		return nil, fmt.Errorf("fit table %s to stream %q: %w", t.Name, t.Stream, err)
	}
	for _, c := range t.Columns {
		if err := l.fit(ctx, p, c); err != nil {
			return nil, err
		}
	}
	if err := l.relax(ctx, p); err != nil {
		return nil, fmt.Errorf("let columns of table %s be NULL: %w", t.Name, err)
	}
	p.revision = l.revision(p.name)
	l.plans[t] = p
	return p, nil
}

// revision counts the changes that this load and those committed before it have made to a table.
func (l *load) revision(name string) int { return l.w.revisions[name] + l.revisions[name] }

// claim makes t's table that of t's stream, unless it is tapline's own or another stream's. DuckDB takes two names that
// differ only in case for one, and the rows of the two streams would replace each other.
func (l *load) claim(t *table.Table) error {
	if t.Own {
		return nil
	}
	name := fold(t.Name)
	if strings.HasPrefix(name, shadowPrefix) || strings.HasPrefix(name, draftPrefix) || fold(schemaName(t)) == "main" && strings.HasPrefix(name, "_singer_") {
		return fmt.Errorf("stream %q would be loaded into %s.%s, and names with _singer_ in front are tapline's own there; load it under another name or into another schema", t.Stream, schemaName(t), t.Name)
	}
	if other, taken := l.w.streams[place(t)]; taken && other != t.Stream {
		return fmt.Errorf("streams %q and %q would be loaded into one table, because DuckDB does not tell names apart by case; rename one of them in the tap, or load it by another run into another schema", other, t.Stream)
	}
	l.w.streams[place(t)] = t.Stream
	return nil
}

// schemaName is the schema of t's table.
func schemaName(t *table.Table) string {
	if t.Schema == "" {
		return "main"
	}
	return t.Schema
}

// place is what two Tables have in common whose rows go into one table.
func place(t *table.Table) string { return placeOf(schemaName(t), t.Name) }

func placeOf(schema, name string) string { return quote(fold(schema)) + "." + quote(fold(name)) }

// makeTable makes the schema and the table unless they are there, and compares the key with that of the last load.
func (l *load) makeTable(ctx context.Context, p *plan) error {
	if _, err := l.exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+quote(l.catalog)+"."+quote(p.schema)); err != nil {
		return err
	}
	if p.t.Method == table.Overwrite {
		if err := l.clearShadow(ctx, p); err != nil {
			return err
		}
	}
	found, comment, err := l.lookUp(ctx, p.schema, p.bare)
	if err != nil {
		return err
	}
	if p.t.Method != table.Overwrite {
		if err := l.dropShadow(ctx, p); err != nil {
			return err
		}
	}
	if !found {
		if err := l.create(ctx, p); err != nil && strings.Contains(err.Error(), "View with name") {
			return fmt.Errorf("%s is there and is no table; rename it, or load the stream under another name", p.name)
		} else if err != nil {
			return err
		}
		if p.t.Method == table.Overwrite {
			return l.compareShadow(ctx, p)
		}
		p.changes = append(p.changes, destination.Change{Kind: destination.CreateTable, To: keyList(p.t)})
		return nil
	}
	p.compareKey(comment)
	return l.noteKey(ctx, p, comment)
}

func (l *load) create(ctx context.Context, p *plan) error {
	var columns []string
	for _, c := range p.t.Columns {
		columns = append(columns, quote(c.Name)+" "+typeOf(c))
	}
	if _, err := l.exec(ctx, "CREATE TABLE "+p.name+" ("+strings.Join(columns, ", ")+")"); err != nil {
		return err
	}
	return l.noteKey(ctx, p, "")
}

// keyPrefix begins the comment on a table that keeps the key of its last load, so that a change of it is seen.
const keyPrefix = "tapline key: "

func keyList(t *table.Table) string {
	var names []string
	for _, i := range t.Key {
		names = append(names, t.Columns[i].Name)
	}
	return strings.Join(names, ", ")
}

func keyComment(t *table.Table) string { return keyPrefix + keyList(t) }

// compareKey tells if a table's comment has another key than the Table.
func (p *plan) compareKey(comment string) {
	if before, noted := strings.CutPrefix(comment, keyPrefix); noted && comment != keyComment(p.t) {
		p.changes = append(p.changes, destination.Change{Kind: destination.ChangeKey, From: before, To: keyList(p.t)})
	}
}

// noteKey writes the key's comment, unless the table has it or one that a person wrote.
func (l *load) noteKey(ctx context.Context, p *plan, comment string) error {
	if p.t.Own || comment == keyComment(p.t) || comment != "" && !strings.HasPrefix(comment, keyPrefix) {
		return nil
	}
	_, err := l.exec(ctx, "COMMENT ON TABLE "+p.name+" IS "+text(keyComment(p.t)))
	return err
}

// relax lets those columns be NULL to which the Table may give no value.
func (l *load) relax(ctx context.Context, p *plan) error {
	for i, c := range p.all {
		at := slices.Index(p.into, i)
		if !c.required || c.primary || at >= 0 && !p.t.Columns[at].Nullable || at < 0 && c.filled {
			continue
		}
		if err := l.alter(ctx, "ALTER TABLE "+p.name+" ALTER COLUMN "+quote(c.name)+" DROP NOT NULL"); err != nil {
			return err
		}
		p.all[i].required = false
		p.changes = append(p.changes, destination.Change{Kind: destination.RelaxColumn, Column: c.name, From: c.typ + " NOT NULL", To: c.typ})
	}
	return nil
}

// name quotes a table's name in three parts.
func (l *load) name(schema, table string) string {
	return quote(l.catalog) + "." + quote(schema) + "." + quote(table)
}
