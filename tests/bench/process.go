package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// sample is what one run of a contestant took.
type sample struct {
	wall, cpu time.Duration
	memory    int64 // peak resident bytes of the process
}

// timed runs a process to its end. feed, if not nil, writes to its standard input, a pipe.
func timed(cmd *exec.Cmd, feed func(io.Writer) error) (sample, error) {
	var stderr bytes.Buffer
	var in io.WriteCloser
	var notFed error
	cmd.Stderr = &stderr
	if feed != nil {
		if in, notFed = cmd.StdinPipe(); notFed != nil {
			return sample{}, notFed
		}
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return sample{}, err
	}
	peak := watchPeak(cmd.Process.Pid)
	if feed != nil {
		notFed = errors.Join(feed(in), in.Close())
	}
	err := cmd.Wait()
	wall := time.Since(start)
	memory := peak()
	if err != nil {
		return sample{}, fmt.Errorf("%w: %s", err, lastLine(stderr.Bytes()))
	}
	if notFed != nil {
		return sample{}, fmt.Errorf("write to it: %w", notFed)
	}
	if memory == 0 {
		memory = cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss * 1024
	}
	return sample{wall, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), memory}, nil
}

func lastLine(text []byte) []byte {
	text = bytes.TrimSpace(text)
	return text[bytes.LastIndexByte(text, '\n')+1:]
}

// load runs target-warehouse on what feed writes.
func (b *bench) load(config map[string]any, feed func(io.Writer) error) (sample, error) {
	text, err := json.Marshal(config)
	if err != nil {
		return sample{}, err
	}
	path := filepath.Join(b.dir, "config.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return sample{}, err
	}
	return timed(exec.Command(b.target, "--config", path), feed)
}

// fromFile feeds the contents of a file.
func fromFile(path string) func(io.Writer) error {
	return func(w io.Writer) error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(w, f)
		return err
	}
}
