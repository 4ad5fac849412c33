package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline/singer"
)

const shopState = `{"bookmarks":{"orders":{"since": 1.0},"users":{"id":12345678901234567890123}},"z":[ ]}`

// shopStream has two streams, a record without a key, and a value that its column cannot hold.
const shopStream = `{"type":"SCHEMA","stream":"orders","key_properties":["id"],"schema":{"type":"object","properties":{"id":{"type":"integer"},"n":{"type":"integer"}}}}
{"type":"RECORD","stream":"orders","record":{"id":1,"n":1}}
{"type":"RECORD","stream":"orders","record":{"id":2,"n":"many"}}
{"type":"RECORD","stream":"orders","record":{"n":3}}
{"type":"SCHEMA","stream":"users","key_properties":[],"schema":{"type":"object","properties":{"id":{"type":"integer"}}}}
{"type":"RECORD","stream":"users","record":{"id":1}}
{"type":"STATE","value":` + shopState + `}
`

// shop loads shopStream into a new warehouse and returns the config.
func shop(t *testing.T) (config string) {
	t.Helper()
	config = `{"path":"` + filepath.Join(t.TempDir(), "w.duckdb") + `","on_bad_record":"reject"}`
	if code, _, stderr := runTarget(t, config, shopStream); code != 0 {
		t.Fatalf("code %d\n%s", code, stderr)
	}
	return config
}

// shops are a warehouse of each kind that needs no server, with shopStream loaded into it.
func shops(t *testing.T, test func(t *testing.T, config string)) {
	for _, kind := range []string{`"path":"w.duckdb"`, `"destination":"files","path":"files"`, `"destination":"files","path":"lines","format":"jsonl"`} {
		t.Run(kind, func(t *testing.T) {
			config := strings.Replace(`{`+kind+`,"on_bad_record":"reject"}`, `"path":"`, `"path":"`+t.TempDir()+"/", 1)
			if code, _, stderr := runTarget(t, config, shopStream); code != 0 {
				t.Fatalf("code %d\n%s", code, stderr)
			}
			test(t, config)
		})
	}
}

// succeed runs a command that must succeed and returns what it prints.
func succeed(t *testing.T, config string, args ...string) string {
	t.Helper()
	code, stdout, stderr := runTarget(t, config, "", args...)
	if code != 0 {
		t.Fatalf("%q: code %d\n%s", args, code, stderr)
	}
	return stdout
}

func TestStateIsStoredByteForByte(t *testing.T) {
	shops(t, func(t *testing.T, config string) {
		if got := succeed(t, config, "state", "get"); got != shopState+"\n" {
			t.Errorf("state get prints %q", got)
		}
		for _, state := range []string{`{"a": 1.0, "a": 2}`, "{\n \"b\": null\n}", `[]`} {
			file := filepath.Join(t.TempDir(), "state.json")
			if err := os.WriteFile(file, []byte("\ufeff"+state+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			succeed(t, config, "state", "set", file)
			if got := succeed(t, config, "state", "get"); got != state+"\n" {
				t.Errorf("%q was set, %q is got", state, got)
			}
		}
		succeed(t, config, "state", "reset", "--yes")
		if got := succeed(t, config, "state", "get"); got != "{}\n" {
			t.Errorf("after a reset the state is %q", got)
		}
	})
}

func TestStateIsOfOnePipeline(t *testing.T) {
	config := shop(t)
	if got := succeed(t, config, "state", "get", "--pipeline", "other"); got != "{}\n" {
		t.Errorf("the state of a pipeline that never ran is %q", got)
	}
	succeed(t, config, "state", "reset", "--yes", "--pipeline", "other")
	if got := succeed(t, config, "state", "get"); got != shopState+"\n" {
		t.Errorf("after a reset of another pipeline the state is %q", got)
	}
}

// TestALoadGoesOnBehindACommandThatChangesTheState shows that the fence of a command does not lock out later runs.
func TestALoadGoesOnBehindACommandThatChangesTheState(t *testing.T) {
	shops(t, func(t *testing.T, config string) {
		succeed(t, config, "state", "reset", "--yes")
		succeed(t, config, "reload", "orders")
		if code, stdout, stderr := runTarget(t, config, shopStream); code != 0 || stdout != shopState+"\n" {
			t.Errorf("code %d, states %q\n%s", code, stdout, stderr)
		}
		if got := succeed(t, config, "state", "get"); got != shopState+"\n" {
			t.Errorf("the stored state is %q", got)
		}
	})
}

func TestMisusedCommandsSayWhatIsMissing(t *testing.T) {
	config := shop(t)
	states := filepath.Join(t.TempDir(), "states.jsonl")
	if err := os.WriteFile(states, []byte("{}\n{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ args, says string }{
		{"state", "followed by get, set FILE or reset"},
		{"state drop", "followed by get, set FILE or reset"},
		{"state get x", `"x" is not expected behind get`},
		{"state set", "state set has to be followed by the name of one file"},
		{"state get --yes", "--yes is not a flag"},
		{"state set /nowhere/state.json", "the state cannot be read"},
		{"state set " + states, "pass the last line alone"},
		{"state reset", "add --yes if that is meant"},
		{"reload", "followed by the name of one stream"},
		{"reload orders users", "followed by the name of one stream"},
		{"reload nothing", `pipeline default has loaded no stream "nothing"; it has loaded orders, users`},
		{"reload orders --pipeline other", `pipeline other has loaded no stream "orders"`},
		{"runs --limit many", `--limit is "many"`},
		{"rejects --limit -1", `--limit is "-1"`},
		{"status --max-age soon", `--max-age is "soon"`},
		{"status --max-age 0s", `--max-age is "0s"`},
		{"status everything", `"everything" is not expected behind status`},
		{"status --format xml", "--format must be one of text, json"},
		{"columns --limit 3", "--limit is not a flag"},
	} {
		if code, _, stderr := runTarget(t, config, "", append(strings.Fields(c.args), "--log-format", "text")...); code != singer.ExitUsage || !strings.Contains(stderr, c.says) {
			t.Errorf("%s: code %d, want %q:\n%s", c.args, code, c.says, stderr)
		}
	}
	if got := succeed(t, config, "state", "get"); got != shopState+"\n" {
		t.Errorf("misuse has changed the state to %q", got)
	}
}

func TestStreamsAreCompleted(t *testing.T) {
	shops(t, func(t *testing.T, config string) {
		for line, want := range map[string]string{
			"__complete reload ":                 "orders\nusers\n:4\n",
			"__complete rejects --stream ":       "orders\nusers\n:4\n",
			"__complete columns --stream=":       "orders\nusers\n:4\n",
			"__complete reload orders ":          ":4\n",
			"__complete runs --format ":          "text\njson\n:4\n",
			"__complete stat":                    "state\tprint, replace or forget the state that the next run goes on from\nstatus\tshow how the tables stand, and the latest runs\n:4\n",
			"__complete state set --pipeline x ": ":0\n",
		} {
			words := strings.Split(line, " ")
			code, stdout, stderr := completed(t, config, words...)
			if code != 0 || stdout != want {
				t.Errorf("%s: code %d, completed by %q, want %q\n%s", line, code, stdout, want, stderr)
			}
		}
	})
	if _, stdout, _ := completed(t, `{"path":"/nowhere/w.duckdb"}`, "__complete", "reload", ""); stdout != ":4\n" {
		t.Errorf("a warehouse that is not there has the streams %q", stdout)
	}
}

// completed runs a completion with --config in front of the word that is to be completed.
func completed(t *testing.T, config string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, log strings.Builder
	args = slices.Insert(args, 1, "--config", path)
	code = target().Run(t.Context(), args, singer.IO{Out: &out, Err: &log})
	return code, out.String(), log.String()
}

func TestCommandsMakeNoWarehouse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.duckdb")
	for _, args := range [][]string{{"status"}, {"state", "reset", "--yes"}, {"reload", "orders"}, {"rejects"}} {
		if code, _, stderr := runTarget(t, `{"path":"`+path+`"}`, "", args...); code == 0 || !strings.Contains(stderr, path) {
			t.Errorf("%q: code %d\n%s", args, code, stderr)
		}
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("there is a file now")
	}
}

// TestStateOfNoWarehouseIsTheBeginning is the first run of a pipeline that takes its state from the warehouse.
func TestStateOfNoWarehouseIsTheBeginning(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.duckdb")
	code, stdout, stderr := runTarget(t, `{"path":"`+path+`"}`, "", "state", "get")
	if code != 0 || stdout != "{}\n" || !strings.Contains(stderr, "nothing was loaded yet") || !strings.Contains(stderr, path) {
		t.Errorf("code %d, state %q\n%s", code, stdout, stderr)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("there is a file now")
	}
	if err := os.WriteFile(path, []byte("this is no database, but a text that is long enough to be looked at"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, stdout, _ := runTarget(t, `{"path":"`+path+`"}`, "", "state", "get"); code == 0 || stdout != "" {
		t.Errorf("a file that cannot be read: code %d, state %q", code, stdout)
	}
}

func TestReloadDropsTheBookmarkAndMarksTheTable(t *testing.T) {
	shops(t, func(t *testing.T, config string) {
		const left = `{"bookmarks":{"users":{"id":12345678901234567890123}},"z":[]}` + "\n"
		if got := succeed(t, config, "reload", "orders"); got != left {
			t.Errorf("reload prints %q", got)
		}
		if got := succeed(t, config, "state", "get"); got != left {
			t.Errorf("the stored state is %q", got)
		}
		for stream, want := range map[string]string{"orders": "reload_requested", "users": "synced"} {
			if table := tableOf(t, config, stream); table["status"] != want {
				t.Errorf("%s is %v, want %s", stream, table["status"], want)
			}
		}
		before := tableOf(t, config, "orders")
		if before["last_loaded_at"] == nil || before["reload_requested_at"] == nil || before["rows"] != 2.0 {
			t.Errorf("of orders is known %v", before)
		}
		// Once more, when there is nothing to drop.
		code, stdout, stderr := runTarget(t, config, "", "reload", "orders")
		if code != 0 || stdout != left || !strings.Contains(stderr, `no bookmark \"orders\"; it has users`) {
			t.Errorf("code %d, state %q\n%s", code, stdout, stderr)
		}
	})
}

// tableOf is what status says about the table of a stream.
func tableOf(t *testing.T, config, stream string) map[string]any {
	t.Helper()
	var status struct{ Tables []map[string]any }
	if err := json.Unmarshal([]byte(succeed(t, config, "status", "--format", "json")), &status); err != nil {
		t.Fatal(err)
	}
	for _, table := range status.Tables {
		if table["stream"] == stream {
			return table
		}
	}
	t.Fatalf("status knows no stream %s", stream)
	return nil
}

func TestReloadOfAStateWithoutBookmarksChangesNothing(t *testing.T) {
	config := shop(t)
	file := filepath.Join(t.TempDir(), "state.json")
	if err := os.WriteFile(file, []byte(`"page 7"`), 0o600); err != nil {
		t.Fatal(err)
	}
	succeed(t, config, "state", "set", file)
	if code, _, stderr := runTarget(t, config, "", "reload", "orders"); code == 0 || !strings.Contains(stderr, "no bookmarks to drop") {
		t.Errorf("code %d\n%s", code, stderr)
	}
	if status := tableOf(t, config, "orders")["status"]; status != "synced" {
		t.Errorf("orders is %v", status)
	}
}

func TestStatusFailsWhenATableIsTooOld(t *testing.T) {
	config := shop(t)
	succeed(t, config, "status", "--max-age", "1h")
	code, stdout, stderr := runTarget(t, config, "", "status", "--max-age", "1ns")
	if code != singer.ExitFailure || !strings.Contains(stdout, "orders") || !strings.Contains(stderr, "orders was replicated") {
		t.Errorf("code %d\n%s%s", code, stdout, stderr)
	}
}

func TestRunsAreListedNewestFirst(t *testing.T) {
	config := shop(t)
	for range 2 {
		if code, _, stderr := runTarget(t, config, `{"type":"STATE","value":{}}`+"\n"); code != 0 {
			t.Fatal(stderr)
		}
	}
	var runs []struct {
		ID     string `json:"run_id"`
		Status string
		RowsIn int64 `json:"rows_in"`
	}
	list := func(args ...string) []string {
		t.Helper()
		if err := json.Unmarshal([]byte(succeed(t, config, append([]string{"runs", "--format", "json"}, args...)...)), &runs); err != nil {
			t.Fatal(err)
		}
		var statuses []string
		for _, r := range runs {
			statuses = append(statuses, r.Status)
		}
		return statuses
	}
	if diff := cmp.Diff([]string{"succeeded", "succeeded", "partial"}, list()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if runs[0].ID <= runs[1].ID || runs[2].RowsIn != 4 {
		t.Errorf("got %+v", runs)
	}
	if got := list("--limit", "1"); len(got) != 1 || got[0] != "succeeded" {
		t.Errorf("the newest run is %v", got)
	}
	if got := list("--limit", "0", "--pipeline", "default"); len(got) != 3 {
		t.Errorf("all runs are %v", got)
	}
	if got := list("--pipeline", "other"); len(got) != 0 {
		t.Errorf("another pipeline has the runs %v", got)
	}
	if text := succeed(t, config, "runs"); strings.Count(text, "  succeeded  ") != 2 {
		t.Errorf("runs prints\n%s", text)
	}
}

func TestRejectsTellWhatWasLeftOut(t *testing.T) {
	shops(t, func(t *testing.T, config string) {
		var rejects []struct {
			Stream, Field, Reason, Record string
			Ordinal                       int64
		}
		if err := json.Unmarshal([]byte(succeed(t, config, "rejects", "--format", "json", "--stream", "orders")), &rejects); err != nil {
			t.Fatal(err)
		}
		if len(rejects) != 2 || rejects[0].Record != `{"n":3}` || rejects[0].Ordinal != 3 || rejects[0].Field != "" || rejects[1].Field != "n" || rejects[1].Ordinal != 2 {
			t.Errorf("got %+v", rejects)
		}
		if text := succeed(t, config, "rejects", "--stream", "users"); strings.Count(text, "\n") != 1 {
			t.Errorf("users has rejects:\n%s", text)
		}
		if text := succeed(t, config, "rejects", "--limit", "1"); strings.Count(text, "\n") != 2 || !strings.Contains(text, `{"n":3}`) {
			t.Errorf("the newest reject is\n%s", text)
		}
	})
}

func TestColumnsAndChangesAreListed(t *testing.T) {
	config := shop(t)
	columns := succeed(t, config, "columns", "--stream", "orders")
	for _, line := range []string{`orders +\["id"\] +id +BIGINT +\d{4}-`, `orders +\[\] +_sdc_extracted_at +TIMESTAMP`} {
		if !regexp.MustCompile(line).MatchString(columns) {
			t.Errorf("no line like %s in\n%s", line, columns)
		}
	}
	if strings.Contains(columns, "users") || strings.Count(succeed(t, config, "columns", "--pipeline", "other"), "\n") != 1 {
		t.Errorf("columns of other streams are listed:\n%s", columns)
	}
	var changes []map[string]any
	if err := json.Unmarshal([]byte(succeed(t, config, "changes", "--format", "json")), &changes); err != nil {
		t.Fatal(err)
	}
	tables := map[any]any{}
	for _, c := range changes {
		tables[c["table"]] = c["kind"]
	}
	if diff := cmp.Diff(map[any]any{"orders": "create", "users": "create"}, tables); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if text := succeed(t, config, "changes"); !regexp.MustCompile(`main\.orders +create +id`).MatchString(text) {
		t.Errorf("changes prints\n%s", text)
	}
}

func TestIntegrationNameCannotChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.duckdb")
	named := `{"path":"` + path + `","on_bad_record":"reject","integration_name":"eu"}`
	if code, _, stderr := runTarget(t, named, shopStream); code != 0 {
		t.Fatalf("code %d\n%s", code, stderr)
	}
	if name := tableOf(t, named, "orders")["table"]; name != "eu_orders" {
		t.Errorf("the table is %v", name)
	}
	for _, config := range []string{`{"path":"` + path + `"}`, `{"path":"` + path + `","integration_name":"us"}`} {
		for _, args := range [][]string{nil, {"--check"}} {
			code, stdout, stderr := runTarget(t, config, shopStream, args...)
			if code != singer.ExitUsage || strings.Contains(stdout, "bookmarks") || !strings.Contains(stderr, `made with \"eu\"`) {
				t.Errorf("%s %q: code %d, stdout %q\n%s", config, args, code, stdout, stderr)
			}
		}
	}
	if code, _, stderr := runTarget(t, `{"path":"`+path+`","integration_name":"us","pipeline":"us","on_bad_record":"reject"}`, shopStream); code != 0 {
		t.Errorf("another pipeline: code %d\n%s", code, stderr)
	}
}

func TestCheckTriesEveryWayOfLoading(t *testing.T) {
	for _, more := range []string{``, `,"load_method":"append-only"`, `,"load_method":"overwrite"`, `,"hard_delete":true,"add_record_metadata":false`,
		`,"integration_name":"a","integration_name_as":"schema"`, `,"default_target_schema":"b"`} {
		dir := t.TempDir()
		path := filepath.Join(dir, "w.duckdb")
		code, stdout, stderr := runTarget(t, `{"path":"`+path+`"`+more+`}`, "", "--check")
		if code != 0 || !strings.HasPrefix(stdout, path+": not there yet; a load can make it\npipeline default: has not run yet\n") || !strings.Contains(stdout, "both were undone") {
			t.Errorf("%s: code %d\n%s%s", more, code, stdout, stderr)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: --check leaves %v, %v", more, left, err)
		}
	}
	config := `{"path":"` + filepath.Join(t.TempDir(), "w.duckdb") + `"}`
	if code, _, stderr := runTarget(t, config, ""); code != 0 {
		t.Fatal(stderr)
	}
	if stdout := succeed(t, config, "--check"); !strings.Contains(stdout, ": opened\n") {
		t.Errorf("--check of an empty warehouse prints\n%s", stdout)
	}
	config = shop(t)
	want := regexp.MustCompile(`pipeline default: 2 tables, last loaded (just now|\d+ seconds? ago), a state is stored`)
	if stdout := succeed(t, config, "--check"); !want.MatchString(stdout) {
		t.Errorf("--check prints\n%s", stdout)
	}
}

func TestAboutNamesTheCapabilities(t *testing.T) {
	var about struct{ Capabilities []string }
	if err := json.Unmarshal([]byte(succeed(t, `{}`, "--about", "--format", "json")), &about); err != nil {
		t.Fatal(err)
	}
	want := []string{"about", "structured-logging", "activate-version", "batch", "hard-delete", "schema-flattening", "soft-delete", "target-schema", "validate-records"}
	if diff := cmp.Diff(want, about.Capabilities); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestAVerbThatChangesTheStateFencesOffARun uses files, as nobody else can open a DuckDB file while a run has it.
func TestAVerbThatChangesTheStateFencesOffARun(t *testing.T) {
	config := `{"destination":"files","path":"` + filepath.Join(t.TempDir(), "files") + `"}`
	input, feed := io.Pipe()
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr strings.Builder
	ended := make(chan int)
	go func() {
		ended <- target().Run(t.Context(), []string{"--config", path}, singer.IO{In: input, Out: &stdout, Err: &stderr})
	}()
	if _, err := io.WriteString(feed, strings.SplitAfter(shopStream, "\n")[0]); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(2 * time.Minute)
	for begun := false; !begun; time.Sleep(time.Millisecond) {
		code, runs, _ := runTarget(t, config, "", "runs")
		begun = code == 0 && strings.Contains(runs, "  running  ")
		if time.Now().After(deadline) {
			t.Fatal("the run did not begin")
		}
	}
	succeed(t, config, "state", "reset", "--yes")
	if _, err := io.WriteString(feed, shopStream[:strings.Index(shopStream, `{"type":"RECORD","stream":"orders","record":{"id":2`)]+`{"type":"STATE","value":7}`+"\n"); err != nil {
		t.Fatal(err)
	}
	feed.Close()
	if code := <-ended; code != singer.ExitFailure || stdout.String() != "" || !strings.Contains(stderr.String(), "another run of this pipeline has begun since") {
		t.Errorf("code %d, states %q\n%s", code, stdout.String(), stderr.String())
	}
	if got := succeed(t, config, "state", "get"); got != "{}\n" {
		t.Errorf("the stored state is %q", got)
	}
	if strings.Contains(succeed(t, config, "status"), "orders") {
		t.Error("the run that was fenced off has left a table")
	}
}
