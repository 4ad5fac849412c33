package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestFormsHoldTheSameRows(t *testing.T) {
	for _, name := range names() {
		var stream, records bytes.Buffer
		if err := write(&stream, name, "singer", 3, 1); err != nil {
			t.Fatal(err)
		}
		if err := write(&records, name, "jsonl", 3, 1); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(records.String()), "\n")
		if len(lines) != 3 {
			t.Fatalf("%s: %d records as JSON lines, want 3", name, len(lines))
		}
		for _, line := range lines {
			if !strings.Contains(stream.String(), `"record":`+line+`,`) {
				t.Errorf("%s: the stream lacks the record %s", name, line)
			}
		}
	}
}

func TestWrongRequestsAreRefused(t *testing.T) {
	for _, test := range []struct {
		name, form string
		generation int
		want       string
	}{
		{"invoices", "singer", 0, `no input "invoices": choose one of charges, payments`},
		{"charges", "csv", 0, `no form "csv"`},
		{"charges", "jsonl", 2, `no generation 2`},
	} {
		var out bytes.Buffer
		err := write(&out, test.name, test.form, 1, test.generation)
		if err == nil || !strings.Contains(err.Error(), test.want) || out.Len() > 0 {
			t.Errorf("%+v: got %v and %d bytes", test, err, out.Len())
		}
	}
}
