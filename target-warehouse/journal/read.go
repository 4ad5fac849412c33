package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"tapline/target-warehouse/destination"
)

// State is the newest state of a pipeline.
type State struct {
	Pipeline  string
	Fence     int64
	State     json.RawMessage // byte for byte; nil if the pipeline has committed none
	RunID     string          // of the commit
	UpdatedAt time.Time
}

func stateOf(r destination.Row) State {
	return State{
		Pipeline: get[string](r, "pipeline"), Fence: get[int64](r, "fence"), State: raw(r, "state"),
		RunID: get[string](r, "run_id"), UpdatedAt: get[time.Time](r, "updated_at"),
	}
}

// States reads the states of all pipelines.
func States(ctx context.Context, d destination.Destination) ([]State, error) {
	return read(ctx, d, destination.States, 0, stateOf)
}

// Runs reads the newest runs, newest first; all if newest is 0.
func Runs(ctx context.Context, d destination.Destination, newest int) ([]Run, error) {
	return read(ctx, d, destination.Runs, newest, runOf)
}

// Tables reads the tables of all pipelines.
func Tables(ctx context.Context, d destination.Destination) ([]Table, error) {
	return read(ctx, d, destination.Tables, 0, tableOf)
}

// Loads reads what the newest commits did, newest first; all if newest is 0.
func Loads(ctx context.Context, d destination.Destination, newest int) ([]Load, error) {
	return read(ctx, d, destination.Loads, newest, loadOf)
}

// Columns reads the columns of all pipelines.
func Columns(ctx context.Context, d destination.Destination) ([]Column, error) {
	return read(ctx, d, destination.Columns, 0, columnOf)
}

// Changes reads the newest changes of schemas, newest first; all if newest is 0.
func Changes(ctx context.Context, d destination.Destination, newest int) ([]Change, error) {
	return read(ctx, d, destination.SchemaChanges, newest, changeOf)
}

// Rejects reads what the warehouse could not take.
func Rejects(ctx context.Context, d destination.Destination) ([]Reject, error) {
	return read(ctx, d, destination.Rejects, 0, rejectOf)
}

func read[T any](ctx context.Context, d destination.Destination, t *destination.OwnTable, newest int, of func(destination.Row) T) ([]T, error) {
	rows, err := d.Read(ctx, t, newest)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", t.Name, err)
	}
	values := make([]T, len(rows))
	for i, r := range rows {
		values[i] = of(r)
	}
	return values, nil
}
