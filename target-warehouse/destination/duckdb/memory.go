package duckdb

import "context"

// What is appended to a table lies in memory, in blocks of its columns that are hardly filled while rows are few, until
// a checkpoint compresses it into the file. Beside that, loads of many tables need little; so this is what is counted.

// columnMemory is about what a column takes that few rows were appended to, measured with 500 tables of 18 columns.
const columnMemory = 56 << 10

// appended notes that rows went into a table.
func (w *Warehouse) appended(p *plan) { w.held[p.name] = int64(len(p.all)) * columnMemory }

// crowded tells whether tables hold as much as they may.
func (w *Warehouse) crowded() bool {
	var sum int64
	for _, held := range w.held {
		sum += held
	}
	return w.room > 0 && sum > w.room
}

// Crowded tells whether the load had better be committed before rows of more tables are appended.
func (l *load) Crowded() bool { return l.w.crowded() }

// relieve frees the memory of tables by a checkpoint once there is much of it. No load is open. What was committed is
// durable without it, so its failure is none of the commit's: DuckDB tries again at the next one.
func (w *Warehouse) relieve(ctx context.Context) {
	if w.crowded() {
		clear(w.held)
		_, _ = w.db.ExecContext(context.WithoutCancel(ctx), "CHECKPOINT "+quote(w.catalog))
	}
}
