package files

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/parquet/compress"
	v18 "github.com/apache/arrow-go/v18/parquet/file"
	"github.com/google/go-cmp/cmp"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

// notes is a table of texts.
func notes() *table.Table {
	return &table.Table{Stream: "notes", Schema: "shop", Name: "notes", Columns: []table.Column{
		{Name: "id", Type: table.Integer, Nullable: true}, {Name: "text", Type: table.Text, Nullable: true},
	}}
}

// appendTexts commits a row for each text, those of one list in one call of Append.
func appendTexts(t *testing.T, w *Warehouse, lists ...[]string) {
	t.Helper()
	tab := notes()
	l, err := w.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Migrate(t.Context(), tab); err != nil {
		t.Fatal(err)
	}
	first := int64(1)
	for _, list := range lists {
		var rows []destinationtest.Row
		for i, text := range list {
			rows = append(rows, destinationtest.Row{first + int64(i), text})
		}
		b := destinationtest.Batch(Allocator(), tab, first, rows...)
		if _, err := l.Append(t.Context(), []*table.Batch{b}); err != nil {
			t.Fatal(err)
		}
		b.Rows.Release()
		first += int64(len(list))
	}
	if err := l.Commit(t.Context(), destination.Checkpoint{Fence: 1, State: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
}

// pagesOf counts the values in each page of a column of a Parquet file.
func pagesOf(t *testing.T, path string, column int) (counts []int) {
	t.Helper()
	r, err := v18.OpenParquetFile(path, false)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for g := range r.NumRowGroups() {
		pages, err := r.RowGroup(g).GetColumnPageReader(column)
		if err != nil {
			t.Fatal(err)
		}
		for pages.Next() {
			if page, ok := pages.Page().(v18.DataPage); ok {
				counts = append(counts, int(page.NumValues()))
			}
		}
		if err := pages.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return counts
}

// TestLongTextsHavePagesOfTheirOwn holds that a page is no longer than one long value.
func TestLongTextsHavePagesOfTheirOwn(t *testing.T) {
	long := func(n int) string { return strings.Repeat(fmt.Sprint(n), 3<<20) }
	for _, c := range []struct {
		name  string
		texts []string
		pages []int
	}{
		{"short", []string{"a", "b", "c"}, []int{3}},
		{"long", []string{long(1), long(2), long(3)}, []int{1, 1, 1}},
		{"half a page", []string{long(1)[:1<<19], long(2)[:1<<19], long(3)[:1<<19], long(4)[:1<<19]}, []int{2, 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := mustOpen(t, Config{URL: t.TempDir(), Compression: "zstd"})
			appendTexts(t, w, c.texts)
			files := w.dataFiles(t, notes())
			if len(files) != 1 {
				t.Fatalf("files %v, want one", files)
			}
			if diff := cmp.Diff(c.pages, pagesOf(t, w.store.path(files[0]), 1)); diff != "" {
				t.Errorf("values in pages (-want +got):\n%s", diff)
			}
			for i, row := range readParquet(t, w, "shop", "notes", []string{"id", "text"}) {
				if row[1] != c.texts[i] {
					t.Errorf("row %d has another text", i)
				}
			}
		})
	}
}

// TestNumbersHaveShortPages holds that pages of numbers are as long as zstd compresses best, levels included, whatever the
// batches they came in, and that pages without any value are none too many.
func TestNumbersHaveShortPages(t *testing.T) {
	tab := &table.Table{Stream: "n", Schema: "shop", Name: "n", Columns: []table.Column{
		{Name: "id", Type: table.Integer}, {Name: "third", Type: table.Number, Nullable: true}, {Name: "late", Type: table.Integer, Nullable: true},
		{Name: "paid", Type: table.Boolean, Nullable: true}, {Name: "kind", Type: table.Integer, Nullable: true},
	}}
	const rows = 50_000
	var lists [][]destinationtest.Row
	for i := range rows {
		row := destinationtest.Row{int64(i), nil, nil, nil, int64(i % 3)}
		if i%3 == 0 {
			row[1] = float64(i) / 2
		}
		if i >= 40_000 {
			row[2], row[3] = int64(-i), i%2 == 0
		}
		if i == 0 || i == 1 || i == 1000 || i == 30_000 {
			lists = append(lists, nil)
		}
		lists[len(lists)-1] = append(lists[len(lists)-1], row)
	}
	w := mustOpen(t, Config{URL: t.TempDir()})
	defer mustClose(t, w)
	loadBatches(t, w, tab, lists...)
	path := w.localFiles(t, tab)[0]
	for i, c := range tab.Columns {
		pages, most, sum := pagesOf(t, path, i), numberBytes/8, 0
		if c.Name == "paid" || c.Name == "kind" {
			most = rows // their values are bits, and indexes of a dictionary
		}
		for _, n := range pages {
			sum += n
			if n > most {
				t.Errorf("%s has a page of %d values, want at most %d", c.Name, n, most)
			}
		}
		if sum != rows || len(pages) > rows/most+len(lists) {
			t.Errorf("%s has %d values on pages of %v, want %d", c.Name, sum, pages, rows)
		}
	}
	got := query(t, `SELECT count(*), count(DISTINCT id), count(*) FILTER ((id % 3 = 0) != (third IS NOT NULL) OR third != id / 2 OR kind != id % 3 OR
		(id >= 40000) != (late IS NOT NULL) OR late != -id OR (late IS NULL) != (paid IS NULL) OR paid != (id % 2 = 0)) FROM '`+path+`'`)
	if fmt.Sprint(got) != "[[50000 50000 0]]" {
		t.Errorf("rows, keys and rows that differ: %v", got)
	}
}

// TestFileEndsWhenItKeepsLongTexts holds that the memory of a file that is being written does not grow with its row
// groups: the greatest and the least value of each stay in memory, however long they are.
func TestFileEndsWhenItKeepsLongTexts(t *testing.T) {
	text := strings.Repeat("x", 1<<20)
	for _, c := range []struct {
		config Config
		texts  []string
		files  int
	}{
		{Config{RowGroupBytes: 4 << 20}, []string{text, text, text, text, text}, 3},
		{Config{RowGroupBytes: 4 << 20}, []string{"a", "b", "c", "d", "e"}, 1},
		{Config{Format: JSONL}, []string{text, text, text, text, text}, 1},
	} {
		c.config.URL = t.TempDir()
		w := mustOpen(t, c.config)
		var lists [][]string
		for _, text := range c.texts {
			lists = append(lists, []string{text})
		}
		appendTexts(t, w, lists...)
		if files := w.dataFiles(t, notes()); len(files) != c.files {
			t.Errorf("%s with texts of %d bytes: %d files, want %d", c.config.Format, len(c.texts[0]), len(files), c.files)
		}
	}
}

// TestZstdEncodersStaySmall compresses as the columns of several files would, and looks at what is left on the heap: with
// Arrow's codec 50 MB and more.
func TestZstdEncodersStaySmall(t *testing.T) {
	codec := zstdForTest(t)
	page := make([]byte, 1<<20)
	for i := range page {
		page[i] = "0123456789abcdef"[rand.IntN(16)]
	}
	compressAll := func() {
		var workers sync.WaitGroup
		for i := range 16 {
			workers.Go(func() {
				for range 4 {
					packed := codec.EncodeLevel(nil, page, []int{1, compress.DefaultCompressionLevel}[i%2])
					if !bytes.Equal(codec.Decode(nil, packed), page) {
						t.Error("a page is not what it was")
					}
				}
			})
		}
		workers.Wait()
	}
	before := heapInUse()
	compressAll()
	if grown := heapInUse() - before; grown > int64(8<<20*(1+runtime.GOMAXPROCS(0))) {
		t.Errorf("%d MB stay in use", grown>>20)
	}
}

func zstdForTest(t *testing.T) compress.Codec {
	t.Helper()
	if err := useZstdCodec(); err != nil {
		t.Fatal(err)
	}
	codec, err := compress.GetCodec(compress.Codecs.Zstd)
	if err != nil {
		t.Fatal(err)
	}
	return codec
}

// TestZstdGivesBackWhatItTook compresses pages of all kinds, which Arrow's decoder must take, into room that is there and
// into none. What is compressed again must give the same bytes, whatever was compressed meanwhile.
func TestZstdGivesBackWhatItTook(t *testing.T) {
	codec := zstdForTest(t)
	noise := make([]byte, 300<<10)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	pages := [][]byte{{}, {0}, noise[:1000], noise, bytes.Repeat(noise[:7], 20_000), make([]byte, 5<<20)}
	first := map[string][]byte{}
	for range 2 {
		for i, page := range pages {
			for _, level := range []int{1, zstdLevel, compress.DefaultCompressionLevel} {
				for _, room := range []int64{0, codec.CompressBound(int64(len(page))+1) + 1} {
					packed := codec.EncodeLevel(make([]byte, 0, room), page, level)
					if got := codec.Decode(nil, packed); !bytes.Equal(got, page) {
						t.Errorf("page %d of %d bytes, level %d, became one of %d", i, len(page), level, len(got))
					}
					name := fmt.Sprint(i, level)
					if before := first[name]; before != nil && !bytes.Equal(before, packed) {
						t.Errorf("page %d, level %d: %d bytes first, %d others then", i, level, len(before), len(packed))
					}
					first[name] = bytes.Clone(packed)
				}
			}
		}
	}
}

func heapInUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
