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

	"tapline/tests/fake/serve"
)

// start runs the command until stop is called and returns its base URL.
func start(t *testing.T, flags string) (url string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, strings.Fields(flags), in, io.Discard) }()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line), func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("%s: %v", flags, err)
		}
	}
}

func ask(t *testing.T, url, token string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Recharge-Access-Token", token)
	r.Header.Set("X-Recharge-Version", "2021-11")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(body)
}

func TestServesUntilItIsStopped(t *testing.T) {
	file := filepath.Join(t.TempDir(), "url")
	url, stop := start(t, "--objects 200 --count charges=7 --token sk_reader=read_orders --url-file "+file)
	for path, want := range map[string]int{"/charges": 200, "/customers": 403, "/_control/counts": 200} {
		if status, _, body := ask(t, url+path, "sk_reader"); status != want {
			t.Errorf("%s: %d %s, want %d", path, status, body, want)
		}
	}
	written := ""
	for range 6000 { // the file follows the line
		if b, err := os.ReadFile(file); err == nil {
			written = strings.TrimSpace(string(b))
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if written != url {
		t.Errorf("--url-file holds %q, want %q", written, url)
	}
	stop()
	if _, err := http.Get(url); err == nil {
		t.Error("it still answers after it was stopped")
	}
}

func TestFlagsSwitchWhatTheySay(t *testing.T) {
	for _, test := range []struct {
		flags, path string
		status      int
		holds       string
	}{
		{"", "/charges", 200, `"charges":[{`},
		{"--not-in-plan credit_accounts", "/credit_accounts", 403, "plan"},
		{"--store 77", "/store", 200, `"id":77`},
		{"--gzip", "/store", 200, `"id":18250`},
		{"--fail unavailable=1", "/charges", 503, "Unavailable"},
		{"--type-drift --count orders=200", "/orders?limit=250", 200, `"is_prepaid":1`},
		{"--now 2025-07-01T10:00:00Z", "/_control/clock", 200, "2025-07-01T10:00:00Z"},
		{"--bucket 1 --leak 1e-9 --retry-after 3", "/charges", 200, "charges"},
		{"--latency 1ms --latency-p99 2ms", "/charges", 200, "charges"},
		{"--delay 720h --count events=3", "/events", 200, `"events":[`},
		{"--pace 1e6 --mutate-rate 1000 --mutate-seed 3 --mutate-keep --mutate-silent", "/_control/clock", 200, `"now"`},
	} {
		url, stop := start(t, "--objects 100 "+test.flags)
		status, header, body := ask(t, url+test.path, "sk_1x1_fake")
		if status != test.status || !strings.Contains(body, test.holds) {
			t.Errorf("%s: %s: %d %.300s, want %d with %s", test.flags, test.path, status, body, test.status, test.holds)
		}
		if strings.Contains(test.flags, "--bucket") {
			if header.Get("x-recharge-limit") != "1/1" {
				t.Errorf("%s: %s", test.flags, header.Get("x-recharge-limit"))
			}
			if status, header, _ := ask(t, url+test.path, "sk_1x1_fake"); status != 429 || header.Get("Retry-After") != "3" {
				t.Errorf("%s: the second answer is %d, %v", test.flags, status, header)
			}
		}
		stop()
	}
}

func TestWrongFlagsAreNamed(t *testing.T) {
	for args, word := range map[string]string{
		"--listen 0.0.0.0:0":          "loopback",
		"--listen :0":                 "loopback",
		"--listen 192.0.2.1:80":       "loopback",
		"--fail reset":                "mode=share",
		"--fail rest=0.5":             "rest",
		"--fail reset=1.5":            "share",
		"--count charges":             "kind=number",
		"--count charge=3":            "charge",
		"--now yesterday":             "now",
		"--objects -3":                "negative",
		"--bucket -3":                 "bucket",
		"--delay -3s":                 "delay",
		"--speed 3":                   "speed",
		"serve":                       "unexpected argument",
		"--listen 127.0.0.1:notaport": "notaport",
	} {
		err := run(context.Background(), strings.Fields(args), io.Discard, io.Discard)
		if !errors.As(err, new(serve.UsageError)) || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v, want a usage error that says %q", args, err, word)
		}
	}
}
