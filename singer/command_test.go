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
		{[]string{"status", "--help"}, 0, `target-count status: print what landed

Usage:
  target-count status --config FILE [NAME]...

Flags:
  -c, --config FILE|ENV       settings as JSON; repeatable, later files win; ENV reads TARGET_COUNT_<SETTING> and wins over files
      --all                   print everything
      --since DURATION        print what is newer
      --kind a|b              print one kind alone
      --log-format text|json  of stderr; without it text on a terminal, else json
      --log-level LEVEL       debug, info, warning, error or critical; or set TARGET_COUNT_LOGLEVEL or LOGLEVEL
  -h, --help                  print this and leave
`, ""},
		{[]string{"stats"}, 2, "", `"stats" is not expected; did you mean "status"?`},
		{[]string{"--log-level", "info", "status"}, 2, "", `"status" has to be the first argument`},
		{[]string{"status", "--sinc", "x"}, 2, "", `--sinc is not a flag; did you mean --since?`},
		{[]string{"count", "x"}, 2, "", `"x" is not expected behind count; --help lists what it takes`},
	} {
		got := runTarget(t, countTarget(), "", append(c.args, "--log-format", "text")...)
		if got.code != c.code || got.out != c.out || !strings.HasSuffix(got.last(), c.last) {
			t.Errorf("%q: exit code %d, stdout %q, stderr %s", c.args, got.code, got.out, got.err)
		}
	}
}
