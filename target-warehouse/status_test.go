package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/journal"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// shopReport is a warehouse with a table of each health.
func shopReport() *journal.Report {
	return &journal.Report{
		Tables: []journal.Standing{
			{Table: journal.Table{Stream: "charges", Name: "charges", RowCount: 12345, Status: journal.Synced,
				LastLoadedAt: noon.Add(-3 * time.Hour), LastReplicatedAt: noon.Add(-3*time.Hour - 5*time.Minute)}},
			{Table: journal.Table{Stream: "users", Schema: "crm", Name: "users", RowCount: -1, Status: journal.Synced}, Missing: true},
			{Table: journal.Table{Stream: "plans", Name: "plans", Status: journal.Synced, Rejected: 2, LastLoadedAt: noon.Add(-48 * time.Hour)}},
		},
		Runs: []journal.Run{
			{ID: "01B", Pipeline: "default", Status: journal.Failed, StartedAt: noon.Add(-time.Hour), EndedAt: noon.Add(-time.Hour + 1500*time.Millisecond),
				RowsIn: 2000, Rows: 1507, Rejected: 3, States: 2, Message: "line 4:\n\x1b[31mno key"},
			{ID: "01A", Pipeline: "other", Status: journal.Running, StartedAt: noon.Add(-2 * time.Hour)},
		},
		States: []journal.State{{Pipeline: "default", State: json.RawMessage(`{"n": 1.0}`), UpdatedAt: noon.Add(-time.Minute), RunID: "01B"}, {Pipeline: "other"}},
	}
}

func TestPrintStatus(t *testing.T) {
	for _, c := range []struct {
		name   string
		report *journal.Report
		want   string
	}{
		{"an unused warehouse", &journal.Report{}, "nothing was loaded yet\n"},
		{"tables, runs and states", shopReport(), `
orange: of 3 tables, 1 need a look and 1 failed

HEALTH  TABLE      ROWS    LAST LOADED  LAST REPLICATED  LAG   STREAM   STATUS
green   charges    12,345  3 hours ago  3 hours ago      3h5m  charges  synced
red     crm.users  none    never        never                  users    synced: the table is not there any more
orange  plans      0       2 days ago   never            2d0h  plans    synced: 2 rejected in the last run

RUN  PIPELINE  STATUS   STARTED      TOOK    READ   LOADED  REJECTED  STATES
01B  default   failed   1 hour ago   1.5s    2,000  1,507   3         2
01A  other     running  2 hours ago  no end  0      0       0         0

the last run ended with: line 4:  [31mno key

state of pipeline default: 10 bytes, from 1 minute ago; target-warehouse state get prints it
`},
		{"a run that was killed", &journal.Report{Runs: []journal.Run{{ID: "01A", Pipeline: "p", Status: journal.Running, StartedAt: noon}}, Killed: []journal.Run{{ID: "01A", Pipeline: "p"}}}, `
orange: no table yet

RUN  PIPELINE  STATUS   STARTED   TOOK    READ  LOADED  REJECTED  STATES
01A  p         running  just now  no end  0     0       0         0

run 01A of pipeline p was killed: it has no end, and nobody is loading; the next run goes on behind the state
`},
		{"a run without a table", &journal.Report{Runs: []journal.Run{{ID: "01A", Pipeline: "p", Status: journal.Succeeded, StartedAt: noon, EndedAt: noon}}}, `
green: no table yet

RUN  PIPELINE  STATUS     STARTED   TOOK  READ  LOADED  REJECTED  STATES
01A  p         succeeded  just now  0s    0     0       0         0
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			if err := printStatus(&out, c.report, noon); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.TrimPrefix(c.want, "\n"), out.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestStatusForMachines(t *testing.T) {
	report := shopReport()
	report.Tables[0].Counts = destination.Counts{Inserted: 1, Updated: 2, Deleted: 3}
	var out strings.Builder
	if err := printJSON(&out, statusDocument(report, noon)); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Health string
		Tables []map[string]any
		Runs   []map[string]any
		States []struct {
			Pipeline string
			State    json.RawMessage
		}
	}
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil {
		t.Fatal(err)
	}
	charges := got.Tables[0]
	for name, want := range map[string]any{
		"health": "green", "table": "charges", "rows": 12345.0, "lag_seconds": 11100.0, "status": "synced",
		"last_run": map[string]any{"inserted": 1.0, "updated": 2.0, "deleted": 3.0},
	} {
		if diff := cmp.Diff(want, charges[name]); diff != "" {
			t.Errorf("%s of charges (-want +got):\n%s", name, diff)
		}
	}
	if got.Health != "orange" || got.Tables[1]["lag_seconds"] != nil || got.Tables[1]["health"] != "red" || got.Runs[0]["run_id"] != "01B" {
		t.Errorf("got %s", out.String())
	}
	if !strings.Contains(string(got.States[0].State), "1.0") || string(got.States[1].State) != "null" {
		t.Errorf("states %s and %s", got.States[0].State, got.States[1].State)
	}
	out.Reset()
	if err := printJSON(&out, statusDocument(&journal.Report{}, noon)); err != nil || strings.Contains(out.String(), "null") {
		t.Errorf("of an unused warehouse: %v\n%s", err, out.String())
	}
}

func TestMaxAgeNamesTheTablesThatAreOlder(t *testing.T) {
	for _, c := range []struct {
		age  time.Duration
		want string
	}{
		{2 * time.Hour, "older than 2h0m: charges was replicated 3h5m ago; crm.users was never replicated; plans was replicated 2d0h ago"},
		{4 * time.Hour, "older than 4h0m: crm.users was never replicated; plans was replicated 2d0h ago"},
	} {
		if err := checkAge(shopReport(), noon, c.age); err == nil || err.Error() != c.want {
			t.Errorf("%v: %v, want %s", c.age, err, c.want)
		}
	}
	fresh := shopReport()
	fresh.Tables = fresh.Tables[:1]
	fresh.Tables = append(fresh.Tables, journal.Standing{Left: true})
	if err := checkAge(fresh, noon, 4*time.Hour); err != nil {
		t.Error(err)
	}
	if err := checkAge(&journal.Report{}, noon, time.Hour); err == nil {
		t.Error("an unused warehouse is new enough")
	}
}

func TestSpansHaveAtMostTwoUnits(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 1234 * time.Millisecond: "1.23s", 61 * time.Second: "1m1s", time.Hour: "1h0m", 25*time.Hour + 59*time.Minute: "1d1h", 1000 * time.Hour: "41d16h",
	} {
		if got := span(d); got != want {
			t.Errorf("%v is %s, want %s", d, got, want)
		}
	}
}

func TestTextThatIsNoJSONIsShownAsAString(t *testing.T) {
	for text, want := range map[string]string{`{"a": 1.0}`: `{"a": 1.0}`, `{"a`: `"{\"a"`, ``: `""`} {
		if got := string(document([]byte(text))); got != want {
			t.Errorf("%q is shown as %s, want %s", text, got, want)
		}
	}
	if got := document(nil); got != nil {
		t.Errorf("no state is shown as %s", got)
	}
}
