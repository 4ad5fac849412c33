package journal

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline/target-warehouse/destination"
)

// kept is a destination of which only the records are there. Rows are kept as they were added, newest first.
type kept struct {
	destination.Destination
	rows   map[string][]destination.Row
	counts map[string]int64 // by name of the table; none: there is no such table
}

func (k *kept) Read(_ context.Context, t *destination.OwnTable, newest int) ([]destination.Row, error) {
	rows := k.rows[t.Name]
	if newest > 0 && newest < len(rows) {
		rows = rows[:newest]
	}
	return rows, nil
}

func (k *kept) Count(_ context.Context, schema, name string) (int64, bool, error) {
	rows, ok := k.counts[name]
	return rows, ok, nil
}

func (k *kept) add(rows ...destination.Row) {
	if k.rows == nil {
		k.rows = map[string][]destination.Row{}
	}
	for _, r := range rows {
		k.rows[r.Table.Name] = append(k.rows[r.Table.Name], r)
	}
}

func at(minute int) time.Time { return time.Date(2026, 5, 1, 12, minute, 0, 123456000, time.UTC) }

var (
	fullRun = Run{
		ID: "01R", Pipeline: "p", Integration: "shop", Version: "v1", Host: "h", StartedAt: at(1), EndedAt: at(2), Status: Partial, Message: "m",
		RowsIn: 3, Rows: 4, Rejected: 5, BytesIn: 6, States: 7, FirstState: json.RawMessage(`{"a":  1}`), LastState: json.RawMessage(`null`),
	}
	fullTable = Table{
		Pipeline: "p", Stream: "s", Schema: "c", Name: "n", Status: Reloading, LastReplicatedAt: at(1), LastLoadedAt: at(2), LastRunID: "01R",
		RowCount: 0, Counts: destination.Counts{Inserted: 1, Updated: 2, Deleted: 3}, Rejected: 4, ActiveVersion: 0, HasVersion: true, VersionPending: true,
		SchemaHash: "x", FailureReason: "f", ReloadRequestedAt: at(3),
	}
	fullLoad = Load{
		RunID: "01R", Number: 2, Stream: "s", Method: "upsert", StartedAt: at(1), EndedAt: at(2), FirstOrdinal: 3, LastOrdinal: 4,
		Counts: destination.Counts{Inserted: 5, Updated: 6, Deleted: 7}, Rejected: 8, Bytes: 9,
	}
	fullColumn = Column{
		Pipeline: "p", Stream: "s", Path: `["a"]`, Name: "a", StoredAs: "A", LogicalType: "text", StoredType: "VARCHAR", Nullable: true,
		FirstSeenAt: at(1), LastSeenAt: at(2),
	}
	fullChange = Change{
		RunID: "01R", Number: 2, Stream: "s", At: at(1), Schema: "c", Table: "n",
		Change: destination.Change{Kind: destination.WidenColumn, Column: "a", From: "BIGINT", To: "VARCHAR"},
	}
	fullState = State{Pipeline: "p", Fence: 4, State: json.RawMessage(`{"b": 1.0}`), RunID: "01R", UpdatedAt: at(1)}
)

// TestRowsAreReadAsTheyWereWritten finds columns that are mixed up, missed or misspelt, as no two values of one type are
// the same in a row.
func TestRowsAreReadAsTheyWereWritten(t *testing.T) {
	for _, c := range []struct {
		name       string
		value, got any
	}{
		{"a run", fullRun, runOf(fullRun.Row())},
		{"an empty run", Run{}, runOf(Run{}.Row())},
		{"a table", fullTable, tableOf(fullTable.Row())},
		{"a table of unknown size without a version", Table{RowCount: -1, Status: Synced}, tableOf(Table{RowCount: -1, Status: Synced}.Row())},
		{"a load", fullLoad, loadOf(fullLoad.Row())},
		{"a column", fullColumn, columnOf(fullColumn.Row())},
		{"a change", fullChange, changeOf(fullChange.Row())},
	} {
		if diff := cmp.Diff(c.value, c.got); diff != "" {
			t.Errorf("%s (-written +read):\n%s", c.name, diff)
		}
	}
}

func TestRowsHaveAValueForEachColumnOfItsType(t *testing.T) {
	for _, r := range []destination.Row{fullRun.Row(), fullTable.Row(), fullLoad.Row(), fullColumn.Row(), fullChange.Row()} {
		if len(r.Values) != len(r.Table.Columns) {
			t.Fatalf("%s: %d values for %d columns", r.Table.Name, len(r.Values), len(r.Table.Columns))
		}
		for i, c := range r.Table.Columns {
			want := map[string]bool{"string": c.Type.Arrow().Name() == "utf8", "int64": c.Type.Arrow().Name() == "int64",
				"bool": c.Type.Arrow().Name() == "bool", "time.Time": c.Type.Arrow().Name() == "timestamp"}
			if kind := typeName(r.Values[i]); !want[kind] {
				t.Errorf("%s.%s is %s, but holds %s", r.Table.Name, c.Name, c.Type.Arrow(), kind)
			}
		}
	}
}

func typeName(v any) string {
	switch v.(type) {
	case string:
		return "string"
	case int64:
		return "int64"
	case bool:
		return "bool"
	case time.Time:
		return "time.Time"
	}
	return "something else"
}

func TestTimesAreWrittenInUTCToTheMicrosecond(t *testing.T) {
	r := Run{StartedAt: time.Date(2026, 5, 1, 12, 0, 0, 1999, time.FixedZone("", 7200))}.Row()
	if got, want := get[time.Time](r, "started_at"), time.Date(2026, 5, 1, 10, 0, 0, 1000, time.UTC); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestRowsOfOlderVersionsAreRead leaves NULL in all that earlier versions did not record.
func TestRowsOfOlderVersionsAreRead(t *testing.T) {
	null := func(t *destination.OwnTable, values ...any) destination.Row {
		return destination.Row{Table: t, Values: append(values, make([]any, len(t.Columns)-len(values))...)}
	}
	d := &kept{}
	d.add(null(destination.States, "p", nil, `{"a":1}`), null(destination.Runs, "01A", "p"), null(destination.Tables, "p", "s", "main", "s"))
	m, err := Recall(t.Context(), d, "p")
	if err != nil {
		t.Fatal(err)
	}
	want := &Memory{
		State: json.RawMessage(`{"a":1}`), HasRun: true,
		Tables:  map[string]Table{"s": {Pipeline: "p", Stream: "s", Schema: "main", Name: "s", Status: Synced, RowCount: -1}},
		Loaded:  map[[2]string]Table{},
		Filled:  map[[2]string]map[string]bool{},
		Columns: map[string]map[string]Column{}, Names: map[string]map[string]string{},
	}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	short := destination.Row{Table: destination.Runs, Values: []any{"01A", "p"}}
	if got := runOf(short); got.ID != "01A" || got.Host != "" {
		t.Errorf("a row with fewer values than columns is read as %+v", got)
	}
}

func stateRow(s State) destination.Row {
	return destination.Row{Table: destination.States, Values: []any{s.Pipeline, s.Fence, document(s.State), s.RunID, s.UpdatedAt}}
}

func TestRecallTakesThePipelineAlone(t *testing.T) {
	d := &kept{}
	other, older, newer := fullTable, fullTable, fullTable
	other.Pipeline, older.Schema, older.LastLoadedAt, newer.Schema, newer.LastLoadedAt = "q", "before", at(1), "since", at(9)
	stale := other
	stale.Stream, stale.LastLoadedAt = "t", at(1)
	later, elsewhere, extracted := fullColumn, fullColumn, fullColumn
	later.Name, later.FirstSeenAt = "a_2", at(5)
	extracted.Path, extracted.Name = "[]", "_sdc_extracted_at"
	elsewhere.Pipeline, elsewhere.Path, elsewhere.Name = "q", `["z"]`, "z"
	d.add(stateRow(State{Pipeline: "q", Fence: 9}), stateRow(fullState), other.Row(), stale.Row(), newer.Row(), older.Row(), later.Row(), fullColumn.Row(), elsewhere.Row(), extracted.Row())
	for range 40 { // more than are read at first
		d.add(Run{ID: "02", Pipeline: "q", Integration: "other"}.Row())
	}
	d.add(fullRun.Row(), Run{ID: "01A", Pipeline: "p", Integration: "first"}.Row())
	m, err := Recall(t.Context(), d, "p")
	if err != nil {
		t.Fatal(err)
	}
	want := &Memory{
		Fence: 4, State: json.RawMessage(`{"b": 1.0}`), HasRun: true, Integration: "shop",
		Tables:  map[string]Table{"s": newer},
		Loaded:  map[[2]string]Table{{"c", "n"}: other, {"before", "n"}: older, {"since", "n"}: newer},
		Filled:  map[[2]string]map[string]bool{{"c", "n"}: {`["z"]`: true}, {"before", "n"}: {`["a"]`: true}, {"since", "n"}: {`["a"]`: true}},
		Columns: map[string]map[string]Column{"s": {"a": fullColumn, "a_2": later, "_sdc_extracted_at": extracted}},
		Names:   map[string]map[string]string{"s": {`["a"]`: "a"}},
	}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if m, err = Recall(t.Context(), d, "nobody"); err != nil || m.HasRun || m.Fence != 0 || m.State != nil || len(m.Tables) > 0 {
		t.Errorf("of a pipeline that never ran is remembered %+v, %v", m, err)
	}
}

func TestIntegrationCannotChangeOnceThereAreTables(t *testing.T) {
	tables := map[string]Table{"s": {}}
	for _, c := range []struct {
		name   string
		memory Memory
		want   bool
	}{
		{"shop", Memory{}, true},
		{"shop", Memory{HasRun: true, Integration: "old"}, true}, // a run that made nothing binds nobody
		{"shop", Memory{HasRun: true, Integration: "shop", Tables: tables}, true},
		{"", Memory{HasRun: true, Tables: tables}, true},
		{"shop", Memory{HasRun: true, Integration: "old", Tables: tables}, false},
		{"shop", Memory{HasRun: true, Tables: tables}, false},
		{"", Memory{HasRun: true, Integration: "old", Tables: tables}, false},
	} {
		if err := c.memory.CheckIntegration(c.name); (err == nil) != c.want {
			t.Errorf("%q after %+v: %v", c.name, c.memory, err)
		}
	}
}

func TestStatusCountsRowsAndKnowsWhatIsGoingOn(t *testing.T) {
	d := &kept{counts: map[string]int64{"n": 12}}
	gone := Table{Pipeline: "a", Stream: "gone", Name: "gone", RowCount: 3, LastRunID: "01Q"}
	busy := Table{Pipeline: "z", Stream: "busy", Name: "n", LastRunID: "01S", Status: Loading}
	running, killed := Run{ID: "01S", Pipeline: "z", Status: Running}, Run{ID: "01Q", Pipeline: "p", Status: Running}
	left := fullTable
	left.Schema, left.LastLoadedAt = "before", at(1)
	d.add(stateRow(fullState), busy.Row(), left.Row(), fullTable.Row(), gone.Row(), running.Row(), fullRun.Row(), killed.Row())
	report, err := Status(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	gone.RowCount, gone.Status = -1, Synced
	counted := fullTable
	counted.RowCount, left.RowCount, busy.RowCount = 12, 12, 12
	want := &Report{
		Tables: []Standing{{Table: gone, Missing: true, RunEnded: true}, {Table: left, RunEnded: true, Left: true}, {Table: counted, RunEnded: true}, {Table: busy}},
		Runs:   []Run{running, fullRun, killed},
		States: []State{fullState},
	}
	if diff := cmp.Diff(want, report); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// watched is a destination that knows what is being loaded.
type watched struct {
	*kept
	loading []string
}

func (w watched) Loading(_ context.Context, pipeline string) (bool, error) {
	return slices.Contains(w.loading, pipeline), nil
}

func TestRunsWithoutAnEndThatNobodyGoesOnWithWereKilled(t *testing.T) {
	d := watched{&kept{counts: map[string]int64{"n": 1}}, []string{"lives"}}
	lives, dead := Run{ID: "01C", Pipeline: "lives", Status: Running}, Run{ID: "01B", Pipeline: "dead", Status: Running}
	followed := Run{ID: "01A", Pipeline: "lives", Status: Running}
	loading := func(r Run) Table {
		return Table{Pipeline: r.Pipeline, Stream: "s", Name: "n", LastRunID: r.ID, Status: Loading}
	}
	d.add(lives.Row(), dead.Row(), followed.Row(), loading(lives).Row(), loading(dead).Row())
	report, err := Status(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Run{dead}, report.Killed); diff != "" {
		t.Errorf("killed runs (-want +got):\n%s", diff)
	}
	for _, table := range report.Tables {
		if want := table.Pipeline == "dead"; table.RunEnded != want {
			t.Errorf("the run of pipeline %s has ended: %v, want %v", table.Pipeline, table.RunEnded, want)
		}
	}
}

func TestHealth(t *testing.T) {
	tables := []struct {
		standing Standing
		want     Health
		why      string
	}{
		{Standing{Table: Table{Status: Synced}}, Green, ""},
		{Standing{Table: Table{Status: Loading}}, Green, ""},
		{Standing{Table: Table{Status: Loading}, RunEnded: true}, Orange, "its last run ended early"},
		{Standing{Table: Table{Status: Synced, Rejected: 3}}, Orange, "3 rejected in the last run"},
		{Standing{Table: Table{Status: ReloadRequested}}, Orange, "waits for a run that reads everything again"},
		{Standing{Table: Table{Status: Reloading}}, Orange, "everything is being read again"},
		{Standing{Table: Table{Status: Reloading}, RunEnded: true}, Orange, "its last run ended early"},
		{Standing{Table: Table{Status: TableFailed, FailureReason: "no key"}}, Red, "no key"},
		{Standing{Table: Table{Status: TableFailed}}, Red, "the last run failed"},
		{Standing{Table: Table{Status: TableFailed}, Left: true}, Green, "left behind, as the stream goes to another table now"},
		{Standing{Table: Table{Status: Synced}, Missing: true}, Red, "the table is not there any more"},
	}
	for _, c := range tables {
		if health, why := c.standing.Health(); health != c.want || why != c.why {
			t.Errorf("%+v is %s because %q, want %s because %q", c.standing, health, why, c.want, c.why)
		}
	}
	green, orange, red := tables[0].standing, tables[2].standing, tables[7].standing
	failed := []Run{{Status: Failed}}
	for _, c := range []struct {
		report Report
		want   Health
	}{
		{Report{}, Green},
		{Report{Runs: failed}, Red},
		{Report{Tables: []Standing{green, green}, Runs: failed}, Green},
		{Report{Tables: []Standing{green, orange}}, Orange},
		{Report{Tables: []Standing{green, red}}, Orange},
		{Report{Tables: []Standing{orange, red}}, Orange},
		{Report{Tables: []Standing{red, red}}, Red},
		{Report{Runs: append([]Run{{Status: Succeeded}}, failed...)}, Green},
	} {
		if got := c.report.Health(); got != c.want {
			t.Errorf("%d tables and %d failed runs are %s, want %s", len(c.report.Tables), len(c.report.Runs), got, c.want)
		}
	}
}

func TestAgeCountsFromTheNewestRecord(t *testing.T) {
	replicated, loaded := Standing{Table: Table{LastReplicatedAt: at(1), LastLoadedAt: at(2)}}, Standing{Table: Table{LastLoadedAt: at(2)}}
	if got := []time.Time{replicated.ReplicatedAt(), loaded.ReplicatedAt(), Standing{}.ReplicatedAt()}; !slices.Equal(got, []time.Time{at(1), at(2), {}}) {
		t.Errorf("got %v", got)
	}
}
