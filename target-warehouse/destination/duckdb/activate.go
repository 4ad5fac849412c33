package duckdb

import (
	"context"
	"fmt"
	"time"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// Activate implements [destination.Load].
func (l *load) Activate(ctx context.Context, t *table.Table, a destination.Activation) (destination.Counts, error) {
	if l.plans[t] == nil {
		return destination.Counts{}, fmt.Errorf("activate a version of table %s: Migrate was not called with its Table in this load", t.Name)
	}
	if err := l.endFeed(ctx); err != nil {
		return destination.Counts{}, err
	}
	p, err := l.migrate(ctx, t)
	if err != nil {
		return destination.Counts{}, fmt.Errorf("activate a version of table %s: %w", t.Name, err)
	}
	var counts destination.Counts
	if t.Method == table.Overwrite {
		counts, err = l.swap(ctx, p)
	} else {
		counts.Deleted, err = l.retire(ctx, p, a)
	}
	if err != nil {
		return destination.Counts{}, fmt.Errorf("activate version %d of table %s: %w", a.Version, t.Name, explain(err))
	}
	return counts, nil
}

// retire deletes or marks the rows of older versions and returns how many.
func (l *load) retire(ctx context.Context, p *plan, a destination.Activation) (int64, error) {
	version, versioned := p.named(table.TableVersion)
	if !versioned {
		return 0, fmt.Errorf("its rows do not say their version; set add_record_metadata")
	}
	old := fmt.Sprintf("TRY_CAST(%s AS BIGINT) < %d", version, a.Version)
	if a.Unversioned {
		old = "(" + old + " OR " + version + " IS NULL)"
	}
	l.rewrites(p)
	if p.t.HardDelete && p.t.Method != table.History {
		return l.exec(ctx, "DELETE FROM "+p.name+" WHERE "+old)
	}
	set, open, err := p.mark(table.DeletedAt, a.AtMicros)
	if err != nil {
		return 0, err
	}
	if p.t.Method == table.History {
		end, newest, err := p.mark(table.ValidTo, a.AtMicros)
		if err != nil {
			return 0, err
		}
		set, open = set+", "+end, open+" AND "+newest
	}
	return l.exec(ctx, "UPDATE "+p.name+" SET "+set+" WHERE "+old+" AND "+open)
}

// mark is how to write a moment into a column, and the condition that the column has none yet.
func (p *plan) mark(name string, micros int64) (set, open string, err error) {
	at := indexOf(p.t, name)
	if at < 0 {
		return "", "", fmt.Errorf("it has no column %s; set add_record_metadata", name)
	}
	column := p.column(at)
	value, ok := fill(table.Column{Type: table.Timestamp}, column.typ, "CAST("+text(moment(time.UnixMicro(micros)))+" AS TIMESTAMPTZ)", name)
	if !ok {
		return "", "", fmt.Errorf("its column %s is %s, which cannot hold a moment", column.name, column.typ)
	}
	return quote(column.name) + " = " + value, quote(column.name) + " IS NULL", nil
}
