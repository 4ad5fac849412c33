package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"tapline/singer"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/journal"
	"tapline/target-warehouse/table"
)

func versioned(id, version int) string {
	return fmt.Sprintf(`{"type":"RECORD","stream":"users","version":%d,"record":{"id":%d}}`+"\n", version, id)
}

func activate(version int) string {
	return fmt.Sprintf(`{"type":"ACTIVATE_VERSION","stream":"users","version":%d}`+"\n", version)
}

func TestAVersionIsActivatedBehindTheRowsBeforeIt(t *testing.T) {
	got := loadText(t, newMemoryWarehouse(), strings.NewReader(usersSchema+versioned(1, 5)+versioned(2, 5)+activate(5)+versioned(3, 5)+state(1)), Options{})
	if got.err != nil {
		t.Fatal(got.err)
	}
	if diff := cmp.Diff("2 rows, unversioned: true", got.rows["activated 5"]); diff != "" || len(got.rows) != 4 || len(got.states) != 1 {
		t.Errorf("%s\nrows %v, states %v", diff, got.rows, got.states)
	}
}

func TestVersionsThatAreNotActedOn(t *testing.T) {
	active := func(v int64) *journal.Memory {
		return &journal.Memory{Tables: map[string]journal.Table{"users": {Stream: "users", Name: "users", ActiveVersion: v, HasVersion: true}}}
	}
	for _, c := range []struct {
		name    string
		in      string
		options Options
		want    string // in the log
	}{
		{"versions are switched off", usersSchema + versioned(1, 5) + activate(5), Options{IgnoreVersions: true}, "as the settings want it"},
		{"rows are only added", usersSchema + versioned(1, 5) + activate(5), Options{Table: table.Options{Method: table.AppendOnly}}, "as the settings want it"},
		{"the version is older than that of the last run", usersSchema + versioned(1, 5) + activate(5), Options{Memory: active(6)}, "older than the active version 6"},
		{"the version is older than the one before", usersSchema + versioned(1, 5) + activate(4), Options{Memory: active(4)}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := loadText(t, newMemoryWarehouse(), strings.NewReader(c.in), c.options)
			if got.err != nil || c.want != "" && (len(got.rows) != 1 || strings.Count(got.log, c.want) != 1) {
				t.Errorf("failure %v, rows %v, log:\n%s", got.err, got.rows, got.log)
			}
			if _, acted := got.rows["activated 4"]; c.want == "" && !acted {
				t.Errorf("the version that is active already was not activated again: %v", got.rows)
			}
		})
	}
}

func TestAVersionBeforeItsSchemaIsRefused(t *testing.T) {
	got := loadText(t, newMemoryWarehouse(), strings.NewReader(activate(1)), Options{})
	var line *singer.LineError
	if !errors.As(got.err, &line) || line.Line != 1 || !strings.Contains(got.err.Error(), "before its SCHEMA") {
		t.Errorf("failure %v", got.err)
	}
}

// TestOverwriteHoldsStatesUntilTheVersionIsActive loads with a limit of one row, so that every row is committed by
// itself, into the table that nobody sees.
func TestOverwriteHoldsStatesUntilTheVersionIsActive(t *testing.T) {
	o := Options{Table: table.Options{Method: table.Overwrite}, BatchRows: 1}
	in := state(0) + usersSchema + versioned(1, 5) + state(1) + versioned(2, 5) + state(2)
	t.Run("the end of the input is no sign", func(t *testing.T) {
		got := loadText(t, newMemoryWarehouse(), strings.NewReader(in), o)
		if got.err == nil || !strings.Contains(got.err.Error(), "stream users: the input ended without an ACTIVATE_VERSION") {
			t.Errorf("failure %v", got.err)
		}
		if diff := cmp.Diff([]string{`{"n": 0}`}, got.states); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
	})
	t.Run("activation is", func(t *testing.T) {
		got := loadText(t, newMemoryWarehouse(), strings.NewReader(in+activate(5)+state(3)), o)
		if got.err != nil || got.rows["activated 5"] == "" {
			t.Errorf("failure %v, rows %v", got.err, got.rows)
		}
		if diff := cmp.Diff([]string{`{"n": 0}`, `{"n": 2}`, `{"n": 3}`}, got.states); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
	})
	t.Run("rows behind it wait again", func(t *testing.T) {
		got := loadText(t, newMemoryWarehouse(), strings.NewReader(in+activate(5)+versioned(3, 6)+state(3)), o)
		if got.err == nil || got.states[len(got.states)-1] != `{"n": 2}` {
			t.Errorf("failure %v, states %v", got.err, got.states)
		}
	})
	t.Run("an older version again is activated again", func(t *testing.T) {
		got := loadText(t, newMemoryWarehouse(), strings.NewReader(in+activate(5)+versioned(3, 4)+activate(4)+state(3)), o)
		if got.err != nil || got.rows["activated 4"] == "" || got.states[len(got.states)-1] != `{"n": 3}` {
			t.Errorf("failure %v, rows %v, states %v", got.err, got.rows, got.states)
		}
	})
	t.Run("a signal is no failure", func(t *testing.T) {
		stopped := o
		stopped.Interrupted = func() bool { return true }
		got := loadText(t, newMemoryWarehouse(), strings.NewReader(in), stopped)
		if got.err != nil || got.run.Status != journal.Interrupted || len(got.states) != 1 {
			t.Errorf("failure %v, run %+v, states %v", got.err, got.run, got.states)
		}
	})
}

// TestABareVersionWaitsForTheEnd has an ACTIVATE_VERSION of a stream that is to be overwritten and has sent no records. It
// empties the table only if none come behind it, and if the input tells that the tap was not cut.
func TestABareVersionWaitsForTheEnd(t *testing.T) {
	later := strings.NewReplacer("users", "later")
	for _, c := range []struct {
		name, in    string
		interrupted bool
		activated   []string // versions, with the rows behind which they were
		states      []string // that were emitted
		fails       string
	}{
		{name: "the stream is empty", in: activate(5) + state(1), activated: []string{"activated 5 behind 0 rows"}, states: []string{`{"n": 1}`}},
		{name: "it is said twice", in: activate(5) + activate(5) + state(1), activated: []string{"activated 5 behind 0 rows"}, states: []string{`{"n": 1}`}},
		{name: "it is said ahead of the records", in: activate(5) + versioned(1, 5) + activate(5) + state(1), activated: []string{"activated 5 behind 1 rows"}, states: []string{`{"n": 1}`}},
		{name: "it is said ahead of the records alone", in: activate(5) + versioned(1, 5) + state(1), fails: "or sends it ahead of the records"},
		{name: "a state stands ahead of the records, too", in: activate(5) + state(1) + versioned(1, 5) + state(2), states: []string{`{"n": 1}`}, fails: "or sends it ahead of the records"},
		{name: "it is said again and again ahead of some of the records", in: activate(5) + versioned(1, 5) + state(1) + activate(5) + versioned(2, 5) + state(2), fails: "or sends it ahead of the records"},
		{name: "and the tap is cut ahead of the others", in: activate(5) + versioned(1, 5) + state(1) + activate(5), fails: "neither a record of the stream nor a STATE"},
		{name: "the next version comes behind what was ahead", in: activate(5) + versioned(1, 5) + activate(5) + state(1) + versioned(2, 6) + activate(6) + state(2), activated: []string{"activated 5 behind 1 rows", "activated 6 behind 3 rows"}, states: []string{`{"n": 1}`, `{"n": 2}`}},
		{name: "the record behind it cannot be taken", in: activate(5) + `{"type":"RECORD","stream":"users","record":{}}` + "\n" + state(1), fails: "field id"},
		{name: "the tap was cut behind it", in: versioned(1, 4) + activate(4) + state(1) + activate(5), activated: []string{"activated 4 behind 1 rows"}, states: []string{`{"n": 1}`}, fails: "neither a record of the stream nor a STATE"},
		{name: "a signal ended the input", in: activate(5) + state(1), interrupted: true},
		{name: "rows of another stream wait for their version", in: activate(5) + later.Replace(usersSchema+versioned(1, 5)) + state(1), fails: "stream later: the input ended"},
		{name: "another stream goes on", in: activate(5) + later.Replace(usersSchema+versioned(1, 5)+activate(5)) + state(1) + later.Replace(versioned(2, 6)+activate(6)) + state(2),
			activated: []string{"activated 5 behind 0 rows"}, states: []string{`{"n": 2}`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := Options{Table: table.Options{Method: table.Overwrite}, BatchRows: 1, Interrupted: func() bool { return c.interrupted }}
			got := loadText(t, newMemoryWarehouse(), strings.NewReader(usersSchema+c.in), o)
			if c.fails == "" && got.err != nil || c.fails != "" && (got.err == nil || !strings.Contains(got.err.Error(), c.fails)) {
				t.Errorf("failure %v, want one with %q", got.err, c.fails)
			}
			if diff := cmp.Diff(c.activated, activations(got.rows)); diff != "" {
				t.Errorf("activations (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.states, got.states); diff != "" {
				t.Errorf("states (-want +got):\n%s", diff)
			}
		})
	}
}

// TestABareVersionIsActedOnOnceTheTapGoesOn has an ACTIVATE_VERSION ahead of which nothing of the stream came.
func TestABareVersionIsActedOnOnceTheTapGoesOn(t *testing.T) {
	later := strings.NewReplacer("users", "later")
	for _, c := range []struct {
		name, in  string
		activated []string // versions, with the rows behind which they were
		states    []string
		told      bool // that it is not acted on
	}{
		{name: "a record of the stream comes", in: activate(5) + versioned(1, 5), activated: []string{"activated 5 behind 0 rows"}},
		{name: "a state comes", in: activate(5) + state(1), activated: []string{"activated 5 behind 0 rows"}, states: []string{`{"n": 1}`}},
		{name: "a state comes behind records of another stream", in: activate(5) + later.Replace(usersSchema+versioned(1, 5)) + state(1),
			activated: []string{"activated 5 behind 0 rows"}, states: []string{`{"n": 1}`}},
		{name: "another one comes", in: activate(5) + activate(6) + state(1), activated: []string{"activated 6 behind 0 rows"}, states: []string{`{"n": 1}`}},
		{name: "a SCHEMA and a state come", in: activate(5) + strings.Replace(usersSchema, `"name"`, `"called"`, 1) + state(1),
			activated: []string{"activated 5 behind 0 rows"}, states: []string{`{"n": 1}`}},
		{name: "nothing comes", in: state(1) + activate(5), states: []string{`{"n": 1}`}, told: true},
		{name: "records of another stream come", in: activate(5) + later.Replace(usersSchema+versioned(1, 5)), told: true},
		{name: "a record had come before", in: versioned(1, 5) + activate(5), activated: []string{"activated 5 behind 1 rows"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := loadText(t, newMemoryWarehouse(), strings.NewReader(usersSchema+c.in), Options{Table: table.Options{HardDelete: true}})
			if told := strings.Contains(got.log, "so that the tap may have been cut"); got.err != nil || told != c.told {
				t.Errorf("failure %v, log:\n%s", got.err, got.log)
			}
			if diff := cmp.Diff(c.activated, activations(got.rows)); diff != "" {
				t.Errorf("activations (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.states, got.states); diff != "" {
				t.Errorf("states (-want +got):\n%s", diff)
			}
		})
	}
}

// activations lists the versions that a memoryWarehouse was to activate, each with the rows behind which it was.
func activations(rows map[string]string) (list []string) {
	for _, row := range slices.Sorted(maps.Keys(rows)) {
		if behind, _, _ := strings.Cut(rows[row], ","); strings.HasPrefix(row, "activated ") {
			list = append(list, row+" behind "+behind)
		}
	}
	return list
}

func TestTheBookOfARun(t *testing.T) {
	w := newMemoryWarehouse()
	memory := &journal.Memory{Fence: 7, Tables: map[string]journal.Table{"users": {Stream: "users", Name: "users", RowCount: 10}}}
	got := loadText(t, w, strings.NewReader(usersSchema+versioned(1, 5)+versioned(1, 5)+activate(5)+state(1)), Options{Memory: memory})
	if got.err != nil {
		t.Fatal(got.err)
	}
	for _, c := range []struct {
		table *destination.OwnTable
		want  map[string]any
	}{
		{destination.Runs, map[string]any{"status": "succeeded", "rows_in": int64(2), "rows_loaded": int64(2), "states_emitted": int64(1), "last_state": `{"n": 1}`}},
		{destination.Tables, map[string]any{"stream": "users", "status": "synced", "row_count": int64(11), "rows_inserted": int64(1), "rows_updated": int64(1), "active_version": int64(5)}},
		{destination.Loads, map[string]any{"stream": "users", "method": "upsert", "first_ordinal": int64(1), "last_ordinal": int64(2)}},
		{destination.Columns, map[string]any{"stream": "users"}},
	} {
		row := w.lastRow(c.table)
		for name, want := range c.want {
			if row[name] != want {
				t.Errorf("%s: %s is %v, want %v", c.table.Name, name, row[name], want)
			}
		}
	}
	if w.fence != 8 {
		t.Errorf("the run commits with fence %d behind one with 7", w.fence)
	}
}

// crowded is a warehouse whose loads are full with one table.
type crowded struct{ *memoryWarehouse }

type crowdedLoad struct{ destination.Load }

func (w crowded) Begin(ctx context.Context) (destination.Load, error) {
	l, err := w.memoryWarehouse.Begin(ctx)
	return crowdedLoad{l}, err
}

func (crowdedLoad) Crowded() bool { return true }

func TestAVersionIsActivatedInALoadThatHoldsItsTable(t *testing.T) {
	w := crowded{newMemoryWarehouse()}
	in := usersSchema + versioned(1, 5) + activate(5) + versioned(2, 5) + activate(6) + state(1)
	in += strings.ReplaceAll(in, "users", "later")
	_, err := Run(t.Context(), singer.NewReader(strings.NewReader(in)), w, func(json.RawMessage) error { return nil },
		Options{Table: table.Options{Metadata: true}, Allocator: memory.NewGoAllocator(), Log: slog.New(slog.DiscardHandler)})
	if rows := w.rows("later"); err != nil || len(rows) != 4 || len(w.rows("users")) != 4 || w.commits < 6 {
		t.Errorf("failure %v, %d commits, rows %v", err, w.commits, rows)
	}
}

// remembering is a warehouse whose records are read again, as the next run does.
type remembering struct{ *memoryWarehouse }

func (w remembering) Read(_ context.Context, t *destination.OwnTable, _ int) (newest []destination.Row, err error) {
	seen := map[string]bool{}
	for _, row := range slices.Backward(w.own[t.Name]) {
		if key := fmt.Sprint(row.Values[:t.Key]); !seen[key] {
			newest, seen[key] = append(newest, row), true
		}
	}
	return newest, nil
}

// made is a warehouse in which somebody has dropped the tables: they are made anew.
type made struct{ *memoryWarehouse }

type makingLoad struct{ destination.Load }

func (w made) Begin(ctx context.Context) (destination.Load, error) {
	l, err := w.memoryWarehouse.Begin(ctx)
	return makingLoad{l}, err
}

func (l makingLoad) Migrate(ctx context.Context, t *table.Table) (*destination.Migration, error) {
	m, err := l.Load.Migrate(ctx, t)
	m.Changes = append(m.Changes, destination.Change{Kind: destination.CreateTable})
	return m, err
}

// TestVersionsOfARunThatWasCut has several runs into one warehouse, each with what the one before it has left in the
// journal. What counts is whether rows without a version go with the last ACTIVATE_VERSION.
func TestVersionsOfARunThatWasCut(t *testing.T) {
	type run struct {
		in      string
		options Options
		dropped bool // the tables, before the run
		fails   bool // at its first commit of rows
		reload  bool // was asked for before the run
	}
	upsert := func(in string) run { return run{in: usersSchema + in} }
	overwrite, history := upsert(versioned(1, 5)), upsert(versioned(1, 5))
	overwrite.options.Table.Method = table.Overwrite
	overwrite.options.Interrupted = func() bool { return true }
	history.options.History = func(string) bool { return true }
	ignored, added := upsert(versioned(1, 5)), upsert(versioned(1, 5))
	ignored.options.IgnoreVersions = true
	added.options.Table.Method = table.AppendOnly
	cut := upsert(versioned(1, 5))
	for _, c := range []struct {
		name string
		runs []run
		want string // the last activation and whether rows without a version go with it
	}{
		{"the next one has no more records", []run{upsert(user(1, "a") + user(2, "b")), cut, upsert(activate(5))}, "activated 5 true"},
		{"one between them says nothing", []run{cut, upsert(state(1)), upsert(activate(5))}, "activated 5 true"},
		{"one between them has records without versions", []run{cut, upsert(user(3, "c")), upsert(activate(5))}, "activated 5 true"},
		{"the next one activates a newer version", []run{cut, upsert(activate(7))}, "activated 7 true"},
		{"it was cut in its second version", []run{upsert(versioned(1, 5) + activate(5)), upsert(versioned(1, 6)), upsert(activate(6))}, "activated 6 true"},
		{"it had read on behind an activation", []run{upsert(versioned(1, 5) + activate(5) + versioned(1, 6)), upsert(activate(6))}, "activated 6 true"},
		{"its first records were of an older version", []run{upsert(activate(5) + versioned(1, 4) + versioned(2, 6)), upsert(activate(6))}, "activated 6 true"},
		{"the version that comes between is too old", []run{upsert(versioned(1, 5) + activate(5) + versioned(1, 7)), upsert(activate(4)), upsert(activate(7))}, "activated 7 true"},
		{"the table keeps a history", []run{history, {in: usersSchema + activate(5), options: history.options}}, "activated 5 true"},
		{"it is read again and cut again", []run{cut, {in: usersSchema + versioned(1, 6), reload: true}, {in: usersSchema + activate(6), reload: true}}, "activated 6 true"},
		{"no record ever had a version", []run{upsert(user(1, "a")), upsert(activate(5))}, "activated 5 false"},
		{"the version was activated ahead of its records", []run{upsert(activate(5) + versioned(1, 5)), upsert(activate(5))}, "activated 5 false"},
		{"records without a version got the active one", []run{upsert(activate(5) + user(1, "a")), upsert(activate(5))}, "activated 5 false"},
		{"the version was activated, and later records have none", []run{upsert(versioned(1, 5) + activate(5)), upsert(user(2, "b")), upsert(activate(5))}, "activated 5 false"},
		{"the records were of a version older than the active one", []run{upsert(activate(6) + versioned(1, 5)), upsert(activate(6))}, "activated 6 false"},
		{"the load of its rows was undone", []run{{in: usersSchema + versioned(1, 5), fails: true}, upsert(activate(5))}, "activated 5 false"},
		{"the table was dropped since", []run{cut, {in: usersSchema + user(2, "b"), dropped: true}, upsert(activate(5))}, "activated 5 false"},
		{"the table was made by it", []run{{in: usersSchema + versioned(1, 5), dropped: true}, upsert(activate(5))}, "activated 5 true"},
		{"its rows were collected to overwrite with", []run{overwrite, upsert(activate(5))}, "activated 5 false"},
		{"versions were switched off", []run{ignored, upsert(activate(5))}, "activated 5 false"},
		{"its rows were only added", []run{added, upsert(activate(5))}, "activated 5 false"},
		{"it was of another stream", []run{{in: strings.ReplaceAll(cut.in, "users", "later")}, upsert(activate(5))}, "activated 5 false"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, got := newMemoryWarehouse(), ""
			for _, r := range c.runs {
				o := r.options
				known, err := journal.Recall(t.Context(), remembering{w}, "")
				if err != nil {
					t.Fatal(err)
				}
				if entry := known.Tables["users"]; r.reload {
					entry.ReloadRequestedAt = time.Unix(1, 0)
					known.Tables["users"] = entry
				}
				w.fail = func(at string, n int) error {
					if r.fails && at == "append" {
						return errors.New("disk full")
					}
					return nil
				}
				var into destination.Destination = w
				if r.dropped {
					into = made{w}
				}
				delete(w.tables, "users") // what earlier runs have activated
				o.Memory, o.Table.Metadata, o.Log = known, true, slog.New(slog.DiscardHandler)
				o.Allocator = memory.NewGoAllocator()
				if _, err := Run(t.Context(), singer.NewReader(strings.NewReader(r.in+state(1))), into, func(json.RawMessage) error { return nil }, o); (err != nil) != r.fails {
					t.Fatal(err)
				}
				for row, text := range w.rows("users") {
					if strings.HasPrefix(row, "activated") {
						got = row + text[strings.LastIndex(text, " "):]
					}
				}
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
