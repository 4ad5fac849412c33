package postgres

import (
	"context"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"tapline/target-warehouse/table"
)

// dropLate takes away the staged rows that are older than the newest version of their key is when they come.
func (l *load) dropLate(ctx context.Context, h *history, batches []*table.Batch) error {
	if _, err := l.exec(ctx, h.dropOld()); err != nil {
		return err
	}
	times, inOrder := extractions(batches, h.column(table.ValidFrom).index)
	if inOrder {
		return nil // then no row is older than a version that began with one before it
	}
	rows, err := l.conn.Query(ctx, h.compare())
	if err != nil {
		return err
	}
	defer rows.Close()
	var late []int64
	var newest version
	for rows.Next() {
		var position, class int64
		var first, isNew bool
		if err := rows.Scan(&position, &first, &isNew, &class); err != nil {
			return err
		}
		switch since := times[position]; {
		case first && isNew:
			newest = version{since, class}
		case first:
			newest = version{nil, class} // which the table has; none that is left here is older
		case since != nil && newest.since != nil && *since < *newest.since:
			late = append(late, position)
		case class != newest.class:
			newest = version{since, class}
		}
	}
	if err := rows.Err(); err != nil || len(late) == 0 {
		return err
	}
	_, err = l.conn.Exec(ctx, "DELETE FROM "+h.stage+" WHERE "+quote(table.Ordinal)+" = ANY($1::bigint[])", late)
	return err
}

// version is since when a version of a row holds, in microseconds, nil if that is not known, and its class: rows of the
// key that say the same have the same.
type version struct {
	since *arrow.Timestamp
	class int64
}

// extractions are the values of a column of moments, and whether none is less than one before it.
func extractions(batches []*table.Batch, column int) (times []*arrow.Timestamp, inOrder bool) {
	inOrder = true
	var last *arrow.Timestamp
	for _, b := range batches {
		values := b.Rows.Column(column).(*array.Timestamp)
		for i := range values.Len() {
			if values.IsNull(i) {
				times = append(times, nil)
				continue
			}
			at := values.Value(i)
			inOrder = inOrder && (last == nil || *last <= at)
			times, last = append(times, &at), &at
		}
	}
	return times, inOrder
}

// dropOld takes away the rows that are older than a version in the table.
func (h *history) dropOld() string {
	return "DELETE FROM " + h.stage + " AS s USING (SELECT *, (SELECT max(t." + h.since + ") FROM " + h.target.quoted() + " AS t WHERE " + h.sameKey("t", "k") +
		") AS " + newestSince + " FROM (SELECT DISTINCT " + names("", h.key) + " FROM " + h.stage + ") AS k) AS k WHERE " + h.sameKey("s", "k") + " AND s." + h.since + " < k." + newestSince
}

// compare tells of every staged row, in the order of their keys and positions, whether it is the first of its key,
// whether it is one that says something else than the table, and its class.
func (h *history) compare() string {
	n, key := quote(table.Ordinal), names("s.", h.key)
	return "SELECT s." + n + ", s." + before + " IS NULL, s." + before + " IS NULL AND " + h.isNew() +
		", dense_rank() OVER (PARTITION BY " + key + " ORDER BY " + h.said("s") + " USING OPERATOR(pg_catalog.*<))" +
		" FROM " + h.ordered() + " AS s" + h.withNewest() + " ORDER BY " + key + ", s." + n
}
