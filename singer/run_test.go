package singer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// ran is what a run left.
type ran struct {
	code     int
	out, err string
}

// last is the last line of stderr.
func (r ran) last() string {
	lines := strings.Split(strings.TrimSpace(r.err), "\n")
	return lines[len(lines)-1]
}

func runTap(t *testing.T, tap *Tap, stdio IO, args ...string) ran {
	t.Helper()
	return runWith(stdio, func(stdio IO) int { return tap.Run(t.Context(), args, stdio) })
}

func runTarget(t *testing.T, target *Target, input string, args ...string) ran {
	t.Helper()
	return runWith(IO{In: strings.NewReader(input)}, func(stdio IO) int { return target.Run(t.Context(), args, stdio) })
}

func runWith(stdio IO, run func(IO) int) ran {
	var out, err lockedBuffer
	if stdio.Out == nil {
		stdio.Out = &out
	}
	stdio.Err = &err
	code := run(stdio)
	return ran{code, out.String(), err.String()}
}

// shopTap has two streams of three records each.
func shopTap() *Tap {
	tap := &Tap{Name: "tap-shop", Version: "v1.2.3", Description: "reads the orders of a shop", Config: []byte(shopSchema)}
	tap.Discover = func(context.Context, *Run) (*Catalog, error) {
		schema := json.RawMessage(`{"type":"object","properties":{"id":{"type":"integer"}}}`)
		return &Catalog{Streams: []*Stream{
			NewStream("orders", schema, []string{"id"}, "id"), NewStream("refunds", schema, []string{"id"}, "id")}}, nil
	}
	tap.Sync = func(ctx context.Context, run *Run) error {
		for _, stream := range run.Catalog.selected() {
			schema, err := stream.SelectedSchema()
			if err != nil {
				return err
			}
			if err := run.Out.WriteSchema(schema); err != nil {
				return err
			}
			for id := range 3 {
				record := fmt.Appendf(nil, `{"id":%d}`, id)
				if err := run.Out.WriteRecord(&Record{Stream: stream.Name, Record: record}); err != nil {
					return err
				}
				run.Metrics.Records(stream.Name, 1)
			}
			if err := run.Bookmarks.Advance(stream.Name, "id", "2"); err != nil {
				return err
			}
			if err := run.Out.WriteState(run.Bookmarks.State()); err != nil {
				return err
			}
		}
		return nil
	}
	return tap
}

// countTarget passes states on and reports rows.
func countTarget() *Target {
	target := &Target{Name: "target-count", Version: "v1.2.3", Description: "counts rows", Capabilities: []string{"hard-delete"}}
	target.Load = func(ctx context.Context, run *TargetRun) error {
		for {
			m, err := run.In.Read()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			switch m := m.(type) {
			case *Record:
				run.Metrics.Records(m.Stream, 1)
			case *State:
				if err := run.Out.WriteValue(m.Value); err != nil {
					return err
				}
			}
		}
	}
	show := func(_ context.Context, run *TargetRun, args []string, out io.Writer) error {
		_, err := fmt.Fprintln(out, run.Name, args, run.Options)
		return err
	}
	target.Commands = []Command{
		{Name: "status", Args: "[NAME]...", Help: "print what landed", Run: show, Options: []CommandOption{
			{Name: "all", Help: "print everything"},
			{Name: "since", Arg: "DURATION", Help: "print what is newer"},
			{Name: "kind", Arg: "a|b", Help: "print one kind alone", Choices: []string{"a", "b"}},
		}},
		{Name: "count", Help: "print a number", Run: show},
		{Name: "show", Args: "STREAM", Help: "print a stream", Run: show, Options: []CommandOption{
			{Name: "but", Arg: "STREAM", Help: "print nothing of this one"}, {Name: "to", Arg: "FILE", Help: "print into a file"}}},
		{Name: "mark", Help: "keep a mark", Commands: []Command{
			{Name: "get", Help: "print the mark", Run: show},
			{Name: "set", Args: "FILE", Help: "read the mark", Run: show, Options: []CommandOption{{Name: "all"}, {Name: "to", Arg: "FILE"}}},
			{Name: "drop", Help: "drop the mark", Run: show},
		}},
	}
	return target
}

func shopConfig(t *testing.T) string {
	return writeFile(t, "config.json", `{"api_key":"topsecret-key","shop":"a"}`)
}

func TestTapWritesTheProtocolToStdoutAndLogsToStderr(t *testing.T) {
	got := runTap(t, shopTap(), IO{}, "--config", shopConfig(t))
	if got.code != ExitOK {
		t.Fatalf("exit code %d: %s", got.code, got.err)
	}
	var kinds []string
	for line := range strings.Lines(got.out) {
		var m struct{ Type, Stream string }
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		kinds = append(kinds, strings.TrimSpace(m.Type+" "+m.Stream))
	}
	want := []string{"SCHEMA orders", "RECORD orders", "RECORD orders", "RECORD orders", "STATE",
		"SCHEMA refunds", "RECORD refunds", "RECORD refunds", "RECORD refunds", "STATE"}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("messages differ (-want +got):\n%s", diff)
	}
	if !strings.Contains(got.err, `"message":"succeeded streams=`) || !strings.Contains(got.err, `"rows":6`) {
		t.Errorf("no summary in %s", got.err)
	}
}

func TestHealthyRunsNeverSayTheWordsThatRunnersTakeForFailure(t *testing.T) {
	input := `{"type":"SCHEMA","stream":"s","schema":{"properties":{}},"key_properties":[]}` + "\n" +
		`{"type":"RECORD","stream":"s","record":{}}` + "\n" + `{"type":"STATE","value":{}}` + "\n"
	for _, format := range []string{"json", "text"} {
		for name, got := range map[string]ran{
			"tap":      runTap(t, shopTap(), IO{}, "--config", shopConfig(t), "--log-format", format, "--log-level", "debug"),
			"discover": runTap(t, shopTap(), IO{}, "--discover", "--log-format", format),
			"target":   runTarget(t, countTarget(), input, "--log-format", format, "--log-level", "debug"),
			"terminal": runWith(IO{Terminal: true, In: strings.NewReader(input)}, func(stdio IO) int {
				return countTarget().Run(t.Context(), nil, stdio)
			}),
		} {
			low := strings.ToLower(got.err)
			if got.code != ExitOK || strings.Contains(low, "error") || strings.Contains(low, "exception") {
				t.Errorf("%s, %s: exit code %d and\n%s", name, format, got.code, got.err)
			}
		}
	}
}

func TestMetricLinesInTextAndInStructuredLogs(t *testing.T) {
	text := runTap(t, shopTap(), IO{}, "--config", shopConfig(t), "--log-format", "text")
	if lines := metricLines(text.err); len(lines) != 4 {
		t.Errorf("METRIC lines %q in\n%s", lines, text.err)
	}
	asJSON := runTap(t, shopTap(), IO{}, "--config", shopConfig(t))
	if want := `"metric_info":{"type":"counter","metric":"record_count","value":3,"tags":{"stream":"orders"}}`; !strings.Contains(asJSON.err, want) {
		t.Errorf("%s is not in\n%s", want, asJSON.err)
	}
	person := runTap(t, shopTap(), IO{Terminal: true}, "--config", shopConfig(t))
	if strings.Contains(person.err, "METRIC") || !strings.Contains(person.err, "total") {
		t.Errorf("a person sees\n%s", person.err)
	}
}

func TestExitCodesAndDiagnosis(t *testing.T) {
	config := shopConfig(t)
	for _, c := range []struct {
		name string
		fail func(ctx context.Context, run *Run) error
		args []string
		code int
		last string
	}{
		{"failure", func(context.Context, *Run) error { return errors.New("stream orders:\nno table") }, nil, 1,
			"CRITICAL tap-shop: stream orders: no table"},
		{"credentials", func(context.Context, *Run) error { return fmt.Errorf("the key ends in 42: %w", ErrCredentials) }, nil, 3,
			"CRITICAL tap-shop: the key ends in 42: credentials refused"},
		{"unavailable", func(context.Context, *Run) error { return fmt.Errorf("after 5 tries: %w", ErrUnavailable) }, nil, 4,
			"CRITICAL tap-shop: after 5 tries: unavailable"},
		{"config found wrong late", func(context.Context, *Run) error {
			return fmt.Errorf("starting: %w", &ConfigError{Source: "the config", Faults: []string{"one.", "two."}})
		}, nil, 2, "CRITICAL tap-shop: the config has 2 faults, listed above"},
		{"panic", func(_ context.Context, run *Run) error { panic("topsecret-key leaks") }, nil, 1,
			"CRITICAL tap-shop: a defect of the program stopped the run: *** leaks; --log-level debug shows where, please report it"},
		{"a secret in the failure", func(context.Context, *Run) error { return errors.New("GET /?key=topsecret-key: 500") }, nil, 1,
			"CRITICAL tap-shop: GET /?key=***: 500"},
		{"flag", nil, []string{"--confg", "x"}, 2, "CRITICAL tap-shop: the command line: --confg is not a flag; did you mean --config?"},
		{"stray", nil, []string{"catalog.json"}, 2,
			`CRITICAL tap-shop: the command line: "catalog.json" is not expected; settings are passed with --config FILE, --help lists the flags`},
		{"several flags", nil, []string{"--confg", "x", "--stat=y", "z"}, 2,
			"CRITICAL tap-shop: the command line has 3 faults, listed above"},
		{"value", nil, []string{"--config"}, 2, "CRITICAL tap-shop: the command line: --config needs a value behind it"},
		{"choice", nil, []string{"--test=half"}, 2, `CRITICAL tap-shop: the command line: --test must be one of all, schema, records, but is "half"`},
		{"catalog file", nil, []string{"--catalog", "/nowhere"}, 2,
			"CRITICAL tap-shop: --catalog /nowhere: the file cannot be read: open /nowhere: no such file or directory"},
		{"state file", nil, []string{"--state", "/nowhere"}, 2,
			"CRITICAL tap-shop: --state /nowhere: the file cannot be read: open /nowhere: no such file or directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tap := shopTap()
			if c.fail != nil {
				tap.Sync = c.fail
			}
			got := runTap(t, tap, IO{}, append([]string{"--log-format", "text", "--config", config}, c.args...)...)
			if got.code != c.code || got.last() != c.last {
				t.Errorf("exit code %d, want %d; last line\n%s\nwant\n%s", got.code, c.code, got.last(), c.last)
			}
			if strings.Contains(got.err, "topsecret") || strings.Contains(got.err, "goroutine") {
				t.Errorf("a secret or a stack is shown:\n%s", got.err)
			}
		})
	}
}

func TestSeveralFaultsAreListedBeforeTheDiagnosis(t *testing.T) {
	got := runTap(t, shopTap(), IO{}, "--config", writeFile(t, "config.json", `{"shop":"A","pagesize":3}`), "--log-format", "text")
	lines := strings.Split(strings.TrimSpace(got.err), "\n")
	if got.code != ExitUsage || len(lines) != 4 || !strings.HasSuffix(lines[3], "config.json has 3 faults, listed above") {
		t.Errorf("exit code %d and\n%s", got.code, got.err)
	}
	asJSON := runTap(t, shopTap(), IO{}, "--config", "/nowhere")
	var line structuredLine
	if err := json.Unmarshal([]byte(asJSON.last()), &line); err != nil || line.Level != "critical" {
		t.Errorf("last line %s, %v", asJSON.last(), err)
	}
}

func TestAStackIsShownForDebugging(t *testing.T) {
	tap := shopTap()
	tap.Sync = func(context.Context, *Run) error { panic("topsecret-key") }
	got := runTap(t, tap, IO{}, "--config", shopConfig(t), "--log-level", "debug")
	if !strings.Contains(got.err, "TestAStackIsShownForDebugging") || strings.Contains(got.err, "topsecret") {
		t.Errorf("stderr is\n%s", got.err)
	}
}

// failingWriter fails as a pipe does whose reader has gone.
type failingWriter struct{ err error }

func (w failingWriter) Write(p []byte) (int, error) { return 0, w.err }

func TestAReaderThatWentAwayIsNamed(t *testing.T) {
	gone := &os.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.EPIPE}
	got := runTap(t, shopTap(), IO{Out: failingWriter{gone}}, "--config", shopConfig(t), "--log-format", "text")
	if got.code != ExitFailure || !strings.Contains(got.last(), "the reader of stdout went away") {
		t.Errorf("exit code %d, last line %s", got.code, got.last())
	}
	tap := shopTap()
	tap.Sync = func(context.Context, *Run) error { return fmt.Errorf("asking the shop: %w", gone) }
	got = runTap(t, tap, IO{}, "--config", shopConfig(t), "--log-format", "text")
	if strings.Contains(got.last(), "stdout went away") {
		t.Errorf("another connection's failure is told as %s", got.last())
	}
}

func TestTapPassesStateOn(t *testing.T) {
	state := writeFile(t, "state.json", `{"bookmarks":{"orders":{"id":"7"}},"mine":1.50}`)
	got := runTap(t, shopTap(), IO{}, "--config", shopConfig(t), "--state", state)
	if want := `{"type":"STATE","value":{"bookmarks":{"orders":{"id":"7"}},"mine":1.50}}`; !strings.Contains(got.out, want) {
		t.Errorf("%s is not in\n%s", want, got.out)
	}
	if got := runTap(t, shopTap(), IO{}, "--config", shopConfig(t), "--state", writeFile(t, "state.json", "")); got.code != ExitOK {
		t.Errorf("an empty state file: exit code %d\n%s", got.code, got.err)
	}
	got = runTap(t, shopTap(), IO{}, "--config", shopConfig(t), "--state", writeFile(t, "state.json", "[]"))
	if got.code != ExitUsage || !strings.Contains(got.last(), "not a JSON object") {
		t.Errorf("a list for a state: exit code %d\n%s", got.code, got.last())
	}
}

func TestTestRunPassesSchemasAndFirstRecordsButNoState(t *testing.T) {
	endless := shopTap()
	endless.Sync = func(ctx context.Context, run *Run) error { // looks neither at Limit nor at what it has written
		for id := 0; ctx.Err() == nil; id++ {
			for _, stream := range []string{"orders", "refunds"} {
				if err := run.Out.WriteRecord(&Record{Stream: stream, Record: fmt.Appendf(nil, `{"id":%d}`, id)}); err != nil {
					return err
				}
			}
			if err := run.Out.WriteState(State{Value: json.RawMessage(`{}`)}); err != nil {
				return err
			}
		}
		return ctx.Err()
	}
	for _, c := range []struct {
		name             string
		tap              *Tap
		arg              string
		schemas, records int
	}{
		{"all", shopTap(), "--test", 2, 2},
		{"records", shopTap(), "--test=records", 2, 2},
		{"schema", shopTap(), "--test=schema", 2, 0},
		{"endless", endless, "--test", 0, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := runTap(t, c.tap, IO{}, "--config", shopConfig(t), c.arg)
			schemas, records := strings.Count(got.out, `"SCHEMA"`), strings.Count(got.out, `"RECORD"`)
			if got.code != ExitOK || schemas != c.schemas || records != c.records || strings.Contains(got.out, "STATE") {
				t.Errorf("exit code %d, %d schemas, %d records in\n%s%s", got.code, schemas, records, got.out, got.err)
			}
		})
	}
	broken := shopTap()
	broken.Sync = func(context.Context, *Run) error { return fmt.Errorf("no: %w", ErrCredentials) }
	if got := runTap(t, broken, IO{}, "--config", shopConfig(t), "--test"); got.code != ExitCredentials {
		t.Errorf("a refused key under --test: exit code %d", got.code)
	}
}

func TestCheck(t *testing.T) {
	tap := shopTap()
	if got := runTap(t, tap, IO{}, "--config", shopConfig(t), "--check"); got.code != ExitOK || got.out != "The settings of tap-shop are valid.\n" {
		t.Errorf("without a Check: %d %q", got.code, got.out)
	}
	tap.Check = func(_ context.Context, run *Run, report io.Writer) error {
		fmt.Fprintf(report, "%d streams, key topsecret-key\n", len(run.Catalog.Streams))
		return ErrCredentials
	}
	if got := runTap(t, tap, IO{}, "--config", shopConfig(t), "--check"); got.code != ExitCredentials || got.out != "2 streams, key ***\n" {
		t.Errorf("with a Check: %d %q", got.code, got.out)
	}
	if got := runTarget(t, countTarget(), "", "--check"); got.code != ExitOK || got.out != "The settings of target-count are valid.\n" {
		t.Errorf("target: %d %q", got.code, got.out)
	}
}

func TestTargetWritesStatesAndNothingElse(t *testing.T) {
	input := `{"type":"RECORD","stream":"s","record":{}}` + "\n" + `{"type":"STATE","value":{"a": 1.0}}` + "\n"
	if got := runTarget(t, countTarget(), input); got.code != ExitOK || got.out != `{"a": 1.0}`+"\n" {
		t.Errorf("exit code %d, stdout %q", got.code, got.out)
	}
	if got := runTarget(t, countTarget(), "", "--input", writeFile(t, "in.jsonl", input)); got.out != `{"a": 1.0}`+"\n" {
		t.Errorf("--input: exit code %d, stdout %q", got.code, got.out)
	}
	if got := runTarget(t, countTarget(), "", "--input", "/nowhere"); got.code != ExitUsage {
		t.Errorf("a missing input: exit code %d", got.code)
	}
	if got := runTarget(t, countTarget(), "a banner\n", "--log-format", "text"); got.code != ExitFailure || !strings.Contains(got.last(), "line 1") {
		t.Errorf("no JSON: exit code %d, %s", got.code, got.last())
	}
}

func TestFirstSignalEndsTheInputTheSecondTheRun(t *testing.T) {
	for _, c := range []struct {
		name    string
		signals []os.Signal
		stuck   bool // Load does not come to its end by itself
		code    int
	}{
		{"one", []os.Signal{syscall.SIGTERM}, false, ExitOK},
		{"two", []os.Signal{syscall.SIGTERM, syscall.SIGTERM}, true, 143},
		{"two from the keyboard", []os.Signal{os.Interrupt, os.Interrupt}, true, 130},
	} {
		t.Run(c.name, func(t *testing.T) {
			target := countTarget()
			load, begun := target.Load, make(chan struct{})
			target.Load = func(ctx context.Context, run *TargetRun) error {
				close(begun)
				err := load(ctx, run)
				if !run.Interrupted() {
					t.Error("Load is not told of the interruption")
				}
				if c.stuck {
					<-ctx.Done()
					return ctx.Err()
				}
				return err
			}
			source, sink := io.Pipe() // never written to, never closed
			defer sink.Close()
			signals := make(chan os.Signal)
			go func() {
				<-begun
				for _, sig := range c.signals {
					signals <- sig
				}
			}()
			got := runWith(IO{In: source}, func(stdio IO) int {
				return target.program().run(t.Context(), []string{"--log-format", "text"}, stdio, signals, target.work)
			})
			if got.code != c.code {
				t.Errorf("exit code %d, want %d:\n%s", got.code, c.code, got.err)
			}
			if c.stuck && !strings.Contains(got.last(), "stopped by SIG") {
				t.Errorf("last line %s", got.last())
			}
		})
	}
}

func TestASignalCutsATapShort(t *testing.T) {
	tap := shopTap()
	begun := make(chan struct{})
	tap.Sync = func(ctx context.Context, run *Run) error {
		close(begun)
		<-ctx.Done()
		if err := run.Out.WriteState(State{Value: json.RawMessage(`{"last":1}`)}); err != nil {
			return err
		}
		return fmt.Errorf("stream orders: %w", ctx.Err())
	}
	signals := make(chan os.Signal)
	go func() { <-begun; signals <- syscall.SIGTERM }()
	args := []string{"--config", shopConfig(t), "--log-format", "text"}
	got := runWith(IO{}, func(stdio IO) int { return tap.program().run(t.Context(), args, stdio, signals, tap.work) })
	if got.code != 143 || got.out != `{"type":"STATE","value":{"last":1}}`+"\n" ||
		got.last() != "CRITICAL tap-shop: stopped by SIGTERM; the next run goes on from the last state written" {
		t.Errorf("exit code %d, stdout %q, stderr\n%s", got.code, got.out, got.err)
	}
}

func TestSummaryFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "summary.json")
	read := func() summary {
		t.Helper()
		var sum summary
		text, err := os.ReadFile(path)
		if err == nil {
			err = json.Unmarshal(text, &sum)
		}
		if err != nil || bytes.Contains(text, []byte("topsecret")) {
			t.Fatalf("%s: %v", text, err)
		}
		if sum.EndedAt.Before(sum.StartedAt) || time.Since(sum.EndedAt) > time.Minute {
			t.Errorf("times %v to %v", sum.StartedAt, sum.EndedAt)
		}
		sum.StartedAt, sum.EndedAt = time.Time{}, time.Time{}
		for name, stat := range sum.Streams {
			sum.Streams[name] = streamStat{Rows: stat.Rows}
		}
		return sum
	}
	runTap(t, shopTap(), IO{}, "--config", shopConfig(t), "--summary-file", path)
	want := summary{Name: "tap-shop", Version: "v1.2.3", Status: "succeeded",
		Streams: map[string]streamStat{"orders": {Rows: 3}, "refunds": {Rows: 3}}, Counters: map[string]int64{"record_count": 6}}
	if diff := cmp.Diff(want, read()); diff != "" {
		t.Errorf("summary differs (-want +got):\n%s", diff)
	}
	tap := shopTap()
	tap.Sync = func(context.Context, *Run) error { return errors.New("no topsecret-key") }
	runTap(t, tap, IO{}, "--config", shopConfig(t), "--summary-file", path)
	want = summary{Name: "tap-shop", Version: "v1.2.3", Status: "failed", ExitCode: 1, Message: "no ***",
		Streams: map[string]streamStat{}, Counters: map[string]int64{}}
	if diff := cmp.Diff(want, read()); diff != "" {
		t.Errorf("summary differs (-want +got):\n%s", diff)
	}
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 1 {
		t.Errorf("files left behind: %v", files)
	}
	got := runTap(t, shopTap(), IO{}, "--config", shopConfig(t), "--summary-file", "/nowhere/summary.json")
	if got.code != ExitOK || !strings.Contains(got.err, "the summary could not be written") {
		t.Errorf("exit code %d\n%s", got.code, got.err)
	}
}

func TestSummaryTable(t *testing.T) {
	got := string(summaryTable([]streamStat{
		{Name: "charges", Rows: 1_234_567, Seconds: 10, PerSec: 123456.7, Window: "2024-03 .. 2024-05"}, {Name: "refunds", Rows: 0},
	}, 20*time.Second))
	want := `stream            rows     rows/s    seconds  window
charges      1,234,567    123,456       10.0  2024-03 .. 2024-05
refunds              0          0        0.0
total        1,234,567     61,728       20.0
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("table differs (-want +got):\n%s", diff)
	}
}

func TestNoSelectedStreamIsSaid(t *testing.T) {
	tap := shopTap()
	tap.Discover = func(context.Context, *Run) (*Catalog, error) { return nil, nil }
	got := runTap(t, tap, IO{}, "--config", shopConfig(t))
	if got.code != ExitOK || got.out != "" || !strings.Contains(got.err, "no stream is selected") {
		t.Errorf("exit code %d, stdout %q, stderr %s", got.code, got.out, got.err)
	}
}

func TestSelectSettingChoosesStreams(t *testing.T) {
	config := writeFile(t, "config.json", `{"api_key":"topsecret-key","shop":"a","select":["refunds.*"]}`)
	got := runTap(t, shopTap(), IO{}, "--config", config)
	if strings.Contains(got.out, "orders") || !strings.Contains(got.out, `"refunds"`) {
		t.Errorf("stdout is\n%s%s", got.out, got.err)
	}
	config = writeFile(t, "config.json", `{"api_key":"topsecret-key","shop":"a","select":["refunt.*"]}`)
	if got := runTap(t, shopTap(), IO{}, "--config", config); got.code != ExitUsage || !strings.Contains(got.err, "refunds") {
		t.Errorf("a misspelt pattern: exit code %d\n%s", got.code, got.err)
	}
}

func TestCatalogFileRoundTrip(t *testing.T) {
	discovered := runTap(t, shopTap(), IO{}, "--discover")
	if discovered.code != ExitOK {
		t.Fatalf("discovery without settings: exit code %d\n%s", discovered.code, discovered.err)
	}
	for _, flag := range []string{"--catalog", "--properties", "-p"} {
		got := runTap(t, shopTap(), IO{}, "-c", shopConfig(t), flag, writeFile(t, "catalog.json", discovered.out))
		if got.code != ExitOK {
			t.Errorf("%s: exit code %d\n%s", flag, got.code, got.err)
		}
	}
}

func TestLogLevelFromTheEnvironment(t *testing.T) {
	for _, c := range []struct {
		env    map[string]string
		args   []string
		silent bool
	}{
		{map[string]string{}, nil, false},
		{map[string]string{"LOGLEVEL": "ERROR"}, nil, true},
		{map[string]string{"LOGLEVEL": "INFO", "TAP_SHOP_LOGLEVEL": "error"}, nil, true},
		{map[string]string{"LOGLEVEL": "ERROR"}, []string{"--log-level", "info"}, false},
		{map[string]string{"LOGLEVEL": "nonsense"}, nil, false},
	} {
		got := runTap(t, shopTap(), IO{Env: envOf(c.env)}, append([]string{"--config", shopConfig(t)}, c.args...)...)
		if silent := got.err == ""; silent != c.silent {
			t.Errorf("%v %q: stderr %q", c.env, c.args, got.err)
		}
	}
}

func TestWhatTheProgramTellsAboutItself(t *testing.T) {
	for _, c := range []struct {
		file   string
		target bool
		args   []string
	}{
		{"tap-help.txt", false, []string{"--help"}},
		{"target-help.txt", true, []string{"-h"}},
		{"tap-about.txt", false, []string{"--about"}},
		{"tap-about.json", false, []string{"--about", "--format", "json"}},
		{"tap-about.md", false, []string{"--about", "--format", "markdown"}},
		{"target-about.json", true, []string{"--about", "--format=json"}},
		{"tap-about.yml", false, []string{"--about", "--format", "meltano"}},
		{"target-about.yml", true, []string{"--about", "--format=meltano"}},
	} {
		t.Run(c.file, func(t *testing.T) {
			var got ran
			if c.target {
				got = runTarget(t, countTarget(), "", c.args...)
			} else {
				got = runTap(t, shopTap(), IO{}, c.args...)
			}
			if got.code != ExitOK || got.err != "" {
				t.Fatalf("exit code %d, stderr %s", got.code, got.err)
			}
			golden := filepath.Join("testdata", c.file)
			if *update {
				if err := os.WriteFile(golden, []byte(got.out), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.out); diff != "" {
				t.Errorf("output differs from %s; -update writes it anew (-want +got):\n%s", golden, diff)
			}
		})
	}
	if got := runTap(t, shopTap(), IO{}, "--version"); !strings.HasPrefix(got.out, "tap-shop v1.2.3 (go1.") {
		t.Errorf("version is %q", got.out)
	}
}
