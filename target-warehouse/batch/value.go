package batch

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"tapline/internal/rawjson"
)

// The functions below append a value as JSON. Which one a column takes follows from its types
// (https://github.com/apache/parquet-format/blob/master/LogicalTypes.md).

func int32Text(logical schema.LogicalType) func([]byte, int32) []byte {
	wide := int64Text(logical)
	switch logical := logical.(type) {
	case schema.IntLogicalType:
		if !logical.IsSigned() {
			return func(b []byte, v int32) []byte { return strconv.AppendUint(b, uint64(uint32(v)), 10) }
		}
	case schema.DateLogicalType:
		return func(b []byte, v int32) []byte {
			return quoted(b, time.Unix(int64(v)*secondsPerDay, 0), "2006-01-02")
		}
	}
	return func(b []byte, v int32) []byte { return wide(b, int64(v)) }
}

func int64Text(logical schema.LogicalType) func([]byte, int64) []byte {
	switch logical := logical.(type) {
	case schema.IntLogicalType:
		if !logical.IsSigned() {
			return func(b []byte, v int64) []byte { return strconv.AppendUint(b, uint64(v), 10) }
		}
	case schema.DecimalLogicalType:
		scale := int(logical.Scale())
		return func(b []byte, v int64) []byte { return appendDecimal(b, strconv.FormatInt(v, 10), scale) }
	case schema.TimeLogicalType:
		unit := unitOf(logical.TimeUnit())
		return func(b []byte, v int64) []byte { return quoted(b, moment(v, unit), "15:04:05.999999999") }
	case schema.TimestampLogicalType:
		unit := unitOf(logical.TimeUnit())
		return func(b []byte, v int64) []byte { return quoted(b, moment(v, unit), time.RFC3339Nano) }
	}
	return func(b []byte, v int64) []byte { return strconv.AppendInt(b, v, 10) }
}

// bytesText serves both kinds of byte arrays. Without a logical type they are binary, even if the writer meant text.
func bytesText(logical schema.LogicalType) func([]byte, []byte) []byte {
	switch logical := logical.(type) {
	case schema.StringLogicalType, schema.EnumLogicalType:
		return appendText
	case schema.JSONLogicalType:
		return appendJSON
	case schema.DecimalLogicalType:
		scale := int(logical.Scale())
		return func(b, v []byte) []byte { return appendDecimal(b, bigEndian(v).String(), scale) }
	case schema.UUIDLogicalType:
		return appendUUID
	case schema.IntervalLogicalType:
		return appendInterval
	case schema.Float16LogicalType:
		return func(b, v []byte) []byte { return appendFloat64(b, float16(binary.LittleEndian.Uint16(v))) }
	}
	return func(b, v []byte) []byte {
		b = append(b, '"')
		return append(base64.StdEncoding.AppendEncode(b, v), '"')
	}
}

const secondsPerDay = 24 * 60 * 60

func unitOf(unit schema.TimeUnitType) time.Duration {
	switch unit {
	case schema.TimeUnitMillis:
		return time.Millisecond
	case schema.TimeUnitMicros:
		return time.Microsecond
	}
	return time.Nanosecond
}

// moment is so many units after 1970 UTC. The units of all 64-bit counts are more than a time.Duration holds.
func moment(count int64, unit time.Duration) time.Time {
	perSecond := int64(time.Second / unit)
	return time.Unix(count/perSecond, count%perSecond*int64(unit))
}

func quoted(b []byte, t time.Time, layout string) []byte {
	b = append(b, '"')
	return append(t.UTC().AppendFormat(b, layout), '"')
}

// appendInt96 writes a timestamp of the kind that Impala and Spark once wrote: nanoseconds of the day, then the Julian day.
func appendInt96(b []byte, v parquet.Int96) []byte {
	const julian1970 = 2_440_588
	nanos, day := int64(binary.LittleEndian.Uint64(v[:8])), int64(int32(binary.LittleEndian.Uint32(v[8:])))
	return quoted(b, time.Unix((day-julian1970)*secondsPerDay, nanos), time.RFC3339Nano)
}

func appendBool(b []byte, v bool) []byte { return strconv.AppendBool(b, v) }

func appendFloat32(b []byte, v float32) []byte { return appendFloat64(b, float64(v)) }

// float16 is the value of a 16-bit float of IEEE 754.
func float16(bits uint16) float64 {
	exponent, mantissa := int(bits>>10&0x1f), float64(bits&0x3ff)
	var v float64
	switch exponent {
	case 0:
		v = math.Ldexp(mantissa, -24)
	case 0x1f:
		v = math.Inf(1)
		if mantissa != 0 {
			v = math.NaN()
		}
	default:
		v = math.Ldexp(mantissa+1024, exponent-25)
	}
	return math.Copysign(v, 0.5-float64(bits>>15))
}

// appendFloat64 writes NaN and the infinities as the words that Python's json module has for them.
func appendFloat64(b []byte, v float64) []byte {
	switch {
	case math.IsNaN(v):
		return append(b, "NaN"...)
	case math.IsInf(v, 1):
		return append(b, "Infinity"...)
	case math.IsInf(v, -1):
		return append(b, "-Infinity"...)
	}
	if size := math.Abs(v); size != 0 && (size < 1e-6 || size >= 1e21) {
		return strconv.AppendFloat(b, v, 'e', -1, 64)
	}
	return strconv.AppendFloat(b, v, 'f', -1, 64)
}

// appendDecimal writes an unscaled number with its point.
func appendDecimal(b []byte, digits string, scale int) []byte {
	if digits[0] == '-' {
		b = append(b, '-')
		digits = digits[1:]
	}
	if scale == 0 {
		return append(b, digits...)
	}
	if len(digits) <= scale {
		b = append(b, "0."...)
		for range scale - len(digits) {
			b = append(b, '0')
		}
		return append(b, digits...)
	}
	point := len(digits) - scale
	b = append(append(b, digits[:point]...), '.')
	return append(b, digits[point:]...)
}

// bigEndian reads a number in two's complement.
func bigEndian(v []byte) *big.Int {
	n := new(big.Int).SetBytes(v)
	if len(v) > 0 && v[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(v))))
	}
	return n
}

func appendUUID(b, v []byte) []byte {
	b = append(b, '"')
	for i, part := range [][]byte{v[:4], v[4:6], v[6:8], v[8:10], v[10:16]} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, part)
	}
	return append(b, '"')
}

// appendInterval writes an ISO 8601 duration, with the months, days and milliseconds as they are kept.
func appendInterval(b, v []byte) []byte {
	months, days, millis := binary.LittleEndian.Uint32(v), binary.LittleEndian.Uint32(v[4:]), binary.LittleEndian.Uint32(v[8:])
	return fmt.Appendf(b, `"P%dM%dDT%d.%03dS"`, months, days, millis/1000, millis%1000)
}

// appendJSON writes a value of the type JSON as the JSON it is, on one line; what is none becomes text.
func appendJSON(b, v []byte) []byte {
	start := rawjson.SkipSpace(v, 0)
	end, err := rawjson.Skip(v, start)
	if err != nil || rawjson.SkipSpace(v, end) < len(v) {
		return appendText(b, v)
	}
	// A newline can only be white space between values: in strings it is escaped.
	return append(b, bytes.ReplaceAll(v[start:end], []byte("\n"), []byte(" "))...)
}

// appendText writes a string literal. Bytes that are not UTF-8 stay, for the decoder to count.
func appendText(b, v []byte) []byte {
	b = append(b, '"')
	start := 0
	for i, c := range v {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, v[start:i]...)
		switch start = i + 1; c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, `\n`...)
		default:
			b = fmt.Appendf(b, `\u%04x`, c)
		}
	}
	return append(append(b, v[start:]...), '"')
}
