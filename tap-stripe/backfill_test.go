package main

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline/singer"
)

func mark(t *testing.T, state string, st *stream) (*bookmark, error) {
	t.Helper()
	state = strings.ReplaceAll(state, "STREAM", st.name)
	b, err := singer.ParseBookmarks([]byte(state))
	if err != nil {
		t.Fatal(err)
	}
	return readBookmark(b, st, st.name)
}

func TestBookmarksOfOtherMakesAreUnderstood(t *testing.T) {
	for _, c := range []struct{ name, state string }{
		{"our own", `{"bookmarks":{"STREAM":{"created":1704067200}}}`},
		{"singer-io's", `{"bookmarks":{"STREAM":{"created":1704067200},"STREAM_events":{"updates_created":1}}}`},
		{"singer-io's date", `{"bookmarks":{"STREAM":{"date":1704067200}}}`},
		{"digits in a string", `{"bookmarks":{"STREAM":{"created":"1704067200"}}}`},
		{"a time", `{"bookmarks":{"STREAM":{"created":"2024-01-01T01:00:00+01:00"}}}`},
		{"a date", `{"bookmarks":{"STREAM":{"created":"2024-01-01"}}}`},
	} {
		got, err := mark(t, c.state, &streams[0])
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if diff := cmp.Diff(&bookmark{Created: 1704067200}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
	for _, none := range []string{``, `{}`, `{"bookmarks":{}}`, `{"bookmarks":{"STREAM":{}}}`, `{"bookmarks":{"STREAM":{"created":null}}}`} {
		if got, err := mark(t, none, &streams[0]); err != nil || *got != (bookmark{}) {
			t.Errorf("state %q: %+v, %v; want an empty bookmark", none, got, err)
		}
	}
}

func TestBookmarksThatCannotBeUsedAreRefused(t *testing.T) {
	for _, bad := range []string{`{"created":"soon"}`, `{"created":1.5}`, `{"created":-1}`, `{"created":{}}`, `{"backfill":5}`,
		`{"backfill":{"start":0,"end":9,"remaining":[{"gte":5,"lt":4}]}}`,
		`{"backfill":{"start":0,"end":9,"remaining":[{"gte":-5,"lt":4}]}}`,
		`{"backfill":{"start":0,"end":9,"remaining":[{"gte":0,"lt":10}]}}`,
		`{"backfill":{"start":0,"end":9,"remaining":[null]}}`} {
		_, err := mark(t, `{"bookmarks":{"STREAM":`+bad+`}}`, &streams[0])
		var fault *singer.ConfigError
		if !errors.As(err, &fault) || strings.Count(err.Error(), "the bookmark of stream "+streams[0].name) != 1 || strings.Contains(err.Error(), "json:") {
			t.Errorf("%s: %v, want a plain sentence that names the stream once", bad, err)
		}
	}
}

func TestABookmarkSurvivesTheState(t *testing.T) {
	state := &singer.Bookmarks{}
	st := findStream("prices")
	want := &bookmark{Created: 5, EventFrom: 6, PendingFrom: 7, FullSyncedAt: 8, Version: 9, With: "products",
		Backfill: &backfill{Start: 5, End: 100, Remaining: []*slice{{GTE: 5, LT: 100, List: "active=false"}, {GTE: 5, LT: 40, List: "active=true"}}}}
	if err := state.Set(st.name, want); err != nil {
		t.Fatal(err)
	}
	got, err := readBookmark(state, st, st.name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestASliceOfAnUnknownListIsReadFromAllLists(t *testing.T) {
	got, err := mark(t, `{"bookmarks":{"STREAM":{"backfill":{"start":0,"end":9,"remaining":[{"gte":1,"lt":9,"list":"color=red"}]}}}}`, findStream("prices"))
	if err != nil {
		t.Fatal(err)
	}
	want := []*slice{{GTE: 1, LT: 9, List: "active=true"}, {GTE: 1, LT: 9, List: "active=false"}}
	if diff := cmp.Diff(want, got.Backfill.Remaining); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestABackfillEndsWithItsLastSlice(t *testing.T) {
	b := &bookmark{Created: 3}
	b.open(2, 10, []string{"", "active=false"})
	if got, want := encode(t, b), `{"created":3,"backfill":{"start":2,"end":10,"remaining":[{"gte":2,"lt":10},{"gte":2,"lt":10,"list":"active=false"}]}}`; got != want {
		t.Errorf("opened: %s, want %s", got, want)
	}
	b.finish(b.Backfill.Remaining[0])
	if got, want := encode(t, b), `{"created":3,"backfill":{"start":2,"end":10,"remaining":[{"gte":2,"lt":10,"list":"active=false"}]}}`; got != want {
		t.Errorf("half done: %s, want %s", got, want)
	}
	b.finish(b.Backfill.Remaining[0])
	// The second 9 may have gone on after its list was read.
	if got, want := encode(t, b), `{"created":9}`; got != want {
		t.Errorf("done: %s, want %s", got, want)
	}
	b.open(50, 50, bare)
	if b.Backfill != nil {
		t.Error("an empty range is opened")
	}
	b.open(0, 5, bare)
	b.finish(b.Backfill.Remaining[0])
	if b.Created != 9 {
		t.Errorf("the bookmark moves back to %d", b.Created)
	}
}

func TestTheNextRunOverlapsButKeepsToTheStartDate(t *testing.T) {
	for _, c := range []struct{ created, start, lookback, want int64 }{
		{0, 0, 600, 0}, {0, 5000, 600, 5000}, {9000, 5000, 600, 8400}, {5100, 5000, 600, 5000}, {300, 0, 600, 0}, {9000, 0, 0, 9000},
	} {
		if got := (&bookmark{Created: c.created}).next(c.start, c.lookback); got != c.want {
			t.Errorf("next of %+v = %d", c, got)
		}
	}
}

func TestForgettingWhatTheServerDoesNotKeep(t *testing.T) {
	b := &bookmark{Backfill: &backfill{Start: 10, End: 100, Remaining: []*slice{{GTE: 60, LT: 80}, {GTE: 10, LT: 30}, {GTE: 30, LT: 55}}}}
	if !b.forget(50) {
		t.Error("nothing is said to be forgotten")
	}
	if got, want := encode(t, b), `{"backfill":{"start":50,"end":100,"remaining":[{"gte":60,"lt":80},{"gte":50,"lt":55}]}}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if b.forget(50) {
		t.Error("the same is forgotten twice")
	}
	if !b.forget(200) || b.Backfill != nil || b.Created != 99 {
		t.Errorf("%s, want the backfill to be over", encode(t, b))
	}
	if b.forget(300) {
		t.Error("no backfill is forgotten")
	}
}

func encode(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
