package tests

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The rules of the house: who may import whom. CONTRIBUTING.md says them in words.
var (
	binaries = []string{"tap-recharge", "tap-stripe", "target-warehouse"}

	// homes lists each dependency that may be imported in a few places only: folders, or single files of package
	// singer.
	homes = map[string][]string{
		"github.com/stripe/stripe-go/v76": {"tap-stripe"},
		"github.com/stripe/stripe-mock":   {"schemas/generate", "tests"},
		"github.com/duckdb/duckdb-go":     {"target-warehouse/destination/duckdb", "tests"},
		"github.com/jackc/pgx/v5":         {"target-warehouse/destination/postgres", "tests"},
		"github.com/apache/arrow/go/v15":  {"target-warehouse"},
		"github.com/apache/arrow-go/v18":  {"target-warehouse/destination/duckdb", "target-warehouse/destination/files", "target-warehouse/batch"},
		"github.com/aws/aws-sdk-go-v2":    {"target-warehouse/bucket", "target-warehouse/batch"},
		"github.com/aws/smithy-go":        {"target-warehouse/bucket"},
		"gocloud.dev":                     {"target-warehouse/bucket", "target-warehouse/destination/files", "target-warehouse/batch"},
		"cloud.google.com/go/storage":     {"target-warehouse/bucket"},
		"google.golang.org/api":           {"target-warehouse/bucket"},
		"github.com/DataDog/zstd":         {"target-warehouse/destination/files"},
		"github.com/klauspost/compress":   {"target-warehouse"},
		"github.com/xeipuuv/gojsonschema": {"singer/validate.go"},
		"golang.org/x/term":               {"singer"},
		"github.com/spf13/cobra":          {"singer"},
		"github.com/agnivade/levenshtein": {"singer/nearest.go"},
		"github.com/google/go-cmp":        {"target-warehouse/destination/destinationtest"}, // and all tests
		"github.com/rogpeppe/go-internal": {"tests"},
	}

	// neverInTaps may not be linked into a tap, however deep.
	neverInTaps = []string{"github.com/duckdb/", "github.com/apache/arrow", "github.com/jackc/pgx", "gocloud.dev", "runtime/cgo"}

	// allowedInSinger is all that package singer may import besides the standard library.
	allowedInSinger = []string{
		"tapline/internal/rawjson", "github.com/xeipuuv/gojsonschema", "golang.org/x/term",
		"github.com/agnivade/levenshtein", "github.com/spf13/cobra", "github.com/spf13/pflag",
	}
)

// file is a Go file of the module with what the rules look at.
type file struct {
	path    string // from the module's root, with slashes
	test    bool
	imports []string
	inits   int
}

func TestHouse(t *testing.T) {
	files := parseModule(t)
	for _, f := range files {
		for _, path := range f.imports {
			checkImport(t, f, path)
		}
		if f.inits > 0 && !f.test {
			t.Errorf("%s has an init function: effects belong in functions that somebody calls", f.path)
		}
	}
}

func checkImport(t *testing.T, f file, path string) {
	t.Helper()
	top, _, _ := strings.Cut(f.path, "/")
	if inner, ok := strings.CutPrefix(path, "tapline/"); ok {
		folder, _, _ := strings.Cut(inner, "/")
		shared := folder == "singer" || folder == "schemas" || folder == "internal"
		switch {
		case top == "tests", folder == top, shared && top != "singer" && top != "schemas" && top != "internal":
		case top == "singer" && slices.Contains(allowedInSinger, path):
		case f.test && strings.HasPrefix(inner, "tests/fake/"):
		case top == "internal" && folder == "singer":
		default:
			t.Errorf("%s imports %s: binaries import singer, schemas, internal and their own folder", f.path, path)
		}
	}
	if strings.Contains(path, "stretchr/testify") {
		t.Errorf("%s imports testify: compare with go-cmp", f.path)
	}
	for dependency, allowed := range homes {
		if !under(path, dependency) || f.test {
			continue
		}
		if !slices.ContainsFunc(allowed, func(home string) bool { return under(f.path, home) }) {
			t.Errorf("%s imports %s, whose home is %v", f.path, path, allowed)
		}
	}
	if top == "singer" && !f.test && strings.Contains(path, ".") &&
		!slices.ContainsFunc(allowedInSinger, func(ok string) bool { return under(path, ok) }) {
		t.Errorf("%s imports %s: singer imports the standard library and %v", f.path, path, allowedInSinger)
	}
}

func under(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }

func parseModule(t *testing.T) []file {
	t.Helper()
	var files []file
	root := ".."
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != root || d.Name() == "bin" || d.Name() == "demo") {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(path) != ".go" {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		f := file{path: filepath.ToSlash(name), test: strings.HasSuffix(path, "_test.go")}
		for _, spec := range parsed.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			f.imports = append(f.imports, imported)
		}
		for _, decl := range parsed.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				f.inits++
			}
		}
		files = append(files, f)
		return nil
	})
	if err != nil || len(files) < 20 {
		t.Fatalf("the walk over the module found %d files: %v", len(files), err)
	}
	return files
}

func TestTapsStaySmall(t *testing.T) {
	for _, binary := range binaries {
		if !strings.HasPrefix(binary, "tap-") || !exists("../"+binary) {
			continue
		}
		cmd := exec.Command("go", "list", "-deps", "-json=ImportPath", "./../"+binary)
		cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go list %s: %v", binary, err)
		}
		linked := 0
		for decoder := json.NewDecoder(strings.NewReader(string(out))); ; linked++ {
			var p struct{ ImportPath string }
			if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			for _, never := range neverInTaps {
				if strings.HasPrefix(p.ImportPath, never) {
					t.Errorf("%s links %s", binary, p.ImportPath)
				}
			}
		}
		if linked < 50 {
			t.Errorf("%s links only %d packages: the list cannot be whole", binary, linked)
		}
	}
}

func exists(path string) bool {
	matches, _ := filepath.Glob(path)
	return len(matches) > 0
}
