// Package serve has what a fake takes whatever API it is of: a command that serves it on loopback, a half of it that
// answers to tests, requests that fail on demand, latency, and changes that go on by themselves.
package serve

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// A UsageError is a fault in the flags of a command.
type UsageError struct{ error }

// Usage makes an error a [UsageError]; nil stays nil.
func Usage(err error) error {
	if err == nil {
		return nil
	}
	return UsageError{err}
}

// Unwrap returns the fault.
func (e UsageError) Unwrap() error { return e.error }

// Main calls run until it returns or the process is told to stop, and exits: with 2 for a fault in the flags, with 1 for
// any other.
func Main(name string, run func(ctx context.Context, args []string, stdout, stderr io.Writer) error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return
	}
	fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
	if errors.As(err, new(UsageError)) {
		os.Exit(2)
	}
	os.Exit(1)
}

// A Command serves a fake.
type Command struct {
	listen, urlFile string
	mutateRate      float64
}

// Flags defines the flags of every fake's command.
func (c *Command) Flags(flags *flag.FlagSet) {
	flags.StringVar(&c.listen, "listen", "127.0.0.1:0", "loopback `address` to serve on; port 0 takes a free one")
	flags.StringVar(&c.urlFile, "url-file", "", "also write the base URL to this `file`, whole or not at all")
	flags.Float64Var(&c.mutateRate, "mutate-rate", 0, "`number` of changes a second that happen all the time; 0 is none")
}

// Serve serves until ctx ends. It prints the base URL when the fake answers. If the flags want changes, it calls mutate
// with their rate a second; the first of the two that fails ends the other.
func (c *Command) Serve(ctx context.Context, fake http.Handler, stdout io.Writer, mutate func(ctx context.Context, rate float64) error) error {
	listener, err := listen(c.listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: fake, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 2)
	go func() { ended <- fmt.Errorf("serving: %w", server.Serve(listener)) }()
	if err := announce("http://"+listener.Addr().String(), c.urlFile, stdout); err != nil {
		return errors.Join(err, server.Close())
	}
	if c.mutateRate != 0 {
		go func() {
			if err := mutate(ctx, c.mutateRate); err != nil {
				ended <- err
			}
		}()
	}
	select {
	case err := <-ended:
		return errors.Join(err, server.Close())
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if server.Shutdown(grace) != nil {
		return server.Close() // answers that are slow on purpose are cut short
	}
	return nil
}

// listen refuses addresses that another machine could reach: the half for tests asks for no key.
func listen(address string) (net.Listener, error) {
	resolved, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, UsageError{fmt.Errorf("--listen %s: %w", address, err)}
	}
	if !resolved.IP.IsLoopback() {
		return nil, UsageError{fmt.Errorf("--listen %s: the fake serves loopback addresses only, such as 127.0.0.1:0", address)}
	}
	listener, err := net.ListenTCP("tcp", resolved)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", address, err)
	}
	return listener, nil
}

// announce prints the base URL and moves it into place in file, so that a script that waits for the file never reads
// half of it.
func announce(url, file string, stdout io.Writer) error {
	if _, err := fmt.Fprintln(stdout, url); err != nil {
		return fmt.Errorf("printing the base URL: %w", err)
	}
	if file == "" {
		return nil
	}
	draft, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return fmt.Errorf("writing --url-file: %w", err)
	}
	_, err = fmt.Fprintln(draft, url)
	if err = errors.Join(err, draft.Close()); err == nil {
		err = os.Rename(draft.Name(), file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing --url-file: %w", err), os.Remove(draft.Name()))
	}
	return nil
}
