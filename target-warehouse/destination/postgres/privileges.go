package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// Privileges says which rights the user lacks that a load may need, each as a sentence with the statement that grants
// it; nothing where all are there. Of the schemas in which streams are loaded, those that are named are looked at beside
// the one of tapline's own tables. Rights on tables are not looked at: their owner has them all.
func (w *Warehouse) Privileges(ctx context.Context, schemas ...string) ([]string, error) {
	names := []string{w.schema}
	for _, schema := range schemas {
		if name := storedName(schema); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	var missing []string
	err := w.look(ctx, func(conn *pgx.Conn) error {
		rows, _ := conn.Query(ctx, lackingRights, names) // CollectRows returns the failure
		var err error
		missing, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find out what the user may do: %w", err)
	}
	return missing, nil
}

// lackingRights lists the rights that are missing, those on the database first.
const lackingRights = `WITH lacks AS (
		SELECT 0 AS n, 'make the temporary tables in which rows wait for their place' AS what, 'TEMPORARY' AS "right", 'DATABASE ' || quote_ident(current_database()) AS "on"
			WHERE NOT has_database_privilege(current_database(), 'TEMPORARY')
		UNION ALL SELECT s.n, 'create the schema ' || quote_ident(s.name), 'CREATE', 'DATABASE ' || quote_ident(current_database())
			FROM unnest($1::text[]) WITH ORDINALITY AS s (name, n)
			WHERE NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = s.name) AND NOT has_database_privilege(current_database(), 'CREATE')
		UNION ALL SELECT s.n, 'create tables in the schema ' || quote_ident(s.name), 'USAGE, CREATE', 'SCHEMA ' || quote_ident(s.name)
			FROM unnest($1::text[]) WITH ORDINALITY AS s (name, n) JOIN pg_namespace AS p ON p.nspname = s.name
			WHERE NOT (has_schema_privilege(p.oid, 'USAGE') AND has_schema_privilege(p.oid, 'CREATE')))
	SELECT format('user %I may not %s; run: GRANT %s ON %s TO %I', current_user, what, "right", "on", current_user) FROM lacks ORDER BY n`
