package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFilesAreCurrent(t *testing.T) {
	dir, docs := t.TempDir(), t.TempDir()
	if err := run(dir, docs); err != nil {
		t.Fatal(err)
	}
	const hint = "the files are not what the generator writes; run \"go generate ./schemas\" (-generated +files):\n"
	if diff := cmp.Diff(contents(t, dir, "*.json"), contents(t, "..", "*.json")); diff != "" {
		t.Error(hint + diff)
	}
	if diff := cmp.Diff(contents(t, docs, "*"), contents(t, "../../../docs", pageName)); diff != "" {
		t.Error(hint + diff)
	}
}

// contents returns the lines of some files in a folder by their names.
func contents(t *testing.T, dir, pattern string) map[string][]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	lines := map[string][]string{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines[filepath.Base(path)] = strings.Split(string(text), "\n")
	}
	return lines
}

func TestRunNamesTheFolderThatCannotBeWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "missing")
	for _, folders := range [][2]string{{dir, t.TempDir()}, {t.TempDir(), dir}} {
		if err := run(folders[0], folders[1]); err == nil || !strings.Contains(err.Error(), dir) {
			t.Errorf("%v: got %v", folders, err)
		}
	}
}

func TestNodesAreWrittenAsJSONSchema(t *testing.T) {
	for _, c := range []struct {
		name string
		node *node
		want string
	}{
		{"text", text, `{"type":["null","string"]}`},
		{"a moment", instant, `{"type":["null","string"],"format":"date-time"}`},
		{"a day", day, `{"type":["null","string"],"format":"date"}`},
		{"lower case", status, `{"type":["null","string"],"x-lowercase":true}`},
		{"a list or a text", tags, `{"type":["null","string"],"x-separator":", "}`},
		{"any value", unknown, `{}`},
		{"a free-form object", free, `{"type":["null","object"],"additionalProperties":true}`},
		{"a list", list(list(integer)), `{"type":["null","array"],"items":{"type":["null","array"],"items":{"type":["null","integer"]}}}`},
		{"properties, sorted", object(all(text, "b a"), properties{"c": object(all(number, "d"))}),
			`{"type":["null","object"],"properties":{
  "a": {"type":["null","string"]},
  "b": {"type":["null","string"]},
  "c": {"type":["null","object"],"properties":{
    "d": {"type":["null","number"]}
  },"additionalProperties":true}
},"additionalProperties":true}`},
	} {
		var b bytes.Buffer
		c.node.write(&b, nil, "")
		if diff := cmp.Diff(c.want, b.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestKeysAreRequiredAndNeverNull(t *testing.T) {
	s := stream{"pairs", []string{"b", "a"}, "", object(all(integer, "a b c"))}
	got, err := s.file()
	want := `{
  "name": "pairs",
  "key_properties": ["b","a"],
  "replication_key": "",
  "schema": {"type":"object","required":["b","a"],"properties":{
    "a": {"type":"integer"},
    "b": {"type":"integer"},
    "c": {"type":["null","integer"]}
  },"additionalProperties":true}
}
`
	if diff := cmp.Diff(want, string(got)); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if integer.required {
		t.Error("the shape that other streams share has become required")
	}
}

func TestMistakesInTheTablesAreFound(t *testing.T) {
	for _, c := range []struct {
		s    stream
		want string
	}{
		{stream{"x", []string{"id"}, "", object(all(integer, "ID"))}, `the key "id" is not described`},
		{stream{"x", []string{"id"}, "at", object(all(integer, "id"))}, `the replication key "at" is not described as a time`},
		{stream{"x", []string{"id"}, "at", object(all(integer, "id"), all(day, "at"))}, `the replication key "at" is not described as a time`},
	} {
		if _, err := c.s.file(); err == nil || err.Error() != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
	defer func() {
		if what := recover(); what != `the property "a" is described twice` {
			t.Errorf("a property that is described twice: %v", what)
		}
	}()
	object(all(integer, "a"), all(text, "b a"))
}

func TestPageListsFieldsWithTheKeyFirst(t *testing.T) {
	got := string(page([]stream{{"pairs", []string{"z", "b"}, "at", object(
		all(integer, "z"), all(text, "b"), all(instant, "at"),
		properties{"list": list(object(all(text, "x"), all(money, "y"), all(free, "w"), all(list(truth), "v")))},
	)}}))
	want := pageHead + `
## pairs

| field | type |
|---|---|
| ` + "`z` | integer, key |\n| `b` | text, key |\n| `at` | time, replication key |\n" +
		"| `list` | list of object {`v` list of boolean, also from 0, 1 and text; `w` any object; `x`; `y` money, as text} |\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
