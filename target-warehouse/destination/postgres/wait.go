package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// lockWait is how long a load waits for a lock, unless the server has a lock_timeout for its user. lockTry is how long it
// stands in line at a time for one behind which readers must wait: longer than the second after which the server's vacuum
// makes way, and short enough for a dashboard. lockPause lets those in that came meanwhile.
const (
	lockWait  = 10 * time.Minute
	lockTry   = 3 * time.Second
	lockPause = 2 * time.Second
)

const lockNotAvailable = "55P03"

// alone runs a statement that needs a table for itself, such as ALTER TABLE. Others who want to read the table have to wait
// behind a statement that waits for those who read it already, however long these take. So it gives up again and again to
// let them in.
func (l *load) alone(ctx context.Context, t *target, statement string) error {
	wait := min(lockTry, time.Duration(l.w.lockTimeout)*time.Millisecond)
	try := fmt.Sprintf("SAVEPOINT alone; SET LOCAL lock_timeout = %d; %s; SET LOCAL lock_timeout = %d; RELEASE SAVEPOINT alone",
		wait.Milliseconds(), statement, l.w.lockTimeout)
	deadline := time.Now().Add(l.w.lockWait)
	for told := false; ; told = true {
		_, err := l.conn.PgConn().Exec(ctx, try).ReadAll()
		if fault := (*pgconn.PgError)(nil); !errors.As(err, &fault) || fault.Code != lockNotAvailable {
			l.altered = true
			return err
		}
		if _, undo := l.exec(ctx, "ROLLBACK TO SAVEPOINT alone"); undo != nil {
			return errors.Join(err, undo)
		}
		holders, lookErr := l.holders(ctx, t)
		if lookErr != nil {
			return lookErr
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the table is in use by %s: %w", holders, err)
		}
		if !told {
			l.w.log.Warn("a table is to be altered and others use it; trying again until they have ended", "table", t.schema+"."+t.name, "used_by", holders)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(lockPause, wait)):
		}
	}
}

// holders names the sessions that use a table.
func (l *load) holders(ctx context.Context, t *target) (string, error) {
	rows, _ := l.conn.Query(ctx, `SELECT DISTINCT format('process %s of user %s', a.pid, a.usename) || coalesce(nullif(' in ' || a.application_name, ' in '), '') ||
		coalesce(', in a transaction since ' || to_char(a.xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), '')
		FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
		WHERE l.locktype = 'relation' AND l.relation = $1::text::regclass AND l.granted AND a.pid <> pg_backend_pid()
		AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`, t.quoted()) // CollectRows returns the failure
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if len(list) == 0 {
		return "a session that has ended since", err
	}
	return strings.Join(list, "; "), err
}
