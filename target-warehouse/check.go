package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"tapline/singer"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/journal"
	"tapline/target-warehouse/table"
)

// check opens the warehouse as a load would, tries what a load does and undoes it, so that nothing is left behind.
func check(ctx context.Context, run *singer.TargetRun, report io.Writer) error {
	s, err := readSettings(run.Config)
	if err != nil {
		return err
	}
	place, opened := s.place(), "opened"
	if remove := s.standIn(); remove != nil {
		defer remove()
		opened = "not there yet; a load can make it"
	}
	dest, allocator, err := s.open(ctx, run.Log)
	if err != nil {
		return err
	}
	defer dest.Close()
	if _, err := fmt.Fprintf(report, "%s: %s\n", place, opened); err != nil {
		return err
	}
	known, err := s.recall(ctx, dest, run.Log)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(report, "pipeline %s: %s\n", s.Pipeline, describeMemory(known, time.Now())); err != nil {
		return err
	}
	if err := s.rights(ctx, dest); err != nil {
		return err
	}
	if err := s.probe(ctx, dest, allocator); err != nil {
		return err
	}
	_, err = fmt.Fprintln(report, "tables can be created and rows written; both were undone")
	return err
}

// standIn has the settings name another file where the DuckDB file is missing: one with the same name in a directory beside
// it, which remove removes. The file itself is not made, as a load that begins meanwhile may make it and fill it. Where
// there can be no such directory, the settings stay, and opening the file tells why it cannot be made either.
func (s *settings) standIn() (remove func()) {
	if s.Destination != "duckdb" || s.Path == "" || s.Path == ":memory:" || s.motherDuck() {
		return nil
	}
	if _, err := os.Stat(s.Path); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	dir, err := os.MkdirTemp(filepath.Dir(s.Path), ".check.*")
	if err != nil {
		return nil
	}
	s.Path = filepath.Join(dir, filepath.Base(s.Path))
	return func() { os.RemoveAll(dir) }
}

// describeMemory says in a few words what is known of a pipeline.
func describeMemory(known *journal.Memory, now time.Time) string {
	if !known.HasRun {
		return "has not run yet"
	}
	var newest time.Time
	for _, t := range known.Tables {
		if t.LastLoadedAt.After(newest) {
			newest = t.LastLoadedAt
		}
	}
	text := fmt.Sprintf("%d tables, last loaded %s", len(known.Tables), ago(newest, now))
	if known.State == nil {
		return text + ", no state stored"
	}
	return text + ", a state is stored"
}

// rights fails with what the user may not do and would have to, all at once, where the destination can tell.
func (s *settings) rights(ctx context.Context, dest destination.Destination) error {
	d, ok := dest.(interface {
		Privileges(ctx context.Context, schemas ...string) ([]string, error)
	})
	if !ok {
		return nil
	}
	lacking, err := d.Privileges(ctx, s.Schema)
	if err == nil && len(lacking) > 0 {
		err = fmt.Errorf("%s: %w", strings.Join(lacking, "; "), singer.ErrCredentials)
	}
	return err
}

// probe makes a table as the settings shape it, puts a row into it, and undoes both.
func (s *settings) probe(ctx context.Context, dest destination.Destination, allocator memory.Allocator) error {
	t, err := table.Compile(&singer.Schema{
		Stream: "tapline_check", KeyProperties: []string{"id"},
		Schema: json.RawMessage(`{"type":"object","properties":{"id":{"type":"integer"}}}`),
	}, s.tableOptions())
	if err != nil {
		return fmt.Errorf("compiling a table to try: %w", err)
	}
	l, err := dest.Begin(ctx)
	if err != nil {
		return fmt.Errorf("beginning a load: %w", err)
	}
	defer l.Rollback()
	if _, err := l.Migrate(ctx, t); err != nil {
		return fmt.Errorf("creating a table: %w", err)
	}
	row := probeRow(t, allocator)
	defer row.Rows.Release()
	if _, err := l.Append(ctx, []*table.Batch{row}); err != nil {
		return fmt.Errorf("writing a row: %w", err)
	}
	if err := l.Rollback(); err != nil {
		return fmt.Errorf("undoing what was tried: %w", err)
	}
	return nil
}

// probeRow is a batch with one row that has nothing but a key.
func probeRow(t *table.Table, allocator memory.Allocator) *table.Batch {
	b := array.NewRecordBuilder(allocator, t.ArrowSchema())
	defer b.Release()
	for i, field := range b.Fields() {
		if i == t.Key[0] || i == len(t.Columns) { // the ordinal is behind the columns
			field.(*array.Int64Builder).Append(1)
		} else {
			field.AppendNull()
		}
	}
	return &table.Batch{Table: t, Rows: b.NewRecord(), Bytes: 1 << 10}
}
