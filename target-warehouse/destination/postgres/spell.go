package postgres

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
)

// A spelling appends the value in a row as text, in the way that stored.text spells a column's values.
type spelling func(dst []byte, a arrow.Array, row int) []byte

// spelled sends text.
func spelled(spell spelling) encoding {
	return func(a arrow.Array, _ *replacements) field {
		return func(dst []byte, row int) []byte { return withLength(dst, nil, spell, a, row) }
	}
}

// spelledJSONB sends JSON text to jsonb.
func spelledJSONB(spell spelling) encoding {
	return func(a arrow.Array, _ *replacements) field {
		return func(dst []byte, row int) []byte { return withLength(dst, []byte{jsonbFormat}, spell, a, row) }
	}
}

// withLength appends what is spelled behind head, and the length of both ahead.
func withLength(dst, head []byte, spell spelling, a arrow.Array, row int) []byte {
	start := len(dst) + 4
	dst = spell(append(append(dst, 0, 0, 0, 0), head...), a, row)
	binary.BigEndian.PutUint32(dst[start-4:], uint32(len(dst)-start))
	return dst
}

// quoted is a spelling that needs no escapes as a JSON string.
func quoted(spell spelling) spelling {
	return func(dst []byte, a arrow.Array, row int) []byte { return append(spell(append(dst, '"'), a, row), '"') }
}

func spellBoolean(dst []byte, a arrow.Array, row int) []byte {
	return strconv.AppendBool(dst, a.(*array.Boolean).Value(row))
}

func spellInteger(dst []byte, a arrow.Array, row int) []byte {
	return strconv.AppendInt(dst, a.(*array.Int64).Value(row), 10)
}

func spellNumber(dst []byte, a arrow.Array, row int) []byte {
	switch v := a.(*array.Float64).Value(row); {
	case math.IsInf(v, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(v, -1):
		return append(dst, "-Infinity"...)
	default:
		return strconv.AppendFloat(dst, v, 'f', -1, 64)
	}
}

// spellJSONNumber makes a string of what is no number in JSON, as to_jsonb does.
func spellJSONNumber(dst []byte, a arrow.Array, row int) []byte {
	if v := a.(*array.Float64).Value(row); math.IsNaN(v) || math.IsInf(v, 0) {
		return quoted(spellNumber)(dst, a, row)
	}
	return spellNumber(dst, a, row)
}

func spellTimestamp(dst []byte, a arrow.Array, row int) []byte {
	return time.UnixMicro(int64(a.(*array.Timestamp).Value(row))).UTC().AppendFormat(dst, time.RFC3339Nano)
}

func spellDate(dst []byte, a arrow.Array, row int) []byte {
	return a.(*array.Date32).Value(row).ToTime().AppendFormat(dst, time.DateOnly)
}

func spellJSONText(dst []byte, a arrow.Array, row int) []byte {
	text, err := json.Marshal(a.(*array.String).Value(row))
	if err != nil {
		panic("postgres: a string has no form in JSON: " + err.Error()) // there is none such
	}
	return append(dst, text...)
}

func encodeTextAsJSONB(a arrow.Array, replaced *replacements) field {
	values := a.(*array.String)
	return func(dst []byte, row int) []byte {
		text, err := json.Marshal(withoutNUL(values.Value(row), replaced))
		if err != nil {
			panic("postgres: a string has no form in JSON: " + err.Error()) // there is none such
		}
		return appendJSONB(dst, string(text))
	}
}
