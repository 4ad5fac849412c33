package duckdb

import (
	"context"
	"database/sql"
	"fmt"

	"tapline/target-warehouse/destination"
)

// shadowPrefix is put before a table's name to name the hidden table beside it that collects the rows of an overwrite.
const shadowPrefix = "_singer_new_"

// clearShadow drops the hidden table that another process left.
func (l *load) clearShadow(ctx context.Context, p *plan) error {
	mine, decided := l.collecting[place(p.t)]
	if !decided {
		mine = l.w.collecting[place(p.t)]
	}
	if mine {
		return nil
	}
	l.collecting[place(p.t)] = true
	l.asked[placeOf(p.schema, p.bare)] = true // no list tells any more whether it is there
	err := l.alter(ctx, "DROP TABLE IF EXISTS "+p.name)
	return wrap(err, "drop what an earlier run collected")
}

// dropShadow drops the hidden table of an overwrite that came to no end, behind which the stream is loaded in another way.
func (l *load) dropShadow(ctx context.Context, p *plan) error {
	at := placeOf(p.schema, shadowPrefix+p.bare)
	if _, left := l.listed[at]; !left || l.asked[at] {
		return nil
	}
	l.asked[at] = true
	err := l.alter(ctx, "DROP TABLE IF EXISTS "+l.name(p.schema, shadowPrefix+p.bare))
	return wrap(err, "drop what an earlier run collected")
}

// compareShadow tells how the hidden table, just made, differs from the one whose place it will take, and gives it what that
// one has beside.
func (l *load) compareShadow(ctx context.Context, p *plan) error {
	found, comment, err := l.lookUp(ctx, p.schema, p.t.Name)
	if err != nil {
		return err
	}
	if !found {
		p.changes = append(p.changes, destination.Change{Kind: destination.CreateTable, To: keyList(p.t)})
		return nil
	}
	p.compareKey(comment)
	visible, err := describe(ctx, l.conn, l.name(p.schema, p.t.Name))
	if err != nil {
		return err
	}
	if err := l.keepColumns(ctx, p); err != nil {
		return fmt.Errorf("keep the columns that the new rows lack: %w", err)
	}
	for _, c := range p.t.Columns {
		typ := typeOf(c)
		switch at := find(visible, c.Name); {
		case at < 0:
			p.changes = append(p.changes, destination.Change{Kind: destination.AddColumn, Column: c.Name, To: typ})
		case visible[at].typ != typ:
			p.changes = append(p.changes, destination.Change{Kind: destination.WidenColumn, Column: c.Name, From: visible[at].typ, To: typ})
		}
	}
	return nil
}

// swap puts the hidden table in the place of the visible one, whose rows count as deleted. Readers see the one until the
// transaction's commit and the other from then on. Columns that the new rows lack stay, without values. Indexes and comments
// that a person made go with the old table, and one to which another table's foreign key leads cannot be overwritten.
func (l *load) swap(ctx context.Context, p *plan) (destination.Counts, error) {
	visible := l.name(p.schema, p.t.Name)
	found, _, err := l.lookUp(ctx, p.schema, p.t.Name)
	if err != nil {
		return destination.Counts{}, err
	}
	var counts destination.Counts
	if found {
		if err := l.conn.QueryRowContext(ctx, "SELECT count(*) FROM "+visible).Scan(&counts.Deleted); err != nil {
			return destination.Counts{}, err
		}
		if err := l.alter(ctx, "DROP TABLE "+visible); err != nil {
			return destination.Counts{}, fmt.Errorf("drop the rows to be replaced: %w", err)
		}
	}
	if err := l.alter(ctx, "ALTER TABLE "+p.name+" RENAME TO "+quote(p.t.Name)); err != nil {
		return destination.Counts{}, fmt.Errorf("put the new rows in place: %w", err)
	}
	l.collecting[place(p.t)] = false
	l.revisions[p.name]++
	l.revisions[visible]++
	for t, other := range l.plans {
		if other.name == p.name {
			delete(l.plans, t)
		}
	}
	return counts, nil
}

// keepColumns gives the hidden table, as long as it has no rows, the columns that only the visible one has, with their
// defaults. A generated one becomes a plain one.
func (l *load) keepColumns(ctx context.Context, p *plan) error {
	columns, err := describe(ctx, l.conn, p.name)
	if err != nil {
		return err
	}
	var missing []string
	err = each(ctx, l.conn, func(rows *sql.Rows) error {
		var name, typ string
		var value sql.NullString
		err := rows.Scan(&name, &typ, &value)
		if find(columns, name) < 0 {
			definition := quote(name) + " " + typ
			if value.Valid {
				definition += " DEFAULT " + value.String
			}
			missing = append(missing, definition)
		}
		return err
	}, `SELECT column_name, column_type, "default" FROM (DESCRIBE `+l.name(p.schema, p.t.Name)+")")
	for _, definition := range missing {
		if err == nil {
			err = l.alter(ctx, "ALTER TABLE "+p.name+" ADD COLUMN "+definition)
		}
	}
	return err
}
