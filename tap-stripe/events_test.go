package main

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline/singer"
)

func TestEventsAreRead(t *testing.T) {
	e, err := parseEvent(json.RawMessage(`{"id":"evt_1","object":"event","api_version":"2018-01-01","created":1700000000,"request":"req_1","type":"invoice.updated",` +
		`"data":{"object":{"id":"in_1","object":"invoice"},"previous_attributes":{"lines":{"data":[{"id":"il_1"}]}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := event{id: "evt_1", typ: "invoice.updated", created: 1700000000, version: "2018-01-01", kind: "invoice", objectID: "in_1",
		object: json.RawMessage(`{"id":"in_1","object":"invoice"}`), previous: json.RawMessage(`{"lines":{"data":[{"id":"il_1"}]}}`)}
	if diff := cmp.Diff(want, e, cmp.AllowUnexported(event{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAnEventOfAnObjectWithoutAnIDIsRead(t *testing.T) {
	e, err := parseEvent(json.RawMessage(`{"id":"evt_1","created":1,"type":"invoice.upcoming","api_version":null,"data":{"object":{"object":"invoice"}}}`))
	if err != nil || e.objectID != "" || e.kind != "invoice" || e.version != "" || e.previous != nil {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestWhatIsNoEventIsRefused(t *testing.T) {
	for _, bad := range []string{`[]`, `{"id":"evt_1"`, `{"created":1,"type":"a.b","data":{"object":{}}}`, `{"id":"evt_1","type":"a.b","data":{"object":{}}}`,
		`{"id":"evt_1","created":"1","type":"a.b","data":{"object":{}}}`, `{"id":"evt_1","created":1,"data":{"object":{}}}`,
		`{"id":"evt_1","created":1,"type":"a.b"}`, `{"id":"evt_1","created":1,"type":"a.b","data":{"object":"ch_1"}}`} {
		_, err := parseEvent(json.RawMessage(bad))
		var record *singer.RecordError
		if !errors.As(err, &record) || record.Stream != "events" {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestOnlyDeletionsDelete(t *testing.T) {
	for typ, want := range map[string]bool{"customer.deleted": true, "customer.tax_id.deleted": true, "customer.updated": false, "invoice.voided": false} {
		if e := (&event{typ: typ}); e.deletes() != want {
			t.Errorf("%s deletes: %v", typ, !want)
		}
	}
}

func TestElementsOfAList(t *testing.T) {
	object := json.RawMessage(`{"items":{"data":[{"id":"a"},{"id":"b"}]},"computed":{"upfront":{"line_items":{"data":[{"id":"c"}]}}},"lines":null,"text":{"data":"x"}}`)
	for path, want := range map[string]int{"items": 2, "computed.upfront.line_items": 1, "lines": 0, "absent": 0, "text": 0} {
		if got := elementsOf(object, path); len(got) != want {
			t.Errorf("%s: %s", path, got)
		}
	}
}

func FuzzParseEvent(f *testing.F) {
	f.Add([]byte(`{"id":"evt_1","created":1700000000,"type":"invoice.updated","data":{"object":{"id":"in_1","object":"invoice"},"previous_attributes":null}}`))
	f.Add([]byte(`{"id":"\u00e9","created":1,"type":"x","data":{"object":{"id":{"id":"y"}}}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := parseEvent(raw)
		if err != nil {
			return
		}
		var want struct {
			ID, Type string
			Created  int64
		}
		// Go's decoder takes names in any case and the last of several, so that only what it agrees to read is compared.
		if json.Unmarshal(raw, &want) == nil && e.id != "" && want.ID == "" {
			t.Errorf("%s has the id %q", raw, e.id)
		}
		if e.typ == "" || len(e.object) == 0 {
			t.Errorf("%s is read as %+v", raw, e)
		}
	})
}
