package rechargefake

import (
	"fmt"
	"sync/atomic"
	"time"
)

// clock is the time of a fake. It never goes back.
type clock struct {
	moved atomic.Int64 // where it was put, unix microseconds
	pace  float64      // seconds of the fake for one real second; 0 stands still
	began time.Time
}

func newClock(start int64, pace float64) *clock {
	c := &clock{pace: pace, began: time.Now()}
	c.moved.Store(start)
	return c
}

// now is the time in unix microseconds.
func (c *clock) now() int64 {
	return c.moved.Load() + int64(c.pace*time.Since(c.began).Seconds())*second
}

// Now is the fake's clock, which the Date header follows.
func (s *Server) Now() time.Time { return time.UnixMicro(s.clock.now()).UTC() }

// Advance moves the clock forward. A negative d is an error.
func (s *Server) Advance(d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("the clock cannot go back by %s", -d)
	}
	s.clock.moved.Add(d.Microseconds())
	return nil
}

// SetClock moves the clock forward to a time. A time that has passed is an error.
func (s *Server) SetClock(t time.Time) error {
	now := s.clock.now()
	if t.UnixMicro() < now {
		return fmt.Errorf("the clock cannot go back to %s: it stands at %s", t.UTC().Format(time.RFC3339), s.Now().Format(time.RFC3339))
	}
	s.clock.moved.Add(t.UnixMicro() - now)
	return nil
}
