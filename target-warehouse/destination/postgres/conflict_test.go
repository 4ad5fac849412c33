package postgres

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

// migrate1 makes tab fit in a load of its own and tells what changed.
func migrate1(t testing.TB, w *Warehouse, tab *table.Table) (m *destination.Migration, err error) {
	t.Helper()
	l, err := w.Begin(context.Background())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Rollback()) }()
	if m, err = l.Migrate(context.Background(), tab); err != nil {
		return nil, err
	}
	return m, l.Commit(context.Background(), destination.Checkpoint{RunID: "1"})
}

// under is things with the policy.
func under(policy table.Conflict, typ table.Column) *table.Table {
	t := things(0, typ.Type)
	t.Columns[0].Precision, t.Columns[0].Scale, t.Conflict = typ.Precision, typ.Scale, policy
	return t
}

var moment = time.Date(2024, 3, 10, 2, 30, 0, 120000, time.UTC)

func TestColumnsOfOthersAreWidenedWithoutAChangeOfTheirValues(t *testing.T) {
	url := newDatabase(t)
	w, conn := mustOpen(t, url), connect(t, url)
	mustExec(t, conn, "CREATE DOMAIN positive AS bigint CHECK (value > 0); CREATE TYPE letter AS ENUM ('a')")
	for _, c := range []struct {
		column, stored string // SQL
		typ            table.Column
		value          any
		want           string // the type afterwards, or the same if it is the column's
		old, new       string // the values as text
	}{
		{"bigint", "1", table.Column{Type: table.Integer}, int64(7), "bigint", "1", "7"},
		{"integer", "1", table.Column{Type: table.Integer}, int64(math.MaxInt64), "bigint", "1", "9223372036854775807"},
		{"smallint", "1", table.Column{Type: table.Boolean}, true, "text", "1", "true"},
		{"positive", "1", table.Column{Type: table.Integer}, int64(-7), "text", "1", "-7"},
		{"double precision", "0.1", table.Column{Type: table.Integer}, int64(1<<53 + 1), "numeric", "0.1", "9007199254740993"},
		{"double precision", "'1e-7'", table.Column{Type: table.Text}, "x", "text", "0.0000001", "x"},
		{"double precision", "'NaN'", table.Column{Type: table.Text}, "x", "text", "NaN", "x"},
		{"double precision", "'-0'", table.Column{Type: table.Text}, "x", "text", "-0", "x"},
		{"double precision", "'-Infinity'", table.Column{Type: table.JSON}, "[]", "jsonb", `"-Infinity"`, "[]"},
		{"double precision", "1e22", table.Column{Type: table.JSON}, "[]", "jsonb", "10000000000000000000000", "[]"},
		{"real", "0.1", table.Column{Type: table.Number}, 0.1, "double precision", "0.1", "0.1"},
		{"real", "0.1", table.Column{Type: table.JSON}, "0.1", "jsonb", "0.1", "0.1"},
		{"real", "16777216", table.Column{Type: table.Text}, "x", "text", "16777216", "x"},
		{"numeric(9,2)", "1.50", table.Column{Type: table.Integer}, int64(7), "numeric(21,2)", "1.50", "7.00"},
		{"numeric(9,2)", "1.50", table.Column{Type: table.Decimal, Precision: 8, Scale: 1}, "7.5", "numeric(9,2)", "1.50", "7.50"},
		{"numeric(9,2)", "1.50", table.Column{Type: table.Decimal, Precision: 9, Scale: 4}, "7.0001", "numeric(11,4)", "1.5000", "7.0001"},
		{"numeric(9,2)", "1.50", table.Column{Type: table.Number}, 1e300, "numeric", "1.50", "1" + strings.Repeat("0", 300)},
		{"numeric(9,2)", "1.50", table.Column{Type: table.Text}, "x", "text", "1.5", "x"},
		{"numeric(30,2)", "1.50", table.Column{Type: table.Integer}, int64(math.MinInt64), "numeric(30,2)", "1.50", "-9223372036854775808.00"},
		{"numeric(50,2)", "1.50", table.Column{Type: table.Decimal}, "1.005", "numeric", "1.50", "1.005"},
		{"text", "'12'", table.Column{Type: table.JSON}, "12", "jsonb", `"12"`, "12"},
		{"varchar", "'a'", table.Column{Type: table.Text}, "b", "character varying", "a", "b"},
		{`text COLLATE "C"`, "'a'", table.Column{Type: table.Text}, "b", "text", "a", "b"},
		{"varchar(3)", "'abc'", table.Column{Type: table.Text}, "abcd", "text", "abc", "abcd"},
		{"char(3)", "'ab'", table.Column{Type: table.Text}, "abcd", "text", "ab", "abcd"},
		{"json", `'{"a" :1.0}'`, table.Column{Type: table.JSON}, `{"b" :2}`, "json", `{"a" :1.0}`, `{"b" :2}`},
		{"json", `'{"a" :1.0}'`, table.Column{Type: table.Text}, "a\"b<\n", "json", `{"a" :1.0}`, `"a\"b\u003c\n"`},
		{"timestamp", "'2024-01-01 10:00'", table.Column{Type: table.Timestamp}, moment, "text", "2024-01-01 10:00:00", "2024-03-10T02:30:00.00012Z"},
		{"timestamptz(3)", "'2024-01-01 10:00Z'", table.Column{Type: table.Timestamp}, moment, "timestamp with time zone", "2024-01-01 05:00:00-05", "2024-03-09 21:30:00.00012-05"},
		{"timestamptz", "'2024-01-01 10:00:00.5Z'", table.Column{Type: table.Text}, "x", "text", "2024-01-01T10:00:00.5Z", "x"},
		{"timestamptz", "'2024-01-01 10:00Z'", table.Column{Type: table.JSON}, "{}", "jsonb", `"2024-01-01T10:00:00Z"`, "{}"},
		{"timestamptz", "'infinity'", table.Column{Type: table.Date}, moment, "text", "infinity", "2024-03-10"},
		{"timestamptz", "'0044-03-15 BC'", table.Column{Type: table.Text}, "x", "text", "0044-03-15 00:00:00-04:56:02 BC", "x"},
		{"date", "'2024-01-01'", table.Column{Type: table.Timestamp}, moment, "text", "2024-01-01", "2024-03-10T02:30:00.00012Z"},
		{"letter", "'a'", table.Column{Type: table.Text}, "b", "text", "a", "b"},
		{"uuid", "'00000000-0000-0000-0000-00000000000A'", table.Column{Type: table.Text}, "b", "text", "00000000-0000-0000-0000-00000000000a", "b"},
		{"bigint[]", "'{1,2}'", table.Column{Type: table.Integer}, int64(7), "jsonb", "[1, 2]", "7"},
	} {
		t.Run(fmt.Sprint(c.column, c.stored, c.typ.Type), func(t *testing.T) {
			mustExec(t, conn, "DROP TABLE IF EXISTS things; CREATE TABLE things (value "+c.column+"); INSERT INTO things VALUES ("+c.stored+")")
			before := query(t, conn, columnTypes)[0][0].(string)
			tab := under(table.Widen, c.typ)
			m, err := migrate1(t, w, tab)
			if err != nil {
				t.Fatal(err)
			}
			mustLoad(t, w, tab, destinationtest.Row{c.value})
			var changes []destination.Change
			if before != c.want {
				changes = []destination.Change{{Kind: destination.WidenColumn, Column: "value", From: before, To: c.want}}
			}
			want := &destination.Migration{Columns: []destination.Stored{{Name: "value", Type: c.want}}, Changes: changes}
			if diff := gocmp.Diff(want, m); diff != "" {
				t.Errorf("migration (-want +got):\n%s", diff)
			}
			if diff := gocmp.Diff([]destinationtest.Row{{c.want}}, query(t, conn, columnTypes)); diff != "" {
				t.Errorf("type (-want +got):\n%s", diff)
			}
			if diff := gocmp.Diff([]destinationtest.Row{{c.old}, {c.new}}, query(t, conn, "SELECT value::text FROM things ORDER BY ctid")); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
		})
	}
}

const columnTypes = `SELECT format_type(atttypid, atttypmod) FROM pg_attribute
	WHERE attrelid = 'things'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`

func TestPoliciesOfConflict(t *testing.T) {
	const create = "CREATE TABLE things AS SELECT 1::bigint AS value"
	for _, c := range []struct {
		name   string
		create string
		policy table.Conflict
		want   []string // names and types of the columns
		rows   []destinationtest.Row
		failed string
	}{
		{"widen", create, table.Widen, []string{"value text"}, []destinationtest.Row{{"1"}, {"x"}}, ""},
		{"JSON", create, table.ToJSON, []string{"value jsonb"}, []destinationtest.Row{{"1"}, {`"x"`}}, ""},
		{"new column", create, table.NewColumn, []string{"value bigint", "value__text text"}, []destinationtest.Row{{"1", nil}, {nil, "x"}}, ""},
		{"new column where another has its name", create + ", 'u' AS value__text", table.NewColumn,
			[]string{"value bigint", "value__text text", "value__text_ text"}, []destinationtest.Row{{"1", "u", nil}, {nil, nil, "x"}}, ""},
		{"fail", create, table.Fail, []string{"value bigint"}, []destinationtest.Row{{"1"}},
			`column "value" of table things is bigint, which cannot hold the text values that stream "things" now has`},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := newDatabase(t)
			w, conn := mustOpen(t, url), connect(t, url)
			mustExec(t, conn, c.create)
			for range 2 { // the second time finds what the first one made
				_, err := load1(t, w, under(c.policy, table.Column{Type: table.Text}), destinationtest.Row{"x"})
				if (err == nil) != (c.failed == "") || err != nil && !strings.Contains(err.Error(), c.failed) {
					t.Fatalf("failure is %v", err)
				}
			}
			var got []string
			for _, r := range query(t, conn, `SELECT attname::text || ' ' || format_type(atttypid, atttypmod) FROM pg_attribute
				WHERE attrelid = 'things'::regclass AND attnum > 0 ORDER BY attnum`) {
				got = append(got, r[0].(string))
			}
			if diff := gocmp.Diff(c.want, got); diff != "" {
				t.Errorf("columns (-want +got):\n%s", diff)
			}
			var list []string
			for _, column := range c.want {
				name, _, _ := strings.Cut(column, " ")
				list = append(list, name+"::text")
			}
			want := c.rows
			if c.failed == "" {
				want = append(want, want[len(want)-1])
			}
			if diff := gocmp.Diff(want, query(t, conn, "SELECT "+strings.Join(list, ", ")+" FROM things ORDER BY ctid")); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNewColumnsForDecimalsAreOneForAllOfThem(t *testing.T) {
	url := newDatabase(t)
	w, conn := mustOpen(t, url), connect(t, url)
	mustExec(t, conn, "CREATE TABLE things (value boolean)")
	for _, typ := range []table.Column{{Type: table.Decimal, Precision: 4, Scale: 2}, {Type: table.Decimal, Precision: 9, Scale: 5}, {Type: table.Decimal}} {
		mustLoad(t, w, under(table.NewColumn, typ), destinationtest.Row{"1.5"})
	}
	if diff := gocmp.Diff([]destinationtest.Row{{"boolean"}, {"numeric"}}, query(t, conn, columnTypes)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestColumnOfAKeyIsNotSplit(t *testing.T) {
	url := newDatabase(t)
	w, conn := mustOpen(t, url), connect(t, url)
	mustExec(t, conn, "CREATE TABLE things AS SELECT 1::bigint AS value")
	tab := things(1, table.Text)
	tab.Conflict = table.NewColumn
	if _, err := load1(t, w, tab, destinationtest.Row{"1"}); err == nil || !strings.Contains(err.Error(), "values of a key must all be in one column") {
		t.Errorf("failure is %v", err)
	}
}

func TestWidenedKeyStillTellsRowsApart(t *testing.T) {
	url := newDatabase(t)
	w, conn := mustOpen(t, url), connect(t, url)
	mustLoad(t, w, things(1, table.Integer, table.Text), destinationtest.Row{int64(1), "a"}, destinationtest.Row{int64(2), "a"})
	mustLoad(t, w, things(1, table.Text, table.Text), destinationtest.Row{"1", "b"}, destinationtest.Row{"x", "b"})
	got := mustLoad(t, w, things(1, table.Integer, table.Text), destinationtest.Row{int64(2), "c"})
	if want := (destination.Counts{Updated: 1}); got != want {
		t.Errorf("counts are %v, want %v", got, want)
	}
	want := []destinationtest.Row{{"1", "b"}, {"2", "c"}, {"x", "b"}}
	if diff := gocmp.Diff(want, query(t, conn, "SELECT * FROM things ORDER BY value")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestEarlierTableOfALoadGoesIntoAColumnWidenedSince appends rows of a Table that was migrated before another one of the
// same load changed the type of its column.
func TestEarlierTableOfALoadGoesIntoAColumnWidenedSince(t *testing.T) {
	url := newDatabase(t)
	w, conn := mustOpen(t, url), connect(t, url)
	narrow, wide := things(1, table.Integer, table.Integer), things(1, table.Text, table.JSON)
	l, err := w.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	add := func(tab *table.Table, rows ...destinationtest.Row) {
		t.Helper()
		b := destinationtest.Batch(Allocator(), tab, 1, rows...)
		defer b.Rows.Release()
		if _, err := l.Migrate(t.Context(), tab); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Append(t.Context(), []*table.Batch{b}); err != nil {
			t.Fatal(err)
		}
	}
	add(narrow, destinationtest.Row{int64(1), int64(1)}, destinationtest.Row{int64(2), int64(2)})
	add(wide, destinationtest.Row{"1", "[]"}, destinationtest.Row{"x", "{}"})
	add(narrow, destinationtest.Row{int64(2), int64(3)}, destinationtest.Row{int64(3), nil})
	if err := l.Commit(t.Context(), destination.Checkpoint{RunID: "1"}); err != nil {
		t.Fatal(err)
	}
	want := []destinationtest.Row{{"1", "[]"}, {"2", "3"}, {"3", nil}, {"x", "{}"}}
	if diff := gocmp.Diff(want, query(t, conn, "SELECT value, other::text FROM things ORDER BY value")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestViewThatKeepsAColumnFromBeingWidenedIsNamed(t *testing.T) {
	url := newDatabase(t)
	w, conn := mustOpen(t, url), connect(t, url)
	mustExec(t, conn, "CREATE TABLE things AS SELECT 1::bigint AS value; CREATE VIEW sums AS SELECT sum(value) FROM things")
	_, err := migrate1(t, w, under(table.Widen, table.Column{Type: table.Text}))
	for _, word := range []string{"things", "view sums", "drop what depends on the column", "conflict to new_column"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("failure is %v, want one with %q", err, word)
		}
	}
	if _, err := migrate1(t, w, under(table.NewColumn, table.Column{Type: table.Text})); err != nil {
		t.Errorf("the advice does not help: %v", err)
	}
}

func TestColumnsThatMayNotBeNullAreRelaxed(t *testing.T) {
	url := newDatabase(t)
	w, conn := mustOpen(t, url), connect(t, url)
	mustExec(t, conn, `CREATE TABLE things (value bigint PRIMARY KEY, other text NOT NULL, mine text NOT NULL, filled text NOT NULL DEFAULT 'd',
		number bigint GENERATED ALWAYS AS IDENTITY)`)
	m, err := migrate1(t, w, things(1, table.Integer, table.Text))
	if err != nil {
		t.Fatal(err)
	}
	want := []destination.Change{{Kind: destination.RelaxColumn, Column: "other"}, {Kind: destination.RelaxColumn, Column: "mine"}}
	if diff := gocmp.Diff(want, m.Changes, cmpopts.IgnoreFields(destination.Change{}, "From", "To")); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	mustLoad(t, w, things(1, table.Integer, table.Text), destinationtest.Row{int64(1), nil})
	mustLoad(t, w, things(1, table.Integer, table.Text), destinationtest.Row{int64(1), "a"})
	if diff := gocmp.Diff([]destinationtest.Row{{int64(1), "a", nil, "d", int64(1)}}, query(t, conn, "SELECT * FROM things")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMisfitAdvisesWhatWorks(t *testing.T) {
	url := newDatabase(t)
	w, conn := mustOpen(t, url), connect(t, url)
	mustExec(t, conn, "CREATE TABLE things AS SELECT '12' AS value")
	tab := under(table.Fail, table.Column{Type: table.JSON})
	_, err := migrate1(t, w, tab)
	_, advice, ok := strings.Cut(fmt.Sprint(err), "run: ")
	if !ok {
		t.Fatalf("no advice in %q", err)
	}
	mustExec(t, conn, advice)
	mustLoad(t, w, tab, destinationtest.Row{"12"})
	got := query(t, conn, "SELECT value::text FROM things ORDER BY 1")
	if diff := gocmp.Diff([]destinationtest.Row{{`"12"`}, {"12"}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestKeyChangesAreTold(t *testing.T) {
	url := newDatabase(t)
	w, conn := mustOpen(t, url), connect(t, url)
	appendOnly := things(1, table.Integer, table.Integer)
	appendOnly.Method = table.AppendOnly
	for _, step := range []struct {
		tab  *table.Table
		want []destination.Change
	}{
		{things(1, table.Integer, table.Integer), []destination.Change{{Kind: destination.CreateTable, To: "value"}}},
		{things(1, table.Integer, table.Integer), nil},
		{things(2, table.Integer, table.Integer), []destination.Change{{Kind: destination.ChangeKey, From: "value", To: "value, other"}}},
		{things(2, table.Integer, table.Integer), nil},
		{things(0, table.Integer, table.Integer), []destination.Change{{Kind: destination.ChangeKey, From: "value, other"}}},
		{things(0, table.Integer, table.Integer), nil},
		{things(1, table.Integer, table.Integer), []destination.Change{{Kind: destination.ChangeKey, To: "value"}}},
		{appendOnly, nil},
	} {
		m, err := migrate1(t, w, step.tab)
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(step.want, m.Changes); diff != "" {
			t.Errorf("key %v, method %d: changes (-want +got):\n%s", step.tab.Key, step.tab.Method, diff)
		}
	}
	mustExec(t, conn, "DROP TABLE things")
}
