package load

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"tapline/singer"
	"tapline/target-warehouse/decode"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

const lineSchema = `{"type":"object","properties":{"id":{"type":"integer"},"name":{"type":["null","string"]},"at":{"type":["null","object"]}}}`

// RECORD lines that are alike but for what each says.
var recordLines = []string{
	`{"type":"RECORD","stream":"users","record":{"id":1,"name":"Ann"}}`,
	`{"type":"RECORD","stream":"users","record":{"id":2}}`,
	`{"type":"RECORD","stream":"users","record":{"id":3,"name":"\ud800"}}`,
	`{"type":"RECORD","stream":"users","record": {"id":4,"name":5} }`,
	`{"type":"RECORD","stream":"users","record":  {"id":5,"name":5} }`,
	`{"type":"RECORD","stream":"users","record":{"id":6},"time_extracted":"2026-01-01T00:00:00Z"}`,
	`{"type":"RECORD","stream":"users","record":{"id":7},"time_extracted":"2026-01-01T00:00:01Z"}`,
	`{"type":"RECORD","stream":"users","record":{"id":8},"time_extracted":"2026-01-01T00:00:01Z","version":3}`,
	`{"type":"RECORD","stream":"users","record":{"id":9},"version":4}`,
	`{"type":"RECORD","stream":"orders","record":{"id":10,"more":true}}`,
	`{"type":"RECORD","stream":"nobody","record":{"id":11}}`,
	`{"type":"RECORD","stream":"users","record":{"id":12},"record":{"id":13}}`,
	`{"type":"RECORD","stream":"users","record":{"id":14},"record":{"id":15}}`,
	`{"type":"RECORD","stream":"users","record":{"id":16},"stream":"orders"}`,
	`{"type":"RECORD","stream":"users","record":{"id":17},"more":{"record":{"id":18}}}`,
	`{"type":"RECORD","stream":"users","record":{"id":null}}`,
	`{"type":"RECORD","stream":"users","record":{"id":19,"name":"no end}}`,
	`{"type":"RECORD","stream":"users","record":{"id":20}`,
	`{"type":"RECORD","stream":"users","record":{"id":21}}}`,
	`{"type":"RECORD","stream":"users","record":[1]}`,
	`{"type":"RECORD","stream":"users","record":`,
	`{"type":"RECORD","stream":"users","record":{"id":22},"type":"STATE"}`,
	`{"type":"RECORD","record":{"id":23,"at":{"x":[1,2]}},"stream":"users"}`,
	`{"type":"RECORD","record":{"id":24},"stream":"orders"}`,
	`{"type":"RECORD","stream":"users","record":{"id":25,"name":"x","id":26}}`,
}

func TestLinesAreReadAlikeWhateverStoodBeforeThem(t *testing.T) {
	for _, first := range recordLines {
		for _, second := range recordLines {
			sameAlone(t, first, second)
		}
	}
}

func FuzzLines(f *testing.F) {
	for i, line := range recordLines {
		f.Add(recordLines[(i+1)%len(recordLines)], line)
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		if strings.Contains(first+second, "\n") {
			t.Skip("these are more lines than two")
		}
		sameAlone(t, first, second)
	})
}

// sameAlone holds the second line as a worker reads it that has read the first, against how one does that has not.
func sameAlone(t *testing.T, first, second string) {
	t.Helper()
	after := newWorker(lineOptions)
	readLine(t, after, first)
	got, want := readLine(t, after, second), readLine(t, newWorker(lineOptions), second)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s\nbehind %s\nis read otherwise than alone (-alone +behind):\n%s", second, first, diff)
	}
}

var lineOptions = Options{
	Allocator: memory.NewGoAllocator(), rejects: destination.Rejects.Shape(), Now: func() time.Time { return time.Unix(0, 0) },
}

// readLine returns what a worker makes of a line, in a step of its own.
func readLine(t *testing.T, w *worker, line string) string {
	t.Helper()
	s := &step{first: 1, plans: linePlans(t)}
	s.runs = []run{{Chunk: singer.Chunk{Records: []byte(line + "\n"), Count: 1, Line: 7, Offset: 70}, first: 1}}
	w.decoders = map[*decode.Plan]*decoder{} // plans are of the step
	err := w.decode(s)
	var out strings.Builder
	var e *singer.LineError
	if errors.As(err, &e) {
		fmt.Fprintf(&out, "line %d, offset %d: ", e.Line, e.Offset)
	}
	fmt.Fprintf(&out, "%v; last %d\n", err, s.last)
	for _, r := range s.rejects {
		fmt.Fprintf(&out, "reject of %s: %s %s %s\n", r.stream, r.Field, r.Reason, r.Record)
	}
	for _, d := range s.decoded {
		if d.stream == lineOptions.rejects.Stream || d.batch == nil {
			continue
		}
		fmt.Fprintf(&out, "%s: replaced %d, versioned %t, violations %v\n", d.stream, d.replaced, d.versioned, d.violations)
		for i := range int(d.batch.Rows.NumCols()) {
			fmt.Fprintf(&out, "  %s %v\n", d.batch.Rows.ColumnName(i), d.batch.Rows.Column(i))
		}
		d.release()
	}
	return out.String()
}

// linePlans has the streams users, with a version of its own, and orders.
func linePlans(t *testing.T) plans {
	all := plans{}
	for _, stream := range []string{"users", "orders"} {
		s := &singer.Schema{Stream: stream, Schema: []byte(lineSchema), KeyProperties: []string{"id"}}
		shape, err := table.Compile(s, table.Options{Metadata: true})
		if err != nil {
			t.Fatal(err)
		}
		all[stream] = &plan{table: shape, decode: decode.Compile(shape, s, decode.Options{Now: lineOptions.Now})}
	}
	all["users"].version, all["users"].hasVersion = 2, true
	return all
}
