package postgres

import "context"

// heldBy is a condition on a row of pg_locks l: that it is an advisory lock of this database with the key $1, and held.
// https://www.postgresql.org/docs/current/view-pg-locks.html
const heldBy = `l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
	AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
	AND (l.classid::bigint << 32) + l.objid::bigint = $1`

// Loading implements [destination.Watcher]. Which locks are held on its primary, a standby does not tell.
func (w *Warehouse) Loading(ctx context.Context, pipeline string) (loading bool, err error) {
	err = w.conn.QueryRow(ctx, "SELECT pg_is_in_recovery() OR EXISTS (SELECT FROM pg_locks AS l WHERE l.pid <> pg_backend_pid() AND "+heldBy+")",
		lockKey("pipeline", w.schema, pipeline)).Scan(&loading)
	return loading, err
}
