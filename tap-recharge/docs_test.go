package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline/internal/rawjson"
	"tapline/schemas"
)

//go:generate go test -run TestDocumentIsUpToDate -update .

var update = flag.Bool("update", false, "write the tables of docs/tap-recharge.md anew")

const document = "../docs/tap-recharge.md"

func TestDocumentIsUpToDate(t *testing.T) {
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	want := string(text)
	for mark, table := range map[string]string{"streams": streamTable(), "settings": settingTable(t)} {
		before, rest, found := strings.Cut(want, "<!-- "+mark+" -->\n")
		_, behind, ended := strings.Cut(rest, "<!-- end -->")
		if !found || !ended {
			t.Fatalf("the document has no place for %s", mark)
		}
		want = before + "<!-- " + mark + " -->\n" + table + "<!-- end -->" + behind
	}
	if *update {
		if err := os.WriteFile(document, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("run go generate ./tap-recharge (-want +got):\n%s", diff)
	}
}

// streamTable has a line for each stream.
func streamTable() string {
	table := "| stream | key | read | needs a scope of | remarks |\n|---|---|---|---|---|\n"
	for i := range streams {
		st := &streams[i]
		method := "full"
		if st.replicationKey != "" {
			method = "by `" + st.replicationKey + "`"
		}
		table += fmt.Sprintf("| `%s` | %s | %s | %s | %s |\n", st.name, codes(st.keys, ", "), method, codes(st.scopes, " or "), strings.Join(remarks(st), "; "))
	}
	return table
}

func remarks(st *stream) (list []string) {
	if st.parent != nil && st.parent.query != "" {
		list = append(list, fmt.Sprintf("by the ids in `%s`", st.parent.stream))
	} else if st.parent != nil {
		list = append(list, fmt.Sprintf("a request for each of `%s`", st.parent.stream))
	}
	if st.optional {
		list = append(list, "optional")
	}
	if st.plan != "" {
		list = append(list, "plan "+st.plan)
	}
	if st.retention > 0 {
		list = append(list, fmt.Sprintf("Recharge forgets after %d days", int(st.retention/(24*time.Hour))))
	}
	return list
}

func codes(names []string, separator string) string {
	if len(names) == 0 {
		return "none"
	}
	return "`" + strings.Join(names, "`"+separator+"`") + "`"
}

// settingTable has a line for each setting, in the order of the schema.
func settingTable(t *testing.T) string {
	t.Helper()
	table := "| setting | default | meaning |\n|---|---|---|\n"
	settings := rawjson.Members{}
	for settings.Reset(lookup(schemas.Config("tap-recharge"), "properties")); settings.Next(); {
		var s struct {
			Description string
			Default     json.RawMessage
			Enum        []string
		}
		if err := json.Unmarshal(settings.Value, &s); err != nil {
			t.Fatal(err)
		}
		value := ""
		if s.Default != nil {
			value = "`" + strings.Trim(string(s.Default), `"`) + "`"
		}
		table += fmt.Sprintf("| `%s` | %s | %s |\n", settings.Key, value, s.Description)
	}
	if err := settings.Err(); err != nil {
		t.Fatal(err)
	}
	return table
}
