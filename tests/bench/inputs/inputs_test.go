package inputs

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const rows = 250

func TestStreamsHaveTheShapeTheyPromise(t *testing.T) {
	sizes := map[string][2]int{"charges": {1300, 1420}, "payments": {160, 190}, "contacts": {6500, 8500}, "orders": {1500, 1700}}
	for _, in := range All {
		t.Run(in.Name, func(t *testing.T) {
			var stream, again, bare bytes.Buffer
			if err := in.WriteStream(&stream, rows, 0); err != nil {
				t.Fatal(err)
			}
			in.WriteStream(&again, rows, 0)
			in.WriteRecords(&bare, rows, 0)
			if !bytes.Equal(stream.Bytes(), again.Bytes()) {
				t.Error("the same input gives other bytes")
			}
			records := bytes.Split(bare.Bytes(), []byte("\n"))
			types, size := map[string]int{}, 0
			for line := range bytes.Lines(stream.Bytes()) {
				var m struct {
					Type   string
					Record json.RawMessage
				}
				if err := json.Unmarshal(line, &m); err != nil {
					t.Fatalf("%s: %v", line, err)
				}
				if m.Type == "RECORD" {
					size += len(line)
					if !bytes.Equal(m.Record, records[types["RECORD"]]) {
						t.Fatalf("record %d differs between the two forms", types["RECORD"])
					}
					checkRecord(t, in, m.Record)
				}
				types[m.Type]++
			}
			if diff := cmp.Diff(map[string]int{"SCHEMA": 1, "RECORD": rows, "STATE": 3}, types); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
			if mean := size / rows; mean < sizes[in.Name][0] || mean > sizes[in.Name][1] {
				t.Errorf("a line has %d bytes on average, want %v", mean, sizes[in.Name])
			}
		})
	}
}

func checkRecord(t *testing.T, in *Input, record []byte) {
	t.Helper()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(record, &fields); err != nil || len(fields) != len(in.Columns) {
		t.Fatalf("a record has %d fields, want %d: %v", len(fields), len(in.Columns), err)
	}
	for _, c := range in.Columns {
		var schema struct{ Type any }
		if err := json.Unmarshal([]byte(c.Schema), &schema); err != nil {
			t.Fatal(err)
		}
		if kind := kindOf(fields[c.Name]); !strings.Contains(fmt.Sprint(schema.Type), kind) {
			t.Fatalf("%s is %s, which is no %v", c.Name, fields[c.Name], schema.Type)
		}
	}
}

// kindOf is the JSON Schema type of a value; whole numbers fit number too.
func kindOf(value json.RawMessage) string {
	var v any
	if json.Unmarshal(value, &v) != nil {
		return "missing"
	}
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case float64:
		if v == math.Trunc(v) {
			return "" // integer or number
		}
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	}
	return "object"
}

func TestGenerationsDifferInTheMarkOfEveryRow(t *testing.T) {
	for _, in := range All {
		var one, two bytes.Buffer
		in.WriteRecords(&one, rows, 0)
		in.WriteRecords(&two, rows, 1)
		first, second := strings.Split(one.String(), "\n"), strings.Split(two.String(), "\n")
		keys := map[string]bool{}
		for i := range rows {
			mark := fmt.Sprintf(`"%s":"%s"`, in.Mark, in.Marks[0])
			if strings.Replace(first[i], mark, fmt.Sprintf(`"%s":"%s"`, in.Mark, in.Marks[1]), 1) != second[i] || first[i] == second[i] {
				t.Fatalf("%s: row %d\n%s\n%s", in.Name, i, first[i], second[i])
			}
			keys[first[i][:strings.Index(first[i], ",")]] = true
		}
		if len(keys) != rows {
			t.Errorf("%s: %d keys in %d rows", in.Name, len(keys), rows)
		}
	}
}

func TestCSVHasTheSameValues(t *testing.T) {
	for _, in := range All {
		var bare, table bytes.Buffer
		in.WriteRecords(&bare, rows, 0)
		if err := in.WriteCSV(&table, rows, 0); err != nil {
			t.Fatal(err)
		}
		lines, err := csv.NewReader(&table).ReadAll()
		if err != nil || len(lines) != rows {
			t.Fatalf("%s: %d lines, %v", in.Name, len(lines), err)
		}
		for i, record := range slices.Collect(strings.Lines(bare.String())) {
			var fields map[string]json.RawMessage
			if err := json.Unmarshal([]byte(record), &fields); err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, c := range in.Columns {
				value := string(fields[c.Name])
				var text string
				if value == "null" {
					value = ""
				} else if json.Unmarshal(fields[c.Name], &text) == nil {
					value = text
				}
				want = append(want, value)
			}
			if diff := cmp.Diff(want, lines[i]); diff != "" {
				t.Fatalf("%s, row %d (-want +got):\n%s", in.Name, i, diff)
			}
		}
	}
}
