package postgres

import (
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

// identities are the columns of tracked in a table whose key counts itself.
const identities = `CREATE TABLE things (value bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, other text)`

func TestKeyThatIsAnIdentityTakesTheRowsOfTheStream(t *testing.T) {
	later := moment.Add(time.Hour)
	for name, method := range map[string]table.Method{"upsert": table.Upsert, "overwrite": table.Overwrite, "history": table.History} {
		t.Run(name, func(t *testing.T) {
			url := newDatabase(t)
			w, conn := mustOpen(t, url), connect(t, url)
			create, tab := identities, tracked(method, false)
			if method == table.History {
				create = strings.Replace(identities, "PRIMARY KEY", "", 1) // as it keeps several rows of a key
				for _, name := range []string{table.ValidFrom, table.ValidTo} {
					tab.Columns = append(tab.Columns, table.Column{Name: name, Type: table.Timestamp, Nullable: true})
				}
			}
			mustExec(t, conn, create)
			for _, rows := range [][]destinationtest.Row{
				{{int64(7), "a", moment, nil, nil, moment, nil}, {int64(9), "a", moment, nil, nil, moment, nil}},
				{{int64(7), "b", later, nil, nil, later, nil}, {int64(9), "a", later, nil, nil, later, nil}},
			} {
				for i := range rows {
					rows[i] = rows[i][:len(tab.Columns)]
				}
				l := begin(t, w)
				l.add(tab, rows...)
				if method == table.Overwrite {
					l.activate(tab, destination.Activation{})
				}
				l.commit()
			}
			want := []destinationtest.Row{{int64(7), "b"}, {int64(9), "a"}}
			if method == table.History {
				want = append([]destinationtest.Row{{int64(7), "a"}}, want...)
			}
			if diff := gocmp.Diff(want, query(t, conn, "SELECT value, other FROM things ORDER BY value, other")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRowThatIsAnIdentityAndNothingElseMayComeAgain(t *testing.T) {
	url := newDatabase(t)
	w, conn := mustOpen(t, url), connect(t, url)
	mustExec(t, conn, strings.Replace(identities, ", other text", "", 1))
	for _, want := range []destination.Counts{{Inserted: 1}, {Updated: 1}} {
		if got := mustLoad(t, w, things(1, table.Integer), destinationtest.Row{int64(7)}); got != want {
			t.Errorf("counts are %v, want %v", got, want)
		}
	}
	if diff := gocmp.Diff([]destinationtest.Row{{int64(7)}}, query(t, conn, "SELECT value FROM things")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestIdentityBesideTheKeyThatRowsCannotUpdateIsExplained(t *testing.T) {
	url := newDatabase(t)
	w, conn := mustOpen(t, url), connect(t, url)
	mustExec(t, conn, "CREATE TABLE things (value text PRIMARY KEY, other bigint GENERATED ALWAYS AS IDENTITY)")
	tab := things(1, table.Text, table.Integer)
	mustLoad(t, w, tab, destinationtest.Row{"a", int64(1)})
	_, err := load1(t, w, tab, destinationtest.Row{"a", int64(2)})
	for _, word := range []string{"things", `"other"`, "DROP IDENTITY"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("failure is %v, want one with %q", err, word)
		}
	}
	mustExec(t, conn, "ALTER TABLE things ALTER COLUMN other DROP IDENTITY")
	mustLoad(t, w, tab, destinationtest.Row{"a", int64(2)})
	if diff := gocmp.Diff([]destinationtest.Row{{"a", int64(2)}}, query(t, conn, "SELECT value, other FROM things")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
