package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline/internal/rawjson"
	"tapline/schemas"
)

//go:generate go test -run TestDocumentsAreUpToDate -update .

var update = flag.Bool("update", false, "write the generated parts of docs/ anew")

func TestDocumentsAreUpToDate(t *testing.T) {
	for path, parts := range map[string]map[string]string{
		"../docs/tap-stripe.md":        {"streams": streamTable(t), "settings": settingTable(t)},
		"../docs/tap-stripe-fields.md": {"fields": fieldList(t)},
	} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want := string(text)
		for mark, part := range parts {
			before, rest, found := strings.Cut(want, "<!-- "+mark+" -->\n")
			_, behind, ended := strings.Cut(rest, "<!-- end -->")
			if !found || !ended {
				t.Fatalf("%s has no place for %s", path, mark)
			}
			want = before + "<!-- " + mark + " -->\n" + part + "<!-- end -->" + behind
		}
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if diff := cmp.Diff(want, string(text)); diff != "" {
			t.Errorf("run go generate ./tap-stripe (-want +got):\n%s", diff)
		}
	}
}

// streamTable has a line for each stream.
func streamTable(t *testing.T) string {
	t.Helper()
	table := "| stream | key | read | GET | permission | remarks |\n|---|---|---|---|---|---|\n"
	for i := range streams {
		st := &streams[i]
		known, err := schemas.StripeStream(st.name)
		if err != nil {
			t.Fatal(err)
		}
		path := st.path
		if st.parent != nil {
			if path = st.parent.path; path == "" {
				path = findStream(st.parent.stream).path
			}
		}
		if st.heardOf() {
			path += "/{id}"
		}
		permission := ""
		if name := st.root().permission; name != "" {
			permission = "`" + name + "`"
		}
		if st.permission != "" {
			permission = "`" + st.permission + "`"
		}
		table += fmt.Sprintf("| `%s` | %s | %s | `%s` | %s | %s |\n",
			st.name, codes(known.KeyProperties), method(st), path, permission, strings.Join(remarks(st, known.Aliases), "; "))
	}
	return table
}

// method says how a stream is read.
func method(st *stream) string {
	switch {
	case st.parent != nil:
		return "with `" + st.parent.stream + "`"
	case st.heardOf():
		return "by events"
	case st.single:
		return "one object"
	case st.full:
		return "whole, each run"
	}
	return "by `" + st.cursor + "`"
}

func remarks(st *stream, aliases []string) (list []string) {
	if len(aliases) > 0 {
		list = append(list, "elsewhere called "+codes(aliases))
	}
	switch p := st.parent; {
	case p != nil && p.metered:
		list = append(list, "a request for each parent and customer in each run, for all whole days from `start_date` on")
	case p != nil && p.path == "":
		list = append(list, "shown by its parent alone")
	case p != nil && p.embedded != "":
		list = append(list, "a request of its own only where the parent shows not all")
	case p != nil:
		list = append(list, "a request for each parent")
	}
	if st.costly {
		list = append(list, "**not selected by default**")
	}
	if st.product {
		list = append(list, "where the account uses it")
	}
	if st.retention > 0 {
		list = append(list, fmt.Sprintf("Stripe keeps %d days", int(st.retention/(24*time.Hour))))
	}
	if st.lookback > 0 {
		list = append(list, fmt.Sprintf("the last %d h are listed in every run", int(st.lookback.Hours())))
	}
	if st.reconcile > 0 {
		every := fmt.Sprintf("%d days", int(st.reconcile/(24*time.Hour)))
		if st.reconcile == 24*time.Hour {
			every = "day"
		}
		list = append(list, "listed anew every "+every)
	}
	var ways []string
	for i := range branches {
		if branches[i].into == st.name {
			ways = append(ways, branches[i].parent.stream)
		}
	}
	if ways != nil {
		list = append(list, "also by "+codes(ways)+", as far as they are selected")
	}
	return list
}

func codes(names []string) string { return "`" + strings.Join(names, "`, `") + "`" }

// settingTable has a line for each setting, in the order of the schema.
func settingTable(t *testing.T) string {
	t.Helper()
	table := "| setting | default | meaning |\n|---|---|---|\n"
	var settings rawjson.Members
	for settings.Reset(member(schemas.Config("tap-stripe"), "properties")); settings.Next(); {
		var s struct {
			Description string
			Default     json.RawMessage
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

// fieldList names the fields of each stream with their types.
func fieldList(t *testing.T) string {
	t.Helper()
	var list strings.Builder
	for _, name := range schemas.StripeNames() {
		if findStream(name) == nil {
			continue
		}
		known, err := schemas.StripeStream(name)
		if err != nil {
			t.Fatal(err)
		}
		var shape struct {
			Properties map[string]struct {
				Type   any
				Format string
			}
		}
		if err := json.Unmarshal(known.Schema, &shape); err != nil {
			t.Fatal(err)
		}
		var fields []string
		for field, s := range shape.Properties {
			if !slices.Contains(ownNames, field) || field == columnUpdated && name == "products" {
				fields = append(fields, fmt.Sprintf("`%s` %s", field, typeName(s.Type, s.Format)))
			}
		}
		slices.Sort(fields)
		fmt.Fprintf(&list, "**%s**: %s\n\n", name, strings.Join(fields, ", "))
	}
	return list.String()
}

// ownNames are the columns of every record.
var ownNames = []string{columnUpdated, columnUpdatedBy, columnDeleted, columnDeletedAt, columnFetchedAt, columnGoneAt, columnAccount}

// typeName is the type of a field in a word.
func typeName(types any, format string) string {
	if format == "date-time" {
		return "time"
	}
	if several, ok := types.([]any); ok {
		var names []string
		for _, one := range several {
			if one != "null" {
				names = append(names, fmt.Sprint(one))
			}
		}
		return strings.Join(names, " or ")
	}
	return fmt.Sprint(types)
}
