package duckdb

import (
	"errors"
	"path/filepath"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

// parquetTable has a column of each type that a Parquet file may fill.
func parquetTable(method table.Method) *table.Table {
	t := &table.Table{Stream: "things", Name: "things", Method: method, Key: []int{0}, Columns: []table.Column{
		{Name: "id", Property: "Id", Type: table.Integer}, {Name: "note", Property: "note", Type: table.Text, Nullable: true},
		{Name: "price", Property: "price", Type: table.Decimal, Precision: 10, Scale: 2, Nullable: true},
		{Name: "at", Property: "at", Type: table.Timestamp, Nullable: true}, {Name: "day", Property: "day", Type: table.Date, Nullable: true},
		{Name: "ok", Property: "ok", Type: table.Boolean, Nullable: true}, {Name: "ratio", Property: "ratio", Type: table.Number, Nullable: true},
		{Name: "detail", Property: "detail", Type: table.JSON, Nullable: true},
	}}
	return t
}

// parquetColumns are the columns of a file for parquetTable, of the row n.
const parquetColumns = `n AS "Id", 'note ' || n AS note, (n / 4)::DECIMAL(10,2) AS price, make_timestamptz(n * 1000001) AS at, DATE '2024-02-29' AS day,
	n % 2 = 0 AS ok, n / 8 AS ratio, ('{"n": ' || n || '}')::JSON AS detail`

// writeParquet writes the rows of a query to a file.
func writeParquet(t *testing.T, w *Warehouse, query string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "it's a file.parquet")
	mustExec(t, w, "COPY ("+query+") TO "+text(path)+" (FORMAT parquet)")
	return path
}

// appendParquet loads a file and commits.
func appendParquet(t *testing.T, w *Warehouse, tab *table.Table, path string) (destination.Counts, error) {
	t.Helper()
	l, err := w.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Rollback()
	if _, err := l.Migrate(t.Context(), tab); err != nil {
		t.Fatal(err)
	}
	counts, err := l.(*load).AppendParquet(t.Context(), tab, path)
	if err != nil {
		return counts, err
	}
	return counts, l.Commit(t.Context(), destination.Checkpoint{RunID: "1"})
}

func TestParquetGoesInAsItIs(t *testing.T) {
	w := openEmpty(t)
	first := writeParquet(t, w, "SELECT "+parquetColumns+" FROM range(1, 3001) AS r(n)")
	second := writeParquet(t, w, "SELECT "+parquetColumns+" FROM (SELECT unnest([2001, 4000, 2001]::BIGINT[]) AS n) UNION ALL SELECT 4000, NULL, NULL, NULL, NULL, NULL, NULL, NULL")
	empty := writeParquet(t, w, "SELECT "+parquetColumns+" FROM range(0) AS r(n)")
	for _, load := range []struct {
		path string
		want destination.Counts
	}{
		{first, destination.Counts{Inserted: 3000}},
		{first, destination.Counts{Updated: 3000}},
		{second, destination.Counts{Inserted: 1, Updated: 3}},
		{empty, destination.Counts{}},
	} {
		got, err := appendParquet(t, w, parquetTable(table.Upsert), load.path)
		if diff := gocmp.Diff(load.want, got); diff != "" || err != nil {
			t.Errorf("%v, counts (-want +got):\n%s", err, diff)
		}
	}
	want := []destinationtest.Row{{int64(3001), int64(3001), int64(3000 * 3001 / 2)}}
	got := query(t, w, "SELECT count(*), count(DISTINCT id), sum(split_part(note, ' ', 2)::BIGINT)::BIGINT FROM things")
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want = []destinationtest.Row{{"7", "note 7", "1.75", int64(7000007), "2024-02-29", false, 0.875, `{"n": 7}`}, {"4000", nil, nil, nil, nil, nil, nil, nil}}
	got = query(t, w, `SELECT id::VARCHAR, note, price::VARCHAR, epoch_us("at"), day::VARCHAR, ok, ratio, detail::VARCHAR FROM things WHERE id IN (7, 4000) ORDER BY id`)
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParquetIsAppendedWithoutRegardToKeys(t *testing.T) {
	w := openEmpty(t)
	path := writeParquet(t, w, "SELECT "+parquetColumns+" FROM (SELECT unnest([1, 1]::BIGINT[]) AS n)")
	for range 2 {
		if got, err := appendParquet(t, w, parquetTable(table.AppendOnly), path); err != nil || got != (destination.Counts{Inserted: 2}) {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

func TestParquetThatDoesNotFitIsLeftToBeDecoded(t *testing.T) {
	w := openEmpty(t)
	fits := "SELECT " + parquetColumns + " FROM range(1, 3) AS r(n)"
	for name, c := range map[string]struct {
		query  string
		change func(*table.Table)
	}{
		"a column more":           {"SELECT *, 1 AS more FROM (" + fits + ")", nil},
		"a column less":           {"SELECT * EXCLUDE ok FROM (" + fits + ")", nil},
		"another name":            {"SELECT * RENAME (ok AS fine) FROM (" + fits + ")", nil},
		"a name in another case":  {`SELECT * RENAME ("Id" AS id) FROM (` + fits + ")", nil},
		"a shorter integer":       {`SELECT * REPLACE ("Id"::INTEGER AS "Id") FROM (` + fits + ")", nil},
		"a timestamp of no zone":  {`SELECT * REPLACE ("at"::TIMESTAMP AS "at") FROM (` + fits + ")", nil},
		"text for JSON":           {"SELECT * REPLACE (detail::VARCHAR AS detail) FROM (" + fits + ")", nil},
		"an object for JSON":      {"SELECT * REPLACE ({'a': 1} AS detail) FROM (" + fits + ")", nil},
		"a NULL in the key":       {`SELECT * REPLACE (nullif("Id", 2) AS "Id") FROM (` + fits + ")", nil},
		"a column of tapline's":   {fits, func(t *table.Table) { t.Columns[1].Property = "" }},
		"a flattened column":      {fits, func(t *table.Table) { t.Columns[1].Below = []string{"a"} }},
		"text for a long decimal": {fits, func(t *table.Table) { t.Columns[1].Type = table.Decimal }},
		"a widened column":        {fits, func(t *table.Table) { t.Columns[5].Type = table.Integer }},
	} {
		mustExec(t, w, "CREATE OR REPLACE TABLE things (id BIGINT, ok VARCHAR)")
		if name != "a widened column" {
			mustExec(t, w, "ALTER TABLE things DROP COLUMN ok")
		}
		tab := parquetTable(table.Upsert)
		if c.change != nil {
			c.change(tab)
		}
		w.revisions[quote(w.catalog)+`."main"."things"`]++
		if _, err := appendParquet(t, w, tab, writeParquet(t, w, c.query)); !errors.Is(err, destination.ErrNotParquet) {
			t.Errorf("%s: failure is %v, want destination.ErrNotParquet", name, err)
		}
	}
	for _, path := range []string{filepath.Join(t.TempDir(), "none.parquet"), "/*.parquet", "relative.parquet", "s3://bucket/a.parquet"} {
		if _, err := appendParquet(t, w, parquetTable(table.Upsert), path); !errors.Is(err, destination.ErrNotParquet) {
			t.Errorf("%s: failure is %v, want destination.ErrNotParquet", path, err)
		}
	}
}
