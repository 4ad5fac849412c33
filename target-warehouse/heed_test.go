package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// Lines of one stream, to put together.
const (
	thingSchema = `{"type":"SCHEMA","stream":"t","key_properties":["id"],"schema":{"type":"object","properties":{"id":{"type":"integer"},"kind":{"enum":["a","b"],"type":"string"},"in":{"type":"object","properties":{"x":{"type":"integer"}}},"_sdc_deleted_at":{"type":["string","null"],"format":"date-time"}}}}` + "\n"
	thingOne    = `{"type":"RECORD","stream":"t","version":1,"record":{"id":1,"kind":"a","in":{"x":1}}}` + "\n"
	thingTwo    = `{"type":"RECORD","stream":"t","version":2,"record":{"id":2,"kind":"b"}}` + "\n"
	thingAgain  = `{"type":"RECORD","stream":"t","version":2,"record":{"id":1,"kind":"b"}}` + "\n"
	thingGone   = `{"type":"RECORD","stream":"t","version":2,"record":{"id":1,"kind":"a","_sdc_deleted_at":"2026-01-01T00:00:00Z"}}` + "\n"
	thingWrong  = `{"type":"RECORD","stream":"t","version":2,"record":{"id":3,"kind":"c"}}` + "\n"
	thingNoKey  = `{"type":"RECORD","stream":"t","version":2,"record":{"kind":"a"}}` + "\n"
	thingActive = `{"type":"ACTIVATE_VERSION","stream":"t","version":2}` + "\n"
	thingState  = `{"type":"STATE","value":{"n":1}}` + "\n"
)

// TestSettingsAreHeeded shows each setting by what is in the table after a load. Rows that are only marked as deleted count.
func TestSettingsAreHeeded(t *testing.T) {
	for _, c := range []struct {
		name, settings, in string
		code               int
		rows               float64 // -1: there is no such table
		says               string  // on stderr
	}{
		{"the defaults", ``, thingOne + thingTwo + thingAgain, 0, 2, ""},
		{"appending", `,"load_method":"append-only"`, thingOne + thingTwo + thingAgain, 0, 3, ""},
		{"overwriting, not complete", `,"load_method":"overwrite"`, thingOne + thingTwo, 1, -1, "without an ACTIVATE_VERSION"},
		{"overwriting, complete", `,"load_method":"overwrite"`, thingTwo + thingActive, 0, 1, ""},
		{"history", `,"history":["t"]`, thingOne + thingTwo + thingAgain, 0, 3, ""},
		{"history of others", `,"history":["u*"]`, thingOne + thingTwo + thingAgain, 0, 2, ""},
		{"a deleted row", ``, thingOne + thingGone, 0, 1, ""},
		{"a deleted row, hard", `,"hard_delete":true`, thingOne + thingTwo + thingGone, 0, 1, ""},
		{"an older version", ``, thingOne + thingTwo + thingActive, 0, 2, ""},
		{"an older version, hard", `,"hard_delete":true`, thingOne + thingTwo + thingActive, 0, 1, ""},
		{"versions ignored", `,"hard_delete":true,"process_activate_version_messages":false`, thingOne + thingTwo + thingActive, 0, 2, ""},
		{"a value out of line", ``, thingWrong, 0, 1, ""},
		{"a value out of line, by the letter", `,"validate_records":true`, thingOne + thingWrong, 1, 1, "kind"},
		{"a value out of line, left out", `,"validate_records":true,"on_bad_record":"reject"`, thingOne + thingWrong + thingTwo, 0, 2, "_singer_rejects"},
		{"no key", ``, thingOne + thingNoKey + thingTwo, 1, 1, "key"},
		{"no key, left out", `,"on_bad_record":"reject"`, thingOne + thingNoKey + thingTwo, 0, 2, "_singer_rejects"},
		{"as many left out as may be", `,"on_bad_record":"reject","max_rejected_records":1`, thingOne + thingNoKey, 0, 1, ""},
		{"a line that is no message", ``, thingOne + "a banner\n" + thingTwo, 1, 1, "line 3"},
		{"a line that is no message, skipped", `,"on_invalid_line":"skip"`, thingOne + "a banner\n" + thingTwo, 0, 2, "_singer_rejects"},
		{"a key where one is required", `,"primary_key_required":true`, thingOne, 0, 1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := `{"path":"` + filepath.Join(t.TempDir(), "w.duckdb") + `"` + c.settings + `}`
			code, stdout, stderr := runTarget(t, config, thingSchema+c.in+thingState)
			if code != c.code || !strings.Contains(stderr, c.says) {
				t.Errorf("code %d, want %d and %q:\n%s", code, c.code, c.says, stderr)
			}
			if want := map[int]string{0: "{\"n\":1}\n", 1: ""}[c.code]; stdout != want {
				t.Errorf("states %q, want %q", stdout, want)
			}
			if rows := tableOf(t, config, "t")["rows"]; rows != c.rows {
				t.Errorf("%v rows, want %v", rows, c.rows)
			}
		})
	}
}

func TestMoreRejectsThanAllowedFailTheRun(t *testing.T) {
	config := `{"path":"` + filepath.Join(t.TempDir(), "w.duckdb") + `","on_bad_record":"reject","max_rejected_records":1}`
	if code, _, stderr := runTarget(t, config, thingSchema+thingNoKey+thingNoKey); code != 1 || !strings.Contains(stderr, "more than max_rejected_records allows (1)") {
		t.Errorf("code %d\n%s", code, stderr)
	}
}

func TestAKeyCanBeRequired(t *testing.T) {
	config := `{"path":"` + filepath.Join(t.TempDir(), "w.duckdb") + `","primary_key_required":true}`
	in := strings.Replace(thingSchema, `["id"]`, `[]`, 1) + thingOne
	if code, _, stderr := runTarget(t, config, in); code != 1 || !strings.Contains(stderr, "primary_key_required") {
		t.Errorf("code %d\n%s", code, stderr)
	}
}

func TestNestedObjectsAreFlattened(t *testing.T) {
	for settings, want := range map[string]string{
		`"flattening_enabled":false`:                         `["in"]`,
		`"flattening_enabled":true`:                          `["in","x"]`,
		`"data_flattening_max_level":1`:                      `["in","x"]`,
		`"flattening_enabled":true,"flattening_max_depth":0`: `["in"]`,
	} {
		config := `{"path":"` + filepath.Join(t.TempDir(), "w.duckdb") + `",` + settings + `}`
		if code, _, stderr := runTarget(t, config, thingSchema+thingOne); code != 0 {
			t.Fatalf("code %d\n%s", code, stderr)
		}
		if columns := succeed(t, config, "columns"); !strings.Contains(columns, "  "+want+"  ") {
			t.Errorf("%s: no column %s in\n%s", settings, want, columns)
		}
	}
}
