package duckdb

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// Config says where the warehouse is.
type Config struct {
	// Path is the database file; Open creates it, but not its directory. ":memory:" is a database that ends with the
	// Warehouse, and md:NAME?motherduck_token=TOKEN one at MotherDuck. A token is never shown.
	Path string
	// StorageVersion is the oldest DuckDB version, such as v1.2.0, that is to read a file which Open creates, or "latest"
	// for this one's newest format; "" leaves it to DuckDB. A file that exists keeps its format.
	StorageVersion string
	// MemoryLimit bounds DuckDB's memory, in bytes: what needs more goes to a directory beside the file, or fails. With 0,
	// DuckDB takes what it needs, up to 80 % of the machine's memory, and keeps little of what it does not need. Loads of
	// rows of some kilobytes work with 32 MiB.
	MemoryLimit int64
	// TableMemory is how much memory, in bytes, may be taken by rows that are not in the file yet before a load is crowded,
	// and an eighth of it by blocks of the file; 0 for half of MemoryLimit, or any if that is 0, too.
	TableMemory int64
}

// Warehouse is an open DuckDB database. It implements [destination.Destination].
type Warehouse struct {
	db *sql.DB
	// catalog is the name under which DuckDB knows the file. Every table is named with it, as a schema that has the
	// name of the file would be ambiguous otherwise.
	catalog  string
	readOnly bool
	// streams are those that loads have named so far, by the place of their table.
	streams map[string]string
	// prepared are those of tapline's own tables that are there with all columns.
	prepared map[*destination.OwnTable]bool
	// collecting has the places for which this process has a hidden table that collects the rows of an overwrite.
	collecting map[string]bool
	// untold are changes, by place, that a committed load made in Append, and that the next Migrate will tell.
	untold map[string][]destination.Change
	// plans are those of committed loads, and revisions counts the changes that these have made, by the table's quoted
	// name. DuckDB takes milliseconds to tell what a table is like where there are hundreds of them, and as nobody else can
	// change a file while this process holds it, it need not be asked again. A shared database is always asked.
	plans     map[*table.Table]*plan
	revisions map[string]int
	shared    bool
	joins     bool  // every checkpoint joins small row groups, see [load.rewrites]
	apart     bool  // none does, see [Warehouse.keepApart]
	feedBytes int64 // leastFeed, or what a test wants

	// See memory.go; in bytes.
	room    int64            // Config.TableMemory; 0 for any
	held    int64            // what DuckDB needed when that was last asked for
	floor   int64            // what it still needed behind a checkpoint
	limit   string           // DuckDB's own bound, if it may be lowered for a while; else ""
	columns map[string]int64 // what the columns of tables with rows ahead of a checkpoint take, by the table's quoted name
}

var _ destination.Destination = (*Warehouse)(nil)

// Open opens the warehouse for loading and creates the file if need be. The process then holds the file alone until
// Close. A file that another process holds is a failure that wraps [destination.ErrLocked].
func Open(ctx context.Context, cfg Config) (*Warehouse, error) { return open(ctx, cfg, false) }

// OpenReadOnly opens an existing database for Read and Count and leaves it as it is; Begin fails. Several processes may do so at a
// time, but not while one has it open for loading. Where there is no file, the failure is an [io/fs.ErrNotExist].
func OpenReadOnly(ctx context.Context, path string) (*Warehouse, error) {
	return open(ctx, Config{Path: path}, true)
}

// writeOptions are DuckDB's settings for loading, all measured on loads of some 100,000 rows.
//
//   - checkpoint_threshold: by default a Commit that finds 16 MiB in the log writes them into the database file, and with
//     them once more the rows at the table's end, which in many small loads nearly doubles the work. A longer log costs the
//     next process that opens the file a few seconds, and only after a kill: Close empties it.
//   - auto_checkpoint_skip_wal_threshold: by default a commit of less than 100 kB that ends with a checkpoint is written to the
//     log before; see [load.commit] for why it must not be.
//   - threads: an Append goes on beside the decoding of what comes next. With more threads DuckDB cuts what a single one
//     brings into small row groups, takes half as much processor time again, and is no sooner done. A feed has more.
//   - preserve_insertion_order: what rows of a feed lie beside each other is all the same. To keep them as they came, DuckDB
//     would copy them once more.
//   - write_buffer_row_group_count: row groups are compressed and written when they are full, beside the decoding, and not all
//     at Commit.
const writeOptions = "checkpoint_threshold=" + checkpointThreshold + "&auto_checkpoint_skip_wal_threshold=0&threads=1" +
	"&preserve_insertion_order=false&write_buffer_row_group_count=1"

const checkpointThreshold = "256MB"

func open(ctx context.Context, cfg Config, readOnly bool) (*Warehouse, error) {
	w := &Warehouse{
		readOnly: readOnly, shared: remote(cfg.Path), streams: map[string]string{}, prepared: map[*destination.OwnTable]bool{},
		feedBytes: leastFeed, collecting: map[string]bool{}, untold: map[string][]destination.Change{}, plans: map[*table.Table]*plan{}, revisions: map[string]int{},
		room: cmp.Or(cfg.TableMemory, cfg.MemoryLimit/2), columns: map[string]int64{},
	}
	if w.shared || cfg.Path == memoryPath {
		w.room = 0 // the memory is elsewhere, or there is no file to write it to
	}
	dsn, file, err := w.dataSource(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if w.db, w.catalog, err = connect(ctx, dsn, file, memoryLimit(cfg)); err != nil {
		return nil, explainOpen(cfg.Path, err)
	}
	if w.room > 0 && cfg.MemoryLimit <= 0 {
		if err := w.ownLimit(ctx); err != nil {
			return nil, errors.Join(explainOpen(cfg.Path, err), w.db.Close())
		}
	}
	return w, nil
}

// Begin implements [destination.Destination].
func (w *Warehouse) Begin(ctx context.Context) (destination.Load, error) {
	if w.readOnly {
		return nil, errors.New("begin a load: the DuckDB file is open for reading only")
	}
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("begin a load: %w", err)
	}
	l := &load{
		w: w, conn: conn, catalog: w.catalog, plans: map[*table.Table]*plan{}, revisions: map[string]int{},
		prepared: map[*destination.OwnTable]bool{}, collecting: map[string]bool{}, told: map[string]bool{},
		rewritten: map[string]bool{}, asked: map[string]bool{}, added: map[string]int64{},
	}
	if _, err := l.exec(ctx, "BEGIN TRANSACTION"); err != nil {
		return nil, errors.Join(fmt.Errorf("begin a load: %w", err), conn.Close())
	}
	return l, nil
}

// Close implements [destination.Destination]. It moves what DuckDB still has in its log file into the database file.
func (w *Warehouse) Close() error {
	if err := w.db.Close(); err != nil {
		return fmt.Errorf("close the DuckDB file: %w", err)
	}
	return nil
}
