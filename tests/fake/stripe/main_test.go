package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestServesUntilItIsStopped(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	file := filepath.Join(t.TempDir(), "url")
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"--objects", "200", "--count", "charges=7", "--key", "rk_test_reader=charges", "--url-file", file}, in, io.Discard)
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url := strings.TrimSpace(line)
	for path, want := range map[string]int{"/v1/charges": 200, "/v1/customers": 403, "/_control/counts": 200} {
		r, err := http.NewRequest("GET", url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("rk_test_reader", "")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, answer.StatusCode, want)
		}
	}
	for range 100 { // the file follows the line
		if written, err := os.ReadFile(file); err == nil && string(written) == line {
			stop()
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if ctx.Err() == nil {
		t.Error("the base URL never reached --url-file")
		stop()
	}
	if err := <-ended; err != nil {
		t.Errorf("stopping: %v", err)
	}
}

func TestWrongFlagsAreNamed(t *testing.T) {
	for args, word := range map[string]string{
		"--listen 0.0.0.0:0":          "loopback",
		"--listen :0":                 "loopback",
		"--listen 192.0.2.1:80":       "loopback",
		"--count charges":             "kind=number",
		"--count charge=3":            "charge",
		"--now yesterday":             "now",
		"--objects -3":                "negative",
		"--speed 3":                   "speed",
		"serve":                       "unexpected argument",
		"--listen 127.0.0.1:notaport": "notaport",
	} {
		err := run(context.Background(), strings.Fields(args), io.Discard, io.Discard)
		if !errors.As(err, new(usageError)) || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v, want a usage error that says %q", args, err, word)
		}
	}
}
