package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// deletes tells whether one of the rows deletes the row with its key.
func (p *plan) deletes(batches []*table.Batch) bool {
	gone := p.column(table.DeletedAt)
	if !p.table.HardDelete || gone == nil {
		return false
	}
	for _, b := range batches {
		if a := b.Rows.Column(gone.index); a.NullN() < a.Len() {
			return true
		}
	}
	return false
}

// gone gives the columns that judgeDeletions needs: the key, and which rows delete.
func (p *plan) gone() []*column {
	columns := append([]*column(nil), p.key...)
	gone := p.column(table.DeletedAt)
	for _, c := range p.key {
		if c == gone {
			return columns
		}
	}
	return append(columns, gone)
}

// judgeDeletions is judge for rows of which some delete: whether a row finds its key in the table depends on the row of
// this key before it.
func (l *load) judgeDeletions(ctx context.Context, p *plan, batches []*table.Batch, rows int64) (*verdict, error) {
	keys, err := l.sendKeys(ctx, p, p.gone(), batches, rows)
	if err != nil {
		return nil, err
	}
	gone := "k." + quote(p.column(table.DeletedAt).name) + " IS NOT NULL"
	query := "WITH w AS MATERIALIZED (SELECT k." + quote(table.Ordinal) + " AS n, " + gone + " AS gone, lead(1) OVER o IS NULL AS last, " +
		p.known("k") + " AS known, lag(" + gone + ") OVER o AS gone_before FROM " + keys + " AS k WINDOW o AS (PARTITION BY " + names("k.", p.key) +
		" ORDER BY k." + quote(table.Ordinal) + `)),
		x AS (SELECT *, coalesce(NOT gone_before, known) AS present FROM w)
		SELECT ARRAY(SELECT n FROM w WHERE last AND NOT gone), ARRAY(SELECT n FROM w WHERE last AND NOT gone AND known),
			(SELECT count(*) FROM w WHERE last AND gone AND known), count(*) FILTER (WHERE NOT gone AND NOT present),
			count(*) FILTER (WHERE NOT gone AND present), count(*) FILTER (WHERE gone AND present) FROM x`
	v := &verdict{}
	var last, replaced []int64
	err = l.conn.QueryRow(ctx, query, pgx.QueryExecModeDescribeExec).
		Scan(&last, &replaced, &v.deleting, &v.counts.Inserted, &v.counts.Updated, &v.counts.Deleted)
	if err != nil {
		return nil, fmt.Errorf("look for known keys: %w", err)
	}
	v.fates = fatesOf(rows, last, replaced)
	return v, nil
}

// deleteKeys deletes the rows of the keys whose last row deletes, which judgeDeletions has sent.
func (l *load) deleteKeys(ctx context.Context, p *plan, want int64) error {
	keys := l.temporaries[numbered(p.gone())]
	deleted, err := l.execByKey(ctx, "DELETE FROM "+p.target.quoted()+" AS t USING (SELECT DISTINCT ON ("+names("k.", p.key)+") * FROM "+keys+
		" AS k ORDER BY "+names("k.", p.key)+", k."+quote(table.Ordinal)+" DESC) AS d WHERE d."+quote(p.column(table.DeletedAt).name)+
		" IS NOT NULL AND "+p.sameKey("t", "d"))
	if err == nil && deleted < want {
		err = fmt.Errorf("the server deleted %d rows where at least %d were due", deleted, want)
	}
	return err
}

// Activate implements [destination.Load].
func (l *load) Activate(ctx context.Context, t *table.Table, a destination.Activation) (destination.Counts, error) {
	p := l.plans[t]
	if p == nil {
		return destination.Counts{}, fmt.Errorf("activate version %d of table %s: Migrate was not called with its Table in this load", a.Version, t.Name)
	}
	act := l.retire
	if t.Method == table.Overwrite {
		act = l.swap
	}
	gone, err := act(ctx, p, a)
	if err != nil {
		return destination.Counts{}, fmt.Errorf("activate version %d of table %s: %w", a.Version, t.Name, explain(ctx, l.conn, err))
	}
	return destination.Counts{Deleted: gone}, nil
}

// retire deletes the rows of older versions, or marks them as deleted, and counts them.
func (l *load) retire(ctx context.Context, p *plan, a destination.Activation) (int64, error) {
	version, deleted := p.column(table.TableVersion), p.column(table.DeletedAt)
	if version == nil || deleted == nil {
		return 0, fmt.Errorf("it has not the columns %s and %s, which say what is older; set add_record_metadata to true", table.TableVersion, table.DeletedAt)
	}
	older := "t." + quote(version.name) + fmt.Sprintf(" < %d", a.Version)
	if a.Unversioned {
		older = "(" + older + " OR t." + quote(version.name) + " IS NULL)"
	}
	target := p.target.quoted() + " AS t"
	if p.table.HardDelete && !p.keepsHistory() {
		return l.exec(ctx, "DELETE FROM "+target+" WHERE "+older)
	}
	at := p.target.moment(deleted.name, a.AtMicros)
	set, condition := quote(deleted.name)+" = "+at, older+" AND t."+quote(deleted.name)+" IS NULL"
	if p.keepsHistory() {
		until := p.column(table.ValidTo).name
		set += ", " + quote(until) + " = " + p.target.moment(until, a.AtMicros)
		condition += " AND t." + quote(until) + " IS NULL"
	}
	return l.exec(ctx, "UPDATE "+target+" SET "+set+" WHERE "+condition)
}

// moment is the SQL of a moment for a column of whatever type it has.
func (t *target) moment(name string, micros int64) string {
	text := time.UnixMicro(micros).UTC().Format(time.RFC3339Nano)
	if t.column(name).logical().Type == table.JSON {
		text = `"` + text + `"`
	}
	return "'" + text + "'"
}
