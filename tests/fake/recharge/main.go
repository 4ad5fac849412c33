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
	mutator         rechargefake.MutatorOptions
	mutateRate      float64
	failures        []rechargefake.Failure
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
	for _, f := range set.failures {
		if err := fake.Fail(f); err != nil {
			return usageError{fmt.Errorf("--fail: %w", err)}
		}
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
	mutated, err := startMutator(ctx, fake, set)
	if err != nil {
		return errors.Join(err, server.Close())
	}
	select {
	case err := <-served:
		return fmt.Errorf("serving: %w", err)
	case err := <-mutated:
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

// startMutator lets the store work until ctx ends, if the flags want it.
func startMutator(ctx context.Context, fake *rechargefake.Server, set settings) (<-chan error, error) {
	ended := make(chan error, 1)
	if set.mutateRate == 0 {
		return ended, nil
	}
	mutator, err := fake.NewMutator(set.mutator)
	if err != nil {
		return nil, err
	}
	go func() { _, err := mutator.Run(ctx, set.mutateRate); ended <- err }()
	return ended, nil
}

func parse(args []string, stderr io.Writer) (settings, error) {
	var set settings
	flags := flag.NewFlagSet("recharge", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&set.listen, "listen", "127.0.0.1:0", "loopback `address` to serve on; port 0 takes a free one")
	flags.StringVar(&set.urlFile, "url-file", "", "also write the base URL to this `file`, whole or not at all")
	dataFlags(flags, &set.options)
	limitFlags(flags, &set)
	changeFlags(flags, &set)
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
	token := "access token to accept (default " + rechargefake.DefaultToken + "); `token=read_orders,store_info` has these scopes only; repeatable"
	flags.Func("token", token, func(text string) error {
		secret, scopes, limited := strings.Cut(text, "=")
		token := rechargefake.Token{Secret: secret}
		if limited {
			token.Scopes = strings.Split(scopes, ",")
		}
		o.Tokens = append(o.Tokens, token)
		return nil
	})
	flags.Int64Var(&o.Store, "store", 0, "`number` of the store (default 18250)")
	flags.Func("not-in-plan", "`kind` that the store's plan does not hold; repeatable", func(text string) error {
		o.NotInPlan = append(o.NotInPlan, text)
		return nil
	})
	flags.Func("now", "`time` at which the clock stands, as 2025-06-02T12:00:00Z (the default)", func(text string) (err error) {
		o.Now, err = time.Parse(time.RFC3339, text)
		return err
	})
}

// modes are the ways to fail that --fail knows.
const modes = "rate_limit, conflict, internal, bad_gateway, unavailable, timeout, unauthorized, forbidden, bad_cursor, " +
	"invalid, truncated, cut, reset, dropped"

// limitFlags are about what the fake refuses, how long it takes and what fails.
func limitFlags(flags *flag.FlagSet, set *settings) {
	o := &set.options
	flags.IntVar(&o.Bucket, "bucket", 0, "`number` of requests that a token may make at once; Recharge's is 40, 0 is a million")
	flags.Float64Var(&o.Leak, "leak", 0, "`number` of requests a second that its bucket leaks; Recharge's is 2, 0 is a twentieth of --bucket")
	flags.StringVar(&o.RetryAfter, "retry-after", "", "`seconds` that a 429 names in Retry-After; empty sends no such header")
	flags.DurationVar(&o.Latency, "latency", 0, "`time` that every answer takes")
	flags.DurationVar(&o.LatencyP99, "latency-p99", 0, "`time` that one answer in a hundred exceeds, when --latency is the median")
	flags.BoolVar(&o.Gzip, "gzip", false, "compress the answers to clients that accept it")
	flags.Func("fail", "`mode=share` of the requests that fail so, as bad_gateway=0.01; repeatable ("+modes+")", func(text string) error {
		mode, number, _ := strings.Cut(text, "=")
		share, err := strconv.ParseFloat(number, 64)
		if err != nil || share <= 0 {
			return errors.New("want mode=share, such as bad_gateway=0.01")
		}
		set.failures = append(set.failures, rechargefake.Failure{Mode: rechargefake.Mode(mode), Share: share})
		return nil
	})
}

// changeFlags are about what happens by itself: the clock, the store at work, changes that show up late.
func changeFlags(flags *flag.FlagSet, set *settings) {
	o := &set.options
	flags.Float64Var(&o.Pace, "pace", 0, "`seconds` by which the clock moves in one real second; 0 lets it stand")
	flags.DurationVar(&o.Delay, "delay", 0, "longest `time` for which a change cannot be read yet; 0 shows it at once")
	flags.Float64Var(&set.mutateRate, "mutate-rate", 0, "`number` of changes a second that happen all the time; 0 is none")
	flags.Uint64Var(&set.mutator.Seed, "mutate-seed", 1, "`number` that decides those changes")
	flags.BoolVar(&set.mutator.Keep, "mutate-keep", false, "delete nothing among those changes")
	flags.BoolVar(&set.mutator.Silent, "mutate-silent", false, "also change dates of subscriptions without moving their updated_at")
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
