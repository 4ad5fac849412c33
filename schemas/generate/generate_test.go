package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-mock/embedded"

	"tapline/schemas"
)

// generated is what "go generate" would write, made once for all tests.
var generated = sync.OnceValues(func() (map[string][]byte, error) {
	overrides, err := parseOverrides(overridesFile)
	if err != nil {
		return nil, err
	}
	return generate(embedded.OpenAPISpec, streams, overrides)
})

func TestFilesAreCurrent(t *testing.T) {
	want, err := generated()
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob("../stripe/*")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got[filepath.Base(path)] = string(content)
	}
	for name, content := range want {
		if got[name] != string(content) {
			t.Errorf("%s is not what the generator writes; run \"go generate ./schemas\"\n%s",
				name, cmp.Diff(strings.Split(got[name], "\n"), strings.Split(string(content), "\n")))
		}
		delete(got, name)
	}
	for name := range got {
		t.Errorf("%s is in the folder, but the generator does not write it", name)
	}
}

func TestEveryFileIsReadBackAsItsStream(t *testing.T) {
	for _, s := range streams {
		stream, err := schemas.StripeStream(s.Stream)
		if err != nil {
			t.Error(err)
			continue
		}
		stream.Schema = nil
		want := schemas.Stream{
			Name: s.Stream, Object: s.Object, Aliases: s.Aliases, KeyProperties: s.key(), ReplicationKey: s.Cursor,
		}
		if diff := cmp.Diff(want, stream); diff != "" {
			t.Errorf("%s (-row +file):\n%s", s.Stream, diff)
		}
	}
}

func TestWriteFilesLeavesExactlyTheGivenFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "stripe")
	first := map[string][]byte{"a.json": []byte("1"), "b.json": []byte("2")}
	second := map[string][]byte{"b.json": []byte("3"), "c.json": []byte("4")}
	for _, files := range []map[string][]byte{first, second} {
		if err := writeFiles(dir, files); err != nil {
			t.Fatal(err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, entry := range entries {
			names = append(names, entry.Name())
		}
		if diff := cmp.Diff(slices.Sorted(maps.Keys(files)), names); diff != "" {
			t.Errorf("names (-want +got):\n%s", diff)
		}
		for name, want := range files {
			if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != string(want) {
				t.Errorf("%s holds %q (%v), want %q", name, got, err, want)
			}
		}
	}
}
