package duckdb

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

// openEmpty opens a new file and closes it at the end of the test.
func openEmpty(t *testing.T) *Warehouse {
	t.Helper()
	w := mustOpen(t, filepath.Join(t.TempDir(), "w.duckdb"))
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func TestFloatsAsTextHavePlainDigits(t *testing.T) {
	w := openEmpty(t)
	values := []float64{0, math.Copysign(0, -1), 1, -1, 0.1, 1e15, 1e16, 1e17, -1e21, 1.5e-7, 1e-5, -1e-4, math.MaxFloat64, -math.SmallestNonzeroFloat64,
		1.2345678901234567e17, 9007199254740993, 123456789.125, 1e22, 1e23}
	random := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		values = append(values, math.Float64frombits(random.Uint64()))
	}
	mustExec(t, w, "CREATE TABLE floats (f DOUBLE)")
	var rows []string
	for _, v := range values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			rows = append(rows, "('"+strconv.FormatFloat(v, 'g', -1, 64)+"'::DOUBLE)")
		}
	}
	mustExec(t, w, "INSERT INTO floats VALUES "+strings.Join(rows, ", "))
	for _, r := range query(t, w, "SELECT f, "+asText("DOUBLE", "f")+", ("+toJSON("DOUBLE", "f")+")::VARCHAR FROM floats") {
		want := strconv.FormatFloat(r[0].(float64), 'f', -1, 64)
		if r[1] != want || r[2] != want {
			t.Errorf("%g is %q as text and %q as JSON, want %q", r[0], r[1], r[2], want)
		}
	}
	for value, want := range map[string]string{"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"} {
		got := query(t, w, "SELECT "+asText("DOUBLE", "f")+", ("+toJSON("DOUBLE", "f")+")::VARCHAR FROM (SELECT '"+value+"'::DOUBLE AS f)")
		if diff := gocmp.Diff([]destinationtest.Row{{want, `"` + want + `"`}}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", value, diff)
		}
	}
}

func TestMomentsAsTextAreRFC3339(t *testing.T) {
	w := openEmpty(t)
	mustExec(t, w, "SET GLOBAL TimeZone = 'Asia/Kolkata'")
	for _, at := range []time.Time{
		time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC), time.Date(2024, 3, 10, 2, 30, 0, 500000000, time.UTC),
		time.Date(1969, 12, 31, 23, 59, 59, 999999000, time.UTC), time.Date(2000, 10, 10, 10, 10, 10, 1000, time.UTC), time.Date(2000, 10, 10, 10, 10, 0, 0, time.UTC),
	} {
		there, back := convert("TIMESTAMP WITH TIME ZONE", "VARCHAR", "m")
		got := query(t, w, "SELECT "+there+", epoch_us("+back+") FROM (SELECT make_timestamptz(?) AS m)", at.UnixMicro())
		if diff := gocmp.Diff([]destinationtest.Row{{at.Format(time.RFC3339Nano), at.UnixMicro()}}, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", at, diff)
		}
	}
}

// TestColumnsOfTypesThatTaplineNeverMakes loads texts, then objects, into tables that others made.
func TestColumnsOfTypesThatTaplineNeverMakes(t *testing.T) {
	w := openEmpty(t)
	for _, c := range []struct{ typ, value, text, json string }{
		{"TINYINT", "-128", "-128", "-128"},
		{"UBIGINT", "18446744073709551615", "18446744073709551615", "18446744073709551615"},
		{"UHUGEINT", "340282366920938463463374607431768211455", "340282366920938463463374607431768211455", "340282366920938463463374607431768211455"},
		{"HUGEINT", "-170141183460469231731687303715884105728", "-170141183460469231731687303715884105728", "-170141183460469231731687303715884105728"},
		{"FLOAT", "0.1", "0.1", "0.1"},
		{"FLOAT", "nan", "NaN", `"NaN"`},
		{"DECIMAL(38,10)", "9999999999999999999999999999.1234567890", "9999999999999999999999999999.123456789", "9999999999999999999999999999.123456789"},
		{"DECIMAL(38,0)", "99999999999999999999999999999999999900", "99999999999999999999999999999999999900", "99999999999999999999999999999999999900"},
		{"UUID", "00000000-0000-0000-0000-0000000000ff", "00000000-0000-0000-0000-0000000000ff", `"00000000-0000-0000-0000-0000000000ff"`},
		{"TIMESTAMP", "2024-02-29 01:02:03.5", "2024-02-29 01:02:03.5", `"2024-02-29 01:02:03.5"`},
		{"TIMESTAMPTZ", "infinity", "infinity", `"infinity"`},
		{"TIME", "01:02:03", "01:02:03", `"01:02:03"`},
		{"DATE", "-infinity", "-infinity", `"-infinity"`},
		{"INTERVAL", "1 month 2 days", "1 month 2 days", `"1 month 2 days"`},
		{"BLOB", `\xFF\x00a`, `\xFF\x00a`, `"\\xFF\\x00a"`},
		{"ENUM('it''s', 'b')", "it's", "it's", `"it's"`},
		{"INTEGER[]", "[1, NULL]", "", "[1,null]"},
		{"STRUCT(a VARCHAR)", "{'a': 'x'}", "", `{"a":"x"}`},
	} {
		for _, arriving := range []table.Type{table.Text, table.JSON} {
			mustExec(t, w, "CREATE OR REPLACE TABLE things (value "+c.typ+")")
			mustExec(t, w, "INSERT INTO things VALUES ("+text(c.value)+"), (NULL)")
			want := map[table.Type]string{table.Text: c.text, table.JSON: c.json}[arriving]
			arrived := map[table.Type]string{table.Text: "new", table.JSON: `{"new":1}`}[arriving]
			if want == "" {
				want, arrived = c.json, "new" // nested values have no text, so the column is JSON
			}
			if _, err := loadAs(t, w, &table.Table{Columns: []table.Column{{Name: "value", Type: arriving, Nullable: true}}}, destinationtest.Row{arrived}); err != nil {
				t.Errorf("%v into %s: %v", arriving, c.typ, err)
				continue
			}
			if c.text == "" && arriving == table.Text {
				arrived = `"new"`
			}
			got := query(t, w, "SELECT value::VARCHAR FROM things ORDER BY rowid")
			if diff := gocmp.Diff([]destinationtest.Row{{want}, {nil}, {arrived}}, got); diff != "" {
				t.Errorf("%v into %s (-want +got):\n%s", arriving, c.typ, diff)
			}
		}
	}
}

// loadAs loads rows into the table things as the Table says, and returns the changes.
func loadAs(t *testing.T, w *Warehouse, tab *table.Table, rows ...destinationtest.Row) ([]destination.Change, error) {
	t.Helper()
	tab.Stream, tab.Name = "things", "things"
	_, changes, err := tryLoad(t, w, tab, rows...)
	return changes, err
}

// tryLoad loads rows by a load of their own, and activates them where they are to take the place of others.
func tryLoad(t *testing.T, w *Warehouse, tab *table.Table, rows ...destinationtest.Row) (destination.Counts, []destination.Change, error) {
	t.Helper()
	l := begin(t, w)
	defer l.Rollback()
	m, err := l.Migrate(t.Context(), tab)
	if err != nil {
		return destination.Counts{}, nil, err
	}
	b := destinationtest.Batch(Allocator(), tab, 1, rows...)
	defer b.Rows.Release()
	counts, err := l.Append(t.Context(), []*table.Batch{b})
	if err == nil && tab.Method == table.Overwrite {
		_, err = l.Activate(t.Context(), tab, destination.Activation{Version: 1})
	}
	if err != nil {
		return destination.Counts{}, nil, err
	}
	return counts, m.Changes, l.Commit(t.Context(), destination.Checkpoint{RunID: "1"})
}

func column1(typ table.Type, conflict table.Conflict) *table.Table {
	return &table.Table{Conflict: conflict, Columns: []table.Column{{Name: "value", Type: typ, Nullable: true}}}
}

func TestWholeNumbersBesideOthersStayDoubleWhileThatIsExact(t *testing.T) {
	w := openEmpty(t)
	typeNow := func() string {
		return fmt.Sprint(query(t, w, "SELECT data_type FROM duckdb_columns() WHERE table_name = 'things'")[0][0])
	}
	steps := []struct {
		typ     table.Type
		value   any
		want    string
		changes []destination.Change // told by Migrate
	}{
		{table.Integer, int64(7), "BIGINT", []destination.Change{{Kind: destination.CreateTable}}},
		{table.Number, 0.5, "DOUBLE", []destination.Change{{Kind: destination.WidenColumn, Column: "value", From: "BIGINT", To: "DOUBLE"}}},
		{table.Integer, int64(-1 << 53), "DOUBLE", nil},
		{table.Integer, int64(1<<53 + 1), "VARCHAR", nil}, // found out in Append, so the next Migrate tells
		{table.Number, 1e21, "VARCHAR", []destination.Change{{Kind: destination.WidenColumn, Column: "value", From: "DOUBLE", To: "VARCHAR"}}},
		{table.Integer, int64(3), "VARCHAR", nil},
	}
	for i, s := range steps {
		changes, err := loadAs(t, w, column1(s.typ, table.Widen), destinationtest.Row{s.value})
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(s.changes, changes); diff != "" || typeNow() != s.want {
			t.Errorf("step %d: the column is %s, want %s; changes (-want +got):\n%s", i, typeNow(), s.want, diff)
		}
	}
	want := []destinationtest.Row{{"7"}, {"0.5"}, {"-9007199254740992"}, {"9007199254740993"}, {"1000000000000000000000"}, {"3"}}
	if diff := gocmp.Diff(want, query(t, w, "SELECT value FROM things ORDER BY rowid")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	// What a load that is rolled back did about a column is not remembered.
	mustExec(t, w, "CREATE OR REPLACE TABLE things (value DOUBLE)")
	w.revisions[quote(w.catalog)+`."main"."things"`]++ // as if tapline had made the table
	tab := column1(table.Integer, table.Widen)
	for _, value := range []int64{1, 1<<53 + 1, 2} {
		if value == 1<<53+1 {
			rollBack(t, w, tab, destinationtest.Row{value})
		} else if _, err := loadAs(t, w, tab, destinationtest.Row{value}); err != nil {
			t.Fatal(err)
		}
	}
	if diff := gocmp.Diff([]destinationtest.Row{{1.0}, {2.0}}, query(t, w, "FROM things ORDER BY rowid")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	// A column of the type BIGINT with a number that DOUBLE cannot hold does not become DOUBLE.
	mustExec(t, w, "CREATE OR REPLACE TABLE things AS SELECT 9223372036854775807 AS value")
	if _, err := loadAs(t, w, column1(table.Number, table.Widen), destinationtest.Row{0.5}); err != nil || typeNow() != "VARCHAR" {
		t.Errorf("the column is %s, %v; want VARCHAR", typeNow(), err)
	}
}

func TestRowsOfAKeyAreFoundWhenItsTypeWidens(t *testing.T) {
	w := openEmpty(t)
	keyed := func(typ table.Type) *table.Table {
		tab := column1(typ, table.Widen)
		tab.Key = []int{0}
		return tab
	}
	for _, load := range []struct {
		typ   table.Type
		value any
	}{{table.Integer, int64(2)}, {table.Number, 2.0}, {table.Decimal, "2"}, {table.Text, "2"}, {table.Integer, int64(2)}, {table.Number, 2.0}} {
		if _, err := loadAs(t, w, keyed(load.typ), destinationtest.Row{load.value}); err != nil {
			t.Fatalf("%v: %v", load.typ, err)
		}
	}
	if diff := gocmp.Diff([]destinationtest.Row{{"2"}}, query(t, w, "SELECT value FROM things")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// rollBack appends rows to the table things and undoes that.
func rollBack(t *testing.T, w *Warehouse, tab *table.Table, rows ...destinationtest.Row) {
	t.Helper()
	l := begin(t, w, tab)
	b := destinationtest.Batch(Allocator(), tab, 1, rows...)
	defer b.Rows.Release()
	if _, err := l.Append(t.Context(), []*table.Batch{b}); err != nil {
		t.Fatal(err)
	}
	if err := l.Rollback(); err != nil {
		t.Fatal(err)
	}
}

func TestHazardNotANumberAndInfinityAreStored(t *testing.T) {
	w := openEmpty(t)
	values := []destinationtest.Row{{math.NaN()}, {math.Inf(1)}, {math.Inf(-1)}, {1.5}}
	if _, err := loadAs(t, w, column1(table.Number, table.Widen), values...); err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff([]destinationtest.Row{{"nan"}, {"inf"}, {"-inf"}, {"1.5"}}, query(t, w, "SELECT value::VARCHAR FROM things ORDER BY rowid")); diff != "" {
		t.Errorf("as DOUBLE (-want +got):\n%s", diff)
	}
	if _, err := loadAs(t, w, column1(table.JSON, table.Widen), destinationtest.Row{"{}"}); err != nil {
		t.Fatal(err)
	}
	if _, err := loadAs(t, w, column1(table.Number, table.Widen), values...); err != nil {
		t.Fatal(err)
	}
	widened := []destinationtest.Row{{`"NaN"`}, {`"Infinity"`}, {`"-Infinity"`}, {"1.5"}}
	want := append(append(widened, destinationtest.Row{"{}"}), widened...)
	if diff := gocmp.Diff(want, query(t, w, "SELECT value::VARCHAR FROM things ORDER BY rowid")); diff != "" {
		t.Errorf("as JSON (-want +got):\n%s", diff)
	}
}

func TestHazardNULCharactersAreKept(t *testing.T) {
	w := openEmpty(t)
	nul := "a\x00\u202e\\\"b"
	if _, err := loadAs(t, w, column1(table.Text, table.Widen), destinationtest.Row{nul}); err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff([]destinationtest.Row{{nul}}, query(t, w, "FROM things")); diff != "" {
		t.Errorf("as text (-want +got):\n%s", diff)
	}
	if _, err := loadAs(t, w, column1(table.JSON, table.Widen), destinationtest.Row{`"a\u0000"`}); err != nil {
		t.Fatal(err)
	}
	want := []destinationtest.Row{{nul}, {"a\x00"}}
	if diff := gocmp.Diff(want, query(t, w, "SELECT value ->> '$' FROM things ORDER BY rowid")); diff != "" {
		t.Errorf("as JSON (-want +got):\n%s", diff)
	}
}
