package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline/target-warehouse/destination"
)

func TestPrintStatus(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name   string
		status destination.Status
		want   string
	}{
		{"an unused warehouse", destination.Status{}, "nothing was loaded yet\n"},
		{"tables, runs and states", destination.Status{
			Tables: []destination.TableStatus{
				{Stream: "charges", Name: "charges", Rows: 12345, LastLoadedAt: now.Add(-3 * time.Hour)},
				{Stream: "users", Schema: "crm", Name: "users"},
			},
			Runs: []destination.Run{
				{ID: "01B", Status: destination.Failed, StartedAt: now.Add(-time.Hour), EndedAt: now.Add(-time.Hour + 1500*time.Millisecond),
					RowsIn: 2000, States: 2, Message: "line 4: no key", Tables: map[string]destination.Counts{"a": {Inserted: 1500}, "b": {Updated: 7}}},
				{ID: "01A", Status: destination.Running, StartedAt: now.Add(-2 * time.Hour)},
			},
			States: map[string]json.RawMessage{"default": json.RawMessage(`{"n": 1}`)},
		}, `
TABLE      ROWS    LAST LOADED  STREAM
charges    12,345  3 hours ago  charges
crm.users  0       never        users

RUN  STATUS   STARTED      TOOK    READ   INSERTED  UPDATED  STATES
01B  failed   1 hour ago   1.5s    2,000  1,500     7        2
01A  running  2 hours ago  no end  0      0         0        0

the last run failed: line 4: no key

state of pipeline default: {"n": 1}
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			if err := printStatus(&out, &c.status, now); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.TrimPrefix(c.want, "\n"), out.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
