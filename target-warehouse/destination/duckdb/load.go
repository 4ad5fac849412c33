package duckdb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"maps"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// load implements [destination.Load] as one transaction on one connection.
type load struct {
	w       *Warehouse
	conn    *sql.Conn
	catalog string
	plans   map[*table.Table]*plan // by every Table that Migrate was called with
	// revisions counts the changes that this load has made to a table, by its quoted name (see revision). A plan of an
	// earlier revision is made anew before it is used.
	revisions  map[string]int
	prepared   map[*destination.OwnTable]bool // those that this load has made or brought up to date
	collecting map[string]bool                // by place, as in Warehouse, where this load has changed it
	told       map[string]bool                // the places of whose changes Migrate has told
	ended      bool
}

// exec runs a statement and returns how many rows DuckDB says it changed.
func (l *load) exec(ctx context.Context, query string, args ...any) (int64, error) {
	result, err := l.conn.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// Commit implements [destination.Load].
func (l *load) Commit(ctx context.Context, c destination.Checkpoint) error {
	if err := l.record(ctx, c); err != nil {
		return fmt.Errorf("record the load: %w", explain(err))
	}
	// Cancelled half-way, the statement would leave its caller in doubt whether the rows are there.
	if _, err := l.exec(context.WithoutCancel(ctx), "COMMIT"); err != nil {
		return errors.Join(fmt.Errorf("commit: %w", explain(err)), l.end())
	}
	l.w.remember(l)
	return l.end()
}

// Rollback implements [destination.Load].
func (l *load) Rollback() error {
	if l.ended {
		return nil
	}
	_, err := l.exec(context.Background(), "ROLLBACK")
	if err != nil {
		err = fmt.Errorf("roll back: %w", err)
	}
	return errors.Join(err, l.end())
}

// end gives the connection up for good: what is temporary on it goes with it.
func (l *load) end() error {
	l.ended = true
	discard := func(any) error { return driver.ErrBadConn }
	if err := l.conn.Raw(discard); err != nil && !errors.Is(err, driver.ErrBadConn) {
		return err
	}
	if err := l.conn.Close(); err != nil && !errors.Is(err, sql.ErrConnDone) {
		return err
	}
	return nil
}

// remember takes over what a committed load has found out.
func (w *Warehouse) remember(l *load) {
	maps.Copy(w.prepared, l.prepared)
	maps.Copy(w.collecting, l.collecting)
	for place := range l.told {
		delete(w.untold, place)
	}
	for name, n := range l.revisions {
		w.revisions[name] += n
	}
	if len(w.plans) > mostPlans {
		clear(w.plans)
	}
	for t, p := range l.plans {
		if len(p.changes) > 0 {
			w.untold[place(t)] = append(w.untold[place(t)], p.changes...)
			p.changes = nil
		}
		if !w.shared {
			w.plans[t] = p
		}
	}
}

// mostPlans bounds how many plans a Warehouse keeps.
const mostPlans = 2000
