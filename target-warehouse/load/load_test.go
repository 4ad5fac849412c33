package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"tapline/singer"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/journal"
)

const usersSchema = `{"type":"SCHEMA","stream":"users","key_properties":["id"],"schema":{"properties":{"id":{"type":"integer"},"name":{"type":["null","string"]}}}}` + "\n"

func user(id int, name string) string {
	return fmt.Sprintf(`{"type":"RECORD","stream":"users","record":{"id":%d,"name":%q}}`+"\n", id, name)
}

func state(n int) string { return fmt.Sprintf(`{"type":"STATE","value":{"n": %d}}`+"\n", n) }

// outcome is what a load of some input came to.
type outcome struct {
	rows   map[string]string // of stream users
	states []string
	run    journal.Run
	tables map[string]destination.Counts // by stream
	log    string
	err    error
}

func loadText(t *testing.T, w *memoryWarehouse, in io.Reader, o Options) outcome {
	t.Helper()
	o.Table.Metadata = true
	if o.Allocator == nil {
		o.Allocator = memory.NewGoAllocator()
	}
	var log strings.Builder
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	o.Run.ID = "01RUN"
	out := outcome{tables: map[string]destination.Counts{}}
	var result *Result
	result, out.err = Run(context.Background(), singer.NewReader(in), w, func(s json.RawMessage) error {
		out.states = append(out.states, string(s))
		if w.emitted != nil {
			w.emitted(string(s))
		}
		return nil
	}, o)
	out.rows, out.run, out.log = w.rows("users"), result.Run, log.String()
	for stream, t := range result.Tables {
		out.tables[stream] = t.Counts
	}
	return out
}

func TestLoadTakesAStream(t *testing.T) {
	got := loadText(t, newMemoryWarehouse(), strings.NewReader(usersSchema+user(1, "Ann")+user(2, "Bob")+user(1, "Anna")+state(1)), Options{})
	if got.err != nil {
		t.Fatal(got.err)
	}
	if diff := cmp.Diff(map[string]string{"1;": "id=1 name=Anna ", "2;": "id=2 name=Bob "}, got.rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{`{"n": 1}`}, got.states); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	if got.run.Status != journal.Succeeded || got.run.RowsIn != 3 || got.run.Rows != 3 || got.run.States != 1 {
		t.Errorf("run: %+v", got.run)
	}
	if diff := cmp.Diff(map[string]destination.Counts{"users": {Inserted: 2, Updated: 1}}, got.tables); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

func TestLoadOfLittle(t *testing.T) {
	for _, c := range []struct {
		name, in string
		states   []string
		tables   int
	}{
		{"nothing", "", nil, 0},
		{"a state alone is passed on", state(7), []string{`{"n": 7}`}, 0},
		{"a schema alone makes a table", usersSchema, nil, 1},
		{"a state before all records", state(1) + usersSchema + user(1, "a"), []string{`{"n": 1}`}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newMemoryWarehouse()
			got := loadText(t, w, strings.NewReader(c.in), Options{})
			if got.err != nil || len(w.tables) != c.tables {
				t.Errorf("failure %v, %d tables", got.err, len(w.tables))
			}
			if diff := cmp.Diff(c.states, got.states); diff != "" {
				t.Errorf("states (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoadKeepsWhatStandsBeforeABadLine(t *testing.T) {
	good := usersSchema + user(1, "a") + state(1) + user(2, "b")
	for _, c := range []struct{ name, bad, want string }{
		{"not JSON", "hello\n", "line 5"},
		{"a cut line", `{"type":"RECORD","stream":"users","rec`, "cut in the middle"},
		{"a record before its schema", `{"type":"RECORD","stream":"other","record":{}}` + "\n", "stream other: a RECORD stands before the stream's SCHEMA"},
		{"a missing key", `{"type":"RECORD","stream":"users","record":{"name":"x"}}` + "\n", "id"},
		{"a value that is no integer", `{"type":"RECORD","stream":"users","record":{"id":"x"}}` + "\n", "id"},
		{"a schema without properties", `{"type":"SCHEMA","stream":"s","key_properties":[],"schema":{"type":"object"}}` + "\n", "properties"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := good + c.bad
			if strings.HasSuffix(c.bad, "\n") {
				in += user(3, "c") + state(2)
			}
			got := loadText(t, newMemoryWarehouse(), strings.NewReader(in), Options{})
			var line *singer.LineError
			if !errors.As(got.err, &line) || line.Line != 5 || line.Offset != int64(len(good)) || !strings.Contains(got.err.Error(), c.want) {
				t.Errorf("failure %v; want one of line 5 at byte %d with %q", got.err, len(good), c.want)
			}
			if diff := cmp.Diff(map[string]string{"1;": "id=1 name=a ", "2;": "id=2 name=b "}, got.rows); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{`{"n": 1}`}, got.states); diff != "" {
				t.Errorf("states (-want +got):\n%s", diff)
			}
			if got.run.Status != journal.Failed || got.run.Message != got.err.Error() {
				t.Errorf("run: %+v", got.run)
			}
		})
	}
}

func TestLoadUndoesWhatTheDestinationRefuses(t *testing.T) {
	for _, step := range []string{"begin", "append", "commit"} {
		t.Run(step, func(t *testing.T) {
			w := newMemoryWarehouse()
			w.fail = func(at string, n int) error {
				if first := map[string]int{"begin": 3, "append": 2, "commit": 3}[step]; at == step && n == first {
					return errors.New("disk full")
				}
				return nil
			}
			// Each row is committed by itself: the first stands, the second fails.
			in := usersSchema + user(1, "a") + state(1) + user(2, "b") + state(2)
			got := loadText(t, w, strings.NewReader(in), Options{BatchRows: 1})
			if got.err == nil || !strings.Contains(got.err.Error(), "disk full") {
				t.Errorf("failure: %v", got.err)
			}
			if diff := cmp.Diff(map[string]string{"1;": "id=1 name=a "}, got.rows); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			for _, s := range got.states {
				if s != `{"n": 1}` {
					t.Errorf("state %s left", s)
				}
			}
			if got.run.Status != journal.Failed || got.run.Rows != 1 {
				t.Errorf("run: %+v", got.run)
			}
		})
	}
}

func TestLoadEndsWhenTheStateCannotBeWritten(t *testing.T) {
	w := newMemoryWarehouse()
	_, err := Run(t.Context(), singer.NewReader(strings.NewReader(usersSchema+user(1, "a")+state(1))), w,
		func(json.RawMessage) error { return os.ErrClosed }, Options{Allocator: memory.NewGoAllocator(), Log: slog.New(slog.DiscardHandler)})
	if !errors.Is(err, os.ErrClosed) || len(w.rows("users")) != 1 {
		t.Errorf("failure %v, rows %v", err, w.rows("users"))
	}
}

func TestLoadThatIsCutShortIsRecordedAsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		in, tap := io.Pipe()
		w := newMemoryWarehouse()
		done := make(chan error)
		go func() {
			_, err := Run(ctx, singer.NewReader(in), w, func(json.RawMessage) error { return nil },
				Options{Allocator: memory.NewGoAllocator(), Log: slog.New(slog.DiscardHandler)})
			done <- err
		}()
		io.WriteString(tap, usersSchema+user(1, "a"))
		synctest.Wait()
		cancel(errors.New("stopped by a signal"))
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("failure %v", err)
		}
		if last := w.lastRun(); last["status"] != "interrupted" || last["message"] != nil || len(w.rows("users")) != 0 {
			t.Errorf("run %+v with %d rows", last, len(w.rows("users")))
		}
		tap.Close()
	})
}

func TestLoadCommitsWhatWaitsTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, tap := io.Pipe()
		w := newMemoryWarehouse()
		done := make(chan outcome)
		go func() { done <- loadText(t, w, in, Options{BatchWait: time.Minute}) }()
		io.WriteString(tap, usersSchema+user(1, "a"))
		time.Sleep(59 * time.Second)
		if n := len(w.rows("users")); n != 0 {
			t.Errorf("%d rows after 59 s", n)
		}
		time.Sleep(3 * time.Second)
		if n := len(w.rows("users")); n != 1 {
			t.Errorf("%d rows after 62 s", n)
		}
		io.WriteString(tap, state(1))
		time.Sleep(3 * time.Second)
		if w.committed() != 1 {
			t.Error("a state that nothing holds back waits")
		}
		tap.Close()
		if got := <-done; got.err != nil {
			t.Error(got.err)
		}
	})
}

// TestLoadIsExactUnderAnyFlushing loads random streams with random limits. Whenever a state leaves, all records before
// it must be in the warehouse, or newer ones with their key; at the end the tables equal a plain replay.
func TestLoadIsExactUnderAnyFlushing(t *testing.T) {
	for seed := range uint64(30) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		var in strings.Builder
		want := map[string]map[string]string{}
		for _, s := range []string{"a", "b", "c"} {
			want[s] = map[string]string{}
			in.WriteString(strings.ReplaceAll(usersSchema, "users", s))
		}
		last := ""
		var records []written
		for i := range 200 + rnd.IntN(600) {
			s := string(rune('a' + rnd.IntN(3)))
			if rnd.IntN(10) == 0 {
				last = fmt.Sprintf(`{"n": %d}`, i)
				in.WriteString(state(i))
				continue
			}
			id := rnd.IntN(400)
			line, row := strings.ReplaceAll(user(id, fmt.Sprint("v", i)), "users", s), fmt.Sprintf("id=%d name=v%d ", id, i)
			if rnd.IntN(30) == 0 { // a property that widens the table in mid-stream
				line, row = strings.Replace(line, `"name"`, `"x":1,"name"`, 1), row+`_sdc_extra={"x":1} `
			}
			in.WriteString(line)
			want[s][fmt.Sprint(id, ";")] = row
			records = append(records, written{i, s, fmt.Sprint(id, ";")})
		}
		mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
		w := newMemoryWarehouse()
		w.emitted = func(state string) {
			var covers int
			fmt.Sscanf(state, `{"n": %d}`, &covers)
			for _, r := range records {
				var id, have int
				fmt.Sscanf(w.rows(r.stream)[r.key], "id=%d name=v%d", &id, &have)
				if r.index < covers && have < r.index {
					t.Fatalf("seed %d: state %s left before record %d of stream %s was durable", seed, state, r.index, r.stream)
				}
			}
		}
		got := loadText(t, w, strings.NewReader(in.String()), Options{
			Allocator: mem, BatchRows: 1 + rnd.Int64N(600), BatchBytes: 1 + rnd.Int64N(1<<20), Workers: 1 + rnd.IntN(4),
			MaxMemory: 1 + rnd.Int64N(1<<16), // so that rows are staged between commits
		})
		if got.err != nil {
			t.Fatalf("seed %d: %v", seed, got.err)
		}
		if diff := cmp.Diff(want, w.tables); diff != "" {
			t.Fatalf("seed %d: tables (-want +got):\n%s", seed, diff)
		}
		if len(got.states) == 0 || got.states[len(got.states)-1] != last {
			t.Fatalf("seed %d: the last state is %q, want %q", seed, got.states, last)
		}
		mem.AssertSize(t, 0)
	}
}

// written is a record of a random stream.
type written struct {
	index       int
	stream, key string
}

func TestLoadTellsWhatIsNotUnicode(t *testing.T) {
	surrogate := `{"type":"RECORD","stream":"users","record":{"id":%d,"name":"a\ud800b"}}` + "\n"
	in := usersSchema + fmt.Sprintf(surrogate, 1) + usersSchema + user(2, "b") + fmt.Sprintf(surrogate, 3)
	got := loadText(t, newMemoryWarehouse(), strings.NewReader(in), Options{})
	if got.err != nil || strings.Count(got.log, "U+FFFD") != 1 || !strings.Contains(got.log, "stream=users places=2") {
		t.Errorf("%v, log:\n%s", got.err, got.log)
	}
}

// TestWorkersForgetIdleDecoders has a tap send its streams one behind the other, as most do.
func TestWorkersForgetIdleDecoders(t *testing.T) {
	var in strings.Builder
	for i := range 100 {
		in.WriteString(strings.ReplaceAll(usersSchema+user(1, "a"), "users", fmt.Sprint("s", i)))
	}
	o := Options{Allocator: memory.NewGoAllocator()}
	o.setDefaults()
	s := newSplitter(singer.NewReader(strings.NewReader(in.String())), o, nil)
	w := newWorker(o)
	work := func(next *step) {
		if err := w.decode(next); err != nil {
			t.Fatal(err)
		}
		releaseAll(next)
	}
	for more := true; more; {
		var next *step
		next, more = s.next(t.Context())
		work(next)
		if len(w.decoders) > 2*idleDecoders {
			t.Fatalf("a worker keeps %d decoders for one stream", len(w.decoders))
		}
	}
	giant := singer.NewReader(strings.NewReader(usersSchema + user(1, strings.Repeat("x", 5*stepSize))))
	s = newSplitter(giant, o, nil)
	s.next(t.Context())
	next, _ := s.next(t.Context())
	work(next)
	for _, d := range w.decoders {
		if held := d.Idle(); held > 4*stepSize {
			t.Errorf("a worker keeps %d bytes behind a giant line", held)
		}
	}
}

// TestShortRecordsOfWideTablesWeighWhatTheyTake decodes records that are all NULL but for one value.
func TestShortRecordsOfWideTablesWeighWhatTheyTake(t *testing.T) {
	var properties []string
	for i := range 500 {
		properties = append(properties, fmt.Sprintf(`"c%d":{"type":"integer"}`, i))
	}
	in := `{"type":"SCHEMA","stream":"wide","key_properties":[],"schema":{"properties":{` + strings.Join(properties, ",") + "}}}\n" +
		strings.Repeat(`{"type":"RECORD","stream":"wide","record":{"c7":1}}`+"\n", 1000)
	o := Options{Allocator: memory.NewGoAllocator()}
	o.setDefaults()
	s := newSplitter(singer.NewReader(strings.NewReader(in)), o, nil)
	s.next(t.Context())
	next, _ := s.next(t.Context())
	w := newWorker(o)
	if err := w.decode(next); err != nil {
		t.Fatal(err)
	}
	defer releaseAll(next)
	if got, least := s.weigh(next), next.size+next.decoded[0].batch.Bytes; got < least*9/10 || got > 2*least {
		t.Errorf("a step of %d bytes with a batch of %d weighs %d", next.size, next.decoded[0].batch.Bytes, got)
	}
}

// TestStepsWeighTheirStates reads states that are larger than the records between them.
func TestStepsWeighTheirStates(t *testing.T) {
	record := fmt.Sprintf(`{"type":"STATE","value":%q}`+"\n", strings.Repeat("x", 100<<10)) + user(1, "a")
	o := Options{}
	o.setDefaults()
	s := newSplitter(singer.NewReader(strings.NewReader(usersSchema+strings.Repeat(record, 100))), o, nil)
	s.next(t.Context())
	var heaviest, total int64
	for more := true; more; {
		var next *step
		next, more = s.next(t.Context())
		heaviest, total = max(heaviest, s.weigh(next)), total+s.weigh(next)
	}
	if heaviest > 2*stepSize || total < 10_000_000 {
		t.Errorf("steps with 10 MB of states weigh %d, one of them %d", total, heaviest)
	}
}

// TestSmallBatchesOfManyStreamsWeighWhatTheyTake decodes a step with one record of each of many streams.
func TestSmallBatchesOfManyStreamsWeighWhatTheyTake(t *testing.T) {
	var properties []string
	for i := range 100 {
		properties = append(properties, fmt.Sprintf(`"c%d":{"type":"integer"}`, i))
	}
	var schemas, records strings.Builder
	for i := range 200 {
		fmt.Fprintf(&schemas, `{"type":"SCHEMA","stream":"s%d","key_properties":[],"schema":{"properties":{%s}}}`+"\n", i, strings.Join(properties, ","))
		fmt.Fprintf(&records, `{"type":"RECORD","stream":"s%d","record":{"c7":1}}`+"\n", i)
	}
	o := Options{Allocator: memory.NewGoAllocator()}
	o.setDefaults()
	s := newSplitter(singer.NewReader(strings.NewReader(schemas.String()+records.String())), o, nil)
	for range 200 {
		s.next(t.Context())
	}
	next, _ := s.next(t.Context())
	if err := newWorker(o).decode(next); err != nil {
		t.Fatal(err)
	}
	defer releaseAll(next)
	var least int64
	for _, d := range next.decoded {
		least += sizeOf(d.batch)
	}
	if got := s.weigh(next); len(next.decoded) != 200 || got < least*9/10 || got > 2*least {
		t.Errorf("a step with %d batches of %d bytes in all weighs %d", len(next.decoded), least, got)
	}
}

func TestRepeatedSchemasDoNotCutTheStream(t *testing.T) {
	in := strings.Repeat(usersSchema+user(1, "a"), 1000) + strings.Replace(usersSchema, `["id"]`, `["name"]`, 1) + user(2, "b")
	o := Options{}
	o.setDefaults()
	s := newSplitter(singer.NewReader(strings.NewReader(in)), o, nil)
	steps := 0
	for more := true; more; steps++ {
		_, more = s.next(t.Context())
	}
	if steps != 4 || s.ordinal != 1001 { // up to the first SCHEMA, up to the other one, the rest, and the end
		t.Errorf("%d records in %d steps", s.ordinal, steps)
	}
}
