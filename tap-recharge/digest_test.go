package main

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func recordsOf(texts ...string) (records []record) {
	for _, text := range texts {
		records = append(records, record{text: []byte(text)})
	}
	return records
}

// pass runs a digester over records and returns the ids of those it lets through and what the next pass knows.
func digestPass(last *digests, texts ...string) (wrote []string, next *digests) {
	d := newDigester(last)
	for _, r := range d.changed(recordsOf(texts...), idOnly) {
		wrote = append(wrote, textOf(lookup(r.text, "id")))
	}
	return wrote, d.result()
}

func TestOnlyChangedRecordsPass(t *testing.T) {
	wrote, known := digestPass(nil, `{"id":1,"a":1}`, `{"id":2,"a":1}`)
	if diff := cmp.Diff([]string{"1", "2"}, wrote); diff != "" {
		t.Errorf("the first pass (-want +got):\n%s", diff)
	}
	wrote, known = digestPass(known, `{"id":1,"a":1}`, `{"id":2,"a":2}`)
	if diff := cmp.Diff([]string{"2"}, wrote); diff != "" {
		t.Errorf("after a change (-want +got):\n%s", diff)
	}
	if wrote, _ = digestPass(known, `{"id":2,"a":2}`, `{"id":1,"a":1}`); wrote != nil {
		t.Errorf("without a change %v are written", wrote)
	}
}

func TestRecordsThatComeOrGoMakeTheNextPassAWholeOne(t *testing.T) {
	_, known := digestPass(nil, `{"id":1}`, `{"id":2}`)
	for _, texts := range [][]string{{`{"id":1}`}, {`{"id":1}`, `{"id":2}`, `{"id":3}`}, {`{"id":1}`, `{"id":3}`}, {}} {
		if _, next := digestPass(known, texts...); next != nil {
			t.Errorf("%v after 1 and 2 goes unnoticed", texts)
		}
	}
}

func TestOfManyRecordsNothingIsKept(t *testing.T) {
	texts := make([]string, mostDigests+1)
	for i := range texts {
		texts[i] = fmt.Sprintf(`{"id":%d}`, i)
	}
	if _, known := digestPass(nil, texts[1:]...); known == nil || len(known.Contents) != 8*mostDigests || !known.valid() {
		t.Errorf("of %d records %+v is kept", mostDigests, known)
	}
	if wrote, known := digestPass(nil, texts...); known != nil || len(wrote) != len(texts) {
		t.Errorf("of %d records %d are written and %d bytes kept", len(texts), len(wrote), len(known.Contents))
	}
}
