// Command tap measures tap-stripe against the fake Stripe, with the limits and the latency that an account has:
//
//	go run ./tests/bench/tap --tap bin/tap-stripe
//
// Limits and latency can be scaled together, which leaves what is measured as it is and takes less time.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
)

func main() {
	b := &bench{}
	pattern := flag.String("case", "", "measure only the cases whose name has this regular expression")
	results := flag.String("results", "tests/bench/tap.json", "file to write the figures to; empty for none")
	flag.StringVar(&b.tap, "tap", "bin/tap-stripe", "the binary to measure")
	flag.Float64Var(&b.speed, "speed", 1, "how many times as fast as Stripe the fake is: as many requests a second, and answers that take as much less")
	flag.Float64Var(&b.rate, "rate", 1, "share of what Stripe grants, its latency kept, where a machine is too busy for the whole; with as small a scale the cases take as long. Below 0.5 the tap takes more of a single endpoint than that")
	flag.Float64Var(&b.scale, "scale", 1, "share of the objects of every case")
	flag.Parse()
	debug.SetGCPercent(800) // the fake takes the time of the same processors, and its memory is no matter
	if err := run(b, *pattern, *results); err != nil {
		fmt.Fprintln(os.Stderr, "tap:", err)
		os.Exit(1)
	}
}

// run measures the cases and reports them. That a case cannot run does not keep the others from it.
func run(b *bench, pattern, results string) error {
	wanted, err := regexp.Compile(pattern)
	if err != nil {
		return err
	}
	if b.tap, err = filepath.Abs(b.tap); err != nil {
		return err
	}
	if _, err := os.Stat(b.tap); err != nil {
		return fmt.Errorf("the binary to measure: %w; make build builds it", err)
	}
	if b.dir, err = os.MkdirTemp("", "tapline-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	var done []Result
	for _, c := range cases {
		if !wanted.MatchString(c.name) {
			continue
		}
		fmt.Fprintln(os.Stderr, c.name)
		r := Result{Name: c.name}
		if r.Figures, err = c.measure(b); err != nil {
			r.Failure = err.Error()
		}
		done = append(done, r)
	}
	printTable(os.Stdout, done)
	if results == "" {
		return nil
	}
	text, err := json.MarshalIndent(done, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(results, append(text, '\n'), 0o644)
}
