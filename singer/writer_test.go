package singer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// writes keeps what each call of Write was given. It fails from the call on that failAt numbers, if that is not 0.
type writes struct {
	calls  []string
	failAt int
	short  bool // fail by taking less, without an error
}

var errPipe = errors.New("broken pipe")

func (w *writes) Write(p []byte) (int, error) {
	w.calls = append(w.calls, string(p))
	switch {
	case w.failAt == 0 || len(w.calls) < w.failAt:
		return len(p), nil
	case w.short:
		return len(p) - 1, nil
	}
	return 0, errPipe
}

func TestWriterWritesEveryMessage(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out)
	at := time.Date(2024, 2, 29, 13, 30, 0, 123456000, time.FixedZone("", 3600))
	for _, err := range []error{
		w.WriteSchema(&Schema{Stream: "a", Schema: json.RawMessage(`{"properties":{}}`)}),
		w.WriteSchema(&Schema{Stream: "a", Schema: json.RawMessage("{\r\n\t\"properties\": {}\n}"), KeyProperties: []string{"id", "n\"m"}, BookmarkProperties: []string{"t"}}),
		w.WriteRecord(&Record{Stream: "a", Record: json.RawMessage(`{"n":1.50}`)}),
		w.WriteRecord(&Record{Stream: "é\n\xff", Record: json.RawMessage(`{}`), TimeExtracted: at, Version: 3, HasVersion: true}),
		w.WriteActivateVersion(&ActivateVersion{Stream: "a", Version: -3}),
		w.WriteBatch(&Batch{Stream: "a", Format: "jsonl"}),
		w.WriteBatch(&Batch{Stream: "a", Format: "jsonl", Compression: "gzip", Manifest: []string{"file:///x"}, Version: 3, HasVersion: true}),
		w.WriteState(State{Value: json.RawMessage(`{"b":1, "a":0.10}`)}),
		w.WriteValue(json.RawMessage(`{"b":1, "a":0.10}`)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := strings.Join([]string{
		`{"type":"SCHEMA","stream":"a","schema":{"properties":{}},"key_properties":[]}`,
		`{"type":"SCHEMA","stream":"a","schema":{  ` + "\t" + `"properties": {} },"key_properties":["id","n\"m"],"bookmark_properties":["t"]}`,
		`{"type":"RECORD","stream":"a","record":{"n":1.50}}`,
		`{"type":"RECORD","stream":"é\n\ufffd","record":{},"time_extracted":"2024-02-29T12:30:00.123456Z","version":3}`,
		`{"type":"ACTIVATE_VERSION","stream":"a","version":-3}`,
		`{"type":"BATCH","stream":"a","encoding":{"format":"jsonl"},"manifest":[]}`,
		`{"type":"BATCH","stream":"a","encoding":{"format":"jsonl","compression":"gzip"},"manifest":["file:///x"],"version":3}`,
		`{"type":"STATE","value":{"b":1, "a":0.10}}`,
		`{"b":1, "a":0.10}`,
	}, "\n") + "\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestReaderReadsWhatTheWriterWrites(t *testing.T) {
	want := []Message{
		&Schema{Stream: "a\\b", Schema: json.RawMessage(`{}`), KeyProperties: []string{"id"}, BookmarkProperties: []string{"t"}},
		&Record{Stream: "a\\b", Record: json.RawMessage(`{"n":1e-7}`), TimeExtracted: time.Date(2024, 1, 1, 0, 0, 0, 1, time.UTC), HasVersion: true},
		&ActivateVersion{Stream: "a\\b", Version: 1 << 62},
		&Batch{Stream: "a\\b", Format: "jsonl", Manifest: []string{"x"}},
	}
	var out bytes.Buffer
	w := NewWriter(&out)
	err := errors.Join(w.WriteSchema(want[0].(*Schema)), w.WriteRecord(want[1].(*Record)),
		w.WriteActivateVersion(want[2].(*ActivateVersion)), w.WriteBatch(want[3].(*Batch)), w.Flush())
	if err != nil {
		t.Fatal(err)
	}
	var got []Message
	for _, e := range events(NewReader(&out)) {
		got = append(got, e.Message)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWriterRefusesMessagesWithoutContent(t *testing.T) {
	out := &writes{}
	w := NewWriter(out)
	for name, err := range map[string]error{
		"record": w.WriteRecord(&Record{Stream: "a"}), "schema": w.WriteSchema(&Schema{Stream: "a"}),
		"state": w.WriteState(State{}), "value": w.WriteValue(nil),
	} {
		if err == nil {
			t.Errorf("an empty %s is written", name)
		}
	}
	if err := w.Flush(); err != nil || len(out.calls) > 0 {
		t.Errorf("then %v, %q", err, out.calls)
	}
}

func TestWriterCopiesARecord(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out)
	record := []byte(`{"n":1}`)
	if err := w.WriteRecord(&Record{Stream: "a", Record: record}); err != nil {
		t.Fatal(err)
	}
	copy(record, "xxxxxxx")
	if err := w.Flush(); err != nil || !strings.Contains(out.String(), `{"n":1}`) {
		t.Errorf("%v, %s", err, out.String())
	}
}

func TestAStateIsOneWriteBehindItsRecords(t *testing.T) {
	out := &writes{}
	w := NewWriter(out)
	record := &Record{Stream: "a", Record: json.RawMessage(`{"n":1}`)}
	for range 3 {
		if err := errors.Join(w.WriteRecord(record), w.WriteRecord(record), w.WriteState(State{Value: json.RawMessage(`{}`)})); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.WriteState(State{Value: json.RawMessage(`{}`)}); err != nil {
		t.Fatal(err)
	}
	const records, state = `{"type":"RECORD","stream":"a","record":{"n":1}}` + "\n", `{"type":"STATE","value":{}}` + "\n"
	want := []string{records + records, state, records + records, state, records + records, state, state}
	if diff := cmp.Diff(want, out.calls); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
}

func TestWriterHandsOverWholeLinesOnly(t *testing.T) {
	out := &writes{}
	w := NewWriter(out)
	for i := range 2000 {
		record := fmt.Appendf(nil, `{"i":%d,"x":"%s"}`, i, strings.Repeat("x", i%700))
		if i == 1000 {
			record = fmt.Appendf(nil, `{"i":%d,"x":"%s"}`, i, strings.Repeat("x", 2*writeKeep))
		}
		if err := w.WriteRecord(&Record{Stream: "a", Record: record}); err != nil {
			t.Fatal(err)
		}
	}
	if cap(w.buf) > writeKeep {
		t.Errorf("%d bytes are kept behind a giant record", cap(w.buf))
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if len(out.calls) < 5 || len(out.calls) > 20 {
		t.Errorf("%d writes", len(out.calls))
	}
	for _, call := range out.calls {
		for _, e := range events(NewReader(strings.NewReader(call))) {
			if e.Failure != "" || !strings.HasSuffix(call, "\n") {
				t.Fatalf("a write leaves half a line: %s", e.Failure)
			}
		}
	}
	if got := len(events(NewReader(strings.NewReader(strings.Join(out.calls, ""))))); got != 2000 {
		t.Errorf("%d records arrive", got)
	}
}

func TestWriterKeepsItsFirstFailure(t *testing.T) {
	for _, c := range []struct {
		short bool
		want  error
	}{{false, errPipe}, {true, io.ErrShortWrite}} {
		out := &writes{failAt: 2, short: c.short}
		w := NewWriter(out)
		record := &Record{Stream: "a", Record: json.RawMessage(`{}`)}
		if err := errors.Join(w.WriteRecord(record), w.Flush(), w.WriteRecord(record)); err != nil {
			t.Fatal(err)
		}
		if err := w.WriteState(State{Value: json.RawMessage(`{}`)}); !errors.Is(err, c.want) {
			t.Errorf("the failing call returns %v", err)
		}
		out.failAt = 0 // the writer would work again
		for name, err := range map[string]error{
			"record": w.WriteRecord(record), "state": w.WriteState(State{Value: json.RawMessage(`1`)}), "flush": w.Flush(),
			"value": w.WriteValue(json.RawMessage(`1`)), "schema": w.WriteSchema(&Schema{Schema: json.RawMessage(`{}`)}),
			"version": w.WriteActivateVersion(&ActivateVersion{}), "batch": w.WriteBatch(&Batch{}),
		} {
			if !errors.Is(err, c.want) {
				t.Errorf("a later %s returns %v", name, err)
			}
		}
		if len(out.calls) != 2 {
			t.Errorf("it is written on behind the failure: %q", out.calls)
		}
	}
}

func TestWriterServesSeveralGoroutines(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out)
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			for i := range 500 {
				record := fmt.Appendf(nil, `{"g":%d,"i":%d}`, g, i)
				if err := w.WriteRecord(&Record{Stream: "a", Record: record}); err != nil {
					t.Error(err)
				}
				if i%100 == 0 {
					if err := w.WriteState(State{Value: record}); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	group.Wait()
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	next := make([]int, 8)
	for _, e := range events(NewReader(&out)) {
		m, ok := e.Message.(*Record)
		if !ok {
			continue
		}
		var row struct{ G, I int }
		if err := json.Unmarshal(m.Record, &row); err != nil || next[row.G] != row.I {
			t.Fatalf("a goroutine's records are out of order or broken: %s, %v", m.Record, err)
		}
		next[row.G]++
	}
	if diff := cmp.Diff([]int{500, 500, 500, 500, 500, 500, 500, 500}, next); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestWritingRecordsAllocatesNothing(t *testing.T) {
	w := NewWriter(io.Discard)
	record := &Record{Stream: "charges", Record: json.RawMessage(`{"id":"ch_1","amount":1200}`), TimeExtracted: time.Unix(1, 1)}
	write := func() {
		if err := w.WriteRecord(record); err != nil {
			t.Fatal(err)
		}
	}
	for range 2000 {
		write()
	}
	if n := testing.AllocsPerRun(10_000, write); n != 0 {
		t.Errorf("a record allocates %v times", n)
	}
}

func BenchmarkWriteRecord(b *testing.B) {
	w := NewWriter(io.Discard)
	record := &Record{Stream: "charges", Record: fmt.Appendf(nil, `{"id":"ch_1","note":"%s"}`, strings.Repeat("n", 1000)), TimeExtracted: time.Unix(1, 1)}
	b.SetBytes(int64(len(record.Record)))
	for b.Loop() {
		if err := w.WriteRecord(record); err != nil {
			b.Fatal(err)
		}
	}
}
