package decode

import (
	"testing"
	"time"

	"tapline/target-warehouse/table"
)

// TestRecordsAreReceivedWhenTheirReaderSays: the clock of the decoder counts only where nobody says.
func TestRecordsAreReceivedWhenTheirReaderSays(t *testing.T) {
	d := newPlan(t, `"id":{"type":"integer"}`, table.Options{Method: table.History, Metadata: true}, "id").NewDecoder()
	at := time.Date(2024, 5, 1, 9, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name string
		told time.Time
		want time.Time
	}{
		{"by its own clock", time.Time{}, clock},
		{"as told", at, at},
		{"as told once more", at.Add(time.Microsecond), at.Add(time.Microsecond)},
		{"by its own clock again", time.Time{}, clock},
	} {
		d.Receive(c.told)
		for range 2 { // it holds for each batch to come
			appendAll(t, d, `{"id":1}`, `{"id":2}`)
			b := d.Batch()
			columns := b.Table.Columns
			for _, row := range rowsOf(t, b) {
				for i, column := range columns {
					switch column.Name {
					case table.ExtractedAt, "_sdc_received_at", "_sdc_batched_at", table.ValidFrom:
						if row[i] != c.want {
							t.Errorf("%s: %s is %v, want %v", c.name, column.Name, row[i], c.want)
						}
					}
				}
			}
		}
	}
}
