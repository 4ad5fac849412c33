package postgres

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync/atomic"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"tapline/singer"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

// cutter is a proxy in front of a server that breaks the connection where the client sends a word.
type cutter struct {
	server string
	word   []byte
	// deliver says that the server still gets what the client sent, but the client does not get the answer.
	deliver bool
	// hold says that the server does not learn that the client is cut off.
	hold  bool
	armed atomic.Bool
	cuts  atomic.Int32
}

// start begins to listen and returns the URL behind which the server of the given one is.
func (c *cutter) start(t *testing.T, text string) string {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	c.server = u.Host
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go c.serve(client)
		}
	}()
	u.Host = listener.Addr().String()
	u.RawQuery = "sslmode=disable"
	return u.String()
}

func (c *cutter) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", c.server)
	if err != nil {
		return
	}
	defer func() {
		if !c.hold {
			server.Close()
		}
	}()
	var silent atomic.Bool
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buf := make([]byte, 64<<10)
		for {
			n, err := server.Read(buf)
			if silent.Load() && n > 0 {
				return // the server has answered, and the client will not know
			}
			if _, writeErr := client.Write(buf[:n]); err != nil || writeErr != nil {
				return
			}
		}
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if c.armed.Load() && bytes.Contains(buf[:n], c.word) && c.armed.CompareAndSwap(true, false) {
			c.cuts.Add(1)
			if c.deliver {
				silent.Store(true)
				_, _ = server.Write(buf[:n]) // a failure here shows in the outcome
				<-ended
			}
			return
		}
		if _, writeErr := io.Copy(server, bytes.NewReader(buf[:n])); err != nil || writeErr != nil {
			server.Close()
			<-ended
			return
		}
	}
}

func TestCommitKnowsWhatBecameOfItWhenTheConnectionBreaks(t *testing.T) {
	for _, c := range []struct{ deliver, hold bool }{{false, false}, {true, false}, {false, true}, {true, true}} {
		deliver := c.deliver
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			direct := newDatabase(t)
			proxy := &cutter{word: []byte("COMMIT\x00"), deliver: deliver, hold: c.hold}
			w := mustOpen(t, proxy.start(t, direct))
			if err := loadVersion(w, 1, nothing); err != nil {
				t.Fatal(err)
			}
			before := outcomeOf(t, w, direct)
			proxy.armed.Store(true)
			err := loadVersion(w, 2, nothing)
			if proxy.cuts.Load() != 1 {
				t.Fatalf("the connection was cut %d times", proxy.cuts.Load())
			}
			got := outcomeOf(t, w, direct)
			if deliver && (err != nil || got.State != "2") {
				t.Errorf("the server has committed, but the failure is %v and the state %s", err, got.State)
			}
			if !deliver && (err == nil || got != before) {
				t.Errorf("the server has not committed, but the failure is %v (-want +got):\n%s", err, gocmp.Diff(before, got))
			}
			if err := loadVersion(w, 2, nothing); err != nil {
				t.Errorf("a load afterwards: %v", err)
			}
		})
	}
}

func TestConnectionCutInMidCopyLeavesNothing(t *testing.T) {
	direct := newDatabase(t)
	proxy := &cutter{word: []byte(`{"version": 2}`)}
	w := mustOpen(t, proxy.start(t, direct))
	if err := loadVersion(w, 1, nothing); err != nil {
		t.Fatal(err)
	}
	before := outcomeOf(t, w, direct)
	proxy.armed.Store(true)
	if err := loadVersion(w, 2, nothing); err == nil || proxy.cuts.Load() != 1 {
		t.Fatalf("cut %d times, failure %v", proxy.cuts.Load(), err)
	}
	if got := outcomeOf(t, w, direct); got != before {
		t.Errorf("(-want +got):\n%s", gocmp.Diff(before, got))
	}
	if err := loadVersion(w, 2, nothing); err != nil {
		t.Fatal(err)
	}
}

func TestRunThatLostItsConnectionIsFencedByTheOneThatTookOver(t *testing.T) {
	direct := newDatabase(t)
	proxy := &cutter{word: []byte("pg_advisory_xact_lock")}
	w := mustOpen(t, proxy.start(t, direct))
	mustLoad(t, w, things(0, table.Integer), destinationtest.Row{int64(1)})
	proxy.armed.Store(true)
	if _, err := load1(t, w, things(0, table.Integer), destinationtest.Row{int64(2)}); !errors.Is(err, singer.ErrUnavailable) {
		t.Fatalf("failure is %v, want ErrUnavailable", err)
	}
	other := mustOpen(t, direct)
	l := begin(t, other)
	l.add(things(0, table.Integer), destinationtest.Row{int64(3)})
	if err := l.Commit(t.Context(), destination.Checkpoint{RunID: "2", Fence: 2}); err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := load1(t, w, things(0, table.Integer), destinationtest.Row{int64(2)}); !errors.Is(err, destination.ErrFenced) {
		t.Errorf("failure is %v, want ErrFenced", err)
	}
	if diff := gocmp.Diff([]destinationtest.Row{{int64(1)}, {int64(3)}}, query(t, connect(t, direct), "SELECT * FROM things ORDER BY 1")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// Had the connection been cut in the middle of COMMIT, the row of the later run would hide what became of it.
	if _, err := w.committed(t.Context(), destination.Checkpoint{RunID: "1"}, "1"); !errors.Is(err, destination.ErrFenced) {
		t.Errorf("failure is %v, want ErrFenced", err)
	}
}
