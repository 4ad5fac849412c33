package decode

import (
	"tapline/singer"
	"tapline/target-warehouse/table"
)

// generator makes the value of one of tapline's own columns, all of which are whole numbers or microseconds; false means
// NULL. rec is the row's record, or nil for a generator that needs none.
type generator func(d *Decoder, rec *singer.Record, ordinal int64) (int64, bool)

// fromRecord are the generators that need the record.
var fromRecord = map[string]generator{
	table.ExtractedAt:  extractedAt,
	table.TableVersion: func(_ *Decoder, rec *singer.Record, _ int64) (int64, bool) { return rec.Version, rec.HasVersion },
	table.ValidFrom: func(d *Decoder, rec *singer.Record, ordinal int64) (int64, bool) {
		// The column stands behind the one with the moment that counts, be it the tap's or ours.
		for i := range d.columns {
			if c := &d.columns[i]; c.planned.Name == table.ExtractedAt && c.typ == table.Timestamp && !c.lastIsNull() {
				return int64(c.words[c.rows-1]), true
			}
		}
		return extractedAt(d, rec, ordinal)
	},
}

// fromBatch are those that do not. Their columns are filled when a batch is taken, which costs less.
var fromBatch = map[string]generator{
	"_sdc_received_at": func(d *Decoder, _ *singer.Record, _ int64) (int64, bool) { return d.now, true },
	"_sdc_batched_at":  func(d *Decoder, _ *singer.Record, _ int64) (int64, bool) { return d.now, true },
	table.DeletedAt:    func(*Decoder, *singer.Record, int64) (int64, bool) { return 0, false },
	"_sdc_sequence": func(d *Decoder, _ *singer.Record, ordinal int64) (int64, bool) {
		return d.plan.options.RunStart.UnixNano() + ordinal, true
	},
	"_sdc_sync_started_at": func(d *Decoder, _ *singer.Record, _ int64) (int64, bool) {
		return d.plan.options.RunStart.UnixMilli(), true
	},
	table.ValidTo: func(*Decoder, *singer.Record, int64) (int64, bool) { return 0, false },
}

func generatorOf(name string) generator {
	if g := fromRecord[name]; g != nil {
		return g
	}
	return fromBatch[name]
}

func extractedAt(d *Decoder, rec *singer.Record, _ int64) (int64, bool) {
	if rec.TimeExtracted.IsZero() {
		return d.now, true
	}
	return rec.TimeExtracted.UnixMicro(), true
}

// fill adds the values of rows that no record gave to a column of fromBatch, up to the row being read.
func (d *Decoder) fill(c *column) {
	for c.rows < d.rows {
		c.appendGenerated(c.planned.generate(d, nil, d.ordinals[c.rows]))
	}
}

func (c *column) appendGenerated(v int64, has bool) {
	if has {
		c.appendWord(uint64(v))
	} else {
		c.appendNull()
	}
}
