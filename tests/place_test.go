package tests

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"tapline/target-warehouse/destination/postgres/postgrestest"
)

// place is where a warehouse is that the matrix kills loads into.
type place struct {
	settings string
	// keepsKeys says that a key may have several rows, of which the one of the last record holds.
	keepsKeys bool
	// read reads all of a table; nothing if there is no such table.
	read func(t *testing.T, table string) (columns []string, rows [][]any)
	// quiet waits until what a killed load has asked for last is done or given up; nil where that is done with the process.
	quiet func(t *testing.T)
}

// killed waits until nothing changes any more in a place where a load was killed.
func (p *place) killed(t *testing.T) {
	t.Helper()
	if p.quiet != nil {
		p.quiet(t)
	}
}

func duckDBPlaces(*testing.T) func(*testing.T) *place {
	return func(t *testing.T) *place { return duckDBIn(t.TempDir()) }
}

// duckDBIn is a DuckDB file in a directory.
func duckDBIn(dir string) *place {
	file := filepath.Join(dir, "warehouse.duckdb")
	return &place{settings: fmt.Sprintf(`"path":%q`, file), read: func(t *testing.T, table string) ([]string, [][]any) {
		t.Helper()
		if _, err := os.Stat(file); err != nil {
			return nil, nil
		}
		db, err := sql.Open("duckdb", file+"?access_mode=READ_ONLY")
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		return readNamed(t, db, table)
	}}
}

// readNamed reads the table of this name in a database; nothing if there is none.
func readNamed(t *testing.T, db *sql.DB, table string) ([]string, [][]any) {
	t.Helper()
	var exists bool
	if err := db.QueryRow(`SELECT count(*) > 0 FROM information_schema.tables WHERE table_name = $1`, table).Scan(&exists); err != nil {
		t.Fatal(err)
	}
	if !exists {
		return nil, nil
	}
	return readAll(t, db, `SELECT * FROM `+table)
}

func readAll(t *testing.T, db *sql.DB, query string) (columns []string, rows [][]any) {
	t.Helper()
	result, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer result.Close()
	if columns, err = result.Columns(); err != nil {
		t.Fatal(err)
	}
	for result.Next() {
		values := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := result.Scan(into...); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, values)
	}
	if err := result.Err(); err != nil {
		t.Fatal(err)
	}
	return columns, rows
}

func postgresPlaces(t *testing.T) func(*testing.T) *place {
	server := startPostgres(t)
	return func(t *testing.T) *place { return postgresOn(t, server, server.URL(newDatabase(t, server))) }
}

// newDatabase makes a database on a server.
func newDatabase(t *testing.T, server *postgrestest.Server) string {
	t.Helper()
	db, err := sql.Open("pgx", server.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	name := "d" + strings.ToLower(ulid.Make().String())
	if _, err := db.Exec("CREATE DATABASE " + name); err != nil {
		t.Fatal(err)
	}
	return name
}

// postgresOn is a database of a server, which loads reach by the URL.
func postgresOn(t *testing.T, server *postgrestest.Server, url string) *place {
	_, name, _ := strings.Cut(url[len("postgres://"):], "/")
	name, _, _ = strings.Cut(name, "?")
	open := func(t *testing.T) *sql.DB {
		t.Helper()
		db, err := sql.Open("pgx", server.URL(name))
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	return &place{settings: fmt.Sprintf(`"destination":"postgres","url":%q`, url), read: func(t *testing.T, table string) ([]string, [][]any) {
		t.Helper()
		db := open(t)
		defer db.Close()
		return readNamed(t, db, table)
	}, quiet: func(t *testing.T) {
		t.Helper()
		db := open(t)
		defer db.Close()
		waitForSessions(t, db)
	}}
}

// waitForSessions waits until the server has no session of a database but this one: it may commit what a killed client has
// asked for, and notices only behind that that nobody is there.
func waitForSessions(t *testing.T, db *sql.DB) {
	t.Helper()
	for began := time.Now(); time.Since(began) < 2*time.Minute; time.Sleep(5 * time.Millisecond) {
		var others int
		if err := db.QueryRow(`SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`).Scan(&others); err != nil {
			t.Fatal(err)
		}
		if others == 0 {
			return
		}
	}
	t.Fatal("the sessions of a load that was killed do not end")
}

func startPostgres(t *testing.T) *postgrestest.Server {
	t.Helper()
	server, err := postgrestest.Start()
	if errors.Is(err, postgrestest.ErrNotInstalled) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return server
}

func filesPlaces(*testing.T) func(*testing.T) *place {
	return func(t *testing.T) *place { return filesIn(t.TempDir()) }
}

// filesIn are Parquet files in a directory.
func filesIn(dir string) *place {
	return &place{keepsKeys: true, settings: fmt.Sprintf(`"destination":"files","path":%q`, dir), read: func(t *testing.T, table string) ([]string, [][]any) {
		t.Helper()
		pattern := filepath.Join(dir, table, "*.parquet")
		if files, err := filepath.Glob(pattern); err != nil || len(files) == 0 {
			return nil, nil
		}
		db, err := sql.Open("duckdb", "")
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		return readAll(t, db, fmt.Sprintf("SELECT * FROM read_parquet('%s', union_by_name = true)", pattern))
	}}
}
