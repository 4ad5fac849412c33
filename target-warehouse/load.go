package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math"
	"os"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/oklog/ulid/v2"

	"tapline/singer"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/journal"
	"tapline/target-warehouse/load"
	"tapline/target-warehouse/table"
)

// loadStream loads the input.
func loadStream(ctx context.Context, run *singer.TargetRun) error {
	s, err := readSettings(run.Config)
	if err != nil {
		return err
	}
	s.boundHeap()
	dest, allocator, err := s.open(ctx, run.Log)
	if err != nil {
		return err
	}
	result, err := s.load(ctx, run, dest, allocator)
	if closeErr := dest.Close(); err == nil && closeErr != nil {
		err = fmt.Errorf("closing %s: %w", s.place(), closeErr)
	}
	if err != nil {
		return err
	}
	run.Log.Info("loaded", "rows", result.Run.Rows, "rejected", result.Run.Rejected, "tables", len(result.Tables),
		"states", result.Run.States, "run_id", result.Run.ID)
	return nil
}

func (s *settings) load(ctx context.Context, run *singer.TargetRun, dest destination.Destination, allocator memory.Allocator) (*load.Result, error) {
	known, err := s.recall(ctx, dest, run.Log)
	if err != nil {
		return nil, err
	}
	run.In.Skipped = func(kind string) {
		run.Log.Warn(fmt.Sprintf("messages of type %s are none of Singer's and are passed over", kind))
	}
	o := s.loadOptions()
	o.Allocator, o.Memory = allocator, known
	o.Interrupted, o.Metrics, o.Log = run.Interrupted, run.Metrics, run.Log
	host, _ := os.Hostname() // a run without a host is better than none
	o.Run = journal.Run{
		ID: ulid.MustNewDefault(run.Started).String(), Pipeline: s.Pipeline, Integration: s.Integration,
		Version: run.Version, Host: host, StartedAt: run.Started,
	}
	return load.Run(ctx, run.In, dest, run.Out.WriteValue, o)
}

// recall reads what earlier runs of the pipeline left, refuses settings that may not change between runs, and warns of
// those that should not.
func (s *settings) recall(ctx context.Context, dest destination.Destination, log *slog.Logger) (*journal.Memory, error) {
	known, err := journal.Recall(ctx, dest, s.Pipeline)
	if err != nil {
		return nil, err
	}
	fault := ""
	if err := known.CheckIntegration(s.Integration); err != nil {
		fault = err.Error()
	} else {
		fault = s.checkPlaces(known, log)
	}
	if fault != "" {
		return nil, &singer.ConfigError{Source: "the config", Faults: []string{fault}}
	}
	return known, nil
}

// The words of the config for methods and policies.
var (
	methods   = map[string]table.Method{"upsert": table.Upsert, "append-only": table.AppendOnly, "overwrite": table.Overwrite}
	conflicts = map[string]table.Conflict{"widen": table.Widen, "new_column": table.NewColumn, "json": table.ToJSON, "fail": table.Fail}
)

// loadOptions is what the settings say about a load.
func (s *settings) loadOptions() load.Options {
	o := load.Options{
		Table: s.tableOptions(), History: s.keepsHistory,
		BatchRows: s.BatchRows, BatchBytes: s.BatchBytes, BatchWait: s.batchWait(), FlushAll: s.FlushAll, MaxMemory: s.loadMemory,
		IgnoreVersions: !s.Versions, KeyRequired: s.KeyRequired, NoNUL: engines[s.Destination].noNUL,
		RejectBad: s.OnBadRecord == "reject", SkipInvalid: s.OnInvalidLine == "skip", MaxRejected: s.MaxRejected,
		DeleteBatches: s.DeleteBatches,
	}
	if s.Validate {
		o.Validate = singer.RecordValidator
	}
	return o
}

// tableOptions is what the settings say about tables.
func (s *settings) tableOptions() table.Options {
	flatten := table.Flatten{Enabled: s.Flatten, MaxDepth: math.MaxInt, Separator: s.FlattenSeparator, MaxKeyLength: s.FlattenLength}
	if s.FlattenDepth != nil {
		flatten.MaxDepth = *s.FlattenDepth
	}
	return table.Options{
		Schema: cmp.Or(s.Schema, engines[s.Destination].schema), Integration: s.Integration, IntegrationAs: s.IntegrationAs, SchemaMapping: s.mapping,
		Flatten: flatten, Method: methods[s.LoadMethod], HardDelete: s.HardDelete, Conflict: conflicts[s.Conflict], Metadata: s.Metadata,
	}
}
