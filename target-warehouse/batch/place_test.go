package batch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLocateReadsURIs(t *testing.T) {
	for uri, want := range map[string]place{
		"file:///tmp/a.jsonl":             {path: "/tmp/a.jsonl", literal: "/tmp/a.jsonl"},
		"file:/tmp/a":                     {path: "/tmp/a", literal: "/tmp/a"},
		"file://localhost/tmp/a":          {path: "/tmp/a", literal: "/tmp/a"},
		"file://tests/data/a.gz":          {path: "tests/data/a.gz", literal: "tests/data/a.gz"},
		"file://./a":                      {path: "./a", literal: "./a"},
		"file:///tmp/a%20b%C3%A9":         {path: "/tmp/a bé", literal: "/tmp/a%20b%C3%A9"},
		"file:///tmp/100%":                {path: "/tmp/100%", literal: "/tmp/100%"},
		"file:///tmp/a?b#c":               {path: "/tmp/a?b#c", literal: "/tmp/a?b#c"},
		"/tmp/a%20b":                      {path: "/tmp/a%20b", literal: "/tmp/a%20b"},
		"data/a.parquet":                  {path: "data/a.parquet", literal: "data/a.parquet"},
		"s3://bucket/path/to/a.gz":        {scheme: "s3", bucket: "bucket", key: "path/to/a.gz"},
		"S3://bucket/a%20b#c":             {scheme: "s3", bucket: "bucket", key: "a%20b#c"},
		"gs://bucket/a":                   {scheme: "gs", bucket: "bucket", key: "a"},
		"azblob://box/dir/a":              {scheme: "azblob", bucket: "box", key: "dir/a"},
		"s3://b/k?region=x&endpoint=http": {shown: "s3://b/k", scheme: "s3", bucket: "b", key: "k", query: "region=x&endpoint=http"},
	} {
		if want.shown == "" {
			want.shown = uri
		}
		got, err := locate(uri)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(place{})); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got)\n%s", uri, err, diff)
		}
	}
}

func TestLocateRefusesOtherURIs(t *testing.T) {
	for uri, want := range map[string]string{
		"https://host/a?X-Amz-Signature=s3cret": "https://host/a: URIs of this kind are not read; only file://, s3://, gs:// and azblob:// are",
		"ftp://me:s3cret@host/a":                "ftp://host/a: URIs of this kind are not read; only file://, s3://, gs:// and azblob:// are",
		"s3://me:s3cret@bucket/a":               "s3://bucket/a: the URI has credentials in it, which are not used: give them by the environment and take them out of the URI",
		"s3://me:s3cr@et@bucket/a":              "s3://bucket/a: the URI has credentials in it, which are not used: give them by the environment and take them out of the URI",
		"s3://bucket":                           "s3://bucket/: the URI does not name a bucket and an object, as s3://bucket/path does",
		"s3://bucket/?sig=s3cret":               "s3://bucket/: the URI does not name a bucket and an object, as s3://bucket/path does",
		"gs:///a":                               "gs:///a: the URI does not name a bucket and an object, as gs://bucket/path does",
		"file:":                                 "file:: the URI does not name a file",
	} {
		_, err := Open(t.Context(), uri, "jsonl", "")
		if err == nil || err.Error() != want {
			t.Errorf("%s gives %v\nwant %s", uri, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "cret") {
			t.Errorf("a secret is shown: %v", err)
		}
	}
}

func TestAPathIsReadDecodedOrElseAsItStands(t *testing.T) {
	dir := t.TempDir()
	put := func(name string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(`{"name":"`+name+`"}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	uri := "file://" + dir + "/a%20b"
	put("a%20b")
	if text, _, err := read(t, open(t, uri, "jsonl", ""), 0); err != nil || text != `{"name":"a%20b"}`+"\n" {
		t.Errorf("the name as it stands gives %q, %v", text, err)
	}
	put("a b")
	f := open(t, uri, "jsonl", "")
	if text, _, err := read(t, f, 0); err != nil || text != `{"name":"a b"}`+"\n" {
		t.Errorf("the decoded name gives %q, %v", text, err)
	}
	if err := f.Remove(); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(dir + "/*"); len(left) != 1 || filepath.Base(left[0]) != "a%20b" {
		t.Errorf("Remove leaves %q", left)
	}
}
