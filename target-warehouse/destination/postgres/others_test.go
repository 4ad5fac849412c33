package postgres

import (
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"tapline/singer"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

// TestWhatOthersMadeOfATableFailsWithItsCure loads into tables of which others have made something that a load cannot do
// with. Nothing may be lost then, and the failure must say what helps.
func TestWhatOthersMadeOfATableFailsWithItsCure(t *testing.T) {
	text, json := things(1, table.Integer, table.Text), things(1, table.Integer, table.JSON)
	for name, c := range map[string]struct {
		made string // of the table that a load has made
		tab  *table.Table
		want string
	}{
		"a rule INSTEAD of changes":  {"CREATE RULE r AS ON UPDATE TO things DO INSTEAD NOTHING", text, "drop the rule"},
		"a trigger that drops rows":  {"CREATE FUNCTION hold_back() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; CREATE TRIGGER t BEFORE INSERT ON things FOR EACH ROW EXECUTE FUNCTION hold_back()", text, "if a trigger of the table keeps rows back, drop it"},
		"a column that is computed":  {"ALTER TABLE things DROP other; ALTER TABLE things ADD other text GENERATED ALWAYS AS ('x') STORED", text, "DROP EXPRESSION"},
		"a publication":              {"CREATE PUBLICATION p FOR TABLE things", text, "REPLICA IDENTITY FULL"},
		"a CHECK":                    {"ALTER TABLE things ADD CHECK (other <> 'q')", json, "drop what depends on the column, such as a view, a CHECK"},
		"a DEFAULT":                  {"ALTER TABLE things ALTER other SET DEFAULT 'k'", json, "drop what depends on the column"},
		"an index on an expression":  {"CREATE INDEX ON things (lower(other))", json, "drop what depends on the column"},
		"a policy":                   {"CREATE POLICY p ON things USING (other <> 'z')", json, "drop what depends on the column"},
		"a column of its row type":   {"CREATE TABLE uses (thing things)", json, "uses.thing"},
		"a foreign key to it":        {"ALTER TABLE things ADD PRIMARY KEY (value); CREATE TABLE notes (thing bigint REFERENCES things)", things(1, table.Text, table.Text), "a foreign key"},
		"a foreign key to its index": {"CREATE TABLE notes (thing bigint REFERENCES things (value))", things(2, table.Integer, table.Text), "such as a foreign key to the table's former key"},
		"partitions for other rows":  {"DROP TABLE things; CREATE TABLE things (value bigint, other text) PARTITION BY LIST (value); CREATE TABLE part PARTITION OF things FOR VALUES IN (1)", text, "attach a partition"},
		"a partition's own columns":  {"DROP TABLE things; CREATE TABLE whole (value bigint) PARTITION BY LIST (value); CREATE TABLE things PARTITION OF whole DEFAULT", text, "cannot add column to a partition"},
	} {
		t.Run(name, func(t *testing.T) {
			url := newDatabase(t)
			w, conn := mustOpen(t, url), connect(t, url)
			mustLoad(t, w, text, destinationtest.Row{int64(1), "a"})
			mustExec(t, conn, c.made)
			before := query(t, conn, "SELECT things::text FROM things")
			known, added := destinationtest.Row{int64(1), `"b"`}, destinationtest.Row{int64(2), `"b"`}
			if c.tab.Columns[0].Type == table.Text {
				known[0], added[0] = "1", "2"
			}
			if _, err := load1(t, w, c.tab, known, added); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("failure is %v, want one with %q", err, c.want)
			}
			if diff := gocmp.Diff(before, query(t, conn, "SELECT things::text FROM things")); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

// TestOverwriteTakesNoRowsOfOtherTables has rows of others refer to rows that are overwritten with themselves.
func TestOverwriteTakesNoRowsOfOtherTables(t *testing.T) {
	tab := things(1, table.Integer, table.Text)
	tab.Method = table.Overwrite
	for action, fails := range map[string]string{
		"ON DELETE CASCADE": "notes_thing_fkey of notes would have rows", "ON DELETE SET NULL": "notes_thing_fkey of notes would have rows",
		"": "violates foreign key constraint", "ON DELETE NO ACTION DEFERRABLE INITIALLY DEFERRED": "",
	} {
		t.Run(action, func(t *testing.T) {
			url := newDatabase(t)
			w, conn := mustOpen(t, url), connect(t, url)
			mustExec(t, conn, `CREATE TABLE things (value bigint PRIMARY KEY, other text, parent bigint REFERENCES things ON DELETE CASCADE); INSERT INTO things VALUES (1, 'old');
				CREATE TABLE notes (thing bigint REFERENCES things `+action+`, note text); INSERT INTO notes VALUES (1, 'mine')`)
			l := begin(t, w)
			l.add(tab, destinationtest.Row{int64(1), "new"})
			want := "new"
			if fails == "" {
				l.activate(tab, destination.Activation{})
				l.commit()
			} else {
				_, err := l.Activate(t.Context(), tab, destination.Activation{})
				if err == nil || !strings.Contains(err.Error(), fails) || !strings.Contains(err.Error(), "DEFERRABLE INITIALLY DEFERRED") {
					t.Errorf("failure is %v, want one with %q and what to do", err, fails)
				}
				if err := l.Rollback(); err != nil {
					t.Fatal(err)
				}
				want = "old"
			}
			got := query(t, conn, "SELECT t.other, n.note FROM things AS t LEFT JOIN notes AS n ON n.thing = t.value")
			if diff := gocmp.Diff([]destinationtest.Row{{want, "mine"}}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestRowsThatAPolicyHidesAreNotPassedOver loads as the owner of a table who is to see only some of its rows.
func TestRowsThatAPolicyHidesAreNotPassedOver(t *testing.T) {
	url := newDatabase(t)
	conn := connect(t, url)
	mustExec(t, conn, `DROP ROLE IF EXISTS hidden_from; CREATE ROLE hidden_from LOGIN PASSWORD 'hidden'; CREATE SCHEMA theirs AUTHORIZATION hidden_from;
		DO $$ BEGIN EXECUTE format('GRANT CREATE, TEMPORARY ON DATABASE %I TO hidden_from', current_database()); END $$`)
	t.Cleanup(func() { mustExec(t, conn, "DROP OWNED BY hidden_from; DROP ROLE hidden_from") })
	w, err := Open(t.Context(), Config{URL: singer.Secret(url), User: "hidden_from", Password: "hidden", Schema: "theirs"})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for _, tab := range []*table.Table{tracked(table.Upsert, true), tracked(table.Overwrite, false)} {
		row := destinationtest.Row{int64(1), "a", nil, nil, int64(1)}
		mustExec(t, conn, "DROP TABLE IF EXISTS theirs.things")
		mustLoad(t, w, tracked(table.Upsert, true), row, destinationtest.Row{int64(2), "hidden", nil, nil, int64(1)})
		mustExec(t, conn, "ALTER TABLE theirs.things ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON theirs.things USING (other <> 'hidden')")
		mustLoad(t, w, tracked(table.Upsert, true), row) // as the owner sees all rows
		mustExec(t, conn, "ALTER TABLE theirs.things FORCE ROW LEVEL SECURITY")
		l := begin(t, w)
		if tab.Method == table.Overwrite {
			l.add(tab, destinationtest.Row{int64(1), "b", nil, nil, int64(2)})
		} else if _, err := l.Migrate(t.Context(), tab); err != nil {
			t.Fatal(err)
		}
		_, err := l.Activate(t.Context(), tab, destination.Activation{Version: 2})
		if err == nil || !strings.Contains(err.Error(), "row-level security") || !strings.Contains(err.Error(), "the table's owner") {
			t.Errorf("method %d: failure is %v", tab.Method, err)
		}
		if err := l.Rollback(); err != nil {
			t.Fatal(err)
		}
	}
}
