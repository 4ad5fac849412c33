package singer

import (
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// manual is the command man, which prints the manual page. The library has a writer of pages too, but that one knows no
// settings, shows flags as --catalog= and --check[=false], and makes a tap a megabyte larger.
func (s *session) manual() *cobra.Command {
	return &cobra.Command{
		Use: "man", Short: "print the manual page", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, _, err := parseSettings(s.program.config)
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write([]byte(s.program.manPage(cmd.Root(), settings)))
			return err
		},
	}
}

func (p *program) manPage(root *cobra.Command, settings *setting) string {
	var r roff
	date := ""
	if _, at := commit(); !at.IsZero() {
		date = at.UTC().Format(time.DateOnly)
	}
	r.macro("TH", strings.ToUpper(p.name), "1", date, p.name+" "+p.version, "tapline")
	r.macro("SH", "NAME")
	r.lines(p.name + " - " + strings.TrimSuffix(p.description, "."))
	r.macro("SH", "SYNOPSIS")
	r.verbatim(root.UseLine())
	for _, verb := range listed(root) {
		r.verbatim(verb.UseLine())
	}
	r.macro("SH", "DESCRIPTION")
	r.lines(p.description)
	r.macro("PP")
	r.lines(protocolNote)
	r.macro("SH", "OPTIONS")
	manFlags(&r, root.LocalFlags())
	r.macro("SH", "COMMANDS")
	r.macro("SS", "completion bash|fish|powershell|zsh")
	r.lines("print what makes the shell complete commands and flags; --help behind it says where that belongs")
	for _, verb := range listed(root) {
		r.macro("SS", strings.TrimSuffix(strings.TrimPrefix(verb.UseLine(), p.name+" "), " [flags]"))
		r.lines(verb.Short)
		manFlags(&r, verb.LocalNonPersistentFlags())
	}
	r.macro("SH", "SETTINGS")
	p.manSettings(&r, settings)
	r.macro("SH", "EXIT STATUS")
	for _, c := range exitCodes {
		r.item(c.code, c.meaning)
	}
	r.macro("SH", "EXAMPLES")
	r.verbatim(p.examples())
	return r.String()
}

// listed are the program's own commands that can be run, at any depth.
func listed(command *cobra.Command) (all []*cobra.Command) {
	for _, c := range command.Commands() {
		switch {
		case c.Name() == "completion":
		case c.HasSubCommands():
			all = append(all, listed(c)...)
		case c.IsAvailableCommand():
			c.InheritedFlags() // takes them over, which the line of its usage tells of
			all = append(all, c)
		}
	}
	return all
}

func manFlags(r *roff, set *pflag.FlagSet) {
	set.VisitAll(func(flag *pflag.Flag) {
		if flag.Name == "help" {
			return
		}
		arg, help := pflag.UnquoteUsage(flag)
		term := "--" + flag.Name
		if flag.Shorthand != "" {
			term = "-" + flag.Shorthand + ", " + term
		}
		switch {
		case arg == "":
		case flag.NoOptDefVal != "":
			term += "[=" + arg + "]"
		default:
			term += " " + arg
		}
		r.item(term, help)
	})
}

func (p *program) manSettings(r *roff, settings *setting) {
	r.lines("The files of --config are JSON objects with these members. With --config ENV, " + p.envPrefix() +
		"<SETTING> in the environment, in capitals, sets each of them.")
	for _, s := range settings.Properties {
		term := s.Name + " (" + s.Types.String()
		if s.requiredIn(settings) {
			term += ", required"
		}
		about := s.describe()
		if s.Default != nil {
			about += " Default: " + string(s.Default) + "."
		}
		r.item(term+")", strings.TrimSpace(about))
	}
	r.macro("SH", "ENVIRONMENT")
	r.item(p.envPrefix()+"<SETTING>", "A setting, heeded with --config ENV.")
	r.item(p.envPrefix()+"LOGLEVEL, LOGLEVEL", "The level of the log, without --log-level.")
	r.item("NO_COLOR", "Set to anything, no colors on a terminal.")
}
