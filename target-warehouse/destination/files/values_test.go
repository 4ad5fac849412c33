package files

import (
	"bytes"
	"fmt"
	"math/big"
	"path/filepath"
	"testing"

	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

func TestOnlyColumnsThatRepeatHaveADictionary(t *testing.T) {
	tab := &table.Table{Stream: "s", Schema: "shop", Name: "s", Columns: []table.Column{
		{Name: "number", Type: table.Integer, Nullable: true}, {Name: "name", Type: table.Text, Nullable: true},
		{Name: "state", Type: table.Text, Nullable: true}, {Name: "shop.id", Type: table.Integer, Nullable: true},
		{Name: "share", Type: table.Number, Nullable: true}, {Name: "paid", Type: table.Boolean, Nullable: true},
		{Name: "left_at", Type: table.Integer, Nullable: true}, {Name: "plan", Type: table.Text, Nullable: true},
	}}
	var rows []destinationtest.Row
	for i := range 100 {
		row := destinationtest.Row{int64(i), fmt.Sprint("name ", i), []string{"open", "paid"}[i%2], int64(i % 7), float64(i%80) / 4, i%2 == 0, nil, nil}
		if i%3 == 0 {
			row[6], row[7] = int64(i), fmt.Sprint("plan ", i%4)
		}
		rows = append(rows, row)
	}
	w := mustOpen(t, Config{URL: t.TempDir()})
	defer mustClose(t, w)
	loadBatches(t, w, tab, rows[:1], rows[1:]) // the first batch alone tells nothing
	f, err := file.OpenParquetFile(w.localFiles(t, tab)[0], false)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i, want := range []bool{false, false, true, true, true, false, false, true} {
		c, err := f.MetaData().RowGroup(0).ColumnChunk(i)
		if err != nil {
			t.Fatal(err)
		}
		if c.HasDictionaryPage() != want {
			t.Errorf("column %s has a dictionary: %t", tab.Columns[i].Name, !want)
		}
	}
}

func TestHeavyColumnsAreWrittenFirst(t *testing.T) {
	tab := &table.Table{Columns: []table.Column{
		{Name: "paid", Type: table.Boolean, Nullable: true}, {Name: "id", Type: table.Integer, Nullable: true}, {Name: "text", Type: table.Text, Nullable: true},
		{Name: "amount", Type: table.Integer, Nullable: true},
	}}
	var batches [][]arrow.Array
	for i, text := range []string{"", "a long text, which is more than the numbers"} {
		b := destinationtest.Batch(Allocator(), tab, int64(i+1), destinationtest.Row{true, int64(1), text, int64(2)})
		batches = append(batches, b.Rows.Columns()[:len(tab.Columns)])
	}
	if diff := cmp.Diff([]int{2, 1, 3, 0}, heaviestFirst(batches)); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
}

// TestNULLsStandWhereTheyStood has so many rows, and such, that pages, bytes of bits and batches end at different ones.
func TestNULLsStandWhereTheyStood(t *testing.T) {
	tab := &table.Table{Stream: "n", Schema: "shop", Name: "n", Columns: []table.Column{
		{Name: "id", Type: table.Integer}, {Name: "name", Type: table.Text, Nullable: true}, {Name: "paid", Type: table.Boolean, Nullable: true},
		{Name: "money", Type: table.Decimal, Precision: 12, Scale: 2, Nullable: true}, {Name: "full", Type: table.Text, Nullable: true},
	}}
	w := mustOpen(t, Config{URL: t.TempDir()})
	defer mustClose(t, w)
	for from, n := range []int{3, 70_000, 13} {
		var rows []destinationtest.Row
		for i := range n {
			row := destinationtest.Row{int64(from*100_000 + i), nil, nil, nil, fmt.Sprint("full ", i)}
			if i%3 == 0 {
				row[1] = fmt.Sprint("name ", i)
			}
			if i%5 < 2 {
				row[2] = i%2 == 0
			}
			if i%7 == 6 {
				row[3] = fmt.Sprintf("-%d.25", i)
			}
			rows = append(rows, row)
		}
		loadRows(t, w, tab, rows...)
	}
	files := "read_parquet('" + filepath.Join(w.store.path("shop/n"), "*.parquet") + "')"
	got := query(t, `SELECT count(*), count(DISTINCT id), count(*) FILTER (
		(i % 3 = 0) != (name IS NOT NULL) OR name != 'name ' || i OR (i % 5 < 2) != (paid IS NOT NULL) OR paid != (i % 2 = 0) OR
		(i % 7 = 6) != (money IS NOT NULL) OR money != -(i + 0.25) OR "full" IS NULL OR "full" != 'full ' || i)
		FROM (SELECT *, id % 100000 AS i FROM `+files+`)`)
	if fmt.Sprint(got) != "[[70016 70016 0]]" {
		t.Errorf("rows, keys and rows that differ: %v", got)
	}
}

func TestNumbersAreBigEndianTwosComplements(t *testing.T) {
	for _, precision := range []int{1, 4, 9, 18, 19, 38} {
		c := column{Name: "n", Type: table.Decimal, Precision: precision}
		largest := new(big.Int).Sub(tenTo(precision), big.NewInt(1))
		for _, n := range []*big.Int{big.NewInt(0), big.NewInt(1), big.NewInt(-1), largest, new(big.Int).Neg(largest)} {
			b := array.NewStringBuilder(memory.DefaultAllocator)
			b.AppendNull()
			b.Append(n.String())
			got, err := c.numbers(b.NewStringArray())
			if err != nil {
				t.Fatal(err)
			}
			want := make([]byte, c.decimalSize())
			new(big.Int).And(n, new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), uint(8*len(want))), big.NewInt(1))).FillBytes(want)
			if !bytes.Equal(got[1], want) {
				t.Errorf("%s of %d digits is %x, want %x", n, precision, got[1], want)
			}
		}
	}
}
