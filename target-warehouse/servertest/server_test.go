package servertest

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestMain is the server itself, where it is told an address.
func TestMain(m *testing.M) {
	address, isServer := strings.CutPrefix(os.Args[len(os.Args)-1], "serve=")
	if !isServer {
		os.Exit(m.Run())
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		os.Exit(1)
	}
	for {
		if conn, err := listener.Accept(); err == nil {
			_ = conn.Close()
		}
	}
}

func TestAServerTakesConnectionsUntilItIsStopped(t *testing.T) {
	s, err := Start(t.TempDir(), os.Args[0], func(host, port string) []string { return []string{"serve=" + net.JoinHostPort(host, port)} })
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", s.Address)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	s.Stop()
	if conn, err := net.Dial("tcp", s.Address); err == nil {
		_ = conn.Close()
		t.Error("it takes connections when it was stopped")
	}
}

func TestAProgramThatIsNotThere(t *testing.T) {
	path, err := Cached("no-such-server", "server")
	if err == nil || !strings.HasSuffix(path, "server") {
		t.Errorf("%s, %v", path, err)
	}
	if _, err := Start(t.TempDir(), path, func(string, string) []string { return nil }); err == nil {
		t.Error("it was started")
	} else if _, listed := err.(*exec.Error); listed || !strings.HasPrefix(err.Error(), "start the server: ") {
		t.Errorf("failure %v", err)
	}
}
