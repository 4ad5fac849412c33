package postgres

import (
	"context"
	"fmt"
	"strings"

	"tapline/target-warehouse/destination"
)

// hiddenPrefix begins the name of the table that collects the rows which are to take the place of another's.
const hiddenPrefix = "_singer_new_"

// collect makes p's rows go into a hidden table. One of this run is kept and gets the columns that it lacks and the types
// that have changed; one that another run left is dropped first.
func (l *load) collect(ctx context.Context, p *plan) error {
	name := storedName(hiddenPrefix + p.target.name)
	hidden := &target{schema: p.target.schema, name: name}
	p.final, p.target = p.target, hidden
	if known := l.targets[hidden.quoted()]; known != nil {
		p.target = known
	} else if err := l.openHidden(ctx, p, hidden); err != nil {
		return fmt.Errorf("make the table %s that collects the rows: %w", hidden.quoted(), err)
	}
	if err := l.conform(ctx, p); err != nil {
		return fmt.Errorf("alter the table %s that collects the rows: %w", hidden.quoted(), err)
	}
	if err := l.refit(p.target); err != nil {
		return err
	}
	if _, err := l.fitIndex(ctx, p.target, p); err != nil {
		return fmt.Errorf("index the key: %w", err)
	}
	p.target.newest = p
	return nil
}

// openHidden finds the hidden table of this run, or makes it anew.
func (l *load) openHidden(ctx context.Context, p *plan, hidden *target) error {
	if !l.collecting[hidden.quoted()] {
		if _, err := l.exec(ctx, "DROP TABLE IF EXISTS "+hidden.quoted()); err != nil {
			return err
		}
		if _, err := l.exec(ctx, "CREATE TABLE "+hidden.quoted()+" ("+definitions(p.columns)+")"); err != nil {
			return err
		}
		hidden.fresh = true
	}
	if err := l.describe(ctx, hidden); err != nil {
		return err
	}
	l.targets[hidden.quoted()], l.collecting[hidden.quoted()] = hidden, true
	return nil
}

// conform gives the hidden table the columns of p, each with the type that it has in the final table.
func (l *load) conform(ctx context.Context, p *plan) error {
	var actions []string
	for _, c := range p.columns {
		wanted := *p.final.column(c.name)
		wanted.filled, wanted.always, wanted.notNull = false, false, false
		switch s := p.target.column(c.name); {
		case s == nil:
			actions = append(actions, "ADD COLUMN "+c.definition)
			p.target.columns = append(p.target.columns, wanted)
		case s.typ != wanted.typ:
			actions = append(actions, "ALTER COLUMN "+quote(c.name)+" TYPE "+wanted.typ+" USING "+s.as(wanted.logical().Type))
			*s = wanted
		}
	}
	if actions == nil {
		return nil
	}
	_, err := l.exec(ctx, "ALTER TABLE "+p.target.quoted()+" "+strings.Join(actions, ", "))
	return err
}

// swap puts the rows of the hidden table in the place of the final one's, and counts those that went. The final table
// stays the one that it is, with its grants, views, comments and indexes; and as its rows go and come as rows, every
// transaction sees all of the old ones or all of the new ones. TRUNCATE, or another table under the same name, would
// show none or some of them to a transaction that began before.
// https://www.postgresql.org/docs/current/mvcc-caveats.html
func (l *load) swap(ctx context.Context, p *plan, _ destination.Activation) (int64, error) {
	if err := l.refuseCascade(ctx, p.final); err != nil {
		return 0, err
	}
	gone, err := l.exec(ctx, "DELETE FROM "+p.final.quoted())
	if err != nil {
		return 0, fmt.Errorf("delete the former rows: %w", err)
	}
	var collected int64
	if err := l.conn.QueryRow(ctx, "SELECT count(*) FROM "+p.target.quoted()).Scan(&collected); err != nil {
		return 0, err
	}
	var columns []*column
	for _, s := range p.target.columns {
		columns = append(columns, &column{name: s.name})
	}
	list := names("", columns)
	put, err := l.exec(ctx, "INSERT INTO "+p.final.quoted()+" ("+list+")"+withIdentities+" SELECT "+list+" FROM "+p.target.quoted())
	if err == nil && put != collected {
		err = fmt.Errorf("the server took %d rows where %d were due", put, collected)
	}
	if err != nil {
		return 0, fmt.Errorf("put the new rows in: %w", err)
	}
	if _, err := l.exec(ctx, "DROP TABLE "+p.target.quoted()); err != nil {
		return 0, err
	}
	l.forget(p.target)
	return gone, l.filled(ctx, p.final)
}

// refuseCascade finds a foreign key by which the rows of other tables go, or lose what they refer to, with those of t, as
// they would although rows with the same key take their place.
func (l *load) refuseCascade(ctx context.Context, t *target) error {
	var names []string
	err := l.conn.QueryRow(ctx, `SELECT ARRAY(SELECT format('%I of %s', conname, conrelid::regclass) FROM pg_constraint
		WHERE confrelid = $1::text::regclass AND conrelid <> confrelid AND conparentid = 0 AND confdeltype IN ('c', 'n', 'd') ORDER BY 1)`, t.quoted()).Scan(&names)
	if err != nil || len(names) == 0 {
		return err
	}
	return fmt.Errorf("all rows give way to others, and the foreign key %s would have rows that refer to them deleted or changed; "+
		"drop it or make it anew with ON DELETE NO ACTION DEFERRABLE INITIALLY DEFERRED, or use load_method upsert", strings.Join(names, ", "))
}

// forget ends the use of a hidden table that was dropped.
func (l *load) forget(hidden *target) {
	delete(l.targets, hidden.quoted())
	l.collecting[hidden.quoted()] = false
	for t, p := range l.plans {
		if p.target == hidden {
			delete(l.plans, t)
		}
	}
}
