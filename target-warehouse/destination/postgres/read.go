package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// Read implements [destination.Destination]. Of a table without a key, the rows that stand last in it come first. A
// column that an earlier version of tapline did not make is NULL.
func (w *Warehouse) Read(ctx context.Context, t *destination.OwnTable, newest int) ([]destination.Row, error) {
	var all []destination.Row
	err := w.look(ctx, func(conn *pgx.Conn) error {
		all = nil
		there, err := w.ownColumns(ctx, conn, t)
		if err != nil || len(there) == 0 {
			return err
		}
		rows, _ := conn.Query(ctx, w.readOwn(t, there, newest)) // CollectRows returns the failure
		all, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (destination.Row, error) {
			values, err := row.Values()
			for i, v := range values {
				if at, ok := v.(time.Time); ok {
					values[i] = at.UTC()
				}
			}
			return destination.Row{Table: t, Values: values}, err
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", t.Name, err)
	}
	return all, nil
}

// readOwn makes the statement that reads an own table of which some columns are there.
func (w *Warehouse) readOwn(t *destination.OwnTable, there map[string]bool, newest int) string {
	var columns, order []string
	for i, c := range t.Columns {
		switch {
		case !there[c.Name]:
			columns = append(columns, "NULL::"+newTypes[c.Type])
		case c.Type == table.JSON:
			columns = append(columns, "t."+quote(c.Name)+"::text")
		default:
			columns = append(columns, "t."+quote(c.Name))
		}
		if i < t.Key && c.Type == table.Text {
			order = append(order, "t."+quote(c.Name)+` COLLATE "C" DESC`)
		} else if i < t.Key {
			order = append(order, "t."+quote(c.Name)+" DESC")
		}
	}
	if t.Key == 0 {
		order = []string{"t.ctid DESC"}
	}
	text := "SELECT " + strings.Join(columns, ", ") + " FROM " + w.own(t) + " AS t ORDER BY " + strings.Join(order, ", ")
	if newest > 0 {
		text += fmt.Sprintf(" LIMIT %d", newest)
	}
	return text
}

// Count implements [destination.Destination].
func (w *Warehouse) Count(ctx context.Context, schema, name string) (rows int64, exists bool, err error) {
	full := quote(w.schemaOf(&table.Table{Schema: schema})) + "." + quote(storedName(name))
	err = w.look(ctx, func(conn *pgx.Conn) error {
		if err := conn.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", full).Scan(&exists); err != nil || !exists {
			return err
		}
		return conn.QueryRow(ctx, "SELECT count(*) FROM "+full).Scan(&rows)
	})
	if err != nil {
		return 0, false, fmt.Errorf("count the rows of %s: %w", full, err)
	}
	return rows, exists, nil
}

// look reads on the connection that loads use, or on one of its own while a load is open, which would be seen, or where
// the first one is lost.
func (w *Warehouse) look(ctx context.Context, read func(conn *pgx.Conn) error) error {
	if !w.loading() && !w.conn.IsClosed() {
		err := read(w.conn)
		if err == nil || !w.conn.IsClosed() || ctx.Err() != nil {
			return explain(ctx, w.conn, err)
		}
	}
	reader := &Warehouse{config: w.config, schema: w.schema, readOnly: true}
	conn, err := reader.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return explain(ctx, conn, read(conn))
}

// loading tells whether the connection is in a transaction.
func (w *Warehouse) loading() bool { return w.conn.PgConn().TxStatus() != 'I' }
