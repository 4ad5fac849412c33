package duckdb

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v15/arrow/array"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// fit finds or makes the column that takes the values of c, which is the plan's next.
func (l *load) fit(ctx context.Context, p *plan, c table.Column) error {
	at := find(p.all, c.Name)
	if at < 0 {
		return l.addColumn(ctx, p, c, c.Name, destination.AddColumn)
	}
	inexact := c.Type == table.Integer && p.all[at].typ == "DOUBLE" // see makeRoom
	if !(inexact && p.t.Conflict == table.NewColumn) && p.fill(c, at) {
		return nil
	}
	switch p.t.Conflict {
	case table.NewColumn:
		if slices.Contains(p.t.Key, len(p.into)) {
			return misfit(p, c, p.all[at])
		}
		return l.split(ctx, p, c, p.all[at])
	case table.Widen, table.ToJSON:
		if err := l.widen(ctx, p, c, at); err != nil {
			return err
		}
		p.fill(c, at)
		return nil
	}
	return misfit(p, c, p.all[at])
}

// makeRoom widens the columns of the type DOUBLE that cannot hold a whole number of the batches exactly, if they may be
// widened, and returns the plan to use then.
func (l *load) makeRoom(ctx context.Context, p *plan, batches []*table.Batch) (*plan, error) {
	for i, c := range p.t.Columns {
		if !p.inexact(i) || exactFloats(batches, i) {
			continue
		}
		changed := *p // the plan may be that of earlier loads, which stays right if this one is rolled back
		changed.all = slices.Clone(p.all)
		p = &changed
		l.plans[p.t] = p
		if err := l.widen(ctx, p, c, p.into[i]); err != nil {
			return nil, err
		}
	}
	return l.migrate(ctx, p.t)
}

// inexact reports whether whole numbers go into a DOUBLE that may be widened.
func (p *plan) inexact(i int) bool {
	widened := p.t.Conflict == table.Widen || p.t.Conflict == table.ToJSON
	return widened && p.t.Columns[i].Type == table.Integer && p.column(i).typ == "DOUBLE"
}

// exactFloats reports whether DOUBLE holds all whole numbers of the i-th column exactly.
func exactFloats(batches []*table.Batch, i int) bool {
	for _, b := range batches {
		values := b.Rows.Column(i).(*array.Int64)
		for row, v := range values.Int64Values() {
			if (v > mostExact || v < -mostExact) && values.IsValid(row) {
				return false
			}
		}
	}
	return true
}

// mostExact is the number up to which DOUBLE holds every whole number.
const mostExact = 1 << 53

// fill lets the column at this index of the table take the values of c, the plan's next, if it can hold them.
func (p *plan) fill(c table.Column, at int) bool {
	value, ok := fill(c, p.all[at].typ, position(len(p.into)), c.Name)
	if ok {
		p.into, p.values = append(p.into, at), append(p.values, value)
	}
	return ok
}

// addColumn adds a column for the values of c.
func (l *load) addColumn(ctx context.Context, p *plan, c table.Column, name string, kind destination.ChangeKind) error {
	typ := typeOf(c)
	if err := l.makeAlterable(ctx, p); err != nil {
		return err
	}
	if err := l.alter(ctx, "ALTER TABLE "+p.name+" ADD COLUMN "+quote(name)+" "+typ); err != nil {
		return fmt.Errorf("add column %s to table %s: %w", name, p.t.Name, err)
	}
	l.revisions[p.name]++
	p.all = append(p.all, column{name: name, typ: typ})
	p.changes = append(p.changes, destination.Change{Kind: kind, Column: name, To: typ})
	p.fill(c, len(p.all)-1)
	return nil
}

// wider lists the types that hold what a column of the type from may hold and the values of c, narrowest first. The
// first one may turn out not to hold what the column does hold. Whole numbers become DOUBLE beside other numbers, though
// it does not hold all of them: most are small, and then a column stays one that can be reckoned with.
func wider(from string, c table.Column) []string {
	candidates := []string{typeOf(table.Join(logical(from), c)), "VARCHAR", "JSON"}
	if logical(from).Type == table.Integer && c.Type == table.Number {
		candidates = slices.Insert(candidates, 0, "DOUBLE")
	}
	return slices.DeleteFunc(slices.Compact(candidates), func(typ string) bool {
		_, ok := fill(c, typ, "", "")
		return !ok || typ == from
	})
}

// widen changes a column to the first of the types that hold the values of c, as the policy allows, to which every stored
// value can be turned and back without a change.
func (l *load) widen(ctx context.Context, p *plan, c table.Column, at int) error {
	stored := p.all[at]
	types := []string{"JSON"}
	if p.t.Conflict == table.Widen {
		types = wider(stored.typ, c)
	}
	for _, typ := range types {
		there, back := convert(stored.typ, typ, quote(stored.name))
		changed := back + " IS DISTINCT FROM " + quote(stored.name)
		if typ == "DOUBLE" && logical(stored.typ).Type == table.Integer { // some larger ones come back, but with other digits as text
			changed = fmt.Sprintf("%s NOT BETWEEN %d AND %d", quote(stored.name), -mostExact, mostExact)
		}
		var lost int64
		err := l.conn.QueryRowContext(ctx, "SELECT count(*) FROM "+p.name+" WHERE "+quote(stored.name)+" IS NOT NULL AND "+changed).Scan(&lost)
		if err != nil {
			return fmt.Errorf("see whether column %s of table %s can be %s: %w", stored.name, p.t.Name, typ, err)
		}
		if lost > 0 {
			continue
		}
		if stored.primary {
			copied := l.name(p.schema, p.bare+"_copy")
			return fmt.Errorf("column %q of table %s is %s and has to become %s, which DuckDB refuses for a column of a PRIMARY KEY; rename the table, or make it anew without that key: "+
				"CREATE TABLE %s AS FROM %s; DROP TABLE %s; ALTER TABLE %s RENAME TO %s", stored.name, p.t.Name, stored.typ, typ, copied, p.name, p.name, copied, quote(p.bare))
		}
		if err := l.makeAlterable(ctx, p); err != nil {
			return err
		}
		if err := l.alter(ctx, "ALTER TABLE "+p.name+" ALTER COLUMN "+quote(stored.name)+" TYPE "+typ+" USING "+there); err != nil {
			return fmt.Errorf("change column %s of table %s from %s to %s: %w", stored.name, p.t.Name, stored.typ, typ, err)
		}
		l.revisions[p.name]++
		p.all[at].typ = typ
		p.changes = append(p.changes, destination.Change{Kind: destination.WidenColumn, Column: stored.name, From: stored.typ, To: typ})
		return nil
	}
	return misfit(p, c, stored)
}

// split finds or makes a column beside the stored one that takes the values of c: NAME__TYPE, or NAME__TYPE_2 and so on
// where that is another's. The comment on such a column says whose values it takes.
func (l *load) split(ctx context.Context, p *plan, c table.Column, stored column) error {
	comment := "tapline: values of " + c.Name + " that are " + c.Type.String()
	comments, err := l.comments(ctx, p)
	if err != nil {
		return fmt.Errorf("read the comments on columns of table %s: %w", p.t.Name, err)
	}
	for n := 1; ; n++ {
		name := c.Name + "__" + c.Type.String()
		if n > 1 {
			name += fmt.Sprint("_", n)
		}
		if slices.ContainsFunc(p.t.Columns, func(other table.Column) bool { return fold(other.Name) == fold(name) }) {
			continue
		}
		at := find(p.all, name)
		if at < 0 {
			if err := l.addColumn(ctx, p, c, name, destination.SplitColumn); err != nil {
				return err
			}
			p.changes[len(p.changes)-1].From = stored.typ
			_, err := l.exec(ctx, "COMMENT ON COLUMN "+p.name+"."+quote(name)+" IS "+text(comment))
			return wrap(err, "comment on column "+name)
		}
		if comments[p.all[at].name] == comment && p.fill(c, at) {
			return nil
		}
	}
}

// comments reads those on the columns of a table.
func (l *load) comments(ctx context.Context, p *plan) (map[string]string, error) {
	comments := map[string]string{}
	err := each(ctx, l.conn, func(rows *sql.Rows) error {
		var name, comment string
		err := rows.Scan(&name, &comment)
		comments[name] = comment
		return err
	}, "SELECT column_name, comment FROM duckdb_columns() WHERE comment IS NOT NULL AND database_name = ? AND "+folded("schema_name")+" = ? AND "+
		folded("table_name")+" = ?", l.catalog, fold(p.schema), fold(p.bare))
	return comments, err
}

// misfit words the failure that a column in the warehouse has a type which cannot hold the stream's values.
func misfit(p *plan, c table.Column, stored column) error {
	wanted := typeOf(c)
	there, _ := convert(stored.typ, wanted, quote(stored.name))
	there = strings.TrimPrefix(there, "TRY_")
	advice := fmt.Sprintf("rename the table or the column, or run: ALTER TABLE %s ALTER COLUMN %s TYPE %s USING %s; CHECKPOINT", p.name, quote(stored.name), wanted, there)
	switch p.t.Conflict {
	case table.Fail:
		advice = "set conflict to widen, " + advice
	case table.NewColumn:
		advice = "and values of a key must all be in one column; set conflict to widen, or rename the table"
	}
	return fmt.Errorf("column %q of table %s is %s, which cannot hold the %s values that stream %q now has; %s", c.Name, p.t.Name, stored.typ, wanted, p.t.Stream, advice)
}
