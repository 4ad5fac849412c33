package singer

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// manPages are those of a tap and a target, with settings whose texts are unkind to the formatter.
func manPages(t *testing.T) map[string]string {
	t.Helper()
	tap, target := shopTap(), countTarget()
	target.Config = []byte(`{"type":"object","required":["a-b"],"properties":{
		"a-b":{"type":"string","description":".TH begins no page, 'nor does this, and C:\\temp stays.\n.so /etc/passwd"},
		"'odd":{"type":["integer","null"],"default":-5}}}`)
	pages := map[string]string{}
	for _, p := range []*program{tap.program(), target.program()} {
		_, page, err := readLine(t, p, "man")
		if err != nil {
			t.Fatal(err)
		}
		pages[p.name] = page
	}
	return pages
}

func TestManPageHasItsSections(t *testing.T) {
	heading := regexp.MustCompile(`(?m)^\.SH "(.*)"$`)
	for name, page := range manPages(t) {
		var got []string
		for _, m := range heading.FindAllStringSubmatch(page, -1) {
			got = append(got, m[1])
		}
		const want = "NAME, SYNOPSIS, DESCRIPTION, OPTIONS, COMMANDS, SETTINGS, ENVIRONMENT, EXIT STATUS, EXAMPLES"
		if strings.Join(got, ", ") != want {
			t.Errorf("%s has the sections %s", name, got)
		}
		for line := range strings.Lines(page) {
			if !regexp.MustCompile(`^(\.(TH|SH|SS|PP|TP|B|nf|fi)( "[^"]*")*$|[^.'])`).MatchString(strings.TrimSuffix(line, "\n")) {
				t.Errorf("%s has the line %q", name, line)
			}
			if strings.Contains(strings.ReplaceAll(line, `\-`, ""), "-") {
				t.Errorf("%s has a hyphen that is none to copy: %q", name, line)
			}
		}
	}
}

func TestManShowsThePage(t *testing.T) {
	man, err := exec.LookPath("man")
	if err != nil || runtime.GOOS != "linux" {
		t.Skip("there is no man with -l and --warnings")
	}
	for name, phrases := range map[string][]string{
		"tap-shop": {"tap-shop - reads the orders of a shop", "-s, --state FILE", "--test[=all|schema|records]", "completion bash|fish|powershell|zsh",
			"api_key (string, required)", "A secret: written out, or as file:PATH or env:NAME.", "TAP_SHOP_<SETTING>", "130, 143",
			"tap-shop --config tap.json --discover > catalog.json"},
		"target-count": {"target-count mark set FILE [flags]", "show STREAM", "--but STREAM", "print nothing of this one", "a-b (string, required)",
			`.TH begins no page, 'nor does this, and C:\temp stays.`, ".so /etc/passwd", "'odd (integer)", "Default: -5.", "TARGET_COUNT_LOGLEVEL, LOGLEVEL"},
	} {
		file := filepath.Join(t.TempDir(), name+".1")
		if err := os.WriteFile(file, []byte(manPages(t)[name]), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(man, "--warnings", "-P", "cat", "-l", file)
		cmd.Env = append(os.Environ(), "MANWIDTH=400", "LC_ALL=C", "MAN_KEEP_FORMATTING=")
		var warnings bytes.Buffer
		cmd.Stderr = &warnings
		out, err := cmd.Output()
		if err != nil || warnings.Len() > 0 {
			t.Fatalf("%s: %v\n%s", name, err, &warnings)
		}
		shown := strings.Join(strings.Fields(string(out)), " ")
		for _, phrase := range phrases {
			if !strings.Contains(shown, phrase) {
				t.Errorf("%s does not show %q:\n%s", name, phrase, out)
			}
		}
	}
}

func TestRoffEscapes(t *testing.T) {
	var r roff
	r.macro("B", `say "a-b\c"`)
	r.lines("'a\n.b\n\\c-d\n")
	const want = `.B "say \(dqa\-b\ec\(dq"` + "\n\\&'a\n\\&.b\n\\ec\\-d\n"
	if r.String() != want {
		t.Errorf("got\n%swant\n%s", r.String(), want)
	}
}
