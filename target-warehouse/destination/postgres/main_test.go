package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tapline/singer"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/destination/postgres/postgrestest"
)

// server is the one that the tests of this package share; nil where none is installed.
var server *postgrestest.Server

// childTask, if set in the environment, makes the test binary a process to be killed.
const childTask = "POSTGRES_TEST_CHILD"

func TestMain(m *testing.M) {
	if task := os.Getenv(childTask); task != "" {
		loadTwice(os.Getenv("POSTGRES_TEST_URL"), task)
	}
	var err error
	server, err = postgrestest.Start()
	if err != nil && !errors.Is(err, postgrestest.ErrNotInstalled) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if server != nil {
		if err := server.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// needServer ends a test where no server is installed: as skipped, but as failed in continuous integration.
func needServer(t testing.TB) {
	t.Helper()
	if server != nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal(postgrestest.ErrNotInstalled)
	}
	t.Skip(postgrestest.ErrNotInstalled)
}

// emptied are databases that a test has used and left empty, as it takes long to make and to drop one.
var emptied []string

// newDatabase gives an empty database and returns its URL.
func newDatabase(t testing.TB) string {
	t.Helper()
	needServer(t)
	if len(emptied) == 0 {
		emptied = append(emptied, makeDatabase(t, ""))
	}
	url := emptied[len(emptied)-1]
	emptied = emptied[:len(emptied)-1]
	t.Cleanup(func() {
		conn := connect(t, url)
		defer conn.Close(context.Background())
		mustExec(t, conn, "SET default_transaction_read_only = off")
		mustExec(t, conn, `DO $$ DECLARE s text; BEGIN
			EXECUTE format('ALTER DATABASE %I RESET ALL', current_database());
			PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
			FOR s IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP
				EXECUTE format('DROP SCHEMA %I CASCADE', s);
			END LOOP; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC; END $$`)
		emptied = append(emptied, url)
	})
	return url
}

// makeDatabase makes a database that stays until the server ends.
func makeDatabase(t testing.TB, options string) string {
	t.Helper()
	name := fmt.Sprint("db", time.Now().UnixNano())
	admin := connect(t, server.URL("postgres"))
	defer admin.Close(context.Background())
	mustExec(t, admin, "CREATE DATABASE "+name+" "+options)
	return server.URL(name)
}

func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec // tests change tables between two queries
	conn, err := pgx.ConnectConfig(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func mustExec(t testing.TB, conn *pgx.Conn, text string) {
	t.Helper()
	if _, err := conn.PgConn().Exec(context.Background(), text).ReadAll(); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

func mustOpen(t testing.TB, url string) *Warehouse {
	t.Helper()
	w, err := Open(context.Background(), Config{URL: singer.Secret(url)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() }) // it may be closed already
	return w
}

// query reads all rows of a query, JSON as text.
func query(t testing.TB, conn *pgx.Conn, text string, args ...any) []destinationtest.Row {
	t.Helper()
	rows, err := conn.Query(context.Background(), text, args...)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.AppendRows([]destinationtest.Row(nil), rows, func(row pgx.CollectableRow) (destinationtest.Row, error) {
		values, err := row.Values()
		for i, v := range values {
			if at, ok := v.(time.Time); ok {
				values[i] = at.UTC()
			}
		}
		return values, err
	})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return all
}
