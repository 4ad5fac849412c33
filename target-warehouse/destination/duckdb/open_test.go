package duckdb

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapline/target-warehouse/destination"
)

var background = context.Background()

func TestOpenFailuresSayWhatToDo(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.duckdb")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("no database ", 2000)), 0o600); err != nil {
		t.Fatal(err)
	}
	sqlite := filepath.Join(dir, "sqlite.db")
	if err := os.WriteFile(sqlite, append([]byte("SQLite format 3\x00"), make([]byte, 8000)...), 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := filepath.Join(dir, "damaged.duckdb")
	writeDamaged(t, damaged)
	for _, c := range []struct {
		name, path string
		readOnly   bool
		want       string
	}{
		{"no path", "", false, "path of the DuckDB file is missing"},
		{"memory to read", ":memory:", true, "nothing to read"},
		{"memory with a name", ":memory:x", false, "path of the DuckDB file is missing"},
		{"a query in the path", filepath.Join(dir, "a?access_mode=read_only"), false, `character '?'`},
		{"an escape in the path", filepath.Join(dir, "100%.duckdb"), false, `character '%'`},
		{"a directory", dir, false, "is a directory"},
		{"no directory", filepath.Join(dir, "none", "w.duckdb"), false, "create it first"},
		{"a file as directory", filepath.Join(garbage, "w.duckdb"), false, "not a directory"},
		{"no file to read", filepath.Join(dir, "none.duckdb"), true, "there is no DuckDB file"},
		{"another kind of file", garbage, false, "is not a DuckDB file"},
		{"another kind of file to read", garbage, true, "is not a DuckDB file"},
		{"SQLite's file, for which DuckDB has an extension", sqlite, false, "DuckDB file; choose another path"},
		{"SQLite's file to read", sqlite, true, "DuckDB file; choose another path"},
		{"a damaged file", damaged, false, "is damaged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, err := open(t.Context(), Config{Path: c.path}, c.readOnly)
			if err == nil {
				w.Close()
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("failure is %q, want one sentence with %q", err, c.want)
			}
		})
	}
	if _, err := os.Stat(filepath.Join(dir, "none.duckdb")); !errors.Is(err, os.ErrNotExist) {
		t.Error("opening for reading made a file")
	}
}

// writeDamaged writes a database file with one byte changed behind its magic bytes.
func writeDamaged(t *testing.T, path string) {
	t.Helper()
	if err := mustOpen(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	bytes, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	bytes[12]++
	if err := os.WriteFile(path, bytes, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestExplainOpen(t *testing.T) {
	for _, c := range []struct{ name, message, want string }{
		{"locked, holder unknown", `Could not set lock on file "/w": Resource temporarily unavailable`,
			"open DuckDB file w: another process holds it; wait until it has ended or stop it, then run again"},
		{"locked, holder known", `Could not set lock on file "/w": Conflicting lock is held in /usr/bin/duckdb (PID 12) by user a. See also https://`,
			"open DuckDB file w: another process holds it; wait until process 12 (/usr/bin/duckdb) has ended or stop it, then run again"},
		{"no permission", `IO Error: Cannot open file "/w": Permission denied`,
			"w may not be opened by this user; give it read and write permission on the file and its directory"},
		{"a newer file", "IO Error: Trying to read a database file with version number 99, but we can only read versions between 64 and 67.",
			"w was written by another version of DuckDB than the 1.5 of this program, which cannot read it; use a newer target-warehouse, or export the file and import it with DuckDB 1.5"},
		{"unknown", "something else", "open DuckDB file w: something else"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := explainOpen("w", errors.New(c.message)).Error(); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestReadOnlyReadsAndRefusesLoads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.duckdb")
	if err := mustOpen(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time with something in it
		w, err := OpenReadOnly(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		states(t, w)
		if _, err := w.Begin(t.Context()); err == nil {
			t.Error("a load began")
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		w = mustOpen(t, path)
		l, err := w.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Commit(t.Context(), destination.Checkpoint{State: []byte("{}"), RunID: "1"}); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestPathsWithOddCharacters(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, path := range []string{"a:b.duckdb", "main.duckdb", "temp.duckdb", "it's \"🧾\" & more+x.duckdb", "no-suffix", "./x=1;y.db"} {
		w := mustOpen(t, path)
		l, err := w.Begin(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if err := l.Commit(t.Context(), destination.Checkpoint{State: []byte("{}"), RunID: "1", Pipeline: "p"}); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := OpenReadOnly(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if got := states(t, r); got["p"] != "{}" {
			t.Errorf("%s: states are %v", path, got)
		}
		r.Close()
		if _, err := os.Stat(filepath.Join(dir, path)); err != nil {
			t.Errorf("%s: the file is elsewhere: %v", path, err)
		}
	}
}
