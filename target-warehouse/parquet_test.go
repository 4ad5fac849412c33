package main

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// paymentsSchema has a column of each type.
const paymentsSchema = `{"type":"SCHEMA","stream":"payments","key_properties":["id"],"schema":{"type":"object","properties":{
	"id":{"type":"integer"},"note":{"type":["null","string"]},"at":{"type":["null","string"],"format":"date-time"},"day":{"type":["null","string"],"format":"date"},
	"price":{"type":["null","string"],"format":"singer.decimal","precision":12,"scale":3},"ok":{"type":["null","boolean"]},"ratio":{"type":["null","number"]},"detail":{"type":["null","object"]}}}}`

func paymentRecords() string {
	var in strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&in, `{"type":"RECORD","stream":"payments","record":{"id":%d,"note":"ünlü %d","at":"2024-02-29T10:00:00.%06dZ","day":"2024-02-29",`, i, i, i)
		fmt.Fprintf(&in, `"price":"%d.125","ok":%t,"ratio":%d.5,"detail":{"a":[%d,null]}}}`+"\n", i, i%2 == 0, i, i)
	}
	in.WriteString(`{"type":"RECORD","stream":"payments","record":{"id":2000}}` + "\n")
	return in.String()
}

// TestFilesOfOneRunAreBatchesOfAnother loads what target-warehouse itself has written as Parquet, and holds it against
// the same records loaded one by one.
func TestFilesOfOneRunAreBatchesOfAnother(t *testing.T) {
	dir := t.TempDir()
	schema := strings.ReplaceAll(paymentsSchema, "\n", "") + "\n"
	load := func(config, in string) (log string) {
		code, _, stderr := runTarget(t, config, in, "--log-level", "debug")
		if code != 0 {
			t.Fatalf("code %d\n%s", code, stderr)
		}
		return stderr
	}
	load(`{"destination":"files","path":"`+dir+`","add_record_metadata":false}`, schema+paymentRecords())
	files, _ := filepath.Glob(filepath.Join(dir, "payments", "*.parquet"))
	if len(files) == 0 {
		t.Fatal("no Parquet file was written")
	}
	batch := schema + fmt.Sprintf(`{"type":"BATCH","stream":"payments","encoding":{"format":"parquet"},"manifest":["file://%s"]}`, files[0]) + "\n"
	var contents []string
	for _, c := range []struct{ name, metadata, in string }{
		{"records", "false", schema + paymentRecords()}, {"as_it_is", "false", batch}, {"decoded", "true", batch},
	} {
		file := filepath.Join(dir, c.name+".duckdb")
		config := `{"path":"` + file + `","add_record_metadata":` + c.metadata + `}`
		log := load(config, c.in) + load(config, c.in) // which changes nothing
		if n := strings.Count(log, "goes in as it is"); n > 0 != (c.name == "as_it_is") {
			t.Errorf("%s: %d files went in as they were\n%s", c.name, n, log)
		}
		contents = append(contents, contentOf(t, file))
	}
	for i, name := range []string{"as it is", "decoded"} {
		if diff := cmp.Diff(contents[0], contents[i+1]); diff != "" {
			t.Errorf("a file %s (-records +file):\n%s", name, diff)
		}
	}
	if !strings.Contains(contents[0], "2001 rows") {
		t.Error(contents[0])
	}
	if _, err := os.Stat(files[0]); err != nil {
		t.Errorf("the file, which nobody asked to delete: %v", err)
	}
}

// contentOf says how many payments a DuckDB file has, of what types, and a digest of them.
func contentOf(t *testing.T, file string) string {
	t.Helper()
	db, err := sql.Open("duckdb", file+"?access_mode=READ_ONLY")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var content string
	err = db.QueryRow(`SELECT count(*) || ' rows ' || md5(string_agg(p::VARCHAR, ';' ORDER BY id)) || ' ' || max(typeof(p)::VARCHAR)
		FROM (SELECT id, note, "at", day, price, ok, ratio, detail FROM payments) AS p`).Scan(&content)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
