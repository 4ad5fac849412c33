package singer

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
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
}

// CommandOption is a flag of one [Command].
type CommandOption struct {
	Name    string // without dashes
	Arg     string // what stands behind it, as the help shows it; "" for a switch
	Help    string
	Choices []string // the only values it may have; nil for any
}

// shared are the flags that verbs have in common with loading.
var shared = []string{"config", "log-format", "log-level", "help"}

// ownValue is what the command line said about a verb's own flag.
type ownValue struct {
	text string
	on   bool // of a switch
}

// options lists the flags of the verb in the order of the help. The values of its own go to f.own.
func (c *Command) options(f *flags, p *program) []option {
	f.own = make([]ownValue, len(c.Options))
	var own []option
	for i, o := range c.Options {
		flag := option{name: o.Name, arg: o.Arg, help: o.Help, choices: o.Choices}
		if o.Arg == "" {
			flag.on = &f.own[i].on
		} else {
			flag.text = &f.own[i].text
		}
		own = append(own, flag)
	}
	common := slices.DeleteFunc(f.programOptions(p), func(o option) bool { return !slices.Contains(shared, o.name) })
	return slices.Concat(common[:1], own, common[1:])
}

// values returns what the verb's own flags were set to, by name; "true" for a switch.
func (c *Command) values(f *flags) map[string]string {
	values := map[string]string{}
	for i, o := range c.Options {
		switch value := f.own[i]; {
		case value.on:
			values[o.Name] = "true"
		case value.text != "":
			values[o.Name] = value.text
		}
	}
	return values
}

// printHelp prints what the verb takes.
func (c *Command) printHelp(w io.Writer, p *program) error {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s: %s\n\nUsage:\n  %s\n\nFlags:\n", p.name, c.Name, c.Help, c.usage(p))
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, o := range c.options(new(flags), p) {
		fmt.Fprintf(table, "  %s\t%s\n", o.spelling(), o.help)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(w, text.String())
	return err
}

func (c *Command) usage(p *program) string {
	return strings.TrimSpace(fmt.Sprintf("%s %s --config FILE %s", p.name, c.Name, c.Args))
}
