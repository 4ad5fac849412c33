package main

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline/singer"
)

func makeRecords(t *testing.T, m *recordMaker, objects ...string) (records []string, entries []entry, err error) {
	t.Helper()
	var raw []json.RawMessage
	for _, object := range objects {
		raw = append(raw, json.RawMessage(object))
	}
	made, entries, err := m.make(raw)
	for _, record := range made {
		records = append(records, string(record))
	}
	return records, entries, err
}

func newMaker(t *testing.T, stream string) *recordMaker {
	t.Helper()
	schema := &singer.Schema{Schema: json.RawMessage(`{"properties":{"created":{"format":"date-time"}}}`)}
	m, err := newRecordMaker(findStream(stream), schema, func(...string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestRecordsFitALineAndKeepTheirBytes(t *testing.T) {
	records, got, err := makeRecords(t, newMaker(t, "charges"),
		"{\n  \"id\": \"ch_\\u0031\",\n  \"created\": 1704164645,\n  \"rate\": 0.10, \"text\": \"a \\n\\u00e9 <b>  \"\r\n}", `{"created":0,"id":"ch_2"}`)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`{"id":"ch_\u0031","created":"2024-01-02T03:04:05Z","rate":0.10,"text":"a \n\u00e9 <b>  "}`, `{"created":"1970-01-01T00:00:00Z","id":"ch_2"}`}
	if diff := cmp.Diff(want, records); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]entry{{"ch_1", 1704164645}, {"ch_2", 0}}, got, cmp.AllowUnexported(entry{})); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func TestAnObjectOfTwoListsIsOneRecordUnlessItChanged(t *testing.T) {
	const before, after = `{"id":"price_1","created":5,"active":true}`, `{"id":"price_1","created":5,"active":false}`
	m := newMaker(t, "prices")
	for _, c := range []struct {
		object  string
		records int
	}{{before, 1}, {before, 0}, {after, 1}, {after, 0}, {before, 1}} {
		records, entries, err := makeRecords(t, m, c.object)
		if err != nil || len(records) != c.records || len(entries) != 1 {
			t.Errorf("%s makes %d records, %v; want %d", c.object, len(records), err, c.records)
		}
	}
}

func TestObjectsWithoutIdentityAreRefused(t *testing.T) {
	for _, bad := range []string{`{"created":5}`, `{"id":"","created":5}`, `{"id":7,"created":5}`, `{"id":"ch_1"}`, `{"id":"ch_1","created":null}`,
		`{"id":"ch_1","created":"5"}`, `[]`, `"ch_1"`, `{"id":`} {
		_, _, err := makeRecords(t, newMaker(t, "charges"), bad)
		var fault *singer.RecordError
		if !errors.As(err, &fault) || fault.Stream != "charges" {
			t.Errorf("%s: %v, want a fault that names the stream", bad, err)
		}
	}
}
