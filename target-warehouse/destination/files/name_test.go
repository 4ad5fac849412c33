package files

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPart(t *testing.T) {
	long := strings.Repeat("é", 300)
	for name, want := range map[string]string{
		"orders": "orders", "Naïve 東京 🧾": "Naïve 東京 🧾", "a.b": "a.b", "..": "%2E.", ".hidden": "%2Ehidden", "a/b\\c": "a%2Fb%5Cc",
		"*?[x]{y}": "%2A%3F%5Bx%5D%7By%7D", "per%cent": "per%25cent", "a=b": "a%3Db", "a\x00b": "a%00b", "\xff": "%FF", "x__0x41__": "x%5F_0x41__",
	} {
		if got := part(name); got != want {
			t.Errorf("part(%q) is %q, want %q", name, got, want)
		}
	}
	if got := part(long); len(got) > longestPart || !utf8.ValidString(got) || got == part(long+"x") {
		t.Errorf("a long name becomes %q", got)
	}
	if part("") == "" {
		t.Error("an empty name has no part")
	}
}

// FuzzPart looks for names whose parts leave their folder, mean something to a glob, or are those of another name.
func FuzzPart(f *testing.F) {
	for _, pair := range [][2]string{{"a", "b"}, {"..", "%2E."}, {"a/b", "a%2Fb"}, {strings.Repeat("x", 300), strings.Repeat("x", 301)}, {"\xff", "\ufffd"}} {
		f.Add(pair[0], pair[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		p, q := part(a), part(b)
		if (p == q) != (a == b) {
			t.Errorf("%q and %q become %q and %q", a, b, p, q)
		}
		if filepath.Clean(p) != p || p == "." || strings.HasPrefix(p, ".") || strings.ContainsAny(p, `/\*?[]{}"'=`) || len(p) > longestPart || !utf8.ValidString(p) {
			t.Errorf("%q becomes %q", a, p)
		}
	})
}

func TestLogKeys(t *testing.T) {
	for key, want := range map[string]struct {
		number       int64
		snapshot, ok bool
	}{
		entryKey(7): {7, false, true}, snapshotKey(64): {64, true, true}, entryKey(1e13): {1e13, false, true},
		logPlace + "7.json": {}, logPlace + "000000000007.json.1a.tmp": {}, logPlace + "99999999999999999999.json": {},
	} {
		number, snapshot, ok := parseLogKey(key)
		if ok != want.ok || ok && (number != want.number || snapshot != want.snapshot) {
			t.Errorf("%s is %d, %v, %v", key, number, snapshot, ok)
		}
	}
	for name, want := range map[string]bool{
		"a/000000000001-000.parquet": true, "a/b=c/000000000001-1000.jsonl.zst": true, "a/mine.parquet": false, "a/" + finalName(1, 0, []byte{1, 2, 3, 4, 5}, ".parquet"): true, "a/000000000001-000.parquet.18.tmp": false,
	} {
		if isData(name) != want {
			t.Errorf("isData(%s) is %v", name, !want)
		}
	}
}
