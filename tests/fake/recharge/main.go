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
	"flag"
	"fmt"
	"io"

	"tapline/tests/fake/recharge/rechargefake"
	"tapline/tests/fake/serve"
)

func main() { serve.Main("recharge", run) }

// settings are the flags.
type settings struct {
	command  serve.Command
	options  rechargefake.Options
	mutator  rechargefake.MutatorOptions
	failures []rechargefake.Failure
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set, err := parse(args, stderr)
	if err != nil {
		return err
	}
	fake, err := rechargefake.New(set.options)
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
	flags := flag.NewFlagSet("recharge", flag.ContinueOnError)
	flags.SetOutput(stderr)
	set.command.Flags(flags)
	dataFlags(flags, &set.options)
	limitFlags(flags, &set)
	changeFlags(flags, &set)
	err := serve.Parse(flags, args)
	return set, err
}

// dataFlags are about what the store holds and who may read it.
func dataFlags(flags *flag.FlagSet, o *rechargefake.Options) {
	flags.IntVar(&o.Objects, "objects", 1000, "`number` of objects over all kinds")
	flags.Uint64Var(&o.Seed, "seed", 1, "`number` that decides every object")
	flags.BoolVar(&o.TypeDrift, "type-drift", false, "let values have another type now and then, as the API does")
	serve.CountFlag(flags, &o.Counts)
	token := "access token to accept (default " + rechargefake.DefaultToken + "); `token=read_orders,store_info` has these scopes only; repeatable"
	serve.KeyFlag(flags, "token", token, func(secret string, scopes []string) {
		o.Tokens = append(o.Tokens, rechargefake.Token{Secret: secret, Scopes: scopes})
	})
	flags.Int64Var(&o.Store, "store", 0, "`number` of the store (default 18250)")
	flags.Func("not-in-plan", "`kind` that the store's plan does not hold; repeatable", func(text string) error {
		o.NotInPlan = append(o.NotInPlan, text)
		return nil
	})
	serve.NowFlag(flags, rechargefake.DefaultNow, &o.Now)
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
	serve.FailFlag(flags, modes, func(mode string, share float64) {
		set.failures = append(set.failures, rechargefake.Failure{Mode: rechargefake.Mode(mode), Share: share})
	})
}

// changeFlags are about what happens by itself: the clock, the store at work, changes that show up late.
func changeFlags(flags *flag.FlagSet, set *settings) {
	o := &set.options
	flags.Float64Var(&o.Pace, "pace", 0, "`seconds` by which the clock moves in one real second; 0 lets it stand")
	flags.DurationVar(&o.Delay, "delay", 0, "longest `time` for which a change cannot be read yet; 0 shows it at once")
	flags.Uint64Var(&set.mutator.Seed, "mutate-seed", 1, "`number` that decides those changes")
	flags.BoolVar(&set.mutator.Keep, "mutate-keep", false, "delete nothing among those changes")
	flags.BoolVar(&set.mutator.Silent, "mutate-silent", false, "also change dates of subscriptions without moving their updated_at")
}
