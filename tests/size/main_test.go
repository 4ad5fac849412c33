package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestWhatIsExportedAndUndocumented holds the count against what go doc would show.
func TestWhatIsExportedAndUndocumented(t *testing.T) {
	for _, test := range []struct {
		name, code         string
		exported, unspoken int
	}{
		{"a function with a comment", "// F does.\nfunc F() {}", 1, 0},
		{"a function without", "func F() {}", 1, 1},
		{"a function that is not exported", "func f() {}", 0, 0},
		{"a method of an exported type", "// T is.\ntype T struct{}\nfunc (t *T) Error() string { return \"\" }", 2, 1},
		{"a method of another type", "type t struct{}\nfunc (t) Error() string { return \"\" }\nfunc (*t) Unwrap() error { return nil }", 0, 0},
		{"a method of a generic type", "type t[E any] struct{}\nfunc (t[E]) Len() int { return 0 }", 0, 0},
		{"constants below one comment", "// These are.\nconst (\n\tA = 1\n\tB = 2\n)", 2, 0},
		{"constants of which one has a comment", "const (\n\tA = 1 // is one\n\tB = 2\n)", 2, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "code.go")
			if err := os.WriteFile(path, []byte("package p\n\n"+test.code+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			folders := map[string]*folder{}
			if err := read(path, folders); err != nil {
				t.Fatal(err)
			}
			for _, f := range folders {
				if f.exported != test.exported || f.unspoken != test.unspoken {
					t.Errorf("%d exported, %d of them without a comment, want %d and %d", f.exported, f.unspoken, test.exported, test.unspoken)
				}
			}
		})
	}
}
