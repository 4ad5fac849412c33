package postgres

import (
	"testing"

	"tapline/target-warehouse/destination"
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
