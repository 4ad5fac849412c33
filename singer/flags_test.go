package singer

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestParseFlags(t *testing.T) {
	p := countTarget().program()
	for _, c := range []struct {
		args   string
		want   flags
		faults []string
	}{
		{"", flags{}, nil},
		{"-c a --config=b --config ENV", flags{config: []string{"a", "b", "ENV"}}, nil},
		{"-input in --check -h", flags{input: "in", check: true, help: true}, nil},
		{"--log-level WARN --log-format json", flags{logLevel: "WARN", logFormat: "json"}, nil},
		{"--log-level loud --log-format xml", flags{logLevel: "loud", logFormat: "xml"}, []string{
			`--log-format must be one of text, json, but is "xml"`,
			`--log-level must be one of debug, info, warning, error, critical, but is "loud"`}},
		{"status --config a x --all --since=1h y -h", flags{config: []string{"a"}, help: true, args: []string{"x", "y"}}, nil},
		{"status --check --al --kind z", flags{}, []string{`--check is not a flag; --help lists them`, `--al is not a flag; did you mean --all?`,
			`--kind must be one of a, b, but is "z"`}},
		{"count x --all", flags{args: []string{"x"}}, []string{
			`--all is not a flag; --help lists them`, `"x" is not expected behind count; --help lists what it takes`}},
		{"--imput x y --nothing=z w --check", flags{check: true, args: []string{"y", "w"}}, []string{
			`--imput is not a flag; did you mean --input?`, `--nothing is not a flag; --help lists them`,
			`"y" is not expected; settings are passed with --config FILE, --help lists the flags`,
			`"w" is not expected; settings are passed with --config FILE, --help lists the flags`}},
		{"--catalog x", flags{}, []string{`--catalog is not a flag; --help lists them`}},
		{"- --check", flags{check: true, args: []string{"-"}}, []string{`"-" is not expected; settings are passed with --config FILE, --help lists the flags`}},
		{"---x -=y --check", flags{check: true}, []string{"bad flag syntax: ---x; --help lists the flags", "bad flag syntax: -=y; --help lists the flags"}},
		{"--check=maybe", flags{}, []string{`invalid boolean value "maybe" for -check: parse error; --help lists the flags`}},
		{"--input", flags{}, []string{`--input needs a value behind it`}},
	} {
		t.Run(c.args, func(t *testing.T) {
			got, err := parseFlags(p, strings.Fields(c.args))
			var faults []string
			var config *ConfigError
			if errors.As(err, &config) {
				faults = config.Faults
			} else if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.faults, faults); diff != "" {
				t.Errorf("faults differ (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(flags{}), cmpopts.IgnoreFields(flags{}, "command", "own")); diff != "" {
				t.Errorf("flags differ (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzParseFlags(f *testing.F) {
	for _, seed := range []string{"", "--config a", "--test --test=all", "- -- --- -=", "status x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		for _, p := range []*program{shopTap().program(), countTarget().program()} {
			_, err := parseFlags(p, strings.Fields(line))
			var config *ConfigError
			if err != nil && (!errors.As(err, &config) || len(config.Faults) == 0) {
				t.Fatalf("%q: %v", line, err)
			}
		}
	})
}
