package duckdb

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// The temporary tables of an Append to a table with history.
const (
	// stagedTable has the rows as they would stand in the table, their columns named by position, the moments at which they
	// began to hold, and their ordinals.
	stagedTable = "temp.main._singer_staged"
	// versionsTable has a row for each run of equal rows of a key, the newest row in the table included: the ordinals of
	// the first and last of them, where that newest row has 0, and the first one's of the run behind it.
	versionsTable = "temp.main._singer_versions"
)

// appendHistory adds the rows that differ from the one before with the same key, ends that one's validity, and lets equal
// rows bring the metadata of the one before up to date. Rows that are older than a version of their key are skipped.
func (l *load) appendHistory(ctx context.Context, p *plan, from source) (destination.Counts, error) {
	if err := l.stageRows(ctx, p, from); err != nil {
		return destination.Counts{}, fmt.Errorf("collect the rows: %w", err)
	}
	if !p.t.Keyed() {
		return destination.Counts{Inserted: from.rows}, l.addVersions(ctx, p, "SELECT "+table.Ordinal+" AS first, "+table.Ordinal+" AS last, NULL AS next FROM "+stagedTable, from.rows)
	}
	counts, err := l.countHistory(ctx, p, from.rows)
	if err != nil {
		return destination.Counts{}, fmt.Errorf("look for known keys: %w", err)
	}
	if err := l.dropLate(ctx, p); err != nil {
		return destination.Counts{}, fmt.Errorf("skip rows that are older than the newest of their key: %w", err)
	}
	if _, err := l.exec(ctx, p.findVersions()); err != nil {
		return destination.Counts{}, fmt.Errorf("tell versions apart: %w", err)
	}
	l.rewrites(p)
	if refresh := p.refreshNewest(); refresh != "" {
		if _, err := l.exec(ctx, refresh); err != nil {
			return destination.Counts{}, fmt.Errorf("refresh equal rows: %w", err)
		}
	}
	if _, err := l.exec(ctx, p.endNewest()); err != nil {
		return destination.Counts{}, fmt.Errorf("end the validity of rows: %w", err)
	}
	var added int64
	if err := l.conn.QueryRowContext(ctx, "SELECT count(*) FROM "+versionsTable+" WHERE first > 0").Scan(&added); err != nil {
		return destination.Counts{}, fmt.Errorf("count versions: %w", err)
	}
	return counts, l.addVersions(ctx, p, "SELECT * FROM "+versionsTable+" WHERE first > 0", added)
}

// stageRows fills stagedTable.
func (l *load) stageRows(ctx context.Context, p *plan, rows source) error {
	from, extracted := indexOf(p.t, table.ValidFrom), indexOf(p.t, table.ExtractedAt)
	if from < 0 || extracted < 0 || indexOf(p.t, table.ValidTo) < 0 {
		return errors.New("the Table lacks the columns of a history")
	}
	var read []int
	var values []string
	for i, c := range p.t.Columns {
		value := p.values[i]
		if i == from {
			value, _ = fill(p.t.Columns[extracted], p.column(from).typ, position(extracted), c.Name)
		} else {
			read = append(read, i)
		}
		values = append(values, value+" AS "+position(i))
	}
	return rows.lend(ctx, read, func(view string) error {
		_, err := l.exec(ctx, "CREATE OR REPLACE TEMPORARY TABLE _singer_staged AS SELECT "+strings.Join(values, ", ")+", "+position(extracted)+" AS "+since+", "+table.Ordinal+" FROM "+view)
		if err != nil {
			return err
		}
		var staged int64
		if err := l.conn.QueryRowContext(ctx, "SELECT count(*) FROM "+stagedTable).Scan(&staged); err != nil {
			return err
		}
		return due("read", staged, rows.rows)
	})
}

// countHistory counts a row as inserted if it is the first of a key that the table does not have.
func (l *load) countHistory(ctx context.Context, p *plan, rows int64) (destination.Counts, error) {
	var fresh int64
	err := l.conn.QueryRowContext(ctx, "SELECT count(*) FROM (SELECT DISTINCT "+p.keyColumns("")+" FROM "+stagedTable+") AS k ANTI JOIN "+
		p.name+" AS t ON "+p.sameKey("t", "k")).Scan(&fresh)
	return destination.Counts{Inserted: fresh, Updated: rows - fresh}, err
}

// comparedRows is the query for the staged rows of every key and, where one still holds, for the key's newest in the
// table: the key, the ordinal or 0, since, which is left out for the latter, and what makes versions differ. Of several rows of a key that
// all are valid, as loads without history may have left them, the one stored last is the newest.
func (p *plan) comparedRows() string {
	keys := p.keyColumns("")
	var storedKeys, storedBody, stagedBody []string
	for _, i := range p.t.Key {
		storedKeys = append(storedKeys, "t."+quote(p.column(i).name)+" AS "+position(i))
	}
	for at, c := range p.all {
		i, compared := p.compares(at)
		if !compared {
			continue
		}
		storedBody = append(storedBody, "t."+quote(c.name))
		if i < 0 {
			stagedBody = append(stagedBody, "NULL::"+c.typ)
		} else {
			stagedBody = append(stagedBody, position(i))
		}
	}
	return "SELECT " + keys + ", " + table.Ordinal + " AS o, " + since + ", row(" + strings.Join(stagedBody, ", ") + ") AS body FROM " + stagedTable +
		" UNION ALL SELECT " + strings.Join(storedKeys, ", ") + ", 0 AS o, NULL AS " + since + ", row(" + strings.Join(storedBody, ", ") + ") AS body FROM " + p.name + " AS t SEMI JOIN " + stagedTable +
		" AS s ON " + p.sameKey("t", "s") + " WHERE t." + p.validTo() + " IS NULL QUALIFY row_number() OVER (PARTITION BY " + p.storedKey("t") + " ORDER BY t.rowid DESC) = 1"
}

// findVersions is the statement that fills versionsTable.
func (p *plan) findVersions() string {
	keys := p.keyColumns("")
	window := "OVER (PARTITION BY " + keys + " ORDER BY o)"
	return "CREATE OR REPLACE TEMPORARY TABLE _singer_versions AS WITH rows AS (" + p.comparedRows() +
		"), steps AS (SELECT " + keys + ", o, coalesce(body IS DISTINCT FROM lag(body) " + window + " OR row_number() " + window + " = 1, true) AS new FROM rows" +
		"), runs AS (SELECT " + keys + ", o, sum(new::INTEGER) " + window + " AS run FROM steps" +
		"), spans AS (SELECT " + keys + ", min(o) AS first, max(o) AS last FROM runs GROUP BY " + keys + ", run) " +
		"SELECT *, lead(first) OVER (PARTITION BY " + keys + " ORDER BY first) AS next FROM spans"
}

// compares tells whether a difference in a column of the table makes another version of a row, and which of the Table's
// columns fills it, or -1. What tapline adds about a row's way says nothing about the row, but that it was deleted does.
func (p *plan) compares(at int) (i int, compared bool) {
	i = -1
	for j, into := range p.into {
		if into == at {
			i = j
		}
	}
	if i < 0 {
		return i, !p.all[at].filled && !isMetadata(p.all[at].name)
	}
	c := p.t.Columns[i]
	return i, c.Property != "" || !isMetadata(c.Name)
}

// isMetadata tells the columns that tapline fills and that do not count when versions of a row are compared.
func isMetadata(name string) bool {
	if name == table.ValidFrom || name == table.ValidTo {
		return true
	}
	for _, m := range table.Metadata {
		if m.Name == name {
			return name != table.DeletedAt
		}
	}
	return false
}

func (p *plan) validTo() string {
	name, _ := p.named(table.ValidTo)
	return name
}

// storedKey lists the key's columns as the table names them.
func (p *plan) storedKey(of string) string {
	var columns []string
	for _, i := range p.t.Key {
		columns = append(columns, of+"."+quote(p.column(i).name))
	}
	return strings.Join(columns, ", ")
}

// refreshNewest is the statement that gives the newest rows the metadata of the last of the rows that equal them.
func (p *plan) refreshNewest() string {
	var set []string
	for at, c := range p.all {
		if i, compared := p.compares(at); i >= 0 && !compared && c.name != table.ValidFrom && c.name != table.ValidTo {
			set = append(set, quote(c.name)+" = s."+position(i))
		}
	}
	if set == nil {
		return ""
	}
	return "UPDATE " + p.name + " AS t SET " + strings.Join(set, ", ") + " FROM " + versionsTable + " AS v JOIN " + stagedTable + " AS s ON s." + table.Ordinal +
		" = v.last WHERE v.first = 0 AND t." + p.validTo() + " IS NULL AND " + p.sameKey("t", "v")
}

// endNewest is the statement that ends the validity of rows behind which others come.
func (p *plan) endNewest() string {
	return "UPDATE " + p.name + " AS t SET " + p.validTo() + " = s." + position(indexOf(p.t, table.ValidFrom)) + " FROM " + versionsTable + " AS v JOIN " + stagedTable +
		" AS s ON s." + table.Ordinal + " = v.next WHERE v.first = 0 AND t." + p.validTo() + " IS NULL AND " + p.sameKey("t", "v")
}

// addVersions adds the versions of a query like versionsTable: each has the values of its last row, since when its first
// one held, and until when that of the version behind it.
func (l *load) addVersions(ctx context.Context, p *plan, versions string, want int64) error {
	from, to := indexOf(p.t, table.ValidFrom), indexOf(p.t, table.ValidTo)
	var names, values []string
	for i := range p.t.Columns {
		value := "s." + position(i)
		switch i {
		case from:
			value = "f." + position(from)
		case to:
			value = "n." + position(from)
		}
		names, values = append(names, quote(p.column(i).name)), append(values, value)
	}
	added, err := l.exec(ctx, "INSERT INTO "+p.name+" ("+strings.Join(names, ", ")+") SELECT "+strings.Join(values, ", ")+" FROM ("+versions+") AS v JOIN "+
		stagedTable+" AS s ON s."+table.Ordinal+" = v.last JOIN "+stagedTable+" AS f ON f."+table.Ordinal+" = v.first LEFT JOIN "+
		stagedTable+" AS n ON n."+table.Ordinal+" = v.next")
	if err != nil {
		return fmt.Errorf("insert rows: %w", err)
	}
	return due("inserted", added, want)
}
