package postgres

import (
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

var _ destination.Crowder = (*load)(nil)

// eagerBytes are worth a COPY: beginning one takes a third of a millisecond.
const eagerBytes = 4 << 20

// Eager implements [destination.Eager]. Without a key an Append is one COPY into the table itself, and the server, which
// takes longer for rows than decoding them does, has something to do from the start.
func (w *Warehouse) Eager(t *table.Table) int64 {
	if t.Own || t.Keyed() {
		return 0
	}
	return eagerBytes
}

// crowdedTables is how many tables a load takes. Each takes the server's memory of locks until the load ends, up to a dozen
// of them with its indexes and the temporary tables for its rows; a small server has room for some 2,500.
// https://www.postgresql.org/docs/current/runtime-config-locks.html
const crowdedTables = 200

// Crowded implements [destination.Crowder]. A table that was altered is to be read again before the load turns to others.
func (l *load) Crowded() bool { return l.altered || len(l.targets) >= crowdedTables }
