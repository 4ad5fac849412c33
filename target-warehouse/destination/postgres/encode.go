package postgres

import (
	"encoding/binary"
	"fmt"
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
	column string
	encode encoding
	// check, if set, finds values that the type cannot hold exactly.
	check func(a arrow.Array) error
}

// An encoding makes the field writer for one array of values. The writer appends the value in a row, which is not
// NULL, with its length ahead, in the binary form that the type's receive function reads. replaced counts the values
// that had to be changed.
type encoding func(a arrow.Array, replaced *int64) field

type field func(dst []byte, row int) []byte

// holdings has, for each type, first the PostgreSQL type that a new column gets. Types with a modifier, such as a
// greatest length, are none of these.
var holdings = []holding{
	{table.Boolean, pgtype.BoolOID, "boolean", encodeBoolean, nil},
	{table.Integer, pgtype.Int8OID, "bigint", encodeInteger, nil},
	{table.Integer, pgtype.NumericOID, "numeric", encodeNumeric, nil},
	{table.Integer, pgtype.Float8OID, "double precision", encodeIntegerAsFloat, checkFloat},
	{table.Number, pgtype.Float8OID, "double precision", encodeNumber, nil},
	{table.Text, pgtype.TextOID, "text", encodeText, nil},
	{table.Text, pgtype.VarcharOID, "character varying", encodeText, nil},
	{table.Timestamp, pgtype.TimestamptzOID, "timestamp with time zone", encodeTimestamp, nil},
	{table.Date, pgtype.DateOID, "date", encodeDate, nil},
	{table.JSON, pgtype.JSONBOID, "jsonb", encodeJSONB, nil},
	{table.JSON, pgtype.JSONOID, "json", encodeJSON, nil},
}

// find returns what the condition holds for first, or nil.
func find(condition func(h *holding) bool) *holding {
	for i := range holdings {
		if condition(&holdings[i]) {
			return &holdings[i]
		}
	}
	return nil
}

// columnType is the PostgreSQL type of a new column.
func columnType(t table.Type) string {
	return find(func(h *holding) bool { return h.value == t }).column
}

func encodeBoolean(a arrow.Array, _ *int64) field {
	values := a.(*array.Boolean)
	return func(dst []byte, row int) []byte {
		if values.Value(row) {
			return append(dst, 0, 0, 0, 1, 1)
		}
		return append(dst, 0, 0, 0, 1, 0)
	}
}

func encodeInteger(a arrow.Array, _ *int64) field {
	values := a.(*array.Int64).Int64Values()
	return func(dst []byte, row int) []byte { return appendInt64(dst, values[row]) }
}

func appendInt64(dst []byte, v int64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, 0, 0, 0, 8), uint64(v))
}

func encodeNumber(a arrow.Array, _ *int64) field {
	values := a.(*array.Float64).Float64Values()
	return func(dst []byte, row int) []byte { return appendInt64(dst, int64(math.Float64bits(values[row]))) }
}

func encodeIntegerAsFloat(a arrow.Array, _ *int64) field {
	values := a.(*array.Int64).Int64Values()
	return func(dst []byte, row int) []byte {
		return appendInt64(dst, int64(math.Float64bits(float64(values[row]))))
	}
}

// checkFloat finds an integer that double precision may not hold exactly.
func checkFloat(a arrow.Array) error {
	const greatest = 1 << 53
	for row, v := range a.(*array.Int64).Int64Values() {
		if (v > greatest || v < -greatest) && a.IsValid(row) {
			return fmt.Errorf("is double precision, which cannot hold the whole number %d exactly; give the column another type", v)
		}
	}
	return nil
}

// encodeNumeric sends integers as numeric: a head of four 16-bit numbers and the digits in base 10,000, the greatest
// first.
func encodeNumeric(a arrow.Array, _ *int64) field {
	values := a.(*array.Int64).Int64Values()
	return func(dst []byte, row int) []byte {
		var digits [5]uint16
		first, sign, rest := len(digits), uint16(0), uint64(values[row])
		if values[row] < 0 {
			sign, rest = 0x4000, -rest
		}
		for ; rest > 0; rest /= 10_000 {
			first--
			digits[first] = uint16(rest % 10_000)
		}
		count := len(digits) - first
		dst = binary.BigEndian.AppendUint32(dst, uint32(8+2*count))
		weight := uint16(max(count-1, 0))
		for _, n := range append([]uint16{uint16(count), weight, sign, 0}, digits[first:]...) {
			dst = binary.BigEndian.AppendUint16(dst, n)
		}
		return dst
	}
}

// PostgreSQL counts time from the beginning of the year 2000.
const (
	epochDays         = 10_957
	epochMicroseconds = epochDays * 86_400_000_000
)

func encodeTimestamp(a arrow.Array, _ *int64) field {
	values := a.(*array.Timestamp).TimestampValues()
	return func(dst []byte, row int) []byte { return appendInt64(dst, int64(values[row])-epochMicroseconds) }
}

func encodeDate(a arrow.Array, _ *int64) field {
	values := a.(*array.Date32).Date32Values()
	return func(dst []byte, row int) []byte {
		return binary.BigEndian.AppendUint32(append(dst, 0, 0, 0, 4), uint32(values[row]-epochDays))
	}
}

func encodeText(a arrow.Array, replaced *int64) field {
	values := a.(*array.String)
	return func(dst []byte, row int) []byte {
		value := values.Value(row)
		if strings.IndexByte(value, 0) >= 0 {
			value = strings.ReplaceAll(value, "\x00", "\uFFFD")
			*replaced++
		}
		return appendText(dst, value)
	}
}

func appendText(dst []byte, value string) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(value))), value...)
}

func encodeJSON(a arrow.Array, _ *int64) field {
	values := a.(*array.String)
	return func(dst []byte, row int) []byte { return appendText(dst, values.Value(row)) }
}

// encodeJSONB sends JSON text with the number of jsonb's format ahead.
func encodeJSONB(a arrow.Array, replaced *int64) field {
	values := a.(*array.String)
	return func(dst []byte, row int) []byte {
		value, changed := withoutNUL(values.Value(row))
		if changed {
			*replaced++
		}
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(value)+1))
		return append(append(dst, 1), value...)
	}
}

// withoutNUL returns a JSON text with \ufffd for every escape \u0000, at every depth and in names too, and whether
// there was one. A backslash that is escaped itself begins no escape.
func withoutNUL(text string) (string, bool) {
	const nul = `\u0000`
	if !strings.Contains(text, nul) {
		return text, false
	}
	var changed []byte
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		if strings.HasPrefix(text[i:], nul) {
			if changed == nil {
				changed = []byte(text)
			}
			copy(changed[i:], `\ufffd`)
		}
		i++ // past the character that the backslash escapes
	}
	if changed == nil {
		return text, false
	}
	return string(changed), true
}
