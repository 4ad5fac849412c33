package main

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline/singer"
	"tapline/target-warehouse/destination/files"
	"tapline/target-warehouse/table"
)

// runTarget runs the target in process and returns its exit code and what it printed.
func runTarget(t *testing.T, config, in string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs strings.Builder
	code = target().Run(t.Context(), append(args, "--config", path), singer.IO{In: strings.NewReader(in), Out: &out, Err: &errs})
	return code, out.String(), errs.String()
}

func TestMaxMemoryIsASize(t *testing.T) {
	for _, c := range []struct {
		value string
		code  int
		says  string
	}{
		{`"64MiB"`, singer.ExitOK, ""},
		{`"1 GB"`, singer.ExitOK, ""},
		{`67108864`, singer.ExitOK, ""},
		{`"1MiB"`, singer.ExitUsage, "less than 16MiB"},
		{`1000`, singer.ExitUsage, "less than 16MiB"},
		{`"much"`, singer.ExitUsage, "max_memory"},
	} {
		path := filepath.Join(t.TempDir(), "w.duckdb")
		code, _, stderr := runTarget(t, `{"path":"`+path+`","max_memory":`+c.value+`}`, "")
		if code != c.code || !strings.Contains(stderr, c.says) {
			t.Errorf("max_memory %s ends with %d, want %d and %q:\n%s", c.value, code, c.code, c.says, stderr)
		}
	}
}

func TestBatchWaitTakesPartsOfASecond(t *testing.T) {
	for seconds, want := range map[float64]time.Duration{
		0.25: 250 * time.Millisecond, 1e-9: time.Millisecond, 1e-12: time.Millisecond, 1e10: math.MaxInt64, 1e300: math.MaxInt64,
	} {
		if got := (&settings{paceSettings: paceSettings{BatchWait: seconds}}).batchWait(); got != want {
			t.Errorf("%v seconds are %v, want %v", seconds, got, want)
		}
	}
}

func TestTinyBatchWaitLoads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.duckdb")
	code, stdout, stderr := runTarget(t, `{"path":"`+path+`","batch_wait_limit_seconds":1e-9}`, `{"type":"STATE","value":1}`+"\n")
	if code != 0 || stdout != "1\n" {
		t.Errorf("code %d, states %q\n%s", code, stdout, stderr)
	}
}

func TestUnknownDestinationIsAFailure(t *testing.T) {
	_, _, err := (&settings{Destination: "paper"}).open(t.Context(), nil)
	_, readOnly := (&settings{Destination: "paper"}).openReadOnly(t.Context(), nil)
	if err = errors.Join(err, readOnly); err == nil || strings.Count(err.Error(), "paper") != 2 {
		t.Errorf("destination paper: %v", err)
	}
}

func TestCheckLeavesNoTable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.duckdb")
	config := `{"path":"` + path + `","default_target_schema":"shop"}`
	for _, args := range [][]string{nil, {"--check"}} {
		if code, stdout, stderr := runTarget(t, config, "", args...); code != 0 || args != nil && !strings.Contains(stdout, "tables can be created") {
			t.Fatalf("%q: code %d\n%s%s", args, code, stdout, stderr)
		}
	}
	db, err := sql.Open("duckdb", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var left string
	err = db.QueryRow("SELECT coalesce(string_agg(table_name, ' '), '') FROM duckdb_tables() WHERE schema_name <> 'main' OR table_name NOT LIKE '\\_singer\\_%' ESCAPE '\\'").Scan(&left)
	if err != nil || left != "" {
		t.Errorf("--check leaves the tables %q, %v", left, err)
	}
}

func TestTablesGoToTheTargetSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.duckdb")
	config := `{"path":"` + path + `","default_target_schema":"shop","load_method":"append-only"}`
	in := `{"type":"SCHEMA","stream":"a.b","key_properties":["id"],"schema":{"properties":{"id":{"type":"integer"}}}}
{"type":"RECORD","stream":"a.b","record":{"id":1}}
{"type":"RECORD","stream":"a.b","record":{"id":1}}
`
	if code, _, stderr := runTarget(t, config, in); code != 0 {
		t.Fatalf("code %d\n%s", code, stderr)
	}
	_, stdout, _ := runTarget(t, config, "", "status")
	if !strings.Contains(stdout, "shop.a.b  2 ") {
		t.Errorf("status does not show two rows in shop.\"a.b\":\n%s", stdout)
	}
}

// readConfig reads settings as a run does.
func readConfig(t *testing.T, config string) (s *settings, faults []string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	target := target()
	target.Check = func(_ context.Context, run *singer.TargetRun, _ io.Writer) error {
		s, err = readSettings(run.Config)
		return nil
	}
	var errs strings.Builder
	if code := target.Run(t.Context(), []string{"--check", "--config", path, "--log-format", "text"}, singer.IO{Err: &errs}); code != 0 {
		return nil, []string{errs.String()}
	}
	if fault := (*singer.ConfigError)(nil); errors.As(err, &fault) {
		return nil, fault.Faults
	}
	if err != nil {
		t.Fatal(err)
	}
	return s, nil
}

func TestSettingsThatCannotBeTogether(t *testing.T) {
	for _, c := range []struct{ name, config, says string }{
		{"a server for DuckDB", `{"path":"a","host":"h"}`, "host is a setting of destination postgres, but the destination is duckdb"},
		{"a file for PostgreSQL", `{"destination":"postgres","path":"a"}`, "path is a setting of destination duckdb and files"},
		{"a URL for DuckDB", `{"path":"a","url":"s3://b"}`, "url is a setting of destination postgres and files"},
		{"DuckDB's memory for PostgreSQL", `{"destination":"postgres","duckdb_memory":"1GB"}`, "duckdb_memory is a setting of destination duckdb"},
		{"a format for DuckDB", `{"path":"a","format":"parquet"}`, "format is a setting of destination files"},
		{"little memory for DuckDB", `{"path":"a","duckdb_memory":"1MiB"}`, "duckdb_memory is 1MiB, which is less than 16MiB"},
		{"a token for a file", `{"path":"a","motherduck_token":"secret-token"}`, "motherduck_token is for a path that begins with md:"},
		{"files nowhere", `{"destination":"files"}`, "needs either path, a directory, or url"},
		{"files in two places", `{"destination":"files","path":"a","url":"s3://b"}`, "needs either path, a directory, or url"},
		{"upsert into files", `{"destination":"files","path":"a","load_method":"upsert"}`, "destination files cannot do load_method upsert: "},
		{"hard delete in files", `{"destination":"files","path":"a","hard_delete":true}`, "destination files cannot do hard_delete true: "},
		{"history in files", `{"destination":"files","path":"a","history":["x"]}`, "destination files cannot do history: "},
		{"overwriting without versions", `{"path":"a","load_method":"overwrite","process_activate_version_messages":false}`, "process_activate_version_messages is off"},
		{"history of what is appended", `{"path":"a","load_method":"append-only","history":["x"]}`, "history keeps the rows that load_method upsert would replace"},
		{"a malformed pattern", `{"path":"a","history":["x["]}`, `the pattern "x[", which is malformed`},
		{"a schema without a name", `{"path":"a","integration_name_as":"schema"}`, "there is no integration_name"},
		{"two schemas", `{"path":"a","integration_name_as":"schema","integration_name":"b","default_target_schema":"c"}`, "both name the schema"},
		{"two depths", `{"path":"a","flattening_max_depth":1,"data_flattening_max_level":2}`, "which mean the same; keep one of them"},
		{"stream maps", `{"path":"a","stream_maps":{"s":{"a":null}}}`, "stream_maps asks for records to be changed on their way"},
		{"two names of a setting", `{"path":"a","add_record_metadata":true,"add_metadata_columns":false}`, `"add_metadata_columns" is another name of "add_record_metadata"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, faults := readConfig(t, c.config)
			if text := strings.Join(faults, "\n"); !strings.Contains(text, c.says) || strings.Contains(text, "secret-token") {
				t.Errorf("faults %q, want %q", faults, c.says)
			}
		})
	}
}

func TestAllFaultsAreToldAtOnce(t *testing.T) {
	_, faults := readConfig(t, `{"path":"a","host":"h","port":1,"max_memory":"1MiB","integration_name_as":"schema","faker_config":{"seed":1}}`)
	if len(faults) != 5 {
		t.Errorf("%d faults, want 5: %q", len(faults), faults)
	}
}

func TestSettingsShapeTables(t *testing.T) {
	all := math.MaxInt
	plain := table.Options{Schema: "main", IntegrationAs: "prefix", SchemaMapping: map[string]string{}, Metadata: true,
		Flatten: table.Flatten{MaxDepth: all, Separator: "__", MaxKeyLength: 255}}
	for _, c := range []struct {
		name, config string
		change       func(o *table.Options)
	}{
		{"the defaults", `{"path":"a"}`, func(*table.Options) {}},
		{"appending", `{"path":"a","load_method":"append-only"}`, func(o *table.Options) { o.Method = table.AppendOnly }},
		{"overwriting", `{"path":"a","load_method":"overwrite"}`, func(o *table.Options) { o.Method = table.Overwrite }},
		{"files append", `{"destination":"files","path":"a"}`, func(o *table.Options) { o.Schema, o.Method = "", table.AppendOnly }},
		{"PostgreSQL", `{"destination":"postgres"}`, func(o *table.Options) { o.Schema = "public" }},
		{"deleting", `{"path":"a","hard_delete":true}`, func(o *table.Options) { o.HardDelete = true }},
		{"new columns", `{"path":"a","conflict":"new_column"}`, func(o *table.Options) { o.Conflict = table.NewColumn }},
		{"JSON", `{"path":"a","conflict":"json"}`, func(o *table.Options) { o.Conflict = table.ToJSON }},
		{"refusing", `{"path":"a","conflict":"fail"}`, func(o *table.Options) { o.Conflict = table.Fail }},
		{"no metadata, as PipelineWise says it", `{"path":"a","add_metadata_columns":false}`, func(o *table.Options) { o.Metadata = false }},
		{"names", `{"path":"a","integration_name":"shop","integration_name_as":"schema"}`, func(o *table.Options) {
			o.Integration, o.IntegrationAs = "shop", "schema"
		}},
		{"schemas", `{"path":"a","default_target_schema":"s","schema_mapping":{"x":"y","z":{"target_schema":"w"}}}`, func(o *table.Options) {
			o.Schema, o.SchemaMapping = "s", map[string]string{"x": "y", "z": "w"}
		}},
		{"flattening", `{"path":"a","flattening_enabled":true,"flattening_separator":".","flattening_max_key_length":30}`, func(o *table.Options) {
			o.Flatten = table.Flatten{Enabled: true, MaxDepth: all, Separator: ".", MaxKeyLength: 30}
		}},
		{"flattening of one level", `{"path":"a","flattening_enabled":true,"flattening_max_depth":1}`, func(o *table.Options) {
			o.Flatten.Enabled, o.Flatten.MaxDepth = true, 1
		}},
		{"flattening, as PipelineWise says it", `{"path":"a","data_flattening_max_level":2}`, func(o *table.Options) {
			o.Flatten.Enabled, o.Flatten.MaxDepth = true, 2
		}},
		{"no flattening, as PipelineWise says it", `{"path":"a","data_flattening_max_level":0}`, func(o *table.Options) { o.Flatten.MaxDepth = 0 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, faults := readConfig(t, c.config)
			if s == nil {
				t.Fatal(faults)
			}
			want := plain
			c.change(&want)
			if diff := cmp.Diff(want, s.tableOptions()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestSettingsOfALoad(t *testing.T) {
	s, faults := readConfig(t, `{"path":"a","validate_records":true,"on_bad_record":"reject","on_invalid_line":"skip","max_rejected_records":7,
		"batch_size_rows":1,"batch_size_bytes":2,"batch_wait_limit_seconds":3,"flush_all_streams":true,"max_memory":"64MiB",
		"batch_delete_after_load":true,"process_activate_version_messages":false,"primary_key_required":true,"history":["c*","x?"],
		"batch_config":{"encoding":{"format":"jsonl"}},"stream_maps":{},"stream_map_config":null}`)
	if s == nil {
		t.Fatal(faults)
	}
	o := s.loadOptions()
	for name, right := range map[string]bool{
		"Validate": o.Validate != nil, "RejectBad": o.RejectBad, "SkipInvalid": o.SkipInvalid, "MaxRejected": o.MaxRejected == 7,
		"BatchRows": o.BatchRows == 1, "BatchBytes": o.BatchBytes == 2, "BatchWait": o.BatchWait == 3*time.Second, "FlushAll": o.FlushAll,
		"MaxMemory": o.MaxMemory == 32<<20 && s.duckdb().TableMemory == 32<<20, "DeleteBatches": o.DeleteBatches, "IgnoreVersions": o.IgnoreVersions, "KeyRequired": o.KeyRequired,
		"History": o.History("customers") && o.History("xy") && !o.History("x") && !o.History("orders"),
	} {
		if !right {
			t.Errorf("%s is not as the settings say", name)
		}
	}
	if s, _ := readConfig(t, `{"destination":"postgres","url":"postgres://localhost/shop"}`); s == nil || !s.loadOptions().NoNUL {
		t.Error("PostgreSQL is not said to have no NUL characters")
	}
	s, _ = readConfig(t, `{"path":"a"}`)
	o = s.loadOptions()
	if o.NoNUL || o.Validate != nil || o.RejectBad || o.SkipInvalid || o.FlushAll || o.DeleteBatches || o.IgnoreVersions || o.KeyRequired || o.History("customers") {
		t.Errorf("the defaults ask for something: %+v", o)
	}
}

func TestThePlaceOfADuckDBWarehouse(t *testing.T) {
	for _, c := range []struct{ config, path, place string }{
		{`{"path":"w.duckdb"}`, "w.duckdb", "w.duckdb"},
		{`{"path":"md:shop"}`, "md:shop", "md:shop"},
		{`{"path":"md:shop","motherduck_token":"a&b"}`, "md:shop?motherduck_token=a%26b", "md:shop"},
		{`{"path":"md:shop?attach_mode=single","motherduck_token":"t"}`, "md:shop?attach_mode=single&motherduck_token=t", "md:shop"},
	} {
		s, faults := readConfig(t, c.config)
		if s == nil {
			t.Fatal(faults)
		}
		if path := s.duckdb().Path; path != c.path || s.place() != c.place {
			t.Errorf("%s: path %s, place %s", c.config, path, s.place())
		}
	}
	s, _ := readConfig(t, `{"path":"w","storage_version":"v1.2.0","duckdb_memory":"1GiB"}`)
	if cfg := s.duckdb(); cfg.StorageVersion != "v1.2.0" || cfg.MemoryLimit != 1<<30 {
		t.Errorf("got %+v", cfg)
	}
}

func TestThePlaceOfFiles(t *testing.T) {
	for _, c := range []struct{ config, url, place string }{
		{`{"destination":"files","path":"dir"}`, "dir", "dir"},
		{`{"destination":"files","url":"s3://bucket/x?region=eu"}`, "s3://bucket/x?region=eu", "the files"},
	} {
		s, faults := readConfig(t, c.config)
		if s == nil {
			t.Fatal(faults)
		}
		if url := s.files().URL; url != c.url || s.place() != c.place {
			t.Errorf("%s: URL %s, place %s", c.config, url, s.place())
		}
	}
	s, _ := readConfig(t, `{"destination":"files","path":"d","format":"jsonl","compression":"gzip","partition_by":"day","partition_column":"at","pipeline":"p"}`)
	want := files.Config{URL: "d", Format: "jsonl", Compression: "gzip", Partition: "day", PartitionColumn: "at", RowGroupBytes: 64 << 20, Pipeline: "p"}
	if diff := cmp.Diff(want, s.files()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
