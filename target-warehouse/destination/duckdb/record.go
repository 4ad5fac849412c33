package duckdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"tapline/target-warehouse/destination"
)

// ownTables are the tables in which tapline records what it did, in the schema main.
var ownTables = []string{"_singer_state", "_singer_runs", "_singer_tables"}

// ownColumns are the columns of ownTables, in their order. The first one, or for _singer_tables the first four,
// identify a row. They have no index: these tables are small, and a key's index forbids to replace a row within a
// transaction.
var ownColumns = []string{
	`pipeline VARCHAR, state VARCHAR, run_id VARCHAR, updated_at TIMESTAMPTZ`,
	`run_id VARCHAR, pipeline VARCHAR, target_version VARCHAR, started_at TIMESTAMPTZ, ended_at TIMESTAMPTZ, status VARCHAR,
		message VARCHAR, rows_in BIGINT, rows_loaded BIGINT, bytes_in BIGINT, states_emitted BIGINT, tables JSON`,
	`pipeline VARCHAR, stream VARCHAR, table_schema VARCHAR, table_name VARCHAR, last_loaded_at TIMESTAMPTZ, last_run_id VARCHAR`,
}

// own quotes the name of one of tapline's own tables.
func own(catalog, table string) string { return quote(catalog) + ".main." + table }

// record writes the checkpoint into tapline's own tables.
func (l *load) record(ctx context.Context, c destination.Checkpoint) error {
	for i, name := range ownTables {
		if _, err := l.exec(ctx, "CREATE TABLE IF NOT EXISTS "+own(l.catalog, name)+" ("+ownColumns[i]+")"); err != nil {
			return err
		}
	}
	now := time.Now().UTC()
	if c.State != nil {
		if err := l.replace(ctx, "_singer_state", "pipeline = ?", 1, c.Run.Pipeline, string(c.State), c.Run.ID, now); err != nil {
			return err
		}
	}
	for t := range l.plans {
		err := l.replace(ctx, "_singer_tables", "pipeline = ? AND stream = ? AND table_schema = ? AND table_name = ?", 4,
			c.Run.Pipeline, t.Stream, schemaName(t), t.Name, now, c.Run.ID)
		if err != nil {
			return err
		}
	}
	r := c.Run
	tables, err := json.Marshal(r.Tables)
	if err != nil {
		return err
	}
	ended := sql.NullTime{Time: r.EndedAt.UTC(), Valid: !r.EndedAt.IsZero()}
	return l.replace(ctx, "_singer_runs", "run_id = ?", 1, r.ID, r.Pipeline, r.Version, r.StartedAt.UTC(), ended, string(r.Status),
		r.Message, r.RowsIn, r.Rows, r.BytesIn, r.States, string(tables))
}

// replace writes one row, in the place of the one that has the same first values, of which there are as many as
// identify.
func (l *load) replace(ctx context.Context, name, same string, identify int, values ...any) error {
	name = own(l.catalog, name)
	if _, err := l.exec(ctx, "DELETE FROM "+name+" WHERE "+same, values[:identify]...); err != nil {
		return err
	}
	places := strings.TrimSuffix(strings.Repeat("?, ", len(values)), ", ")
	written, err := l.exec(ctx, "INSERT INTO "+name+" VALUES ("+places+")", values...)
	if err == nil && written != 1 {
		err = fmt.Errorf("duckdb wrote %d rows to %s where 1 was due", written, name)
	}
	return err
}
