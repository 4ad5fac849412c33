package singer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// CommandOption is a flag, such as one of a [Command].
type CommandOption struct {
	Name string // without dashes
	// Arg is what stands behind it, as the help shows it; "" for a switch. Shells complete a FILE, and a STREAM by
	// [Target.Streams].
	Arg     string
	Help    string
	Choices []string // the only values it may have; nil for any
}

// value is the value of a flag that has something behind it; the last one counts.
type value struct {
	arg  string
	text *string
}

func (v value) String() string { return *v.text }

func (v value) Type() string { return v.arg }

func (v value) Set(text string) error {
	*v.text = text
	return nil
}

// choices is the annotation of flags that have a few values.
const choicesOf = "choices"

// add gives a command a flag that has something behind it.
func (s *session) add(command *cobra.Command, o CommandOption, short string, into *string) *pflag.Flag {
	flag := command.Flags().VarPF(value{o.Arg, into}, o.Name, short, o.Help)
	var completion cobra.CompletionFunc
	switch {
	case o.Choices != nil:
		flag.Annotations = map[string][]string{choicesOf: o.Choices}
		completion = cobra.FixedCompletions(o.Choices, cobra.ShellCompDirectiveNoFileComp)
	default:
		completion = s.completion(o.Arg)
	}
	_ = command.RegisterFlagCompletionFunc(o.Name, completion) // which fails for flags that there are not
	return flag
}

// choiceFaults finds flags whose value is none of those they can have.
func choiceFaults(set *pflag.FlagSet) (faults []string) {
	set.Visit(func(flag *pflag.Flag) {
		choices, text := flag.Annotations[choicesOf], flag.Value.String()
		if choices == nil || slices.Contains(choices, text) {
			return
		}
		if _, ok := parseLevel(text); ok && flag.Name == "log-level" {
			return
		}
		faults = append(faults, fmt.Sprintf("--%s must be one of %s, but is %q", flag.Name, strings.Join(choices, ", "), text))
	})
	return faults
}
