package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// load implements [destination.Load] as one transaction.
type load struct {
	w           *Warehouse
	conn        *pgx.Conn
	plans       map[*table.Table]*plan // by every Table that Migrate was called with
	targets     map[string]*target     // by quoted name
	temporaries map[string]string      // names of temporary tables by their columns
	replaced    changedValues
	collecting  map[string]bool // what becomes of Warehouse.collecting at Commit
	altered     bool            // nobody can read one of the targets until the load ends
	ended       bool
}

// exec runs a statement and returns how many rows the server says it changed.
func (l *load) exec(ctx context.Context, query string, args ...any) (int64, error) {
	tag, err := l.conn.Exec(ctx, query, args...)
	return tag.RowsAffected(), err
}

// Commit implements [destination.Load]. If the connection breaks while the server commits, it connects again to look
// whether the load is there.
func (l *load) Commit(ctx context.Context, c destination.Checkpoint) error {
	for _, t := range l.targets {
		_, err := l.fitIndex(ctx, t, t.newest)
		if err == nil {
			err = l.index(ctx, t)
		}
		if err != nil {
			return fmt.Errorf("index table %s: %w", t.name, explain(ctx, l.conn, err))
		}
	}
	transaction, err := l.record(ctx, c)
	if err != nil {
		return fmt.Errorf("record the load: %w", explain(ctx, l.conn, err))
	}
	// Cancelled half-way, the statement would leave its caller in doubt whether the rows are there.
	ctx = context.WithoutCancel(ctx)
	tag, err := l.conn.Exec(ctx, "COMMIT")
	if err != nil && l.conn.IsClosed() {
		committed, lookErr := l.w.committed(ctx, c, transaction)
		if lookErr != nil {
			return fmt.Errorf("commit: the connection was lost (%w), and whether the rows are there could not be found out: %w", err, lookErr)
		}
		if committed {
			l.settle()
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("commit: %w", explain(ctx, l.conn, err))
	}
	// A transaction in which a statement failed is answered this way, without a failure.
	if tag.String() != "COMMIT" {
		return fmt.Errorf("commit: the server answered %s, so nothing of this load was kept", tag)
	}
	l.settle()
	return nil
}

// settle notes what is true since the commit.
func (l *load) settle() {
	l.ended, l.w.recorded = true, true
	l.w.collecting = l.collecting
	for place, n := range l.replaced {
		l.w.replaced.add(place, n)
	}
}

// committed connects again and tells whether the transaction with this number is the one that wrote the pipeline's row of
// states last. The server may give the number of a transaction that it has lost to another, but that one has not
// written the row of this run.
func (w *Warehouse) committed(ctx context.Context, c destination.Checkpoint, transaction string) (bool, error) {
	if err := w.reconnect(ctx); err != nil {
		return false, err
	}
	states, found := w.own(destination.States), false
	err := w.conn.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", states).Scan(&found)
	if err != nil || !found {
		return false, explain(ctx, w.conn, err)
	}
	var run string
	var later bool
	err = w.conn.QueryRow(ctx, "SELECT run_id, coalesce(fence > $2, false), xmin::text = $3 FROM "+states+" WHERE pipeline = $1", c.Pipeline, c.Fence, transaction).
		Scan(&run, &later, &found)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return false, nil
	case err != nil:
		return false, explain(ctx, w.conn, err)
	case later:
		return false, destination.ErrFenced // and it has written over what would have told
	}
	return found && run == c.RunID, nil
}

// Rollback implements [destination.Load]. Where the server cannot be told, the end of the connection tells it.
func (l *load) Rollback() error {
	if l.ended {
		return nil
	}
	l.ended = true
	if l.conn.IsClosed() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if _, err := l.exec(ctx, "ROLLBACK"); err != nil {
		_ = l.conn.Close(ctx) // what fails here has ended the connection, too
	}
	return nil
}

// temporary gives an empty table with these columns that lives as long as the load does.
func (l *load) temporary(ctx context.Context, columns string) (string, error) {
	if name, ok := l.temporaries[columns]; ok {
		_, err := l.exec(ctx, "TRUNCATE "+name)
		return name, err
	}
	name := fmt.Sprintf("pg_temp._singer_%d", len(l.temporaries)+1)
	if _, err := l.exec(ctx, "CREATE TEMPORARY TABLE "+strings.TrimPrefix(name, "pg_temp.")+" ("+columns+") ON COMMIT DROP"); err != nil {
		return "", err
	}
	l.temporaries[columns] = name
	return name, nil
}

// compare orders places by stream, table and column.
func (p columnPlace) compare(q columnPlace) int {
	return cmp.Or(cmp.Compare(p.stream, q.stream), cmp.Compare(p.schema, q.schema), cmp.Compare(p.table, q.table), cmp.Compare(p.column, q.column))
}
