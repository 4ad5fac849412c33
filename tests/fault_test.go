package tests

import (
	"io"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// hooked is an input at one place of which something else happens.
type hooked struct {
	text string
	at   int // this far from the end
	hook func()
}

func (h *hooked) Read(p []byte) (int, error) {
	if len(h.text) <= h.at && h.hook != nil {
		h.hook()
		h.hook = nil
	}
	if h.text == "" {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), 1000)], h.text)
	h.text = h.text[n:]
	return n, nil
}

// disturbed runs the load with a hook in the middle of its input. It returns the position to go on from and how the run
// ended, with its last message.
func (m *matrix) disturbed(t *testing.T, hook func()) (position int, last string, err error) {
	t.Helper()
	m.starts = append(m.starts, 0)
	text := m.source.from(0)
	states, stderr, err := m.run(&hooked{text, len(text) / 2, hook}, nil)
	if all := positions(t, states); len(all) > 0 {
		position = all[len(all)-1]
	}
	return position, lastMessage(stderr), err
}

// breaks runs a load that must fail with a message that has the words.
func (m *matrix) breaks(t *testing.T, words ...string) (position int) {
	t.Helper()
	position, last, err := m.disturbed(t, nil)
	if err == nil {
		t.Fatalf("the run does not fail: %s", last)
	}
	for _, word := range words {
		if !strings.Contains(last, word) {
			t.Errorf("the failure %q does not say %q", last, word)
		}
	}
	return position
}

func lastMessage(stderr string) string {
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	return lines[len(lines)-1]
}

func TestRestartedServerLosesNothing(t *testing.T) {
	server := startPostgres(t)
	for seed := range uint64(3) {
		m := newMatrix(t, hardly, postgresOn(t, server, server.URL(newDatabase(t, server))), seed, killSteps)
		// Between two loads the run connects again and goes on; within one it fails.
		position, last, err := m.disturbed(t, func() {
			time.Sleep(time.Duration(20*seed) * time.Millisecond)
			if err := server.Kill(); err != nil {
				t.Error(err)
			}
			if err := server.Restart(); err != nil {
				t.Error(err)
			}
		})
		t.Logf("%v: %s", err, last)
		if strings.Contains(last, "a defect of the program") {
			t.Error("the failure is not understood")
		}
		m.compareCovered(t, m.stored(t))
		m.finish(t, position)
	}
}

// cutProxy stands in front of a server and breaks a connection once so many bytes have gone to the server.
type cutProxy struct {
	server string
	after  int64 // bytes; it breaks only once
	cuts   atomic.Int32
}

// start returns the URL behind which the server of the given one is.
func (c *cutProxy) start(t *testing.T, text string) string {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	c.server, u.Host, u.RawQuery = u.Host, listener.Addr().String(), "sslmode=disable"
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go c.serve(client)
		}
	}()
	return u.String()
}

func (c *cutProxy) serve(client net.Conn) {
	server, err := net.Dial("tcp", c.server)
	if err != nil {
		client.Close()
		return
	}
	go func() {
		io.Copy(client, server)
		client.Close()
	}()
	limit := c.after
	if c.cuts.Load() > 0 {
		limit = 1 << 60
	}
	if n, _ := io.Copy(server, io.LimitReader(client, limit)); n == limit {
		c.cuts.Add(1)
	}
	server.Close()
	client.Close()
}

func TestCutConnectionLosesNothing(t *testing.T) {
	server := startPostgres(t)
	for i, after := range []int64{300, 5_000, 60_000, 120_000, 150_000} {
		proxy := &cutProxy{after: after}
		m := newMatrix(t, softly, postgresOn(t, server, proxy.start(t, server.URL(newDatabase(t, server)))), uint64(i), killSteps)
		m.starts = append(m.starts, 0)
		states, stderr, err := m.run(strings.NewReader(m.source.from(0)), nil)
		if proxy.cuts.Load() != 1 {
			t.Fatalf("the connection was cut %d times after %d bytes: %v\n%s", proxy.cuts.Load(), after, err, stderr)
		}
		t.Logf("cut after %d bytes: %v, %d states: %s", after, err, strings.Count(states, "\n"), lastMessage(stderr))
		m.compareCovered(t, m.stored(t))
		position := 0
		if all := positions(t, states); len(all) > 0 {
			position = all[len(all)-1]
		}
		m.finish(t, position)
	}
}

// TestSecondRunIsKeptApart begins a run of a pipeline while another is in the middle of its input.
func TestSecondRunIsKeptApart(t *testing.T) {
	server := startPostgres(t)
	for _, c := range []struct {
		name       string
		place      *place
		way        way
		firstFails bool // the second run takes over
		word       string
	}{
		{"duckdb", duckDBIn(t.TempDir()), hardly, false, "another process holds it"},
		{"postgres", postgresOn(t, server, server.URL(newDatabase(t, server))), hardly, false, "another process holds it"},
		{"files", filesIn(t.TempDir()), appending, true, "another run of this pipeline has begun since"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMatrix(t, c.way, c.place, 1, killSteps)
			var secondStderr string
			var second error
			m.starts = append(m.starts, 0, 0)
			text := m.source.from(0)
			_, firstStderr, first := m.run(&hooked{text, len(text) / 2, func() {
				select {
				case <-m.begun:
				case <-time.After(2 * time.Minute):
					t.Error("the first run has not begun")
				}
				_, secondStderr, second = m.run(strings.NewReader(text), nil)
			}}, nil)
			failed, succeeded, stderr := second, first, secondStderr
			if c.firstFails {
				failed, succeeded, stderr = first, second, firstStderr
			}
			if failed == nil || succeeded != nil || !strings.Contains(lastMessage(stderr), c.word) {
				t.Errorf("the first run ends with %v, the second with %v\n%s\n%s", first, second, firstStderr, secondStderr)
			}
			m.compareCovered(t, m.stored(t))
			m.compareEnd(t)
		})
	}
}
