package postgres

import (
	"fmt"
	"testing"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

func TestOnlyTablesWithoutAKeyAreEager(t *testing.T) {
	for _, c := range []struct {
		t    *table.Table
		want int64
	}{
		{&table.Table{Method: table.AppendOnly, Key: []int{0}}, eagerBytes},
		{&table.Table{Method: table.Upsert}, eagerBytes},
		{&table.Table{Method: table.Upsert, Key: []int{0}}, 0},
		{destination.Rejects.Shape(), 0},
	} {
		if got := new(Warehouse).Eager(c.t); got != c.want {
			t.Errorf("method %v, key %v, own %v: %d, want %d", c.t.Method, c.t.Key, c.t.Own, got, c.want)
		}
	}
}

func TestALoadOfManyTablesIsCrowdedWhileTheServerHasRoomForItsLocks(t *testing.T) {
	w := mustOpen(t, newDatabase(t))
	l := begin(t, w)
	defer l.Rollback()
	for i := range crowdedTables {
		if l.Load.(destination.Crowder).Crowded() {
			t.Fatalf("the load is crowded by %d tables", i)
		}
		tab := things(1, table.Integer, table.Text)
		tab.Name = fmt.Sprint("things", i)
		l.add(tab, destinationtest.Row{int64(1), "a"})
	}
	if !l.Load.(destination.Crowder).Crowded() {
		t.Error("the load is not crowded")
	}
	var locks int
	if err := w.conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid()").Scan(&locks); err != nil || locks > 12*crowdedTables {
		t.Errorf("the load has %d locks, failure %v", locks, err)
	}
}
