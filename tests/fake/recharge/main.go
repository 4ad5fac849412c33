// Command recharge serves a fake of the Recharge Admin API on loopback, for scripts and for trying a tap without an
// account:
//
//	go run ./tests/fake/recharge --listen 127.0.0.1:0 --objects 20000 --seed 1
//
// The first line on stdout is the base URL. Below it the API's paths answer like Recharge and /_control/ changes the
// data; package rechargefake describes both.
package main

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
	"strconv"
	"strings"
	"syscall"
	"time"

	"tapline/tests/fake/recharge/rechargefake"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case errors.As(err, new(usageError)):
		fmt.Fprintln(os.Stderr, "recharge:", err)
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "recharge:", err)
		os.Exit(1)
	}
}

// usageError is a fault in the flags.
type usageError struct{ error }

// settings are the flags.
type settings struct {
	listen, urlFile string
	options         rechargefake.Options
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set, err := parse(args, stderr)
	if err != nil {
		return err
	}
	fake, err := rechargefake.New(set.options)
	if err != nil {
		return usageError{err}
	}
	listener, err := listen(set.listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: fake, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	if err := announce("http://"+listener.Addr().String(), set.urlFile, stdout); err != nil {
		return errors.Join(err, server.Close())
	}
	select {
	case err := <-served:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if server.Shutdown(grace) != nil {
		return server.Close() // answers that are slow on purpose are cut short
	}
	return nil
}

func parse(args []string, stderr io.Writer) (settings, error) {
	var set settings
	flags := flag.NewFlagSet("recharge", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&set.listen, "listen", "127.0.0.1:0", "loopback `address` to serve on; port 0 takes a free one")
	flags.StringVar(&set.urlFile, "url-file", "", "also write the base URL to this `file`, whole or not at all")
	dataFlags(flags, &set.options)
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return set, err
		}
		return set, usageError{err}
	}
	if flags.NArg() > 0 {
		return set, usageError{fmt.Errorf("unexpected argument %q: every setting is a flag", flags.Arg(0))}
	}
	return set, nil
}

// dataFlags are about what the store holds and who may read it.
func dataFlags(flags *flag.FlagSet, o *rechargefake.Options) {
	flags.IntVar(&o.Objects, "objects", 1000, "`number` of objects over all kinds")
	flags.Uint64Var(&o.Seed, "seed", 1, "`number` that decides every object")
	flags.BoolVar(&o.TypeDrift, "type-drift", false, "let values have another type now and then, as the API does")
	flags.Func("count", "`kind=number` of objects of one kind, overruling --objects; repeatable", func(text string) error { return addCount(o, text) })
	flags.Func("token", "access token to accept (default "+rechargefake.DefaultToken+"); `token=read_orders,store_info` has these scopes only; repeatable", func(text string) error {
		secret, scopes, limited := strings.Cut(text, "=")
		token := rechargefake.Token{Secret: secret}
		if limited {
			token.Scopes = strings.Split(scopes, ",")
		}
		o.Tokens = append(o.Tokens, token)
		return nil
	})
	flags.Func("not-in-plan", "`kind` that the store's plan does not hold; repeatable", func(text string) error {
		o.NotInPlan = append(o.NotInPlan, text)
		return nil
	})
	flags.Func("now", "`time` at which the clock stands, as 2025-06-02T12:00:00Z (the default)", func(text string) (err error) {
		o.Now, err = time.Parse(time.RFC3339, text)
		return err
	})
}

func addCount(o *rechargefake.Options, text string) error {
	kind, number, _ := strings.Cut(text, "=")
	n, err := strconv.Atoi(number)
	if err != nil {
		return errors.New("want kind=number, such as charges=500")
	}
	if o.Counts == nil {
		o.Counts = map[string]int{}
	}
	o.Counts[kind] = n
	return nil
}

// listen refuses addresses that another machine could reach: the control half asks for no token.
func listen(address string) (net.Listener, error) {
	resolved, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, usageError{fmt.Errorf("--listen %s: %w", address, err)}
	}
	if !resolved.IP.IsLoopback() {
		return nil, usageError{fmt.Errorf("--listen %s: the fake serves loopback addresses only, such as 127.0.0.1:0", address)}
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
