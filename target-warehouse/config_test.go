package main

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tapline/singer"
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
		if got := (&settings{BatchWait: seconds}).batchWait(); got != want {
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
	if code, stdout, stderr := runTarget(t, config, "", "--check"); code != 0 || !strings.Contains(stdout+stderr, "tables can be created") {
		t.Fatalf("code %d\n%s%s", code, stdout, stderr)
	}
	if code, stdout, stderr := runTarget(t, config, "", "status"); code != 0 || stdout != "nothing was loaded yet\n" {
		t.Errorf("status after --check: code %d\n%s%s", code, stdout, stderr)
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
	if code, _, stderr := runTarget(t, config, "", "status", "everything"); code != singer.ExitUsage || !strings.Contains(stderr, "everything") {
		t.Errorf("status with an argument: code %d\n%s", code, stderr)
	}
}
