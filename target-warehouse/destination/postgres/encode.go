package postgres

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/jackc/pgx/v5/pgtype"

	"tapline/target-warehouse/table"
)

// A holding says that a column of the PostgreSQL type can hold all values of a type, and how they are sent to it.
type holding struct {
	value  table.Type
	oid    uint32
	encode encoding
}

// An encoding makes the field writer for one array of values. The writer appends the value in a row, which is not
// NULL, with its length ahead, in the binary form that the type's receive function reads. replaced counts the values
// that had to be changed.
type encoding func(a arrow.Array, replaced *replacements) field

// replacements counts values that PostgreSQL cannot store as they are.
type replacements struct {
	nul     int64 // with NUL characters
	numbers int64 // JSON with numbers that are strings now
}

type field func(dst []byte, row int) []byte

// holdings has, for each type, first the PostgreSQL type that a new column gets, then the wider ones.
var holdings = []holding{
	{table.Boolean, pgtype.BoolOID, encodeBoolean},
	{table.Boolean, pgtype.TextOID, spelled(spellBoolean)},
	{table.Boolean, pgtype.VarcharOID, spelled(spellBoolean)},
	{table.Boolean, pgtype.JSONBOID, spelledJSONB(spellBoolean)},
	{table.Boolean, pgtype.JSONOID, spelled(spellBoolean)},

	{table.Integer, pgtype.Int8OID, encodeInteger},
	{table.Integer, pgtype.NumericOID, encodeIntegerAsNumeric},
	{table.Integer, pgtype.TextOID, spelled(spellInteger)},
	{table.Integer, pgtype.VarcharOID, spelled(spellInteger)},
	{table.Integer, pgtype.JSONBOID, spelledJSONB(spellInteger)},
	{table.Integer, pgtype.JSONOID, spelled(spellInteger)},

	{table.Number, pgtype.Float8OID, encodeNumber},
	{table.Number, pgtype.NumericOID, encodeNumberAsNumeric},
	{table.Number, pgtype.TextOID, spelled(spellNumber)},
	{table.Number, pgtype.VarcharOID, spelled(spellNumber)},
	{table.Number, pgtype.JSONBOID, spelledJSONB(spellJSONNumber)},
	{table.Number, pgtype.JSONOID, spelled(spellJSONNumber)},

	{table.Decimal, pgtype.NumericOID, encodeDecimal},
	{table.Decimal, pgtype.TextOID, encodeText},
	{table.Decimal, pgtype.VarcharOID, encodeText},
	{table.Decimal, pgtype.JSONBOID, encodeJSONB},
	{table.Decimal, pgtype.JSONOID, encodeJSON},

	{table.Text, pgtype.TextOID, encodeText},
	{table.Text, pgtype.VarcharOID, encodeText},
	{table.Text, pgtype.JSONBOID, encodeTextAsJSONB},
	{table.Text, pgtype.JSONOID, spelled(spellJSONText)},

	{table.Timestamp, pgtype.TimestamptzOID, encodeTimestamp},
	{table.Timestamp, pgtype.TextOID, spelled(spellTimestamp)},
	{table.Timestamp, pgtype.VarcharOID, spelled(spellTimestamp)},
	{table.Timestamp, pgtype.JSONBOID, spelledJSONB(quoted(spellTimestamp))},
	{table.Timestamp, pgtype.JSONOID, spelled(quoted(spellTimestamp))},

	{table.Date, pgtype.DateOID, encodeDate},
	{table.Date, pgtype.TextOID, spelled(spellDate)},
	{table.Date, pgtype.VarcharOID, spelled(spellDate)},
	{table.Date, pgtype.JSONBOID, spelledJSONB(quoted(spellDate))},
	{table.Date, pgtype.JSONOID, spelled(quoted(spellDate))},

	{table.JSON, pgtype.JSONBOID, encodeJSONB},
	{table.JSON, pgtype.JSONOID, encodeJSON},
}

func encodeBoolean(a arrow.Array, _ *replacements) field {
	values := a.(*array.Boolean)
	return func(dst []byte, row int) []byte {
		if values.Value(row) {
			return append(dst, 0, 0, 0, 1, 1)
		}
		return append(dst, 0, 0, 0, 1, 0)
	}
}

func encodeInteger(a arrow.Array, _ *replacements) field {
	values := a.(*array.Int64).Int64Values()
	return func(dst []byte, row int) []byte { return appendInt64(dst, values[row]) }
}

func appendInt64(dst []byte, v int64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, 0, 0, 0, 8), uint64(v))
}

func encodeNumber(a arrow.Array, _ *replacements) field {
	values := a.(*array.Float64).Float64Values()
	return func(dst []byte, row int) []byte { return appendInt64(dst, int64(math.Float64bits(values[row]))) }
}

// PostgreSQL counts time from the beginning of the year 2000.
const (
	epochDays         = 10_957
	epochMicroseconds = epochDays * 86_400_000_000
)

func encodeTimestamp(a arrow.Array, _ *replacements) field {
	values := a.(*array.Timestamp).TimestampValues()
	return func(dst []byte, row int) []byte { return appendInt64(dst, int64(values[row])-epochMicroseconds) }
}

func encodeDate(a arrow.Array, _ *replacements) field {
	values := a.(*array.Date32).Date32Values()
	return func(dst []byte, row int) []byte {
		return binary.BigEndian.AppendUint32(append(dst, 0, 0, 0, 4), uint32(values[row]-epochDays))
	}
}

func encodeText(a arrow.Array, replaced *replacements) field {
	values := a.(*array.String)
	return func(dst []byte, row int) []byte {
		return appendText(dst, withoutNUL(values.Value(row), replaced))
	}
}

// withoutNUL puts U+FFFD in the place of each NUL character, and counts the text if there was one.
func withoutNUL(text string, replaced *replacements) string {
	if strings.IndexByte(text, 0) < 0 {
		return text
	}
	replaced.nul++
	return strings.ReplaceAll(text, "\x00", "\uFFFD")
}

func appendText(dst []byte, value string) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(value))), value...)
}

func encodeJSON(a arrow.Array, _ *replacements) field {
	values := a.(*array.String)
	return func(dst []byte, row int) []byte { return appendText(dst, values.Value(row)) }
}
