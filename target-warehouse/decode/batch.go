package decode

import (
	"tapline/target-warehouse/table"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
)

// Batch returns the rows added since the last Batch and starts anew; nil if there are none. The caller owns it and
// calls Rows.Release once. Its Table is the plan's [Plan.Table] until a record of the plan, in any decoder, had an
// undeclared property, and [Plan.TableWithExtra] from then on.
func (d *Decoder) Batch() *table.Batch {
	if d.rows == 0 {
		return nil
	}
	b := &table.Batch{Table: d.plan.table}
	schema := d.plan.tableSchema
	arrays := make([]arrow.Array, 0, len(d.columns)+2)
	add := func(a arrow.Array, size int64) {
		arrays = append(arrays, a)
		b.Bytes += size
	}
	mem := d.plan.options.Allocator
	for i := range d.columns {
		add(d.columns[i].array(mem))
		d.columns[i].reset()
	}
	if d.extra.rows > d.extra.nulls {
		d.plan.extras.Store(true)
	}
	if d.plan.extras.Load() || d.plan.table == d.plan.wide {
		b.Table, schema = d.plan.wide, d.plan.wideSchema
		d.extra.padTo(d.rows)
		add(d.extra.array(mem))
	}
	d.extra.reset()
	ordinals := []*memory.Buffer{nil, newBuffer(mem, arrow.Int64Traits.CastToBytes(d.ordinals))}
	add(newArray(arrow.PrimitiveTypes.Int64, d.rows, 0, ordinals))
	b.Rows = array.NewRecord(schema, arrays, int64(d.rows))
	for _, a := range arrays {
		a.Release()
	}
	d.rows, d.ordinals, d.replaced = 0, d.ordinals[:0], 0
	return b
}
