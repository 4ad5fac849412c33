package singer

import (
	"strings"
	"testing"
)

func TestTargetCommands(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		out  string
		last string
	}{
		{[]string{"status"}, 0, "target-count [] map[]\n", ""},
		{[]string{"count"}, 0, "target-count [] map[]\n", ""},
		{[]string{"status", "a", "--log-level", "info", "b"}, 0, "target-count [a b] map[]\n", ""},
		{[]string{"status", "--since", "2h", "--all", "--kind=b"}, 0, "target-count [] map[all:true kind:b since:2h]\n", ""},
		{[]string{"status", "--all=false"}, 0, "target-count [] map[]\n", ""},
		{[]string{"--log-level", "info", "status", "--all"}, 0, "target-count [] map[all:true]\n", ""},
		{[]string{"mark", "set", "x"}, 0, "target-count [x] map[]\n", ""},
		{[]string{"status", "--help"}, 0, `print what landed

Usage:
  target-count status [NAME]... [flags]

Examples:
  target-count status --config FILE [NAME]...

Flags:
      --all              print everything
      --since DURATION   print what is newer
      --kind a|b         print one kind alone
  -h, --help             help for status

Global Flags:
  -c, --config FILE            settings as JSON in a FILE; repeatable, later files win; ENV reads TARGET_COUNT_<SETTING> and wins over files
      --log-format text|json   of stderr; without it text on a terminal, else json
      --log-level LEVEL        debug, info, warning, error or critical; or set TARGET_COUNT_LOGLEVEL or LOGLEVEL
`, ""},
		{[]string{"stats"}, 2, "", `"stats" is not expected; did you mean "status"?`},
		{[]string{"mark", "gut"}, 2, "", `mark has to be followed by get, set FILE or drop`},
		{[]string{"status", "--sinc", "x"}, 2, "", `--sinc is not a flag; did you mean --since?`},
		{[]string{"count", "x"}, 2, "", `"x" is not expected behind count; --help lists what it takes`},
	} {
		got := runTarget(t, countTarget(), "", append(c.args, "--log-format", "text")...)
		if got.code != c.code || got.out != c.out || !strings.HasSuffix(got.last(), c.last) {
			t.Errorf("%q: exit code %d, stdout %q, stderr %s", c.args, got.code, got.out, got.err)
		}
	}
}
