// Command size prints how large the packages of the module are, in lines: code, tests, and the figures that
// CONTRIBUTING.md sets bounds for.
package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
)

// folder sums up the Go files of one folder.
type folder struct {
	files, functions   []int // lines of each file and each function that is not a test
	code, tests        int
	exported, unspoken int // exported names, and those without a comment
}

func main() {
	folders := map[string]*folder{}
	if err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != ".":
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(path) != ".go":
			return nil
		}
		return read(path, folders)
	}); err != nil {
		fmt.Fprintln(os.Stderr, "size:", err)
		os.Exit(1)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "package\tcode\ttests\ttests:code\tfile median\tp90\tmax\tfunc median\tp90\tover 60\texported\tundocumented\t")
	total := &folder{}
	for _, name := range slices.Sorted(maps.Keys(folders)) {
		f := folders[name]
		total.add(f)
		f.print(w, name)
	}
	total.print(w, "all")
	w.Flush()
}

func read(path string, folders map[string]*folder) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	name := filepath.ToSlash(filepath.Dir(path))
	f := folders[name]
	if f == nil {
		f = &folder{}
		folders[name] = f
	}
	lines := bytes.Count(text, []byte("\n"))
	if strings.HasSuffix(path, "_test.go") {
		f.tests += lines
		return nil
	}
	f.code += lines
	f.files = append(f.files, lines)
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, path, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	for _, decl := range parsed.Decls {
		f.declare(set, decl)
	}
	return nil
}

// declare counts a declaration: the length of a function, and whether an exported name has a comment.
func (f *folder) declare(set *token.FileSet, decl ast.Decl) {
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		f.functions = append(f.functions, set.Position(decl.End()).Line-set.Position(decl.Pos()).Line+1)
		if receiver := receiverOf(decl); receiver == "" || ast.IsExported(receiver) {
			f.export(decl.Name, decl.Doc)
		}
	case *ast.GenDecl:
		for _, spec := range decl.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				f.export(spec.Name, decl.Doc, spec.Doc, spec.Comment)
			case *ast.ValueSpec:
				for _, name := range spec.Names {
					f.export(name, decl.Doc, spec.Doc, spec.Comment)
				}
			}
		}
	}
}

// receiverOf returns the name of a method's type, "" for a function. Methods of types that are not exported are in no
// documentation: most are there for an interface such as error.
func receiverOf(decl *ast.FuncDecl) string {
	if decl.Recv == nil || len(decl.Recv.List) == 0 {
		return ""
	}
	t := decl.Recv.List[0].Type
	if pointer, ok := t.(*ast.StarExpr); ok {
		t = pointer.X
	}
	if generic, ok := t.(*ast.IndexExpr); ok {
		t = generic.X
	}
	if name, ok := t.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}

func (f *folder) export(name *ast.Ident, comments ...*ast.CommentGroup) {
	if !name.IsExported() {
		return
	}
	f.exported++
	if !slices.ContainsFunc(comments, func(c *ast.CommentGroup) bool { return c != nil }) {
		f.unspoken++
	}
}

func (f *folder) add(g *folder) {
	f.files, f.functions = append(f.files, g.files...), append(f.functions, g.functions...)
	f.code += g.code
	f.tests += g.tests
	f.exported += g.exported
	f.unspoken += g.unspoken
}

func (f *folder) print(w *tabwriter.Writer, name string) {
	slices.Sort(f.files)
	slices.Sort(f.functions)
	long := 0
	for _, n := range f.functions {
		if n > 60 {
			long++
		}
	}
	ratio := "-"
	if f.code > 0 {
		ratio = fmt.Sprintf("%.2f", float64(f.tests)/float64(f.code))
	}
	fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", name, f.code, f.tests, ratio,
		at(f.files, 50), at(f.files, 90), at(f.files, 100), at(f.functions, 50), at(f.functions, 90), long, f.exported, f.unspoken)
}

// at returns the value at a percentile of sorted lengths.
func at(sorted []int, percent int) int {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)-1)*percent/100]
}
