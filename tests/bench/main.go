// Command bench measures target-warehouse against DuckDB's own reader of JSON on the same charges, in one run,
// alternating, and prints medians:
//
//	go run ./tests/bench --target bin/target-warehouse
//
// Both start as fresh processes on a fresh database file. Absolute times depend on the machine; the ratio is the
// result.
package main

import (
	"bytes"
	"database/sql"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"

	"tapline/tests/bench/charges"
)

func main() {
	rows := flag.Int("rows", 500_000, "charges in the stream")
	runs := flag.Int("runs", 5, "runs of each contestant")
	target := flag.String("target", "bin/target-warehouse", "the binary to measure")
	reference := flag.String("reference", "", "load this file of records by read_json, print nothing, end (used by the bench itself)")
	database := flag.String("database", "", "with --reference: the database file")
	flag.Parse()
	var err error
	if *reference != "" {
		err = readJSON(*reference, *database)
	} else {
		err = bench(*target, *rows, *runs)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// contestant is one way of loading the charges into a new database file.
type contestant struct {
	name    string
	command func(database string) (*exec.Cmd, error)
	samples []sample
}

type sample struct {
	wall, cpu time.Duration
	memory    int64 // peak resident bytes
}

func bench(target string, rows, runs int) error {
	dir, err := os.MkdirTemp("", "tapline-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	stream, records := filepath.Join(dir, "charges.singer"), filepath.Join(dir, "charges.jsonl")
	size, err := write(stream, func(w io.Writer) error { return charges.WriteStream(w, rows, 1) })
	if err == nil {
		_, err = write(records, func(w io.Writer) error { return charges.WriteRecords(w, rows, 1) })
	}
	if err != nil {
		return err
	}
	fmt.Printf("%d charges, %.0f MB, %d runs each, alternating\n", rows, float64(size)/1e6, runs)
	contestants := []*contestant{
		{name: "DuckDB read_json", command: func(database string) (*exec.Cmd, error) {
			return exec.Command(os.Args[0], "--reference", records, "--database", database), nil
		}},
		{name: "target-warehouse", command: func(database string) (*exec.Cmd, error) {
			config := filepath.Join(dir, "config.json")
			err := os.WriteFile(config, fmt.Appendf(nil, `{"path":%q}`, database), 0o600)
			return exec.Command(target, "--config", config, "--input", stream), err
		}},
	}
	for run := range runs {
		for _, c := range contestants {
			database := filepath.Join(dir, fmt.Sprintf("%d.duckdb", run))
			if err := c.measure(database, rows); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			os.Remove(database)
		}
	}
	report(contestants, rows)
	return nil
}

func write(path string, fill func(io.Writer) error) (size int64, err error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if err := fill(f); err != nil {
		return 0, err
	}
	return f.Seek(0, io.SeekEnd)
}

// measure runs the contestant once and checks that all rows are there.
func (c *contestant) measure(database string, rows int) error {
	cmd, err := c.command(database)
	if err != nil {
		return err
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w: %s", err, stderr.String())
	}
	wall := time.Since(start)
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	c.samples = append(c.samples, sample{wall: wall, cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), memory: usage.Maxrss * 1024})
	db, err := sql.Open("duckdb", database)
	if err != nil {
		return err
	}
	defer db.Close()
	var loaded, distinct int
	if err := db.QueryRow(`SELECT count(*), count(DISTINCT id) FROM charges`).Scan(&loaded, &distinct); err != nil {
		return err
	}
	if loaded != rows || distinct != rows {
		return fmt.Errorf("%d rows with %d ids were loaded, want %d", loaded, distinct, rows)
	}
	return nil
}

func report(contestants []*contestant, rows int) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\tmedian wall s\tCPU s\trows/s\tpeak MB\tall walls")
	for _, c := range contestants {
		m := c.median()
		var walls []string
		for _, s := range c.samples {
			walls = append(walls, fmt.Sprintf("%.2f", s.wall.Seconds()))
		}
		fmt.Fprintf(w, "%s\t%.2f\t%.2f\t%.0f\t%.0f\t%s\n", c.name, m.wall.Seconds(), m.cpu.Seconds(),
			float64(rows)/m.wall.Seconds(), float64(m.memory)/1e6, strings.Join(walls, " "))
	}
	w.Flush()
	first, second := contestants[0].median(), contestants[1].median()
	fmt.Printf("%s takes %.2f times as long as %s\n", contestants[1].name, second.wall.Seconds()/first.wall.Seconds(), contestants[0].name)
}

// median returns the sample of median wall time.
func (c *contestant) median() sample {
	sorted := slices.SortedFunc(slices.Values(c.samples), func(a, b sample) int { return int(a.wall - b.wall) })
	return sorted[len(sorted)/2]
}

// readJSON is the reference: DuckDB reads the records itself, with the types that target-warehouse gives the columns.
func readJSON(records, database string) error {
	db, err := sql.Open("duckdb", database)
	if err != nil {
		return err
	}
	defer db.Close()
	var columns []string
	for _, c := range charges.Columns {
		columns = append(columns, fmt.Sprintf("%s: '%s'", c.Name, duckType(c.Schema)))
	}
	_, err = db.Exec(fmt.Sprintf(`CREATE TABLE charges AS SELECT * FROM read_json('%s', format='newline_delimited', columns={%s})`,
		records, strings.Join(columns, ", ")))
	return err
}

func duckType(schema string) string {
	switch {
	case strings.Contains(schema, "date-time"):
		return "TIMESTAMPTZ"
	case strings.Contains(schema, "object"):
		return "JSON"
	case strings.Contains(schema, "integer"):
		return "BIGINT"
	case strings.Contains(schema, "number"):
		return "DOUBLE"
	case strings.Contains(schema, "boolean"):
		return "BOOLEAN"
	}
	return "VARCHAR"
}
