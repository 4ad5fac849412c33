package decode

import (
	"tapline/target-warehouse/table"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
)

// Batch returns the rows added since the last Batch and starts anew; nil if there are none. The caller owns it and
// calls Rows.Release once. Its Table is the plan's [Plan.Table] until a record of the plan, in any decoder, had an
// undeclared property or a number that made a column wider. From then on it is a wider variant, the same pointer for all
// batches until something makes it wider still; batches of decoders that work side by side may overtake each other.
func (d *Decoder) Batch() *table.Batch {
	if d.rows == 0 {
		return nil
	}
	v := d.settle()
	for _, i := range d.plan.perBatch {
		d.fill(&d.columns[i])
	}
	b := &table.Batch{Table: v.table}
	arrays := make([]arrow.Array, 0, len(d.columns)+2)
	add := func(a arrow.Array, size int64) {
		arrays = append(arrays, a)
		b.Bytes += size
	}
	mem := d.plan.options.Allocator
	for i := range d.columns {
		if i == d.plan.extraAt && v.extra {
			add(d.extraArray(mem))
		}
		add(d.columns[i].array(mem))
		d.columns[i].reset()
	}
	if d.plan.extraAt == len(d.columns) && v.extra {
		add(d.extraArray(mem))
	}
	ordinals := []*memory.Buffer{nil, newBuffer(mem, arrow.Int64Traits.CastToBytes(d.ordinals))}
	add(newArray(arrow.PrimitiveTypes.Int64, d.rows, 0, ordinals))
	b.Rows = array.NewRecord(v.schema, arrays, int64(d.rows))
	for _, a := range arrays {
		a.Release()
	}
	d.rows, d.ordinals, d.replaced, d.settled = 0, d.ordinals[:0], 0, nil
	d.rejects, d.rejectSize, d.violations = nil, 0, nil
	return b
}

func (d *Decoder) extraArray(mem memory.Allocator) (arrow.Array, int64) {
	d.extra.padTo(d.rows)
	defer d.extra.reset()
	return d.extra.array(mem)
}
