package postgres

import (
	"context"
	"errors"
	"net"
	"net/url"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"tapline/singer"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

// pool is a connection pool before a server, which takes everybody for its superuser.
type pool struct {
	server string // URL
	// whole says that a client keeps its session until it leaves, and not only until its transaction ends.
	whole bool
	mu    sync.Mutex
	free  []*pgconn.HijackedConn // sessions of the server, of which the last is taken first
}

// start begins to listen and returns the pool's URL.
func (p *pool) start(t *testing.T, whole bool) string {
	t.Helper()
	p.whole = whole
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		listener.Close()
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, s := range p.free {
			s.Conn.Close()
		}
	})
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go p.serve(client)
		}
	}()
	u, err := url.Parse(p.server)
	if err != nil {
		t.Fatal(err)
	}
	u.Host, u.RawQuery = listener.Addr().String(), "sslmode=disable"
	return u.String()
}

// take hands out a session.
func (p *pool) take() (*pgconn.HijackedConn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if last := len(p.free) - 1; last >= 0 {
		s := p.free[last]
		p.free = p.free[:last]
		return s, nil
	}
	conn, err := pgconn.Connect(context.Background(), p.server)
	if err != nil {
		return nil, err
	}
	return conn.Hijack()
}

func (p *pool) give(s *pgconn.HijackedConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, s)
}

// serve talks with a client until it leaves.
func (p *pool) serve(conn net.Conn) {
	defer conn.Close()
	client := pgproto3.NewBackend(conn, conn)
	if _, err := client.ReceiveStartupMessage(); err != nil {
		return
	}
	client.Send(&pgproto3.AuthenticationOk{})
	client.Send(&pgproto3.ParameterStatus{Name: "standard_conforming_strings", Value: "on"})
	client.Send(&pgproto3.BackendKeyData{ProcessID: 1 << 30, SecretKey: []byte("pool")}) // the pool's own, as no session is there yet
	client.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	var s *pgconn.HijackedConn
	for client.Flush() == nil {
		m, err := client.Receive()
		if _, leaves := m.(*pgproto3.Terminate); err != nil || leaves {
			break
		}
		if s == nil {
			if s, err = p.take(); err != nil {
				return
			}
		}
		s.Frontend.Send(m)
		switch m.(type) {
		case *pgproto3.Query, *pgproto3.Sync:
			status, err := answer(s.Frontend, client)
			if err != nil {
				return
			}
			if status == 'I' && !p.whole {
				p.give(s)
				s = nil
			}
		}
	}
	if s != nil {
		s.Conn.Close()
	}
}

// answer passes on what the server says until it is ready for more.
func answer(server *pgproto3.Frontend, client *pgproto3.Backend) (status byte, err error) {
	if err := server.Flush(); err != nil {
		return 0, err
	}
	for {
		m, err := server.Receive()
		if err != nil {
			return 0, err
		}
		client.Send(m)
		if ready, ok := m.(*pgproto3.ReadyForQuery); ok {
			return ready.TxStatus, nil
		}
	}
}

func TestPoolOfTransactionsIsRefused(t *testing.T) {
	url := newDatabase(t)
	p := &pool{server: url}
	through := p.start(t, false)
	for name, open := range map[string]func() (*Warehouse, error){
		"for loading": func() (*Warehouse, error) { return Open(t.Context(), Config{URL: singer.Secret(through)}) },
		"for reading": func() (*Warehouse, error) { return OpenReadOnly(t.Context(), Config{URL: singer.Secret(through)}) },
	} {
		for _, spare := range []int{0, 2} { // sessions that the pool has at hand
			var list []*pgconn.HijackedConn
			for range spare {
				s, err := p.take()
				if err != nil {
					t.Fatal(err)
				}
				list = append(list, s)
			}
			for _, s := range list {
				p.give(s)
			}
			if w, err := open(); !errors.Is(err, errPool) {
				t.Errorf("%s with %d spare sessions: failure is %v", name, spare, err)
				if err == nil {
					w.Close()
				}
			}
		}
	}
	got := query(t, connect(t, through), "SELECT current_setting('default_transaction_read_only'), current_setting('row_security')")
	if diff := gocmp.Diff([]destinationtest.Row{{"off", "on"}}, got); diff != "" {
		t.Errorf("settings of whom the session serves next (-want +got):\n%s", diff)
	}
}

func TestPoolOfWholeSessionsIsTaken(t *testing.T) {
	url := newDatabase(t)
	p := &pool{server: url}
	w := mustOpen(t, p.start(t, true))
	l, err := w.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Rollback()
	if _, err := l.Migrate(t.Context(), things(1, table.Integer)); err != nil {
		t.Error(err)
	}
}
