package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	_ "github.com/duckdb/duckdb-go/v2" // the database/sql driver "duckdb"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// Config says where the warehouse is.
type Config struct {
	// Path is the database file. Open creates it, but not its directory.
	Path string
}

// Warehouse is an open DuckDB file. It implements [destination.Destination].
type Warehouse struct {
	db *sql.DB
	// catalog is the name under which DuckDB knows the file. Every table is named with it, as a schema that has the
	// name of the file would be ambiguous otherwise.
	catalog  string
	readOnly bool
	// streams are those that loads have named so far, by the folded name of their table.
	streams map[string]string
}

var _ destination.Destination = (*Warehouse)(nil)

// Open opens the file for loading and creates it if need be. The process then holds the file alone until Close. A
// file that another process holds is a failure that wraps [destination.ErrLocked].
func Open(ctx context.Context, cfg Config) (*Warehouse, error) {
	return open(ctx, cfg.Path, false)
}

// OpenReadOnly opens an existing file for Status and leaves it as it is; Begin fails. Several processes may do so at a
// time, but not while one has it open for loading.
func OpenReadOnly(ctx context.Context, path string) (*Warehouse, error) {
	return open(ctx, path, true)
}

// writeOptions are DuckDB's settings for loading, all measured on loads of some 100,000 rows.
//
//   - checkpoint_threshold: by default a Commit that finds 16 MiB in the log writes them into the database file, and with
//     them once more the rows at the table's end, which in many small loads nearly doubles the work. A longer log costs the
//     next process that opens the file a few seconds, and only after a kill: Close empties it.
//   - threads: an Append goes on beside the decoding of what comes next. With more threads DuckDB cuts an insert into small
//     row groups, takes half as much processor time again, and is no sooner done.
//   - write_buffer_row_group_count: row groups are compressed and written when they are full, beside the decoding, and not all
//     at Commit.
const writeOptions = "access_mode=read_write&checkpoint_threshold=256MB&threads=1&write_buffer_row_group_count=1"

func open(ctx context.Context, path string, readOnly bool) (*Warehouse, error) {
	if err := checkPath(path, readOnly); err != nil {
		return nil, err
	}
	// The driver reads its argument as a URL, in which the first part of a relative path may not hold a colon.
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("find %q: %w", path, err)
	}
	options := writeOptions
	if readOnly {
		options = "access_mode=read_only"
	} else if _, err := os.Stat(absolute); errors.Is(err, os.ErrNotExist) {
		if err := create(ctx, absolute); err != nil {
			return nil, explainOpen(path, err)
		}
	}
	w := &Warehouse{readOnly: readOnly, streams: map[string]string{}}
	if w.db, w.catalog, err = connect(ctx, absolute, options); err != nil {
		return nil, explainOpen(path, err)
	}
	return w, nil
}

// connect opens a file and learns the name that DuckDB gives it.
func connect(ctx context.Context, path, options string) (db *sql.DB, catalog string, err error) {
	if db, err = sql.Open("duckdb", path+"?"+options); err != nil {
		return nil, "", err
	}
	if err := db.QueryRowContext(ctx, "SELECT current_database()").Scan(&catalog); err != nil {
		return nil, "", errors.Join(err, db.Close())
	}
	return db, catalog, nil
}

// create makes an empty database file at path, whole or not at all: what DuckDB has written of a new file when it is
// killed, it cannot open again.
func create(ctx context.Context, path string) error {
	draft, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.new")
	if failed := new(fs.PathError); errors.As(err, &failed) {
		return fmt.Errorf("make a file in %s: %w", filepath.Dir(path), failed.Err)
	} else if err != nil {
		return err
	}
	// DuckDB wants to make the file itself.
	if err := errors.Join(draft.Close(), os.Remove(draft.Name())); err != nil {
		return err
	}
	defer os.Remove(draft.Name())
	db, _, err := connect(ctx, draft.Name(), writeOptions)
	if err != nil {
		return err
	}
	if err := db.Close(); err != nil {
		return err
	}
	// Unlike a rename, a link leaves a file alone that another process has made meanwhile.
	if err := os.Link(draft.Name(), path); err != nil && !errors.Is(err, os.ErrExist) {
		return os.Rename(draft.Name(), path) // not all file systems have links
	}
	return nil
}

// checkPath finds what is wrong with a path before DuckDB sees it.
func checkPath(path string, mustExist bool) error {
	if path == "" || strings.HasPrefix(path, ":memory:") {
		return errors.New("the path of the DuckDB file is missing; set it to a file such as warehouse.duckdb")
	}
	if i := strings.IndexFunc(path, func(r rune) bool { return r < ' ' || r == 0x7f || strings.ContainsRune("?#%", r) }); i >= 0 {
		return fmt.Errorf("the path %q holds the character %q, which DuckDB's driver cannot open; choose another name", path, path[i])
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("%s is a directory; give the path of a file in it", path)
	case err == nil:
		return nil
	case !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("look at the DuckDB file: %w", err)
	case mustExist:
		return fmt.Errorf("there is no DuckDB file %s; check the path, or load something into it first", path)
	}
	if _, err := os.Stat(filepath.Dir(path)); err != nil {
		return fmt.Errorf("there is no directory %s for the DuckDB file; create it first", filepath.Dir(path))
	}
	return nil
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
	l := &load{conn: conn, catalog: w.catalog, streams: w.streams, plans: map[*table.Table]*plan{}}
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
