package duckdb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/duckdb/duckdb-go/v2"
)

// dataSource is what the driver opens, and the file to be attached to that. Of a file it makes sure that it is there.
func (w *Warehouse) dataSource(ctx context.Context, cfg Config) (dsn, file string, err error) {
	switch {
	case cfg.Path == memoryPath && w.readOnly:
		return "", "", errors.New("a DuckDB database in memory is empty when it is opened, so there is nothing to read; give the path of a file")
	case cfg.Path == memoryPath:
		return memoryPath + "?" + writeOptions, "", nil
	case remote(cfg.Path):
		return cfg.Path, "", nil
	}
	if err := checkPath(cfg.Path, w.readOnly); err != nil {
		return "", "", err
	}
	// The driver reads its argument as a URL, in which the first part of a relative path may not hold a colon.
	absolute, err := filepath.Abs(cfg.Path)
	if err != nil {
		return "", "", fmt.Errorf("find %q: %w", cfg.Path, err)
	}
	if w.readOnly {
		return absolute + "?access_mode=read_only", "", nil
	}
	if _, err := os.Stat(absolute); errors.Is(err, os.ErrNotExist) {
		if err := create(ctx, absolute, cfg.StorageVersion); err != nil {
			return "", "", explainOpen(cfg.Path, err)
		}
	}
	return memoryPath + "?" + writeOptions, absolute, nil
}

// memoryPath is the Path of a database in memory.
const memoryPath = ":memory:"

// remote tells the paths of MotherDuck's databases.
func remote(path string) bool {
	return strings.HasPrefix(path, "md:") || strings.HasPrefix(path, "motherduck:")
}

// memoryLimit is the statement that sets DuckDB's bound, or "".
func memoryLimit(cfg Config) string {
	if cfg.MemoryLimit <= 0 {
		return ""
	}
	return limitStatement(fmt.Sprintf("%dB", cfg.MemoryLimit))
}

// rowGroup is how many rows DuckDB compresses at a time, which lie in memory until then. Of its usual 122,880, rows of 300
// columns would take more than there is room for, and what is compressed at Commit is not compressed beside the decoding.
// Files become 2 to 7 % larger with a quarter of them. (Rows of a feed are out of order besides, which makes a file of five
// narrow columns in sequence larger by two fifths.)
const rowGroup = 30720

// connect opens a data source, attaches the file to it unless that is "", runs the statement setup unless it is "", and
// learns the name under which DuckDB knows the database. Only a file that is attached can be told its row groups.
func connect(ctx context.Context, dsn, file, setup string) (db *sql.DB, catalog string, err error) {
	attached := false
	connector, err := duckdb.NewConnector(dsn, func(c driver.ExecerContext) error {
		if file == "" {
			return nil
		}
		name := quote(catalogName(file))
		if !attached {
			// Beside the file, where DuckDB puts it for one that it opens by itself.
			if _, err := c.ExecContext(ctx, "SET GLOBAL temp_directory = "+text(file+".tmp"), nil); err != nil {
				return err
			}
			if _, err := c.ExecContext(ctx, fmt.Sprintf("ATTACH %s AS %s (TYPE duckdb, READ_WRITE, ROW_GROUP_SIZE %d)", text(file), name, rowGroup), nil); err != nil {
				return err
			}
			attached = true
		}
		_, err := c.ExecContext(context.Background(), "USE "+name, nil)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	db = sql.OpenDB(connector)
	if setup != "" {
		_, err = db.ExecContext(ctx, setup)
	}
	if err == nil {
		err = db.QueryRowContext(ctx, "SELECT current_database()").Scan(&catalog)
	}
	if err != nil {
		return nil, "", errors.Join(err, db.Close())
	}
	return db, catalog, nil
}

// catalogName is the name that DuckDB gives a file which it opens by itself, unless it is one of DuckDB's own.
func catalogName(file string) string {
	name, _, _ := strings.Cut(filepath.Base(file), ".")
	switch fold(name) {
	case "", "memory", "main", "system", "temp":
		return name + "_db"
	}
	return name
}

// create makes an empty database file at path, whole or not at all: what DuckDB has written of a new file when it is
// killed, it cannot open again.
func create(ctx context.Context, path, storageVersion string) error {
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
	attach := "ATTACH " + text(draft.Name()) + " AS draft"
	if storageVersion != "" {
		attach += " (STORAGE_VERSION " + text(storageVersion) + ")"
	}
	db, _, err := connect(ctx, memoryPath, "", attach)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "DETACH draft")
	if err := errors.Join(err, db.Close()); err != nil {
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
	if path == "" || strings.HasPrefix(path, memoryPath) {
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
		return missing(path)
	}
	if _, err := os.Stat(filepath.Dir(path)); err != nil {
		return fmt.Errorf("there is no directory %s for the DuckDB file; create it first", filepath.Dir(path))
	}
	return nil
}

// missing is the path of a file that is to be read and is not there.
type missing string

func (m missing) Error() string {
	return "there is no DuckDB file " + string(m) + "; check the path, or load something into it first"
}

func (m missing) Is(target error) bool { return target == fs.ErrNotExist }
