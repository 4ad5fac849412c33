package table

// mostDigits is how many digits a bounded Decimal has at most: what every engine's exact type takes.
const mostDigits = 38

// Join returns the narrowest type that holds every value of a's type and of b's without changing one. Of the arguments
// only Type, Precision and Scale count, and the result has only those. It is commutative, associative and idempotent;
// a Column without a Type is what it adds nothing to.
//
// Integers and decimals join in a Decimal with room for the digits of both, of any length if 38 digits are too few. A
// Number and another numeric type join in a Decimal of any length, for neither of them holds what the other does. Other
// scalar types join in Text, where each value has its own spelling; JSON joins everything.
func Join(a, b Column) Column {
	switch {
	case a.Type == 0:
		return Column{Type: b.Type, Precision: b.Precision, Scale: b.Scale}
	case b.Type == 0:
		return Column{Type: a.Type, Precision: a.Precision, Scale: a.Scale}
	case a.Type == b.Type && a.Type != Decimal:
		return Column{Type: a.Type}
	case a.Type == JSON || b.Type == JSON:
		return Column{Type: JSON}
	case !a.Type.numeric() || !b.Type.numeric():
		return Column{Type: Text}
	}
	aWhole, aScale, aBounded := a.digits()
	bWhole, bScale, bBounded := b.digits()
	whole, scale := max(aWhole, bWhole), max(aScale, bScale)
	if !aBounded || !bBounded || whole+scale > mostDigits {
		return Column{Type: Decimal}
	}
	return Column{Type: Decimal, Precision: whole + scale, Scale: scale}
}

func (t Type) numeric() bool { return t == Integer || t == Number || t == Decimal }

// digits returns how many digits a numeric column has ahead of the point and behind it; a Number, which has exponents,
// is not bounded.
func (c Column) digits() (whole, scale int, bounded bool) {
	if c.Type == Integer {
		return 19, 0, true
	}
	return c.Precision - c.Scale, c.Scale, c.Type == Decimal && c.Precision > 0
}
