package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/jackc/pgx/v5"

	"tapline/singer"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// Config says where the warehouse is. Everything may be left out; what neither URL nor a field says comes from the
// variables PGHOST, PGPASSWORD and so on, from ~/.pgpass, and from PostgreSQL's defaults, as with psql.
type Config struct {
	// URL is postgres://user:password@host:port/database with any of libpq's parameters behind a question mark.
	URL singer.Secret
	// The fields that are set take the place of what the URL says.
	Host     string // or the directory of a Unix socket
	Port     int
	User     string
	Password singer.Secret
	Database string
	// SSLMode is disable, allow, prefer (the default), require, verify-ca or verify-full. The others are paths of PEM
	// files: the authorities to trust, and the client's certificate and key.
	SSLMode, SSLRootCert, SSLCert, SSLKey string

	// Schema is where tapline's own tables are, and the tables that name no schema; "public" if empty.
	Schema string
	// Pipeline is the name under which Open locks out other runs; "default" if empty.
	Pipeline string
	// Log is told about values that PostgreSQL cannot store as they are; nil for nobody.
	Log *slog.Logger
}

// Warehouse is an open database. It implements [destination.Destination].
type Warehouse struct {
	config   *pgx.ConnConfig
	schema   string // as stored
	pipeline string
	log      *slog.Logger
	readOnly bool

	lockTimeout int           // of the session, in milliseconds
	lockWait    time.Duration // how long a load tries to have a table for itself

	conn       *pgx.Conn
	recorded   bool            // tapline's own tables are there
	replaced   changedValues   // of loads that are committed
	collecting map[string]bool // by quoted name, the hidden tables that this run has begun to fill
}

// columnPlace names a column for the log.
type columnPlace struct{ stream, schema, table, column string }

// changedValues counts the values that had to be changed, by columns.
type changedValues map[columnPlace]replacements

func (c changedValues) add(place columnPlace, n replacements) {
	sum := c[place]
	c[place] = replacements{sum.nul + n.nul, sum.numbers + n.numbers}
}

var _ destination.Destination = (*Warehouse)(nil)

// Allocator returns an allocator for the batches that go to a Warehouse. Any will do.
func Allocator() memory.Allocator { return memory.DefaultAllocator }

// Open connects for loading and locks the pipeline until Close. A pipeline that another process is loading is a
// failure that wraps [destination.ErrLocked]; a server that cannot be reached wraps [singer.ErrUnavailable], and one
// that refuses the user [singer.ErrCredentials]. Settings that are none are a [*singer.ConfigError].
func Open(ctx context.Context, cfg Config) (*Warehouse, error) { return open(ctx, cfg, false) }

// OpenReadOnly connects for Read and Count; Begin fails. It fails like Open, but nothing locks it out.
func OpenReadOnly(ctx context.Context, cfg Config) (*Warehouse, error) { return open(ctx, cfg, true) }

func open(ctx context.Context, cfg Config, readOnly bool) (*Warehouse, error) {
	config, err := cfg.parse()
	if err != nil {
		return nil, &singer.ConfigError{Source: "the config", Faults: []string{err.Error()}}
	}
	w := &Warehouse{config: config, schema: "public", pipeline: "default", log: slog.New(slog.DiscardHandler), readOnly: readOnly, lockWait: lockWait,
		replaced: changedValues{}, collecting: map[string]bool{}}
	if cfg.Schema != "" {
		w.schema = storedName(cfg.Schema)
	}
	if cfg.Pipeline != "" {
		w.pipeline = cfg.Pipeline
	}
	if cfg.Log != nil {
		w.log = cfg.Log
	}
	if w.conn, err = w.connect(ctx, lockPatience, destination.ErrLocked); err != nil {
		return nil, err
	}
	return w, nil
}

// Begin implements [destination.Destination]. If the connection is lost, it connects again, for half a minute while the
// server is away.
func (w *Warehouse) Begin(ctx context.Context) (destination.Load, error) {
	if w.readOnly {
		return nil, errors.New("begin a load: the PostgreSQL database is open for reading only")
	}
	l := &load{w: w, plans: map[*table.Table]*plan{}, targets: map[string]*target{}, temporaries: map[string]string{}, replaced: changedValues{}, collecting: maps.Clone(w.collecting)}
	err := w.begin(ctx)
	if err != nil && w.conn.IsClosed() && ctx.Err() == nil {
		if err = w.reconnect(ctx); err == nil {
			err = w.begin(ctx)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("begin a load: %w", err)
	}
	l.conn = w.conn
	return l, nil
}

// begin starts a transaction in which every statement sees what others have committed before it.
func (w *Warehouse) begin(ctx context.Context) error {
	_, err := w.conn.Exec(ctx, "BEGIN ISOLATION LEVEL READ COMMITTED")
	return explain(ctx, w.conn, err)
}

// reconnect replaces a connection that is lost.
func (w *Warehouse) reconnect(ctx context.Context) error {
	conn, err := w.connect(ctx, reconnectWait, singer.ErrUnavailable, destination.ErrLocked)
	if err != nil {
		return err
	}
	w.conn = conn
	return nil
}

// Close implements [destination.Destination].
func (w *Warehouse) Close() error {
	for _, c := range slices.SortedFunc(maps.Keys(w.replaced), columnPlace.compare) {
		w.warn(c, w.replaced[c].nul, "NUL characters were replaced by U+FFFD: PostgreSQL cannot store them")
		w.warn(c, w.replaced[c].numbers, "numbers of too many digits for PostgreSQL's jsonb were stored as strings")
	}
	w.replaced = nil
	_ = w.conn.Close(context.Background()) // a connection that was lost behind the last commit has lost nothing
	return nil
}

// warn tells that values of a column were changed, unless there were none.
func (w *Warehouse) warn(c columnPlace, values int64, what string) {
	if values > 0 {
		w.log.Warn(what, "stream", c.stream, "table", c.schema+"."+c.table, "column", c.column, "values", values)
	}
}
