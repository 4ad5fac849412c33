package main

import (
	"io"

	"tapline/tests/bench/inputs"
)

// peakMemory compares the memory of loading ten times the rows with that of loading them once. The rows are made while
// they are loaded, because so many are never on the disk at once.
func peakMemory(in *inputs.Input, n int, load func(in *inputs.Input, n int, feed func(io.Writer) error) (sample, error)) *contest {
	run := func(n int) func() (sample, error) {
		return func() (sample, error) {
			return load(in, n, func(w io.Writer) error { return in.WriteStream(w, n, 0) })
		}
	}
	return &contest{ours: run(10 * n), reference: run(n)}
}

func duckDBMemory(b *bench, in *inputs.Input, n int) (*contest, error) {
	return peakMemory(in, n, b.appendToDuckDB), nil
}

func postgresMemory(b *bench, in *inputs.Input, n int) (*contest, error) {
	if err := b.postgres(); err != nil {
		return nil, err
	}
	return peakMemory(in, n, b.appendToPostgres), nil
}

func parquetMemory(b *bench, in *inputs.Input, n int) (*contest, error) {
	return peakMemory(in, n, b.appendToFiles), nil
}
