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
	for range 6000 { // the file follows the line
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

// ask serves with flags and returns what a request answers.
func ask(t *testing.T, flags, path string, header ...string) (int, string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, strings.Fields(flags), in, io.Discard) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("%s: %v", flags, err)
		}
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest("GET", strings.TrimSpace(line)+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("sk_test_fake", "")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestFlagsSwitchWhatTheySay(t *testing.T) {
	for _, test := range []struct {
		flags, path, header, value string
		status                     int
		holds                      string
	}{
		{"", "/v1/disputes", "", "", 200, `"data": []`},
		{"--all-kinds", "/v1/disputes", "", "", 200, `"dispute"`},
		{"--fail unavailable=1", "/v1/charges", "", "", 503, "unavailable"},
		{"--event-version 2019-05-16", "/v1/events", "", "", 200, `"api_version": "2019-05-16"`},
		{"--connected 0 --connected 60", "/v1/charges", "Stripe-Account", "acct_1Connected0001", 200, `"charge"`},
		{"--revoked-key sk_test_fake", "/v1/charges", "", "", 401, "Invalid API Key"},
		{"--expired-key sk_test_fake", "/v1/charges", "", "", 401, "Expired API Key"},
		{"--all-kinds --not-enabled disputes", "/v1/disputes", "", "", 400, "not set up"},
		{"--pace 1e6 --mutate-rate 1000 --mutate-seed 3", "/_control/clock", "", "", 200, `"now"`},
	} {
		var header []string
		if test.header != "" {
			header = []string{test.header, test.value}
		}
		status, body := ask(t, "--objects 100 "+test.flags, test.path, header...)
		if status != test.status || !strings.Contains(body, test.holds) {
			t.Errorf("%s: %s: %d %.300s, want %d with %s", test.flags, test.path, status, body, test.status, test.holds)
		}
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
		"--connected many":            "connected",
		"--connected -3":              "negative",
		"--count charges":             "kind=number",
		"--count charge=3":            "charge",
		"--now yesterday":             "now",
		"--objects -3":                "negative",
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
