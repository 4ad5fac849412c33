package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"tapline/tests/bench/inputs"
)

// freshFiles empties the directory for files and returns its path.
func (b *bench) freshFiles() (string, error) {
	dir := filepath.Join(b.dir, "files")
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	return dir, os.Mkdir(dir, 0o700)
}

func countInFiles(glob string, in *inputs.Input, n int) error {
	return countInDuckDB("", in, fmt.Sprintf("read_parquet('%s')", glob), n, 0)
}

// appendToFiles writes the n rows that feed writes to new files.
func (b *bench) appendToFiles(in *inputs.Input, n int, feed func(io.Writer) error) (sample, error) {
	dir, err := b.freshFiles()
	if err != nil {
		return sample{}, err
	}
	s, err := b.load(map[string]any{"destination": "files", "path": dir, "format": "parquet", "compression": "zstd", "add_record_metadata": false}, feed)
	if err != nil {
		return s, err
	}
	return s, countInFiles(filepath.Join(dir, in.Name, "**/*.parquet"), in, n)
}

// parquetAppend compares writing Parquet files with DuckDB's reading the same JSON into one.
func parquetAppend(b *bench, in *inputs.Input, n int) (*contest, error) {
	stream, err := b.stream(in, n, 0)
	if err != nil {
		return nil, err
	}
	call, err := b.readJSON(in, n)
	if err != nil {
		return nil, err
	}
	ours := func() (sample, error) { return b.appendToFiles(in, n, fromFile(stream)) }
	return &contest{ours: ours, reference: func() (sample, error) {
		dir, err := b.freshFiles()
		if err != nil {
			return sample{}, err
		}
		path := filepath.Join(dir, "reference.parquet")
		s, err := inDuckDB(":memory:", fmt.Sprintf("COPY (SELECT * FROM %s) TO '%s' (FORMAT parquet, COMPRESSION zstd)", call, path))
		if err != nil {
			return s, err
		}
		return s, countInFiles(path, in, n)
	}}, nil
}
