package table

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// holds tells whether every value of inner is one of outer's: the order of which Join gives the least upper bounds.
func holds(outer, inner Column) bool {
	switch {
	case same(outer, inner) || inner.Type == 0 || outer.Type == JSON:
		return true
	case outer.Type == Text:
		return inner.Type != JSON
	case outer.Type != Decimal || !inner.Type.numeric():
		return false
	case outer.Precision == 0:
		return true
	case inner.Type == Integer:
		return outer.Precision-outer.Scale >= 19
	}
	return inner.Type == Decimal && inner.Precision > 0 &&
		outer.Scale >= inner.Scale && outer.Precision-outer.Scale >= inner.Precision-inner.Scale
}

func same(a, b Column) bool {
	return a.Type == b.Type && a.Precision == b.Precision && a.Scale == b.Scale
}

func everyType(precisions ...int) []Column {
	list := []Column{{}}
	for typ := Boolean; typ <= JSON; typ++ {
		list = append(list, Column{Type: typ})
	}
	for _, p := range precisions {
		for scale := range p + 1 {
			list = append(list, Column{Type: Decimal, Precision: p, Scale: scale})
		}
	}
	return list
}

func TestJoinIsTheLeastUpperBound(t *testing.T) {
	types := everyType(1, 2, 18, 19, 20, 37, 38)
	for _, a := range types {
		for _, b := range types {
			sum := Join(a, b)
			if !same(sum, Join(b, a)) {
				t.Errorf("%v and %v join in %v, the other way round in %v", a, b, sum, Join(b, a))
			}
			if !holds(sum, a) || !holds(sum, b) {
				t.Errorf("%v and %v join in %v, which does not hold both", a, b, sum)
			}
			for _, c := range types {
				if holds(c, a) && holds(c, b) && !holds(c, sum) {
					t.Errorf("%v and %v join in %v, although %v is enough", a, b, sum, c)
				}
			}
		}
		if !same(Join(a, a), a) {
			t.Errorf("%v joined with itself is %v", a, Join(a, a))
		}
	}
}

func TestJoinDoesNotDependOnGrouping(t *testing.T) {
	types := everyType(1, 10, 19, 38)
	for _, a := range types {
		for _, b := range types {
			for _, c := range types {
				if left, right := Join(Join(a, b), c), Join(a, Join(b, c)); !same(left, right) {
					t.Fatalf("%v, %v and %v join in %v or %v", a, b, c, left, right)
				}
			}
		}
	}
}

func TestJoin(t *testing.T) {
	decimal := func(precision, scale int) Column { return Column{Type: Decimal, Precision: precision, Scale: scale} }
	of := func(typ Type) Column { return Column{Type: typ} }
	for _, c := range []struct{ a, b, want Column }{
		{of(Integer), of(Number), of(Decimal)},
		{of(Number), decimal(4, 2), of(Decimal)},
		{of(Integer), decimal(4, 2), decimal(21, 2)},
		{of(Integer), decimal(38, 0), decimal(38, 0)},
		{of(Integer), decimal(38, 20), of(Decimal)},
		{decimal(10, 0), decimal(10, 10), decimal(20, 10)},
		{decimal(38, 0), decimal(10, 10), of(Decimal)},
		{of(Decimal), decimal(10, 2), of(Decimal)},
		{of(Boolean), of(Integer), of(Text)},
		{of(Date), of(Timestamp), of(Text)},
		{decimal(4, 2), of(Text), of(Text)},
		{of(Boolean), of(JSON), of(JSON)},
		{of(Text), of(JSON), of(JSON)},
	} {
		if diff := cmp.Diff(c.want, Join(c.a, c.b)); diff != "" {
			t.Errorf("%v and %v (-want +got):\n%s", c.a, c.b, diff)
		}
	}
}

func TestJoinLooksAtTypesAlone(t *testing.T) {
	a := Column{Name: "a", Property: "p", Below: []string{"q"}, Type: Date, Nullable: true}
	if got := Join(a, a); got.Name != "" || got.Property != "" || got.Below != nil || got.Nullable || got.Type != Date {
		t.Errorf("joined with itself it is %+v", got)
	}
}
