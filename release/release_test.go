// Package release tests the script that makes the archives of a release.
package release

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// clone copies what is committed, with the folder release as it stands, so that no commit changes it meanwhile.
func clone(t *testing.T) string {
	t.Helper()
	for _, tool := range []string{"git", "bash", "tar", "sha256sum"} {
		if _, err := exec.LookPath(tool); err != nil || runtime.GOOS != "linux" {
			t.Skip("releases are made on Linux, with git, bash, tar and sha256sum")
		}
	}
	if _, err := os.Stat("../.git"); err != nil {
		t.Skip("this is no clone of the repository, so there is no commit to release")
	}
	folder := filepath.Join(t.TempDir(), "clone")
	command(t, "git", "clone", "-q", "..", folder)
	command(t, "cp", "-R", ".", filepath.Join(folder, "release"))
	return folder
}

func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

func TestARelease(t *testing.T) {
	if testing.Short() {
		t.Skip("it links a tap twice")
	}
	t.Setenv("VERSION", "v1.2.3")
	folder, platform := clone(t), runtime.GOOS+"_"+runtime.GOARCH
	script := filepath.Join(folder, "release", "build.sh")
	first, second := filepath.Join(t.TempDir(), "dist"), filepath.Join(t.TempDir(), "elsewhere")
	tap := "tap-recharge/" + strings.ReplaceAll(platform, "_", "/")
	said := command(t, script, first, tap, "target-warehouse/plan9/arm")
	name := "tap-recharge_v1.2.3_" + platform

	if !regexp.MustCompile(`(?m)^tap-recharge v1\.2\.3 \(.*, commit [0-9a-f]{12} of 20\d\d-\d\d-\d\d\)$`).MatchString(said) {
		t.Errorf("the binary does not say who it is:\n%s", said)
	}
	if !strings.Contains(said, "not made: target-warehouse plan9/arm: DuckDB is C++") {
		t.Errorf("what cannot be made is left out silently:\n%s", said)
	}
	want := []string{"NOT-MADE.txt", "SHA256SUMS", name + ".cdx.json", name + ".tar.gz"}
	if got := files(t, first); !slices.Equal(got, want) {
		t.Errorf("dist has %q, want %q", got, want)
	}
	members := unpack(t, filepath.Join(first, name+".tar.gz"))
	for member, holds := range map[string]string{
		"tap-recharge": "\x7fELF", "README.md": "# tapline", "man/man1/tap-recharge.1": `.SH "EXIT STATUS"`,
		"completions/tap-recharge.bash": "complete -o default", "completions/_tap-recharge": "#compdef tap-recharge",
		"completions/tap-recharge.fish": "complete -c tap-recharge", "completions/tap-recharge.ps1": "Register-ArgumentCompleter",
	} {
		if !strings.Contains(members[name+"/"+member], holds) {
			t.Errorf("%s does not hold %q", member, holds)
		}
	}
	var bill struct {
		Components []struct{ Name, Version string }
	}
	if err := json.Unmarshal([]byte(read(t, filepath.Join(first, name+".cdx.json"))), &bill); err != nil {
		t.Fatal(err)
	}
	if len(bill.Components) < 5 || bill.Components[0].Name != "std" {
		t.Errorf("the bill of materials lists %v", bill.Components)
	}

	command(t, script, second, tap)
	if once, again := read(t, filepath.Join(first, "SHA256SUMS")), read(t, filepath.Join(second, "SHA256SUMS")); once != again {
		t.Errorf("two builds differ:\n%s\n%s", once, again)
	}
}

func TestAReleaseOfNothingFails(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), filepath.Join(clone(t), "release", "build.sh"), t.TempDir(), "target-warehouse/plan9/arm")
	if out, err := cmd.CombinedOutput(); err == nil {
		t.Errorf("it succeeds:\n%s", out)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func files(t *testing.T, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// unpack returns the files of an archive by name.
func unpack(t *testing.T, path string) map[string]string {
	t.Helper()
	packed, err := gzip.NewReader(strings.NewReader(read(t, path)))
	if err != nil {
		t.Fatal(err)
	}
	members := map[string]string{}
	for archive := tar.NewReader(packed); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return members
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		members[header.Name] = string(text)
	}
}
