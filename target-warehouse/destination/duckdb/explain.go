package duckdb

import (
	"errors"
	"fmt"
	"net/url"
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
	{"sqlite_scanner", "%s is a database of SQLite and not a DuckDB file; choose another path"},
	{"Corrupt database file", "%s is damaged: a checksum in it does not match its contents; restore it from a copy, or move it away and load anew"},
	{"with version number", otherVersion},
	{"storage version greater", otherVersion},
	{"Permission denied", "%s may not be opened by this user; give it read and write permission on the file and its directory"},
	{"Read-only file system", "%s lies on a file system that is mounted for reading only; choose another path"},
	{"not a known DuckDB version", "%s was not created: the storage version is none that DuckDB knows; give one such as v1.2.0, or latest"},
	{`extension "motherduck"`, "%s is at MotherDuck, and DuckDB could not fetch its extension for that; allow connections to extensions.duckdb.org, or install the extension motherduck with DuckDB 1.5.4"},
	{"different configuration", "%s is already open in this process in another mode; close it first"},
}

// loadFailures are DuckDB's messages on loading, known by a part of each, and what they mean for the user.
var loadFailures = []struct{ part, meaning string }{
	{"No space left on device", fullDisk},
	{"Could not write all bytes", fullDisk},
	{"Disk quota exceeded", fullDisk},
	{"failed to offload data block", fullDisk},
	{"violates primary key constraint", sameKey},
	{"violates unique constraint", sameKey},
	{"PRIMARY KEY or UNIQUE constraint", sameKey},
	{"Violates foreign key constraint", "a foreign key of the table, or one that leads to it, forbids the rows; make the table that has it " + anew},
	{"CHECK constraint failed", "a row does not meet a condition that the table has as CHECK; make the table " + anew},
	{"NOT NULL constraint failed", "the table needs a value in a column that the stream does not fill; make the table " + anew},
	{"insert into a generated column", "the stream has values for a column that the table computes itself; drop that column, then run again"},
	{"Cannot change the type of this column", dependent},
	{"because there are entries that depend on it", dependent},
	{"is main key table of the table", dependent},
	{"Out of Memory Error", "DuckDB needs more memory than it may take; what was committed before is safe, so allow it more, or make batches smaller, and run again"},
}

const (
	anew    = "anew without (CREATE TABLE copy AS FROM it), then run again"
	sameKey = "a row with the same key was there, which the table has a PRIMARY KEY, a UNIQUE constraint or a unique index against; " +
		"drop the index, or make the table " + anew
	dependent = "an index of the table, or a foreign key that leads to it, keeps DuckDB from changing it; drop the index, or make the table with the key " + anew
)

const fullDisk = "the disk with the DuckDB file is full; what was committed before is safe, so make room and run again"

// explainOpen puts DuckDB's message about opening path into words that say what to do.
func explainOpen(path string, err error) error {
	message := redact(path, err.Error())
	path = Describe(path)
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
	for _, f := range loadFailures {
		if strings.Contains(message, f.part) {
			message = f.meaning + ": " + message
			break
		}
	}
	return fmt.Errorf("open DuckDB file %s: %w", path, sentence{errors.New(message)})
}

// explain says what a failure of a load means for the user where DuckDB's message does not, and leaves out what follows
// that message in lines of its own.
func explain(err error) error {
	for _, f := range loadFailures {
		if strings.Contains(err.Error(), f.part) {
			return fmt.Errorf("%s: %w", f.meaning, sentence{err})
		}
	}
	return sentence{err}
}

// sentence is an error without what DuckDB adds in further lines: the statement and general advice.
type sentence struct{ error }

func (s sentence) Error() string {
	first, _, _ := strings.Cut(s.error.Error(), "\n")
	return first
}

func (s sentence) Unwrap() error { return s.error }

// secrets finds the values of a path's options that nobody may see.
var secrets = regexp.MustCompile(`(?i)[?&]([^=&]*(?:token|secret|password)[^=&]*)=([^&]*)`)

// redact takes the secrets of path out of a message.
func redact(path, message string) string {
	for _, m := range secrets.FindAllStringSubmatch(path, -1) {
		for _, secret := range []string{m[2], unescape(m[2])} {
			if secret != "" {
				message = strings.ReplaceAll(message, secret, "***")
			}
		}
	}
	return message
}

func unescape(s string) string {
	plain, err := url.QueryUnescape(s)
	if err != nil {
		return s
	}
	return plain
}

// Describe is a Config's Path as it may be shown: without the options, which may hold a token.
func Describe(path string) string {
	if remote(path) {
		path, _, _ = strings.Cut(path, "?")
	}
	return path
}
