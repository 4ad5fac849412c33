package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapline/singer"
)

func TestPlaceOfAnIntegrationsTablesCannotChange(t *testing.T) {
	for _, was := range []string{"prefix", "schema"} {
		is := map[string]string{"prefix": "schema", "schema": "prefix"}[was]
		config := `{"path":"` + filepath.Join(t.TempDir(), "w.duckdb") + `","on_bad_record":"reject","integration_name":"eu","integration_name_as":"` + was + `"}`
		if code, _, stderr := runTarget(t, config, shopStream); code != 0 || strings.Contains(stderr, "other tables") {
			t.Fatalf("code %d\n%s", code, stderr)
		}
		if code, _, stderr := runTarget(t, config, shopStream); code != 0 || strings.Contains(stderr, "other tables") {
			t.Errorf("%s again: code %d\n%s", was, code, stderr)
		}
		config = strings.Replace(config, `"`+was+`"`, `"`+is+`"`, 1)
		for _, args := range [][]string{nil, {"--check"}} {
			code, stdout, stderr := runTarget(t, config, shopStream, args...)
			if code != singer.ExitUsage || strings.Contains(stdout, "bookmarks") || !strings.Contains(stderr, `made with \"`+was+`\"`) {
				t.Errorf("%s, then %s %q: code %d, stdout %q\n%s", was, is, args, code, stdout, stderr)
			}
		}
	}
}

// TestStreamsThatMoveToOtherTablesAreTold: the state goes on, the rows stay behind.
func TestStreamsThatMoveToOtherTablesAreTold(t *testing.T) {
	const told = "the settings put streams into other tables than before"
	path := filepath.Join(t.TempDir(), "w.duckdb")
	for _, c := range []struct {
		name, settings string
		streams        string // that are told, "" for none
	}{
		{"first run", ``, ""},
		{"as before", ``, ""},
		{"another schema", `,"default_target_schema":"crm"`, `"streams":["orders","users"]`},
		{"as before there", `,"default_target_schema":"crm"`, ""},
		{"a mapping that fits none", `,"default_target_schema":"crm","schema_mapping":{"order":"x"}`, ""},
		{"back again", ``, `"streams":["orders","users"]`},
		{"another pipeline", `,"pipeline":"b","default_target_schema":"b"`, ""},
	} {
		code, _, stderr := runTarget(t, `{"path":"`+path+`","on_bad_record":"reject"`+c.settings+`}`, shopStream)
		if moved := c.streams != ""; code != 0 || strings.Contains(stderr, told) != moved || !strings.Contains(stderr, c.streams) {
			t.Errorf("%s: code %d, want %q\n%s", c.name, code, c.streams, stderr)
		}
	}
}

func TestAStateIsNotSetToAMessage(t *testing.T) {
	config := shop(t)
	file := filepath.Join(t.TempDir(), "state.json")
	for text, refused := range map[string]bool{
		`{"type":"STATE","value":{"bookmarks":{}}}`: true, `{"value":{},"type": "state"}`: true,
		`{"type":"STATE"}`: false, `{"type":"table","value":1}`: false, `{"type":1,"value":1}`: false, `["STATE"]`: false,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, stderr := runTarget(t, config, "", "state", "set", file)
		if refused != (code == singer.ExitUsage && strings.Contains(stderr, "whose value alone is the state")) || !refused && code != 0 {
			t.Errorf("%s: code %d\n%s", text, code, stderr)
		}
		if !refused {
			continue
		}
		if got := succeed(t, config, "state", "get"); got == text+"\n" {
			t.Errorf("%s is the state", text)
		}
	}
}

// TestMessagesOfOtherTypesAreToldOnceEach: a RECORD whose type has a slip would else be lost without a word.
func TestMessagesOfOtherTypesAreToldOnceEach(t *testing.T) {
	config := `{"path":"` + filepath.Join(t.TempDir(), "w.duckdb") + `"}`
	in := thingSchema + thingOne + strings.Repeat(strings.Replace(thingTwo, "RECORD", "RECROD", 1), 3) + `{"type":"ACTIVE_STREAMS"}` + "\n" + thingState
	code, stdout, stderr := runTarget(t, config, in)
	if code != 0 || stdout != "{\"n\":1}\n" || tableOf(t, config, "t")["rows"] != 1.0 {
		t.Errorf("code %d, stdout %q\n%s", code, stdout, stderr)
	}
	for _, kind := range []string{"RECROD", "ACTIVE_STREAMS"} {
		if n := strings.Count(stderr, `"message":"messages of type `+kind+` are none of Singer's and are passed over"`); n != 1 {
			t.Errorf("%s is told %d times\n%s", kind, n, stderr)
		}
	}
}
