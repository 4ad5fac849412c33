package singer

import (
	"os"
	"runtime/debug"
)

// BoundHeap sets by how many percent the heap of a binary may grow between two collections of garbage, and the bytes from
// which on these come more often. The second is no hard bound: what is in use stays. Whoever runs the process has
// precedence with Go's own variables GOGC and GOMEMLIMIT.
func BoundHeap(percent int, limit int64) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit)
	}
}
