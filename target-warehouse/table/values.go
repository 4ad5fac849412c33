package table

// values is a set of JSON values, divided as finely as column types need it. Every keyword of a JSON Schema allows such
// a set; keywords side by side allow the intersection, the branches of anyOf and oneOf the union.
type values uint16

const (
	null values = 1 << iota
	boolean
	whole    // numbers without a fraction
	fraction // numbers with one
	moment   // strings of the format date-time
	day      // strings of the format date
	words    // all other strings
	array
	object

	number   = whole | fraction
	text     = moment | day | words
	anything = null | boolean | number | text | array | object
)

// typeNames are the words of the keyword "type"; "any" is from before draft 4 and still seen.
var typeNames = map[string]values{
	"null":    null,
	"boolean": boolean,
	"integer": whole,
	"number":  number,
	"string":  text,
	"array":   array,
	"object":  object,
	"any":     anything,
}

// formatNames are the formats that narrow what strings are allowed. Other formats, such as singer.decimal, are text to
// a warehouse that must not change a character.
var formatNames = map[string]values{
	"date-time": anything &^ (day | words),
	"date":      anything &^ (moment | words),
}

// columnType returns the narrowest type that keeps each of the values apart and unchanged. Mixed kinds become JSON,
// which keeps 1 and "1" apart.
func (v values) columnType() Type {
	switch v &^= null; {
	case v == 0:
		return JSON
	case v == boolean:
		return Boolean
	case v == whole:
		return Integer
	case v&^number == 0:
		return Number
	case v == moment:
		return Timestamp
	case v == day:
		return Date
	case v&^text == 0:
		return Text
	}
	return JSON
}
