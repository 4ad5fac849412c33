// Command bench measures target-warehouse against what the engines do themselves with the same rows, in one run:
//
//	go run ./tests/bench --target bin/target-warehouse
//
// Every contestant starts as a fresh process on a fresh warehouse, target-warehouse with the rows piped into it. The two of a
// case take turns, and medians are compared. Absolute times depend on the machine; the ratios are the result.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
)

func main() {
	b := &bench{}
	pattern := flag.String("case", "", "measure only the cases whose name has this regular expression")
	results := flag.String("results", "tests/bench/results.json", "file to write the results to; empty for none")
	flag.StringVar(&b.target, "target", "bin/target-warehouse", "the binary to measure")
	flag.IntVar(&b.runs, "runs", 5, "runs of each contestant")
	flag.Float64Var(&b.scale, "scale", 1, "share of the rows of every input")
	database := flag.String("duckdb", "", "run the statements that follow on this database file and end (used by the bench itself)")
	flag.Parse()
	var err error
	if *database != "" {
		err = runSQL(*database, strings.Join(flag.Args(), ";"))
	} else {
		err = measure(b, *pattern, *results)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// measure runs the cases and reports them. That a case cannot run does not keep the others from it.
func measure(b *bench, pattern, results string) error {
	wanted, err := regexp.Compile(pattern)
	if err != nil {
		return err
	}
	if err := b.open(); err != nil {
		return err
	}
	defer b.close()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-stop
		b.close()
		os.Exit(130)
	}()
	var done []Result
	for _, c := range cases {
		if !wanted.MatchString(c.Name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "%s\n", c.Name)
		done = append(done, b.measure(c))
		if results != "" {
			if err := keepResults(results, done); err != nil {
				return err
			}
		}
	}
	printTable(os.Stdout, done)
	return nil
}
