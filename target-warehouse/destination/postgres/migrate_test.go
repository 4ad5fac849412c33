package postgres

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"tapline/singer"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

// load1 is a whole Load of one table.
func load1(t testing.TB, w *Warehouse, tab *table.Table, rows ...destinationtest.Row) (counts destination.Counts, err error) {
	t.Helper()
	l, err := w.Begin(context.Background())
	if err != nil {
		return counts, err
	}
	defer func() { err = errors.Join(err, l.Rollback()) }()
	if _, err := l.Migrate(context.Background(), tab); err != nil {
		return counts, err
	}
	b := destinationtest.Batch(Allocator(), tab, 1, rows...)
	defer b.Rows.Release()
	if counts, err = l.Append(context.Background(), []*table.Batch{b}); err != nil {
		return counts, err
	}
	return counts, l.Commit(context.Background(), destination.Checkpoint{RunID: "1"})
}

func mustLoad(t testing.TB, w *Warehouse, tab *table.Table, rows ...destinationtest.Row) destination.Counts {
	t.Helper()
	counts, err := load1(t, w, tab, rows...)
	if err != nil {
		t.Fatal(err)
	}
	return counts
}

// things is a table with columns of the given types, the first of which are the key.
func things(keys int, types ...table.Type) *table.Table {
	t := &table.Table{Stream: "things", Name: "things"}
	for i, typ := range types {
		name := []string{"value", "other", "third"}[i]
		t.Columns = append(t.Columns, table.Column{Name: name, Property: name, Type: typ, Nullable: i >= keys})
		if i < keys {
			t.Key = append(t.Key, i)
		}
	}
	return t
}

func loadInto(t testing.TB, w *Warehouse, typ table.Type, key []int, rows ...destinationtest.Row) error {
	t.Helper()
	_, err := load1(t, w, things(len(key), typ), rows...)
	return err
}

func TestExistingTablesOfOthers(t *testing.T) {
	for name, c := range map[string]struct {
		create string
		want   []destinationtest.Row
	}{
		"extra columns":     {`CREATE TABLE things AS SELECT 'mine' AS extra, 1::bigint AS value`, []destinationtest.Row{{nil, int64(1)}, {nil, int64(2)}}},
		"a default":         {`CREATE TABLE things (extra text DEFAULT 'd', value bigint)`, []destinationtest.Row{{"d", int64(1)}, {"d", int64(2)}}},
		"a generated value": {`CREATE TABLE things (extra bigint GENERATED ALWAYS AS (value + 1) STORED, value bigint)`, []destinationtest.Row{{int64(2), int64(1)}, {int64(3), int64(2)}}},
		"an identity":       {`CREATE TABLE things (extra bigint GENERATED ALWAYS AS IDENTITY, value bigint)`, []destinationtest.Row{{int64(1), int64(1)}, {int64(2), int64(2)}}},
		"a primary key":     {`CREATE TABLE things (extra text, value bigint PRIMARY KEY)`, []destinationtest.Row{{nil, int64(1)}, {nil, int64(2)}}},
		"partitions": {`CREATE TABLE things (extra text, value bigint) PARTITION BY RANGE (value); CREATE TABLE low PARTITION OF things FOR VALUES FROM (0) TO (2);
			CREATE TABLE high PARTITION OF things DEFAULT; INSERT INTO things VALUES ('x', 2), ('y', 2)`, []destinationtest.Row{{nil, int64(1)}, {nil, int64(2)}}},
		"a key twice": {`CREATE TABLE things AS SELECT x AS extra, 1::bigint AS value FROM unnest(ARRAY['a', 'b']) AS x`, []destinationtest.Row{{nil, int64(1)}, {nil, int64(2)}}},
	} {
		t.Run(name, func(t *testing.T) {
			url := newDatabase(t)
			w, conn := mustOpen(t, url), connect(t, url)
			mustExec(t, conn, c.create)
			for range 2 {
				if err := loadInto(t, w, table.Integer, []int{0}, destinationtest.Row{int64(1)}, destinationtest.Row{int64(2)}); err != nil {
					t.Fatal(err)
				}
			}
			if diff := gocmp.Diff(c.want, query(t, conn, "SELECT extra, value FROM things ORDER BY value")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// keyIndexes lists the indexes of public.things as name, uniqueness and columns.
func keyIndexes(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	var list []string
	for _, row := range query(t, conn, `SELECT c.relname::text || ' ' || i.indisunique::text || ' ' || pg_get_indexdef(i.indexrelid, 1, true) || ' ' || i.indnkeyatts
		FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid WHERE i.indrelid = 'things'::regclass ORDER BY 1`) {
		list = append(list, row[0].(string))
	}
	return list
}

func TestIndexFollowsTheKey(t *testing.T) {
	url := newDatabase(t)
	w, conn := mustOpen(t, url), connect(t, url)
	byValue := things(1, table.Integer, table.Integer)
	byBoth := things(2, table.Integer, table.Integer)
	appendOnly := things(1, table.Integer, table.Integer)
	appendOnly.Method = table.AppendOnly
	for _, step := range []struct {
		table   *table.Table
		row     destinationtest.Row
		indexes []string
		rows    int64
	}{
		{byValue, destinationtest.Row{int64(1), int64(1)}, []string{"_singer_key_things true value 1"}, 1},
		{byValue, destinationtest.Row{int64(1), int64(2)}, []string{"_singer_key_things true value 1"}, 1},
		{byBoth, destinationtest.Row{int64(1), int64(1)}, []string{"_singer_key_things true value 2"}, 2},
		{things(0, table.Integer, table.Integer), destinationtest.Row{int64(1), int64(1)}, nil, 3},
		{byBoth, destinationtest.Row{int64(2), int64(2)}, []string{"_singer_key_things false value 2"}, 4},
		{byBoth, destinationtest.Row{int64(1), int64(1)}, []string{"_singer_key_things false value 2"}, 3},
		{appendOnly, destinationtest.Row{int64(1), int64(1)}, nil, 4},
		{byValue, destinationtest.Row{int64(1), int64(9)}, []string{"_singer_key_things false value 1"}, 2},
	} {
		mustLoad(t, w, step.table, step.row)
		if diff := gocmp.Diff(step.indexes, keyIndexes(t, conn)); diff != "" {
			t.Errorf("key %v, row %v: indexes (-want +got):\n%s", step.table.Key, step.row, diff)
		}
		if got := query(t, conn, "SELECT count(*) FROM things")[0][0]; got != step.rows {
			t.Errorf("key %v, row %v: %d rows, want %d", step.table.Key, step.row, got, step.rows)
		}
	}
}

// TestRenamedTableKeepsTheNameOfItsIndex renames a table, as failures advise, which leaves the index its name.
func TestRenamedTableKeepsTheNameOfItsIndex(t *testing.T) {
	url := newDatabase(t)
	w, conn := mustOpen(t, url), connect(t, url)
	byValue, former := things(1, table.Integer, table.Integer), things(0, table.Integer, table.Integer)
	former.Name = "former"
	for _, name := range []string{"former", "older"} {
		mustLoad(t, w, byValue, destinationtest.Row{int64(1), int64(1)})
		mustExec(t, conn, "ALTER TABLE things RENAME TO "+name)
	}
	mustLoad(t, w, byValue, destinationtest.Row{int64(1), int64(2)})
	mustLoad(t, w, byValue, destinationtest.Row{int64(1), int64(3)})
	if diff := gocmp.Diff([]string{"_singer_key_things_3 true value 1"}, keyIndexes(t, conn)); diff != "" {
		t.Errorf("indexes (-want +got):\n%s", diff)
	}
	mustLoad(t, w, former, destinationtest.Row{int64(1), int64(2)}) // whose index must give way, whatever its name is
	if diff := gocmp.Diff([]destinationtest.Row{{int64(1)}, {int64(2)}}, query(t, conn, "SELECT other FROM former ORDER BY other")); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestIndexThatIsDueGoesWithTheKey(t *testing.T) {
	url := newDatabase(t)
	w, conn := mustOpen(t, url), connect(t, url)
	l, err := w.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, tab := range []*table.Table{things(1, table.Integer), things(0, table.Integer)} {
		if _, err := l.Migrate(t.Context(), tab); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Commit(t.Context(), destination.Checkpoint{RunID: "1"}); err != nil {
		t.Fatal(err)
	}
	if got := keyIndexes(t, conn); got != nil {
		t.Errorf("indexes are %v", got)
	}
}

func TestRowsAreWrittenAgainOnlyWhereABitDiffers(t *testing.T) {
	negativeZero := -1 / inf
	for _, c := range []struct {
		name     string
		typ      table.Type
		old, new any
		written  bool
	}{
		{"same text", table.Text, "a", "a", false},
		{"other text", table.Text, "a", "b", true},
		{"same NULL", table.Text, nil, nil, false},
		{"NULL for text", table.Text, "", nil, true},
		{"text for NULL", table.Text, nil, "", true},
		{"same zero", table.Number, 0.0, 0.0, false},
		{"other zero", table.Number, 0.0, negativeZero, true},
		{"same JSON", table.JSON, `{"a":[1.0]}`, `{"a": [1.0]}`, false},
		{"another digit in JSON", table.JSON, `{"a":[1.0]}`, `{"a":[1]}`, true},
		{"same moment", table.Timestamp, time.Unix(0, 1000).UTC(), time.Unix(0, 1000).UTC(), false},
		{"long and same", table.JSON, `["` + strings.Repeat("abc", 9999) + `"]`, `["` + strings.Repeat("abc", 9999) + `"]`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := newDatabase(t)
			w, conn := mustOpen(t, url), connect(t, url)
			tab := things(1, table.Integer, c.typ)
			place := func() []destinationtest.Row { return query(t, conn, "SELECT xmin::text FROM things") }
			mustLoad(t, w, tab, destinationtest.Row{int64(1), c.old})
			before := place()
			if got, want := mustLoad(t, w, tab, destinationtest.Row{int64(1), c.new}), (destination.Counts{Updated: 1}); got != want {
				t.Errorf("counts are %v, want %v", got, want)
			}
			if written := !gocmp.Equal(before, place()); written != c.written {
				t.Errorf("written again: %v, want %v", written, c.written)
			}
		})
	}
}

var inf = func() float64 { zero := 0.0; return 1 / zero }()

func TestNamesOfOwnTablesAndOfViewsAreRefused(t *testing.T) {
	url := newDatabase(t)
	w, conn := mustOpen(t, url), connect(t, url)
	mustExec(t, conn, "CREATE VIEW things AS SELECT 1::bigint AS value")
	own := things(0, table.Integer)
	own.Name = "_singer_state"
	for want, tab := range map[string]*table.Table{"tapline's own": own, "is no table": things(0, table.Integer)} {
		if _, err := load1(t, w, tab, destinationtest.Row{int64(1)}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("failure is %v, want one with %q", err, want)
		}
	}
}

func TestUserNeedsNoMoreRightsThanItUses(t *testing.T) {
	url := newDatabase(t)
	admin := mustOpen(t, url)
	conn := connect(t, url)
	tab := things(1, table.Integer, table.Text)
	mustLoad(t, admin, tab, destinationtest.Row{int64(1), "a"})
	if err := admin.Close(); err != nil {
		t.Fatal(err)
	}
	mustExec(t, conn, `DROP ROLE IF EXISTS loader; CREATE ROLE loader LOGIN PASSWORD 'loader';
		GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO loader; REVOKE CREATE ON SCHEMA public FROM PUBLIC`)
	t.Cleanup(func() { mustExec(t, conn, "DROP OWNED BY loader; DROP ROLE loader") })
	w, err := Open(t.Context(), Config{URL: singer.Secret(url), User: "loader", Password: "loader"})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	mustLoad(t, w, tab, destinationtest.Row{int64(1), "b"}, destinationtest.Row{int64(2), "c"})

	tab = things(0, table.Integer)
	tab.Name = "more"
	if _, err := load1(t, w, tab); !errors.Is(err, singer.ErrCredentials) || !strings.Contains(err.Error(), "permission denied for schema public") {
		t.Errorf("failure is %v, want ErrCredentials", err)
	}
}

func TestTwoPipelinesLoadOneTableInTurn(t *testing.T) {
	url := newDatabase(t)
	tab := things(1, table.Integer, table.Text)
	first := mustOpen(t, url)
	second, err := Open(t.Context(), Config{URL: singer.Secret(url), Pipeline: "second"})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	l, err := first.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Migrate(t.Context(), tab); err != nil {
		t.Fatal(err)
	}
	b := destinationtest.Batch(Allocator(), tab, 1, destinationtest.Row{int64(1), "first"})
	if _, err := l.Append(t.Context(), []*table.Batch{b}); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	var counts destination.Counts
	go func() {
		var err error
		counts, err = load1(t, second, things(1, table.Integer, table.Text), destinationtest.Row{int64(1), "second"})
		done <- err
	}()
	select {
	case err := <-done:
		t.Fatalf("the second load did not wait: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	if err := l.Commit(t.Context(), destination.Checkpoint{RunID: "1"}); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if want := (destination.Counts{Updated: 1}); counts != want {
		t.Errorf("counts of the second are %v, want %v", counts, want)
	}
	if diff := gocmp.Diff([]destinationtest.Row{{int64(1), "second"}}, query(t, connect(t, url), "SELECT * FROM things")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
