package duckdb

import (
	"context"
	"fmt"
	"strings"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// keysTable is the temporary table of the distinct keys of an Append. Beside a key it has the _ordinal of the row that wins
// and, unless the query of plainKeys adds them,
//
//	rows      how many there are with the key
//	alive     how many of them do not delete the key's row
//	back      how many of those come right behind one that deletes it
//	gone      how many that delete it come right behind one that does not
//	first     whether the first of them deletes it
//	last      whether the last of them does
const keysTable = "temp.main._singer_keys"

// plainKeys is the query for all columns of a keysTable without those, which has a row for each row of the Append: none
// deletes, and no two have one key.
const plainKeys = "(SELECT *, 1 AS rows, 1 AS alive, 0 AS back, 0 AS gone, false AS first, false AS last FROM " + keysTable + ")"

// upsert adds for every key the row that wins, in the place of those that the table has with this key. If that row is
// one that deletes, none takes their place.
func (l *load) upsert(ctx context.Context, p *plan, from source) (destination.Counts, error) {
	keys, err := l.stageKeys(ctx, p, from)
	if err != nil {
		return destination.Counts{}, fmt.Errorf("collect the keys: %w", err)
	}
	var n tally
	err = l.scan(ctx, p, from, func() (err error) {
		n, err = l.deleteReplaced(ctx, p, keys, from)
		return err
	})
	if err != nil {
		return destination.Counts{}, err
	}
	winners, want := "", n.keys-n.last
	if want < from.rows {
		winners = " WHERE " + table.Ordinal + " IN (SELECT " + table.Ordinal + " FROM " + keysTable + " WHERE NOT last)"
	}
	if want > 0 {
		err = l.insert(ctx, p, from, winners, want)
	}
	return n.counts(), err
}

// deleteReplaced deletes the rows that have keys of keysTable, which the query keys tells about.
func (l *load) deleteReplaced(ctx context.Context, p *plan, keys string, from source) (tally, error) {
	n, err := l.tally(ctx, p, keys, from)
	if err != nil {
		return n, fmt.Errorf("look for known keys: %w", err)
	}
	if err := due("read", n.rows, from.rows); err != nil || n.known == 0 {
		return n, err
	}
	l.rewrites(p)
	deleted, err := l.exec(ctx, "DELETE FROM "+p.name+" AS t USING "+keysTable+" AS k WHERE "+p.sameKey("t", "k"))
	if err != nil {
		return n, fmt.Errorf("delete replaced rows: %w", err)
	}
	// The table may hold a key more than once, from loads without it.
	if deleted < n.known {
		return n, fmt.Errorf("duckdb deleted %d rows where at least %d were to be replaced", deleted, n.known)
	}
	return n, nil
}

// sameKey is the condition that a row of the table and one of keysTable or of another temporary table have one key. The
// latter names the key's columns by position.
func (p *plan) sameKey(stored, staged string) string {
	var same []string
	for _, i := range p.t.Key {
		same = append(same, stored+"."+quote(p.column(i).name)+" = "+staged+"."+position(i))
	}
	return strings.Join(same, " AND ")
}

// keyColumns lists the key's columns by position, each with what stands before it.
func (p *plan) keyColumns(before string) string {
	var columns []string
	for _, i := range p.t.Key {
		columns = append(columns, before+position(i))
	}
	return strings.Join(columns, ", ")
}

// stageKeys fills keysTable, and returns the query for all of its columns.
func (l *load) stageKeys(ctx context.Context, p *plan, from source) (keys string, err error) {
	read := append([]int(nil), p.t.Key...)
	deleted := ""
	if i := indexOf(p.t, table.DeletedAt); p.t.HardDelete && i >= 0 && from.someValue(i) {
		read = append(read, i)
		deleted = position(i) + " IS NOT NULL"
	}
	var values []string
	for _, i := range p.t.Key {
		values = append(values, p.values[i]+" AS "+position(i))
	}
	keys, staged := keysTable, func(rows string) string { return p.groupKeys(rows, deleted) }
	if deleted == "" && from.distinct() {
		keys, staged = plainKeys, func(rows string) string { return strings.Replace(rows, ", $", "", 1) }
	}
	return keys, from.lend(ctx, read, func(view string) error {
		_, err := l.exec(ctx, "CREATE OR REPLACE TEMPORARY TABLE _singer_keys AS "+staged("SELECT "+strings.Join(values, ", ")+", "+table.Ordinal+", $ FROM "+view))
		return err
	})
}

// groupKeys is the query behind keysTable over rows, a query in which $ stands for one more column. deleted is the
// condition for a row to be one that deletes, or "" if there is none such.
func (p *plan) groupKeys(rows, deleted string) string {
	keys := p.keyColumns("")
	if deleted == "" {
		return "SELECT " + keys + ", max(" + table.Ordinal + ") AS " + table.Ordinal +
			", count(*) AS rows, rows AS alive, 0 AS back, 0 AS gone, false AS first, false AS last FROM (" + strings.Replace(rows, ", $", "", 1) + ") GROUP BY " + keys
	}
	return "SELECT " + keys + ", max(" + table.Ordinal + ") AS " + table.Ordinal + ", count(*) AS rows, count(*) FILTER (NOT d) AS alive, " +
		"count(*) FILTER (before AND NOT d) AS back, count(*) FILTER (NOT before AND d) AS gone, " +
		"arg_min(d, " + table.Ordinal + ") AS first, arg_max(d, " + table.Ordinal + ") AS last FROM (" +
		"SELECT *, lag(d) OVER (PARTITION BY " + keys + " ORDER BY " + table.Ordinal + ") AS before FROM (" + strings.Replace(rows, "$", deleted+" AS d", 1) + ")) GROUP BY " + keys
}

// someValue reports whether any row has a value in the i-th column.
func someValue(batches []*table.Batch, i int) bool {
	for _, b := range batches {
		if int64(b.Rows.Column(i).NullN()) < b.Rows.NumRows() {
			return true
		}
	}
	return false
}

// tally is what keysTable sums up to; known is how many of the keys the table has.
type tally struct {
	rows, keys, alive, back, gone, first, last int64
	known, knownFirst                          int64
}

// tally looks for the keys by a join of all pairs, which DuckDB reads only those row groups for that may have one of the keys,
// as it does to delete rows. For a semi join from the keys it reads the whole table.
func (l *load) tally(ctx context.Context, p *plan, keys string, from source) (tally, error) {
	var n tally
	err := l.conn.QueryRowContext(ctx, "SELECT * FROM (SELECT coalesce(sum(rows), 0)::BIGINT, count(*), coalesce(sum(alive), 0)::BIGINT, coalesce(sum(back), 0)::BIGINT, "+
		"coalesce(sum(gone), 0)::BIGINT, count(*) FILTER (first), count(*) FILTER (last) FROM "+keys+"), "+
		"(SELECT "+from.countOrdinals("")+", "+from.countOrdinals(" FILTER (first)")+" FROM "+p.name+" AS t JOIN "+keys+" AS k ON "+p.sameKey("t", "k")+")").
		Scan(&n.rows, &n.keys, &n.alive, &n.back, &n.gone, &n.first, &n.last, &n.known, &n.knownFirst)
	return n, err
}

// countOrdinals is the expression for how many ordinals there are among rows of k, which may have each more than once. Where
// they are close to each other, a bit for each takes a third of the time.
func (s source) countOrdinals(filter string) string {
	if s.last-s.first >= 64*s.rows {
		return "count(DISTINCT k." + table.Ordinal + ")" + filter
	}
	return fmt.Sprintf("coalesce(bit_count(bitstring_agg(k.%s, %d::BIGINT, %d::BIGINT)%s), 0)::BIGINT", table.Ordinal, s.first, s.last, filter)
}

// counts is what became of the rows, applied one by one.
func (n tally) counts() destination.Counts {
	inserted := n.back + (n.keys - n.first) - (n.known - n.knownFirst)
	return destination.Counts{Inserted: inserted, Updated: n.alive - inserted, Deleted: n.gone + n.knownFirst}
}
