package singer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

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

// session is one run of a program.
type session struct {
	program *program
	flags   flags
	stdio   IO
	stdout  *stdout
	console *console // stderr
	log     *slog.Logger
	metrics *Metrics
	started time.Time
	secrets []string

	input    atomic.Pointer[readAhead] // of a target that loads
	progress *progress                 // nil: there is none
	endTicks context.CancelFunc        // of the metrics; nil before begin
	signal   *stopSignal               // that cut the run short
}

// work is what a program does in a session once the command line is read.
type work func(ctx context.Context, s *session) error

// main runs the program as a process.
func (p *program) main(do work) int {
	signal.Ignore(syscall.SIGPIPE) // a write to a reader that has gone fails instead, and can be told
	log.SetOutput(io.Discard)      // net/http prints there what a server sends unasked, which may hold anything
	raw := make(chan os.Signal, 2)
	signal.Notify(raw, os.Interrupt, syscall.SIGTERM)
	signals := make(chan os.Signal, 2)
	go func() {
		heard := 1 // by a tap; the next one ends the process the hard way
		if p.kind == kindTarget {
			heard = 2
		}
		for range heard {
			signals <- <-raw
		}
		signal.Stop(raw)
	}()
	stdio := IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: os.LookupEnv, Terminal: isTerminal(os.Stderr)}
	return p.run(context.Background(), os.Args[1:], stdio, signals, do)
}

// run is a whole run and returns its exit code.
func (p *program) run(ctx context.Context, args []string, stdio IO, signals <-chan os.Signal, do work) int {
	s, err := newSession(ctx, p, args, stdio)
	if err != nil || !s.flags.work {
		return s.finish(err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go s.listen(ctx, signals, cancel)
	err = guard(func() error { return do(ctx, s) })
	if err != nil {
		errors.As(context.Cause(ctx), &s.signal)
	}
	return s.finish(err)
}

// newSession reads the command line, and answers it if it asks about the program alone. The session can tell a failure, even
// when there is one.
func newSession(ctx context.Context, p *program, args []string, stdio IO) (*session, error) {
	if stdio.In == nil {
		stdio.In = strings.NewReader("")
	}
	if stdio.Out == nil {
		stdio.Out = io.Discard
	}
	if stdio.Err == nil {
		stdio.Err = io.Discard
	}
	if stdio.Env == nil {
		stdio.Env = func(string) (string, bool) { return "", false }
	}
	s := &session{program: p, stdio: stdio, stdout: &stdout{stdio.Out}, console: &console{out: stdio.Err}, started: time.Now()}
	s.log = slog.New(slog.DiscardHandler) // until it is known how the log is to look
	answer, err := s.readCommandLine(ctx, args)
	s.log = slog.New(s.handler())
	s.metrics = &Metrics{log: s.log}
	if s.terminalLog() {
		s.metrics.level = slog.LevelDebug // the display and the table say the same to a person
	}
	if err == nil {
		_, err = s.stdout.Write(answer)
	}
	return s, err
}

func (s *session) terminalLog() bool { return s.stdio.Terminal && s.flags.logFormat != "json" }

func (s *session) handler() slog.Handler {
	h := &logHandler{out: s.console, format: structured(s.program.name)}
	switch {
	case s.terminalLog():
		h.format = terminal(s.program.name)
	case s.flags.logFormat == "text":
		h.format = plainLine
	}
	names := []string{s.flags.logLevel}
	for _, variable := range []string{s.program.envPrefix() + "LOGLEVEL", "LOGLEVEL"} {
		name, _ := s.stdio.Env(variable)
		names = append(names, name)
	}
	for _, name := range names {
		if level, ok := parseLevel(name); ok {
			h.level = level
			break
		}
	}
	return h
}

// loadConfig reads the settings; from then on nothing of the secrets among them is printed.
func (s *session) loadConfig(partial bool) (*Config, error) {
	l := &configLoader{schema: s.program.config, prefix: s.program.envPrefix(), env: s.stdio.Env, partial: partial}
	config, err := l.load(s.flags.config)
	s.secrets = l.secrets
	s.console.hide(l.secrets)
	for _, warning := range l.warnings {
		s.log.Warn(warning)
	}
	return config, err
}

// report is where checks write what the user asked for, without secrets.
func (s *session) report() io.Writer {
	c := &console{out: s.stdout}
	c.hide(s.secrets)
	return c
}

// begin starts what accompanies rows on their way.
func (s *session) begin(ctx context.Context, draw bool) {
	ctx, s.endTicks = context.WithCancel(ctx)
	go s.metrics.keepFlushing(ctx)
	if !draw || !s.terminalLog() {
		return
	}
	s.progress = startProgress(s.stdio.Err, s.metrics, s.started)
	s.console.drawAbove(s.progress)
}

// listen acts on signals until ctx ends. The first one ends the input of a target that loads; any other ends ctx.
func (s *session) listen(ctx context.Context, signals <-chan os.Signal, cancel context.CancelCauseFunc) {
	for {
		select {
		case <-ctx.Done():
			return
		case sig := <-signals:
			if in := s.input.Load(); in != nil && !in.stopped() {
				s.log.Info((&stopSignal{sig}).name() + ": no more input is read; what was read is being stored")
				in.Stop()
				continue
			}
			cancel(&stopSignal{sig})
		}
	}
}

// stopSignal is why a run was cut short.
type stopSignal struct{ os.Signal }

func (s *stopSignal) Error() string { return "stopped by " + s.name() }

func (s *stopSignal) name() string {
	if s.Signal == os.Interrupt {
		return "SIGINT"
	}
	return "SIGTERM"
}

// panicError is a defect of the program, caught at the edge of the run.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string {
	return fmt.Sprintf("a defect of the program stopped the run: %v; --log-level debug shows where, please report it", e.value)
}

// guard turns a panic of do into a failure.
func guard(do func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &panicError{value, debug.Stack()}
		}
	}()
	return do()
}

// stdout carries the protocol. Its failures say so, for other writes of a run can fail alike.
type stdout struct{ w io.Writer }

func (o *stdout) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	switch {
	case errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe):
		err = fmt.Errorf("the reader of stdout went away: %w", err)
	case err != nil:
		err = fmt.Errorf("writing to stdout: %w", err)
	}
	return n, err
}
