package files

import (
	"crypto/sha256"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"tapline/target-warehouse/table"
)

// Where tapline keeps what is not data.
const (
	logPlace    = "_singer/log/"
	stagedPlace = "_singer/staged/"
)

// longestPart is how many bytes of a name are kept: file systems take 255 in all.
const longestPart = 200

// part makes one part of a path of any name. Different names make different parts.
func part(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); {
		r, size := utf8.DecodeRuneInString(name[i:])
		if plainRune(r, size) && !(r == '.' && i == 0) {
			b.WriteRune(r)
		} else {
			for _, c := range []byte(name[i : i+size]) {
				fmt.Fprintf(&b, "%%%02X", c)
			}
		}
		i += size
	}
	// gocloud.dev reads this as the beginning of an escape of its own.
	s := strings.ReplaceAll(b.String(), "__0x", "%5F_0x")
	if len(s) <= longestPart && s != "" {
		return s
	}
	cut := s[:min(len(s), longestPart-20)]
	for !utf8.ValidString(cut) {
		cut = cut[:len(cut)-1]
	}
	return fmt.Sprintf("%s%%%x", cut, sha256.Sum256([]byte(name)))[:len(cut)+17]
}

// plainRune tells characters that stand for themselves in paths, URLs and globs of all engines.
func plainRune(r rune, size int) bool {
	if r == utf8.RuneError && size == 1 {
		return false
	}
	return r >= utf8.RuneSelf && unicode.IsPrint(r) || unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_-. ,;@+~()", r)
}

// folder is where the files of a table are, with a slash at its end.
func folder(t *table.Table) string {
	if t.Own {
		return t.Name + "/"
	}
	return path.Join(schemaFolder(t.Schema), part(t.Name)) + "/"
}

func schemaFolder(schema string) string {
	if schema == "" {
		return ""
	}
	return part(schema)
}

// finalName is the name of the n-th file of a commit. Its last part tells what is in it, as numbers come again where somebody
// has deleted the log, or put back an older one, and other files of before must not be replaced.
func finalName(number int64, n int, sum []byte, suffix string) string {
	return fmt.Sprintf("%012d-%03d-%x%s", number, n, sum[:4], suffix)
}

var finalPattern = regexp.MustCompile(`^\d{12}-\d+(-[0-9a-f]{8})?\.(parquet|jsonl|jsonl\.gz|jsonl\.zst)$`)

// isData tells the files that tapline has put below a folder from others that may be there.
func isData(key string) bool { return finalPattern.MatchString(path.Base(key)) }

func entryKey(number int64) string    { return fmt.Sprintf("%s%012d.json", logPlace, number) }
func snapshotKey(number int64) string { return fmt.Sprintf("%s%012d.snapshot.json", logPlace, number) }

var logPattern = regexp.MustCompile(`^(\d{12,})(\.snapshot)?\.json$`)

// parseLogKey reads the name of an entry or a snapshot of the log.
func parseLogKey(key string) (number int64, snapshot, ok bool) {
	m := logPattern.FindStringSubmatch(strings.TrimPrefix(key, logPlace))
	if m == nil {
		return 0, false, false
	}
	number, err := strconv.ParseInt(m[1], 10, 64)
	return number, m[2] != "", err == nil
}
