package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"tapline/singer"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/load"
	"tapline/target-warehouse/table"
	"tapline/tests/bench/inputs"
)

// BenchmarkRun is all of a load but the destination: splitting, decoding and keeping the books.
func BenchmarkRun(b *testing.B) {
	for _, in := range inputs.All {
		b.Run(in.Name, func(b *testing.B) { benchmarkRun(b, in) })
	}
}

func benchmarkRun(b *testing.B, in *inputs.Input) {
	var text bytes.Buffer
	rows := in.Rows / 100
	if err := in.WriteStream(&text, rows, 0); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		o := load.Options{Allocator: memory.NewGoAllocator(), Log: slog.New(slog.DiscardHandler)}
		emit := func(json.RawMessage) error { return nil }
		if _, err := load.Run(context.Background(), singer.NewReader(bytes.NewReader(text.Bytes())), sink{}, emit, o); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*rows)/b.Elapsed().Seconds(), "rows/s")
}

// sink takes everything and keeps nothing.
type sink struct{ destination.Load }

func (s sink) Begin(context.Context) (destination.Load, error) { return s, nil }
func (sink) Close() error                                      { return nil }
func (sink) Migrate(_ context.Context, t *table.Table) (*destination.Migration, error) {
	return &destination.Migration{Columns: make([]destination.Stored, len(t.Columns))}, nil
}
func (sink) Append(context.Context, []*table.Batch) (c destination.Counts, err error) { return c, nil }
func (sink) Commit(context.Context, destination.Checkpoint) error                     { return nil }
func (sink) Rollback() error                                                          { return nil }
func (sink) Count(context.Context, string, string) (n int64, ok bool, err error) {
	return 0, false, nil
}
func (sink) Read(context.Context, *destination.OwnTable, int) ([]destination.Row, error) {
	return nil, nil
}
