package files

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"
	gocmp "github.com/google/go-cmp/cmp"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

// moments is a table of moments and days.
func moments() *table.Table {
	return &table.Table{Stream: "moments", Schema: "shop", Name: "moments", Columns: []table.Column{
		{Name: "id", Type: table.Integer, Nullable: true}, {Name: table.ExtractedAt, Type: table.Timestamp, Nullable: true}, {Name: "day", Type: table.Date, Nullable: true},
	}}
}

// loadRows commits rows as one batch.
func loadRows(t testing.TB, w *Warehouse, tab *table.Table, rows ...destinationtest.Row) *destination.Migration {
	t.Helper()
	return loadBatches(t, w, tab, rows)
}

// loadBatches commits a batch for each list of rows, all of one call of Append.
func loadBatches(t testing.TB, w *Warehouse, tab *table.Table, lists ...[]destinationtest.Row) *destination.Migration {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	var batches []*table.Batch
	n := int64(0)
	for _, rows := range lists {
		b := destinationtest.Batch(mem, tab, n+1, rows...)
		defer b.Rows.Release()
		batches = append(batches, b)
		n += int64(len(rows))
	}
	l, err := w.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m, err := l.Migrate(t.Context(), tab)
	if err != nil {
		t.Fatal(err)
	}
	counts, err := l.Append(t.Context(), batches)
	if err != nil || counts != (destination.Counts{Inserted: n}) {
		t.Fatalf("append: %+v, %v", counts, err)
	}
	if err := l.Commit(t.Context(), checkpointOf(w.config.Pipeline, "r", 1)); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestPartitionsArePutByPeriod(t *testing.T) {
	at := func(text string) time.Time {
		moment, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return moment
	}
	rows := []destinationtest.Row{
		{int64(1), at("2026-03-04T23:59:59.999999Z"), at("2026-03-04T00:00:00Z")},
		{int64(2), at("2026-03-05T00:00:00Z"), nil},
		{int64(3), nil, at("2025-12-31T00:00:00Z")},
		{int64(4), at("1969-12-31T23:59:59Z"), at("1969-12-31T00:00:00Z")},
		{int64(5), at("2026-03-04T00:00:00Z"), at("2025-12-31T00:00:00Z")},
	}
	for _, c := range []struct {
		period, column string
		want           []string // folders with the ids in them
	}{
		{"day", "", []string{"sdc_day=1969-12-31: [4]", "sdc_day=2026-03-04: [1 5]", "sdc_day=2026-03-05: [2]", "sdc_day=__HIVE_DEFAULT_PARTITION__: [3]"}},
		{"month", "day", []string{"sdc_month=1969-12: [4]", "sdc_month=2025-12: [3 5]", "sdc_month=2026-03: [1]", "sdc_month=__HIVE_DEFAULT_PARTITION__: [2]"}},
		{"year", "", []string{"sdc_year=1969: [4]", "sdc_year=2026: [1 2 5]", "sdc_year=__HIVE_DEFAULT_PARTITION__: [3]"}},
		{"year", "id", []string{"moments: [1 2 3 4 5]"}},
		{"year", "none", []string{"moments: [1 2 3 4 5]"}},
	} {
		t.Run(c.period+" "+c.column, func(t *testing.T) {
			w := mustOpen(t, Config{URL: t.TempDir(), Partition: c.period, PartitionColumn: c.column})
			defer mustClose(t, w)
			loadRows(t, w, moments(), rows...)
			var got []string
			for _, path := range w.localFiles(t, moments()) {
				ids := []any{}
				for _, row := range query(t, "SELECT id FROM read_parquet('"+path+"')") {
					ids = append(ids, row[0])
				}
				got = append(got, fmt.Sprintf("%s: %v", filepath.Base(filepath.Dir(path)), ids))
			}
			if diff := gocmp.Diff(c.want, got); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadersPruneByPartition(t *testing.T) {
	w := mustOpen(t, Config{URL: t.TempDir(), Partition: "day"})
	defer mustClose(t, w)
	loadRows(t, w, moments()) // no empty file that would not match
	day := time.Date(2026, 3, 4, 5, 0, 0, 0, time.UTC)
	loadRows(t, w, moments(), destinationtest.Row{int64(1), day, nil}, destinationtest.Row{int64(2), day.AddDate(0, 0, 1), nil})
	got := query(t, "SELECT id FROM read_parquet('"+w.store.path("shop/moments/**/*.parquet")+"') WHERE sdc_day = DATE '2026-03-05'")
	if fmt.Sprint(got) != "[[2]]" {
		t.Errorf("rows of a day: %v", got)
	}
}

// However many rows come in one Append, no file gets too long to be copied.
func TestFilesAreEndedWithinAnAppend(t *testing.T) {
	var lists [][]destinationtest.Row
	for i := range int64(12) {
		lists = append(lists, []destinationtest.Row{{i, strings.Repeat("x", 1000)}})
	}
	for _, format := range []string{Parquet, JSONL} {
		w := mustOpen(t, Config{URL: t.TempDir(), Format: format, Compression: "none", RowGroupBytes: 1000})
		w.mostBytes = 3000
		loadBatches(t, w, notes(), lists...)
		paths := w.localFiles(t, notes())
		for _, path := range paths {
			if info, err := os.Stat(path); err != nil || info.Size() > 6000 {
				t.Errorf("%s: %s is longer than it may be: %v, %v", format, path, info, err)
			}
		}
		if rows, _, err := w.Count(t.Context(), notes().Schema, notes().Name); rows != 12 || err != nil || len(paths) < 4 {
			t.Errorf("%s: %d files have %d rows, %v", format, len(paths), rows, err)
		}
		mustClose(t, w)
	}
}

func TestParquetHasTypesStatisticsAndRowGroups(t *testing.T) {
	tab := &table.Table{Stream: "types", Schema: "shop", Name: "types", Key: []int{0}, Columns: []table.Column{
		{Name: "id", Type: table.Integer}, {Name: "flag", Type: table.Boolean, Nullable: true}, {Name: "float", Type: table.Number, Nullable: true},
		{Name: "text", Type: table.Text, Nullable: true}, {Name: "at", Type: table.Timestamp, Nullable: true}, {Name: "day", Type: table.Date, Nullable: true},
		{Name: "json", Type: table.JSON, Nullable: true}, {Name: "long", Type: table.Decimal, Nullable: true},
		{Name: "money", Type: table.Decimal, Precision: 12, Scale: 2, Nullable: true},
	}}
	w := mustOpen(t, Config{URL: t.TempDir(), RowGroupBytes: 1})
	defer mustClose(t, w)
	for range 2 {
		loadRows(t, w, tab, destinationtest.Row{int64(7), true, 0.5, "x", time.Unix(0, 0).UTC(), time.Unix(0, 0).UTC(), `{}`, "1", "-1234567890.12"})
	}
	path := w.localFiles(t, tab)[0]
	want := []destinationtest.Row{{"id", "BIGINT"}, {"flag", "BOOLEAN"}, {"float", "DOUBLE"}, {"text", "VARCHAR"}, {"at", "TIMESTAMP WITH TIME ZONE"},
		{"day", "DATE"}, {"json", "JSON"}, {"long", "VARCHAR"}, {"money", "DECIMAL(12,2)"}}
	if diff := gocmp.Diff(want, query(t, "SELECT column_name, column_type FROM (DESCRIBE FROM read_parquet('"+path+"'))")); diff != "" {
		t.Errorf("types (-want +got):\n%s", diff)
	}
	got := query(t, "SELECT stats_min_value, stats_max_value, compression FROM parquet_metadata('"+path+"') WHERE path_in_schema IN ('id', 'money') ORDER BY path_in_schema")
	if diff := gocmp.Diff([]destinationtest.Row{{"7", "7", "ZSTD"}, {"-1234567890.12", "-1234567890.12", "ZSTD"}}, got); diff != "" {
		t.Errorf("statistics (-want +got):\n%s", diff)
	}
	got = query(t, "SELECT created_by, num_rows, num_row_groups FROM parquet_file_metadata('"+path+"')")
	if fmt.Sprint(got) != "[[tapline 1 1]]" {
		t.Errorf("file: %v", got)
	}
}

func TestRowGroupsHaveTheirSize(t *testing.T) {
	w := mustOpen(t, Config{URL: t.TempDir(), RowGroupBytes: 100_000})
	defer mustClose(t, w)
	tab := orders()
	var batches []*table.Batch
	for from := range int64(10) {
		var rows []destinationtest.Row
		for id := range int64(1000) {
			rows = append(rows, destinationtest.Row{from*1000 + id, strings.Repeat("x", 20)})
		}
		batches = append(batches, destinationtest.Batch(Allocator(), tab, from*1000, rows...))
	}
	l := begin(t, w, orders(), 0, 0)
	if _, err := l.Migrate(t.Context(), tab); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), batches); err != nil {
		t.Fatal(err)
	}
	if err := l.Commit(t.Context(), checkpointOf("", "r", 1)); err != nil {
		t.Fatal(err)
	}
	got := query(t, "SELECT num_rows, num_row_groups FROM parquet_file_metadata('"+w.localFiles(t, tab)[0]+"')")
	if fmt.Sprint(got) != "[[10000 4]]" { // three batches fit in a group
		t.Errorf("rows and row groups: %v", got)
	}
}

func TestEveryCompressionCanBeRead(t *testing.T) {
	for _, cfg := range []Config{
		{Compression: "zstd"}, {Compression: "gzip"}, {Compression: "snappy"}, {Compression: "none"},
		{Format: JSONL}, {Format: JSONL, Compression: "gzip"}, {Format: JSONL, Compression: "zstd"},
	} {
		t.Run(cfg.Format+" "+cfg.Compression, func(t *testing.T) {
			cfg.URL = t.TempDir()
			w := mustOpen(t, cfg)
			defer mustClose(t, w)
			mustLoad(t, w, orders(), checkpointOf("", "r", 1), 0, 50_000)
			from := "read_parquet"
			if cfg.Format == JSONL {
				from = "read_json"
			}
			paths := w.localFiles(t, orders())
			if len(paths) != 1 || !strings.HasSuffix(paths[0], w.config.suffix()) {
				t.Fatalf("files are %v", paths)
			}
			got := query(t, "SELECT count(*), sum(id)::BIGINT, max(note) FROM "+from+"('"+paths[0]+"')")
			if fmt.Sprint(got) != "[[50000 1249975000 note 9999]]" {
				t.Errorf("rows: %v", got)
			}
		})
	}
}

// typed is a table with one column of a type.
func typed(c table.Column, policy table.Conflict) *table.Table {
	c.Name, c.Nullable = "value", true
	return &table.Table{Stream: "typed", Schema: "shop", Name: "typed", Conflict: policy, Columns: []table.Column{c}}
}

func TestWidenedColumnIsReadByNameWithoutLoss(t *testing.T) {
	decimal := table.Column{Type: table.Decimal, Precision: 21, Scale: 2}
	for _, c := range []struct {
		name          string
		first, second table.Column
		a, b          any
		from, to      string
		want          []string
	}{
		{"integer and decimal", table.Column{Type: table.Integer}, decimal, int64(math.MaxInt64), "0.01", "INT64", "DECIMAL(21,2)", []string{"0.01", "9223372036854775807.00"}},
		{"integer and number", table.Column{Type: table.Integer}, table.Column{Type: table.Number}, int64(math.MaxInt64), 0.1, "INT64", "STRING", []string{"0.1", "9223372036854775807"}},
		{"integer and text", table.Column{Type: table.Integer}, table.Column{Type: table.Text}, int64(7), "seven", "INT64", "STRING", []string{"7", "seven"}},
		{"text and integer", table.Column{Type: table.Text}, table.Column{Type: table.Integer}, "seven", int64(7), "", "", []string{"7", "seven"}},
		{"boolean and integer", table.Column{Type: table.Boolean}, table.Column{Type: table.Integer}, true, int64(1), "BOOLEAN", "STRING", []string{"1", "true"}},
		{"date and text", table.Column{Type: table.Date}, table.Column{Type: table.Text}, time.Unix(0, 0).UTC(), "x", "DATE", "STRING", []string{"1970-01-01", "x"}},
		{"text and timestamp", table.Column{Type: table.Text}, table.Column{Type: table.Timestamp}, "x", time.Unix(0, 0).UTC(), "", "", []string{"1970-01-01T00:00:00Z", "x"}},
		{"text and json", table.Column{Type: table.Text}, table.Column{Type: table.JSON}, "x", `{"a": 1}`, "", "", []string{"x", `{"a": 1}`}},
		{"json and text", table.Column{Type: table.JSON}, table.Column{Type: table.Text}, `[1]`, `say "x"`, "", "", []string{`"say \"x\""`, "[1]"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := mustOpen(t, Config{URL: t.TempDir()})
			defer mustClose(t, w)
			loadRows(t, w, typed(c.first, table.Widen), destinationtest.Row{c.a})
			m := loadRows(t, w, typed(c.second, table.Widen), destinationtest.Row{c.b})
			var changes []destination.Change
			if c.to != "" {
				changes = []destination.Change{{Kind: destination.WidenColumn, Column: "value", From: c.from, To: c.to}}
			}
			if diff := gocmp.Diff(changes, m.Changes); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			if again := loadRows(t, w, typed(c.second, table.Widen)); len(again.Changes) > 0 {
				t.Errorf("the second time it changes %+v", again.Changes)
			}
			var got []string
			for _, row := range query(t, "SELECT value::VARCHAR FROM read_parquet('"+w.store.path("shop/typed/*.parquet")+"', union_by_name = true)") {
				got = append(got, row[0].(string))
			}
			slices.Sort(got)
			if diff := gocmp.Diff(c.want, got); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
		})
	}
}

func TestConflictPolicies(t *testing.T) {
	integer, text := table.Column{Type: table.Integer}, table.Column{Type: table.Text}
	for _, c := range []struct {
		policy  table.Conflict
		changes []destination.Change
		want    string // columns and values by name
	}{
		{table.NewColumn, []destination.Change{{Kind: destination.SplitColumn, Column: "value__string", From: "INT64", To: "STRING"}}, "[[7 <nil>] [<nil> seven]]"},
		{table.ToJSON, []destination.Change{{Kind: destination.WidenColumn, Column: "value", From: "INT64", To: "JSON"}}, `[["seven"] [7]]`},
	} {
		w := mustOpen(t, Config{URL: t.TempDir()})
		loadRows(t, w, typed(integer, c.policy), destinationtest.Row{int64(7)})
		for round := range 2 {
			m := loadRows(t, w, typed(text, c.policy), []destinationtest.Row{{"seven"}}[:1-round]...)
			changes := c.changes
			if round == 1 {
				changes = nil
			}
			if diff := gocmp.Diff(changes, m.Changes); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
		}
		got := fmt.Sprint(query(t, "SELECT COLUMNS(*)::VARCHAR FROM read_parquet('"+w.store.path("shop/typed/*.parquet")+"', union_by_name = true) ORDER BY 1"))
		if got != c.want {
			t.Errorf("policy %v: rows are %s, want %s", c.policy, got, c.want)
		}
		mustClose(t, w)
	}
}

func TestDecimalThatDoesNotFitIsNoOther(t *testing.T) {
	c := column{Name: "money", Type: table.Decimal, Precision: 5, Scale: 2}
	for text, want := range map[string]string{"999.99": "99999", "-0.1": "-10", "0": "0", "7": "700"} {
		if n, err := c.unscaled(text); err != nil || n.BigInt().String() != want {
			t.Errorf("%s is %s, %v, want %s", text, n.BigInt(), err, want)
		}
	}
	for _, text := range []string{"1000", "0.001", "x", "", "NaN", "1e3"} {
		if n, err := c.unscaled(text); err == nil {
			t.Errorf("%q is %s", text, n.BigInt())
		}
	}
}

func TestManyTablesHaveFewFilesOpen(t *testing.T) {
	w := mustOpen(t, Config{URL: t.TempDir()})
	defer mustClose(t, w)
	l, err := w.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range int64(100) {
		tab := orders()
		tab.Name = fmt.Sprint("orders_", i%50)
		if err := add(l, tab, i, i+1); err != nil {
			t.Fatal(err)
		}
		if open := len(l.(*load).writing); open > mostOpen {
			t.Fatalf("%d files are open", open)
		}
	}
	if err := l.Commit(t.Context(), checkpointOf("", "r", 1)); err != nil {
		t.Fatal(err)
	}
	got := query(t, "SELECT count(*), sum(id)::BIGINT FROM read_parquet('"+w.store.path("shop/*/*.parquet")+"')")
	if fmt.Sprint(got) != "[[100 4950]]" {
		t.Errorf("rows: %v", got)
	}
}
