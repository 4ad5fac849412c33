package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// watchPeak reads a process's peak of resident bytes until stop is called, which returns what was read last; 0 where there is
// no /proc. What the system says of a process that has ended is at least what this one took when it started the other.
func watchPeak(pid int) (stop func() int64) {
	end, ended := make(chan struct{}), make(chan int64)
	go func() {
		var peak int64
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			peak = max(peak, peakOf(pid))
			select {
			case <-tick.C:
			case <-end:
				ended <- peak
				return
			}
		}
	}()
	return func() int64 {
		close(end)
		return <-ended
	}
}

func peakOf(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(status, []byte("VmHWM:"))
	line, _, _ := bytes.Cut(rest, []byte("kB"))
	kilobytes, _ := strconv.ParseInt(string(bytes.TrimSpace(line)), 10, 64) // 0 for one that ends
	return kilobytes << 10
}
