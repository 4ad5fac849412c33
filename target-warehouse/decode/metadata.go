package decode

import (
	"tapline/singer"
	"tapline/target-warehouse/table"
)

// generator makes the value of one of tapline's own columns, all of which are whole numbers or microseconds; false means
// NULL.
type generator func(d *Decoder, rec *singer.Record, ordinal int64) (int64, bool)

var generators = map[string]generator{
	table.ExtractedAt:  extractedAt,
	"_sdc_received_at": func(d *Decoder, _ *singer.Record, _ int64) (int64, bool) { return d.now, true },
	"_sdc_batched_at":  func(d *Decoder, _ *singer.Record, _ int64) (int64, bool) { return d.now, true },
	table.DeletedAt:    func(*Decoder, *singer.Record, int64) (int64, bool) { return 0, false },
	"_sdc_sequence": func(d *Decoder, _ *singer.Record, ordinal int64) (int64, bool) {
		return d.plan.options.RunStart.UnixNano() + ordinal, true
	},
	table.TableVersion: func(_ *Decoder, rec *singer.Record, _ int64) (int64, bool) { return rec.Version, rec.HasVersion },
	"_sdc_sync_started_at": func(d *Decoder, _ *singer.Record, _ int64) (int64, bool) {
		return d.plan.options.RunStart.UnixMilli(), true
	},
	table.ValidFrom: func(d *Decoder, rec *singer.Record, ordinal int64) (int64, bool) {
		// The column stands behind the one with the moment that counts, be it the tap's or ours.
		for i := range d.columns {
			if c := &d.columns[i]; c.planned.Name == table.ExtractedAt && c.typ == table.Timestamp && !c.lastIsNull() {
				return int64(c.words[c.rows-1]), true
			}
		}
		return extractedAt(d, rec, ordinal)
	},
	table.ValidTo: func(*Decoder, *singer.Record, int64) (int64, bool) { return 0, false },
}

func extractedAt(d *Decoder, rec *singer.Record, _ int64) (int64, bool) {
	if rec.TimeExtracted.IsZero() {
		return d.now, true
	}
	return rec.TimeExtracted.UnixMicro(), true
}
