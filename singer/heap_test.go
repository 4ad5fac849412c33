package singer

import (
	"runtime/debug"
	"testing"
)

func TestHeapIsBoundUnlessTheEnvironmentSaysHow(t *testing.T) {
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(-1)
	defer func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}()
	for _, c := range []struct {
		gogc, memory string
		percent      int
		limit        int64
	}{
		{"", "", 400, 1 << 30},
		{"50", "", 100, 1 << 30},
		{"", "2GiB", 400, limit},
		{"off", "2GiB", 100, limit},
	} {
		t.Setenv("GOGC", c.gogc)
		t.Setenv("GOMEMLIMIT", c.memory)
		debug.SetGCPercent(100)
		debug.SetMemoryLimit(limit)
		BoundHeap(400, 1<<30)
		if got := debug.SetMemoryLimit(-1); got != c.limit {
			t.Errorf("with GOMEMLIMIT=%s the limit is %d, want %d", c.memory, got, c.limit)
		}
		if got := debug.SetGCPercent(100); got != c.percent {
			t.Errorf("with GOGC=%s the heap may grow by %d %%, want %d", c.gogc, got, c.percent)
		}
	}
}
