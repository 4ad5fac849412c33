package duckdb

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

func TestMemoryHoldsWhatIsLoadedUntilItIsClosed(t *testing.T) {
	t.Chdir(t.TempDir())
	w, err := Open(t.Context(), Config{Path: ":memory:", MemoryLimit: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := loadAs(t, w, column1(table.Integer, table.Widen), destinationtest.Row{int64(1)}); err != nil {
			t.Fatal(err)
		}
	}
	if rows, exists, err := w.Count(t.Context(), "", "things"); rows != 2 || !exists || err != nil {
		t.Errorf("%d rows, %v, %v; want 2", rows, exists, err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir("."); len(left) > 0 {
		t.Errorf("files are left: %v", left)
	}
}

func TestMemoryLimit(t *testing.T) {
	for limit, want := range map[int64]string{256 << 20: "256.0 MiB", 0: ""} {
		w, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "w.duckdb"), MemoryLimit: limit})
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(query(t, w, "SELECT current_setting('memory_limit')")[0][0])
		if want != "" && got != want {
			t.Errorf("limit %d: DuckDB's is %s, want %s", limit, got, want)
		}
		if want == "" && got == "256.0 MiB" {
			t.Errorf("without a limit DuckDB's is %s", got)
		}
		spill := fmt.Sprint(query(t, w, "SELECT current_setting('temp_directory')")[0][0])
		if !strings.HasPrefix(spill, query(t, w, "SELECT path FROM duckdb_databases() WHERE database_name = current_database()")[0][0].(string)) {
			t.Errorf("what needs more memory goes to %s, which is not beside the file", spill)
		}
		w.Close()
	}
}

func TestStorageVersion(t *testing.T) {
	dir := t.TempDir()
	version := func(w *Warehouse) string {
		return fmt.Sprint(query(t, w, "SELECT tags['storage_version'] FROM duckdb_databases() WHERE database_name = current_database()")[0][0])
	}
	for setting, want := range map[string]string{"": "v1.0.0+", "v1.2.0": "v1.2.0+", "latest": "v1.5.0+"} {
		path := filepath.Join(dir, "w"+setting+".duckdb")
		for _, again := range []string{setting, "v1.0.0"} { // which a file that is there does not heed
			w, err := Open(t.Context(), Config{Path: path, StorageVersion: again})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := loadAs(t, w, column1(table.Integer, table.Widen), destinationtest.Row{int64(1)}); err != nil {
				t.Fatal(err)
			}
			if got := version(w); got != want {
				t.Errorf("storage version %q made a file of %s, want %s", setting, got, want)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	path := filepath.Join(dir, "none.duckdb")
	_, err := Open(t.Context(), Config{Path: path, StorageVersion: "v9'"})
	if err == nil || !strings.Contains(err.Error(), "give one such as v1.2.0") || strings.Contains(err.Error(), "\n") {
		t.Errorf("failure is %v", err)
	}
	if left, _ := filepath.Glob(path + "*"); left != nil {
		t.Errorf("files are left: %v", left)
	}
}

func TestMotherDuckTokenIsNeverShown(t *testing.T) {
	const path = "md:shop?motherduck_token=s3%2Fcret&saas_mode=true"
	for _, message := range []string{
		"could not set config: motherduck_token=s3/cret",
		`parse "md:shop?motherduck_token=s3%2Fcret&saas_mode=true": invalid`,
		"Failed to download extension \"motherduck\" at URL",
		"token s3/cret was refused",
	} {
		got := explainOpen(path, errors.New(message)).Error()
		if strings.Contains(got, "cret") || !strings.Contains(got, "md:shop") {
			t.Errorf("%q became %q", message, got)
		}
	}
	if got := Describe(path); got != "md:shop" {
		t.Errorf("described as %s", got)
	}
	if got := Describe("a?b.duckdb"); got != "a?b.duckdb" {
		t.Errorf("a file is described as %s", got)
	}
	if !remote("motherduck:x") || remote("mdx.duckdb") {
		t.Error("paths of MotherDuck's databases are not told apart")
	}
}

func TestShortagesSayThatNothingIsLost(t *testing.T) {
	for message, want := range map[string]string{
		"IO Error: Could not write all bytes to file \"/w\": wanted=262144 wrote=8192":      "the disk with the DuckDB file is full; what was committed before is safe",
		"Out of Memory Error: failed to pin block of size 256.0 KiB\n\nPossible solutions:": "DuckDB needs more memory than it may take; what was committed before is safe",
	} {
		cause := errors.New(message)
		for _, got := range []error{explain(cause), explainOpen("/w", cause)} {
			if !strings.Contains(got.Error(), want) || strings.Contains(got.Error(), "\n") {
				t.Errorf("failure is %q, want one sentence with %q", got, want)
			}
		}
		if !errors.Is(explain(cause), cause) {
			t.Errorf("%q is lost", message)
		}
	}
}

func TestTooLittleMemoryIsExplained(t *testing.T) {
	w, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "w.duckdb"), MemoryLimit: 2 << 20})
	if err == nil {
		defer w.Close()
		_, err = loadAs(t, w, column1(table.Text, table.Widen), destinationtest.Row{strings.Repeat("x", 8<<20)})
	}
	if err == nil || !strings.Contains(err.Error(), "needs more memory") || strings.Contains(err.Error(), "\n") {
		t.Errorf("failure is %v", err)
	}
}

func TestReadOnlyFileIsExplained(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("permissions do not hold for root")
	}
	path := filepath.Join(t.TempDir(), "w.duckdb")
	mustOpen(t, path).Close()
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), Config{Path: path})
	if err == nil || !strings.Contains(err.Error(), "give it read and write permission") {
		t.Errorf("failure is %v", err)
	}
	if errors.Is(err, destination.ErrLocked) {
		t.Error("the file is said to be held")
	}
}
