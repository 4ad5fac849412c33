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

	"github.com/google/go-cmp/cmp"

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

func TestSmallBatchesArePackedAndHoldTheSame(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	rows := maker(t, mem)
	for seed := range uint64(8) {
		dice := rand.New(rand.NewPCG(seed, 1))
		most := []int{1, 3, 40, 900}[seed%4]
		k, st, at := newPacker(mem, 1<<20), &stream{name: "orders"}, 1
		var pending, bytes, asBatches int64
		var whole, got []arrow.Record
		for range 100 {
			n := 1 + dice.IntN(most)
			b := rows(at, n)
			b.Rows.Retain()
			whole = append(whole, b.Rows)
			bytes += b.Bytes
			asBatches += sizeOf(b)
			pending += st.add(b, k)
			at += n
			if st.size != pending {
				t.Fatalf("seed %d: the rows grow to %d bytes, and take %d", seed, pending, st.size)
			}
		}
		if most <= 40 && (len(st.pending) != 1 || pending > asBatches/10) {
			t.Errorf("seed %d: %d rows wait in %d bytes instead of %d, and in %d pieces", seed, at-1, pending, asBatches, len(st.pending))
		}
		if st.bytes() != bytes || st.oldest() != 1 || st.rows() != int64(at-1) {
			t.Errorf("seed %d: %d rows of %d bytes from %d on, want %d of %d from 1 on", seed, st.rows(), st.bytes(), st.oldest(), at-1, bytes)
		}
		if err := st.unpack(k); err != nil {
			t.Fatal(err)
		}
		for _, b := range st.batches {
			got = append(got, b.Rows)
		}
		compare(t, whole, got)
		for _, r := range whole {
			r.Release()
		}
		if freed := st.free(); freed != pending || st.rows() != 0 {
			t.Errorf("seed %d: %d of %d bytes are freed", seed, freed, pending)
		}
	}
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

// Rows without any value, and texts of every length, among them empty ones.
func TestValuesOfAllShapesArePacked(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	shape := &table.Table{Stream: "s", Columns: []table.Column{{Name: "none", Type: table.Text}, {Name: "empty", Type: table.Text}, {Name: "long", Type: table.JSON},
		{Name: "flag", Type: table.Boolean}, {Name: "never", Type: table.Boolean}, {Name: "late", Type: table.Date}}}
	k, p := newPacker(mem, 1<<20), &packed{table: shape, schema: shape.ArrowSchema()}
	var whole []arrow.Record
	for n := range 20 {
		rows := array.NewRecordBuilder(mem, shape.ArrowSchema())
		for i := range n {
			rows.Field(0).AppendNull()
			rows.Field(1).(*array.StringBuilder).Append("")
			rows.Field(2).(*array.StringBuilder).Append(strings.Repeat("é", i*i*n))
			rows.Field(3).(*array.BooleanBuilder).Append(i%3 == 0)
			rows.Field(4).AppendNull()
			if n < 10 {
				rows.Field(5).AppendNull()
			} else {
				rows.Field(5).(*array.Date32Builder).Append(arrow.Date32(i - 9))
			}
			rows.Field(6).(*array.Int64Builder).Append(int64(100*n + i))
		}
		whole = append(whole, rows.NewRecord())
		rows.Release()
		k.add(p, &table.Batch{Table: shape, Rows: whole[n]})
	}
	got, err := k.unpack(p)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.blocks) < 2 || got.Rows.NumRows() != 190 {
		t.Errorf("%d rows from %d blocks", got.Rows.NumRows(), len(p.blocks))
	}
	compare(t, whole, []arrow.Record{got.Rows})
	for _, r := range append(whole, got.Rows) {
		r.Release()
	}
}

func TestPackedRowsOfTwoTablesStayApart(t *testing.T) {
	before, after := maker(t, memory.NewGoAllocator()), maker(t, memory.NewGoAllocator())
	st, k := &stream{name: "orders"}, newPacker(memory.NewGoAllocator(), 1<<20)
	for _, b := range []*table.Batch{before(1, 1), before(2, 1), after(3, 1), after(4, 1), before(5, 1)} {
		st.add(b, k)
	}
	if tables := st.wanted(); len(tables) != 2 {
		t.Errorf("%d tables are wanted", len(tables))
	}
	if err := st.unpack(k); err != nil {
		t.Fatal(err)
	}
	var rows []int64
	for _, b := range st.batches {
		rows = append(rows, b.Rows.NumRows())
	}
	if diff := cmp.Diff([]int64{2, 2, 1}, rows); diff != "" {
		t.Errorf("rows by batch (-want +got):\n%s", diff)
	}
}

func TestWhatIsLargeIsNotPacked(t *testing.T) {
	rows := maker(t, memory.NewGoAllocator())
	long := rows(1, 1)
	long.Bytes = stepSize
	for name, b := range map[string]*table.Batch{"a long row": long, "many rows": rows(1, 500)} {
		if packable(b) {
			t.Errorf("%s is packed", name)
		}
	}
	// What is packed of a stream is unpacked at once, so it is bounded.
	st, k := &stream{name: "orders"}, newPacker(memory.NewGoAllocator(), 5000)
	for i := range 50 {
		st.add(rows(10*i+1, 10), k)
	}
	if st.packed > 5000 || st.packed < 4000 || len(st.pending) < 20 {
		t.Errorf("%d bytes are packed, in %d pieces", st.packed, len(st.pending))
	}
}

func TestDamagedRowsAreAFailure(t *testing.T) {
	k, rows := newPacker(memory.NewGoAllocator(), 1<<20), maker(t, memory.NewGoAllocator())
	st := &stream{name: "orders"}
	st.add(rows(1, 1), k)
	st.pending[0].packed.blocks = [][]byte{[]byte("no zstd")}
	if err := st.unpack(k); err == nil || !strings.Contains(err.Error(), "stream orders: unpack rows") {
		t.Errorf("failure %v", err)
	}
	st.free()
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
