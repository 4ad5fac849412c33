package main

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

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

func TestColumnsTellWhatIsKnownOfAnObject(t *testing.T) {
	catalog, err := allStreams()
	if err != nil {
		t.Fatal(err)
	}
	read := time.Unix(1_704_067_200, 0)
	const now = `"2024-01-01T00:00:00Z"`
	for _, c := range []struct {
		name, stream string
		found        found
		account      string
		want         string
	}{
		{"in a list", "charges", found{object: json.RawMessage(`{"id":"ch_1"}`), read: read}, "",
			`{"id":"ch_1","updated":null,"updated_by_event_type":null,"deleted":false,"deleted_at":null,"_sdc_deleted_at":null,"_sdc_source_fetched_at":` + now + `}`},
		{"by an event", "charges", found{object: json.RawMessage(`{"id":"ch_1"}`), read: read, updated: 60, updatedBy: "charge.updated"}, "acct_1",
			`{"id":"ch_1","updated":"1970-01-01T00:01:00Z","updated_by_event_type":"charge.updated","deleted":false,"deleted_at":null,"_sdc_deleted_at":null,"_sdc_source_fetched_at":` + now + `,"account_id":"acct_1"}`},
		{"gone", "coupons", found{object: json.RawMessage(`{"id":"c"}`), read: read, updated: 60, updatedBy: "coupon.deleted", deletedAt: 60}, "",
			`{"id":"c","updated":"1970-01-01T00:01:00Z","updated_by_event_type":"coupon.deleted","deleted":true,"deleted_at":"1970-01-01T00:01:00Z","_sdc_deleted_at":"1970-01-01T00:01:00Z","_sdc_source_fetched_at":` + now + `}`},
		{"with fields of Stripe's", "products", found{object: json.RawMessage(`{"id":"p","updated":120,"deleted":true}`), read: read, updated: 60}, "",
			`{"id":"p","updated":"1970-01-01T00:02:00Z","deleted":true,"updated_by_event_type":null,"deleted_at":null,"_sdc_deleted_at":null,"_sdc_source_fetched_at":` + now + `}`},
		{"with such a field further down", "charges", found{object: json.RawMessage(`{"id":"c","metadata":{"updated":"x"}}`), read: read}, "",
			`{"id":"c","metadata":{"updated":"x"},"updated":null,"updated_by_event_type":null,"deleted":false,"deleted_at":null,"_sdc_deleted_at":null,"_sdc_source_fetched_at":` + now + `}`},
		{"with a moment", "balance", found{object: json.RawMessage(`{"object":"balance"}`), read: read}, "",
			`{"object":"balance","extracted_at":` + now + `,"updated":null,"updated_by_event_type":null,"deleted":false,"deleted_at":null,"_sdc_deleted_at":null,"_sdc_source_fetched_at":` + now + `}`},
		{"of a period without a beginning", "usage_record_summaries", found{object: json.RawMessage(`{"id":"sis_1","period":{"start":null}}`), read: read}, "",
			`{"id":"sis_1","period":{"start":null},"period_start":"1970-01-01T00:00:00Z","updated":null,"updated_by_event_type":null,"deleted":false,"deleted_at":null,"_sdc_deleted_at":null,"_sdc_source_fetched_at":` + now + `}`},
	} {
		schema, err := catalog.Stream(c.stream).SelectedSchema()
		if err != nil {
			t.Fatal(err)
		}
		shop, err := newRecordShop(findStream(c.stream), schema, func(...string) bool { return true })
		if err != nil {
			t.Fatal(err)
		}
		maker, err := shop.take(findStream(c.stream))
		if err != nil {
			t.Fatal(err)
		}
		made, err := maker.make([]found{c.found}, c.account)
		if err != nil || string(made[0]) != c.want {
			t.Errorf("%s: %v\n got %s\nwant %s", c.name, err, made[0], c.want)
		}
	}
}

// Records of a batch share what is the same in all of them, and nothing else.
func TestRecordsOfABatchAreAsEachByItself(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	catalog, err := allStreams()
	if err != nil {
		t.Fatal(err)
	}
	schema, err := catalog.Stream("usage_record_summaries").SelectedSchema()
	if err != nil {
		t.Fatal(err)
	}
	st := findStream("usage_record_summaries")
	shop, err := newRecordShop(st, schema, func(path ...string) bool { return path[0] != columnDeletedAt })
	if err != nil {
		t.Fatal(err)
	}
	objects := []string{`{}`, `{ }`, ` {"id":"1"} `, `{"id":"1","period":{"start":5}}`, `{"updated":null}`, `{"upd\u0061ted":7,"deleted":true}`,
		`{"_sdc_source_fetched_at":1,"period_start":2}`, `{"deleted_at":1}`, `{"metadata":{"updated":1}}`}
	for range 300 {
		var list []found
		for range random.IntN(8) {
			f := found{object: json.RawMessage(objects[random.IntN(len(objects))]), read: time.Unix(random.Int64N(3), 0), updated: random.Int64N(2)}
			if random.IntN(3) == 0 {
				f.deletedAt, f.updatedBy = 60, "x.deleted"
			}
			list = append(list, f)
		}
		account := []string{"", "acct_1"}[random.IntN(2)]
		together, err := shop.take(st)
		if err != nil {
			t.Fatal(err)
		}
		records, err := together.make(list, account)
		if err != nil {
			t.Fatal(err)
		}
		for i, record := range records {
			alone, err := (&recordMaker{stream: st, shop: shop}).make(list[i:i+1], account)
			if err != nil || string(record) != string(alone[0]) || !json.Valid(record) {
				t.Fatalf("record %d of %v is %s, and by itself %s; %v", i, list, record, alone, err)
			}
		}
		shop.put(together)
	}
}

func TestFieldsExpandedForChildrenAreNoPartOfTheRecord(t *testing.T) {
	catalog, err := allStreams()
	if err != nil {
		t.Fatal(err)
	}
	schema, err := catalog.Stream("customers").SelectedSchema()
	if err != nil {
		t.Fatal(err)
	}
	shop, err := newRecordShop(findStream("customers"), schema, func(...string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	maker, err := shop.take(findStream("customers"))
	if err != nil {
		t.Fatal(err)
	}
	made, err := maker.make([]found{{object: json.RawMessage(`{"id":"cus_1","sources":{"data":[]},"metadata":{"sources":"x"},"tax_ids":null}`)}}, "")
	if err != nil || withoutColumns(made[0]) != `{"id":"cus_1","metadata":{"sources":"x"}}` {
		t.Errorf("%s, %v", made, err)
	}
}
