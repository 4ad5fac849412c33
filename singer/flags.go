package singer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// flags are what the command line said.
type flags struct {
	config                            []string
	catalog, properties, state        string
	input, summaryFile                string
	about, check, discover, version   bool
	test, format, logFormat, logLevel string

	command *Command          // the verb of a target
	options map[string]string // the verb's own flags that were set
	args    []string          // behind the verb
	faults  []string          // of values
	work    bool              // is left to do: the command line has not asked about the program alone
}

// readCommandLine fills in the flags. What the command line asks about the program alone is answered in the text that is
// returned. The error is a [*ConfigError]; what could be read stands in the flags nevertheless, so that the failure is
// told in the form that was asked for.
func (s *session) readCommandLine(ctx context.Context, args []string) (answer []byte, err error) {
	var out bytes.Buffer
	root := s.rootCommand()
	root.SetOut(&out)
	root.SetErr(io.Discard)
	args, faults := settle(root, args)
	root.SetArgs(args)
	if err := root.ExecuteContext(ctx); err != nil {
		faults = append(faults, valueFault(err))
	}
	if faults = append(faults, s.flags.faults...); len(faults) > 0 {
		s.flags.work = false
		return nil, &ConfigError{Source: "the command line", Faults: faults}
	}
	return out.Bytes(), nil
}

// settle readies arguments for the library. It takes out flags that do not exist, with their values, so that one run tells
// of all of them, and lets long names have one dash, as runners of other languages may write them.
func settle(root *cobra.Command, args []string) (settled, faults []string) {
	settled = []string{} // without arguments, the library takes those of the process for nil
	if len(args) > 0 && (args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd) {
		return args, nil
	}
	args = doubleDashes(root, args)
	command, _, err := root.Find(args)
	if err != nil {
		command = root
	}
	command.InitDefaultHelpFlag() // and takes over the flags that verbs inherit
	for len(args) > 0 {
		name, _, valued := strings.Cut(strings.TrimLeft(args[0], "-"), "=")
		if args[0] == "--" {
			return append(settled, args...), faults
		}
		if len(args[0]) < 2 || args[0][0] != '-' {
			settled, args = append(settled, args[0]), args[1:]
			continue
		}
		flag := lookUp(command, name)
		taken := 1
		switch {
		case valued || len(args) == 1:
		case flag == nil && !strings.HasPrefix(args[1], "-"), flag != nil && flag.NoOptDefVal == "":
			taken = 2
		}
		if flag == nil {
			faults = append(faults, unknownFlag(command, name))
		} else {
			dashes := "--"
			if len(name) == 1 {
				dashes = "-"
			}
			settled = append(append(settled, dashes+strings.TrimLeft(args[0], "-")), args[1:taken]...)
		}
		args = args[taken:]
	}
	return settled, faults
}

// doubleDashes writes the program's long flags with two dashes, so that the verb behind one is told from its value.
func doubleDashes(root *cobra.Command, args []string) []string {
	args = slices.Clone(args)
	for i, arg := range args {
		name, _, _ := strings.Cut(strings.TrimPrefix(arg, "-"), "=")
		if len(name) > 1 && name[0] != '-' && arg[0] == '-' && root.Flags().Lookup(name) != nil {
			args[i] = "-" + arg
		}
	}
	return args
}

func lookUp(command *cobra.Command, name string) *pflag.Flag {
	if len(name) == 1 {
		return command.Flags().ShorthandLookup(name)
	}
	return command.Flags().Lookup(name)
}

func unknownFlag(command *cobra.Command, name string) string {
	var names []string
	command.Flags().VisitAll(func(flag *pflag.Flag) { names = append(names, flag.Name) })
	fault := fmt.Sprintf("--%s is not a flag", name)
	if near := nearest(name, names); near != "" {
		return fault + fmt.Sprintf("; did you mean --%s?", near)
	}
	return fault + "; --help lists them"
}

// valueFault says in our words what the library says in its own.
func valueFault(err error) string {
	if missing, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return fmt.Sprintf("--%s needs a value behind it", missing.GetFlag().Name)
	}
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return fmt.Sprintf("--%s is a switch, and cannot be %q", invalid.GetFlag().Name, invalid.GetValue())
	}
	return err.Error() + "; --help lists what there is"
}

// strayFault is about an argument of a program that takes none. set has the flags, of which one that may stand alone takes
// no value from behind it.
func (p *program) strayFault(arg string, set *pflag.FlagSet) string {
	var names []string
	alone := ""
	set.Visit(func(flag *pflag.Flag) {
		if flag.NoOptDefVal != "" && slices.Contains(flag.Annotations[choicesOf], arg) {
			alone = flag.Name
		}
	})
	if alone != "" {
		return fmt.Sprintf("%q is not expected behind a space; write --%s=%s", arg, alone, arg)
	}
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
