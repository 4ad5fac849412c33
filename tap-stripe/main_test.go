package main

import (
	"runtime/debug"
	"testing"
)

func TestGarbageIsCollectedAsTheEnvironmentSaysOrSeldom(t *testing.T) {
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(-1)
	defer func() { debug.SetGCPercent(percent); debug.SetMemoryLimit(limit) }()
	for _, c := range []struct {
		env     map[string]string
		percent int
		limit   int64
	}{
		{nil, garbagePercent, memoryLimit},
		{map[string]string{"GOGC": "50"}, 100, memoryLimit},
		{map[string]string{"GOMEMLIMIT": "1GiB"}, garbagePercent, limit},
		{map[string]string{"GOGC": "off", "GOMEMLIMIT": "1GiB"}, 100, limit},
	} {
		debug.SetGCPercent(100)
		debug.SetMemoryLimit(limit)
		collectSeldom(func(name string) string { return c.env[name] })
		if got := debug.SetMemoryLimit(-1); got != c.limit {
			t.Errorf("with %v the limit is %d, want %d", c.env, got, c.limit)
		}
		if got := debug.SetGCPercent(100); got != c.percent {
			t.Errorf("with %v the heap may grow by %d %%, want %d", c.env, got, c.percent)
		}
	}
}
