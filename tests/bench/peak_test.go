package main

import (
	"os/exec"
	"runtime"
	"testing"
)

// A process that was started by a large one is not as large.
func TestPeakIsTheProcessesOwn(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no /proc")
	}
	large := make([]byte, 256<<20)
	for i := 0; i < len(large); i += 4096 {
		large[i] = 1
	}
	s, err := timed(exec.Command("sleep", "0.1"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if s.memory == 0 || s.memory > 64<<20 {
		t.Errorf("sleep took %d bytes", s.memory)
	}
	runtime.KeepAlive(large)
}
