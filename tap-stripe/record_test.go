package main

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline/singer"
)

func makeRecords(t *testing.T, m *recordMaker, objects ...string) (records []string, err error) {
	t.Helper()
	var list []found
	for _, object := range objects {
		list = append(list, found{object: json.RawMessage(object)})
	}
	made, err := m.make(list, "")
	for _, record := range made {
		records = append(records, string(record))
	}
	return records, err
}

func newMaker(t *testing.T, stream string) *recordMaker {
	t.Helper()
	schema := &singer.Schema{Schema: json.RawMessage(`{"properties":{"created":{"format":"date-time"}}}`)}
	shop, err := newRecordShop(findStream(stream), schema, func(...string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	m, err := shop.take(findStream(stream))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestRecordsKeepTheirBytes(t *testing.T) {
	records, err := makeRecords(t, newMaker(t, "charges"),
		`{"id":"ch_\u0031","created":1704164645,"rate":0.10,"text":"a \n\u00e9 <b>  "}`, `{"created":0,"id":"ch_2"}`, `{}`)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`{"id":"ch_\u0031","created":"2024-01-02T03:04:05Z","rate":0.10,"text":"a \n\u00e9 <b>  "}`, `{"created":"1970-01-01T00:00:00Z","id":"ch_2"}`, `{}`}
	if diff := cmp.Diff(want, records); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestObjectsAreIdentifiedByIDAndCreation(t *testing.T) {
	got, err := identifyAll(findStream("charges"), []json.RawMessage{[]byte(`{"id": "ch_\u0031", "created": 1704164645}`), []byte(`{"created":0,"id":"ch_2"}`)})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]entry{{"ch_1", 1704164645}, {"ch_2", 0}}, got, cmp.AllowUnexported(entry{})); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func TestObjectsWithoutIdentityAreRefused(t *testing.T) {
	for _, bad := range []string{`{"created":5}`, `{"id":"","created":5}`, `{"id":7,"created":5}`, `{"id":"ch_1"}`, `{"id":"ch_1","created":null}`,
		`{"id":"ch_1","created":"5"}`, `[]`, `"ch_1"`, `{"id":`} {
		_, err := identifyAll(findStream("charges"), []json.RawMessage{[]byte(bad)})
		var fault *singer.RecordError
		if !errors.As(err, &fault) || fault.Stream != "charges" {
			t.Errorf("%s: %v, want a fault that names the stream", bad, err)
		}
	}
}
