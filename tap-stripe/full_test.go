package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"tapline/singer"
	"tapline/tests/fake/stripe/stripefake"
)

// fullTables are what a target holds of streams that come with versions: the rows of the version activated last, and
// how often one was.
func fullTables(t *testing.T, messages []singer.Message, rows map[string]map[string]int64, activated map[string]int64) (activations int) {
	t.Helper()
	for _, m := range messages {
		switch m := m.(type) {
		case *singer.Record:
			if !m.HasVersion || m.Version < activated[m.Stream] {
				t.Fatalf("a record of %s has version %d behind %d", m.Stream, m.Version, activated[m.Stream])
			}
			if rows[m.Stream] == nil {
				rows[m.Stream] = map[string]int64{}
			}
			rows[m.Stream][keyOf(t, m.Stream, m.Record)] = m.Version
		case *singer.ActivateVersion:
			activations++
			activated[m.Stream] = m.Version
			for key, version := range rows[m.Stream] {
				if version < m.Version {
					delete(rows[m.Stream], key)
				}
			}
		}
	}
	return activations
}

func TestATableThatIsReadWholeHasAVersionThatEndsTheOnesBefore(t *testing.T) {
	fake, url := newFake(t, stripefake.Options{Seed: 41, Counts: map[string]int{"webhook_endpoints": 25, "value_lists": 12, "country_specs": 3}})
	set := map[string]any{"select": []string{"webhook_endpoints.*", "country_specs.*", "radar_value_lists.*", "radar_value_list_items.*"}, "page_size": 10}
	rows, activated := map[string]map[string]int64{}, map[string]int64{}
	first := mustRun(t, url, "", set)
	if n := fullTables(t, first.messages, rows, activated); n != 4 {
		t.Errorf("%d versions are activated", n)
	}
	if len(rows["webhook_endpoints"]) != 25 || len(rows["radar_value_list_items"]) == 0 || len(rows["country_specs"]) != 3 {
		t.Errorf("%d endpoints and %d items", len(rows["webhook_endpoints"]), len(rows["radar_value_list_items"]))
	}
	items := len(rows["radar_value_list_items"])
	for _, kind := range []string{"webhook_endpoints", "value_lists"} {
		objects, err := fake.Objects(kind)
		if err != nil {
			t.Fatal(err)
		}
		if err := fake.Delete(kind, idIn(t, objects[3])); err != nil {
			t.Fatal(err)
		}
	}
	// The clock stands still, and yet the versions are new.
	fullTables(t, mustRun(t, url, lastState(first.messages), set).messages, rows, activated)
	if len(rows["webhook_endpoints"]) != 24 || len(rows["radar_value_list_items"]) >= items || len(rows["radar_value_lists"]) != 11 {
		t.Errorf("%d endpoints, %d lists and %d items are left", len(rows["webhook_endpoints"]), len(rows["radar_value_lists"]), len(rows["radar_value_list_items"]))
	}
}

func TestATableThatWasCutIsNotActivated(t *testing.T) {
	fake, url := newFake(t, stripefake.Options{Seed: 42, Counts: map[string]int{"webhook_endpoints": 30}})
	if err := fake.Fail(stripefake.Failure{Mode: stripefake.BadGateway, Path: "/v1/webhook_endpoints", Skip: 2, Times: 1 << 30}); err != nil {
		t.Fatal(err)
	}
	set := map[string]any{"select": []string{"webhook_endpoints.*"}, "page_size": 10, "max_retries": 0}
	rows, activated := map[string]map[string]int64{}, map[string]int64{}
	cut := runTap(t, url, "", set)
	if n := fullTables(t, cut.messages, rows, activated); n != 0 || cut.code == singer.ExitOK || len(rows["webhook_endpoints"]) != 20 {
		t.Errorf("the run ends with %d, %d activations and %d rows", cut.code, n, len(rows["webhook_endpoints"]))
	}
	fake.ClearFailures()
	objects, err := fake.Objects("webhook_endpoints")
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range objects {
		if _, written := rows["webhook_endpoints"][idIn(t, object)]; written {
			if err := fake.Delete("webhook_endpoints", idIn(t, object)); err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	// A row that the cut run has written, of an object that is gone since, has an older version.
	fullTables(t, mustRun(t, url, lastState(cut.messages), set).messages, rows, activated)
	if len(rows["webhook_endpoints"]) != 29 {
		t.Errorf("%d rows of 29", len(rows["webhook_endpoints"]))
	}
}

func TestARunOfOnePageActivatesNothing(t *testing.T) {
	_, url := newFake(t, stripefake.Options{Seed: 43, Counts: map[string]int{"webhook_endpoints": 5}})
	r := runTap(t, url, "", map[string]any{"select": []string{"webhook_endpoints.*"}}, "--test")
	if n := count[*singer.ActivateVersion](r.messages); n != 0 || r.code != singer.ExitOK {
		t.Errorf("%d activations, exit code %d", n, r.code)
	}
}

func TestAWholeListSurvivesTheDeletionOfItsCursor(t *testing.T) {
	fake, _ := newFake(t, stripefake.Options{Seed: 44, Counts: map[string]int{"webhook_endpoints": 40}})
	deleted := 0
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if id := r.URL.Query().Get("starting_after"); id != "" && deleted < 3 {
			if err := fake.Delete("webhook_endpoints", id); err != nil {
				t.Error(err)
			}
			deleted++
		}
		fake.ServeHTTP(w, r)
	})
	got := table{}
	got.load(t, mustRun(t, url, "", map[string]any{"select": []string{"webhook_endpoints.*"}, "page_size": 7}).messages)
	objects, err := fake.Objects("webhook_endpoints")
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range objects {
		if got["webhook_endpoints"][idIn(t, object)] == "" {
			t.Errorf("%s is missing", idIn(t, object))
		}
	}
	if deleted != 3 || len(objects) != 37 {
		t.Errorf("%d deleted, %d left", deleted, len(objects))
	}
}

func TestSingleObjectsHaveNoVersion(t *testing.T) {
	fake, url := newFake(t, stripefake.Options{Seed: 45, Objects: 50})
	r := mustRun(t, url, "", map[string]any{"select": []string{"account.*", "balance.*"}})
	streams := map[string]json.RawMessage{}
	for _, m := range r.messages {
		if record, ok := m.(*singer.Record); ok {
			streams[record.Stream] = record.Record
			if record.HasVersion {
				t.Errorf("%s has a version", record.Stream)
			}
		}
	}
	at := `"extracted_at":"` + fake.Now().Format("2006-01-02T15:04:05Z") + `"`
	if len(streams) != 2 || !strings.Contains(string(streams["balance"]), at) || count[*singer.ActivateVersion](r.messages) > 0 {
		t.Errorf("records: %s", streams)
	}
}

func TestAProductThatTheAccountDoesNotUseIsNoFailure(t *testing.T) {
	fake, url := newFake(t, stripefake.Options{Seed: 46, Objects: 100, NotEnabled: []string{"issuing_cards", "climate_orders"}})
	set := map[string]any{"select": []string{"issuing_cards.*", "issuing_tokens.*", "climate_orders.*", "charges.*"}}
	r := mustRun(t, url, "", set)
	got := table{}
	got.load(t, r.messages)
	if diff := differ(oracle(t, fake, "charges"), got); diff != "" {
		t.Error(diff)
	}
	for _, stream := range []string{"issuing_cards", "climate_orders"} {
		if !strings.Contains(r.log, "stream="+stream+" the account does not use") {
			t.Errorf("nothing is said of %s:\n%s", stream, r.log)
		}
	}
	if i := slices.IndexFunc(r.messages, func(m singer.Message) bool { _, ok := m.(*singer.ActivateVersion); return ok }); i >= 0 {
		t.Errorf("a table that was not read is activated: %+v", r.messages[i])
	}
}
