package table

import "testing"

func TestKeyedTablesReplaceRows(t *testing.T) {
	for _, c := range []struct {
		method Method
		key    []int
		want   bool
	}{
		{Upsert, []int{0}, true}, {Upsert, nil, false},
		{AppendOnly, []int{0}, false}, {AppendOnly, nil, false},
		{Overwrite, []int{0}, true}, {Overwrite, nil, false},
		{History, []int{0}, true}, {History, nil, false},
	} {
		if got := (&Table{Method: c.method, Key: c.key}).Keyed(); got != c.want {
			t.Errorf("method %d with the key %v is keyed: %v", c.method, c.key, got)
		}
	}
}
