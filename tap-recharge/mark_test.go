package main

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline/singer"
)

func parseState(t *testing.T, text string) *singer.Bookmarks {
	t.Helper()
	state, err := singer.ParseBookmarks([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func TestMarksOfOtherTapsAreRead(t *testing.T) {
	want := at("2024-03-10T12:13:28Z")
	for _, bookmark := range []string{
		`{"updated_at":"2024-03-10T12:13:28Z"}`,
		`{"updated_at":"2024-03-10T12:13:28","version":7}`,
		`"2024-03-10T12:13:28.000000Z"`, // singer-io's tap-recharge
		`"2024-03-10T12:13:28+00:00"`,
	} {
		got, err := readMark(parseState(t, `{"bookmarks":{"charges":`+bookmark+`}}`), findStream("charges"))
		if err != nil || !got.Equal(want) {
			t.Errorf("%s is read as %v, %v", bookmark, got, err)
		}
	}
	for _, none := range []string{`{}`, `{"bookmarks":{"charges":null}}`, `{"bookmarks":{"charges":{}}}`, `{"bookmarks":{"charges":{"updated_at":null}}}`,
		`{"bookmarks":{"charges":{"created_at":"2024-03-10"}}}`} {
		if got, err := readMark(parseState(t, none), findStream("charges")); err != nil || !got.IsZero() {
			t.Errorf("%s is read as %v, %v", none, got, err)
		}
	}
	if got, err := readMark(parseState(t, `{"bookmarks":{"events":{"created_at":"2024-03-10T12:13:28"}}}`), findStream("events")); err != nil || !got.Equal(want) {
		t.Errorf("events go by created_at, but are read as %v, %v", got, err)
	}
}

func TestMarksThatCannotBeUsedAreRefused(t *testing.T) {
	for _, bad := range []string{`"soon"`, `{"updated_at":"soon"}`, `{"updated_at":5}`, `5`, `[]`, `{"updated_at":{}}`} {
		_, err := readMark(parseState(t, `{"bookmarks":{"charges":`+bad+`}}`), findStream("charges"))
		if fault, ok := errors.AsType[*singer.ConfigError](err); !ok || strings.Count(fault.Error(), "the bookmark of stream charges") != 1 || strings.Contains(fault.Error(), "json:") {
			t.Errorf("%s: %v, want a plain sentence that names the stream once", bad, err)
		}
	}
	for _, bad := range []string{`{"version":"x"}`, `{"version":-1}`, `5`, `{"version":5,"pass":{"version":5,"cursor":"x"}}`, `{"records":{"keys":"1","contents":"AAAA"}}`} {
		_, err := readPassMark(parseState(t, `{"bookmarks":{"store":`+bad+`}}`), findStream("store"))
		if _, ok := errors.AsType[*singer.ConfigError](err); !ok || !strings.Contains(err.Error(), "the bookmark of stream store") {
			t.Errorf("%s: %v, want a plain sentence", bad, err)
		}
	}
}

func TestAMarkNeverMovesBackwards(t *testing.T) {
	m := mark{at("2024-03-10")}
	m.advance(at("2024-03-09"))
	m.advance(time.Time{})
	if !m.Equal(at("2024-03-10")) {
		t.Errorf("the mark moved to %v", m)
	}
	m.advance(at("2024-03-10T00:00:00.5"))
	if got := m.stored(findStream("charges"))["updated_at"]; got != "2024-03-10T00:00:00.5Z" {
		t.Errorf("it is stored as %s", got)
	}
}

func TestAPassIsContinuedUnlessItIsOld(t *testing.T) {
	began := at("2024-03-10")
	m := passMark{Version: 5, Pass: &pass{Version: began.UnixMilli(), Cursor: "c"}}
	if got := m.resume(began.Add(passLife - time.Second)); got != m.Pass {
		t.Errorf("a young pass is not continued, but %+v", got)
	}
	late := began.Add(passLife)
	if got := m.resume(late); got.begun() || got.Version != late.UnixMilli() {
		t.Errorf("an old pass is continued as %+v", got)
	}
	if got := m.resume(began.Add(-48 * time.Hour)); got != m.Pass {
		t.Errorf("under a clock that went back: %+v", got)
	}
	m.Pass = nil
	if got := m.resume(time.UnixMilli(3)); got.Version != 6 {
		t.Errorf("the version after 5 is %d", got.Version)
	}
}

func TestAPassMarkSurvivesTheState(t *testing.T) {
	state := &singer.Bookmarks{}
	want := passMark{Version: 7, Pass: &pass{Version: 9, Cursor: "eyJ", After: "12"}, Records: &digests{Keys: 1<<64 - 1, Contents: []byte("12345678")}}
	if err := state.Set("store", want); err != nil {
		t.Fatal(err)
	}
	got, err := readPassMark(parseState(t, string(state.State().Value)), findStream("store"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if text, _ := json.Marshal(passMark{Version: 7}); string(text) != `{"version":7}` {
		t.Errorf("a plain one is %s", text)
	}
	if got, err := readPassMark(parseState(t, `{"bookmarks":{"store":"2024-03-10T00:00:00Z"}}`), findStream("store")); err != nil || got != (passMark{}) {
		t.Errorf("a time that another tap left is read as %+v, %v", got, err)
	}
}
