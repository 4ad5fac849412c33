package load

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tapline/target-warehouse/journal"
	"tapline/target-warehouse/table"
)

func TestASecondSourceInATableIsRefused(t *testing.T) {
	of := func(source string, n int) (names []string) {
		for i := range n {
			names = append(names, fmt.Sprint(source, i))
		}
		return names
	}
	mine := journal.Table{Stream: "users", Name: "users"}
	reload := mine
	reload.ReloadRequestedAt = time.Unix(1, 0)
	for _, c := range []struct {
		name          string
		before, after []string
		table         journal.Table
		options       table.Options
		want          string // in the failure; "" for none
	}{
		{"another source", append(of("a", 10), "shared", "id"), append(of("b", 20), "shared", "id"), mine, table.Options{},
			"of the 22 properties in its SCHEMA, its table users knows 2, and 10 others: another source seems to be loaded there; give each source a default_target_schema " +
				"and a pipeline of its own, or, if it is the same one with other properties, run target-warehouse reload users first"},
		{"one that has grown", of("a", 10), append(of("b", 30), of("a", 10)...), mine, table.Options{}, ""},
		{"one that has shrunk", of("a", 30), of("a", 9), mine, table.Options{}, ""},
		{"one with half of it renamed", of("a", 20), append(of("b", 10), of("a", 10)...), mine, table.Options{}, ""},
		{"few properties", of("a", 7), of("b", 7), mine, table.Options{}, ""},
		{"a reload", of("a", 10), of("b", 10), reload, table.Options{}, ""},
		{"another table", of("a", 10), of("b", 10), journal.Table{Stream: "users", Schema: "crm", Name: "users"}, table.Options{}, ""},
		{"another pipeline's table", of("a", 10), of("b", 10), journal.Table{Stream: "other", Name: "users"}, table.Options{}, "give each source a default_target_schema and a pipeline of its own"},
		{"a new stream", of("a", 10), of("b", 10), journal.Table{Stream: "other", Name: "other"}, table.Options{}, ""},
		{"rows that are all replaced", of("a", 10), of("b", 10), mine, table.Options{Method: table.Overwrite}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			filled := map[string]bool{}
			for _, name := range c.before {
				filled[fmt.Sprintf(`[%q,"inner"]`, name)] = true // was flattened
			}
			m := &journal.Memory{Tables: map[string]journal.Table{c.table.Stream: c.table}, Filled: map[[2]string]map[string]bool{{c.table.Schema, c.table.Name}: filled}}
			var properties []string
			for _, name := range c.after {
				properties = append(properties, fmt.Sprintf(`%q:{"type":"string"}`, name))
			}
			in := `{"type":"SCHEMA","stream":"users","key_properties":[],"schema":{"properties":{` + strings.Join(properties, ",") + `}}}
{"type":"RECORD","stream":"users","record":{},"version":1}
{"type":"ACTIVATE_VERSION","stream":"users","version":1}
`
			got := loadText(t, newMemoryWarehouse(), strings.NewReader(in), Options{Memory: m, Table: c.options})
			rows := len(got.rows)
			if c.want == "" && got.err != nil || c.want != "" && (got.err == nil || !strings.HasSuffix(got.err.Error(), c.want) || rows > 0) {
				t.Errorf("failure %v, want %q; %d rows", got.err, c.want, rows)
			}
		})
	}
}
