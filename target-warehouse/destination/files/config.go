package files

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"tapline/target-warehouse/table"
)

// The formats of files.
const (
	Parquet = "parquet"
	JSONL   = "jsonl"
)

// Config says where the files are and how they are written. Credentials are no part of it: they come from where each
// store's own tools look for them, such as AWS_ACCESS_KEY_ID, GOOGLE_APPLICATION_CREDENTIALS or AZURE_STORAGE_KEY.
type Config struct {
	// URL is a directory, be it as a path or as file:///directory, or a bucket and a prefix in it: s3://bucket/prefix,
	// gs://bucket/prefix or azblob://container/prefix. For S3, ?region= and ?endpoint= may follow, and whatever else
	// gocloud.dev/blob/s3blob takes. Open makes the directory, but not the one it is in, and no bucket.
	URL string
	// Format is Parquet, also if it is "", or JSONL.
	Format string
	// Compression is zstd, gzip, snappy or none; if it is "", zstd for Parquet and none for JSONL. JSONL has no snappy.
	Compression string
	// Partition is day, month or year to put rows of different such periods into different folders, or "".
	Partition string
	// PartitionColumn is the Timestamp or Date column whose period counts, in UTC; table.ExtractedAt if it is "". Tables
	// without it are not partitioned, which Log is told.
	PartitionColumn string
	// RowGroupBytes is how many bytes of Arrow data make a row group of a Parquet file; 0 stands for 128 MiB. A row group
	// may be smaller: none is kept open from one Append to the next.
	RowGroupBytes int64
	// Pipeline is the one whose runs load. It names the place of files that are not committed.
	Pipeline string
	// Log is told once about each stream whose table cannot be partitioned; nil for nobody.
	Log *slog.Logger
}

// normalize fills in what is "" and finds what cannot be.
func (c Config) normalize() (Config, error) {
	if c.URL == "" {
		return c, errors.New("the place of the files is missing; set it to a directory or to a URL such as s3://bucket/prefix")
	}
	for _, s := range []struct {
		setting string
		value   *string
		allowed []string // the first is the default
	}{
		{"format", &c.Format, []string{Parquet, JSONL}},
		{"compression", &c.Compression, compressions(c.Format)},
		{"partition", &c.Partition, []string{"", "day", "month", "year"}},
		{"partition column", &c.PartitionColumn, []string{table.ExtractedAt, c.PartitionColumn}},
	} {
		if *s.value == "" {
			*s.value = s.allowed[0]
		}
		if !slices.Contains(s.allowed, *s.value) {
			return c, fmt.Errorf("%s %q is unknown for files of %s; choose one of %s", s.setting, *s.value, c.Format, strings.Join(s.allowed, ", "))
		}
	}
	if c.RowGroupBytes <= 0 {
		c.RowGroupBytes = 128 << 20
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

func compressions(format string) []string {
	if format == JSONL {
		return []string{"none", "gzip", "zstd"}
	}
	return []string{"zstd", "gzip", "snappy", "none"}
}

// suffix ends the names of data files.
func (c Config) suffix() string {
	switch {
	case c.Format == Parquet:
		return ".parquet"
	case c.Compression == "gzip":
		return ".jsonl.gz"
	case c.Compression == "zstd":
		return ".jsonl.zst"
	}
	return ".jsonl"
}

// Limit is something that files cannot do.
type Limit struct {
	Setting string // of the config, as a user writes it
	Value   string // that asks for it
	Reason  string
}

// Limits lists all that a config may ask for in vain. Beside these: a table with a key is append-only unless it is
// overwritten, and overwriting keeps every row that came, also of one key. ACTIVATE_VERSION changes only tables that are
// overwritten; elsewhere rows of older versions stay, and readers tell them by table.TableVersion. A column that is
// widened is wider in files from then on; earlier ones stay as they are, and readers join them by name. Text is not widened
// to JSON, as they could not read the earlier text then: JSON values are put into a text column as their text.
var Limits = []Limit{
	{"load_method", "upsert", "replacing a row would mean to write its file again; use append-only, and let readers take the newest row of each key"},
	{"load_method", "history", "ending a row's validity would mean to write its file again; use append-only, which keeps every version of a row"},
	{"hard_delete", "true", "deleting a row would mean to write its file again; leave it out, and let readers leave out rows that have " + table.DeletedAt},
}

// Refuse fails if the settings that a user has given, by name, ask for what files cannot do.
func Refuse(given map[string]string) error {
	for _, l := range Limits {
		if given[l.Setting] == l.Value {
			return fmt.Errorf("files cannot do %s: %s: %s", l.Setting, l.Value, l.Reason)
		}
	}
	return nil
}

// refuse fails for a table that files cannot keep. Upsert is no such: it is what tables are unless told, and appends here.
func refuse(t *table.Table) error {
	given := map[string]string{}
	if t.Method == table.History {
		given["load_method"] = "history"
	}
	if t.HardDelete {
		given["hard_delete"] = "true"
	}
	return Refuse(given)
}
