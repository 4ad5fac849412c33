package table

// Kinds is a set of kinds of JSON values. The kinds are disjoint and together are all values, so that a SCHEMA's
// keywords side by side allow the intersection of their sets, and the branches of anyOf and oneOf the union.
type Kinds uint16

// The kinds, divided as finely as columns need it.
const (
	NullKind     Kinds = 1 << iota
	BooleanKind        // true and false
	IntegerKind        // numbers without a fraction, however they are written: 1, 1.0, 1e3
	FractionKind       // numbers with one, and NaN, Infinity and -Infinity
	DateTimeKind       // strings of the format date-time
	DateKind           // strings of the format date
	DecimalKind        // strings of the format singer.decimal, which are the text of a number
	OtherKind          // all other strings
	ArrayKind
	ObjectKind

	NumberKind = IntegerKind | FractionKind
	StringKind = DateTimeKind | DateKind | DecimalKind | OtherKind
	AnyKind    = NullKind | BooleanKind | NumberKind | StringKind | ArrayKind | ObjectKind
)

// Rule is what the SCHEMA asks of the values of a column. A value that breaks it and that the column can hold all the
// same is loaded and counted: a Rule never decides about a value, a column's type does.
type Rule struct {
	// Kinds are the kinds of values that the SCHEMA allows; null is a kind like the others.
	Kinds Kinds
	// Required says that a record must have the property. For a column with Below it says that the innermost object must
	// have the name, if there is that object.
	Required bool
	// Enum lists the values that the SCHEMA allows, each as the SCHEMA spells it, a JSON value; nil if it allows all of
	// Kinds. The bytes are the Table's: nobody changes them.
	Enum [][]byte
}
