package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// A fate says what becomes of a row that is appended to a table with a key.
type fate uint8

const (
	superseded fate = iota // by a later row of its key, or deletes what is not there
	added                  // the table does not have its key
	replacing              // the table has its key
)

// verdict is what becomes of the rows of an Append.
type verdict struct {
	fates    []fate // by position
	counts   destination.Counts
	deleting int64 // how many keys are to go from the table
}

// upsert adds for every key the row that wins, or puts it in the place of the one that the table has with this key.
func (l *load) upsert(ctx context.Context, p *plan, batches []*table.Batch, rows int64) (destination.Counts, error) {
	judge := l.judge
	if p.deletes(batches) {
		judge = l.judgeDeletions
	}
	v, err := judge(ctx, p, batches, rows)
	if err != nil {
		return destination.Counts{}, err
	}
	var count [3]int64
	for _, f := range v.fates {
		count[f]++
	}
	if v.deleting > 0 {
		if err := l.deleteKeys(ctx, p, v.deleting); err != nil {
			return destination.Counts{}, fmt.Errorf("delete rows: %w", err)
		}
	}
	if count[replacing] > 0 {
		if err := l.replace(ctx, p, batches, v.fates, count[replacing]); err != nil {
			return destination.Counts{}, err
		}
	}
	if count[added] > 0 {
		source := newRowSource(batches, p.columns)
		source.take = func(position int64) bool { return v.fates[position] == added }
		if err := l.send(ctx, p, p.target.quoted(), source, count[added]); err != nil {
			return destination.Counts{}, err
		}
	}
	return v.counts, l.filled(ctx, p.target)
}

// filled makes the index that was due once the target has rows.
func (l *load) filled(ctx context.Context, t *target) error {
	t.fresh = false
	if err := l.index(ctx, t); err != nil {
		return fmt.Errorf("index the key: %w", err)
	}
	return nil
}

// judge sends the keys and lets the server, which alone knows when two of them are equal, say what becomes of each row.
func (l *load) judge(ctx context.Context, p *plan, batches []*table.Batch, rows int64) (*verdict, error) {
	keys, err := l.sendKeys(ctx, p, p.key, batches, rows)
	if err != nil {
		return nil, err
	}
	found, unknown := replacing, p.unknown(keys)
	if p.target.fresh {
		found, unknown = added, "ARRAY[]::bigint[]"
	}
	distinct, positions := int64(0), []int64(nil)
	// The driver reads arrays quicker in their binary form, which it uses for described statements.
	err = l.conn.QueryRow(ctx, "SELECT count(DISTINCT "+p.wholeKey()+"), "+unknown+" FROM "+keys, pgx.QueryExecModeDescribeExec).Scan(&distinct, &positions)
	if err != nil {
		return nil, fmt.Errorf("look for known keys: %w", err)
	}
	v := &verdict{fates: slices.Repeat([]fate{found}, int(rows))}
	for _, position := range positions {
		v.fates[position] = added
	}
	if distinct < rows {
		if err := l.supersede(ctx, p, keys, v.fates); err != nil {
			return nil, fmt.Errorf("look for keys that come again: %w", err)
		}
	}
	for _, f := range v.fates {
		if f == added {
			v.counts.Inserted++
		}
	}
	v.counts.Updated = rows - v.counts.Inserted
	return v, nil
}

// wholeKey is the key as one value. The server sorts values to count the distinct ones, which takes it less time than groups
// do: it cannot know beforehand how many there will be.
func (p *plan) wholeKey() string {
	if len(p.key) == 1 {
		return quote(p.key[0].name)
	}
	return "ROW(" + names("", p.key) + ")"
}

// unknown is the SQL of an array of the positions whose keys the target has not. The server looks each key up in the index,
// for the reason that known tells, and does so in the order of the keys, in which it meets each page of the index once.
func (p *plan) unknown(keys string) string {
	list := names("", p.key)
	return "ARRAY(SELECT k." + quote(table.Ordinal) + " FROM (SELECT * FROM " + keys + " ORDER BY " + list + " OFFSET 0) AS k LEFT JOIN LATERAL (SELECT TRUE AS found FROM " +
		p.target.quoted() + " AS t WHERE " + p.sameKey("t", "k") + " OFFSET 0) AS t ON TRUE WHERE t.found IS NULL)"
}

// supersede marks the rows behind which their key comes again.
func (l *load) supersede(ctx context.Context, p *plan, keys string, fates []fate) error {
	var last []int64
	err := l.conn.QueryRow(ctx, "SELECT ARRAY(SELECT max("+quote(table.Ordinal)+") FROM "+keys+" GROUP BY "+names("", p.key)+")", pgx.QueryExecModeDescribeExec).Scan(&last)
	if err != nil {
		return err
	}
	all := slices.Clone(fates)
	clear(fates) // superseded
	for _, position := range last {
		fates[position] = all[position]
	}
	return nil
}

// fatesOf says which rows are the last of a key, and which of them the table has.
func fatesOf(rows int64, last, replaced []int64) []fate {
	fates := make([]fate, rows)
	for _, position := range last {
		fates[position] = added
	}
	for _, position := range replaced {
		fates[position] = replacing
	}
	return fates
}

// known is the condition that the target has the key of a row of keys. It is written so that the server looks each key up
// in the index: a join of all keys would at times read the whole table for every Append, and so would the search for one
// row alone where the server thinks that many have the key.
func (p *plan) known(keys string) string {
	return "(SELECT count(*) > 0 FROM " + p.target.quoted() + " AS t WHERE " + p.sameKey("t", keys) + ")"
}

// execByKey runs a statement that joins the target by its key, in the same way. The server cannot know how few rows a
// temporary table has beside the target, and that they stand together there.
func (l *load) execByKey(ctx context.Context, statement string) (int64, error) {
	const before, after = "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; ", "; SET LOCAL enable_hashjoin = DEFAULT; SET LOCAL enable_mergejoin = DEFAULT"
	results, err := l.conn.PgConn().Exec(ctx, before+statement+after).ReadAll()
	if err != nil {
		return 0, err
	}
	return results[2].CommandTag.RowsAffected(), nil
}

// sendKeys copies columns of the rows and their positions into an empty temporary table.
func (l *load) sendKeys(ctx context.Context, p *plan, columns []*column, batches []*table.Batch, rows int64) (name string, err error) {
	if name, err = l.temporary(ctx, numbered(columns)); err == nil {
		source := newRowSource(batches, columns)
		source.numbered = true
		err = l.copyInto(ctx, name, source, rows)
	}
	if err != nil {
		return "", fmt.Errorf("collect the keys: %w", err)
	}
	return name, nil
}

// numbered is definitions with a column for the rows' positions.
func numbered(columns []*column) string {
	return definitions(columns) + ", " + quote(table.Ordinal) + " bigint"
}

// replace updates the rows whose keys the table has.
func (l *load) replace(ctx context.Context, p *plan, batches []*table.Batch, fates []fate, want int64) error {
	stage, err := l.temporary(ctx, definitions(p.columns))
	if err != nil {
		return fmt.Errorf("stage rows: %w", err)
	}
	source := newRowSource(batches, p.columns)
	source.take = func(position int64) bool { return fates[position] == replacing }
	if err := l.send(ctx, p, stage, source, want); err != nil {
		return fmt.Errorf("stage rows: %w", err)
	}
	if !p.unique() {
		if err := l.collapse(ctx, p, stage); err != nil {
			return fmt.Errorf("delete rows of one key: %w", err)
		}
	}
	updated, err := l.execByKey(ctx, p.update(stage))
	if err == nil && updated > want {
		err = fmt.Errorf("the server changed %d rows where at most %d were to be replaced", updated, want)
	}
	if err != nil {
		return fmt.Errorf("update rows: %w", err)
	}
	return nil
}

// update makes the statement that puts the staged rows in the place of those with the same key, where they say something
// else or have another version, as rows of older ones go. A column that the Table lacks becomes NULL, as it would in a new
// row, unless the table fills it by itself. An identity of the key that is GENERATED ALWAYS stays as it is: it is equal.
func (p *plan) update(stage string) string {
	var set []string
	for _, c := range p.columns {
		if !slices.Contains(p.key, c) || !p.target.column(c.name).always {
			set = append(set, quote(c.name)+" = s."+quote(c.name))
		}
	}
	for _, c := range p.others() {
		set = append(set, quote(c.name)+" = NULL")
	}
	if set == nil {
		return "SELECT WHERE FALSE" // the rows are their keys and say nothing else
	}
	differs := p.differsFromTarget("t", "s")
	if c := p.column(table.TableVersion); c != nil {
		differs += " OR t." + quote(c.name) + " IS DISTINCT FROM s." + quote(c.name)
	}
	return "UPDATE " + p.target.quoted() + " AS t SET " + strings.Join(set, ", ") + " FROM " + stage + " AS s WHERE " + p.sameKey("t", "s") + " AND (" + differs + ")"
}

// withIdentities has INSERT take the values of columns that are GENERATED ALWAYS AS IDENTITY, as COPY does.
// https://www.postgresql.org/docs/current/sql-insert.html
const withIdentities = " OVERRIDING SYSTEM VALUE"

// others are the columns of the target that the Table lacks and that new rows have no value in.
func (p *plan) others() []stored {
	return slices.DeleteFunc(slices.Clone(p.target.columns), func(s stored) bool {
		return s.filled || slices.ContainsFunc(p.columns, func(c *column) bool { return c.name == s.name })
	})
}

// differsFromTarget is the condition that the row t of the target and the row s of the Table's columns say different
// things, or that t has a version where the Table has none: as the row of an older one it would go.
func (p *plan) differsFromTarget(t, s string) string {
	differs := p.differs(t, s)
	for _, c := range p.others() {
		if !isOurs(c.name) || c.name == table.TableVersion {
			differs += " OR " + t + "." + quote(c.name) + " IS NOT NULL"
		}
	}
	return differs
}

// differs is the condition that the rows a and b differ in what the tap says of them, in whatever bit: for PostgreSQL's
// equality, 1 and 1.0 in JSON are the same. Only whole rows can be compared by their bits, and they must be put together
// first, so columns whose values are equal just if their bits are come ahead by themselves.
// https://www.postgresql.org/docs/current/functions-comparisons.html#COMPOSITE-TYPE-COMPARISON
func (p *plan) differs(a, b string) string {
	var conditions []string
	var others []*column
	for _, c := range p.saying() {
		name, collate := "."+quote(c.name), ""
		switch c.holding.oid {
		case pgtype.TextOID, pgtype.VarcharOID:
			collate = ` COLLATE pg_catalog."C"` // others may take texts that differ for equal
		case pgtype.BoolOID, pgtype.Int8OID, pgtype.TimestamptzOID, pgtype.DateOID:
		default:
			others = append(others, c)
			continue
		}
		conditions = append(conditions, a+name+collate+" IS DISTINCT FROM "+b+name+collate)
	}
	if others != nil || conditions == nil {
		conditions = append(conditions, asRow(a, others)+" *<> "+asRow(b, others))
	}
	return strings.Join(conditions, " OR ")
}

// said is what the tap says of a row.
func (p *plan) said(row string) string { return asRow(row, p.saying()) }

func asRow(row string, columns []*column) string {
	return "ROW(" + names(row+".", columns) + ")::record"
}

// saying are the columns of what the tap says.
func (p *plan) saying() []*column { return slices.DeleteFunc(slices.Clone(p.columns), p.isMetadata) }

// isMetadata tells the columns that say how a row came, and nothing about what it says.
func (p *plan) isMetadata(c *column) bool {
	column := p.table.Columns[c.index]
	return column.Property == "" && isOurs(column.Name)
}

// isOurs tells the names of the columns that tapline fills and that say nothing of the source.
func isOurs(name string) bool {
	return name == table.ValidFrom || name == table.ValidTo ||
		name != table.DeletedAt && slices.ContainsFunc(table.Metadata, func(m table.Column) bool { return m.Name == name })
}

// collapse leaves one row of each staged key. Without a unique index, loads before may have left several.
func (l *load) collapse(ctx context.Context, p *plan, stage string) error {
	name := p.target.quoted()
	_, err := l.execByKey(ctx, "DELETE FROM "+name+" AS t USING (SELECT d.tableoid, d.ctid, row_number() OVER (PARTITION BY "+names("d.", p.key)+
		") AS n FROM "+stage+" AS k JOIN "+name+" AS d ON "+p.sameKey("k", "d")+") AS x WHERE t.tableoid = x.tableoid AND t.ctid = x.ctid AND x.n > 1")
	return err
}

// sameKey is the condition that the rows a and b have one key.
func (p *plan) sameKey(a, b string) string {
	var same []string
	for _, c := range p.key {
		same = append(same, a+"."+quote(c.name)+" = "+b+"."+quote(c.name))
	}
	return strings.Join(same, " AND ")
}

// names lists columns with a prefix to each.
func names(prefix string, columns []*column) string {
	var list []string
	for _, c := range columns {
		list = append(list, prefix+quote(c.name))
	}
	return strings.Join(list, ", ")
}

func definitions(columns []*column) string {
	var list []string
	for _, c := range columns {
		list = append(list, c.definition)
	}
	return strings.Join(list, ", ")
}
