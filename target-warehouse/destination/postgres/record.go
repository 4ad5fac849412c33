package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tapline/target-warehouse/destination"
)

// ownTable is one of the tables in which tapline records what it did. Its first columns, as many as key says,
// identify a row.
type ownTable struct {
	name    string
	key     int
	columns [][2]string // name and type
}

// ownTables are in the schema that the config names. The one for tables describes where they are, so it has names as
// stored.
var ownTables = []ownTable{
	{"_singer_state", 1, [][2]string{{"pipeline", "text"}, {"state", "text"}, {"run_id", "text"}, {"updated_at", "timestamptz"}}},
	{"_singer_tables", 4, [][2]string{
		{"pipeline", "text"}, {"stream", "text"}, {"table_schema", "text"}, {"table_name", "text"}, {"last_loaded_at", "timestamptz"}, {"last_run_id", "text"},
	}},
	{"_singer_runs", 1, [][2]string{
		{"run_id", "text"}, {"pipeline", "text"}, {"target_version", "text"}, {"started_at", "timestamptz"}, {"ended_at", "timestamptz"},
		{"status", "text"}, {"message", "text"}, {"rows_in", "bigint"}, {"rows_loaded", "bigint"}, {"bytes_in", "bigint"},
		{"states_emitted", "bigint"}, {"tables", "jsonb"},
	}},
}

// own quotes the name of one of tapline's own tables.
func (w *Warehouse) own(table string) string { return quote(w.schema) + "." + quote(table) }

// createOwnTables makes the tables that are missing. They are looked for first, as a user that may not create anything
// may still use what is there.
func (l *load) createOwnTables(ctx context.Context) error {
	var schema bool
	var tables int
	look := func() error {
		return l.conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1), (SELECT count(*) FROM pg_class AS c
			JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname LIKE '\_singer\_%' AND c.relname IN ($2, $3, $4))`,
			l.w.schema, ownTables[0].name, ownTables[1].name, ownTables[2].name).Scan(&schema, &tables)
	}
	if err := look(); err != nil || tables == len(ownTables) {
		return err
	}
	if _, err := l.exec(ctx, "SELECT pg_advisory_xact_lock($1)", lockKey("create")); err != nil {
		return err
	}
	if err := look(); err != nil {
		return err
	}
	if !schema {
		if err := l.createSchema(ctx, l.w.schema); err != nil {
			return err
		}
	}
	for _, t := range ownTables {
		if _, err := l.exec(ctx, "CREATE TABLE IF NOT EXISTS "+l.w.own(t.name)+" ("+t.definition()+")"); err != nil {
			return err
		}
	}
	return nil
}

// definition lists the columns and the key.
func (t *ownTable) definition() string {
	var parts, key []string
	for i, c := range t.columns {
		parts = append(parts, c[0]+" "+c[1])
		if i < t.key {
			key = append(key, c[0])
		}
	}
	return strings.Join(parts, ", ") + ", PRIMARY KEY (" + strings.Join(key, ", ") + ")"
}

// record writes the checkpoint into tapline's own tables in one round trip, and returns the number of the transaction.
func (l *load) record(ctx context.Context, c destination.Checkpoint) (transaction string, err error) {
	if !l.w.recorded {
		if err := l.createOwnTables(ctx); err != nil {
			return "", err
		}
	}
	batch := &pgx.Batch{}
	now := time.Now().UTC()
	if c.State != nil {
		l.w.put(batch, &ownTables[0], c.Run.Pipeline, string(c.State), c.Run.ID, now)
	}
	for t, p := range l.plans {
		l.w.put(batch, &ownTables[1], c.Run.Pipeline, t.Stream, p.target.schema, p.target.name, now, c.Run.ID)
	}
	r := c.Run
	tables, err := json.Marshal(r.Tables)
	if err != nil {
		return "", err
	}
	var ended *time.Time
	if !r.EndedAt.IsZero() {
		ended = &r.EndedAt
	}
	message := strings.ToValidUTF8(strings.ReplaceAll(r.Message, "\x00", "\uFFFD"), "\uFFFD")
	l.w.put(batch, &ownTables[2], r.ID, r.Pipeline, r.Version, r.StartedAt, ended, string(r.Status),
		message, r.RowsIn, r.Rows, r.BytesIn, r.States, string(tables))
	batch.Queue("SELECT pg_current_xact_id()::xid::text").QueryRow(func(row pgx.Row) error { return row.Scan(&transaction) })
	return transaction, l.conn.SendBatch(ctx, batch).Close()
}

// put queues the statement that writes one row, in the place of the one that has the same key.
func (w *Warehouse) put(batch *pgx.Batch, t *ownTable, values ...any) {
	var columns, places, set []string
	for i, c := range t.columns {
		columns = append(columns, c[0])
		places = append(places, fmt.Sprintf("$%d", i+1))
		if i >= t.key {
			set = append(set, c[0]+" = excluded."+c[0])
		}
	}
	batch.Queue("INSERT INTO "+w.own(t.name)+" AS t ("+strings.Join(columns, ", ")+") VALUES ("+strings.Join(places, ", ")+") ON CONFLICT ("+
		strings.Join(columns[:t.key], ", ")+") DO UPDATE SET "+strings.Join(set, ", "), values...)
}
