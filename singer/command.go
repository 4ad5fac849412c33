package singer

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Command is a verb of a [Target].
type Command struct {
	Name string
	Args string // what may stand behind the verb, as the help shows it: "STREAM"; "" if nothing may
	Help string // a few words
	// Options are the verb's own flags, beside those for the config and the log.
	Options []CommandOption
	// Run does it. args are the arguments that are neither flags nor the verb; what the user wants to see goes to out. The
	// values of the flags are in run.Options.
	Run func(ctx context.Context, run *TargetRun, args []string, out io.Writer) error
	// Commands are the verbs behind this one, one of which has to follow; the other fields but Name and Help are empty then.
	Commands []Command
}

// rootCommand is the program as the command line's library knows it. Running it fills in what is left of the flags.
func (s *session) rootCommand() *cobra.Command {
	p, f := s.program, &s.flags
	root := &cobra.Command{
		Use: p.name, Short: p.description, Long: p.overview(), Example: p.examples(),
		Args: cobra.ArbitraryArgs, ValidArgsFunction: cobra.NoFileCompletions,
		SilenceErrors: true, SilenceUsage: true, DisableAutoGenTag: true,
	}
	s.addFlags(root)
	root.RunE = func(cmd *cobra.Command, args []string) error {
		f.faults = choiceFaults(cmd.Flags())
		for _, stray := range args {
			f.faults = append(f.faults, p.strayFault(stray, cmd.Flags()))
		}
		switch {
		case len(f.faults) > 0:
		case f.version:
			return p.printVersion(cmd.OutOrStdout())
		case f.about:
			return p.printAbout(cmd.OutOrStdout(), f.format)
		default:
			f.work = true
		}
		return nil
	}
	for i := range p.commands {
		root.AddCommand(s.verb(&p.commands[i], p.name))
	}
	root.AddCommand(s.manual())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	if completion, _, err := root.Find([]string{"completion"}); err == nil { // which would take any word behind it
		completion.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
	return root
}

// addFlags gives the program its flags, of which the verbs of a target have some too.
func (s *session) addFlags(root *cobra.Command) {
	p, f, set := s.program, &s.flags, root.Flags()
	set.SortFlags, root.PersistentFlags().SortFlags = false, false
	set.StringArrayVarP(&f.config, "config", "c", nil,
		"settings as JSON in a `FILE`; repeatable, later files win; ENV reads "+p.envPrefix()+"<SETTING> and wins over files")
	switch p.kind {
	case kindTap:
		s.add(root, CommandOption{Name: "catalog", Arg: "FILE", Help: "what to sync; without it, what --discover finds"}, "", &f.catalog)
		s.add(root, CommandOption{Name: "properties", Arg: "FILE", Help: "the same, as older runners call it"}, "p", &f.properties)
		s.add(root, CommandOption{Name: "state", Arg: "FILE", Help: "where the last run got to: the last line of its states"}, "s", &f.state)
		set.BoolVarP(&f.discover, "discover", "d", false, "print the catalog and leave")
		s.add(root, CommandOption{Name: "test", Arg: "all|schema|records", Choices: []string{"all", "schema", "records"},
			Help: "stop after the first record of every selected stream, or after the schemas; no state"}, "", &f.test).NoOptDefVal = "all"
	case kindTarget:
		s.add(root, CommandOption{Name: "input", Arg: "FILE", Help: "read messages from a file instead of stdin"}, "", &f.input)
	}
	set.BoolVar(&f.check, "check", false, "try settings, credentials and permissions, say what would work, and leave")
	s.add(root, CommandOption{Name: "log-format", Arg: "text|json", Choices: []string{"text", "json"},
		Help: "of stderr; without it text on a terminal, else json"}, "", &f.logFormat)
	s.add(root, CommandOption{Name: "log-level", Arg: "LEVEL", Choices: levelNames(),
		Help: "debug, info, warning, error or critical; or set " + p.envPrefix() + "LOGLEVEL or LOGLEVEL"}, "", &f.logLevel)
	s.add(root, CommandOption{Name: "summary-file", Arg: "FILE", Help: "write how the run went, as one JSON object"}, "", &f.summaryFile)
	set.BoolVar(&f.about, "about", false, "describe settings and capabilities and leave")
	formats := []string{"text", "json", "markdown", "meltano"}
	s.add(root, CommandOption{Name: "format", Arg: strings.Join(formats, "|"), Choices: formats, Help: "of --about"}, "", &f.format)
	set.BoolVar(&f.version, "version", false, "print the version and leave")
	for _, shared := range []string{"config", "log-format", "log-level"} {
		root.PersistentFlags().AddFlag(set.Lookup(shared))
	}
}

// verb is a command of a target. Running it fills in what is left of the flags.
func (s *session) verb(c *Command, parent string) *cobra.Command {
	f, path := &s.flags, parent+" "+c.Name
	verb := &cobra.Command{
		Use: strings.TrimSpace(c.Name + " " + c.Args), Short: c.Help, Args: cobra.ArbitraryArgs, ValidArgsFunction: s.completion(c.Args),
		Example: strings.TrimRight("  "+path+" --config FILE "+c.Args, " "),
	}
	verb.Flags().SortFlags = false
	for _, o := range c.Options {
		if o.Arg == "" {
			verb.Flags().Bool(o.Name, false, o.Help)
		} else {
			s.add(verb, o, "", new(string))
		}
	}
	verb.Run = func(cmd *cobra.Command, args []string) {
		f.command, f.options, f.args = c, c.values(cmd.Flags()), args
		f.faults = choiceFaults(cmd.Flags())
		if c.Run == nil {
			f.faults = append(f.faults, c.Name+" has to be followed by "+c.verbs())
		} else if c.Args == "" {
			for _, stray := range args {
				f.faults = append(f.faults, fmt.Sprintf("%q is not expected behind %s; --help lists what it takes", stray, c.Name))
			}
		}
		f.work = len(f.faults) == 0
	}
	for i := range c.Commands {
		verb.AddCommand(s.verb(&c.Commands[i], path))
	}
	return verb
}

// verbs lists those that may follow, one of them "set FILE".
func (c *Command) verbs() string {
	var all []string
	for _, next := range c.Commands {
		all = append(all, strings.TrimSpace(next.Name+" "+next.Args))
	}
	return strings.Join(all[:len(all)-1], ", ") + " or " + all[len(all)-1]
}

// values returns what the verb's own flags were set to, by name; "true" for a switch.
func (c *Command) values(set *pflag.FlagSet) map[string]string {
	values := map[string]string{}
	for _, o := range c.Options {
		if text := set.Lookup(o.Name).Value.String(); text != "" && (o.Arg != "" || text == "true") {
			values[o.Name] = text
		}
	}
	return values
}
