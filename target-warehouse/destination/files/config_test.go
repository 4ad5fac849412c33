package files

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapline/target-warehouse/table"
)

func TestOpenFailuresSayWhatToDo(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_KEY", "AZURE_STORAGE_CONNECTION_STRING"} {
		t.Setenv(name, "")
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(dir, "no-such-key.json"))
	for _, c := range []struct {
		name string
		cfg  Config
		want string
	}{
		{"no place", Config{}, "place of the files is missing"},
		{"a file", Config{URL: file}, "is a file; give the path of a directory"},
		{"no directory", Config{URL: filepath.Join(dir, "none", "w")}, "create it first"},
		{"a number sign in a directory", Config{URL: "file://" + dir + "/a#b"}, "write it as %23"},
		{"a number sign in a prefix", Config{URL: "s3://bucket/a#b?region=x"}, "write it as %23"},
		{"a question mark in a directory", Config{URL: "file://" + dir + "/a?b"}, "write it as %3F"},
		{"a percent sign in a URL", Config{URL: "s3://secret:key@bucket/100%"}, `invalid URL escape "%"; write % in it as %25`},
		{"a host in a file URL", Config{URL: "file://data/w"}, "three slashes"},
		{"another scheme", Config{URL: "ftp://host/w"}, "ftp://, which is unknown"},
		{"no bucket", Config{URL: "s3:///w"}, "is not followed by a bucket"},
		{"credentials in the URL", Config{URL: "s3://key:hidden@bucket/w"}, "set them in the environment"},
		{"another parameter", Config{URL: "s3://bucket/w?endpoint=http://127.0.0.1:1&colour=red"}, "colour"},
		{"no credentials of Google", Config{URL: "gs://bucket/w"}, "open gs://bucket/w: there are no credentials"},
		{"no account of Azure", Config{URL: "azblob://container/w"}, "AZURE_STORAGE_ACCOUNT"},
		{"another format", Config{URL: dir, Format: "csv"}, `format "csv" is unknown`},
		{"another compression", Config{URL: dir, Compression: "lzo"}, "choose one of zstd, gzip, snappy, none"},
		{"snappy for lines", Config{URL: dir, Format: JSONL, Compression: "snappy"}, "choose one of none, gzip, zstd"},
		{"another partition", Config{URL: dir, Partition: "week"}, `partition "week" is unknown`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, err := Open(t.Context(), c.cfg)
			if err == nil {
				w.Close()
				t.Fatal("it was opened")
			}
			got := err.Error()
			if !strings.Contains(got, c.want) || strings.Contains(got, "\n") || strings.Contains(got, "hidden") {
				t.Errorf("failure is %q, want one line with %q", got, c.want)
			}
		})
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("what could not be opened left %v, %v", entries, err)
	}
}

func TestRefuseNamesTheSettingAndTheReason(t *testing.T) {
	for _, l := range Limits {
		err := Refuse(map[string]string{"default_target_schema": "shop", l.Setting: l.Value})
		if err == nil || !strings.Contains(err.Error(), l.Setting) || !strings.Contains(err.Error(), l.Reason) {
			t.Errorf("%s: %s gives %v", l.Setting, l.Value, err)
		}
	}
	if err := Refuse(map[string]string{"load_method": "append-only", "hard_delete": "false"}); err != nil {
		t.Errorf("append-only is refused: %v", err)
	}
}

func TestTablesThatFilesCannotKeepAreRefused(t *testing.T) {
	w := mustOpen(t, Config{URL: t.TempDir()})
	defer mustClose(t, w)
	mustLoad(t, w, orders(), checkpointOf("", "r", 1), 1, 2)
	for name, c := range map[string]struct {
		change func(*table.Table)
		want   string
	}{
		"history":            {func(t *table.Table) { t.Method = table.History }, "load_method: history"},
		"hard deletes":       {func(t *table.Table) { t.HardDelete = true }, "hard_delete: true"},
		"a name of our own":  {func(t *table.Table) { t.Schema, t.Name = "", "_singer_runs" }, "tapline's own"},
		"a schema of ours":   {func(t *table.Table) { t.Schema = "_singer" }, "tapline's own"},
		"around a schema":    {func(t *table.Table) { t.Schema, t.Name = "", "shop" }, "in it or around it"},
		"an own table's key": {func(t *table.Table) { t.Own, t.Name = true, "_singer_runs" }, "go with the checkpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := w.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			tab := orders()
			c.change(tab)
			if _, err := l.Migrate(t.Context(), tab); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("migrate: %v, want a failure with %q", err, c.want)
			}
			if err := l.Rollback(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestADirectoryThatMayNotBeWritten(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write everywhere")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	w := mustOpen(t, Config{URL: dir})
	defer mustClose(t, w)
	l, err := w.Begin(t.Context())
	if err == nil {
		err = add(l, orders(), 1, 2)
	}
	if err == nil || !strings.Contains(err.Error(), "give it the permission") {
		t.Errorf("a load: %v", err)
	}
}
