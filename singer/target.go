package singer

import (
	"context"
	"io"
	"log/slog"
	"os"
	"time"
)

// Target describes a program that reads Singer messages from stdin, stores their records, and writes each state to
// stdout once what it covers is durable. [Target.Main] does all that targets have in common.
type Target struct {
	Name        string // of the binary, such as "target-warehouse"; also the prefix of its environment variables
	Version     string // "" or "dev": taken from the build's own record
	Description string // one sentence
	// Config is the JSON Schema of the settings. Those marked "x-sensitive": true are secrets.
	Config []byte
	// Load reads run.In to its end. At io.EOF it makes durable what it has read, writes the state that covers it and
	// returns nil; a signal to stop looks the same as the end of the input. When ctx ends it gives up at once, leaves
	// nothing half stored, and returns ctx.Err().
	Load func(ctx context.Context, run *TargetRun) error
	// Check tries credentials, permissions and reachability and reports what works in one screen; it fails if Load would.
	// Nil: --check looks at the settings alone.
	Check func(ctx context.Context, run *TargetRun, report io.Writer) error
	// Commands are verbs besides loading, called as the first argument: target-warehouse status --config FILE.
	Commands []Command
	// Streams lists those that were loaded, for shells to complete. Nil: they complete none.
	Streams func(ctx context.Context, run *TargetRun) ([]string, error)
	// Capabilities are listed by --about besides those that every target has, such as "hard-delete".
	Capabilities []string
}

// TargetRun is what the functions of a [Target] work with. The runner owns all of it and ends it with the function.
type TargetRun struct {
	Name    string // of the target
	Version string
	Started time.Time // of the run
	Config  *Config
	In      *Reader // the input; nil in Check and in commands
	Out     *Writer // for states alone, by [Writer.WriteValue]
	Log     *slog.Logger
	Metrics *Metrics
	// Options are the flags of the command that were set, by name; "true" for a switch.
	Options map[string]string

	interrupted func() bool
}

// Interrupted tells whether a signal ended the input, so that what follows in the stream is missing.
func (r *TargetRun) Interrupted() bool { return r.interrupted != nil && r.interrupted() }

// Main runs the target as a process and returns its exit code: func main() { os.Exit(target.Main()) }.
func (t *Target) Main() int { return t.program().main(t.work) }

// Run runs the target with the given arguments (without the program's name) and returns its exit code. It touches
// nothing of the process but the files that the arguments name, which makes it the entry for tests.
func (t *Target) Run(ctx context.Context, args []string, stdio IO) int {
	return t.program().run(ctx, args, stdio, nil, t.work)
}

func (t *Target) program() *program {
	return &program{
		kind: kindTarget, name: t.Name, version: buildVersion(t.Version), description: t.Description, config: t.Config,
		capabilities: append([]string{"about", "structured-logging"}, t.Capabilities...),
		commands:     t.Commands, streams: t.Streams,
	}
}

func (t *Target) work(ctx context.Context, s *session) error {
	config, err := s.loadConfig(false)
	if err != nil {
		return err
	}
	run := &TargetRun{
		Name: t.Name, Version: s.program.version, Started: s.started,
		Config: config, Out: NewWriter(s.stdout), Log: s.log, Metrics: s.metrics,
	}
	switch {
	case s.flags.command != nil:
		run.Options = s.flags.options
		return s.flags.command.Run(ctx, run, s.flags.args, s.stdout)
	case s.flags.check && t.Check != nil:
		return t.Check(ctx, run, s.report())
	case s.flags.check:
		return s.reportValid()
	}
	source := s.stdio.In
	if s.flags.input != "" {
		f, err := os.Open(s.flags.input)
		if err != nil {
			return &ConfigError{Source: "--input " + s.flags.input, Faults: []string{"the file cannot be read: " + err.Error()}}
		}
		defer f.Close()
		source = f
	}
	return t.load(ctx, s, run, source)
}

func (t *Target) load(ctx context.Context, s *session, run *TargetRun, source io.Reader) error {
	if isTerminal(source) {
		s.log.Info("reading Singer messages from the terminal; usually a tap is piped in, or --input names a file")
	}
	input := newReadAhead(source)
	defer input.Stop()
	s.input.Store(input)
	run.In = NewReader(input)
	run.interrupted = input.cut.Load
	s.begin(ctx, true)
	err := t.Load(ctx, run)
	if flushed := run.Out.Flush(); err == nil {
		err = flushed
	}
	return err
}
