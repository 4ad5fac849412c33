package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxName is how many bytes PostgreSQL keeps of a name; it cuts off the rest without a failure.
const maxName = 63

// systemColumns are names that no column of a table can have.
// https://www.postgresql.org/docs/current/ddl-system-columns.html
var systemColumns = []string{"cmax", "cmin", "ctid", "tableoid", "xmax", "xmin"}

// storedName is the name that a schema, table or index has in the database.
func storedName(name string) string {
	if len(name) <= maxName {
		return name
	}
	return hashInside(name)
}

// storedColumn is the name that a column has in the database.
func storedColumn(name string) string {
	if slices.Contains(systemColumns, name) {
		return hashInside(name)
	}
	return storedName(name)
}

// hashInside puts 64 bits of a hash of the whole name between its beginning and its end, so that names which differ
// anywhere stay apart.
func hashInside(name string) string {
	sum := sha256.Sum256([]byte(name))
	hash := "_" + hex.EncodeToString(sum[:8]) + "_"
	half := (maxName - len(hash)) / 2
	head, tail := name, ""
	if len(name) > 2*half {
		head, tail = name[:half], name[len(name)-half:]
	}
	for !utf8.ValidString(head) {
		head = head[:len(head)-1]
	}
	for !utf8.ValidString(tail) {
		tail = tail[1:]
	}
	return strings.TrimSuffix(head+hash+tail, "_")
}

// quote makes an SQL identifier of a stored name.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
