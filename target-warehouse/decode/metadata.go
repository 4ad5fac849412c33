package decode

import "tapline/singer"

// generator makes the value of one of the columns in [table.Metadata], all of which are whole numbers or microseconds;
// false means NULL.
type generator func(d *Decoder, rec *singer.Record, ordinal int64) (int64, bool)

var generators = map[string]generator{
	"_sdc_extracted_at": func(d *Decoder, rec *singer.Record, _ int64) (int64, bool) {
		if rec.TimeExtracted.IsZero() {
			return d.now, true
		}
		return rec.TimeExtracted.UnixMicro(), true
	},
	"_sdc_received_at": func(d *Decoder, _ *singer.Record, _ int64) (int64, bool) { return d.now, true },
	"_sdc_batched_at":  func(d *Decoder, _ *singer.Record, _ int64) (int64, bool) { return d.now, true },
	"_sdc_deleted_at":  func(*Decoder, *singer.Record, int64) (int64, bool) { return 0, false },
	"_sdc_sequence": func(d *Decoder, _ *singer.Record, ordinal int64) (int64, bool) {
		return d.plan.options.RunStart.UnixNano() + ordinal, true
	},
	"_sdc_table_version": func(_ *Decoder, rec *singer.Record, _ int64) (int64, bool) { return rec.Version, rec.HasVersion },
	"_sdc_sync_started_at": func(d *Decoder, _ *singer.Record, _ int64) (int64, bool) {
		return d.plan.options.RunStart.UnixMilli(), true
	},
}
