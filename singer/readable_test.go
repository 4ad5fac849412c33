package singer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSecretsThatEveryUserCanReadAreWarnedOf(t *testing.T) {
	const schema = `{"type":"object","properties":{"api_key":{"type":"string","x-sensitive":true},"page_size":{"type":"integer"},"url":{"type":"string","x-sensitive":true,"x-url":true}}}`
	const secret, reference, plain = `{"api_key":"sk_live_12345"}`, `{"api_key":"env:READABLE_KEY"}`, `{"page_size":5}`
	for _, c := range []struct {
		name, file, text string
		mode, folder     os.FileMode
		want             string
	}{
		{"all can read it", "tap.json", secret, 0o644, 0o755, "which holds api_key; run chmod 600 on it"},
		{"the owner can", "tap.json", secret, 0o600, 0o755, ""},
		{"its folder is closed", "tap.json", secret, 0o644, 0o750, ""},
		{"its folder cannot be listed", "tap.json", secret, 0o644, 0o751, "run chmod 600 on it"},
		{"it says where the secret is", "tap.json", reference, 0o644, 0o755, ""},
		{"there is no secret in it", "tap.json", plain, 0o644, 0o755, ""},
		{"the URL has none", "tap.json", `{"url":"s3://bucket/prefix?region=eu-west-1"}`, 0o644, 0o755, ""},
		{"the URL has one", "tap.json", `{"url":"postgres://shop:sk_live_12345@db/shop"}`, 0o644, 0o755, "which holds url; run chmod 600 on it"},
		{"Meltano wrote it", ".meltano/run/tap.json", secret, 0o644, 0o755, "start Meltano with umask 077"},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder, err := os.MkdirTemp("/tmp", "readable") // where all can go, unlike what t.TempDir makes
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(folder) })
			path := filepath.Join(folder, c.file)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			modes := map[string]os.FileMode{path: c.mode} // not the umask's
			for within := filepath.Dir(path); within != folder; within = filepath.Dir(within) {
				modes[within] = 0o755
			}
			modes[folder] = c.folder
			for name, mode := range modes {
				if err := os.Chmod(name, mode); err != nil {
					t.Fatal(err)
				}
			}
			l := &configLoader{schema: []byte(schema), env: func(name string) (string, bool) { return "sk_live_12345", name == "READABLE_KEY" }}
			if _, err := l.load([]string{path}); err != nil {
				t.Fatal(err)
			}
			got := strings.Join(l.warnings, "\n")
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("warnings %q, want %q", got, c.want)
			}
			if strings.Contains(got, "sk_live") {
				t.Errorf("the secret is in %q", got)
			}
		})
	}
}

func TestURLsAreSecretIfTheyHaveCredentials(t *testing.T) {
	for text, want := range map[string]bool{
		"s3://bucket/prefix": true, "s3://bucket?region=eu-west-1&endpoint=http://127.0.0.1:9000": true, "file:///var/data": true, "file:/run/url": false, "gs://bucket/a%20b": true,
		"postgres://shop@db:5432/shop?sslmode=verify-full": true,
		"postgres://shop:pw@db/shop":                       false, "postgres://shop:@db/shop": false, "postgres://db/shop?password=pw": false, "postgres://db/shop?sslpassword=pw": false,
		"azblob://container?sig=abc": false, "s3://bucket?awsAccessKey=x": false, "s3://bucket?X-Amz-Security-Token=x": false,
		"host=db password=pw": false, "sk_live_12345": false, "env:URL": false, "://": false, "s3://bucket?a=%zz": false, "": false,
	} {
		if got := bareURL(text); got != want {
			t.Errorf("%q is free of credentials: %v, want %v", text, got, want)
		}
	}
}
