package singer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// complete asks the target what may stand in the place of the last argument.
func complete(t *testing.T, target *Target, args ...string) []string {
	t.Helper()
	_, answer, err := readLine(t, target.program(), append([]string{"__complete"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(answer), "\n")
}

func TestCompletion(t *testing.T) {
	target := countTarget()
	target.Config = []byte(shopSchema)
	target.Streams = func(_ context.Context, run *TargetRun) ([]string, error) {
		return []string{"orders", "refunds"}, nil
	}
	config := shopConfig(t)
	const nothing, files = ":4", ":0"
	for _, c := range []struct {
		args string
		want []string
	}{
		{"--log-l|", []string{"--log-level\tdebug, info, warning, error or critical; or set TARGET_COUNT_LOGLEVEL or LOGLEVEL", nothing}},
		{"--log-format |", []string{"text", "json", nothing}},
		{"--config |", []string{files}},
		{"--input |", []string{files}},
		{"m|", []string{"man\tprint the manual page", "mark\tkeep a mark", nothing}},
		{"mark |", []string{"drop\tdrop the mark", "get\tprint the mark", "set\tread the mark", nothing}},
		{"mark set |", []string{files}},
		{"mark get |", []string{nothing}},
		{"status |", []string{nothing}},
		{"status --kind |", []string{"a", "b", nothing}},
		{"status --since |", []string{nothing}},
		{"show --to |", []string{files}},
		{"show --config " + config + " |", []string{"orders", "refunds", nothing}},
		{"show --config " + config + " --but |", []string{"orders", "refunds", nothing}},
		{"show --config " + config + " orders |", []string{nothing}},
		{"show --config /nowhere |", []string{nothing}},
		{"show |", []string{nothing}},
	} {
		words := strings.Fields(strings.TrimSuffix(c.args, "|"))
		if strings.HasSuffix(c.args, " |") {
			words = append(words, "")
		}
		got := complete(t, target, words...)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.args, diff)
		}
	}
	for name, streams := range map[string]func(context.Context, *TargetRun) ([]string, error){
		"failure": func(context.Context, *TargetRun) ([]string, error) { return nil, errors.New("no warehouse") },
		"panic":   func(context.Context, *TargetRun) ([]string, error) { panic("no warehouse") },
		"none":    nil,
	} {
		target.Streams = streams
		if diff := cmp.Diff([]string{nothing}, complete(t, target, "show", "--config", config, "")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// words stands for the function of the package bash-completion that splits a command line, and does it by blanks alone.
const words = `_get_comp_words_by_ref() { cur=${COMP_WORDS[COMP_CWORD]}; prev=${COMP_WORDS[COMP_CWORD-1]}; words=("${COMP_WORDS[@]}"); cword=$COMP_CWORD; }
`

func TestBashCompletes(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash")
	}
	folder := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"target-count", "tap-endless"} {
		if err := os.Symlink(self, filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ role, line, want string }{
		{"tap", "tap-endless --disc", "--discover"},
		{"tap", "tap-endless --test=sch", "schema"},
		{"tap", "tap-endless comp", "completion"},
		{"target", "target-count sta", "status"},
		{"target", "target-count status --kin", "--kind"},
		{"target", "target-count mark ", "drop  (drop the mark),get   (print the mark),set   (read the mark)"},
		{"target", "target-count --config conf", ""}, // left to bash, which knows the files
	} {
		name, _, _ := strings.Cut(c.line, " ")
		script := fmt.Sprintf(`%sset -o pipefail
PATH=%s:$PATH
source <(%s completion bash)
COMP_LINE=%q COMP_POINT=%d COMP_TYPE=63 COLUMNS=80
read -ra COMP_WORDS <<< "$COMP_LINE"
case $COMP_LINE in *" ") COMP_WORDS+=("");; esac
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
compopt() { :; }
$(complete -p %s | sed 's/.*-F \([^ ]*\).*/\1/')
IFS=,; echo "${COMPREPLY[*]}"
`, words, folder, name, c.line, len(c.line), name)
		cmd := exec.Command(bash, "-c", script)
		cmd.Env = append(os.Environ(), roleVariable+"="+c.role, "GORACE=atexit_sleep_ms=0") // or the race detector lets each process wait a second
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if got := strings.TrimSpace(string(out)); err != nil || got != c.want {
			t.Errorf("%s: completed by %q, want %q; %v\n%s", c.line, got, c.want, err, &stderr)
		}
	}
}
