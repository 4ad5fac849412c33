package duckdb

import (
	"path/filepath"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

// versioned is a table with a history of one column.
func versioned() *table.Table {
	return &table.Table{Stream: "things", Name: "things", Key: []int{0}, Method: table.History, Columns: []table.Column{
		{Name: "id", Property: "id", Type: table.Integer}, {Name: "value", Property: "value", Type: table.Text, Nullable: true},
		{Name: table.ExtractedAt, Type: table.Timestamp, Nullable: true},
		{Name: table.ValidFrom, Type: table.Timestamp, Nullable: true}, {Name: table.ValidTo, Type: table.Timestamp, Nullable: true},
	}}
}

// said is a row of versioned, extracted so many half seconds after a full one: a moment's text is not in the order of time.
func said(id int64, value string, at int64) destinationtest.Row {
	return destinationtest.Row{id, value, time.UnixMicro(at * 500000).UTC(), nil, nil}
}

// keep loads each of the rows' groups by an Append of its own in one load, and adds up the counts.
func keep(t *testing.T, w *Warehouse, groups ...[]destinationtest.Row) (sum destination.Counts) {
	t.Helper()
	tab := versioned()
	l, err := w.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Rollback()
	if _, err := l.Migrate(t.Context(), tab); err != nil {
		t.Fatal(err)
	}
	for _, rows := range groups {
		b := destinationtest.Batch(Allocator(), tab, 1, rows...)
		counts, err := l.Append(t.Context(), []*table.Batch{b})
		b.Rows.Release()
		if err != nil {
			t.Fatal(err)
		}
		sum = sum.Plus(counts)
	}
	if err := l.Commit(t.Context(), destination.Checkpoint{RunID: "1"}); err != nil {
		t.Fatal(err)
	}
	return sum
}

const versionsInOrder = "SELECT id, value, CAST(epoch_us(TRY_CAST(_sdc_valid_from AS TIMESTAMPTZ)) // 500000 AS BIGINT), CAST(epoch_us(TRY_CAST(_sdc_valid_to AS TIMESTAMPTZ)) // 500000 AS BIGINT) FROM things ORDER BY ALL"

func TestVersionsThatComeAgainAddNothing(t *testing.T) {
	for _, kept := range []string{"TIMESTAMPTZ", "VARCHAR", "JSON"} { // as what the columns of the history are kept
		t.Run(kept, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "w.duckdb")
			w := openAt(t, path)
			mustExec(t, w, "CREATE TABLE things (id BIGINT, value VARCHAR, "+quote(table.ExtractedAt)+" TIMESTAMPTZ, "+quote(table.ValidFrom)+" "+kept+", "+quote(table.ValidTo)+" "+kept+")")
			rows := []destinationtest.Row{said(1, "A", 2), said(1, "B", 3), said(2, "A", 1), said(1, "A", 4), said(2, "A", 5), said(2, "C", 6)}
			keep(t, w, rows)
			want := []destinationtest.Row{{int64(1), "A", int64(2), int64(3)}, {int64(1), "A", int64(4), nil}, {int64(1), "B", int64(3), int64(4)},
				{int64(2), "A", int64(1), int64(6)}, {int64(2), "C", int64(6), nil}}
			for _, groups := range [][][]destinationtest.Row{{}, {rows}, {rows, rows}, {rows[:1], rows[1:]}, {rows[3:], rows[:3]}} {
				n := 0
				for _, g := range groups {
					n += len(g)
				}
				counts := keep(t, w, groups...)
				if diff := gocmp.Diff(destination.Counts{Updated: int64(n)}, counts); diff != "" {
					t.Errorf("counts (-want +got):\n%s", diff)
				}
				if diff := gocmp.Diff(want, query(t, w, versionsInOrder)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
			wantReplayed(t, w, path, kept)
		})
	}
}

// TestLateRowsOfABatchAreSkipped has rows whose lateness depends on that of others. The checks of the suite have more.
func TestLateRowsOfABatchAreSkipped(t *testing.T) {
	w := openEmpty(t)
	rows := []destinationtest.Row{
		said(1, "B", 5), said(1, "C", 3), said(1, "B", 9), // C is late, so B goes on
		said(1, "D", 7), // which is not late, as B began at 5
		said(2, "X", 8), said(2, "Y", 6), said(1, "D", 6),
	}
	if diff := gocmp.Diff(destination.Counts{Inserted: 2, Updated: 5}, keep(t, w, rows)); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	want := []destinationtest.Row{{int64(1), "B", int64(5), int64(7)}, {int64(1), "D", int64(7), nil}, {int64(2), "X", int64(8), nil}}
	if diff := gocmp.Diff(want, query(t, w, versionsInOrder)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
