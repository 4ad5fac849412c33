package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestLayoutBreaksOnlyWhatDoesNotFit(t *testing.T) {
	long := `"` + strings.Repeat("x", lineWidth) + `"`
	tests := []struct {
		name, value, want string
	}{
		{"a short object", `{"a":1,"b":[2]}`, `{"a":1,"b":[2]}`},
		{"a long object keeps the order of its members", `{"b":{"c":1},"a":` + long + `}`, "{\n  \"b\": {\"c\":1},\n  \"a\": " + long + "\n}"},
		{"a long array", `[1,` + long + `]`, "[\n  1,\n  " + long + "\n]"},
		{"a long scalar", long, long},
		{"depth", `{"a":[` + long + `]}`, "{\n  \"a\": [\n    " + long + "\n  ]\n}"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got bytes.Buffer
			if err := layout(&got, json.RawMessage(tt.value), ""); err != nil {
				t.Fatal(err)
			}
			if got.String() != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got.String(), tt.want)
			}
		})
	}
}

func FuzzLayoutChangesOnlySpaces(f *testing.F) {
	f.Add(`{"a":{"b":[1,2.50,null,"` + strings.Repeat("y", lineWidth) + `"]}}`)
	f.Add(`[[],{},"",1e5]`)
	f.Fuzz(func(t *testing.T, input string) {
		var value any
		if json.Unmarshal([]byte(input), &value) != nil {
			t.Skip()
		}
		compact, err := json.Marshal(value)
		if err != nil {
			t.Skip()
		}
		var laidOut, back bytes.Buffer
		if err := layout(&laidOut, compact, ""); err != nil {
			t.Fatal(err)
		}
		if err := json.Compact(&back, laidOut.Bytes()); err != nil {
			t.Fatalf("%v in\n%s", err, laidOut.String())
		}
		if back.String() != string(compact) {
			t.Errorf("%s became\n%s", compact, laidOut.String())
		}
	})
}
