package duckdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"tapline/target-warehouse/destination"
)

// Status implements [destination.Destination]. A table that was dropped since its last load is left out.
func (w *Warehouse) Status(ctx context.Context) (*destination.Status, error) {
	s := &destination.Status{}
	var present int
	err := w.db.QueryRowContext(ctx, "SELECT count(*) FROM duckdb_tables() WHERE database_name = ? AND schema_name = 'main' AND table_name = ?",
		w.catalog, ownTables[0]).Scan(&present)
	if err != nil {
		return nil, fmt.Errorf("look for the records of earlier loads: %w", err)
	}
	if present == 0 {
		return s, nil
	}
	for _, read := range []func(context.Context, *destination.Status) error{w.readStates, w.readRuns, w.readTables} {
		if err := read(ctx, s); err != nil {
			return nil, fmt.Errorf("read the records of earlier loads: %w", err)
		}
	}
	return s, nil
}

// each calls scan for every row of a query.
func (w *Warehouse) each(ctx context.Context, scan func(*sql.Rows) error, query string, args ...any) error {
	rows, err := w.db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (w *Warehouse) readStates(ctx context.Context, s *destination.Status) error {
	return w.each(ctx, func(rows *sql.Rows) error {
		var pipeline, state string
		if err := rows.Scan(&pipeline, &state); err != nil {
			return err
		}
		if s.States == nil {
			s.States = map[string]json.RawMessage{}
		}
		s.States[pipeline] = json.RawMessage(state)
		return nil
	}, "SELECT pipeline, state FROM "+own(w.catalog, "_singer_state"))
}

func (w *Warehouse) readRuns(ctx context.Context, s *destination.Status) error {
	return w.each(ctx, func(rows *sql.Rows) error {
		var r destination.Run
		var ended sql.NullTime
		var tables string
		err := rows.Scan(&r.ID, &r.Pipeline, &r.Version, &r.StartedAt, &ended, &r.Status, &r.Message, &r.RowsIn, &r.Rows, &r.BytesIn, &r.States, &tables)
		if err != nil {
			return err
		}
		r.StartedAt = r.StartedAt.UTC()
		if ended.Valid {
			r.EndedAt = ended.Time.UTC()
		}
		s.Runs = append(s.Runs, r)
		return json.Unmarshal([]byte(tables), &s.Runs[len(s.Runs)-1].Tables)
	}, "SELECT run_id, pipeline, target_version, started_at, ended_at, status, message, rows_in, rows_loaded, bytes_in, states_emitted, tables::VARCHAR FROM "+
		own(w.catalog, "_singer_runs")+" ORDER BY run_id DESC LIMIT 20")
}

// readTables reads which tables there are, then counts their rows.
func (w *Warehouse) readTables(ctx context.Context, s *destination.Status) error {
	err := w.each(ctx, func(rows *sql.Rows) error {
		var t destination.TableStatus
		if err := rows.Scan(&t.Stream, &t.Schema, &t.Name, &t.LastLoadedAt, &t.LastRunID); err != nil {
			return err
		}
		t.LastLoadedAt = t.LastLoadedAt.UTC()
		s.Tables = append(s.Tables, t)
		return nil
	}, "SELECT stream, table_schema, table_name, last_loaded_at, last_run_id FROM "+own(w.catalog, "_singer_tables")+` AS s
		SEMI JOIN duckdb_tables() AS d ON d.database_name = ? AND lower(d.schema_name) = lower(s.table_schema) AND lower(d.table_name) = lower(s.table_name)
		ORDER BY table_schema, table_name, stream, pipeline`, w.catalog)
	if err != nil {
		return err
	}
	for i := range s.Tables {
		t := &s.Tables[i]
		query := "SELECT count(*) FROM " + quote(w.catalog) + "." + quote(t.Schema) + "." + quote(t.Name)
		if err := w.db.QueryRowContext(ctx, query).Scan(&t.Rows); err != nil {
			return err
		}
	}
	return nil
}
