package serve

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"path"
	"slices"
	"strconv"
	"time"
)

// Due says which requests fail.
type Due struct {
	Path  string  // that the request's has to match, in the syntax of [path.Match]; empty matches all
	Skip  int     // how many matching requests pass first
	Times int     // how many fail then; 0 means one, and all with Share
	Share float64 // with what probability each fails, from 0 to 1; 0 lets none pass
}

// A Queue holds the failures that are to come. Its methods may not be called at the same time.
type Queue[F any] struct{ waiting []*waiting[F] }

type waiting[F any] struct {
	failure F
	due     Due
}

// Len is how many are to come, each counted once however many requests it is for.
func (q *Queue[F]) Len() int { return len(q.waiting) }

// Add queues a failure.
func (q *Queue[F]) Add(failure F, due Due) error {
	if _, err := path.Match(due.Path, ""); err != nil {
		return fmt.Errorf("failure path %q: %w", due.Path, err)
	}
	if due.Share < 0 || due.Share > 1 {
		return fmt.Errorf("failure share %v: want a number from 0 to 1", due.Share)
	}
	if due.Share == 0 {
		due.Times = max(1, due.Times)
	}
	q.waiting = append(q.waiting, &waiting[F]{failure, due})
	return nil
}

// Take uses up a failure that is due for a request for a path and that concerns it; of several the one queued first.
// random draws for the failure at a place of the queue.
func (q *Queue[F]) Take(requested string, concerns func(F) bool, random func(place int) *rand.Rand) (failure F, ok bool) {
	for i, f := range q.waiting {
		if matches, _ := path.Match(f.due.Path, requested); f.due.Path != "" && !matches || !concerns(f.failure) {
			continue
		}
		if f.due.Skip > 0 {
			f.due.Skip--
			continue
		}
		if f.due.Share > 0 && random(i).Float64() >= f.due.Share {
			continue
		}
		if f.due.Times--; f.due.Times == 0 {
			q.waiting = slices.Delete(q.waiting, i, i+1)
		}
		return f.failure, true
	}
	return failure, false
}

// The ways to break a connection: see [Break].
const (
	Cut     = "cut"     // half of the promised body, then it is closed
	Reset   = "reset"   // likewise, then it is reset
	Dropped = "dropped" // it is closed without an answer
)

// Break answers with a part of the body and ends the connection, in one of the ways above.
func Break(w http.ResponseWriter, way string, body []byte) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // no connection to break: end the answer without a trace
	}
	defer conn.Close()
	if way != Dropped {
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Content-Length", strconv.Itoa(len(body)))
		fmt.Fprint(buffered, "HTTP/1.1 200 OK\r\n")
		h.Write(buffered)
		fmt.Fprintf(buffered, "\r\n%s", body[:len(body)/2])
		buffered.Flush()
	}
	if tcp, ok := conn.(*net.TCPConn); ok && way == Reset {
		tcp.SetLinger(0) // makes Close send RST
	}
}

// Latency draws how long an answer takes. Half of the answers take the median or less and one in a hundred more than
// slow: a log-normal distribution, as the times of a service are. Without slow all take the median.
func Latency(r *rand.Rand, median, slow time.Duration) time.Duration {
	if slow <= median || median <= 0 {
		return median
	}
	const z99 = 2.3263 // of the normal distribution
	sigma := math.Log(float64(slow)/float64(median)) / z99
	return time.Duration(float64(median) * math.Exp(sigma*r.NormFloat64()))
}

// Pause waits for d and reports whether the client is still there.
func Pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
