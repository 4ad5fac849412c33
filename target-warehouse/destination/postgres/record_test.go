package postgres

import (
	"errors"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tapline/singer"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

// earlierTables are own tables as the first version made them, with rows.
const earlierTables = `
	CREATE TABLE _singer_state (pipeline text, state text, run_id text, updated_at timestamptz, PRIMARY KEY (pipeline));
	CREATE TABLE _singer_tables (pipeline text, stream text, table_schema text, table_name text, last_loaded_at timestamptz, last_run_id text,
		PRIMARY KEY (pipeline, stream, table_schema, table_name));
	CREATE TABLE _singer_runs (run_id text, pipeline text, target_version text, started_at timestamptz, ended_at timestamptz, status text, message text,
		rows_in bigint, rows_loaded bigint, bytes_in bigint, states_emitted bigint, tables jsonb, PRIMARY KEY (run_id));
	INSERT INTO _singer_state VALUES ('p', '{"a": 1}', 'old', '2024-03-10 02:30:00Z');
	INSERT INTO _singer_runs VALUES ('old', 'p', 'v0', '2024-03-10 02:30:00Z', NULL, 'running', '', 1, 2, 3, 4, '{}')`

func TestOwnTablesOfTheFirstVersionAreReadAndBroughtUpToDate(t *testing.T) {
	url := newDatabase(t)
	w, conn := mustOpen(t, url), connect(t, url)
	mustExec(t, conn, earlierTables)
	at := time.Date(2024, 3, 10, 2, 30, 0, 0, time.UTC)
	read := func(own *destination.OwnTable) [][]any {
		t.Helper()
		rows, err := w.Read(t.Context(), own, 0)
		if err != nil {
			t.Fatal(err)
		}
		var values [][]any
		for _, r := range rows {
			values = append(values, r.Values)
		}
		return values
	}
	if diff := gocmp.Diff([][]any{{"p", nil, `{"a": 1}`, "old", at}}, read(destination.States)); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	oldRun := []any{"old", "p", nil, "v0", nil, at, nil, "running", "", int64(1), int64(2), nil, int64(3), int64(4), nil, nil}
	if diff := gocmp.Diff([][]any{oldRun}, read(destination.Runs)); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
	newRun := append([]any{"new", "p"}, oldRun[2:]...)
	newRun[4] = "host"
	l := begin(t, w)
	if err := l.Commit(t.Context(), destination.Checkpoint{Pipeline: "p", RunID: "new", Fence: 1, Rows: []destination.Row{{Table: destination.Runs, Values: newRun}}}); err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff([][]any{oldRun, newRun}, read(destination.Runs)); diff != "" {
		t.Errorf("runs after a load (-want +got):\n%s", diff)
	}
	if states := read(destination.States); states[0][1] != int64(1) || states[0][2] != `{"a": 1}` || states[0][3] != "new" {
		t.Errorf("state after a load is %v", states[0])
	}
}

func TestTextThatPostgreSQLCannotStoreIsReplacedInRecords(t *testing.T) {
	w := mustOpen(t, newDatabase(t))
	values := make([]any, len(destination.Runs.Columns))
	values[0], values[8] = "run", "a\x00b\xffc"
	l := begin(t, w)
	if err := l.Commit(t.Context(), destination.Checkpoint{RunID: "run", Rows: []destination.Row{{Table: destination.Runs, Values: values}}}); err != nil {
		t.Fatal(err)
	}
	rows, err := w.Read(t.Context(), destination.Runs, 0)
	if err != nil || len(rows) != 1 || rows[0].Values[8] != "a\uFFFDb\uFFFDc" {
		t.Errorf("rows are %v, failure %v", rows, err)
	}
}

// TestOfTwoRunsThatCommitAtATimeOneIsFenced has two sessions of one pipeline, which the lock would keep apart, meet at the
// fence alone.
func TestOfTwoRunsThatCommitAtATimeOneIsFenced(t *testing.T) {
	url := newDatabase(t)
	first := mustOpen(t, url)
	second, err := Open(t.Context(), Config{URL: singer.Secret(url), Pipeline: "another lock"})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	later, earlier := begin(t, first), begin(t, second)
	earlier.add(things(0, table.Integer), destinationtest.Row{int64(1)})
	// The row of the pipeline is locked by the one that comes first, and the other waits.
	if _, err := later.Load.(*load).record(t.Context(), destination.Checkpoint{Pipeline: "p", RunID: "later", Fence: 2}); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		done <- earlier.Commit(t.Context(), destination.Checkpoint{Pipeline: "p", RunID: "earlier", Fence: 1, State: []byte("1")})
	}()
	select {
	case err := <-done:
		t.Fatalf("the other did not wait: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	if err := later.Commit(t.Context(), destination.Checkpoint{Pipeline: "p", RunID: "later", Fence: 2}); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, destination.ErrFenced) {
		t.Errorf("failure is %v, want ErrFenced", err)
	}
	if err := earlier.Rollback(); err != nil {
		t.Fatal(err)
	}
	if _, exists, err := first.Count(t.Context(), "", "things"); exists || err != nil {
		t.Errorf("the table of the fenced load is there: %v, failure %v", exists, err)
	}
}

func TestReadSeesNothingOfTheLoadThatIsOpen(t *testing.T) {
	w := mustOpen(t, newDatabase(t))
	mustLoad(t, w, things(0, table.Integer), destinationtest.Row{int64(1)})
	l := begin(t, w)
	l.add(things(0, table.Integer), destinationtest.Row{int64(2)})
	if rows, exists, err := w.Count(t.Context(), "", "things"); rows != 1 || !exists || err != nil {
		t.Errorf("%d rows, exists: %v, failure %v", rows, exists, err)
	}
	if rows, err := w.Read(t.Context(), destination.States, 0); len(rows) != 1 || err != nil {
		t.Errorf("%d states, failure %v", len(rows), err)
	}
	l.commit()
	if rows, _, err := w.Count(t.Context(), "", "things"); rows != 2 || err != nil {
		t.Errorf("%d rows, failure %v", rows, err)
	}
}

func TestPrivilegesThatAreMissingAreToldWithTheirGrants(t *testing.T) {
	url := newDatabase(t)
	admin := connect(t, url)
	mustExec(t, admin, `DROP ROLE IF EXISTS loader; CREATE ROLE loader LOGIN PASSWORD 'loader'; CREATE SCHEMA shop; CREATE SCHEMA "Its ""own"""`)
	t.Cleanup(func() {
		mustExec(t, admin, `DO $$ BEGIN EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO PUBLIC', current_database()); END $$; DROP OWNED BY loader; DROP ROLE loader`)
	})
	mustExec(t, admin, `DO $$ BEGIN EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()); END $$;
		REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA shop TO loader`)
	w, err := OpenReadOnly(t.Context(), Config{URL: singer.Secret(url), User: "loader", Password: "loader", Schema: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	lacking := func() []string {
		t.Helper()
		list, err := w.Privileges(t.Context(), "shop", "new", `Its "own"`)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	name := admin.Config().Database
	want := []string{
		"user loader may not make the temporary tables in which rows wait for their place; run: GRANT TEMPORARY ON DATABASE " + name + " TO loader",
		"user loader may not create tables in the schema shop; run: GRANT USAGE, CREATE ON SCHEMA shop TO loader",
		"user loader may not create the schema new; run: GRANT CREATE ON DATABASE " + name + " TO loader",
		`user loader may not create tables in the schema "Its ""own"""; run: GRANT USAGE, CREATE ON SCHEMA "Its ""own""" TO loader`,
	}
	got := lacking()
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, sentence := range got {
		_, grant, _ := strings.Cut(sentence, "run: ")
		mustExec(t, admin, grant)
	}
	if got := lacking(); len(got) > 0 {
		t.Errorf("lacking in spite of the grants: %q", got)
	}
}
