// Command target-warehouse reads a Singer stream from stdin and loads it into a warehouse. It writes a state to stdout
// once everything that the state covers is durable:
//
//	tap-stripe --config tap.json | target-warehouse --config target.json >> state.jsonl
//
// The path of a record: package singer reads lines, load cuts and orders them, decode turns them into columns,
// destination makes them durable. Package table holds the shapes they agree on.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/oklog/ulid/v2"

	"tapline/schemas"
	"tapline/singer"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/load"
	"tapline/target-warehouse/table"
)

// version is set by the linker; see the Makefile.
var version = "dev"

func main() { os.Exit(target().Main()) }

func target() *singer.Target {
	return &singer.Target{
		Name:        "target-warehouse",
		Version:     version,
		Description: "Loads a Singer stream into a warehouse, exactly: data and state in one transaction.",
		Config:      schemas.Config("target-warehouse"),
		Load:        loadStream,
		Check:       check,
		Commands: []singer.Command{
			{Name: "status", Help: "show what was loaded, and when", Run: showStatus},
		},
		Capabilities: []string{"target-schema"},
	}
}

func loadStream(ctx context.Context, run *singer.TargetRun) error {
	s, err := readSettings(run.Config)
	if err != nil {
		return err
	}
	dest, allocator, err := s.open(ctx, run.Log)
	if err != nil {
		return err
	}
	result, err := load.Run(ctx, run.In, dest, run.Out.WriteValue, load.Options{
		Table:      table.Options{Schema: s.Schema, AppendOnly: s.LoadMethod == "append-only", Metadata: s.Metadata},
		Allocator:  allocator,
		BatchRows:  s.BatchRows,
		BatchBytes: s.BatchBytes,
		BatchWait:  s.batchWait(),
		MaxMemory:  s.maxMemory,
		Run: destination.Run{
			ID: ulid.MustNewDefault(run.Started).String(), Pipeline: s.Pipeline, Version: run.Version, StartedAt: run.Started,
		},
		Interrupted: run.Interrupted,
		Metrics:     run.Metrics,
		Log:         run.Log,
	})
	if closeErr := dest.Close(); err == nil && closeErr != nil {
		err = fmt.Errorf("closing %s: %w", s.place(), closeErr)
	}
	if err != nil {
		return err
	}
	run.Log.Info("loaded", "rows", result.Rows, "tables", len(result.Tables), "states", result.States, "run_id", result.ID)
	return nil
}

// check opens the warehouse as a load would and undoes an empty load in it, so that nothing is left behind but, where
// there was none, the empty database.
func check(ctx context.Context, run *singer.TargetRun, report io.Writer) error {
	s, err := readSettings(run.Config)
	if err != nil {
		return err
	}
	dest, _, err := s.open(ctx, run.Log)
	if err != nil {
		return err
	}
	defer dest.Close()
	l, err := dest.Begin(ctx)
	if err != nil {
		return fmt.Errorf("beginning a load: %w", err)
	}
	probe, err := table.Compile(&singer.Schema{
		Stream: "tapline_check", Schema: json.RawMessage(`{"type":"object","properties":{"id":{"type":"integer"}}}`),
	}, table.Options{Schema: s.Schema})
	if err == nil {
		err = l.Migrate(ctx, probe)
	}
	if undo := l.Rollback(); err == nil {
		err = undo
	}
	if err != nil {
		return fmt.Errorf("creating a table: %w", err)
	}
	_, err = fmt.Fprintf(report, "%s: opened, tables can be created and undone\n", s.place())
	return err
}
