package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"tapline/target-warehouse/destination/postgres/postgrestest"
	"tapline/tests/bench/inputs"
)

// bench is what the cases share.
type bench struct {
	target string
	runs   int
	scale  float64

	dir    string // for everything that is written
	input  *inputs.Input
	server *postgrestest.Server // nil until a case needs it
}

func (b *bench) open() (err error) {
	if b.target, err = filepath.Abs(b.target); err != nil {
		return err
	}
	if _, err := os.Stat(b.target); err != nil {
		return fmt.Errorf("the binary to measure: %w; make build builds it", err)
	}
	b.dir, err = os.MkdirTemp("", "tapline-bench-")
	return err
}

func (b *bench) close() {
	if b.server != nil {
		if err := b.server.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
	}
	if err := os.RemoveAll(b.dir); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
}

// keepOnly removes the files of other inputs, so that the machine can keep those of this one in memory.
func (b *bench) keepOnly(in *inputs.Input) error {
	if b.input == in {
		return nil
	}
	b.input = in
	if err := os.RemoveAll(b.files()); err != nil {
		return err
	}
	return os.Mkdir(b.files(), 0o700)
}

func (b *bench) files() string { return filepath.Join(b.dir, "input") }

// file returns the path of a file of the input, which write makes if it is not there.
func (b *bench) file(name string, write func(w io.Writer) error) (path string, err error) {
	path = filepath.Join(b.files(), name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return path, write(f)
}

// stream returns the file of a generation of rows as a Singer stream.
func (b *bench) stream(in *inputs.Input, n, generation int) (string, error) {
	return b.file(fmt.Sprintf("%d.singer", generation), func(w io.Writer) error { return in.WriteStream(w, n, generation) })
}

// records returns the file of the first generation as bare JSON.
func (b *bench) records(in *inputs.Input, n int) (string, error) {
	return b.file("records.jsonl", func(w io.Writer) error { return in.WriteRecords(w, n, 0) })
}

// table returns the file of the first generation as CSV.
func (b *bench) table(in *inputs.Input, n int) (string, error) {
	return b.file("records.csv", func(w io.Writer) error { return in.WriteCSV(w, n, 0) })
}

// counts are what a run must have made of the input.
type counts struct{ rows, keys, marked int }

// check compares what was loaded, counted by the query of countQuery, with the generation that was sent.
func check(n int, got counts) error {
	if want := (counts{n, n, n}); got != want {
		return fmt.Errorf("%d rows with %d keys are there, %d of them as sent; want %d of each", got.rows, got.keys, got.marked, n)
	}
	return nil
}

// countQuery counts the rows of a table or subquery, their keys, and those of a generation.
func countQuery(in *inputs.Input, from string, generation int) string {
	return fmt.Sprintf(`SELECT count(*), count(DISTINCT %s), count(*) FILTER (WHERE %s = '%s') FROM %s`,
		in.Columns[0].Name, in.Mark, in.Marks[generation], from)
}
