package singer

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// logAll logs what the formats have to cope with.
func logAll(log *slog.Logger) {
	log.Debug("unseen")
	log.Info("read a page", "stream", "charges", "rows", 100, "took", 1500*time.Millisecond)
	log.With("stream", "a b").WithGroup("http").Warn("slow\nanswer", "url", "https://x/?a=b", slog.Group("try", "n", 2), "key", Secret("abc"))
	log.Error("could not connect", "cause", errors.New("refused"), "odd", func() {})
	log.Log(context.Background(), levelCritical, "tap-x: gave up")
}

func TestPlainLogLines(t *testing.T) {
	var out bytes.Buffer
	logAll(slog.New(&logHandler{out: &out, format: plainLine}))
	lines := strings.Split(out.String(), "\n")
	want := []string{
		`INFO stream=charges read a page rows=100 took=1.5s`,
		`WARN stream="a b" slow answer http.url="https://x/?a=b" http.try.n=2 http.key=***`,
	}
	if diff := cmp.Diff(want, lines[:2]); diff != "" {
		t.Errorf("lines differ (-want +got):\n%s", diff)
	}
	if !strings.HasPrefix(lines[2], "ERROR could not connect cause=refused odd=") || lines[3] != "CRITICAL tap-x: gave up" {
		t.Errorf("the other lines are %q", lines[2:])
	}
}

func TestTerminalLogLines(t *testing.T) {
	line := logLine{time: time.Date(2024, 5, 6, 12, 4, 5, 0, time.UTC), level: slog.LevelWarn, message: "message", stream: "charges",
		attrs: []slog.Attr{slog.String("key", "value")}}
	want := "12:04:05 \x1b[33mWARN\x1b[0m tap-x: stream=charges message key=value\n"
	if diff := cmp.Diff(want, string(terminal("tap-x")(line))); diff != "" {
		t.Errorf("line differs (-want +got):\n%s", diff)
	}
	last := logLine{time: line.time, level: levelCritical, message: "tap-x: gave up"}
	if diff := cmp.Diff("12:04:05 \x1b[1;31mCRITICAL\x1b[0m tap-x: gave up\n", string(terminal("tap-x")(last))); diff != "" {
		t.Errorf("the last line differs (-want +got):\n%s", diff)
	}
}

func TestStructuredLogLinesHaveTheKeysThatMeltanoReads(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(&logHandler{out: &out, format: structured("tap-x")})
	logAll(log)
	log.Info("METRIC: {}", slog.Any(metricKey, json.RawMessage(`{"value":1}`)))
	var got []map[string]any
	for line := range strings.Lines(out.String()) {
		var decoded map[string]any
		if err := json.Unmarshal([]byte(line), &decoded); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if decoded["pid"] != float64(os.Getpid()) || time.Since(time.UnixMicro(int64(decoded["ts"].(float64)*1e6))).Abs() > time.Minute {
			t.Errorf("pid or time of %s", line)
		}
		delete(decoded, "pid")
		delete(decoded, "ts")
		got = append(got, decoded)
	}
	line := func(level, message string, stream, extra any) map[string]any {
		return map[string]any{"level": level, "logger_name": "tap-x", "thread_name": "main", "app_name": "tap-x",
			"stream_name": stream, "message": message, "extra": extra}
	}
	want := []map[string]any{
		line("info", "stream=charges read a page rows=100 took=1.5s", "charges", map[string]any{"rows": 100.0, "took": 1.5}),
		line("warning", `stream="a b" slow answer http.url="https://x/?a=b" http.try.n=2 http.key=***`, "a b", map[string]any{"http.url": "https://x/?a=b", "http.try.n": 2.0, "http.key": mask}),
		line("error", "could not connect cause=refused odd=?", nil, map[string]any{"cause": "refused", "odd": "?"}),
		line("critical", "tap-x: gave up", nil, map[string]any{}),
		line("info", "METRIC: {}", nil, map[string]any{}),
	}
	want[4][metricKey] = map[string]any{"value": 1.0}
	address := got[2]["extra"].(map[string]any)["odd"].(string) // a function's
	got[2]["extra"].(map[string]any)["odd"] = "?"
	got[2]["message"] = strings.ReplaceAll(got[2]["message"].(string), address, "?")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines differ (-want +got):\n%s", diff)
	}
}

func TestParseLevel(t *testing.T) {
	for name, want := range map[string]slog.Level{
		"debug": slog.LevelDebug, "INFO": slog.LevelInfo, "warn": slog.LevelWarn, "WARNING": slog.LevelWarn,
		"Error": slog.LevelError, "critical": levelCritical, "FATAL": levelCritical,
	} {
		if got, ok := parseLevel(name); !ok || got != want {
			t.Errorf("parseLevel(%s) = %v, %v", name, got, ok)
		}
	}
	for _, name := range []string{"", "loud"} {
		if _, ok := parseLevel(name); ok {
			t.Errorf("%q is a level", name)
		}
	}
}

func TestConsoleMasksSecretsInEveryForm(t *testing.T) {
	const secret = "pa\"ss<w/ö rd&1"
	pem := "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\n-----END KEY-----\n"
	var out bytes.Buffer
	c := &console{out: &out}
	c.hide([]string{secret, pem, "abc"})
	asJSON, _ := json.Marshal(secret)
	fmt.Fprintf(c, "%s | %s | %q | %s | %s | %s | abc\n", secret, asJSON, secret, url.QueryEscape(secret), url.PathEscape(secret),
		base64.StdEncoding.EncodeToString([]byte(secret+":")))
	fmt.Fprintf(c, "%s %s\n", oneLine(pem), strings.Split(pem, "\n")[1])
	log := slog.New(&logHandler{out: c, format: structured("x")})
	log.Info("key is "+secret, "pem", pem)
	got := out.String()
	for _, part := range []string{"pa", "rd&1", "MIIEv", base64.StdEncoding.EncodeToString([]byte(secret))[:8]} {
		if strings.Contains(got, part) {
			t.Errorf("%q shows in\n%s", part, got)
		}
	}
	if !strings.Contains(got, "| abc\n") {
		t.Errorf("three letters are masked in\n%s", got)
	}
}

func TestConsoleKeepsLinesWhole(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(&logHandler{out: &console{out: &out}, format: plainLine})
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for range 50 {
				log.Info("a line", "k", "v")
			}
		})
	}
	writers.Wait()
	if want := strings.Repeat("INFO a line k=v\n", 400); out.String() != want {
		t.Error("lines are torn")
	}
}
