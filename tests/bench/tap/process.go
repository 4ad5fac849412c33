package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// A tapRun is what one run of the tap took and said.
type tapRun struct {
	wall, cpu time.Duration
	memory    int64 // peak resident bytes; 0 where the system has no /proc
	records   int
	streams   map[string]int // records by stream
	state     string
}

// run runs the tap on the whole of what an account grants.
func (b *bench) run(a *account, streams []string, state string) (tapRun, error) {
	var selected []string
	for _, s := range streams {
		selected = append(selected, s+".*")
	}
	settings, err := json.Marshal(map[string]any{"api_key": key, "base_url": a.url, "request_rate": b.allowance(a), "select": selected})
	if err != nil {
		return tapRun{}, err
	}
	config := filepath.Join(b.dir, "tap.json")
	args := []string{"--config", config}
	if err := os.WriteFile(config, settings, 0o600); err != nil {
		return tapRun{}, err
	}
	if state != "" {
		path := filepath.Join(b.dir, "state.json")
		if err := os.WriteFile(path, []byte(state), 0o600); err != nil {
			return tapRun{}, err
		}
		args = append(args, "--state", path)
	}
	return timed(exec.Command(b.tap, args...))
}

// allowance is the rate that the tap is told to keep.
func (b *bench) allowance(a *account) float64 {
	if a.limited {
		return b.granted(accountRate)
	}
	return 1e9
}

// timed runs a tap to its end and counts what it says.
func timed(cmd *exec.Cmd) (r tapRun, err error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return r, err
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return r, err
	}
	peak := make(chan int64)
	ended := make(chan struct{})
	go func() { peak <- watchMemory(cmd.Process.Pid, ended) }()
	counted := r.count(out)
	close(ended)
	r.memory = <-peak
	err = cmd.Wait()
	r.wall = time.Since(start)
	if err != nil {
		text := bytes.TrimSpace(stderr.Bytes())
		return r, fmt.Errorf("%w: %s", err, text[bytes.LastIndexByte(text, '\n')+1:])
	}
	r.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return r, counted
}

// ownTime is the processor time that this process has taken so far.
func ownTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// watchMemory returns the most bytes that a process had resident until it ended. What the system says of a process that
// has ended counts the memory of the one that started it, which here is the fake.
func watchMemory(pid int, ended <-chan struct{}) (peak int64) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return peak
		}
		_, rest, _ := bytes.Cut(status, []byte("VmHWM:"))
		number, _, _ := bytes.Cut(bytes.TrimSpace(rest), []byte(" "))
		if kilobytes, err := strconv.ParseInt(string(number), 10, 64); err == nil {
			peak = max(peak, kilobytes*1024)
		}
		select {
		case <-ended:
			return peak
		case <-tick.C:
		}
	}
}

// count counts records by the beginnings of lines, which costs next to nothing beside the tap.
func (r *tapRun) count(out io.Reader) error {
	r.streams = map[string]int{}
	lines := bufio.NewReaderSize(out, 1<<20)
	record, state := []byte(`{"type":"RECORD","stream":"`), []byte(`{"type":"STATE","value":`)
	for {
		line, err := lines.ReadSlice('\n')
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("reading a line of the tap: %w", err)
		case bytes.HasPrefix(line, record):
			name, _, _ := bytes.Cut(line[len(record):], []byte(`"`))
			r.streams[string(name)]++
			r.records++
		case bytes.HasPrefix(line, state):
			r.state = string(bytes.TrimSuffix(bytes.TrimSpace(line[len(state):]), []byte("}")))
		}
	}
}

// has tells whether every object was read.
func (r *tapRun) has(sizes map[string]int) error {
	for stream, n := range sizes {
		if r.streams[stream] < n {
			return fmt.Errorf("the tap wrote %d %s of %d", r.streams[stream], stream, n)
		}
	}
	return nil
}
