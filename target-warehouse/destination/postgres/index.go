package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// index is an index of a target on whole columns, without a condition.
type index struct {
	name    string
	unique  bool
	columns []string
}

const describeIndexes = `SELECT c.relname::text, i.indisunique, ARRAY(SELECT a.attname::text FROM pg_attribute AS a
		WHERE a.attrelid = i.indrelid AND a.attnum = ANY((i.indkey::smallint[])[0:i.indnkeyatts - 1]))
	FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
	WHERE i.indrelid = $1::text::regclass AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL`

// covers tells whether the index is on these columns and no others.
func (x index) covers(columns []*column) bool {
	return len(x.columns) == len(columns) && !slices.ContainsFunc(columns, func(c *column) bool { return !slices.Contains(x.columns, c.name) })
}

// upserts tells whether rows of p's Table replace rows with the same key.
func (p *plan) upserts() bool { return len(p.key) > 0 && !p.table.AppendOnly }

// unique tells whether the table can hold a key of p only once.
func (p *plan) unique() bool {
	return slices.ContainsFunc(p.target.indexes, func(x index) bool { return x.unique && x.covers(p.key) })
}

// fitIndex makes the table's indexes fit p. Where tapline made an index that would refuse rows which are now due,
// because the key has changed or rows are now only added, that index goes. A table with rows gets an index on the key
// if it has none; one without gets it later.
func (l *load) fitIndex(ctx context.Context, p *plan) error {
	t := p.target
	t.due = nil
	own := indexName(p.table)
	if i := slices.IndexFunc(t.indexes, func(x index) bool { return x.name == own }); i >= 0 && !(p.upserts() && t.indexes[i].covers(p.key)) {
		if _, err := l.exec(ctx, "DROP INDEX "+quote(t.schema)+"."+quote(own)); err != nil {
			return err
		}
		t.indexes = slices.Delete(t.indexes, i, i+1)
	}
	if !p.upserts() || slices.ContainsFunc(t.indexes, func(x index) bool { return x.covers(p.key) }) {
		return nil
	}
	t.due = &index{name: own}
	for _, c := range p.key {
		t.due.columns = append(t.due.columns, c.name)
	}
	if t.fresh {
		return nil
	}
	return l.index(ctx, t)
}

// index makes the index that is due, if one is: a unique one, or a plain one where the table holds a key twice.
func (l *load) index(ctx context.Context, t *target) error {
	if t.due == nil {
		return nil
	}
	made := *t.due
	var columns []string
	for _, name := range made.columns {
		columns = append(columns, quote(name))
	}
	on := "INDEX " + quote(made.name) + " ON " + t.quoted() + " (" + strings.Join(columns, ", ") + ")"
	if _, err := l.exec(ctx, "SAVEPOINT index"); err != nil {
		return err
	}
	made.unique = true
	_, err := l.exec(ctx, "CREATE UNIQUE "+on)
	if fault := (*pgconn.PgError)(nil); errors.As(err, &fault) && refusesUnique(fault.Code) {
		made.unique = false
		if _, err = l.exec(ctx, "ROLLBACK TO SAVEPOINT index"); err == nil {
			_, err = l.exec(ctx, "CREATE "+on)
		}
	}
	if err == nil {
		_, err = l.exec(ctx, "RELEASE SAVEPOINT index")
	}
	if err != nil {
		return err
	}
	t.indexes, t.due = append(t.indexes, made), nil
	return nil
}

// refusesUnique tells whether a unique index cannot be made because a key is there twice, or because the table is
// divided into partitions by something else.
func refusesUnique(code string) bool { return code == "23505" || code == "0A000" }
