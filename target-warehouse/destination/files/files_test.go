package files

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"
	_ "github.com/duckdb/duckdb-go/v2"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

// cannot tells the suite of Limits.
var cannot = map[destinationtest.Ability]string{
	destinationtest.Upsert:     Limits[0].Reason,
	destinationtest.History:    Limits[1].Reason,
	destinationtest.HardDelete: Limits[2].Reason,
	destinationtest.SoftDelete: "marking a row would mean to write its file again",
	destinationtest.Alter:      "earlier files stay as they are",
}

// fewSeeds has the suite do so many random loads unless it is told otherwise.
func fewSeeds(t *testing.T, seeds string) {
	if os.Getenv("TAPLINE_SOAK") == "" {
		t.Setenv("TAPLINE_SOAK", seeds)
	}
}

func TestSuiteParquet(t *testing.T) {
	fewSeeds(t, "8")
	destinationtest.Run(t, func(t *testing.T) *destinationtest.Harness {
		h, _ := newHarness(t, Config{URL: t.TempDir()})
		return h
	})
}

func TestSuiteJSONL(t *testing.T) {
	destinationtest.Run(t, func(t *testing.T) *destinationtest.Harness {
		h, _ := newHarness(t, Config{URL: "file://" + t.TempDir(), Format: JSONL, Compression: "none"})
		return h
	})
}

// newHarness reads Parquet back with DuckDB, as a user would, and JSONL with encoding/json, which keeps every digit.
func newHarness(t *testing.T, cfg Config) (*destinationtest.Harness, func() *Warehouse) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	t.Cleanup(func() { mem.AssertSize(t, 0) })
	cfg.Pipeline = "default"
	var w *Warehouse
	h := &destinationtest.Harness{
		Allocator: mem,
		Cannot:    cannot,
		Open: func(t *testing.T) destination.Destination {
			w = mustOpen(t, cfg)
			return w
		},
		Read: func(t *testing.T, schema, name string, columns []string) []destinationtest.Row {
			if cfg.Format == JSONL {
				return readLines(t, w, schema, name, columns)
			}
			return readParquet(t, w, schema, name, columns)
		},
		Exists: func(t *testing.T, schema, name string) bool {
			_, exists, err := w.Count(t.Context(), schema, name)
			files := w.dataFiles(t, &table.Table{Schema: schema, Name: name})
			if err != nil || !exists && len(files) > 0 {
				t.Errorf("the log has a table %s: %v, %v; its files are %v", name, exists, err, files)
			}
			return exists
		},
	}
	if cfg.Format == JSONL {
		h.Stored = func(typ table.Type, value any) any {
			if text, ok := value.(string); ok && typ == table.JSON {
				return strings.TrimSpace(text)
			}
			return value
		}
	}
	return h, func() *Warehouse { return w }
}

func mustOpen(t testing.TB, cfg Config) *Warehouse {
	t.Helper()
	w, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// dataFiles lists the files of a table.
func (w *Warehouse) dataFiles(t testing.TB, tab *table.Table) []string {
	t.Helper()
	keys, err := w.store.list(context.Background(), folder(tab))
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(keys, func(key string) bool { return !isData(key) })
}

// localFiles are the files of a table on this machine, copied from a bucket if need be.
func (w *Warehouse) localFiles(t testing.TB, tab *table.Table) []string {
	t.Helper()
	dir := w.store.dir
	var paths []string
	if dir == "" {
		dir = t.TempDir()
	}
	for _, key := range w.dataFiles(t, tab) {
		path := filepath.Join(dir, key)
		paths = append(paths, path)
		if w.store.dir != "" {
			continue
		}
		body, err := w.store.read(context.Background(), key)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, body, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return paths
}

func readParquet(t testing.TB, w *Warehouse, schema, name string, columns []string) []destinationtest.Row {
	t.Helper()
	paths := w.localFiles(t, &table.Table{Schema: schema, Name: name})
	if len(paths) == 0 {
		return nil
	}
	var quoted []string
	for _, path := range paths {
		quoted = append(quoted, "'"+strings.ReplaceAll(path, "'", "''")+"'")
	}
	from := " FROM read_parquet([" + strings.Join(quoted, ", ") + "], union_by_name = true, hive_partitioning = false)"
	types := map[string]string{}
	for _, r := range query(t, "SELECT column_name, column_type FROM (DESCRIBE SELECT *"+from+")") {
		types[r[0].(string)] = r[1].(string)
	}
	var selected []string
	for _, c := range columns {
		expression := `"` + strings.ReplaceAll(c, `"`, `""`) + `"`
		switch typ := types[c]; {
		case typ == "":
			expression = "NULL"
		case typ == "JSON":
			expression += "::VARCHAR"
		case strings.HasPrefix(typ, "DECIMAL") && !strings.HasSuffix(typ, ",0)"):
			expression = "rtrim(rtrim(" + expression + "::VARCHAR, '0'), '.')"
		case strings.HasPrefix(typ, "DECIMAL"):
			expression += "::VARCHAR"
		}
		selected = append(selected, expression)
	}
	return query(t, "SELECT "+strings.Join(selected, ", ")+from)
}

// duckDB is shared by all tests, as it takes long to open one.
var duckDB = sync.OnceValue(func() *sql.DB {
	db, err := sql.Open("duckdb", "?threads=1")
	if err != nil {
		panic(err)
	}
	return db
})

// query asks DuckDB.
func query(t testing.TB, text string) []destinationtest.Row {
	t.Helper()
	rows, err := duckDB().Query(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var all []destinationtest.Row
	for rows.Next() {
		row := make(destinationtest.Row, len(columns))
		into := make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		for i, v := range row {
			if at, ok := v.(time.Time); ok {
				row[i] = at.UTC()
			}
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// readLines reads JSONL without compression.
func readLines(t testing.TB, w *Warehouse, schema, name string, columns []string) []destinationtest.Row {
	t.Helper()
	var rows []destinationtest.Row
	k := w.ledger.table(schema, name)
	for _, path := range w.localFiles(t, &table.Table{Schema: schema, Name: name}) {
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(body) {
			var fields map[string]json.RawMessage
			if err := json.Unmarshal(line, &fields); err != nil {
				t.Fatalf("%s: %v\n%s", path, err, line)
			}
			var row destinationtest.Row
			for _, c := range columns {
				row = append(row, lineValue(t, k.Columns[k.find(c)], fields[c]))
			}
			rows = append(rows, row)
		}
	}
	return rows
}

func lineValue(t testing.TB, c column, text json.RawMessage) any {
	t.Helper()
	if len(text) == 0 || c.Type != table.JSON && string(text) == "null" {
		return nil
	}
	unquoted := string(text)
	if text[0] == '"' {
		if err := json.Unmarshal(text, &unquoted); err != nil {
			t.Fatal(err)
		}
	}
	value, err := any(nil), error(nil)
	switch c.Type {
	case table.Boolean:
		value, err = strconv.ParseBool(unquoted)
	case table.Integer:
		value, err = strconv.ParseInt(unquoted, 10, 64)
	case table.Number:
		value, err = strconv.ParseFloat(unquoted, 64)
	case table.Timestamp:
		value, err = time.Parse(time.RFC3339, unquoted)
	case table.Date:
		value, err = time.Parse(time.DateOnly, unquoted)
	case table.JSON:
		value = string(text)
	default:
		value = unquoted
	}
	if err != nil {
		t.Fatal(fmt.Errorf("column %s: %w", c.Name, err))
	}
	return value
}
