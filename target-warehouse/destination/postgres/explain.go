package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"tapline/singer"
)

// serverFailures are the failures that a server reports by a code, known by its beginning, and what to do about them.
// https://www.postgresql.org/docs/current/errcodes-appendix.html
var serverFailures = []struct {
	code   string
	kind   error // or nil
	advice string
}{
	{"08", singer.ErrUnavailable, "check the network to the server, then run again"},
	{"22P03", nil, "PostgreSQL has no infinite numeric before version 14; take the value out of the stream, or use a later server"},
	{"23503", nil, "drop the foreign key, or make it anew as DEFERRABLE INITIALLY DEFERRED if it is kept once the load is whole, then run again"},
	{"23505", nil, "a row with the same key was there: drop the constraint, or keep others from writing to the table, then run again"},
	{"23514", nil, "the table has a constraint that the stream's rows break, or no partition for them; drop the constraint or attach a partition, or load into another table"},
	{"23", nil, "the table has a constraint that the stream's rows break; drop it, or load into another table"},
	{"25006", nil, "the server takes no writes: it is a standby or set to read-only; connect to the primary"},
	{"28", singer.ErrCredentials, "check the user, the password and the server's pg_hba.conf"},
	{"2BP01", nil, "drop what depends on it, such as a foreign key to the table's former key, and make it again afterwards"},
	{"3D000", nil, "create the database, or give the name of another"},
	{"25P04", nil, "the server's transaction_timeout ended the load; raise it for this user, or lower batch_size_bytes, then run again"},
	{"40", nil, "nothing of this load was kept; run again"},
	{"42501", singer.ErrCredentials, "grant the user this right, or connect as another user, such as the table's owner"},
	{"42601", nil, givenByTable}, // as version 13 has it
	{"428C9", nil, givenByTable},
	{"42P10", nil, givenByTable},
	{"53100", nil, "the server's disk is full; make room on it, then run again"},
	{"53", singer.ErrUnavailable, "the server is at one of its limits; free or raise it, then run again"},
	{"54000", nil, "a value, or a row of very many columns, is larger than PostgreSQL can store or index; take columns out of the stream, or the column out of its key"},
	{"54011", nil, "deselect properties in the tap, or lower flattening_max_depth; columns that were dropped from the table count, too"},
	{lockNotAvailable, singer.ErrUnavailable, "another session holds a lock that the load needs; wait until it has ended or end it, then run again"},
	{"55000", nil, "if the table's changes are published, run ALTER TABLE ... REPLICA IDENTITY FULL"},
	{"57014", nil, "the server's statement_timeout, or somebody, ended the statement; raise it for this user, then run again"},
	{"57P", singer.ErrUnavailable, "run again when the server is up"},
	{"58", singer.ErrUnavailable, "the server has trouble with its files; see its log"},
}

const givenByTable = "the table gives this column its values by itself, so that rows cannot bring theirs; run ALTER TABLE ... ALTER COLUMN ... DROP IDENTITY, or DROP EXPRESSION where it is computed"

// failedColumn finds the column that a server names in the context of a failed COPY, before the value. Of JSON the context
// has a line ahead of that.
var failedColumn = regexp.MustCompile(`(?m)^COPY .*?, line \d+, column ([^:\n]+)`)

// explain puts a failure on a connection into words that say what to do. It returns nil for nil.
func explain(ctx context.Context, conn *pgx.Conn, err error) error {
	if err == nil {
		return nil
	}
	if cause := ctx.Err(); cause != nil {
		return fmt.Errorf("%w (%v)", cause, err)
	}
	if fault := (*pgconn.PgError)(nil); errors.As(err, &fault) {
		return explainServer(err, fault)
	}
	if conn.IsClosed() {
		return fmt.Errorf("%w: the connection to the server was lost (%v); nothing of this load was kept, run again", singer.ErrUnavailable, err)
	}
	return err
}

// explainServer adds to a server's failure what is known about it. Its detail is left out, as that quotes rows.
func explainServer(err error, fault *pgconn.PgError) error {
	if m := failedColumn.FindStringSubmatch(fault.Where); m != nil {
		err = fmt.Errorf("column %q: %w", m[1], err)
	}
	if fault.Hint != "" {
		err = fmt.Errorf("%w (%s)", err, fault.Hint)
	}
	for _, f := range serverFailures {
		if !strings.HasPrefix(fault.Code, f.code) {
			continue
		}
		if f.kind != nil {
			return fmt.Errorf("%w: %w; %s", f.kind, err, f.advice)
		}
		return fmt.Errorf("%w; %s", err, f.advice)
	}
	return err
}

// undefinedObject is what the server answers to a setting that it does not have.
const undefinedObject = "42704"

// explainConnect puts the failure of a connection attempt into words. The driver's own text has a line for each
// address that was tried, so only the part that counts is shown.
func explainConnect(ctx context.Context, err error) error {
	var fault *pgconn.PgError
	var unknown *net.DNSError
	var network *net.OpError
	certificate := certificateFault(err)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &fault) && fault.Code == undefinedObject:
		return fmt.Errorf("%w; it is behind the question mark of the url or in options: take it out there", fault)
	case errors.As(err, &fault):
		return explainServer(fault, fault)
	case certificate != nil:
		return fmt.Errorf("the server's certificate is not trusted (%w); give the authority's certificate in ssl_certificate_authority, or check the host's name", certificate)
	case strings.Contains(err.Error(), refusedTLS) && !triedWithoutTLS(err):
		return errors.New("the server does not speak TLS; turn it on there, or set ssl_mode to disable if the network is trusted")
	case errors.As(err, &unknown):
		return fmt.Errorf("%w: the host %q is unknown; check its name and the network", singer.ErrUnavailable, unknown.Name)
	case errors.As(err, &network):
		return fmt.Errorf("%w: %w; check host and port, and that the server runs and is reachable from here", singer.ErrUnavailable, network)
	}
	reason := err.Error()
	if connect := (*pgconn.ConnectError)(nil); errors.As(err, &connect) && connect.Unwrap() != nil {
		reason = connect.Unwrap().Error()
	}
	lines := slices.DeleteFunc(strings.Split(reason, "\n"), func(line string) bool { return strings.Contains(line, refusedTLS) })
	return fmt.Errorf("%w: %s; check host and port, and that a PostgreSQL server answers there", singer.ErrUnavailable, strings.Join(lines, "; "))
}

// refusedTLS is what the driver says of a server that has no TLS.
const refusedTLS = "refused TLS"

// triedWithoutTLS tells whether a failed attempt to connect went on without TLS where there was none, as ssl_mode prefer
// does. What failed then is something else: a server that starts or stops may hang up on the second try.
func triedWithoutTLS(err error) bool {
	var connect *pgconn.ConnectError
	return errors.As(err, &connect) && (connect.Config.TLSConfig == nil ||
		slices.ContainsFunc(connect.Config.Fallbacks, func(f *pgconn.FallbackConfig) bool { return f.TLSConfig == nil }))
}

// certificateFault finds what is wrong with the server's certificate, or nil where that is not the failure.
func certificateFault(err error) error {
	var verification *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError // what verify-ca finds
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &verification):
		return verification.Err
	case errors.As(err, &authority):
		return authority
	case errors.As(err, &invalid):
		return invalid
	}
	return nil
}
