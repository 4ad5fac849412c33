package tests

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"tapline/schemas"
	"tapline/tests/fake/stripe/stripefake"
)

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestReadmeCommands runs every shell block of the README against a fake account.
func TestReadmeCommands(t *testing.T) {
	fake, url := startFake(t, stripefake.Options{Seed: 2, Counts: counts(30)})
	p := newProject(t, url, "", "")
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(readFile(t, "../README.md"), -1)
	if len(blocks) == 0 {
		t.Fatal("the README has no shell block")
	}
	for _, block := range blocks {
		cmd := exec.Command("bash", "-euo", "pipefail", "-c", block[1])
		cmd.Dir = p.dir
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Run(); err != nil {
			t.Errorf("%v of\n%s\n%s", err, block[1], out.String())
		}
		if !strings.Contains(out.String(), "succeeded") {
			t.Errorf("the block does not end with the status of its runs:\n%s", out.String())
		}
	}
	compareAccount(t, fake, p)
}

// TestDocumentsNameWhatThereIs holds the make targets and settings that the documents name against the real ones, and the files
// that the README leads to.
func TestDocumentsNameWhatThereIs(t *testing.T) {
	makefile, readme := readFile(t, "../Makefile"), readFile(t, "../README.md")
	for _, document := range []string{readme, readFile(t, "../CONTRIBUTING.md")} {
		for _, target := range regexp.MustCompile("`make ([a-z-]+)`").FindAllStringSubmatch(document, -1) {
			if !strings.Contains(makefile, "\n"+target[1]+":") {
				t.Errorf("make %s is documented and does not exist", target[1])
			}
		}
	}
	for _, link := range regexp.MustCompile(`\]\(([a-zA-Z/.-]+)\)`).FindAllStringSubmatch(readme, -1) {
		if _, err := os.Stat("../" + link[1]); err != nil {
			t.Errorf("the README leads to %s: %v", link[1], err)
		}
	}
	for _, binary := range []string{"tap-recharge", "tap-stripe", "target-warehouse"} {
		var schema struct{ Properties map[string]any }
		if err := json.Unmarshal(schemas.Config(binary), &schema); err != nil {
			t.Fatal(err)
		}
		_, section, _ := strings.Cut(readFile(t, "../docs/"+binary+".md"), "\n## Settings")
		section, _, _ = strings.Cut(section, "\n#")
		named := map[string]bool{}
		for _, word := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(section, -1) {
			named[word[1]] = true
		}
		for setting := range schema.Properties {
			if !named[setting] {
				t.Errorf("docs/%s.md does not name the setting %s", binary, setting)
			}
		}
	}
}
