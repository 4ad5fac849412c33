package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// index is an index of a target on whole columns, without a condition.
type index struct {
	name    string
	unique  bool
	columns []string
}

const describeIndexes = `SELECT c.relname::text, i.indisunique, ARRAY(SELECT a.attname::text FROM pg_attribute AS a
		WHERE a.attrelid = i.indrelid AND a.attnum = ANY((i.indkey::smallint[])[0:i.indnkeyatts - 1])
		ORDER BY array_position(i.indkey::smallint[], a.attnum))
	FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
	WHERE i.indrelid = $1::text::regclass AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL`

// keyIndexPrefix begins the name of tapline's index on a table's key. The rest may be another table's name, as indexes keep
// theirs when a table is renamed.
const keyIndexPrefix = "_singer_key_"

// covers tells whether the index is on these columns and no others.
func (x index) covers(columns []*column) bool {
	return len(x.columns) == len(columns) && !slices.ContainsFunc(columns, func(c *column) bool { return !slices.Contains(x.columns, c.name) })
}

// keepsHistory tells whether a table keeps rows that others have replaced.
func (p *plan) keepsHistory() bool { return p.table.Keyed() && p.table.Method == table.History }

// unique tells whether the table can hold a key of p only once.
func (p *plan) unique() bool {
	return slices.ContainsFunc(p.target.indexes, func(x index) bool { return x.unique && x.covers(p.key) })
}

// fitIndex makes the indexes of p's table t fit p. Where tapline made an index that would refuse rows which are now due,
// because the key has changed or rows are now only added, that index goes. A table with rows gets an index on the key
// if it has none; one without gets it later. Where that tells that the key was another one before, it is a change.
func (l *load) fitIndex(ctx context.Context, t *target, p *plan) (*destination.Change, error) {
	fits := func(x index) bool { return x.covers(p.key) && !(x.unique && p.keepsHistory()) }
	former := t.due
	t.due = nil
	if i := slices.IndexFunc(t.indexes, func(x index) bool { return strings.HasPrefix(x.name, keyIndexPrefix) }); i >= 0 {
		if p.table.Keyed() && fits(t.indexes[i]) {
			return nil, nil
		}
		if err := l.alone(ctx, t, "DROP INDEX "+quote(t.schema)+"."+quote(t.indexes[i].name)); err != nil {
			return nil, err
		}
		former = &t.indexes[i]
		t.indexes = slices.Concat(t.indexes[:i], t.indexes[i+1:])
	}
	covered := slices.ContainsFunc(t.indexes, fits)
	if p.table.Keyed() && !covered {
		t.due = &index{unique: !p.keepsHistory(), columns: columnNames(p.key)}
	}
	change := &destination.Change{Kind: destination.ChangeKey, To: strings.Join(columnNames(p.key), ", ")}
	switch {
	case former != nil && former.covers(p.key), former == nil && t.due == nil:
		change = nil
	case former != nil:
		change.From = strings.Join(former.columns, ", ")
	}
	if t.due == nil || t.fresh {
		return change, nil
	}
	return change, l.index(ctx, t)
}

// index makes the index that is due, if one is. Instead of a unique one, it makes a plain one where the table holds a key
// twice.
func (l *load) index(ctx context.Context, t *target) error {
	if t.due == nil {
		return nil
	}
	made := *t.due
	var err error
	if made.name, err = l.freeIndexName(ctx, t); err != nil {
		return err
	}
	var columns []string
	for _, name := range made.columns {
		columns = append(columns, quote(name))
	}
	on := "INDEX " + quote(made.name) + " ON " + t.quoted() + " (" + strings.Join(columns, ", ") + ")"
	if made.unique {
		made.unique, err = l.createUnique(ctx, "CREATE UNIQUE "+on)
	}
	if err == nil && !made.unique {
		_, err = l.exec(ctx, "CREATE "+on)
	}
	if err != nil {
		return err
	}
	t.indexes, t.due = append(t.indexes, made), nil
	return nil
}

// freeIndexName is a name for the index on the key of a table that nothing else in its schema has.
func (l *load) freeIndexName(ctx context.Context, t *target) (string, error) {
	name := storedName(keyIndexPrefix + t.name)
	for n := 2; ; n++ {
		var free bool
		err := l.conn.QueryRow(ctx, "SELECT to_regclass($1) IS NULL", quote(t.schema)+"."+quote(name)).Scan(&free)
		if err != nil || free {
			return name, err
		}
		name = storedName(fmt.Sprintf("%s%s_%d", keyIndexPrefix, t.name, n))
	}
}

// createUnique tells whether the table can have the unique index, and makes it then.
func (l *load) createUnique(ctx context.Context, statement string) (bool, error) {
	if _, err := l.exec(ctx, "SAVEPOINT index"); err != nil {
		return false, err
	}
	_, err := l.exec(ctx, statement)
	if fault := (*pgconn.PgError)(nil); errors.As(err, &fault) && refusesUnique(fault.Code) {
		_, err = l.exec(ctx, "ROLLBACK TO SAVEPOINT index")
		return false, err
	}
	if err == nil {
		_, err = l.exec(ctx, "RELEASE SAVEPOINT index")
	}
	return err == nil, err
}

// refusesUnique tells whether a unique index cannot be made because a key is there twice, or because the table is
// divided into partitions by something else.
func refusesUnique(code string) bool { return code == "23505" || code == "0A000" }
