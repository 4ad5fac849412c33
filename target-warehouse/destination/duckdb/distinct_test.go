package duckdb

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

// keyed is a table of columns of these types, all of which are its key.
func keyed(types ...table.Type) *table.Table {
	t := &table.Table{Stream: "things", Name: "things", Method: table.Upsert}
	for i, typ := range types {
		t.Columns = append(t.Columns, table.Column{Name: position(i), Type: typ})
		t.Key = append(t.Key, i)
	}
	return t
}

func TestDistinctKeys(t *testing.T) {
	type batches [][]destinationtest.Row
	day := time.Unix(86400, 0).UTC()
	for _, test := range []struct {
		name string
		of   []table.Type
		rows batches
		want bool
	}{
		{"no rows", []table.Type{table.Integer}, batches{{}}, true},
		{"one row", []table.Type{table.Integer}, batches{{{int64(0)}}}, true},
		{"numbers", []table.Type{table.Integer}, batches{{{int64(-1)}, {int64(1)}}, {{int64(0)}, {int64(256)}}}, true},
		{"a number again in the batch", []table.Type{table.Integer}, batches{{{int64(7)}, {int64(1)}, {int64(7)}}}, false},
		{"a number again in the next batch", []table.Type{table.Integer}, batches{{{int64(7)}}, {}, {{int64(1)}, {int64(7)}}}, false},
		{"texts", []table.Type{table.Text}, batches{{{""}, {"a"}, {"A"}, {"a "}}}, true},
		{"a text again", []table.Type{table.Text}, batches{{{"a"}}, {{"b"}, {"a"}}}, false},
		{"the empty text again", []table.Type{table.Text}, batches{{{""}, {""}}}, false},
		{"moments", []table.Type{table.Timestamp}, batches{{{day}, {day.Add(time.Microsecond)}}}, true},
		{"a moment again", []table.Type{table.Timestamp}, batches{{{day}, {day}}}, false},
		{"days", []table.Type{table.Date}, batches{{{day}, {day.AddDate(0, 0, 1)}, {day.AddDate(0, 0, -1)}}}, true},
		{"a day again", []table.Type{table.Date}, batches{{{day}, {day.AddDate(0, 0, 1)}, {day}}}, false},
		{"pairs the other way round", []table.Type{table.Integer, table.Integer}, batches{{{int64(1), int64(2)}, {int64(2), int64(1)}, {int64(1), int64(1)}}}, true},
		{"texts cut elsewhere", []table.Type{table.Text, table.Text}, batches{{{"a", "bc"}, {"ab", "c"}, {"abc", ""}}}, true},
		{"a pair again", []table.Type{table.Text, table.Date}, batches{{{"a", day}, {"b", day}}, {{"a", day}}}, false},
		{"numbers that are equal in two spellings", []table.Type{table.Number}, batches{{{0.5}, {1.5}}}, false},
		{"decimals, of which nothing is known", []table.Type{table.Integer, table.Decimal}, batches{{{int64(1), "1"}, {int64(2), "2"}}}, false},
		{"JSON, of which nothing is known", []table.Type{table.JSON}, batches{{{"1"}, {"2"}}}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			tab := keyed(test.of...)
			var all []*table.Batch
			for i, rows := range test.rows {
				b := destinationtest.Batch(Allocator(), tab, int64(1+i*10), rows...)
				defer b.Rows.Release()
				all = append(all, b)
			}
			if got := distinctKeys(tab, all); got != test.want {
				t.Errorf("distinctKeys says %t", got)
			}
		})
	}
}

// Whatever the number of rows, and wherever the one is that has another's key.
func TestDistinctKeysOfManyRows(t *testing.T) {
	tab := keyed(table.Integer, table.Text)
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{2, 3, 5, 6, 7, 11, 12, 13, 48, 1000, 30_000} {
		var rows []destinationtest.Row
		for i := range n {
			rows = append(rows, destinationtest.Row{int64(i % 100), fmt.Sprint("id_", i/100)})
		}
		rnd.Shuffle(n, func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		for _, doubled := range []bool{false, true} {
			if doubled {
				from := rnd.IntN(n)
				rows[(from+1+rnd.IntN(n-1))%n] = rows[from]
			}
			cut := rnd.IntN(n)
			a, b := destinationtest.Batch(Allocator(), tab, 1, rows[:cut]...), destinationtest.Batch(Allocator(), tab, int64(1+cut), rows[cut:]...)
			if got := distinctKeys(tab, []*table.Batch{a, b}); got == doubled {
				t.Errorf("of %d rows, one of them doubled: %t, distinctKeys says %t", n, doubled, got)
			}
			a.Rows.Release()
			b.Rows.Release()
		}
	}
}

// An upsert comes to the same with and without grouping, and does not group where it need not.
func TestUpsertGroupsOnlyRowsThatMayShareKeys(t *testing.T) {
	row := func(id int, note string) destinationtest.Row { return destinationtest.Row{int64(id), note} }
	for _, test := range []struct {
		name   string
		rows   []destinationtest.Row
		groups int
		counts destination.Counts
		want   []destinationtest.Row
	}{
		{"known and new keys", []destinationtest.Row{row(3, "new"), row(2, "new")}, 0, destination.Counts{Inserted: 1, Updated: 1},
			[]destinationtest.Row{row(1, "old"), row(2, "new"), row(3, "new")}},
		{"new keys", []destinationtest.Row{row(4, "new"), row(3, "new")}, 0, destination.Counts{Inserted: 2},
			[]destinationtest.Row{row(1, "old"), row(2, "old"), row(3, "new"), row(4, "new")}},
		{"a key twice", []destinationtest.Row{row(3, "first"), row(1, "new"), row(3, "last")}, 1, destination.Counts{Inserted: 1, Updated: 2},
			[]destinationtest.Row{row(1, "new"), row(2, "old"), row(3, "last")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := openEmpty(t)
			tab := &table.Table{Stream: "things", Name: "things", Method: table.Upsert, Key: []int{0},
				Columns: []table.Column{{Name: "id", Type: table.Integer}, {Name: "note", Type: table.Text, Nullable: true}}}
			upsert := func(rows ...destinationtest.Row) destination.Counts {
				counts, _, err := tryLoad(t, w, tab, rows...)
				if err != nil {
					t.Fatal(err)
				}
				return counts
			}
			upsert(row(1, "old"), row(2, "old"))
			statements := logged(t, w)
			if diff := gocmp.Diff(test.counts, upsert(test.rows...)); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
			if n := statements("GROUP BY"); n != test.groups {
				t.Errorf("the upsert groups rows %d times, not %d", n, test.groups)
			}
			if diff := gocmp.Diff(test.want, query(t, w, "SELECT id, note FROM things ORDER BY id")); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

func BenchmarkDistinctKeys(b *testing.B) {
	for name, typ := range map[string]table.Type{"numbers": table.Integer, "texts": table.Text} {
		b.Run(name, func(b *testing.B) {
			tab := keyed(typ)
			var all []*table.Batch
			for at := 0; at < 1_000_000; at += 10_000 {
				var rows []destinationtest.Row
				for i := at; i < at+10_000; i++ {
					if typ == table.Text {
						rows = append(rows, destinationtest.Row{fmt.Sprintf("ch_%024d", i)})
					} else {
						rows = append(rows, destinationtest.Row{int64(i)})
					}
				}
				all = append(all, destinationtest.Batch(Allocator(), tab, int64(at+1), rows...))
			}
			for b.Loop() {
				if !distinctKeys(tab, all) {
					b.Fatal("keys are not distinct")
				}
			}
			for _, batch := range all {
				batch.Rows.Release()
			}
		})
	}
}

// Keys that the table has are counted once, whatever lies between the rows that bring them, and however often it has them.
func TestKnownKeysAreCountedOnce(t *testing.T) {
	now := time.Unix(0, 0).UTC()
	rows := []destinationtest.Row{{int64(1), nil}, {int64(2), now}, {int64(3), nil}, {int64(4), now}, {int64(2), nil}, {int64(2), now}}
	for _, test := range []struct {
		name  string
		apart int64 // ordinals
		rows  []destinationtest.Row
		want  destination.Counts
	}{
		{"side by side", 1, rows[:1], destination.Counts{Updated: 1}},
		{"a known one and a new one", 1, []destinationtest.Row{rows[0], rows[2]}, destination.Counts{Inserted: 1, Updated: 1}},
		{"far apart", 1 << 40, []destinationtest.Row{rows[0], rows[2]}, destination.Counts{Inserted: 1, Updated: 1}},
		{"deletions side by side", 1, rows, destination.Counts{Inserted: 2, Updated: 1, Deleted: 2}},
		{"deletions a little apart", 100, rows, destination.Counts{Inserted: 2, Updated: 1, Deleted: 2}},
		{"deletions far apart", 1 << 40, rows, destination.Counts{Inserted: 2, Updated: 1, Deleted: 2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := openEmpty(t)
			tab := &table.Table{Stream: "things", Name: "things", Method: table.Upsert, HardDelete: true, Key: []int{0}, Columns: []table.Column{
				{Name: "id", Type: table.Integer}, {Name: table.DeletedAt, Type: table.Timestamp, Nullable: true}}}
			mustExec(t, w, "CREATE TABLE things AS SELECT unnest([1, 2, 1, 2, 1]) AS id, NULL::TIMESTAMPTZ AS "+quote(table.DeletedAt))
			mustExec(t, w, "ALTER TABLE things ALTER id TYPE BIGINT")
			var all []*table.Batch
			for i, r := range test.rows {
				b := destinationtest.Batch(Allocator(), tab, 7+int64(i)*test.apart, r)
				defer b.Rows.Release()
				all = append(all, b)
			}
			l := begin(t, w, tab)
			got, err := l.Append(t.Context(), all)
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			keepLoad(t, l)
		})
	}
}
