package duckdb

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"tapline/target-warehouse/table"
)

// since names the column of stagedTable that has the moment at which a row began to hold.
const since = "since"

// dropLate deletes the staged rows that began to hold before a version of their key, of those in the table and those that
// the rows ahead of them begin.
func (l *load) dropLate(ctx context.Context, p *plan) error {
	stored, _ := p.named(table.ValidFrom)
	_, err := l.exec(ctx, "DELETE FROM "+stagedTable+" AS s USING (SELECT "+p.storedKey("t")+", max(TRY_CAST(t."+stored+" AS TIMESTAMPTZ)) AS _singer_newest FROM "+
		p.name+" AS t SEMI JOIN "+stagedTable+" AS s ON "+p.sameKey("t", "s")+" GROUP BY ALL) AS n WHERE "+p.sameKey("n", "s")+" AND s."+since+" < n._singer_newest")
	if err != nil {
		return err
	}
	var disordered bool
	err = l.conn.QueryRowContext(ctx, "SELECT coalesce(bool_or(late), false) FROM (SELECT "+since+" < max("+since+") OVER (PARTITION BY "+p.keyColumns("")+
		" ORDER BY "+table.Ordinal+") AS late FROM "+stagedTable+")").Scan(&disordered)
	if err != nil || !disordered {
		return err
	}
	late, err := l.findLate(ctx, p)
	if err != nil || len(late) == 0 {
		return err
	}
	_, err = l.exec(ctx, "DELETE FROM "+stagedTable+" WHERE "+table.Ordinal+" IN (SELECT unnest(["+strings.Join(late, ", ")+"]))")
	return err
}

// findLate returns the ordinals of the staged rows that began to hold before a version that rows ahead of them begin.
// Which of these begin one depends on which are late themselves, so they are gone through one by one.
func (l *load) findLate(ctx context.Context, p *plan) (late []string, err error) {
	window := "OVER (PARTITION BY " + p.keyColumns("") + " ORDER BY "
	var begun sql.NullInt64 // when the newest version so far did, in microseconds
	var newest int64        // what that says
	err = each(ctx, l.conn, func(rows *sql.Rows) error {
		var first bool
		var ordinal, body int64
		var at sql.NullInt64
		if err := rows.Scan(&first, &ordinal, &at, &body); err != nil {
			return err
		}
		if first {
			begun, newest = sql.NullInt64{}, 0
		}
		switch {
		case at.Valid && begun.Valid && at.Int64 < begun.Int64:
			late = append(late, fmt.Sprint(ordinal))
		case body != newest:
			if newest = body; at.Valid {
				begun = at
			}
		}
		return nil
	}, "SELECT row_number() "+window+"o) = 1, o, epoch_us("+since+"), dense_rank() "+window+"body) FROM ("+p.comparedRows()+") ORDER BY "+p.keyColumns("")+", o")
	return late, err
}
