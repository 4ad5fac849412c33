package destination

import (
	"fmt"

	"tapline/target-warehouse/table"
)

// RefuseHistory is the failure of a Migrate that would have a history lost: the rows of t would take the place of all
// versions of their keys. It is nil for any other. has tells whether the table has a column of a name.
func RefuseHistory(t *table.Table, has func(name string) bool) error {
	if t.Method != table.Upsert || !t.Keyed() || !has(table.ValidTo) {
		return nil
	}
	return fmt.Errorf("the table keeps a history, and without the setting history each record would take the place of all versions of its key; "+
		"name the stream %q in history, or drop the table's column %s to give its history up", t.Stream, table.ValidTo)
}
