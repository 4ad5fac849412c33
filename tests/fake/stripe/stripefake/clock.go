package stripefake

import (
	"fmt"
	"sync/atomic"
	"time"
)

// clock is the time of a fake, which its connected accounts share. It never
// goes back, so objects are kept in the order of their creation.
type clock struct {
	moved atomic.Int64 // where it was put, unix seconds
	pace  float64      // seconds of the fake for one real second; 0 stands still
	began time.Time
}

func newClock(start int64, pace float64) *clock {
	c := &clock{pace: pace, began: time.Now()}
	c.moved.Store(start)
	return c
}

// now is the time in unix seconds.
func (c *clock) now() int64 {
	return c.moved.Load() + int64(c.pace*time.Since(c.began).Seconds())
}

// move puts the clock forward.
func (c *clock) move(seconds int64) { c.moved.Add(seconds) }

// Now is the fake's clock, which the Date header follows.
func (s *Server) Now() time.Time { return time.Unix(s.clock.now(), 0).UTC() }

// Advance moves the clock forward by whole seconds. A negative d is an error.
func (s *Server) Advance(d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("the clock cannot go back by %s: objects are kept in the order of their creation", -d)
	}
	s.clock.move(int64(d / time.Second))
	return nil
}

// SetClock moves the clock forward to a time. A time that has passed is an error.
func (s *Server) SetClock(t time.Time) error {
	now := s.clock.now()
	if t.Unix() < now {
		return fmt.Errorf("the clock cannot go back to %s: it stands at %s", t.UTC().Format(time.RFC3339), time.Unix(now, 0).UTC().Format(time.RFC3339))
	}
	s.clock.move(t.Unix() - now)
	return nil
}
