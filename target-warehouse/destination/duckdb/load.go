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
	rewritten  map[string]bool                // the quoted names of tables in which this load has deleted or updated rows
	listed     map[string]string              // see lookUp: comments on tables, by place; nil until the first question
	asked      map[string]bool                // places that listed has answered for
	added      map[string]int64               // rows, by the quoted name of their table
	unlogged   bool                           // Commit writes the file at once, see [load.commit]
	feed       *feed                          // nil if none is going on
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
	if err := l.endFeed(ctx); err != nil {
		return err
	}
	if err := l.record(ctx, c); err != nil {
		return fmt.Errorf("record the load: %w", explain(err))
	}
	// Cancelled half-way, the statements would leave their caller in doubt whether the rows are there.
	if err := l.commit(context.WithoutCancel(ctx)); err != nil {
		return errors.Join(fmt.Errorf("commit: %w", explain(err)), l.end())
	}
	l.w.remember(l)
	if err := l.end(); err != nil {
		return err
	}
	l.w.relieve(ctx)
	return nil
}

// adds notes that rows go into a table, whose columns take memory then. As many as fill a row group are written ahead of
// Commit.
func (l *load) adds(p *plan, rows int64) {
	l.w.columns[p.name] = int64(len(p.all)) * columnMemory
	l.added[p.name] += rows
	l.unlogged = l.unlogged || l.added[p.name] >= rowGroup
}

// alter runs a statement that changes or drops a table.
func (l *load) alter(ctx context.Context, statement string) error {
	l.unlogged = true
	_, err := l.exec(ctx, statement)
	return err
}

// commit ends the transaction. From its log DuckDB 1.5.4 cannot replay every transaction:
//
//   - one that alters a table and changes rows: a table renamed behind deleted rows, or a column converted by a function,
//     leaves a file that does not open, or rows that are gone;
//   - one with row groups that were written ahead of Commit, if a kill has cut the log: they are in their table then, and
//     nothing else of the transaction is, as if the rows had been committed without their state.
//
// A transaction that writes the database file at once has no log, and is as safe: the file's header changes last. If it only
// adds rows, row groups that are not full stay as they are, to be joined when the Warehouse is closed: joining them, a
// checkpoint reads and writes up to three to make two of them, and those that the next commits bring are as full.
func (l *load) commit(ctx context.Context) error {
	if !l.unlogged || l.w.shared {
		_, err := l.exec(ctx, "COMMIT")
		return err
	}
	if _, err := l.exec(ctx, "SET GLOBAL checkpoint_threshold = '0B'"); err != nil {
		return err
	}
	if !l.w.joins {
		if err := l.w.setVacuumTasks(ctx, 0); err != nil {
			return err
		}
	}
	_, err := l.exec(ctx, "COMMIT")
	_, reset := l.exec(ctx, "SET GLOBAL checkpoint_threshold = '"+checkpointThreshold+"'")
	if !l.w.apart {
		reset = errors.Join(reset, l.w.setVacuumTasks(ctx, vacuumTasks))
	}
	if err == nil && reset != nil {
		return nil // the rows are there; more checkpoints than need be do no harm
	}
	return err
}

// Rollback implements [destination.Load].
func (l *load) Rollback() error {
	if l.ended {
		return nil
	}
	l.dropFeed()
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
