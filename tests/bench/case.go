package main

import (
	"fmt"
	"strings"

	"tapline/tests/bench/inputs"
)

// Case is a comparison. Its result is how many times as fast as the reference target-warehouse is, at least Goal; or, with
// Memory, how many times as much memory it takes, at most Goal.
type Case struct {
	Name   string
	Input  *inputs.Input
	Goal   float64
	Memory bool
	// contest prepares the comparison of n rows.
	contest func(b *bench, in *inputs.Input, n int) (*contest, error)
}

// cases stand by input, whose files are kept while cases need them.
var cases = []Case{
	{Name: "DuckDB append, charges", Input: inputs.Charges, Goal: 1, contest: duckDBAppend},
	{Name: "DuckDB upsert, charges", Input: inputs.Charges, Goal: 0.5, contest: duckDBUpsert},
	{Name: "PostgreSQL append, charges", Input: inputs.Charges, Goal: 1, contest: postgresAppend},
	{Name: "PostgreSQL upsert, charges", Input: inputs.Charges, Goal: 0.4, contest: postgresUpsert},
	{Name: "Parquet zstd, charges", Input: inputs.Charges, Goal: 1, contest: parquetAppend},
	{Name: "DuckDB peak memory at 10 times the rows, charges", Input: inputs.Charges, Goal: 1.1, Memory: true, contest: duckDBMemory},
	{Name: "PostgreSQL peak memory at 10 times the rows, charges", Input: inputs.Charges, Goal: 1.1, Memory: true, contest: postgresMemory},
	{Name: "Parquet peak memory at 10 times the rows, charges", Input: inputs.Charges, Goal: 1.1, Memory: true, contest: parquetMemory},
	{Name: "DuckDB append, payments", Input: inputs.Narrow, Goal: 1, contest: duckDBAppend},
	{Name: "DuckDB upsert, payments", Input: inputs.Narrow, Goal: 0.5, contest: duckDBUpsert},
	{Name: "PostgreSQL append, payments", Input: inputs.Narrow, Goal: 1, contest: postgresAppend},
	{Name: "PostgreSQL upsert, payments", Input: inputs.Narrow, Goal: 0.4, contest: postgresUpsert},
	{Name: "Parquet zstd, payments", Input: inputs.Narrow, Goal: 1, contest: parquetAppend},
	{Name: "DuckDB append, contacts", Input: inputs.Wide, Goal: 1, contest: duckDBAppend},
	{Name: "PostgreSQL append, contacts", Input: inputs.Wide, Goal: 1, contest: postgresAppend},
	{Name: "Parquet zstd, contacts", Input: inputs.Wide, Goal: 1, contest: parquetAppend},
	{Name: "DuckDB append, orders", Input: inputs.Nested, Goal: 1, contest: duckDBAppend},
	{Name: "PostgreSQL append, orders", Input: inputs.Nested, Goal: 1, contest: postgresAppend},
	{Name: "Parquet zstd, orders", Input: inputs.Nested, Goal: 1, contest: parquetAppend},
}

// contest is two ways of doing the same, each a run that begins from nothing and checks what it did.
type contest struct {
	ours, reference func() (sample, error)
}

// measure runs a case.
func (b *bench) measure(c Case) Result {
	n := max(100, int(float64(c.Input.Rows)*b.scale))
	r := Result{Name: c.Name, Rows: n, Goal: c.Goal, Memory: c.Memory}
	ours, reference, err := b.compare(c, n)
	if err != nil {
		r.Failure, _, _ = strings.Cut(err.Error(), "\n")
		return r
	}
	r.fill(ours, reference)
	return r
}

// compare takes the samples of a case.
func (b *bench) compare(c Case, n int) (ours, reference []sample, err error) {
	if err := b.keepOnly(c.Input); err != nil {
		return nil, nil, err
	}
	k, err := c.contest(b, c.Input, n)
	if err != nil {
		return nil, nil, err
	}
	for range b.runs {
		s, err := k.reference()
		if err != nil {
			return nil, nil, fmt.Errorf("the reference: %w", err)
		}
		reference = append(reference, s)
		if s, err = k.ours(); err != nil {
			return nil, nil, fmt.Errorf("target-warehouse: %w", err)
		}
		ours = append(ours, s)
	}
	return ours, reference, nil
}
