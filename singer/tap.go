package singer

import (
	"context"
	"io"
	"log/slog"
)

// Tap describes a program that reads a source and writes Singer messages to stdout. [Tap.Main] does all that taps have
// in common: flags, settings, catalog, state, logs, metrics, signals and exit codes.
type Tap struct {
	Name        string // of the binary, such as "tap-stripe"; also the prefix of its environment variables
	Version     string // "" or "dev": taken from the build's own record
	Description string // one sentence
	// Config is the JSON Schema of the settings. Those marked "x-sensitive": true are secrets.
	Config []byte
	// Discover lists the streams. It should need no network unless it has to ask what may be read, and it must cope with
	// absent settings: --discover works without credentials.
	Discover func(ctx context.Context, run *Run) (*Catalog, error)
	// Sync writes the selected streams to run.Out. When ctx ends it writes a last state, if that moves anything, and
	// returns ctx.Err().
	Sync func(ctx context.Context, run *Run) error
	// Check tries credentials, permissions and reachability and reports what works in one screen. Nil: --check looks at
	// the settings alone.
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
	// Limit is the number of records after which Sync should leave a stream, or 0 for none. Under --test it is 1; Out
	// then drops what exceeds it, so that a Sync that does not look at Limit is slow but not wrong.
	Limit int
}

// Main runs the tap as a process and returns its exit code: func main() { os.Exit(tap.Main()) }.
func (t *Tap) Main() int { return ExitOK }

// Run runs the tap with the given arguments (without the program's name) and returns its exit code. It touches nothing
// of the process but the files that the arguments name, which makes it the entry for tests.
func (t *Tap) Run(ctx context.Context, args []string, stdio IO) int { return ExitOK }

// IO is what a run has of the process around it.
type IO struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
	// Env looks up an environment variable, as [os.LookupEnv] does; nil: there are none.
	Env func(name string) (string, bool)
	// Terminal says that Err is a terminal, where a person wants to see progress and colours.
	Terminal bool
}
