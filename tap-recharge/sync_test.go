package main

import (
	"encoding/json"
	"strings"
	"testing"

	"tapline/singer"
	"tapline/tests/fake/recharge/rechargefake"
)

func TestAFirstRunReadsEveryObjectUnchanged(t *testing.T) {
	fake, url := newFake(t, rechargefake.Options{Seed: 1, Objects: 2000})
	r := mustRun(t, url, "", nil)
	got := table{}
	got.load(t, r.messages)
	if diff := differ(oracle(t, fake), got); diff != "" {
		t.Error(diff)
	}
	if log := strings.ToLower(r.log); strings.Contains(log, "error") || strings.Contains(log, "exception") {
		t.Errorf("a healthy run speaks of errors:\n%s", r.log)
	}
}

func TestSchemasComeFirstAndAStateLast(t *testing.T) {
	_, url := newFake(t, rechargefake.Options{Seed: 2, Counts: map[string]int{"charges": 3}}) // every other list is empty
	r := mustRun(t, url, "", nil)
	selected := 0
	for i := range streams {
		if streams[i].optional {
			continue
		}
		if schema, ok := r.messages[selected].(*singer.Schema); !ok || len(schema.KeyProperties) == 0 {
			t.Errorf("message %d is %+v, want the SCHEMA of a stream with its key", selected, r.messages[selected])
		}
		selected++
	}
	if _, ok := r.messages[len(r.messages)-1].(*singer.State); !ok {
		t.Error("the last message is no STATE")
	}
	state := lastState(r.messages)
	for i := range streams {
		got := bookmarkOf(t, state, streams[i].name)
		want := ""
		switch {
		case streams[i].optional:
		case streams[i].replicationKey != "":
			text, _ := json.Marshal(map[string]string{streams[i].replicationKey: formatTime(rechargefake.DefaultNow)})
			want = string(text)
		default:
			want = `{"version":1748865600000}`
		}
		if got != want {
			t.Errorf("%s ends with the bookmark %s, want %s", streams[i].name, got, want)
		}
	}
}
