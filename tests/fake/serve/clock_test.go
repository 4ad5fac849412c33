package serve

import (
	"testing"
	"time"
)

func TestTheClockMovesForwardInItsUnits(t *testing.T) {
	start := time.Date(2024, 5, 1, 12, 0, 0, 250_000_000, time.UTC)
	for unit, want := range map[time.Duration]time.Time{time.Second: start.Truncate(time.Second), time.Microsecond: start} {
		c := NewClock(start, unit, 0)
		if !c.Now().Equal(want) || c.Ticks() != want.UnixMicro()/unit.Microseconds() {
			t.Errorf("in units of %s it starts at %s, %d", unit, c.Now(), c.Ticks())
		}
		if err := c.Advance(90 * time.Second); err != nil || !c.Now().Equal(want.Add(90*time.Second)) {
			t.Errorf("in units of %s it moves to %s, %v", unit, c.Now(), err)
		}
		if c.Advance(-time.Second) == nil || c.SetClock(start) == nil {
			t.Errorf("in units of %s it goes back", unit)
		}
		if err := c.SetClock(start.Add(time.Hour)); err != nil || !c.Now().Equal(want.Add(time.Hour)) {
			t.Errorf("in units of %s it is put to %s, %v", unit, c.Now(), err)
		}
	}
}

func TestAtAPaceTheClockMovesByItself(t *testing.T) {
	c := NewClock(time.Unix(1_700_000_000, 0), time.Microsecond, 1e6)
	began := c.Now()
	time.Sleep(5 * time.Millisecond)
	if moved := c.Now().Sub(began); moved < time.Hour {
		t.Errorf("it moved by %s", moved)
	}
}
