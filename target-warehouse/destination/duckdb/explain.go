package duckdb

import (
	"fmt"
	"regexp"
	"strings"

	"tapline/target-warehouse/destination"
)

// holder finds the process that DuckDB names in its message about a locked file.
var holder = regexp.MustCompile(`lock is held in (.*?) \(PID (\d+)\)`)

const otherVersion = "%s was written by another version of DuckDB than the 1.5 of this program, which cannot read it; use a newer target-warehouse, or export the file and import it with DuckDB 1.5"

// openFailures are DuckDB's messages on opening a file, known by a part of each, and what they mean for the user.
var openFailures = []struct{ part, meaning string }{
	{"not a valid DuckDB database file", "%s is not a DuckDB file; choose another path, or move that file away"},
	{"Corrupt database file", "%s is damaged: a checksum in it does not match its contents; restore it from a copy, or move it away and load anew"},
	{"with version number", otherVersion},
	{"storage version greater", otherVersion},
	{"Permission denied", "%s may not be opened by this user; give it read and write permission on the file and its directory"},
	{"Read-only file system", "%s lies on a file system that is mounted for reading only; choose another path"},
	{"different configuration", "%s is already open in this process in another mode; close it first"},
}

// explainOpen puts DuckDB's message about opening path into words that say what to do.
func explainOpen(path string, err error) error {
	message := err.Error()
	if strings.Contains(message, "Could not set lock on file") {
		who := "it"
		if m := holder.FindStringSubmatch(message); m != nil {
			who = fmt.Sprintf("process %s (%s)", m[2], m[1])
		}
		return fmt.Errorf("open DuckDB file %s: %w; wait until %s has ended or stop it, then run again", path, destination.ErrLocked, who)
	}
	for _, f := range openFailures {
		if strings.Contains(message, f.part) {
			return fmt.Errorf(f.meaning, path)
		}
	}
	return fmt.Errorf("open DuckDB file %s: %w", path, err)
}
