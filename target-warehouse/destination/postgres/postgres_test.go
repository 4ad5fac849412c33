package postgres

import (
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/jackc/pgx/v5"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

func TestSuite(t *testing.T) {
	needServer(t)
	destinationtest.Run(t, newHarness)
}

func newHarness(t *testing.T) *destinationtest.Harness {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	t.Cleanup(func() { mem.AssertSize(t, 0) })
	url := newDatabase(t)
	conn := connect(t, url)
	return &destinationtest.Harness{
		Allocator: mem,
		Stored:    storedValue,
		Open:      func(t *testing.T) destination.Destination { return mustOpen(t, url) },
		Read: func(t *testing.T, schema, name string, columns []string) []destinationtest.Row {
			return readTable(t, conn, schema, name, columns)
		},
		Exists: func(t *testing.T, schema, name string) bool {
			return len(query(t, conn, "SELECT 1 FROM pg_tables WHERE schemaname = $1 AND tablename = $2", schema, name)) > 0
		},
	}
}

// storedJSON has what jsonb makes of the suite's values.
var storedJSON = map[string]string{
	`{"b":1,"a":[ 1.0,1e5 , "\u00e9\/" ],"b":2}`: `{"a": [1.0, 100000, "é/"], "b": 2}`,
	" \t[]\n": `[]`,
	`{"a":1}`: `{"a": 1}`,
	`{"a":2}`: `{"a": 2}`,
	`{"b":1}`: `{"b": 1}`,
}

// storedValue says what PostgreSQL gives back for a value.
func storedValue(typ table.Type, value any) any {
	text, ok := value.(string)
	switch {
	case ok && typ == table.Text:
		return strings.ReplaceAll(text, "\x00", "\uFFFD")
	case ok && typ == table.JSON:
		if stored, ok := storedJSON[text]; ok {
			return stored
		}
	}
	return value
}

func readTable(t testing.TB, conn *pgx.Conn, schema, name string, columns []string) []destinationtest.Row {
	t.Helper()
	if schema == "" {
		schema = "public"
	}
	full := quote(storedName(schema)) + "." + quote(storedName(name))
	types := map[string]string{}
	for _, r := range query(t, conn, "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = $1::text::regclass", full) {
		types[r[0].(string)] = r[1].(string)
	}
	var selected []string
	for _, c := range columns {
		expression := quote(storedColumn(c))
		switch typ := types[storedColumn(c)]; {
		case strings.HasPrefix(typ, "json"):
			expression += "::text"
		case strings.HasPrefix(typ, "numeric"):
			expression = "trim_scale(" + expression + ")::text"
		}
		selected = append(selected, expression)
	}
	return query(t, conn, "SELECT "+strings.Join(selected, ", ")+" FROM "+full)
}
