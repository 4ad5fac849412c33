package decode

import (
	"slices"

	"tapline/target-warehouse/table"

	"github.com/apache/arrow/go/v15/arrow"
)

// variant is one of the tables that the batches of a plan may be of: the one the plan was compiled for, or one that
// something in the records made wider. It is immutable.
type variant struct {
	table  *table.Table
	schema *arrow.Schema
	extra  bool    // whether the table has the column Extra
	shapes []shape // of the plan's columns
}

// shape is what of a column's type may change while records are read.
type shape struct {
	typ              table.Type
	precision, scale int // of a Decimal
}

// The shapes that numbers widen to. Bounds are those that every engine with decimals has, half of the digits that are
// left beside the longest Integer behind the point.
var (
	wholeDecimal = shape{table.Decimal, 38, 0}
	nearDecimal  = shape{table.Decimal, 38, 18}
	anyDecimal   = shape{table.Decimal, 0, 0}
)

func newVariant(t *table.Table, p *Plan) *variant {
	v := &variant{table: t, schema: t.ArrowSchema(), extra: extraOf(t) >= 0}
	for _, c := range t.Columns {
		if c.Name != table.Extra {
			v.shapes = append(v.shapes, shape{c.Type, c.Precision, c.Scale})
		}
	}
	return v
}

// extraOf returns the index of the column Extra, which no property's column can be named like, or -1.
func extraOf(t *table.Table) int {
	return slices.IndexFunc(t.Columns, func(c table.Column) bool { return c.Name == table.Extra })
}

// widened returns v with columns as wide as those of d, which are at least as wide as v's.
func (v *variant) widened(d *Decoder) *variant {
	t := v.table
	for i := range d.columns {
		// All columns that can widen stand before Extra, so that they have the same index in the table.
		if to := d.columns[i].shape; to != v.shapes[i] {
			c := t.Columns[i]
			c.Type, c.Precision, c.Scale = to.typ, to.precision, to.scale
			t = t.WithType(i, c)
		}
	}
	if d.hasExtra() {
		t = t.WithExtra()
	}
	return newVariant(t, d.plan)
}

// rank orders the shapes that widening leads through. A column only ever goes to a higher rank; other types have none.
func (s shape) rank() int {
	switch {
	case s == anyDecimal:
		return 4
	case s.typ == table.Decimal:
		return 3
	case s.typ == table.Number:
		return 2
	case s.typ == table.Integer:
		return 1
	}
	return 0
}

// settle brings the columns to the shapes of the plan's current variant, or makes that as wide as they are. Until the
// next Append the rows then fit the variant it returns.
func (d *Decoder) settle() *variant {
	for d.settled == nil {
		v := d.plan.current.Load()
		if !d.reach(v) {
			d.plan.current.CompareAndSwap(v, v.widened(d))
			continue
		}
		d.settled = v
	}
	return d.settled
}

// reach widens columns to v's where v's are wider. It tells whether the rows fit v then.
func (d *Decoder) reach(v *variant) bool {
	fits := v.extra || !d.hasExtra()
	for i := range d.columns {
		c, to := &d.columns[i], v.shapes[i]
		if c.shape != to {
			d.convert(c, to)
			fits = fits && c.shape == to
		}
	}
	return fits
}

func (d *Decoder) hasExtra() bool { return d.extra.rows > d.extra.nulls }
