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
	"flag"
	"fmt"
	"io"
	"strconv"

	"tapline/tests/fake/serve"
	"tapline/tests/fake/stripe/stripefake"
)

func main() { serve.Main("stripe", run) }

// settings are the flags.
type settings struct {
	command  serve.Command
	options  stripefake.Options
	mutator  stripefake.MutatorOptions
	failures []stripefake.Failure
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set, err := parse(args, stderr)
	if err != nil {
		return err
	}
	fake, err := stripefake.New(set.options)
	if err != nil {
		return serve.Usage(err)
	}
	for _, f := range set.failures {
		if err := fake.Fail(f); err != nil {
			return serve.Usage(fmt.Errorf("--fail: %w", err))
		}
	}
	mutator, err := fake.NewMutator(set.mutator)
	if err != nil {
		return err
	}
	return set.command.Serve(ctx, fake, stdout, func(ctx context.Context, rate float64) error {
		_, err := mutator.Run(ctx, rate)
		return err
	})
}

func parse(args []string, stderr io.Writer) (settings, error) {
	var set settings
	o := &set.options
	flags := flag.NewFlagSet("stripe", flag.ContinueOnError)
	flags.SetOutput(stderr)
	set.command.Flags(flags)
	flags.IntVar(&o.Objects, "objects", 1000, "`number` of objects over all kinds; the events of their creation come on top")
	flags.IntVar(&o.Meters, "meters", 0, "how many meters count what customers use")
	flags.BoolVar(&o.AllKinds, "all-kinds", false, "also fill the lists of disputes, payouts, transfers and every other kind, on top of --objects")
	flags.Uint64Var(&o.Seed, "seed", 1, "`number` that decides every object")
	limitFlags(flags, o)
	changeFlags(flags, &set)
	accountFlags(flags, o)
	serve.CountFlag(flags, &o.Counts)
	key := "API key to accept (default sk_test_fake); `rk_test_x=customers,invoices` may read these only; repeatable"
	serve.KeyFlag(flags, "key", key, func(secret string, resources []string) {
		o.Keys = append(o.Keys, stripefake.Key{Secret: secret, Resources: resources})
	})
	serve.NowFlag(flags, stripefake.DefaultNow, &o.Now)
	err := serve.Parse(flags, args)
	return set, err
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

// modes are the ways to fail that --fail knows.
const modes = "rate_limit, lock_timeout, conflict, internal, bad_gateway, unavailable, truncated, cut, reset, dropped"

// changeFlags are about what happens by itself: the clock, a merchant, late events, failures.
func changeFlags(flags *flag.FlagSet, set *settings) {
	o := &set.options
	flags.Uint64Var(&set.mutator.Seed, "mutate-seed", 1, "`number` that decides those changes")
	flags.Float64Var(&o.Pace, "pace", 0, "`seconds` by which the clock moves in one real second; 0 lets it stand")
	flags.DurationVar(&o.EventDelay, "event-delay", 0, "longest `time` for which an event cannot be read yet; 0 shows it at once")
	flags.BoolVar(&o.InlinePrices, "inline-prices", false, "leave some prices out of every list, as those made inside of other objects")
	flags.BoolVar(&o.ShortDeletes, "short-deletes", false, "show in the event of a deleted customer or plan no more than its id")
	serve.FailFlag(flags, modes, func(mode string, share float64) {
		set.failures = append(set.failures, stripefake.Failure{Mode: stripefake.Mode(mode), Share: share})
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
