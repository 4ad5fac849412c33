package serve

import (
	"fmt"
	"sync/atomic"
	"time"
)

// A Clock is the time of a fake, which several accounts may share. It counts in units of its own and never goes back,
// because objects are kept in the order of their creation. Its methods may be called by many goroutines at once.
type Clock struct {
	unit  time.Duration
	began time.Time
	pace  float64 // units of the fake in one unit of real time
	moved atomic.Int64
}

// NewClock starts a clock at start. With a pace of 0 it stands until it is moved.
func NewClock(start time.Time, unit time.Duration, pace float64) *Clock {
	c := &Clock{unit: unit, began: time.Now(), pace: pace}
	c.moved.Store(c.units(start))
	return c
}

func (c *Clock) units(t time.Time) int64 { return t.UnixMicro() / c.unit.Microseconds() }

// Ticks is the time in units since 1970. At a pace it moves in whole seconds.
func (c *Clock) Ticks() int64 {
	return c.moved.Load() + int64(c.pace*time.Since(c.began).Seconds())*int64(time.Second/c.unit)
}

// Move puts the clock forward by units.
func (c *Clock) Move(units int64) { c.moved.Add(units) }

// Now is the time.
func (c *Clock) Now() time.Time { return time.UnixMicro(c.Ticks() * c.unit.Microseconds()).UTC() }

// Advance moves the clock forward by whole units. A negative d is an error.
func (c *Clock) Advance(d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("the clock cannot go back by %s: objects are kept in the order of their creation", -d)
	}
	c.Move(int64(d / c.unit))
	return nil
}

// SetClock puts the clock forward to t. An earlier t is an error.
func (c *Clock) SetClock(t time.Time) error {
	now := c.Ticks()
	if c.units(t) < now {
		return fmt.Errorf("the clock cannot go back to %s: it stands at %s", t.UTC().Format(time.RFC3339), c.Now().Format(time.RFC3339))
	}
	c.Move(c.units(t) - now)
	return nil
}
