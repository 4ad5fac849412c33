package duckdb

import (
	"bufio"
	"database/sql"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// BenchmarkCharges loads charges into an empty file and, beside it, has DuckDB read the same rows from a file of JSON
// lines. CHARGES sets how many rows (50,000 unless told), APPEND how many go into one Append (50,000).
//
//	CHARGES=500000 go test -run '^$' -bench Charges -benchtime 3x ./target-warehouse/destination/duckdb
func BenchmarkCharges(b *testing.B) {
	rows, size := setting("CHARGES", 50_000), setting("APPEND", 50_000)
	mem, t := Allocator(), chargeTable()
	var appends [][]*table.Batch
	for from := 0; from < rows; from += size {
		var batches []*table.Batch
		for at := from; at < min(from+size, rows); at += 10_000 {
			batches = append(batches, chargeBatch(mem, t, at, min(at+10_000, from+size, rows)))
		}
		appends = append(appends, batches)
	}
	dir := b.TempDir()
	lines := filepath.Join(dir, "charges.jsonl")
	writeCharges(b, lines, rows)

	for name, load := range map[string]func(b *testing.B, path string){
		"read_json": func(b *testing.B, path string) { readJSON(b, path, lines) },
		"one commit": func(b *testing.B, path string) {
			loadCharges(b, path, t, [][][]*table.Batch{appends})
		},
		"a commit each append": func(b *testing.B, path string) {
			var loads [][][]*table.Batch
			for i := range appends {
				loads = append(loads, appends[i:i+1])
			}
			loadCharges(b, path, t, loads)
		},
		"one commit and all rows again": func(b *testing.B, path string) {
			loadCharges(b, path, t, [][][]*table.Batch{appends, appends})
		},
	} {
		b.Run(name, func(b *testing.B) {
			before, start := cpuTime(), time.Now()
			for range b.N {
				load(b, filepath.Join(b.TempDir(), "stripe.duckdb"))
			}
			b.ReportMetric(float64(rows*b.N)/time.Since(start).Seconds(), "rows/s")
			b.ReportMetric((cpuTime()-before).Seconds()/float64(b.N), "cpu-s/op")
		})
	}
}

func setting(name string, unlessTold int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return unlessTold
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func writeCharges(b *testing.B, path string, rows int) {
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriter(f)
	for i := range rows {
		w.WriteString(chargeLine(i))
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	f.Close()
}

// readJSON has DuckDB load the lines with the columns' types told, so that it need not find them out.
func readJSON(b *testing.B, path, lines string) {
	db, err := sql.Open("duckdb", path)
	if err != nil {
		b.Fatal(err)
	}
	var columns []string
	for _, c := range chargeColumns {
		typ := newTypes[c.typ]
		if c.typ == table.Timestamp {
			typ = "BIGINT" // the lines have seconds
		}
		columns = append(columns, quote(c.name)+": "+text(typ))
	}
	if _, err := db.Exec("CREATE TABLE charges AS SELECT * FROM read_json(" + text(lines) + ", columns = {" + strings.Join(columns, ", ") + "})"); err != nil {
		b.Fatal(err)
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
}

// loadCharges runs one Load for each element of loads, with one Append for each element of that.
func loadCharges(b *testing.B, path string, t *table.Table, loads [][][]*table.Batch) {
	ctx := b.Context()
	w, err := Open(ctx, Config{Path: path})
	if err != nil {
		b.Fatal(err)
	}
	for _, appends := range loads {
		l, err := w.Begin(ctx)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := l.Migrate(ctx, t); err != nil {
			b.Fatal(err)
		}
		for _, batches := range appends {
			if _, err := l.Append(ctx, batches); err != nil {
				b.Fatal(err)
			}
		}
		if err := l.Commit(ctx, destination.Checkpoint{State: []byte("{}"), RunID: "1"}); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
}
