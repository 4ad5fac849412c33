package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// own quotes the name of one of tapline's own tables, which are in the schema that the config names.
func (w *Warehouse) own(t *destination.OwnTable) string { return quote(w.schema) + "." + quote(t.Name) }

// ownColumns finds which columns an own table has; none where there is no such table.
func (w *Warehouse) ownColumns(ctx context.Context, conn *pgx.Conn, t *destination.OwnTable) (map[string]bool, error) {
	tables, err := w.ownTables(ctx, conn, t.Name)
	return tables[t.Name], err
}

// ownTables finds which of the tables of these names are there, with their columns.
func (w *Warehouse) ownTables(ctx context.Context, conn *pgx.Conn, names ...string) (map[string]map[string]bool, error) {
	rows, _ := conn.Query(ctx, `SELECT c.relname::text, a.attname::text FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
		JOIN pg_namespace AS n ON n.oid = c.relnamespace
		WHERE n.nspname = $1 AND c.relname = ANY($2::text[]) AND a.attnum > 0 AND NOT a.attisdropped`, w.schema, names) // ForEachRow returns the failure
	tables := map[string]map[string]bool{}
	var name, column string
	_, err := pgx.ForEachRow(rows, []any{&name, &column}, func() error {
		if tables[name] == nil {
			tables[name] = map[string]bool{}
		}
		tables[name][column] = true
		return nil
	})
	return tables, err
}

// missing lists the statements that make what is missing of the own tables.
func (w *Warehouse) missing(ctx context.Context, conn *pgx.Conn) ([]string, error) {
	var all, list []string
	for _, t := range destination.OwnTables {
		all = append(all, t.Name)
	}
	tables, err := w.ownTables(ctx, conn, all...)
	if err != nil {
		return nil, err
	}
	for _, t := range destination.OwnTables {
		there, key, columns := tables[t.Name], []string{}, []string{}
		for i, c := range t.Columns {
			if i < t.Key {
				key = append(key, quote(c.Name))
			}
			columns = append(columns, quote(c.Name)+" "+newTypes[c.Type])
			if there != nil && !there[c.Name] {
				list = append(list, "ALTER TABLE "+w.own(t)+" ADD COLUMN "+columns[i])
			}
		}
		if t.Key > 0 {
			columns = append(columns, "PRIMARY KEY ("+strings.Join(key, ", ")+")")
		}
		if there == nil {
			list = append(list, "CREATE TABLE "+w.own(t)+" ("+strings.Join(columns, ", ")+")")
		}
	}
	return list, nil
}

// createOwnTables makes what is missing. It looks first, as a user that may not create anything may still use what is
// there, and again once no other load can be making the same.
func (l *load) createOwnTables(ctx context.Context) error {
	list, err := l.w.missing(ctx, l.conn)
	if err != nil || list == nil {
		return err
	}
	if _, err := l.exec(ctx, "SELECT pg_advisory_xact_lock($1)", lockKey("create")); err != nil {
		return err
	}
	if list, err = l.w.missing(ctx, l.conn); err != nil {
		return err
	}
	var schema bool
	if err := l.conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)", l.w.schema).Scan(&schema); err != nil {
		return err
	}
	if !schema {
		list = append([]string{"CREATE SCHEMA " + quote(l.w.schema)}, list...)
	}
	for _, statement := range list {
		if _, err := l.exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// record writes the checkpoint into tapline's own tables in one round trip, and returns the number of the transaction.
func (l *load) record(ctx context.Context, c destination.Checkpoint) (transaction string, err error) {
	if !l.w.recorded {
		if err := l.createOwnTables(ctx); err != nil {
			return "", err
		}
	}
	batch := &pgx.Batch{}
	l.putState(batch, c)
	if err := l.w.putRows(batch, c.Rows); err != nil {
		return "", err
	}
	batch.Queue("SELECT pg_current_xact_id()::xid::text").QueryRow(func(row pgx.Row) error { return row.Scan(&transaction) })
	return transaction, l.conn.SendBatch(ctx, batch).Close()
}

// putState queues the statement that takes the fence and writes the state. The row stays locked until the transaction
// ends, so that of two runs which commit at a time the second one sees the fence of the first.
func (l *load) putState(batch *pgx.Batch, c destination.Checkpoint) {
	var state *string
	if c.State != nil {
		text := string(c.State)
		state = &text
	}
	batch.Queue("INSERT INTO "+l.w.own(destination.States)+` AS t (pipeline, fence, state, run_id, updated_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (pipeline) DO UPDATE SET fence = excluded.fence, state = coalesce(excluded.state, t.state), run_id = excluded.run_id, updated_at = excluded.updated_at
		WHERE t.fence IS NULL OR t.fence < excluded.fence OR t.fence = excluded.fence AND t.run_id = excluded.run_id`,
		c.Pipeline, c.Fence, state, c.RunID, time.Now().UTC()).Exec(func(tag pgconn.CommandTag) error {
		if tag.RowsAffected() == 0 {
			return destination.ErrFenced
		}
		return nil
	})
}

// putRows queues a statement for each table, which writes its rows in the place of those that have the same key.
func (w *Warehouse) putRows(batch *pgx.Batch, rows []destination.Row) error {
	documents := map[*destination.OwnTable][]map[string]any{}
	for _, r := range rows {
		document := map[string]any{}
		for i, c := range r.Table.Columns {
			document[c.Name] = r.Values[i]
			if text, ok := r.Values[i].(string); ok && c.Type == table.JSON {
				document[c.Name] = forJSONB(text, &replacements{}) // with nobody to tell
			} else if ok {
				document[c.Name] = strings.ReplaceAll(text, "\x00", "\uFFFD")
			}
		}
		documents[r.Table] = append(documents[r.Table], document)
	}
	for _, t := range destination.OwnTables {
		if documents[t] == nil {
			continue
		}
		text, err := json.Marshal(documents[t]) // which puts U+FFFD in the place of what is not UTF-8
		if err != nil {
			return fmt.Errorf("write rows of %s as JSON: %w", t.Name, err)
		}
		batch.Queue(w.put(t), string(text))
	}
	return nil
}

// put makes the statement that writes the rows of an own table that are in an array of JSON objects.
func (w *Warehouse) put(t *destination.OwnTable) string {
	var columns, values, fields, set []string
	for i, c := range t.Columns {
		columns = append(columns, quote(c.Name))
		if c.Type == table.JSON { // comes as a string that holds JSON
			values, fields = append(values, "r."+quote(c.Name)+"::jsonb"), append(fields, quote(c.Name)+" text")
		} else {
			values, fields = append(values, "r."+quote(c.Name)), append(fields, quote(c.Name)+" "+newTypes[c.Type])
		}
		if i >= t.Key {
			set = append(set, quote(c.Name)+" = excluded."+quote(c.Name))
		}
	}
	text := "INSERT INTO " + w.own(t) + " (" + strings.Join(columns, ", ") + ") SELECT " + strings.Join(values, ", ") +
		" FROM json_to_recordset($1::json) AS r (" + strings.Join(fields, ", ") + ")"
	if t.Key > 0 {
		text += " ON CONFLICT (" + strings.Join(columns[:t.Key], ", ") + ") DO UPDATE SET " + strings.Join(set, ", ")
	}
	return text
}
