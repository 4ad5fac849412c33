package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"tapline/target-warehouse/destination"
)

// Status implements [destination.Destination]. It reads one state of the database, on a connection of its own. A
// table that was dropped since its last load is left out.
func (w *Warehouse) Status(ctx context.Context) (*destination.Status, error) {
	reader := &Warehouse{config: w.config, schema: w.schema, readOnly: true}
	conn, err := reader.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	s := &destination.Status{}
	err = pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		return w.readStatus(ctx, tx, s)
	})
	if err != nil {
		return nil, fmt.Errorf("read the records of earlier loads: %w", explain(ctx, conn, err))
	}
	return s, nil
}

func (w *Warehouse) readStatus(ctx context.Context, tx pgx.Tx, s *destination.Status) error {
	var present bool
	if err := tx.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", w.own("_singer_runs")).Scan(&present); err != nil || !present {
		return err
	}
	for _, read := range []func(context.Context, pgx.Tx, *destination.Status) error{w.readStates, w.readRuns, w.readTables} {
		if err := read(ctx, tx, s); err != nil {
			return err
		}
	}
	return nil
}

func (w *Warehouse) readStates(ctx context.Context, tx pgx.Tx, s *destination.Status) error {
	rows, _ := tx.Query(ctx, "SELECT pipeline, state FROM "+w.own("_singer_state")) // ForEachRow returns the failure
	var pipeline, state string
	_, err := pgx.ForEachRow(rows, []any{&pipeline, &state}, func() error {
		if s.States == nil {
			s.States = map[string]json.RawMessage{}
		}
		s.States[pipeline] = json.RawMessage(state)
		return nil
	})
	return err
}

func (w *Warehouse) readRuns(ctx context.Context, tx pgx.Tx, s *destination.Status) error {
	rows, _ := tx.Query(ctx, `SELECT run_id, pipeline, target_version, started_at, ended_at, status, message, rows_in, rows_loaded,
		bytes_in, states_emitted, tables::text FROM `+w.own("_singer_runs")+` ORDER BY run_id COLLATE "C" DESC LIMIT 20`)
	var r destination.Run
	var ended *time.Time
	var tables string
	into := []any{&r.ID, &r.Pipeline, &r.Version, &r.StartedAt, &ended, (*string)(&r.Status), &r.Message, &r.RowsIn, &r.Rows, &r.BytesIn, &r.States, &tables}
	_, err := pgx.ForEachRow(rows, into, func() error {
		run := r
		run.StartedAt = run.StartedAt.UTC()
		if ended != nil {
			run.EndedAt = ended.UTC()
		}
		err := json.Unmarshal([]byte(tables), &run.Tables)
		s.Runs = append(s.Runs, run)
		return err
	})
	return err
}

// readTables reads which tables there are, then counts their rows.
func (w *Warehouse) readTables(ctx context.Context, tx pgx.Tx, s *destination.Status) error {
	rows, _ := tx.Query(ctx, `SELECT s.stream, s.table_schema, s.table_name, s.last_loaded_at, s.last_run_id FROM `+w.own("_singer_tables")+` AS s
		JOIN pg_namespace AS n ON n.nspname = s.table_schema JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = s.table_name
		ORDER BY table_schema, table_name, stream, pipeline`)
	var t destination.TableStatus
	_, err := pgx.ForEachRow(rows, []any{&t.Stream, &t.Schema, &t.Name, &t.LastLoadedAt, &t.LastRunID}, func() error {
		t.LastLoadedAt = t.LastLoadedAt.UTC()
		s.Tables = append(s.Tables, t)
		return nil
	})
	if err != nil {
		return err
	}
	for i := range s.Tables {
		t := &s.Tables[i]
		if err := tx.QueryRow(ctx, "SELECT count(*) FROM "+quote(t.Schema)+"."+quote(t.Name)).Scan(&t.Rows); err != nil {
			return err
		}
	}
	return nil
}
