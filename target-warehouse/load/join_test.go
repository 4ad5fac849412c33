package load

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"tapline/singer"
	"tapline/target-warehouse/decode"
	"tapline/target-warehouse/table"
)

// maker decodes rows of a table that has a column of every type.
func maker(t *testing.T, mem memory.Allocator) func(first, rows int) *table.Batch {
	t.Helper()
	s := &singer.Schema{Stream: "orders", KeyProperties: []string{"id"}, Schema: json.RawMessage(`{"type":"object","properties":{"id":{"type":"integer"},
		"flag":{"type":["null","boolean"]},"ratio":{"type":["null","number"]},"price":{"type":["null","string"],"format":"singer.decimal"},
		"at":{"type":["null","string"],"format":"date-time"},"day":{"type":["null","string"],"format":"date"},"name":{"type":["null","string"]},"lines":{"type":["null","object"]}}}`)}
	shape, err := table.Compile(s, table.Options{Metadata: true})
	if err != nil {
		t.Fatal(err)
	}
	d := decode.Compile(shape, s, decode.Options{Allocator: mem, RunStart: time.Unix(0, 0), Now: func() time.Time { return time.Unix(9, 0) }}).NewDecoder()
	return func(first, rows int) *table.Batch {
		for i := first; i < first+rows; i++ {
			text := fmt.Sprintf(`{"id":%d,"flag":%t,"ratio":%d.5,"price":"%d.25","at":"2024-05-01T10:00:%02dZ","day":"2024-05-%02d","name":"name %d","lines":{"n":%d}}`,
				i, i%2 == 0, i, i, i%60, 1+i%28, i, i)
			if i%3 == 0 {
				text = fmt.Sprintf(`{"id":%d,"name":null}`, i)
			}
			if err := d.Append(&singer.Record{Stream: "orders", Record: json.RawMessage(text)}, int64(i)); err != nil {
				t.Fatal(err)
			}
		}
		return d.Batch()
	}
}

func TestSmallBatchesAreJoinedAndHoldTheSame(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	rows := maker(t, mem)
	for seed := range uint64(8) {
		dice := rand.New(rand.NewPCG(seed, 1))
		most := []int{1, 3, 40, 900}[seed%4]
		st, pending, at := &stream{name: "orders"}, int64(0), 1
		var whole []arrow.Record
		for range 100 {
			n := 1 + dice.IntN(most)
			bytes, err := st.add(rows(at, n), mem)
			if err != nil {
				t.Fatal(err)
			}
			whole = append(whole, rows(at, n).Rows)
			pending += bytes
			at += n
			if size := sizesOf(st.batches); size != pending {
				t.Fatalf("seed %d: %d bytes are counted, and batches take %d", seed, pending, size)
			}
		}
		if want := 4 + at/mostJoined*4; len(st.batches) > want && most < 900 {
			t.Errorf("seed %d: %d rows are left in %d batches, want %d at most", seed, at-1, len(st.batches), want)
		}
		var joined []arrow.Record
		for _, b := range st.batches {
			joined = append(joined, b.Rows)
		}
		compare(t, whole, joined)
		for _, r := range whole {
			r.Release()
		}
		if st.oldest() != 1 || st.rows() != int64(at-1) || st.free() != pending {
			t.Errorf("seed %d: %d rows from %d", seed, st.rows(), st.oldest())
		}
	}
}

func sizesOf(batches []*table.Batch) (size int64) {
	for _, b := range batches {
		size += sizeOf(b)
	}
	return size
}

// compare holds that two runs of records have the same columns.
func compare(t *testing.T, want, got []arrow.Record) {
	t.Helper()
	for i := range int(want[0].NumCols()) {
		var sides [2]arrow.Array
		for side, records := range [][]arrow.Record{want, got} {
			var parts []arrow.Array
			for _, r := range records {
				parts = append(parts, r.Column(i))
			}
			all, err := array.Concatenate(parts, memory.NewGoAllocator())
			if err != nil {
				t.Fatal(err)
			}
			defer all.Release()
			sides[side] = all
		}
		if !array.Equal(sides[0], sides[1]) {
			t.Errorf("column %s differs", want[0].ColumnName(i))
		}
	}
}

func TestBatchesOfTwoTablesStayApart(t *testing.T) {
	before, after := maker(t, memory.NewGoAllocator()), maker(t, memory.NewGoAllocator())
	st := &stream{name: "orders"}
	for i, b := range []*table.Batch{before(1, 1), before(2, 1), after(3, 1), after(4, 1), before(5, 1)} {
		if _, err := st.add(b, memory.NewGoAllocator()); err != nil {
			t.Fatal(i, err)
		}
	}
	if len(st.batches) != 3 || st.batches[0].Rows.NumRows() != 2 || st.batches[1].Rows.NumRows() != 2 {
		t.Errorf("%d batches", len(st.batches))
	}
}

func TestWhatIsLargeIsNotCopied(t *testing.T) {
	rows := maker(t, memory.NewGoAllocator())
	long := rows(1, 1)
	long.Bytes = stepSize
	for name, pair := range map[string][2]*table.Batch{"long rows": {long, rows(2, 1)}, "many rows": {rows(1, 1000), rows(1001, 25)}, "a few rows behind many": {rows(1, 65), rows(66, 32)}} {
		if joinable(pair[0], pair[1]) {
			t.Errorf("%s are copied", name)
		}
	}
	if !joinable(rows(1, 64), rows(65, 1)) || !joinable(rows(1, 512), rows(513, 512)) {
		t.Error("small batches are not joined")
	}
}

// Streams that take turns are handed to the destination with many rows at a time.
func TestStreamsInTurnFillTheMemoryWithRows(t *testing.T) {
	const streams, columns, rounds = 60, 100, 40
	var in strings.Builder
	record, properties := "", ""
	for c := range columns {
		record += fmt.Sprintf(`,"c%d":%d`, c, c)
		properties += fmt.Sprintf(`,"c%d":{"type":"integer"}`, c)
	}
	for s := range streams {
		fmt.Fprintf(&in, `{"type":"SCHEMA","stream":"s%d","schema":{"type":"object","properties":{"id":{"type":"integer"}%s}},"key_properties":["id"]}`+"\n",
			s, properties)
	}
	for i := range rounds {
		for s := range streams {
			fmt.Fprintf(&in, `{"type":"RECORD","stream":"s%d","record":{"id":%d%s}}`+"\n", s, i, record)
		}
	}
	w := newMemoryWarehouse()
	got := loadText(t, w, strings.NewReader(in.String()), Options{MaxMemory: 32 << 20, BatchRows: 400})
	if got.err != nil {
		t.Fatal(got.err)
	}
	if w.appends > 3*streams {
		t.Errorf("%d rows of each of %d streams are appended in %d pieces", rounds, streams, w.appends)
	}
}
