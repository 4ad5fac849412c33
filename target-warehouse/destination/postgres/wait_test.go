package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgproto3"

	"tapline/singer"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

// openLogged opens a database in which loads wait 200 ms for a lock, with what is logged.
func openLogged(t *testing.T, url string) (*Warehouse, *bytes.Buffer) {
	t.Helper()
	mustExec(t, connect(t, url), "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET lock_timeout = ''200ms''', current_database()); END $$")
	log := &bytes.Buffer{}
	w, err := Open(t.Context(), Config{URL: singer.Secret(url), Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() }) // it may be closed already
	return w, log
}

func TestAlterationWaitsForReadersAndLetsOthersRead(t *testing.T) {
	url := newDatabase(t)
	w, log := openLogged(t, url)
	mustLoad(t, w, things(1, table.Integer), destinationtest.Row{int64(1)})
	long, other := connect(t, url), connect(t, url)
	mustExec(t, other, "SET lock_timeout = 0")
	mustExec(t, long, "BEGIN; SELECT FROM things")
	ended := make(chan error, 1)
	go func() {
		_, err := load1(t, w, things(1, table.Integer, table.Text), destinationtest.Row{int64(1), "a"})
		ended <- err
	}()
	for range 3 {
		time.Sleep(150 * time.Millisecond)
		if diff := gocmp.Diff([]destinationtest.Row{{int64(1)}}, query(t, other, "SELECT * FROM things")); diff != "" {
			t.Errorf("another reader (-want +got):\n%s", diff)
		}
	}
	select {
	case err := <-ended:
		t.Fatalf("the load ended while the table was read, failure %v", err)
	default:
	}
	mustExec(t, long, "COMMIT")
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff([]destinationtest.Row{{int64(1), "a"}}, query(t, other, "SELECT * FROM things")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if holder := fmt.Sprintf("process %d of user", long.PgConn().PID()); strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), holder) {
		t.Errorf("log is %q, want one line with %q", log, holder)
	}
	var timeout string
	if err := w.conn.QueryRow(context.Background(), "SELECT current_setting('lock_timeout')").Scan(&timeout); err != nil || timeout != "200ms" {
		t.Errorf("lock_timeout is %q behind the load, failure %v", timeout, err)
	}
}

func TestLockThatIsNotToBeHadFailsTheLoad(t *testing.T) {
	url := newDatabase(t)
	w, _ := openLogged(t, url)
	w.lockWait = 300 * time.Millisecond
	mustLoad(t, w, things(1, table.Integer, table.Text), destinationtest.Row{int64(1), "a"})
	other := connect(t, url)
	holder := fmt.Sprintf("process %d of user", other.PgConn().PID())
	for name, c := range map[string]struct {
		lock string
		tab  *table.Table
		want string
	}{
		"altered": {"SELECT FROM things", things(1, table.Integer, table.JSON), holder},
		"its key": {"SELECT FROM things", things(2, table.Integer, table.Text), holder},
		"locked":  {"LOCK things", things(1, table.Integer, table.Text), lockNotAvailable},
		"a row":   {"UPDATE things SET other = 'b'", things(1, table.Integer, table.Text), lockNotAvailable},
	} {
		t.Run(name, func(t *testing.T) {
			mustExec(t, other, "BEGIN; "+c.lock)
			defer mustExec(t, other, "ROLLBACK")
			_, err := load1(t, w, c.tab, destinationtest.Row{int64(1), `"c"`})
			if !errors.Is(err, singer.ErrUnavailable) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "another session holds a lock") {
				t.Errorf("failure is %v, want one with %q", err, c.want)
			}
		})
	}
	mustLoad(t, w, things(1, table.Integer, table.Text), destinationtest.Row{int64(1), "c"})
}

// TestAlteredTableIsNotKeptFromReadersWhileOthersAreLoaded has loads end behind a table that nobody can read until then.
func TestAlteredTableIsNotKeptFromReadersWhileOthersAreLoaded(t *testing.T) {
	w := mustOpen(t, newDatabase(t))
	for _, step := range []struct {
		tab     *table.Table
		crowded bool
	}{
		{things(1, table.Integer), false},
		{things(1, table.Integer), false},
		{things(1, table.Integer, table.Text), true},
		{things(1, table.Integer, table.Text), false},
		{things(0, table.Integer, table.Text), true}, // as its index goes
	} {
		l := begin(t, w)
		if _, err := l.Migrate(t.Context(), step.tab); err != nil {
			t.Fatal(err)
		}
		if got := l.Load.(destination.Crowder).Crowded(); got != step.crowded {
			t.Errorf("key %v, %d columns: crowded is %v, want %v", step.tab.Key, len(step.tab.Columns), got, step.crowded)
		}
		if err := l.Commit(t.Context(), destination.Checkpoint{RunID: "1"}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLoadsDoNotWaitForLocksForEver(t *testing.T) {
	w := mustOpen(t, newDatabase(t))
	var timeout string
	if err := w.conn.QueryRow(t.Context(), "SELECT current_setting('lock_timeout')").Scan(&timeout); err != nil || timeout != "10min" {
		t.Errorf("lock_timeout is %q, failure %v", timeout, err)
	}
}

// TestStatementOfARunThatIsGoneIsEnded has the process of a run end without a word while the server waits for a lock.
func TestStatementOfARunThatIsGoneIsEnded(t *testing.T) {
	url := newDatabase(t)
	conn := connect(t, url)
	if len(query(t, conn, "SELECT FROM pg_settings WHERE name = 'client_connection_check_interval'")) == 0 {
		t.Skip("the server cannot look whether its client is there")
	}
	w := mustOpen(t, url)
	mustLoad(t, w, things(1, table.Integer), destinationtest.Row{int64(1)})
	mustExec(t, conn, "BEGIN; LOCK things")
	wire, err := w.conn.PgConn().Hijack() // as the driver asks the server to cancel what it does when a connection breaks
	if err != nil {
		t.Fatal(err)
	}
	wire.Frontend.Send(&pgproto3.Query{String: "SELECT FROM things"})
	if err := wire.Frontend.Flush(); err != nil {
		t.Fatal(err)
	}
	for len(query(t, conn, "SELECT FROM pg_locks WHERE NOT granted AND relation = 'things'::regclass")) == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	if err := wire.Conn.Close(); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, url) // which fails as long as the other session has the pipeline's lock
}
