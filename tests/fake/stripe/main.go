// Command stripe serves a fake of Stripe's API on loopback, for scripts and
// for trying a tap without an account:
//
//	go run ./tests/fake/stripe --listen 127.0.0.1:0 --objects 20000 --seed 1
//
// The first line on stdout is the base URL. Below it /v1/ answers like Stripe
// and /_control/ changes the data; package stripefake describes both.
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

	"tapline/tests/fake/stripe/stripefake"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case errors.As(err, new(usageError)):
		fmt.Fprintln(os.Stderr, "stripe:", err)
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "stripe:", err)
		os.Exit(1)
	}
}

// usageError is a fault in the flags.
type usageError struct{ error }

// settings are the flags.
type settings struct {
	listen, urlFile string
	options         stripefake.Options
	mutator         stripefake.MutatorOptions
	mutateRate      float64
	failures        []stripefake.Failure
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set, err := parse(args, stderr)
	if err != nil {
		return err
	}
	fake, err := stripefake.New(set.options)
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
	url := "http://" + listener.Addr().String()
	server := &http.Server{Handler: fake, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	if err := announce(url, set.urlFile, stdout); err != nil {
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

// startMutator lets a merchant work until ctx ends, if the flags want one.
func startMutator(ctx context.Context, fake *stripefake.Server, set settings) (<-chan error, error) {
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
	o := &set.options
	flags := flag.NewFlagSet("stripe", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&set.listen, "listen", "127.0.0.1:0", "loopback `address` to serve on; port 0 takes a free one")
	flags.StringVar(&set.urlFile, "url-file", "", "also write the base URL to this `file`, whole or not at all")
	flags.IntVar(&o.Objects, "objects", 1000, "`number` of objects over all kinds; the events of their creation come on top")
	flags.BoolVar(&o.AllKinds, "all-kinds", false, "also fill the lists of disputes, payouts, transfers and every other kind, on top of --objects")
	flags.Uint64Var(&o.Seed, "seed", 1, "`number` that decides every object")
	limitFlags(flags, o)
	changeFlags(flags, &set)
	accountFlags(flags, o)
	flags.Func("count", "`kind=number` of objects of one kind, overruling --objects; repeatable", func(text string) error { return addCount(o, text) })
	flags.Func("key", "API key to accept (default sk_test_fake); `rk_test_x=customers,invoices` may read these only; repeatable", func(text string) error { return addKey(o, text) })
	flags.Func("now", "`time` at which the clock stands, as 2024-04-10T12:00:00Z (the default)", func(text string) (err error) {
		o.Now, err = time.Parse(time.RFC3339, text)
		return err
	})
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

// limitFlags are about what the fake refuses and how long it takes.
func limitFlags(flags *flag.FlagSet, o *stripefake.Options) {
	flags.Float64Var(&o.Rate, "rate", 0, "answer 429 beyond this `number` of requests a second; 0 is no limit")
	flags.Float64Var(&o.Limits.Endpoint, "endpoint-rate", 0, "likewise for each endpoint")
	flags.Float64Var(&o.Limits.Files, "files-rate", 0, "likewise for files and file links together")
	flags.IntVar(&o.Limits.InFlight, "in-flight", 0, "answer 429 beyond this `number` of requests at the same time; 0 is no limit")
	flags.IntVar(&o.Limits.EndpointInFlight, "endpoint-in-flight", 0, "likewise for each endpoint")
	flags.StringVar(&o.Limits.RetryAfter, "retry-after", "", "`seconds` that a 429 names in Retry-After; empty sends no such header")
	flags.DurationVar(&o.LatencyP99, "latency-p99", 0, "`time` that one answer in a hundred exceeds, when --latency is the median")
	flags.DurationVar(&o.Latency, "latency", 0, "`time` that every answer takes")
}

// changeFlags are about what happens by itself: the clock, a merchant, late events, failures.
func changeFlags(flags *flag.FlagSet, set *settings) {
	o := &set.options
	flags.Float64Var(&set.mutateRate, "mutate-rate", 0, "`number` of changes a second that a merchant makes all the time; 0 is none")
	flags.Uint64Var(&set.mutator.Seed, "mutate-seed", 1, "`number` that decides those changes")
	flags.Float64Var(&o.Pace, "pace", 0, "`seconds` by which the clock moves in one real second; 0 lets it stand")
	flags.DurationVar(&o.EventDelay, "event-delay", 0, "longest `time` for which an event cannot be read yet; 0 shows it at once")
	flags.BoolVar(&o.ShortDeletes, "short-deletes", false, "show in the event of a deleted customer or plan no more than its id")
	flags.Func("fail", "`mode=share` of the requests that fail so, as bad_gateway=0.01; repeatable (rate_limit, lock_timeout, conflict, internal, bad_gateway, unavailable, truncated, cut, reset, dropped)", func(text string) error {
		return addFailure(set, text)
	})
	flags.Func("event-version", "API `version` at which events are written; repeatable, each event takes one (default "+stripefake.Version+")", func(text string) error {
		o.EventVersions = append(o.EventVersions, text)
		return nil
	})
}

// accountFlags are about keys that open little and about other accounts.
func accountFlags(flags *flag.FlagSet, o *stripefake.Options) {
	flags.Func("revoked-key", "API key that was revoked; repeatable, and --key names one that works", func(text string) error {
		o.Keys = append(o.Keys, stripefake.Key{Secret: text, Revoked: true})
		return nil
	})
	flags.Func("expired-key", "API key that has expired; likewise", func(text string) error {
		o.Keys = append(o.Keys, stripefake.Key{Secret: text, Expired: true})
		return nil
	})
	flags.Func("not-enabled", "`resource` of a product that the account does not use; repeatable", func(text string) error {
		o.NotEnabled = append(o.NotEnabled, text)
		return nil
	})
	flags.Func("connected", "`number` of objects of a connected account; repeatable, each makes one", func(text string) error {
		n, err := strconv.Atoi(text)
		o.Connected = append(o.Connected, stripefake.Options{Objects: n})
		return err
	})
}

func addCount(o *stripefake.Options, text string) error {
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

func addKey(o *stripefake.Options, text string) error {
	secret, resources, restricted := strings.Cut(text, "=")
	key := stripefake.Key{Secret: secret}
	if restricted {
		key.Resources = strings.Split(resources, ",")
	}
	o.Keys = append(o.Keys, key)
	return nil
}

func addFailure(set *settings, text string) error {
	mode, number, _ := strings.Cut(text, "=")
	share, err := strconv.ParseFloat(number, 64)
	if err != nil || share <= 0 {
		return errors.New("want mode=share, such as bad_gateway=0.01")
	}
	set.failures = append(set.failures, stripefake.Failure{Mode: stripefake.Mode(mode), Share: share})
	return nil
}

// listen refuses addresses that another machine could reach: the control half
// asks for no key.
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

// announce prints the base URL and moves it into place in file, so that a
// script that waits for the file never reads half of it.
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
