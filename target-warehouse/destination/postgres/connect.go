package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tapline/target-warehouse/destination"
)

// oldestVersion is the oldest server that is taken, as server_version_num says it.
const oldestVersion = 130000

var errURL = errors.New("the url is not one of PostgreSQL; it must look like postgres://user@host:5432/database, with every character of a name or password that has a meaning in URLs written as % and two hexadecimal digits")

// parse makes the driver's config. The password is taken out before anything is parsed that might be quoted in a
// failure.
func (c *Config) parse() (*pgx.ConnConfig, error) {
	text := c.URL.Reveal()
	if text == "" {
		text = "postgres://"
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, errURL
	}
	query, err := url.ParseQuery(strings.ReplaceAll(u.RawQuery, "+", "%2B")) // libpq takes a plus for no space
	if err != nil {
		return nil, errURL
	}
	password := query.Get("password")
	query.Del("password")
	if p, ok := u.User.Password(); ok {
		password = p
		u.User = url.User(u.User.Username())
	}
	if c.Password != "" {
		password = c.Password.Reveal()
	}
	if !query.Has("connect_timeout") {
		query.Set("connect_timeout", "15")
	}
	c.overlay(query)
	for _, name := range needless {
		query.Del(name)
	}
	if query.Get("gssencmode") != "require" {
		query.Del("gssencmode")
	}
	if u.Host == "" && u.Path == "" {
		u.Path = "/" // without one a URL is printed in a form that the driver does not take for one
	}
	u.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
	config, err := pgx.ParseConfig(u.String())
	if err != nil {
		_, reason, _ := strings.Cut(err.Error(), "`: ") // behind the URL
		return nil, fmt.Errorf("the settings of the PostgreSQL connection do not fit: %s", reason)
	}
	if password != "" {
		config.Password = password
	}
	// Statements are not prepared: what they read of a table's columns may change between two of them.
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "target-warehouse"
	}
	return config, nil
}

// needless are parameters of libpq that the driver does not know, and would send to the server, which knows them no better.
// Nothing is lost without them: connections are kept alive anyhow, and the rest is set otherwise or of no use here.
// https://www.postgresql.org/docs/current/libpq-connect.html
var needless = []string{"keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "client_encoding", "fallback_application_name",
	"load_balance_hosts", "sslcompression"}

// overlay puts the settings that stand beside the URL in the place of the URL's.
func (c *Config) overlay(query url.Values) {
	port := ""
	if c.Port != 0 {
		port = strconv.Itoa(c.Port)
	}
	for name, value := range map[string]string{
		"host": c.Host, "port": port, "user": c.User, "database": c.Database,
		"sslmode": c.SSLMode, "sslrootcert": c.SSLRootCert, "sslcert": c.SSLCert, "sslkey": c.SSLKey,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
}

// How long a connection is tried for when it is refused because the lock of the pipeline is held, and when it had been
// there and is lost. The server may take a moment to notice that the process which held the lock is gone.
const (
	lockPatience  = 3 * time.Second
	reconnectWait = 30 * time.Second
)

// connect opens a session, for loading with the pipeline's lock. Failures that are one of the given ones are tried
// again for so long.
func (w *Warehouse) connect(ctx context.Context, patience time.Duration, again ...error) (*pgx.Conn, error) {
	deadline := time.Now().Add(patience)
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		conn, err := w.dial(ctx)
		canPass := slices.ContainsFunc(again, func(target error) bool { return errors.Is(err, target) })
		if !canPass || time.Now().Add(pause).After(deadline) {
			return conn, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// dial tries once to open a session.
func (w *Warehouse) dial(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, w.config)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", w.place(), explainConnect(ctx, err))
	}
	err = explain(ctx, conn, w.prepare(ctx, conn))
	if err == nil && !w.readOnly {
		err = w.lock(ctx, conn)
	}
	if err != nil {
		_ = conn.Close(context.WithoutCancel(ctx)) // the first failure tells more
		return nil, fmt.Errorf("open %s: %w", w.place(), err)
	}
	return conn, nil
}

// place names the database in messages.
func (w *Warehouse) place() string {
	return fmt.Sprintf("PostgreSQL database %q at %s, port %d", w.config.Database, w.config.Host, w.config.Port)
}

// What a server, a database or a user may have set otherwise. Text is exchanged as this program reads it, and floats are
// spelled with all of their digits; a load may wait for its input; rows that a policy hides fail a statement that would pass
// them over; keys are compared in memory, and statements are too short to be compiled first.
const (
	readSettings = "SET client_encoding = 'UTF8'; SET datestyle = 'ISO'; SET extra_float_digits = 1; SET standard_conforming_strings = on; "
	loadSettings = readSettings + "SET idle_in_transaction_session_timeout = 0; SET row_security = off; SET work_mem = '64MB'; SET jit = off"
)

// prepare finds out whether the server will do and brings the session into shape.
func (w *Warehouse) prepare(ctx context.Context, conn *pgx.Conn) error {
	var version, lockTimeout int
	var pid uint32
	var number, encoding, readOnly, synchronous string
	err := conn.QueryRow(ctx, `SELECT current_setting('server_version_num')::int, current_setting('server_version'),
		current_setting('server_encoding'), current_setting('transaction_read_only'), current_setting('synchronous_commit'),
		(SELECT setting::int FROM pg_settings WHERE name = 'lock_timeout'), pg_backend_pid()`).
		Scan(&version, &number, &encoding, &readOnly, &synchronous, &lockTimeout, &pid)
	if err == nil && pid != conn.PgConn().PID() {
		err = w.refusePool(ctx, conn)
	}
	switch {
	case err != nil:
		return err
	case version < oldestVersion:
		return fmt.Errorf("the server is PostgreSQL %s, and version 13 or later is needed", number)
	case encoding != "UTF8":
		return fmt.Errorf("the database has the encoding %s, which cannot hold all text; load into a database made with ENCODING 'UTF8'", encoding)
	case w.readOnly:
		_, err = conn.PgConn().Exec(ctx, readSettings+"SET default_transaction_read_only = on").ReadAll()
		return err
	case readOnly == "on":
		return errors.New("the server takes no writes: it is a standby, or default_transaction_read_only is on; connect to the primary or turn that setting off")
	}
	if w.lockTimeout = lockTimeout; lockTimeout == 0 { // which waits for ever
		w.lockTimeout = int(lockWait.Milliseconds())
	}
	settings := loadSettings + fmt.Sprintf("; SET lock_timeout = %d", w.lockTimeout)
	if synchronous == "off" {
		settings += "; SET synchronous_commit = on"
	}
	if _, err = conn.PgConn().Exec(ctx, settings).ReadAll(); err == nil {
		// The statement of a process that was killed is ended, and its locks with it. Not every server can do this.
		_, _ = conn.Exec(ctx, "SET client_connection_check_interval = '1s'")
	}
	return err
}

// lockKey makes the number of an advisory lock from what it guards.
func lockKey(parts ...string) int64 {
	hash := sha256.Sum256([]byte("tapline\x00" + strings.Join(parts, "\x00")))
	return int64(binary.BigEndian.Uint64(hash[:8]))
}

// lock takes the pipeline's lock, which the session holds until it ends.
func (w *Warehouse) lock(ctx context.Context, conn *pgx.Conn) error {
	key := lockKey("pipeline", w.schema, w.pipeline)
	var taken bool
	if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", key).Scan(&taken); err != nil {
		return explain(ctx, conn, fmt.Errorf("lock pipeline %q: %w", w.pipeline, err))
	}
	if taken {
		return nil
	}
	holder := "it"
	var pid int
	var since time.Time
	err := conn.QueryRow(ctx, "SELECT a.pid, a.backend_start FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid WHERE "+heldBy, key).Scan(&pid, &since)
	if err == nil && w.conn != nil && pid == int(w.conn.PgConn().PID()) {
		// The server has not noticed yet that this run's own connection is lost, and may not for hours.
		_, err = conn.Exec(ctx, "SELECT pg_terminate_backend($1)", pid)
	}
	if err == nil {
		holder = fmt.Sprintf("the server's process %d, connected since %s,", pid, since.UTC().Format(time.RFC3339))
	}
	return fmt.Errorf("pipeline %q is being loaded: %w; wait until %s has ended or stop it, then run again", w.pipeline, destination.ErrLocked, holder)
}
