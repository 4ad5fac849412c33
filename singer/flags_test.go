package singer

import (
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// readLine reads a command line as a run does.
func readLine(t *testing.T, p *program, args ...string) (flags, string, error) {
	t.Helper()
	s := &session{program: p, log: slog.New(slog.DiscardHandler), console: &console{out: io.Discard}, stdio: IO{Env: envOf(nil)}}
	answer, err := s.readCommandLine(t.Context(), args)
	return s.flags, string(answer), err
}

func TestReadCommandLine(t *testing.T) {
	p := countTarget().program()
	for _, c := range []struct {
		args   string
		want   flags
		faults []string
	}{
		{"", flags{work: true}, nil},
		{"-c a --config=b --config ENV -config c -config=d -c=e --c f", flags{config: []string{"a", "b", "ENV", "c", "d", "e", "f"}, work: true}, nil},
		{"-input in --check", flags{input: "in", check: true, work: true}, nil},
		{"--input - --check=false", flags{input: "-", work: true}, nil},
		{"--input in -h --check", flags{input: "in", check: true}, nil},
		{"--version --check", flags{version: true, check: true}, nil},
		{"--log-level WARN --log-format json", flags{logLevel: "WARN", logFormat: "json", work: true}, nil},
		{"--log-level loud --log-format xml", flags{logLevel: "loud", logFormat: "xml"}, []string{
			`--log-level must be one of debug, info, warning, error, critical, but is "loud"`,
			`--log-format must be one of text, json, but is "xml"`}},
		{"status --config a x --all --since=1h y", flags{config: []string{"a"}, args: []string{"x", "y"},
			options: map[string]string{"all": "true", "since": "1h"}, work: true}, nil},
		{"-config status --log-level info status --since -2h --all=false", flags{config: []string{"status"}, logLevel: "info",
			options: map[string]string{"since": "-2h"}, args: []string{}, work: true}, nil},
		{"status --check --al --kind z", flags{options: map[string]string{"kind": "z"}, args: []string{}}, []string{
			`--check is not a flag; --help lists them`, `--al is not a flag; did you mean --all?`, `--kind must be one of a, b, but is "z"`}},
		{"count x --all", flags{args: []string{"x"}, options: map[string]string{}}, []string{
			`--all is not a flag; --help lists them`, `"x" is not expected behind count; --help lists what it takes`}},
		{"mark", flags{args: []string{}, options: map[string]string{}}, []string{`mark has to be followed by get, set FILE or drop`}},
		{"mark git", flags{args: []string{"git"}, options: map[string]string{}}, []string{`mark has to be followed by get, set FILE or drop`}},
		{"mark set -all f -to=g", flags{args: []string{"f"}, options: map[string]string{"all": "true", "to": "g"}, work: true}, nil},
		{"mark get", flags{args: []string{}, options: map[string]string{}, work: true}, nil},
		{"mark get x", flags{args: []string{"x"}, options: map[string]string{}}, []string{`"x" is not expected behind get; --help lists what it takes`}},
		{"--imput x y --nothing=z w --check", flags{check: true}, []string{
			`--imput is not a flag; did you mean --input?`, `--nothing is not a flag; --help lists them`,
			`"y" is not expected; settings are passed with --config FILE, --help lists the flags`,
			`"w" is not expected; settings are passed with --config FILE, --help lists the flags`}},
		{"--catalog x", flags{}, []string{`--catalog is not a flag; --help lists them`}},
		{"-cx --check", flags{check: true}, []string{`--cx is not a flag; --help lists them`}},
		{"- --check", flags{check: true}, []string{`"-" is not expected; settings are passed with --config FILE, --help lists the flags`}},
		{"--check -- --input", flags{check: true}, []string{`"--input" is not expected; settings are passed with --config FILE, --help lists the flags`}},
		{"---x -=y --check", flags{check: true}, []string{"--x is not a flag; --help lists them", "-- is not a flag; --help lists them"}},
		{"--check=maybe", flags{}, []string{`--check is a switch, and cannot be "maybe"`}},
		{"--log-format=", flags{}, []string{`--log-format must be one of text, json, but is ""`}},
		{"--input", flags{}, []string{`--input needs a value behind it`}},
		{"-c", flags{}, []string{`--config needs a value behind it`}},
		{"completion tcsh", flags{}, []string{`unknown command "tcsh" for "target-count completion"; --help lists what there is`}},
	} {
		t.Run(c.args, func(t *testing.T) {
			got, _, err := readLine(t, p, strings.Fields(c.args)...)
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
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(flags{}), cmpopts.IgnoreFields(flags{}, "command", "faults")); diff != "" {
				t.Errorf("flags differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestShortFormsAreThoseOfSinger(t *testing.T) {
	got, _, err := readLine(t, shopTap().program(), "-c", "a", "-p", "b", "-s", "c", "-d", "--test")
	want := flags{config: []string{"a"}, properties: "b", state: "c", discover: true, test: "all", work: true}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(flags{})); diff != "" || err != nil {
		t.Errorf("%v, flags differ (-want +got):\n%s", err, diff)
	}
}

func TestAValueBehindAFlagThatMayStandAlone(t *testing.T) {
	for args, want := range map[string]string{
		"--test schema": `"schema" is not expected behind a space; write --test=schema`,
		"schema --test": `"schema" is not expected behind a space; write --test=schema`,
		"--test scheme": `"scheme" is not expected; settings are passed with --config FILE, --help lists the flags`,
		"schema":        `"schema" is not expected; settings are passed with --config FILE, --help lists the flags`,
	} {
		_, _, err := readLine(t, shopTap().program(), strings.Fields(args)...)
		var config *ConfigError
		if !errors.As(err, &config) || len(config.Faults) != 1 || config.Faults[0] != want {
			t.Errorf("%s: %v, want %s", args, err, want)
		}
	}
}

func FuzzReadCommandLine(f *testing.F) {
	for _, seed := range []string{"", "--config a", "--test --test=all", "- -- --- -=", "status x", "help status", "-config=", " --input  x", "__complete status --"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		for _, p := range []*program{shopTap().program(), countTarget().program()} {
			_, _, err := readLine(t, p, strings.Split(line, " ")...)
			var config *ConfigError
			if err != nil && (!errors.As(err, &config) || len(config.Faults) == 0) {
				t.Fatalf("%q: %v", line, err)
			}
		}
	})
}
