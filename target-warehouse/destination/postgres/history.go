package postgres

import (
	"context"
	"fmt"
	"strings"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// keep adds the rows that differ from the newest one of their key, and ends the validity of those. A row that says the
// same as the newest one only brings that one's metadata up to date, and one that is older is skipped.
func (l *load) keep(ctx context.Context, p *plan, batches []*table.Batch, rows int64) (destination.Counts, error) {
	since, until := p.column(table.ValidFrom), p.column(table.ValidTo)
	if since == nil || until == nil {
		return destination.Counts{}, fmt.Errorf("the Table keeps history and lacks the column %s or %s", table.ValidFrom, table.ValidTo)
	}
	h := &history{plan: p, since: quote(since.name), until: quote(until.name)}
	var err error
	if h.stage, err = l.temporary(ctx, numbered(p.columns)); err == nil {
		source := newRowSource(batches, p.columns)
		source.numbered = true
		err = l.send(ctx, p, h.stage, source, rows)
	}
	if err != nil {
		return destination.Counts{}, fmt.Errorf("stage rows: %w", err)
	}
	if err := l.dropLate(ctx, h, batches); err != nil {
		return destination.Counts{}, fmt.Errorf("skip rows that are older than the newest of their key: %w", err)
	}
	if h.versions, err = l.temporary(ctx, "last bigint, version bigint, known boolean, since "+since.typ+", until "+until.typ); err != nil {
		return destination.Counts{}, err
	}
	for _, statement := range []string{h.find(), h.refresh(), h.end(), h.begin()} {
		if _, err := l.exec(ctx, statement); err != nil {
			return destination.Counts{}, fmt.Errorf("keep the history of rows: %w", err)
		}
	}
	var inserted int64
	if err := l.conn.QueryRow(ctx, "SELECT count(*) FROM "+h.versions+" WHERE version = 1 AND NOT known").Scan(&inserted); err != nil {
		return destination.Counts{}, err
	}
	return destination.Counts{Inserted: inserted, Updated: rows - inserted}, l.filled(ctx, p.target)
}

// history makes the statements that keep one. Rows of a key that say the same, one behind the other, are one version of
// the row: since the first of them, with the metadata of the last. The versions of a key are counted from 1; version 0 is
// the newest one that the table has, where rows say the same as that one.
type history struct {
	*plan
	stage, versions string // tables
	since, until    string // columns, quoted
}

// Names in the queries below that stand beside those of a stream's columns, which may be any that are not tapline's.
const (
	before        = `"_singer_before"`   // the position of the row before with the same key; NULL for the first
	known         = `"_singer_known"`    // the table has the key
	newestSince   = `"_singer_newest"`   // since when the newest version in the table holds
	rowSince      = `"_singer_since"`    // since when the row, or the first of a version, is as it is
	isOther       = `"_singer_other"`    // the row says something else than the one before
	versionNumber = `"_singer_version"`  // of the version that the row is of
	lastRow       = `"_singer_last_row"` // the position of a version's last row
)

// find lists the versions among the staged rows.
func (h *history) find() string {
	n, key := quote(table.Ordinal), names("", h.key)
	ofKey := " OVER (PARTITION BY " + key
	return "INSERT INTO " + h.versions + " WITH compared AS (SELECT " + names("s.", h.key) + ", s." + n + ", s." + h.since + " AS " + rowSince + ", t." + known + " IS TRUE AS " + known +
		", CASE WHEN s." + before + " IS NOT NULL THEN " + h.differs("s", "b") + " ELSE " + h.isNew() + " END AS " + isOther +
		" FROM " + h.ordered() + " AS s LEFT JOIN " + h.stage + " AS b ON b." + n + " = s." + before + h.withNewest() + ")," +
		" counted AS (SELECT " + key + ", " + n + ", " + rowSince + ", bool_or(" + known + ")" + ofKey + ") AS " + known +
		", count(*) FILTER (WHERE " + isOther + ")" + ofKey + " ORDER BY " + n + ") AS " + versionNumber + " FROM compared)," +
		" versions AS (SELECT " + key + ", " + versionNumber + ", max(" + n + ") AS " + lastRow + ", bool_or(" + known + ") AS " + known +
		", (array_agg(" + rowSince + " ORDER BY " + n + "))[1] AS " + rowSince + " FROM counted GROUP BY " + key + ", " + versionNumber + ")" +
		" SELECT " + lastRow + ", " + versionNumber + ", " + known + ", " + rowSince + ", lead(" + rowSince + ")" + ofKey + " ORDER BY " + versionNumber + ") FROM versions"
}

// ordered is the staged rows, each with the position of the one before with the same key.
func (h *history) ordered() string {
	n := quote(table.Ordinal)
	return "(SELECT *, lag(" + n + ") OVER (PARTITION BY " + names("", h.key) + " ORDER BY " + n + ") AS " + before + " FROM " + h.stage + ")"
}

// withNewest joins to the first of the ordered rows of a key, s, the newest row of the key in the table, t: the one that
// still holds, or the last one that did.
func (h *history) withNewest() string {
	return " LEFT JOIN LATERAL (SELECT TRUE AS " + known + ", * FROM " + h.target.quoted() + " AS t WHERE " + h.sameKey("t", "s") +
		" ORDER BY t." + h.until + " IS NULL DESC, t." + h.since + " DESC NULLS LAST LIMIT 1) AS t ON s." + before + " IS NULL"
}

// isNew is the condition that s does not say the same as a t that still holds.
func (h *history) isNew() string {
	return "(t." + known + " IS NULL OR t." + h.until + " IS NOT NULL OR " + h.differsFromTarget("t", "s") + ")"
}

// joined joins the versions to the last of their rows.
func (h *history) joined() string {
	return h.versions + " AS v JOIN " + h.stage + " AS s ON s." + quote(table.Ordinal) + " = v.last"
}

// refresh brings the metadata of rows up to date that came again.
func (h *history) refresh() string {
	var set, ours, theirs []string
	for _, c := range h.columns {
		if h.isMetadata(c) && quote(c.name) != h.since && quote(c.name) != h.until {
			set = append(set, quote(c.name)+" = s."+quote(c.name))
			ours, theirs = append(ours, "t."+quote(c.name)), append(theirs, "s."+quote(c.name))
		}
	}
	if set == nil {
		return "SELECT"
	}
	return "UPDATE " + h.target.quoted() + " AS t SET " + strings.Join(set, ", ") + " FROM " + h.joined() + " WHERE v.version = 0 AND " + h.sameKey("t", "s") +
		" AND t." + h.until + " IS NULL AND ROW(" + strings.Join(ours, ", ") + ") IS DISTINCT FROM ROW(" + strings.Join(theirs, ", ") + ")"
}

// end ends the validity of the rows that others follow.
func (h *history) end() string {
	return "UPDATE " + h.target.quoted() + " AS t SET " + h.until + " = v.since FROM " + h.joined() + " WHERE v.version = 1 AND v.known AND " +
		h.sameKey("t", "s") + " AND t." + h.until + " IS NULL"
}

// begin adds the new versions.
func (h *history) begin() string {
	var values []string
	for _, c := range h.columns {
		switch quote(c.name) {
		case h.since:
			values = append(values, "v.since")
		case h.until:
			values = append(values, "v.until")
		default:
			values = append(values, "s."+quote(c.name))
		}
	}
	return "INSERT INTO " + h.target.quoted() + " (" + names("", h.columns) + ")" + withIdentities + " SELECT " + strings.Join(values, ", ") + " FROM " + h.joined() + " WHERE v.version > 0 ORDER BY v.last"
}
