package singer

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// flags are what the command line said.
type flags struct {
	config                            []string
	catalog, properties, state        string
	input, summaryFile                string
	about, check, discover            bool
	help, version                     bool
	test, format, logFormat, logLevel string

	command *Command   // the verb of a target
	own     []ownValue // of the verb's own flags, in their order
	args    []string   // behind the verb
}

// option is one flag: where its value goes and what the help says.
type option struct {
	name, short string
	arg         string // what stands behind it, "" for a switch
	help        string
	choices     []string

	text   *string   // one of these
	list   *[]string // each use adds one
	on     *bool
	choice *string // a text with a value of its own when none is given: "all"
}

// options lists the flags of the verb, or without one of the program, in the order of the help.
func (f *flags) options(p *program) []option {
	if f.command != nil {
		return f.command.options(f, p)
	}
	return f.programOptions(p)
}

// programOptions lists the flags of a tap or a target.
func (f *flags) programOptions(p *program) []option {
	all := []option{
		{name: "config", short: "c", arg: "FILE|ENV", list: &f.config,
			help: "settings as JSON; repeatable, later files win; ENV reads " + p.envPrefix() + "<SETTING> and wins over files"},
	}
	switch p.kind {
	case kindTap:
		all = append(all,
			option{name: "catalog", arg: "FILE", text: &f.catalog, help: "what to sync; without it, what --discover finds"},
			option{name: "properties", short: "p", arg: "FILE", text: &f.properties, help: "the same, as older runners call it"},
			option{name: "state", short: "s", arg: "FILE", text: &f.state, help: "where the last run got to: the last line of its states"},
			option{name: "discover", short: "d", on: &f.discover, help: "print the catalog and leave"},
			option{name: "test", arg: "all|schema|records", choice: &f.test, choices: []string{"all", "schema", "records"},
				help: "stop after the first record of every selected stream, or after the schemas; no state"})
	case kindTarget:
		all = append(all,
			option{name: "input", arg: "FILE", text: &f.input, help: "read messages from a file instead of stdin"})
	}
	return append(all,
		option{name: "check", on: &f.check, help: "try settings, credentials and permissions, say what would work, and leave"},
		option{name: "log-format", arg: "text|json", text: &f.logFormat, choices: []string{"text", "json"},
			help: "of stderr; without it text on a terminal, else json"},
		option{name: "log-level", arg: "LEVEL", text: &f.logLevel, choices: levelNames(),
			help: "debug, info, warning, error or critical; or set " + p.envPrefix() + "LOGLEVEL or LOGLEVEL"},
		option{name: "summary-file", arg: "FILE", text: &f.summaryFile, help: "write how the run went, as one JSON object"},
		option{name: "about", on: &f.about, help: "describe settings and capabilities and leave"},
		option{name: "format", arg: "text|json|markdown|meltano", text: &f.format, choices: []string{"text", "json", "markdown", "meltano"}, help: "of --about"},
		option{name: "version", on: &f.version, help: "print the version and leave"},
		option{name: "help", short: "h", on: &f.help, help: "print this and leave"},
	)
}

// parseFlags reads a command line. The error is a [*ConfigError]; what could be read stands in the result nevertheless,
// so that the failure is told in the form that was asked for.
func parseFlags(p *program, args []string) (flags, error) {
	var f flags
	if len(args) > 0 {
		if i := slices.IndexFunc(p.commands, func(c Command) bool { return c.Name == args[0] }); i >= 0 {
			f.command, args = &p.commands[i], args[1:]
		}
	}
	options := f.options(p)
	set := flag.NewFlagSet(p.name, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	for _, o := range options {
		o.define(set, o.name)
		if o.short != "" {
			o.define(set, o.short)
		}
	}
	faults := f.parse(set, args, options)
	for _, stray := range f.args {
		switch {
		case f.command == nil:
			faults = append(faults, p.strayFault(stray))
		case f.command.Args == "":
			faults = append(faults, fmt.Sprintf("%q is not expected behind %s; --help lists what it takes", stray, f.command.Name))
		}
	}
	faults = append(faults, f.choiceFaults(options)...)
	if len(faults) > 0 {
		return f, &ConfigError{Source: "the command line", Faults: faults}
	}
	return f, nil
}

// parse lets flags and other arguments stand in any order, and goes on behind a flag that is at fault.
func (f *flags) parse(set *flag.FlagSet, args []string, options []option) (faults []string) {
	for len(args) > 0 {
		err := set.Parse(args)
		taken := len(args) - set.NArg()
		if err == nil {
			if rest := set.Args(); len(rest) > 0 {
				f.args, taken = append(f.args, rest[0]), taken+1
			}
			args = args[taken:]
			continue
		}
		faults = append(faults, flagFault(err.Error(), options))
		taken = max(taken, 1) // package flag stops in front of -=x
		valued := strings.Contains(args[taken-1], "=")
		args = args[taken:]
		if !valued && len(args) > 0 && !strings.HasPrefix(args[0], "-") {
			args = args[1:] // the value of the flag at fault
		}
	}
	return faults
}

func (o option) define(set *flag.FlagSet, name string) {
	switch {
	case o.text != nil:
		set.StringVar(o.text, name, "", "")
	case o.on != nil:
		set.BoolVar(o.on, name, false, "")
	case o.list != nil:
		set.Func(name, "", func(value string) error {
			*o.list = append(*o.list, value)
			return nil
		})
	case o.choice != nil:
		set.BoolFunc(name, "", func(value string) error {
			if *o.choice = value; value == "true" { // what package flag gives for a bare --test
				*o.choice = o.choices[0]
			}
			return nil
		})
	}
}

// choiceFaults finds flags whose value is none of those they can have.
func (f *flags) choiceFaults(options []option) (faults []string) {
	for _, o := range options {
		value := o.text
		if value == nil {
			value = o.choice
		}
		if value == nil || *value == "" || len(o.choices) == 0 || slices.Contains(o.choices, *value) {
			continue
		}
		if _, ok := parseLevel(*value); ok && o.name == "log-level" {
			continue
		}
		faults = append(faults, fmt.Sprintf("--%s must be one of %s, but is %q", o.name, strings.Join(o.choices, ", "), *value))
	}
	return faults
}

// flagFault says in our words what package flag says in its own.
func flagFault(text string, options []option) string {
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
		var names []string
		for _, o := range options {
			names = append(names, o.name)
		}
		fault := fmt.Sprintf("--%s is not a flag", strings.TrimLeft(name, "-"))
		if near := nearest(name, names); near != "" {
			return fault + fmt.Sprintf("; did you mean --%s?", near)
		}
		return fault + "; --help lists them"
	}
	if name, ok := strings.CutPrefix(text, "flag needs an argument: -"); ok {
		return fmt.Sprintf("--%s needs a value behind it", name)
	}
	return text + "; --help lists the flags"
}

func (p *program) strayFault(arg string) string {
	var names []string
	for _, c := range p.commands {
		names = append(names, c.Name)
	}
	if slices.Contains(names, arg) {
		return fmt.Sprintf("%q has to be the first argument", arg)
	}
	fault := fmt.Sprintf("%q is not expected", arg)
	if near := nearest(arg, names); near != "" {
		return fault + fmt.Sprintf("; did you mean %q?", near)
	}
	return fault + "; settings are passed with --config FILE, --help lists the flags"
}
