package duckdb

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

// loadInto loads rows with one column "value" of a type into a table that was made by a statement before.
func loadInto(t *testing.T, w *Warehouse, typ table.Type, key []int, rows ...destinationtest.Row) error {
	t.Helper()
	tab := &table.Table{Stream: "things", Name: "things", Key: key, Conflict: table.Fail, Columns: []table.Column{{Name: "value", Type: typ, Nullable: true}}}
	_, _, err := tryLoad(t, w, tab, rows...)
	return err
}

func mustExec(t *testing.T, w *Warehouse, text string) {
	t.Helper()
	if _, err := w.db.ExecContext(t.Context(), text); err != nil {
		t.Fatal(err)
	}
}

func TestMigrateFitsExistingColumns(t *testing.T) {
	w := mustOpen(t, filepath.Join(t.TempDir(), "w.duckdb"))
	defer w.Close()
	for _, c := range []struct {
		column string
		typ    table.Type
		value  any
		want   string // a part of the failure, or "" if it fits
	}{
		{"BIGINT", table.Integer, int64(7), ""},
		{"HUGEINT", table.Integer, int64(1<<63 - 1), ""},
		{"DOUBLE", table.Integer, int64(1 << 53), ""},
		{"DOUBLE", table.Integer, int64(-1 << 53), ""},
		{"DOUBLE", table.Integer, nil, ""},
		{"DOUBLE", table.Integer, int64(1<<53 + 1), "column value is DOUBLE, which cannot hold the whole number 9007199254740993 exactly"},
		{"INTEGER", table.Integer, int64(7), `column "value" of table things is INTEGER, which cannot hold the BIGINT values`},
		{"BIGINT", table.Number, 7.5, `run: ALTER TABLE "w"."main"."things" ALTER COLUMN "value" TYPE DOUBLE USING CAST("value" AS DOUBLE)`},
		{"VARCHAR", table.JSON, "{}", `TYPE JSON USING to_json("value")`},
		{"VARCHAR(10)", table.Text, "more than ten characters", ""},
		{"JSON", table.Text, "text", ""},
		{"VARCHAR", table.Integer, int64(7), ""},
		{"DATE", table.Text, "text", "is DATE, which cannot hold the VARCHAR values"},
		{"TIMESTAMP", table.Timestamp, time.Unix(0, 0).UTC(), "is TIMESTAMP, which"},
		{"ENUM('a')", table.Text, "b", "is ENUM('a'), which"},
	} {
		mustExec(t, w, "CREATE OR REPLACE TABLE things (value "+c.column+")")
		err := loadInto(t, w, c.typ, nil, destinationtest.Row{c.value})
		if c.want == "" && err != nil {
			t.Errorf("%s into %s: %v", newTypes[c.typ], c.column, err)
		}
		if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s into %s: failure is %v, want one with %q", newTypes[c.typ], c.column, err, c.want)
		}
	}
}

func TestMigrateAdviceWorks(t *testing.T) {
	w := mustOpen(t, filepath.Join(t.TempDir(), "w.duckdb"))
	defer w.Close()
	mustExec(t, w, "CREATE TABLE things AS SELECT '12' AS value")
	err := loadInto(t, w, table.JSON, nil, destinationtest.Row{"12"})
	_, advice, ok := strings.Cut(err.Error(), "run: ")
	if !ok {
		t.Fatalf("no advice in %q", err)
	}
	mustExec(t, w, advice)
	if err := loadInto(t, w, table.JSON, nil, destinationtest.Row{"12"}); err != nil {
		t.Fatal(err)
	}
	got := query(t, w, "SELECT value::VARCHAR FROM things ORDER BY 1")
	if diff := gocmp.Diff([]destinationtest.Row{{`"12"`}, {"12"}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestExistingTablesOfOthers(t *testing.T) {
	for name, c := range map[string]struct {
		create string
		want   []destinationtest.Row
	}{
		"extra columns":     {`CREATE TABLE things AS SELECT 'mine' AS extra, 1::BIGINT AS "VALUE"`, []destinationtest.Row{{nil, int64(1)}, {nil, int64(2)}}},
		"a default":         {`CREATE TABLE things (extra VARCHAR DEFAULT 'd', value BIGINT)`, []destinationtest.Row{{"d", int64(1)}, {"d", int64(2)}}},
		"a generated value": {`CREATE TABLE things (extra BIGINT AS (value + 1), value BIGINT)`, []destinationtest.Row{{int64(2), int64(1)}, {int64(3), int64(2)}}},
		"a primary key":     {`CREATE TABLE things (extra VARCHAR, value BIGINT PRIMARY KEY)`, []destinationtest.Row{{nil, int64(1)}, {nil, int64(2)}}},
	} {
		t.Run(name, func(t *testing.T) {
			w := mustOpen(t, filepath.Join(t.TempDir(), "w.duckdb"))
			defer w.Close()
			mustExec(t, w, c.create)
			for range 2 {
				if err := loadInto(t, w, table.Integer, []int{0}, destinationtest.Row{int64(1)}, destinationtest.Row{int64(2)}); err != nil {
					t.Fatal(err)
				}
			}
			if diff := gocmp.Diff(c.want, query(t, w, "SELECT extra, value FROM things ORDER BY value")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTablesThatAreTakenAreRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		tables []table.Table
		want   string // a part of the failure, or "" if there is none
	}{
		{"tapline's own", []table.Table{{Stream: "s", Name: "_SINGER_state"}}, "tapline's own"},
		{"tapline's own in a schema spelled otherwise", []table.Table{{Stream: "s", Schema: "MAIN", Name: "_singer_state"}}, "tapline's own"},
		{"another stream's", []table.Table{{Stream: "Users", Name: "Users"}, {Stream: "users", Name: "users"}}, `streams "Users" and "users"`},
		{"another stream's in the default schema", []table.Table{{Stream: "Users", Schema: "main", Name: "Users"}, {Stream: "users", Name: "users"}}, `streams "Users" and "users"`},
		{"letters that DuckDB tells apart", []table.Table{{Stream: "Ü", Name: "Ü"}, {Stream: "ü", Name: "ü"}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := mustOpen(t, filepath.Join(t.TempDir(), "w.duckdb"))
			defer w.Close()
			var err error
			for _, one := range c.tables { // each in a load of its own
				one.Columns = []table.Column{{Name: "value", Type: table.Integer}}
				l, begun := w.Begin(t.Context())
				if begun != nil {
					t.Fatal(begun)
				}
				if _, err = l.Migrate(t.Context(), &one); err == nil {
					err = l.Commit(t.Context(), destination.Checkpoint{RunID: "1"})
				}
				l.Rollback()
			}
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("failure is %v, want %q", err, c.want)
			}
		})
	}
}

func TestColumnsAreToldApartAsDuckDBDoes(t *testing.T) {
	w := mustOpen(t, filepath.Join(t.TempDir(), "w.duckdb"))
	defer w.Close()
	mustExec(t, w, `CREATE TABLE things ("VALÜE" BIGINT)`)
	l, err := w.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Rollback()
	tab := &table.Table{Stream: "things", Name: "things", Columns: []table.Column{{Name: "valüe", Type: table.Integer, Nullable: true}}}
	if _, err := l.Migrate(t.Context(), tab); err != nil {
		t.Fatal(err)
	}
	b := destinationtest.Batch(Allocator(), tab, 1, destinationtest.Row{int64(1)})
	defer b.Rows.Release()
	if _, err := l.Append(t.Context(), []*table.Batch{b}); err != nil {
		t.Errorf("a column that differs from the table's in the case of Ü: %v", err)
	}
}

func TestTimestampsDoNotDependOnTheSession(t *testing.T) {
	w := mustOpen(t, filepath.Join(t.TempDir(), "w.duckdb"))
	defer w.Close()
	at := time.Date(2024, 3, 10, 2, 30, 0, 0, time.UTC)
	mustExec(t, w, "SET GLOBAL TimeZone = 'America/New_York'")
	if err := loadInto(t, w, table.Timestamp, nil, destinationtest.Row{at}); err != nil {
		t.Fatal(err)
	}
	want := []destinationtest.Row{{at.UnixMicro(), at}}
	for _, zone := range []string{"America/New_York", "Asia/Kolkata", "UTC"} {
		mustExec(t, w, "SET GLOBAL TimeZone = "+text(zone))
		if diff := gocmp.Diff(want, query(t, w, "SELECT epoch_us(value), value FROM things")); diff != "" {
			t.Errorf("in %s (-want +got):\n%s", zone, diff)
		}
	}
}

func TestNotNullColumnsAreRelaxedWhereNullMayCome(t *testing.T) {
	w := openEmpty(t)
	mustExec(t, w, `CREATE TABLE things (id BIGINT PRIMARY KEY, value BIGINT NOT NULL, other VARCHAR NOT NULL, filled VARCHAR NOT NULL DEFAULT 'd', kept BIGINT NOT NULL)`)
	tab := &table.Table{Key: []int{0, 2}, Columns: []table.Column{
		{Name: "id", Type: table.Integer}, {Name: "value", Type: table.Integer, Nullable: true}, {Name: "kept", Type: table.Integer},
	}}
	changes, err := loadAs(t, w, tab, destinationtest.Row{int64(1), nil, int64(1)})
	if err != nil {
		t.Fatal(err)
	}
	want := []destination.Change{
		{Kind: destination.RelaxColumn, Column: "value", From: "BIGINT NOT NULL", To: "BIGINT"},
		{Kind: destination.RelaxColumn, Column: "other", From: "VARCHAR NOT NULL", To: "VARCHAR"},
	}
	if diff := gocmp.Diff(want, changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if diff := gocmp.Diff([]destinationtest.Row{{int64(1), nil, nil, "d", int64(1)}}, query(t, w, "FROM things")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if changes, err := loadAs(t, w, tab, destinationtest.Row{int64(1), nil, int64(1)}); err != nil || len(changes) > 0 {
		t.Errorf("once more: %v, %v", changes, err)
	}
}

func TestKeyIsRememberedUnlessAPersonCommentsOnTheTable(t *testing.T) {
	w := openEmpty(t)
	keyed := func(key ...int) *table.Table {
		return &table.Table{Key: key, Columns: []table.Column{{Name: "a", Type: table.Integer}, {Name: "b", Type: table.Integer}}}
	}
	row := destinationtest.Row{int64(1), int64(1)}
	for _, step := range []struct {
		before string
		table  *table.Table
		want   []destination.Change
	}{
		{"", keyed(0), []destination.Change{{Kind: destination.CreateTable, To: "a"}}},
		{"", keyed(0), nil},
		{"", keyed(1, 0), []destination.Change{{Kind: destination.ChangeKey, From: "a", To: "b, a"}}},
		{"", keyed(), []destination.Change{{Kind: destination.ChangeKey, From: "b, a"}}},
		{"", keyed(0), []destination.Change{{Kind: destination.ChangeKey, To: "a"}}},
		{"COMMENT ON TABLE things IS 'mine'", keyed(1), nil},
		{"", keyed(0), nil},
		{"COMMENT ON TABLE things IS NULL", keyed(1), nil},
		{"", keyed(0), []destination.Change{{Kind: destination.ChangeKey, From: "b", To: "a"}}},
	} {
		if step.before != "" {
			mustExec(t, w, step.before)
		}
		changes, err := loadAs(t, w, step.table, row)
		if diff := gocmp.Diff(step.want, changes); diff != "" || err != nil {
			t.Errorf("key %v: %v, changes (-want +got):\n%s", step.table.Key, err, diff)
		}
		if comment := query(t, w, "SELECT comment FROM duckdb_tables() WHERE table_name = 'things'")[0][0]; step.before == "COMMENT ON TABLE things IS 'mine'" && comment != "mine" {
			t.Errorf("the comment is now %v", comment)
		}
	}
}

func TestSplitColumnsAreFoundAgainAndNobodyElses(t *testing.T) {
	w := openEmpty(t)
	mustExec(t, w, `CREATE TABLE things (value BIGINT, value__text VARCHAR); INSERT INTO things VALUES (1, 'of a person')`)
	for _, step := range []struct {
		typ     table.Type
		value   any
		changes []destination.Change
	}{
		{table.Text, "a", []destination.Change{{Kind: destination.SplitColumn, Column: "value__text_2", From: "BIGINT", To: "VARCHAR"}}},
		{table.Number, 0.5, []destination.Change{{Kind: destination.SplitColumn, Column: "value__number", From: "BIGINT", To: "DOUBLE"}}},
		{table.Integer, int64(2), nil},
		{table.Text, "b", nil},
	} {
		changes, err := loadAs(t, w, column1(step.typ, table.NewColumn), destinationtest.Row{step.value})
		if diff := gocmp.Diff(step.changes, changes); diff != "" || err != nil {
			t.Errorf("%v: %v, changes (-want +got):\n%s", step.typ, err, diff)
		}
	}
	want := []destinationtest.Row{{int64(1), "of a person", nil, nil}, {nil, nil, "a", nil}, {nil, nil, nil, 0.5}, {int64(2), nil, nil, nil}, {nil, nil, "b", nil}}
	if diff := gocmp.Diff(want, query(t, w, "SELECT value, value__text, value__text_2, value__number FROM things ORDER BY rowid")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWholeNumbersThatANumberColumnMayNotHoldAreSplit(t *testing.T) {
	w := openEmpty(t)
	mustExec(t, w, "CREATE TABLE things (value DOUBLE)")
	if _, err := loadAs(t, w, column1(table.Integer, table.NewColumn), destinationtest.Row{int64(1<<53 + 1)}); err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff([]destinationtest.Row{{nil, int64(1<<53 + 1)}}, query(t, w, "SELECT value, value__integer FROM things")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// DOUBLE holds 2^62, which as the shortest text of a DOUBLE has other digits.
func TestWholeNumbersKeepTheirDigitsOnTheWayToText(t *testing.T) {
	w := openEmpty(t)
	for _, load := range []struct {
		typ table.Type
		row destinationtest.Row
	}{{table.Integer, destinationtest.Row{int64(1 << 62)}}, {table.Number, destinationtest.Row{0.5}}, {table.Text, destinationtest.Row{"a"}}} {
		if _, err := loadAs(t, w, column1(load.typ, table.Widen), load.row); err != nil {
			t.Fatal(err)
		}
	}
	if diff := gocmp.Diff([]destinationtest.Row{{"0.5"}, {"4611686018427387904"}, {"a"}}, query(t, w, "SELECT value FROM things ORDER BY ALL")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatStandsInTheWayOfAColumnsTypeIsNamed(t *testing.T) {
	for create, want := range map[string]string{
		"CREATE TABLE things (value BIGINT PRIMARY KEY)":                       "make it anew without that key: CREATE TABLE",
		"CREATE TABLE things (value BIGINT); CREATE INDEX i ON things (value)": "an index depends on it",
		"CREATE TABLE things (value BIGINT, twice BIGINT AS (2 * value))":      "change column value of table things from BIGINT to VARCHAR",
		"CREATE VIEW things AS SELECT 1::BIGINT AS value":                      `."main"."things" is there and is no table; rename it`,
	} {
		w := openEmpty(t)
		mustExec(t, w, create)
		_, err := loadAs(t, w, column1(table.Text, table.Widen), destinationtest.Row{"a"})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: failure is %v, want one with %q", create, err, want)
		}
	}
}

func TestTableWithAPrimaryKeyCanBeMadeAnewAsTheFailureSays(t *testing.T) {
	w := openEmpty(t)
	mustExec(t, w, "CREATE TABLE things (value BIGINT PRIMARY KEY); INSERT INTO things VALUES (7)")
	_, err := loadAs(t, w, column1(table.Text, table.Widen), destinationtest.Row{"a"})
	_, advice, ok := strings.Cut(fmt.Sprint(err), "without that key: ")
	if !ok {
		t.Fatalf("no advice in %q", err)
	}
	mustExec(t, w, advice)
	if _, err := loadAs(t, w, column1(table.Text, table.Widen), destinationtest.Row{"a"}); err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff([]destinationtest.Row{{"7"}, {"a"}}, query(t, w, "SELECT value FROM things ORDER BY ALL")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRowsThatAConstraintOfOthersRefuses(t *testing.T) {
	w := openEmpty(t)
	mustExec(t, w, "CREATE TABLE things (value BIGINT UNIQUE)")
	_, err := loadAs(t, w, column1(table.Integer, table.Widen), destinationtest.Row{int64(1)}, destinationtest.Row{int64(1)})
	if want := "a UNIQUE constraint or a unique index against; drop the index, or make the table anew"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("failure is %v, want one with %q", err, want)
	}
}

func TestColumnOfAKeyIsNotSplit(t *testing.T) {
	w := openEmpty(t)
	mustExec(t, w, "CREATE TABLE things (value BIGINT)")
	keyed := column1(table.Text, table.NewColumn)
	keyed.Key, keyed.Columns[0].Nullable = []int{0}, false
	_, err := loadAs(t, w, keyed, destinationtest.Row{"a"})
	if want := "values of a key must all be in one column"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("failure is %v, want one with %q", err, want)
	}
}

func TestLoadThatMayNotChangeATableNamesTheSettingThatMay(t *testing.T) {
	w := openEmpty(t)
	mustExec(t, w, "CREATE TABLE things (value BIGINT)")
	_, err := loadAs(t, w, column1(table.Text, table.Fail), destinationtest.Row{"a"})
	if want := "; set conflict to widen, rename the table"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("failure is %v, want one with %q", err, want)
	}
}

func TestOwnTablesAreThereBehindTheFirstCommit(t *testing.T) {
	w := openEmpty(t)
	commit(t, w, destination.Checkpoint{Pipeline: "shop", RunID: "run"})
	for _, own := range destination.OwnTables {
		if _, found, err := w.Count(t.Context(), "", own.Name); !found || err != nil {
			t.Errorf("%s: found %v, %v", own.Name, found, err)
		}
	}
}

func TestNamesOfHiddenTablesAreRefused(t *testing.T) {
	w := openEmpty(t)
	l, err := w.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Rollback()
	tab := column1(table.Text, table.Widen)
	tab.Stream, tab.Schema, tab.Name = "s", "shop", "_SINGER_new_orders"
	if _, err := l.Migrate(t.Context(), tab); err == nil || !strings.Contains(err.Error(), "tapline's own") {
		t.Errorf("failure is %v", err)
	}
}

func TestDecimalsThatWouldBeRoundedAreRefused(t *testing.T) {
	w := openEmpty(t)
	tab := &table.Table{Columns: []table.Column{{Name: "value", Type: table.Decimal, Precision: 5, Scale: 2, Nullable: true}}}
	if _, err := loadAs(t, w, tab, destinationtest.Row{"-999.99"}, destinationtest.Row{"1"}, destinationtest.Row{nil}); err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]string{"1.005": "1.005", "1000": "1000"} {
		if _, err := loadAs(t, w, tab, destinationtest.Row{value}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: failure is %v", value, err)
		}
	}
	if diff := gocmp.Diff([]destinationtest.Row{{"-999.99"}, {"1.00"}, {nil}}, query(t, w, "SELECT value::VARCHAR FROM things")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
