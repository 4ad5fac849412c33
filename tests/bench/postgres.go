package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"

	"github.com/jackc/pgx/v5"

	"tapline/target-warehouse/destination/postgres/postgrestest"
	"tapline/tests/bench/inputs"
)

// postgres starts the server if no case has needed it before.
func (b *bench) postgres() (err error) {
	if b.server == nil {
		b.server, err = postgrestest.Start()
	}
	return err
}

// exec runs a statement in a database of the server.
func (b *bench) exec(database, statement string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, b.server.URL(database))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}

// database makes a database anew, empty or as a copy of another, and has the server write out what it holds in memory.
func (b *bench) database(name, template string) error {
	for _, statement := range []string{
		"DROP DATABASE IF EXISTS " + name, "CREATE DATABASE " + name + " TEMPLATE " + template, "CHECKPOINT",
	} {
		if err := b.exec("postgres", statement); err != nil {
			return fmt.Errorf("make a database: %w", err)
		}
	}
	return nil
}

func (b *bench) postgresConfig(database, method string) map[string]any {
	return map[string]any{"destination": "postgres", "url": b.server.URL(database), "default_target_schema": "bench", "load_method": method, "add_record_metadata": false}
}

// columns returns what CREATE TABLE needs for a table like the one that target-warehouse makes of one row, without a key.
func (b *bench) columns(in *inputs.Input) (string, error) {
	if err := b.database("types", "template1"); err != nil {
		return "", err
	}
	if _, err := b.load(b.postgresConfig("types", "append-only"), func(w io.Writer) error { return in.WriteStream(w, 1, 0) }); err != nil {
		return "", fmt.Errorf("learn the types of the columns: %w", err)
	}
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, b.server.URL("types"))
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	var columns []string
	for _, c := range in.Columns {
		var typ string
		query := `SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = $1::regclass AND attname = $2`
		if err := conn.QueryRow(ctx, query, "bench."+in.Name, c.Name).Scan(&typ); err != nil {
			return "", fmt.Errorf("learn the type of %s: %w", c.Name, err)
		}
		columns = append(columns, c.Name+" "+typ)
	}
	return strings.Join(columns, ", "), nil
}

func (b *bench) countInPostgres(database string, in *inputs.Input, n, generation int) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, b.server.URL(database))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var got counts
	if err := conn.QueryRow(ctx, countQuery(in, "bench."+in.Name, generation)).Scan(&got.rows, &got.keys, &got.marked); err != nil {
		return err
	}
	return check(n, got)
}

// copyRun is the reference of both PostgreSQL cases: psql's \copy of the rows as CSV into a new table without a key.
func (b *bench) copyRun(in *inputs.Input, n int) (func() (sample, error), error) {
	columns, err := b.columns(in)
	if err != nil {
		return nil, err
	}
	rows, err := b.table(in, n)
	if err != nil {
		return nil, err
	}
	return func() (sample, error) {
		if err := b.database("reference", "template1"); err != nil {
			return sample{}, err
		}
		s, err := timed(exec.Command(b.server.Binary("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", b.server.URL("reference"),
			"-c", "CREATE SCHEMA bench", "-c", fmt.Sprintf("CREATE TABLE bench.%s (%s)", in.Name, columns), "-c", fmt.Sprintf(`\copy bench.%s from '%s' csv`, in.Name, rows)), nil)
		if err != nil {
			return s, err
		}
		return s, b.countInPostgres("reference", in, n, 0)
	}, nil
}

// appendToPostgres adds the n rows that feed writes to a new database.
func (b *bench) appendToPostgres(in *inputs.Input, n int, feed func(io.Writer) error) (sample, error) {
	if err := b.database("ours", "template1"); err != nil {
		return sample{}, err
	}
	s, err := b.load(b.postgresConfig("ours", "append-only"), feed)
	if err != nil {
		return s, err
	}
	return s, b.countInPostgres("ours", in, n, 0)
}

// postgresAppend compares adding rows to a new table with \copy.
func postgresAppend(b *bench, in *inputs.Input, n int) (*contest, error) {
	if err := b.postgres(); err != nil {
		return nil, err
	}
	stream, err := b.stream(in, n, 0)
	if err != nil {
		return nil, err
	}
	reference, err := b.copyRun(in, n)
	if err != nil {
		return nil, err
	}
	return &contest{reference: reference, ours: func() (sample, error) { return b.appendToPostgres(in, n, fromFile(stream)) }}, nil
}

// postgresUpsert compares replacing every row of a table by its key with \copy into a new one.
func postgresUpsert(b *bench, in *inputs.Input, n int) (*contest, error) {
	if err := b.postgres(); err != nil {
		return nil, err
	}
	first, err := b.stream(in, n, 0)
	if err != nil {
		return nil, err
	}
	second, err := b.stream(in, n, 1)
	if err != nil {
		return nil, err
	}
	reference, err := b.copyRun(in, n)
	if err != nil {
		return nil, err
	}
	if err := b.database("before", "template1"); err != nil {
		return nil, err
	}
	if _, err := b.load(b.postgresConfig("before", "upsert"), fromFile(first)); err != nil {
		return nil, fmt.Errorf("load the rows to be replaced: %w", err)
	}
	if err := b.exec("before", "VACUUM ANALYZE"); err != nil {
		return nil, err
	}
	return &contest{reference: reference, ours: func() (sample, error) {
		if err := b.database("ours", "before"); err != nil {
			return sample{}, err
		}
		s, err := b.load(b.postgresConfig("ours", "upsert"), fromFile(second))
		if err != nil {
			return s, err
		}
		return s, b.countInPostgres("ours", in, n, 1)
	}}, nil
}
