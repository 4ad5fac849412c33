package singer

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
)

// Tap describes a program that reads a source and writes Singer messages to stdout. [Tap.Main] does all that taps have
// in common: flags, settings, catalog, state, logs, metrics, signals and exit codes.
type Tap struct {
	Name        string // of the binary, such as "tap-stripe"; also the prefix of its environment variables
	Version     string // "" or "dev": taken from the build's own record
	Description string // one sentence
	// Config is the JSON Schema of the settings. Those marked "x-sensitive": true are secrets. A setting named "select",
	// a list of Meltano's selection patterns, is applied to the catalog by the runner.
	Config []byte
	// Discover lists the streams. It should need no network unless it has to ask what may be read, and it must cope with
	// absent settings: --discover works without credentials.
	Discover func(ctx context.Context, run *Run) (*Catalog, error)
	// Sync writes the selected streams to run.Out. When ctx ends it writes a last state, if that moves anything, and
	// returns ctx.Err().
	Sync func(ctx context.Context, run *Run) error
	// Check tries credentials, permissions and reachability and reports what works in one screen; it fails if Sync would.
	// Nil: --check looks at the settings alone.
	Check func(ctx context.Context, run *Run, report io.Writer) error
}

// Run is what the functions of a [Tap] work with. The runner owns all of it and ends it with the function.
type Run struct {
	Config    *Config
	Catalog   *Catalog   // what to sync; nil in Discover
	Bookmarks *Bookmarks // the state the run starts from; never nil
	Out       *Writer    // flushed by the runner at the end
	Log       *slog.Logger
	Metrics   *Metrics
	// Limit is the number of records after which Sync may leave a stream, or 0 for none. Under --test it is 1; Out then
	// drops what exceeds it, so that a Sync that does not look at Limit is slow but not wrong.
	Limit int
}

// Main runs the tap as a process and returns its exit code: func main() { os.Exit(tap.Main()) }.
func (t *Tap) Main() int { return t.program().main(t.work) }

// Run runs the tap with the given arguments (without the program's name) and returns its exit code. It touches nothing
// of the process but the files that the arguments name, which makes it the entry for tests.
func (t *Tap) Run(ctx context.Context, args []string, stdio IO) int {
	return t.program().run(ctx, args, stdio, nil, t.work)
}

func (t *Tap) program() *program {
	return &program{
		kind: kindTap, name: t.Name, version: buildVersion(t.Version), description: t.Description, config: t.Config,
		capabilities: []string{"about", "catalog", "discover", "properties", "state", "structured-logging", "test"},
	}
}

func (t *Tap) work(ctx context.Context, s *session) error {
	config, err := s.loadConfig(s.flags.discover)
	if err != nil {
		return err
	}
	run := &Run{Config: config, Bookmarks: &Bookmarks{}, Out: NewWriter(s.stdout), Log: s.log, Metrics: s.metrics}
	if s.flags.discover {
		catalog, err := t.discover(ctx, run)
		if err != nil {
			return err
		}
		return printJSON(s.stdout, catalog)
	}
	if err := t.prepare(ctx, s, run); err != nil {
		return err
	}
	switch {
	case s.flags.check && t.Check != nil:
		return t.Check(ctx, run, s.report())
	case s.flags.check:
		return s.reportValid()
	case len(run.Catalog.selected()) == 0:
		s.log.Warn("no stream is selected, so there is nothing to do; select streams in the catalog or by the setting select")
		return nil
	case s.flags.test != "":
		return t.try(ctx, s, run)
	}
	s.begin(ctx, !isPipe(s.stdio.Out) && !isTerminal(s.stdio.Out)) // else the target draws, or the rows themselves are watched
	err = t.Sync(ctx, run)
	if flushed := run.Out.Flush(); err == nil {
		err = flushed
	}
	return err
}

func (t *Tap) discover(ctx context.Context, run *Run) (*Catalog, error) {
	catalog, err := t.Discover(ctx, run)
	if err != nil {
		return nil, fmt.Errorf("discovering the streams: %w", err)
	}
	if catalog == nil {
		catalog = &Catalog{}
	}
	return catalog, nil
}

// prepare finds the catalog and the state of a run.
func (t *Tap) prepare(ctx context.Context, s *session, run *Run) (err error) {
	switch {
	case s.flags.catalog != "":
		run.Catalog, err = readCatalog("--catalog", s.flags.catalog)
	case s.flags.properties != "":
		run.Catalog, err = readCatalog("--properties", s.flags.properties)
	default:
		run.Catalog, err = t.discover(ctx, run)
	}
	if err != nil {
		return err
	}
	patterns := run.Config.texts("select")
	if len(patterns) > 0 {
		if err := run.Catalog.Select(patterns); err != nil {
			return fmt.Errorf("applying the setting select: %w", err)
		}
	}
	if s.flags.state == "" {
		return nil
	}
	text, err := readArgument("--state", s.flags.state)
	if err != nil {
		return err
	}
	if run.Bookmarks, err = ParseBookmarks(text); err != nil {
		return fmt.Errorf("reading %s: %w", s.flags.state, err)
	}
	return nil
}

func readCatalog(flag, path string) (*Catalog, error) {
	text, err := readArgument(flag, path)
	if err != nil {
		return nil, err
	}
	catalog, err := ParseCatalog(text)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return catalog, nil
}

// readArgument reads a file that the command line names.
func readArgument(flag, path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, &ConfigError{Source: flag + " " + path, Faults: []string{fmt.Sprintf("the file cannot be read: %v", err)}}
	}
	return text, nil
}

// reportValid is --check without a Check.
func (s *session) reportValid() error {
	_, err := fmt.Fprintf(s.stdout, "The settings of %s are valid.\n", s.program.name)
	return err
}

// selected lists the streams to sync.
func (c *Catalog) selected() []*Stream {
	var streams []*Stream
	for _, stream := range c.Streams {
		if stream.Selected() {
			streams = append(streams, stream)
		}
	}
	return streams
}
