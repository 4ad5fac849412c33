// Package servertest runs the servers that tests talk to.
package servertest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// patience is how long a server may take to start on a machine that has much else to do.
const patience = 3 * time.Minute

// host is where servers listen.
const host = "127.0.0.1"

// FreePort finds a port of 127.0.0.1 below those that systems give to outgoing connections, one of which could take the
// place of a server that is down, or reach itself there.
func FreePort() (port int, err error) {
	for range 100 {
		port = 10_000 + rand.IntN(20_000)
		var listener net.Listener
		if listener, err = net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port))); err == nil {
			return port, listener.Close()
		}
	}
	return 0, fmt.Errorf("find a free port: %w", err)
}

// Cached is the path of a program that a script in tests has put into the user's cache. It fails where the program is not
// there.
func Cached(name ...string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache of test servers: %w", err)
	}
	path := filepath.Join(append([]string{cache, "tapline"}, name...)...)
	_, err = os.Stat(path)
	return path, err
}

// Server is a process that listens at a port of its own.
type Server struct {
	Address string // host and port
	process *exec.Cmd
}

// Start runs a program, in a directory that also gets its log, and returns when it takes connections. The caller must Stop
// it.
func Start(dir, program string, arguments func(host, port string) []string) (*Server, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, fmt.Errorf("create the server's log: %w", err)
	}
	defer log.Close()
	s := &Server{Address: net.JoinHostPort(host, strconv.Itoa(port)), process: exec.Command(program, arguments(host, strconv.Itoa(port))...)}
	s.process.Dir, s.process.Stdout, s.process.Stderr = dir, log, log
	s.process.SysProcAttr = EndWithParent(nil, syscall.SIGKILL)
	if err := s.process.Start(); err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	for began := time.Now(); time.Since(began) < patience; time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", s.Address); err == nil {
			return s, conn.Close()
		}
	}
	s.Stop()
	text, _ := os.ReadFile(log.Name()) // what there is of it
	return nil, errors.New("the server takes no connections:\n" + string(text))
}

// Stop kills the server and waits until it is gone.
func (s *Server) Stop() {
	_ = s.process.Process.Kill() // it may have ended
	_ = s.process.Wait()         // it was killed
}
