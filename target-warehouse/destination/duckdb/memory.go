package duckdb

import (
	"context"
	"fmt"

	"tapline/target-warehouse/table"
)

// DuckDB keeps every block of the file that it has read or written until its limit is reached, which by default is 80 %
// of the machine's memory: a load would take memory in proportion to its table. A low limit is no answer, because it fails
// what cannot do with less: 2,048 rows in one piece, however long they are. So blocks that can be had from the file again
// are made to go between statements, and only statements that read a whole column of a table are run under a limit.
//
// Rows that were appended lie in memory until a row group is full, and those of one that is not full until a checkpoint
// compresses them into the file. Many tables or long rows make that more than there is room for, and the load is crowded
// then.
//
// What a checkpoint costs, measured with tables of 300 columns: 0.03 s of processor time for a new table, some 0.5 s for 500
// tables of which one has changed, and 0.15 s with its commit for one that had rows in the file. For each column of the
// last DuckDB takes two whole blocks when the commit puts rows behind those of the file, and fills one of them; it does so
// again when the checkpoint joins the row groups. So many rows at a time are worth more than anything else. Blocks of 16
// KiB, which a new file could have, take a third of the time here; everywhere else the file is half as large again, and a
// query takes up to twice as long.

// usage is what DuckDB takes, in bytes.
type usage struct {
	held   int64 // what it needs
	cached int64 // copies of what is in files
}

func (w *Warehouse) usage(ctx context.Context) (u usage, err error) {
	const cached = "coalesce(sum(memory_usage_bytes) FILTER (tag IN ('BASE_TABLE', 'EXTERNAL_FILE_CACHE')), 0)::BIGINT"
	err = w.db.QueryRowContext(ctx, "SELECT coalesce(sum(memory_usage_bytes), 0)::BIGINT - "+cached+", "+cached+" FROM duckdb_memory()").Scan(&u.held, &u.cached)
	if err != nil {
		err = fmt.Errorf("ask DuckDB for the memory that it takes: %w", err)
	}
	return u, err
}

// trim looks at the memory that DuckDB takes and has it give up what is cached, if that is much. No statement is running.
func (w *Warehouse) trim(ctx context.Context) error {
	if w.room == 0 {
		return nil
	}
	u, err := w.usage(ctx)
	w.held = u.held
	if err == nil && u.cached > w.room/8 {
		err = w.limited(ctx, u.held+w.room/16, func() error { return nil })
	}
	return err
}

// limited runs f while DuckDB may take so many bytes. To come to that, DuckDB first gives up what is cached, the oldest
// before the newest; what it cannot do with fewer bytes than that, it is not held to.
func (w *Warehouse) limited(ctx context.Context, bytes int64, f func() error) error {
	if w.limit == "" {
		return f()
	}
	_, _ = w.db.ExecContext(ctx, limitStatement(fmt.Sprintf("%dB", bytes)))
	err := f()
	if _, reset := w.db.ExecContext(context.WithoutCancel(ctx), limitStatement(w.limit)); err == nil && reset != nil {
		err = fmt.Errorf("let DuckDB have its memory back: %w", reset)
	}
	return err
}

// ownLimit asks DuckDB for its limit, such as 18.8 GiB. RESET would set the setting back, and not what DuckDB goes by.
func (w *Warehouse) ownLimit(ctx context.Context) error {
	return w.db.QueryRowContext(ctx, "SELECT current_setting('memory_limit')").Scan(&w.limit)
}

func limitStatement(size string) string { return "SET GLOBAL memory_limit = " + text(size) }

// scan runs statements that read the key's columns of a whole table and the rows of keysTable, which the source has given
// it. What these take beside the blocks of the table is some times the keys, and as much for the rows of the table that are
// read at a time, whose keys may be as long. A table of few rows is read without a limit: whenever one is set, DuckDB gives
// all free memory back to the system, which takes up to a tenth of a second.
func (l *load) scan(ctx context.Context, p *plan, from source, f func() error) error {
	if l.w.limit == "" {
		return f()
	}
	var rows int64
	if err := l.conn.QueryRowContext(ctx, "SELECT count(*) FROM "+p.name).Scan(&rows); err != nil {
		return fmt.Errorf("count the rows of table %s: %w", p.t.Name, err)
	}
	if rows <= fewRows {
		return f()
	}
	u, err := l.w.usage(ctx)
	if err != nil {
		return err
	}
	const atATime = 2048
	return l.w.limited(ctx, u.held+max(l.w.room/2, leastScan)+16*(from.keys+atATime*(from.keys/from.rows)), f)
}

// fewRows is how many rows a table may have to be scanned without a limit: some megabytes of keys, as a rule.
const fewRows = 16 << 10

// leastScan lets rows be read at a time whose keys have four kilobytes.
const leastScan = 128 << 20

// keyBytes is about what the keys of rows take in memory.
func keyBytes(t *table.Table, batches []*table.Batch) (bytes int64) {
	for _, b := range batches {
		bytes += 64 * b.Rows.NumRows()
		for _, i := range t.Key {
			for _, buffer := range b.Rows.Column(i).Data().Buffers() {
				if buffer != nil {
					bytes += int64(buffer.Len())
				}
			}
		}
	}
	return bytes
}

// longRow is how many bytes rows have on average whose row groups are kept apart.
const longRow = 1 << 20

// keepApart has checkpoints leave row groups as they are from now on if rows are long. To join those of a table, DuckDB
// takes all of their rows into memory: of 20 rows of 50 MiB, several times the gigabyte that these have. What replaced rows
// take in the file is free again when the table is loaded by a process that sees no long ones.
func (w *Warehouse) keepApart(ctx context.Context, bytes, rows int64) error {
	if bytes/rows < longRow || w.apart || w.shared {
		return nil
	}
	w.apart = true
	return w.setVacuumTasks(ctx, 0)
}

// vacuumTasks is how often a checkpoint may join row groups, unless it may not; it is DuckDB's own default.
const vacuumTasks = 100

// setVacuumTasks says how often a checkpoint may join row groups.
func (w *Warehouse) setVacuumTasks(ctx context.Context, n int) error {
	if _, err := w.db.ExecContext(ctx, fmt.Sprint("SET GLOBAL max_vacuum_tasks = ", n)); err != nil {
		return fmt.Errorf("set how checkpoints join row groups: %w", err)
	}
	return nil
}

// columnMemory is about what a column takes that few rows were appended to, measured with 500 tables of 18 columns. A
// checkpoint takes several times as much for a moment, for all tables together, so what it will have to do is bounded, too.
const columnMemory = 56 << 10

// crowded tells whether rows that no checkpoint has compressed yet take as much as they may.
func (w *Warehouse) crowded() bool {
	var sum int64
	for _, bytes := range w.columns {
		sum += bytes
	}
	room := w.room
	if w.apart {
		room /= 8 // a commit takes long rows several times: 20 of 50 MiB take 1.1 GB so, and 1.7 GB without
	}
	return w.room > 0 && max(sum, w.held-w.floor) > room
}

// Crowded tells whether the load had better be committed before rows of more tables are appended.
func (l *load) Crowded() bool { return l.w.crowded() }

// relieve frees the memory of rows by a checkpoint once there is much of it. No load is open. What was committed is
// durable without it, so its failure is none of the commit's: DuckDB tries again at the next one.
func (w *Warehouse) relieve(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	if w.trim(ctx) == nil && w.crowded() {
		clear(w.columns)
		_, _ = w.db.ExecContext(ctx, "CHECKPOINT "+quote(w.catalog))
		_ = w.trim(ctx)
		w.floor = w.held
	}
}
