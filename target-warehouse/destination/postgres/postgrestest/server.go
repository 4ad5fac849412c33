//go:build unix

// Package postgrestest runs a real PostgreSQL server for tests: a new cluster in a temporary directory, on a free
// port of the loopback interface.
package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"tapline/target-warehouse/servertest"
)

// User and Password are those of the superuser of every server.
const (
	User     = "tapline"
	Password = "s3cret:/?#[]@ %"
)

// ErrNotInstalled means that there is no PostgreSQL server on this machine.
var ErrNotInstalled = errors.New("no PostgreSQL server is installed (initdb is neither in PATH nor in /usr/lib/postgresql): run tests/postgres.sh, or install it by other means")

// patience is how long a server may take to start, and to end, on a machine that has much else to do.
const patience = 3 * time.Minute

// Server is a PostgreSQL server. Its methods are not safe for several goroutines.
type Server struct {
	// Port is where it listens, at 127.0.0.1.
	Port int

	bin, dir   string
	credential *syscall.Credential // nil for this process's own
	process    *exec.Cmd
}

// Start makes a cluster and starts its server. The caller must Stop it. Without a server on the machine it fails with
// ErrNotInstalled.
func Start() (_ *Server, err error) {
	s := &Server{}
	if s.bin, err = findBinaries(); err != nil {
		return nil, err
	}
	if s.credential, err = unprivileged(); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("", "postgrestest"); err != nil {
		return nil, fmt.Errorf("make a directory for the cluster: %w", err)
	}
	if err := s.initialize(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	if err := s.Restart(); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// findBinaries returns the directory of initdb and postgres, of the newest version where there are several.
func findBinaries() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		// The others are beside the program itself, not beside a link to it.
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return "", fmt.Errorf("find initdb: %w", err)
		}
		return filepath.Dir(path), nil
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // the pattern is well formed
	if len(found) == 0 {
		return "", ErrNotInstalled
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))) // what is no number comes first
		return n
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
}

// unprivileged finds a user for the server, which refuses to run as root.
func unprivileged() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("user %s has the number %s: %w", name, u.Uid, err)
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("user %s has the group %s: %w", name, u.Gid, err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is neither a user postgres nor nobody to run it as")
}

// command prepares a program of PostgreSQL, which ends with this process.
func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir = s.dir
	cmd.Env = []string{"LC_ALL=C", "PATH=" + os.Getenv("PATH"), "TZ=America/New_York"} // not UTC, to find what depends on it
	cmd.SysProcAttr = servertest.EndWithParent(&syscall.SysProcAttr{Credential: s.credential, Setpgid: true}, syscall.SIGQUIT)
	return cmd
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) initialize() error {
	secret := filepath.Join(s.dir, "password")
	if err := os.WriteFile(secret, []byte(Password), 0o600); err != nil {
		return fmt.Errorf("write the cluster's password: %w", err)
	}
	if err := errors.Join(s.give(s.dir), s.give(secret)); err != nil {
		return err
	}
	cmd := s.command("initdb", "--pgdata", s.data(), "--username", User, "--pwfile", secret, "--auth", "scram-sha-256",
		"--encoding", "UTF8", "--no-locale", "--no-sync")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

// give makes a file the server's.
func (s *Server) give(path string) error {
	if s.credential == nil {
		return nil
	}
	if err := os.Chown(path, int(s.credential.Uid), int(s.credential.Gid)); err != nil {
		return fmt.Errorf("give a file to the server's user: %w", err)
	}
	return nil
}

// Restart starts the server, at first or after Kill, and returns when it takes connections.
func (s *Server) Restart() error {
	if s.Port == 0 {
		var err error
		if s.Port, err = servertest.FreePort(); err != nil {
			return err
		}
	}
	deadline := time.Now().Add(patience)
	for {
		err := s.launch(deadline)
		if err == nil || time.Now().After(deadline) {
			return err
		}
		// Processes of a killed server hold its memory for a moment.
		time.Sleep(100 * time.Millisecond)
	}
}

// launch starts the process and waits until it takes connections or ends.
func (s *Server) launch(deadline time.Time) error {
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("open the server's log: %w", err)
	}
	defer log.Close()
	cmd := s.command("postgres", "-D", s.data(), "-p", strconv.Itoa(s.Port), "-c", "listen_addresses=127.0.0.1",
		"-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_wal_size=4GB", "-c", "timezone=America/New_York")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	s.process = cmd
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		conn, err := pgx.Connect(context.Background(), s.URL("postgres"))
		if err == nil {
			return conn.Close(context.Background())
		}
		select {
		case err := <-ended:
			text, _ := os.ReadFile(log.Name()) // what there is of it
			return fmt.Errorf("the server ended at once: %w\n%s", err, text)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the server takes no connections: %w", err)
		}
	}
}

// URL is where a database of the server is, with user and password.
func (s *Server) URL(database string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(User, Password), Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)), Path: "/" + database}
	return u.String()
}

// EnableTLS has the server offer TLS with a certificate and its key, both in PEM.
func (s *Server) EnableTLS(certificate, key []byte) error {
	for name, text := range map[string][]byte{"server.crt": certificate, "server.key": key} {
		path := filepath.Join(s.data(), name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return fmt.Errorf("write the server's certificate: %w", err)
		}
		if err := s.give(path); err != nil {
			return err
		}
	}
	return s.alterSystem("ssl = on")
}

// RequireCertificate has the server, which must have TLS, take users of a name only with a certificate for that name that an
// authority, in PEM, has signed.
func (s *Server) RequireCertificate(authority []byte, userName string) error {
	path := filepath.Join(s.data(), "clients.crt")
	if err := os.WriteFile(path, authority, 0o600); err != nil {
		return fmt.Errorf("write the authority of clients: %w", err)
	}
	if err := s.give(path); err != nil {
		return err
	}
	access := filepath.Join(s.data(), "pg_hba.conf")
	rules, err := os.ReadFile(access)
	if err == nil {
		err = os.WriteFile(access, append([]byte("hostssl all "+userName+" all cert\n"), rules...), 0o600)
	}
	if err != nil {
		return fmt.Errorf("ask for certificates in pg_hba.conf: %w", err)
	}
	return s.alterSystem("ssl_ca_file = 'clients.crt'")
}

// alterSystem changes a setting of the running server.
func (s *Server) alterSystem(setting string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return fmt.Errorf("set %s: %w", setting, err)
	}
	_, on := conn.Exec(ctx, "ALTER SYSTEM SET "+setting)
	_, reload := conn.Exec(ctx, "SELECT pg_reload_conf()")
	if err := errors.Join(on, reload, conn.Close(ctx)); err != nil {
		return fmt.Errorf("set %s: %w", setting, err)
	}
	return nil
}

// Binary is the path of one of PostgreSQL's programs, such as psql.
func (s *Server) Binary(name string) string { return filepath.Join(s.bin, name) }

// Kill ends the server at once, as a crash would: what it had in memory is lost.
func (s *Server) Kill() error { return s.end(syscall.SIGKILL) }

// Stop ends the server and removes the cluster.
func (s *Server) Stop() error {
	err := s.end(syscall.SIGINT)
	return errors.Join(err, os.RemoveAll(s.dir))
}

// end signals the server's first process, after which the others end by themselves, and waits until nobody listens.
func (s *Server) end(signal syscall.Signal) error {
	if s.process == nil || s.process.Process == nil {
		return nil
	}
	if err := s.process.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop the server: %w", err)
	}
	for began := time.Now(); time.Since(began) < patience; {
		if s.process.Process.Signal(syscall.Signal(0)) != nil {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return errors.New("stop the server: it did not end in time")
}
