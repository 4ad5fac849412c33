package singer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// event is what one call of Read gives, copied.
type event struct {
	Message      Message
	Line, Offset int64
	Failure      string
}

// copied returns a message that no longer refers to the reader's memory.
func copied(m Message) Message {
	if r, ok := m.(*Record); ok {
		c := *r
		c.Record = bytes.Clone(r.Record)
		return &c
	}
	return clone(m)
}

// events reads to the end of a stream. A failure that comes a second time ends it too.
func events(r *Reader) []event {
	var all []event
	for {
		m, err := r.Read()
		if err == io.EOF {
			return all
		}
		e := event{}
		var at *LineError
		if errors.As(err, &at) {
			e.Line, e.Offset, e.Failure = at.Line, at.Offset, err.Error()
			if len(all) > 0 && all[len(all)-1].Failure == e.Failure {
				return all
			}
		} else {
			e.Message = copied(m)
			e.Line, e.Offset = r.Line()
		}
		all = append(all, e)
	}
}

// chunkEvents is events by way of ReadChunk and Reset.
func chunkEvents(r *Reader, size int) []event {
	var all []event
	var worker Reader
	for {
		c, err := r.ReadChunk(make([]byte, 0, size))
		var at *LineError
		switch {
		case err == io.EOF:
			return all
		case errors.As(err, &at):
			e := event{Line: at.Line, Offset: at.Offset, Failure: err.Error()}
			if len(all) > 0 && all[len(all)-1] == e {
				return all
			}
			all = append(all, e)
		case c.Message != nil:
			all = append(all, event{Message: c.Message, Line: c.Line, Offset: c.Offset})
		default:
			worker.Reset(c)
			all = append(all, events(&worker)...)
		}
	}
}

func TestReaderReadsEveryMessage(t *testing.T) {
	at := time.Date(2024, 2, 29, 12, 30, 0, 123456000, time.UTC)
	for name, c := range map[string]struct {
		line string
		want Message
	}{
		"record": {
			`{"type":"RECORD","stream":"a","record":{"n":1.50,"t":"\u00e9"}}`,
			&Record{Stream: "a", Record: json.RawMessage(`{"n":1.50,"t":"\u00e9"}`)},
		},
		"record, type last, extra members, white space": {
			` {"record" : {} , "x":[{"type":"STATE"}],"stream":"a","type":"record"} ` + "\r",
			&Record{Stream: "a", Record: json.RawMessage(`{}`)},
		},
		"record with time and version": {
			`{"type":"RECORD","stream":"a","record":{},"time_extracted":"2024-02-29T13:30:00.123456+01:00","version":9007199254740993}`,
			&Record{Stream: "a", Record: json.RawMessage(`{}`), TimeExtracted: at, Version: 9007199254740993, HasVersion: true},
		},
		"record with a time that is none": {
			`{"type":"RECORD","stream":"a","record":{},"time_extracted":"2024-02-29 13:30","version":null}`,
			&Record{Stream: "a", Record: json.RawMessage(`{}`)},
		},
		"record with escaped names": {
			`{"ty\u0070e":"\u0052ecord","stream":"\u00fc\n","record":{}}`,
			&Record{Stream: "ü\n", Record: json.RawMessage(`{}`)},
		},
		"record whose members are repeated": {
			`{"type":"RECORD","stream":"a","record":{"n":1},"record":{"n":2},"stream":"b","type":"Record"}`,
			&Record{Stream: "b", Record: json.RawMessage(`{"n":2}`)},
		},
		"schema": {
			`{"type":"SCHEMA","stream":"a","schema":{"properties":{}},"key_properties":["id"],"bookmark_properties":["t"]}`,
			&Schema{Stream: "a", Schema: json.RawMessage(`{"properties":{}}`), KeyProperties: []string{"id"}, BookmarkProperties: []string{"t"}},
		},
		"schema without keys, one bookmark property": {
			`{"type":"Schema","stream":"a","schema":{},"key_properties":null,"bookmark_properties":"t"}`,
			&Schema{Stream: "a", Schema: json.RawMessage(`{}`), BookmarkProperties: []string{"t"}},
		},
		"state":         {`{"type":"STATE","value":{"b":1e400, "a":0.10}}`, &State{Value: json.RawMessage(`{"b":1e400, "a":0.10}`)}},
		"state of null": {`{"value":null,"type":"STATE"}`, &State{Value: json.RawMessage(`null`)}},
		"activate version": {
			`{"type":"ACTIVATE_VERSION","stream":"a","version":3}`, &ActivateVersion{Stream: "a", Version: 3},
		},
		"batch": {
			`{"type":"BATCH","stream":"a","encoding":{"format":"jsonl","compression":"gzip"},"manifest":["file:///x","file:///y"],"version":2}`,
			&Batch{Stream: "a", Format: "jsonl", Compression: "gzip", Manifest: []string{"file:///x", "file:///y"}, Version: 2, HasVersion: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			want := []event{{Message: c.want, Line: 1}}
			for _, end := range []string{"\n", ""} {
				if diff := cmp.Diff(want, events(NewReader(strings.NewReader(c.line+end)))); diff != "" {
					t.Errorf("Read, line ended by %q (-want +got):\n%s", end, diff)
				}
				if diff := cmp.Diff(want, chunkEvents(NewReader(strings.NewReader(c.line+end)), 1<<10)); diff != "" {
					t.Errorf("ReadChunk, line ended by %q (-want +got):\n%s", end, diff)
				}
			}
		})
	}
}

func TestTimesAreUTC(t *testing.T) {
	m, err := NewReader(strings.NewReader(`{"type":"RECORD","stream":"a","record":{},"time_extracted":"2024-02-29T13:30:00+01:00"}`)).Read()
	if err != nil || m.(*Record).TimeExtracted != time.Date(2024, 2, 29, 12, 30, 0, 0, time.UTC) {
		t.Errorf("%v, %v", m, err)
	}
}

func TestReaderSaysWhatIsWrongWithALine(t *testing.T) {
	for line, want := range map[string]string{
		`hello`:            `not a JSON object: an object is missing at byte 0: "hello"`,
		`[1]`:              `not a JSON object: an object is missing`,
		`{"type":"RECORD"`: `not a JSON object: the text ends in the middle of a value`,
		`{"type":"RECORD","stream":"a","record":{"n":01}}`:                      `a number starts with a zero at byte 44`,
		`{"type":"STATE","value":1}{}`:                                          `goes on behind its JSON object, at byte 26`,
		`{"stream":"a","record":{}}`:                                            `lacks "type"`,
		`{"type":1,"stream":"a","record":{}}`:                                   `lacks "type", or it is not a string`,
		`{"type":"RECORD","type":"STATE","value":1}`:                            `names two types, "RECORD" and "STATE"`,
		`{"type":"RECORD","record":{}}`:                                         `the RECORD lacks "stream"`,
		`{"type":"RECORD","stream":"","record":{}}`:                             `the RECORD lacks "stream"`,
		`{"type":"RECORD","stream":7,"record":{}}`:                              `the RECORD lacks "stream", or it is not a name`,
		`{"type":"RECORD","stream":"a"}`:                                        `the RECORD of stream a lacks "record"`,
		`{"type":"RECORD","stream":"a","record":[]}`:                            `stream a: "record" is not a JSON object`,
		`{"type":"RECORD","stream":"a","record":{},"version":1.5}`:              `"version" is not a whole number of 64 bits: "1.5"`,
		`{"type":"SCHEMA","schema":{}}`:                                         `the SCHEMA lacks "stream"`,
		`{"type":"SCHEMA","stream":"a"}`:                                        `the SCHEMA of stream a lacks "schema"`,
		`{"type":"SCHEMA","stream":"a","schema":true}`:                          `"schema" is not a JSON object`,
		`{"type":"SCHEMA","stream":"a","schema":{},"key_properties":[1]}`:       `"key_properties" is not a list of names`,
		`{"type":"SCHEMA","stream":"a","schema":{},"key_properties":[null]}`:    `"key_properties" is not a list of names`,
		`{"type":"STATE"}`:                                                      `the STATE lacks "value"`,
		`{"type":"ACTIVATE_VERSION","version":1}`:                               `the ACTIVATE_VERSION lacks "stream"`,
		`{"type":"ACTIVATE_VERSION","stream":"a"}`:                              `the ACTIVATE_VERSION of stream a lacks "version"`,
		`{"type":"ACTIVATE_VERSION","stream":"a","version":"x"}`:                `"version" is not a whole number`,
		`{"type":"BATCH"}`:                                                      `the BATCH lacks "stream"`,
		`{"type":"BATCH","stream":"a"}`:                                         `the BATCH of stream a lacks "encoding"`,
		`{"type":"BATCH","stream":"a","encoding":{"format":"x"}}`:               `the BATCH of stream a lacks "manifest"`,
		`{"type":"BATCH","stream":"a","encoding":{},"manifest":[]}`:             `"encoding" does not name a format`,
		`{"type":"BATCH","stream":"a","encoding":{"format":"x"},"manifest":{}}`: `"manifest" is not a list of names`,
		"\ufeff{}": `not a JSON object: an object is missing at byte 0`,
	} {
		state := `{"type":"STATE","value":1}` + "\n"
		stream := state + line + "\n" + state
		got := events(NewReader(strings.NewReader(stream)))
		if len(got) != 3 || got[2].Line != 3 {
			t.Errorf("%s: the stream is not read on behind the line: %v", line, got)
			continue
		}
		if !strings.HasPrefix(got[1].Failure, "line 2 (byte 27): ") || !strings.Contains(got[1].Failure, want) {
			t.Errorf("%s: failure %q, want %q in line 2", line, got[1].Failure, want)
		}
		if diff := cmp.Diff(got, chunkEvents(NewReader(strings.NewReader(stream)), 1<<10)); diff != "" {
			t.Errorf("%s: chunks read otherwise (-read +chunks):\n%s", line, diff)
		}
	}
}

func TestReaderShowsOnlyTheFirstBytesOfAWrongLine(t *testing.T) {
	_, err := NewReader(strings.NewReader(strings.Repeat("x", 1000) + "\n")).Read()
	if text := err.Error(); strings.Count(text, "x") != quoted || !strings.Contains(text, "and 800 bytes more") {
		t.Errorf("failure is %q", text)
	}
}

func TestReaderKnowsACutLine(t *testing.T) {
	line := `{"type":"RECORD","stream":"a","record":{"n":[1,2]}}`
	for cut := 1; cut < len(line); cut++ {
		r := NewReader(strings.NewReader(line + "\n" + line[:cut]))
		if _, err := r.Read(); err != nil {
			t.Fatal(err)
		}
		_, err := r.Read()
		var at *LineError
		if !errors.Is(err, io.ErrUnexpectedEOF) || !errors.As(err, &at) || at.Line != 2 || at.Offset != int64(len(line)+1) {
			t.Fatalf("cut after %d bytes: %v", cut, err)
		}
		r = NewReader(strings.NewReader(line + "\n" + line[:cut]))
		if c, err := r.ReadChunk(make([]byte, 0, 1<<10)); err != nil || c.Count != 1 {
			t.Fatalf("the whole line before a cut one: %+v, %v", c, err)
		}
		if _, err := r.ReadChunk(nil); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("ReadChunk, cut after %d bytes: %v", cut, err)
		}
	}
}

func TestReaderPassesOverWhatIsNoMessage(t *testing.T) {
	stream := "\ufeff\n  \t\r\n" + `{"type":"ACTIVE_STREAMS","x":1}` + "\n" + `{"type":"active_streams"}` + "\n" +
		`{"type":"HELLO"}` + "\n" + `{"type":"STATE","value":1}` + "\n\n"
	var kinds []string
	r := NewReader(strings.NewReader(stream))
	r.Skipped = func(kind string) { kinds = append(kinds, kind) }
	got := events(r)
	want := []event{{Message: &State{Value: json.RawMessage("1")}, Line: 6, Offset: int64(strings.Index(stream, `{"type":"STATE`))}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"ACTIVE_STREAMS", "HELLO"}, kinds); diff != "" {
		t.Errorf("unknown types (-want +got):\n%s", diff)
	}
}

func TestReaderDropsAByteOrderMark(t *testing.T) {
	line := `{"type":"RECORD","stream":"a","record":{}}`
	got := events(NewReader(iotest.OneByteReader(strings.NewReader("\ufeff" + line))))
	want := []event{{Message: &Record{Stream: "a", Record: json.RawMessage("{}")}, Line: 1, Offset: 3}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	c, err := NewReader(strings.NewReader("\ufeff" + line)).ReadChunk(nil)
	if err != nil || string(c.Records) != line+"\n" || c.Offset != 3 {
		t.Errorf("chunk %+v, %v", c, err)
	}
}

func TestReaderTakesGiantLinesAndGivesTheMemoryBack(t *testing.T) {
	const size = 64 << 20
	small := `{"type":"RECORD","stream":"a","record":{}}` + "\n"
	giant := `{"type":"RECORD","stream":"a","record":{"x":"` + strings.Repeat("x", size) + `"}}` + "\n"
	r := NewReader(strings.NewReader(giant + small))
	m, err := r.Read()
	if err != nil || len(m.(*Record).Record) < size {
		t.Fatal(err)
	}
	if _, err := r.Read(); err != nil {
		t.Fatal(err)
	}
	if number, offset := r.Line(); number != 2 || offset != int64(len(giant)) {
		t.Errorf("place is line %d, byte %d", number, offset)
	}
	if _, err := r.Read(); err != io.EOF || len(r.buf) != readSize {
		t.Errorf("behind a giant line the buffer has %d bytes, %v", len(r.buf), err)
	}
}

func TestReaderBoundsTheLength(t *testing.T) {
	line := `{"type":"STATE","value":"` + strings.Repeat("x", 1000) + `"}` + "\n"
	r := NewReader(strings.NewReader(line))
	if r.MaxLine = len(line); len(events(r)) != 1 {
		t.Error("a line of the greatest length is refused")
	}
	r = NewReader(strings.NewReader(line + line))
	r.MaxLine = len(line) - 1
	for range 2 {
		if _, err := r.Read(); err == nil || !strings.Contains(err.Error(), "longer than") {
			t.Errorf("a line that is too long gives %v", err)
		}
	}
}

func TestReaderReportsWhyReadingFailed(t *testing.T) {
	gone := errors.New("gone")
	line := `{"type":"STATE","value":1}` + "\n"
	r := NewReader(io.MultiReader(strings.NewReader(line+line[:9]), iotest.ErrReader(gone)))
	if _, err := r.Read(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err := r.Read()
		var at *LineError
		if !errors.Is(err, gone) || !errors.As(err, &at) || at.Line != 2 || at.Offset != int64(len(line)) {
			t.Errorf("failure is %v", err)
		}
	}
}

// stopped gives its text and errStopped in one call.
type stopped string

func (s *stopped) Read(p []byte) (int, error) {
	n := copy(p, *s)
	*s = (*s)[n:]
	return n, fmt.Errorf("wrapped: %w", errStopped)
}

func TestReaderEndsAtALineWhenStopped(t *testing.T) {
	line := `{"type":"RECORD","stream":"a","record":{}}` + "\n"
	whole := strings.TrimSuffix(line, "\n")
	for _, partial := range []string{"", "{", line[:20], whole} {
		for _, split := range []int{0, len(line) + len(partial)/2, len(line) + len(partial)} {
			text := line + partial
			tail := stopped(text[split:])
			r := NewReader(io.MultiReader(strings.NewReader(text[:split]), &tail))
			if got := events(r); len(got) != 1 || got[0].Failure != "" {
				t.Errorf("stopped within %q: %v", partial, got)
			}
			tail = stopped(text[split:])
			r = NewReader(io.MultiReader(strings.NewReader(text[:split]), &tail))
			c, err := r.ReadChunk(make([]byte, 0, 1<<10))
			if err != nil || string(c.Records) != line {
				t.Errorf("stopped within %q: chunk %q, %v", partial, c.Records, err)
			}
			if _, err := r.ReadChunk(nil); err != io.EOF {
				t.Errorf("stopped within %q: then %v", partial, err)
			}
		}
	}
}

func TestReadChunkKeepsItsSizeAndItsCallersMemory(t *testing.T) {
	line := `{"type": "RECORD","stream":"a","record":{}}` + "\n"
	other := `{"stream":"a","record":{"a":1},"type":"RECORD"}` + "\n"
	state := `{"type":"STATE","value":{"a":1}}` + "\n"
	stream := strings.Repeat(line, 5) + other + state + line
	buf := make([]byte, 0, 3*len(line)+1)
	r := NewReader(strings.NewReader(stream))
	var counts []int
	var states []Message
	for {
		c, err := r.ReadChunk(buf)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		counts = append(counts, c.Count)
		if c.Message != nil {
			states = append(states, c.Message)
		} else if &c.Records[0] != &buf[:1][0] {
			t.Error("a chunk that fits is not in the caller's memory")
		}
	}
	if diff := cmp.Diff([]int{3, 2, 1, 0, 1}, counts); diff != "" {
		t.Errorf("records per chunk (-want +got):\n%s", diff)
	}
	clear(r.buf)
	if diff := cmp.Diff([]Message{&State{Value: json.RawMessage(`{"a":1}`)}}, states); diff != "" {
		t.Errorf("messages refer to the reader's memory (-want +got):\n%s", diff)
	}
}

// randomStream mixes whole, odd and wrong lines.
func randomStream(rng *rand.Rand) string {
	lines := []string{
		`{"type":"RECORD","stream":"a","record":{"n":%d}}`, `{"type": "RECORD", "stream": "b", "record": {"n": %d}}`,
		`{"stream":"c","record":{"type":"STATE","n":%d},"type":"record"}`, `{"type":"STATE","value":%d}`, ``, "  \r",
		`{"type":"SCHEMA","stream":"a","schema":{"n":%d},"key_properties":[]}`, `{"type":"OTHER","n":%d}`, `banner %d`,
		`{"type":"RECORD","stream":"a","record":{"n":%d}`, `{"type":"RECORD","stream":"a","n":%d}`,
		`{"type":"RECORD","type":"STATE","value":%d}`, "\ufeff{}", `{"type":"ACTIVATE_VERSION","stream":"a","version":%d}`,
	}
	var text strings.Builder
	if rng.IntN(4) == 0 {
		text.WriteString("\ufeff")
	}
	for range rng.IntN(40) {
		line := lines[rng.IntN(len(lines))]
		if rng.IntN(3) > 0 {
			line = lines[rng.IntN(3)]
		}
		text.WriteString(strings.ReplaceAll(line, "%d", fmt.Sprint(rng.IntN(1e6))) + "\n")
	}
	return text.String()[:max(0, text.Len()-rng.IntN(3)*rng.IntN(60))]
}

func TestChunksGiveWhatTheWholeStreamGives(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 0))
		stream := randomStream(rng)
		want := events(NewReader(strings.NewReader(stream)))
		got := chunkEvents(NewReader(iotest.HalfReader(strings.NewReader(stream))), rng.IntN(1000))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d: chunks read otherwise (-read +chunks):\n%s\nof:\n%s", seed, diff, stream)
		}
	}
}

func FuzzReader(f *testing.F) {
	for seed := range uint64(20) {
		f.Add([]byte(randomStream(rand.New(rand.NewPCG(seed, 1)))), 100)
	}
	f.Add([]byte("\ufeff\ufeff{}"), 0)
	f.Fuzz(func(t *testing.T, stream []byte, size int) {
		want := events(NewReader(bytes.NewReader(stream)))
		got := chunkEvents(NewReader(iotest.OneByteReader(bytes.NewReader(stream))), min(max(size, 0), 1<<16))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("chunks read otherwise (-read +chunks):\n%s", diff)
		}
	})
}

// repeat is a reader of the same lines without end.
type repeat struct{ text, rest []byte }

func (r *repeat) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		r.rest = r.text
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func recordLine(size int) []byte {
	return fmt.Appendf(nil, `{"type":"RECORD","stream":"charges","record":{"id":"ch_1","amount":1200,"note":"%s"},"time_extracted":"2024-02-29T12:30:00.123456Z"}`+"\n",
		strings.Repeat("n", size))
}

func TestReadingRecordsAllocatesNothing(t *testing.T) {
	r := NewReader(&repeat{text: bytes.Repeat(recordLine(100), 1000)})
	read := func() {
		if _, err := r.Read(); err != nil {
			t.Fatal(err)
		}
	}
	read()
	if n := testing.AllocsPerRun(10_000, read); n != 0 {
		t.Errorf("a record allocates %v times", n)
	}
}

func BenchmarkRead(b *testing.B) {
	line := recordLine(1000)
	r := NewReader(&repeat{text: bytes.Repeat(line, 1000)})
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		if _, err := r.Read(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadChunk(b *testing.B) {
	r := NewReader(&repeat{text: bytes.Repeat(recordLine(1000), 1000)})
	buf := make([]byte, 0, 1<<20)
	b.SetBytes(1 << 20)
	for b.Loop() {
		if _, err := r.ReadChunk(buf); err != nil {
			b.Fatal(err)
		}
	}
}

func TestReadChunkDoesNotWaitForMoreRecords(t *testing.T) {
	in, tap := io.Pipe()
	r := NewReader(in)
	line := `{"type":"RECORD","stream":"s","record":{}}` + "\n"
	go io.WriteString(tap, line+line+line[:10])
	c, err := r.ReadChunk(make([]byte, 0, 1<<20))
	if err != nil || c.Count != 2 || r.Ready() {
		t.Fatalf("a chunk of %d records (%v) from two lines and the start of a third; ready %v", c.Count, err, r.Ready())
	}
	go io.WriteString(tap, line[10:]+line)
	if c, err = r.ReadChunk(nil); err != nil || c.Count != 1 || c.Line != 3 || !r.Ready() {
		t.Errorf("behind it %d records from line %d (%v), ready %v; want line 3 by itself and line 4 ready", c.Count, c.Line, err, r.Ready())
	}
}
