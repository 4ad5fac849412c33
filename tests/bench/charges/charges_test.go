package charges

import (
	"bytes"
	"encoding/json"
	"testing"
)

func TestStreamHasTheShapeItPromises(t *testing.T) {
	var stream, again, records bytes.Buffer
	if err := WriteStream(&stream, 250, 1); err != nil {
		t.Fatal(err)
	}
	WriteStream(&again, 250, 1)
	WriteRecords(&records, 250, 1)
	if !bytes.Equal(stream.Bytes(), again.Bytes()) {
		t.Error("the same seed gives other bytes")
	}
	types := map[string]int{}
	size := 0
	bare := bytes.Split(records.Bytes(), []byte("\n"))
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
			if !bytes.Equal(m.Record, bare[types["RECORD"]]) {
				t.Fatalf("record %d differs between the two forms", types["RECORD"])
			}
			var fields map[string]json.RawMessage
			if json.Unmarshal(m.Record, &fields); len(fields) != len(Columns) {
				t.Fatalf("a record has %d fields, want %d", len(fields), len(Columns))
			}
			for _, c := range Columns {
				if fields[c.Name] == nil {
					t.Fatalf("a record lacks %s", c.Name)
				}
			}
		}
		types[m.Type]++
	}
	if types["SCHEMA"] != 1 || types["RECORD"] != 250 || types["STATE"] != 3 {
		t.Errorf("messages: %v", types)
	}
	if mean := size / 250; mean < 1300 || mean > 1420 {
		t.Errorf("a line has %d bytes on average, want about 1360", mean)
	}
}
