package postgres

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/jackc/pgx/v5"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// Append implements [destination.Load]. Counts are those of the rows applied one by one: of two rows with one key,
// the second counts as updated, and a row that equals the one in the table counts too. They do not depend on how rows
// are cut into batches. What the server says it took is held against the number of rows sent, and a difference is a
// failure.
func (l *load) Append(ctx context.Context, batches []*table.Batch) (destination.Counts, error) {
	if len(batches) == 0 {
		return destination.Counts{}, nil
	}
	t := batches[0].Table
	p := l.plans[t]
	if p == nil {
		return destination.Counts{}, fmt.Errorf("append to table %s: Migrate was not called with its Table in this load", t.Name)
	}
	counts, err := l.add(ctx, p, batches)
	if err != nil {
		return destination.Counts{}, fmt.Errorf("append to table %s: %w", t.Name, explain(ctx, l.conn, err))
	}
	return counts, nil
}

func (l *load) add(ctx context.Context, p *plan, batches []*table.Batch) (destination.Counts, error) {
	rows, ordinal := int64(0), int64(math.MinInt64)
	for _, b := range batches {
		if err := p.check(b, &ordinal); err != nil {
			return destination.Counts{}, err
		}
		rows += b.Rows.NumRows()
	}
	switch {
	case rows == 0:
		return destination.Counts{}, nil
	case p.upserts():
		return l.upsert(ctx, p, batches, rows)
	}
	p.target.fresh = false
	return destination.Counts{Inserted: rows}, l.send(ctx, p, p.target.quoted(), batches, nil, rows)
}

// check finds what is wrong with a batch. ordinal is that of the row before it, and becomes that of its last row.
func (p *plan) check(b *table.Batch, ordinal *int64) error {
	t := p.table
	if b.Table != t {
		return errors.New("the batches are of several Tables")
	}
	if b.Rows.NumCols() != int64(len(t.Columns)+1) {
		return fmt.Errorf("a batch has %d columns where the Table has %d and the ordinal", b.Rows.NumCols(), len(t.Columns))
	}
	for i, c := range t.Columns {
		if got := b.Rows.Column(i).DataType(); !arrow.TypeEqual(got, c.Type.Arrow()) {
			return fmt.Errorf("a batch has %s in column %q where %s is due", got, c.Name, c.Type.Arrow())
		}
		if check := p.columns[i].holding.check; check != nil {
			if err := check(b.Rows.Column(i)); err != nil {
				return fmt.Errorf("column %s %w", c.Name, err)
			}
		}
	}
	for _, i := range t.Key {
		if b.Rows.Column(i).NullN() > 0 {
			return fmt.Errorf("a row has no value in the key column %q", t.Columns[i].Name)
		}
	}
	ordinals, ok := b.Rows.Column(len(t.Columns)).(*array.Int64)
	if !ok {
		return fmt.Errorf("a batch has %s as ordinal where int64 is due", b.Rows.Column(len(t.Columns)).DataType())
	}
	for _, n := range ordinals.Int64Values() {
		if n <= *ordinal {
			return fmt.Errorf("the row with the ordinal %d comes behind that with %d", n, *ordinal)
		}
		*ordinal = n
	}
	return nil
}

// send copies the rows that take says, all for nil, into a table, and notes which values had to be changed.
func (l *load) send(ctx context.Context, p *plan, to string, batches []*table.Batch, take func(int64) bool, want int64) error {
	source := newRowSource(batches, p.columns)
	source.take = take
	if err := l.copyInto(ctx, to, source, want); err != nil {
		return err
	}
	for i, n := range source.replaced {
		if n > 0 {
			l.replaced[columnPlace{p.table.Stream, p.target.schema, p.target.name, p.columns[i].name}] += n
		}
	}
	return nil
}

// A fate says what becomes of a row that is appended to a table with a key.
type fate uint8

const (
	superseded fate = iota // by a later row of its key
	added                  // the table does not have its key
	replacing              // the table has its key
)

// upsert adds for every key the row that wins, or puts it in the place of the one that the table has with this key.
func (l *load) upsert(ctx context.Context, p *plan, batches []*table.Batch, rows int64) (destination.Counts, error) {
	fates, err := l.judge(ctx, p, batches, rows)
	if err != nil {
		return destination.Counts{}, err
	}
	var count [3]int64
	for _, f := range fates {
		count[f]++
	}
	if count[replacing] > 0 {
		if err := l.replace(ctx, p, batches, fates, count[replacing]); err != nil {
			return destination.Counts{}, err
		}
	}
	if count[added] > 0 {
		isAdded := func(position int64) bool { return fates[position] == added }
		if err := l.send(ctx, p, p.target.quoted(), batches, isAdded, count[added]); err != nil {
			return destination.Counts{}, err
		}
	}
	p.target.fresh = false
	if err := l.index(ctx, p.target); err != nil {
		return destination.Counts{}, fmt.Errorf("index the key: %w", err)
	}
	return destination.Counts{Inserted: count[added], Updated: rows - count[added]}, nil
}

// judge sends the keys and lets the server, which alone knows when two of them are equal, say what becomes of each row.
func (l *load) judge(ctx context.Context, p *plan, batches []*table.Batch, rows int64) ([]fate, error) {
	keys, err := l.keysTable(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("collect the keys: %w", err)
	}
	source := newRowSource(batches, p.key)
	source.numbered = true
	if err := l.copyInto(ctx, keys, source, rows); err != nil {
		return nil, fmt.Errorf("collect the keys: %w", err)
	}
	list := names("", p.key)
	known := "ARRAY[]::bigint[]"
	if !p.target.fresh {
		known = "ARRAY(SELECT w.last FROM w WHERE EXISTS (SELECT FROM " + p.target.quoted() + " AS t WHERE " + p.sameKey("t", "w") + "))"
	}
	var last, replaced []int64
	// The driver reads arrays quicker in their binary form, which it uses for described statements.
	err = l.conn.QueryRow(ctx, "WITH w AS MATERIALIZED (SELECT "+list+", max("+quote(table.Ordinal)+") AS last FROM "+keys+" GROUP BY "+list+
		") SELECT ARRAY(SELECT w.last FROM w), "+known, pgx.QueryExecModeDescribeExec).Scan(&last, &replaced)
	if err != nil {
		return nil, fmt.Errorf("look for known keys: %w", err)
	}
	fates := make([]fate, rows)
	for _, position := range last {
		fates[position] = added
	}
	for _, position := range replaced {
		fates[position] = replacing
	}
	return fates, nil
}

// keysTable gives an empty temporary table for keys and the positions of their rows.
func (l *load) keysTable(ctx context.Context, p *plan) (string, error) {
	return l.temporary(ctx, definitions(p.key)+", "+quote(table.Ordinal)+" bigint")
}

// replace updates the rows whose keys the table has. The keys are in keysTable.
func (l *load) replace(ctx context.Context, p *plan, batches []*table.Batch, fates []fate, want int64) error {
	if !p.unique() {
		if err := l.collapse(ctx, p); err != nil {
			return fmt.Errorf("delete rows of one key: %w", err)
		}
	}
	stage, err := l.temporary(ctx, definitions(p.columns))
	if err != nil {
		return fmt.Errorf("stage rows: %w", err)
	}
	isReplacing := func(position int64) bool { return fates[position] == replacing }
	if err := l.send(ctx, p, stage, batches, isReplacing, want); err != nil {
		return fmt.Errorf("stage rows: %w", err)
	}
	updated, err := l.exec(ctx, p.update(stage))
	if err == nil && updated > want {
		err = fmt.Errorf("the server changed %d rows where at most %d were to be replaced", updated, want)
	}
	if err != nil {
		return fmt.Errorf("update rows: %w", err)
	}
	return nil
}

// update makes the statement that puts the staged rows in the place of those with the same key. Rows are compared by
// their bits: for PostgreSQL's equality, 1 and 1.0 in JSON are the same. A column that the Table lacks becomes NULL,
// as it would in a new row, unless the table fills it by itself.
// https://www.postgresql.org/docs/current/functions-comparisons.html#COMPOSITE-TYPE-COMPARISON
func (p *plan) update(stage string) string {
	ours := map[string]bool{}
	var set []string
	for _, c := range p.columns {
		ours[c.name] = true
		set = append(set, quote(c.name)+" = s."+quote(c.name))
	}
	differs := "ROW(" + names("t.", p.columns) + ")::record *<> ROW(" + names("s.", p.columns) + ")::record"
	for _, c := range p.target.columns {
		if !ours[c.name] && !c.filled {
			set = append(set, quote(c.name)+" = NULL")
			differs += " OR t." + quote(c.name) + " IS NOT NULL"
		}
	}
	return "UPDATE " + p.target.quoted() + " AS t SET " + strings.Join(set, ", ") + " FROM " + stage + " AS s WHERE " + p.sameKey("t", "s") + " AND (" + differs + ")"
}

// collapse leaves one row of each key that is to be replaced. Without a unique index, loads before may have left
// several.
func (l *load) collapse(ctx context.Context, p *plan) error {
	keys := l.temporaries[definitions(p.key)+", "+quote(table.Ordinal)+" bigint"]
	name := p.target.quoted()
	_, err := l.exec(ctx, "DELETE FROM "+name+" AS t USING (SELECT d.tableoid, d.ctid, row_number() OVER (PARTITION BY "+names("d.", p.key)+
		") AS n FROM "+name+" AS d WHERE EXISTS (SELECT FROM "+keys+" AS k WHERE "+p.sameKey("k", "d")+")) AS x WHERE t.tableoid = x.tableoid AND t.ctid = x.ctid AND x.n > 1")
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
