package main

import (
	"database/sql"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	_ "github.com/duckdb/duckdb-go/v2"

	"tapline/tests/bench/inputs"
)

// runSQL runs statements on a DuckDB file: the reference is a process of its own, as ours is.
func runSQL(database, statements string) error {
	db, err := sql.Open("duckdb", database)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.Exec(statements)
	return err
}

// inDuckDB runs statements in such a process.
func inDuckDB(database, statements string) (sample, error) {
	return timed(exec.Command(os.Args[0], "--duckdb", database, statements), nil)
}

// duckDBConfig has the columns of the rows and no others, as the reference does.
func duckDBConfig(path, method string) map[string]any {
	return map[string]any{"destination": "duckdb", "path": path, "load_method": method, "add_record_metadata": false}
}

// fresh removes a database file and returns its path.
func (b *bench) fresh(name string) (string, error) {
	path := filepath.Join(b.dir, name)
	if err := os.RemoveAll(path); err != nil {
		return "", err
	}
	return path, os.RemoveAll(path + ".wal")
}

// readJSON is the call by which DuckDB reads the records with the types that target-warehouse gives their columns. They are
// taken from a table that it makes of one row.
func (b *bench) readJSON(in *inputs.Input, n int) (string, error) {
	records, err := b.records(in, n)
	if err != nil {
		return "", err
	}
	path, err := b.fresh("types.duckdb")
	if err != nil {
		return "", err
	}
	if _, err := b.load(duckDBConfig(path, "append-only"), func(w io.Writer) error { return in.WriteStream(w, 1, 0) }); err != nil {
		return "", fmt.Errorf("learn the types of the columns: %w", err)
	}
	db, err := sql.Open("duckdb", path)
	if err != nil {
		return "", err
	}
	defer db.Close()
	var columns []string
	for _, c := range in.Columns {
		var typ string
		query := `SELECT data_type FROM information_schema.columns WHERE table_name = ? AND column_name = ?`
		if err := db.QueryRow(query, in.Name, c.Name).Scan(&typ); err != nil {
			return "", fmt.Errorf("learn the type of %s: %w", c.Name, err)
		}
		columns = append(columns, fmt.Sprintf("%s: '%s'", c.Name, typ))
	}
	return fmt.Sprintf("read_json('%s', format='newline_delimited', columns={%s})", records, strings.Join(columns, ", ")), nil
}

// countInDuckDB checks a database file; from is a table of it or a function that reads files.
func countInDuckDB(path string, in *inputs.Input, from string, n, generation int) error {
	db, err := sql.Open("duckdb", path)
	if err != nil {
		return err
	}
	defer db.Close()
	var got counts
	if err := db.QueryRow(countQuery(in, from, generation)).Scan(&got.rows, &got.keys, &got.marked); err != nil {
		return err
	}
	return check(n, got)
}

// readJSONRun is the reference of both DuckDB cases.
func (b *bench) readJSONRun(in *inputs.Input, n int) (func() (sample, error), error) {
	call, err := b.readJSON(in, n)
	if err != nil {
		return nil, err
	}
	return func() (sample, error) {
		path, err := b.fresh("reference.duckdb")
		if err != nil {
			return sample{}, err
		}
		s, err := inDuckDB(path, "CREATE TABLE "+in.Name+" AS SELECT * FROM "+call)
		if err != nil {
			return s, err
		}
		return s, countInDuckDB(path, in, in.Name, n, 0)
	}, nil
}

// appendToDuckDB adds the n rows that feed writes to a new database.
func (b *bench) appendToDuckDB(in *inputs.Input, n int, feed func(io.Writer) error) (sample, error) {
	path, err := b.fresh("ours.duckdb")
	if err != nil {
		return sample{}, err
	}
	s, err := b.load(duckDBConfig(path, "append-only"), feed)
	if err != nil {
		return s, err
	}
	return s, countInDuckDB(path, in, in.Name, n, 0)
}

// duckDBAppend compares adding rows to a new table with DuckDB's own reader of JSON.
func duckDBAppend(b *bench, in *inputs.Input, n int) (*contest, error) {
	stream, err := b.stream(in, n, 0)
	if err != nil {
		return nil, err
	}
	reference, err := b.readJSONRun(in, n)
	if err != nil {
		return nil, err
	}
	return &contest{reference: reference, ours: func() (sample, error) { return b.appendToDuckDB(in, n, fromFile(stream)) }}, nil
}

// duckDBUpsert compares replacing every row of a table by its key with reading all of them into a new one.
func duckDBUpsert(b *bench, in *inputs.Input, n int) (*contest, error) {
	first, err := b.stream(in, n, 0)
	if err != nil {
		return nil, err
	}
	second, err := b.stream(in, n, 1)
	if err != nil {
		return nil, err
	}
	reference, err := b.readJSONRun(in, n)
	if err != nil {
		return nil, err
	}
	before, err := b.fresh("before.duckdb")
	if err != nil {
		return nil, err
	}
	if _, err := b.load(duckDBConfig(before, "upsert"), fromFile(first)); err != nil {
		return nil, fmt.Errorf("load the rows to be replaced: %w", err)
	}
	return &contest{reference: reference, ours: func() (sample, error) {
		path, err := b.fresh("ours.duckdb")
		if err != nil {
			return sample{}, err
		}
		if err := copyFile(path, before); err != nil {
			return sample{}, err
		}
		s, err := b.load(duckDBConfig(path, "upsert"), fromFile(second))
		if err != nil {
			return s, err
		}
		return s, countInDuckDB(path, in, in.Name, n, 1)
	}}, nil
}

func copyFile(to, from string) error {
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	defer f.Close()
	return fromFile(from)(f)
}
