package singer

import (
	"context"
	"time"

	"github.com/spf13/cobra"
)

// completionLimit is how long a shell waits for the names of streams.
const completionLimit = 3 * time.Second

// completion completes what the help calls arg: a FILE by the shell, a STREAM by those that were loaded, others not at all.
func (s *session) completion(arg string) cobra.CompletionFunc {
	switch arg {
	case "FILE":
		return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveDefault
		}
	case "STREAM":
		return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return s.streams(cmd.Context()), cobra.ShellCompDirectiveNoFileComp
		}
	}
	return cobra.NoFileCompletions
}

// streams asks the target for its streams, with the config that the command line names so far. It has none to offer
// where that fails, as there is nobody to tell why.
func (s *session) streams(ctx context.Context) (names []string) {
	if s.program.streams == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, completionLimit)
	defer cancel()
	_ = guard(func() error {
		config, err := s.loadConfig(false)
		if err != nil {
			return err
		}
		run := &TargetRun{Name: s.program.name, Version: s.program.version, Started: s.started, Config: config, Log: s.log}
		names, err = s.program.streams(ctx, run)
		return err
	})
	return names
}
