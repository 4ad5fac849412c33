package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// poolPatience is how long a pool may take to hand out a second session.
const poolPatience = 5 * time.Second

var errPool = errors.New("a connection pool stands before the server and hands out single transactions, so that the lock which keeps runs apart would be nobody's " +
	"and the session's settings would reach other programs; connect to the server itself, or to the pool's session mode, which often has a port of its own")

// refusePool finds a pool that serves several connections by one session of the server, one after the other. It is called
// where the session is not the one that the server announced, so that something stands in between, before anything is set
// that others would have to live with. A pool that keeps a session for whoever has a setting of its own is none such.
func (w *Warehouse) refusePool(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, "SET datestyle = 'ISO'"); err != nil {
		return err
	}
	first, err := session(ctx, conn)
	if err != nil {
		return err
	}
	if w.secondSession(ctx) == first {
		return errPool
	}
	again, err := session(ctx, conn)
	if err == nil && again != first {
		return errPool
	}
	return err
}

// secondSession is the session behind another connection; 0 where none is to be had, as from a pool all of whose sessions
// are taken.
func (w *Warehouse) secondSession(ctx context.Context) uint32 {
	ctx, cancel := context.WithTimeout(ctx, poolPatience)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, w.config)
	if err != nil {
		return 0
	}
	defer conn.Close(context.WithoutCancel(ctx))
	pid, err := session(ctx, conn)
	if err != nil {
		return 0
	}
	return pid
}

// session is the number of the server's process that serves a connection at the moment.
func session(ctx context.Context, conn *pgx.Conn) (pid uint32, err error) {
	err = conn.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&pid)
	return pid, err
}
