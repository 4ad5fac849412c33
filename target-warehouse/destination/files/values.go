package files

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
)

// write adds the values of a batch to a column of a Parquet file. They are copied. levels has 1 for each that is there,
// and so has valid in bits, from the index from on.
//
// WriteBatchSpaced takes the values with room between them for NULLs. Its sister WriteBatch, and pqarrow with it where a
// batch has no NULL, makes the text of a failure for each value, as of version 18.5.1, which takes longer than the rest.
// That is also why no Arrow array of the newer version is made of ours.
func (c column) write(writer file.ColumnChunkWriter, values arrow.Array, levels []int16, valid []byte, from int64) error {
	switch v := values.(type) {
	case *array.Boolean:
		writer.(*file.BooleanColumnChunkWriter).WriteBatchSpaced(truths(v), levels, nil, valid, from)
	case *array.Int64:
		writer.(*file.Int64ColumnChunkWriter).WriteBatchSpaced(v.Int64Values(), levels, nil, valid, from)
	case *array.Timestamp:
		writer.(*file.Int64ColumnChunkWriter).WriteBatchSpaced(arrow.Int64Traits.CastFromBytes(arrow.TimestampTraits.CastToBytes(v.TimestampValues())), levels, nil, valid, from)
	case *array.Date32:
		writer.(*file.Int32ColumnChunkWriter).WriteBatchSpaced(arrow.Int32Traits.CastFromBytes(arrow.Date32Traits.CastToBytes(v.Date32Values())), levels, nil, valid, from)
	case *array.Float64:
		writer.(*file.Float64ColumnChunkWriter).WriteBatchSpaced(v.Float64Values(), levels, nil, valid, from)
	case *array.String:
		if !c.bounded() {
			writer.(*file.ByteArrayColumnChunkWriter).WriteBatchSpaced(texts(v), levels, nil, valid, from)
			break
		}
		numbers, err := c.numbers(v)
		if err != nil {
			return err
		}
		writer.(*file.FixedLenByteArrayColumnChunkWriter).WriteBatchSpaced(numbers, levels, nil, valid, from)
	default:
		return fmt.Errorf("no type of Parquet is for %s", values.DataType())
	}
	return nil
}

func truths(values *array.Boolean) []bool {
	list := make([]bool, values.Len())
	for i := range list {
		list[i] = values.Value(i)
	}
	return list
}

// texts are the values' own bytes.
func texts(values *array.String) []parquet.ByteArray {
	list := make([]parquet.ByteArray, values.Len())
	rest := values.ValueBytes()
	for i := range list {
		n := len(values.Value(i))
		list[i], rest = rest[:n:n], rest[n:]
	}
	return list
}

// longest is the length of the longest text among the values.
func longest(values arrow.Array) (most int64) {
	if texts, ok := values.(*array.String); ok {
		for i := range texts.Len() {
			most = max(most, int64(len(texts.Value(i))))
		}
	}
	return most
}

// numbers makes numbers of the text of a bounded Decimal: whole ones of as many bytes as the column has, the highest byte
// first, below zero as two's complements.
func (c column) numbers(texts *array.String) ([]parquet.FixedLenByteArray, error) {
	size := c.decimalSize()
	list := make([]parquet.FixedLenByteArray, texts.Len())
	room := make([]byte, size*len(list))
	for i := range list {
		list[i] = room[i*size : (i+1)*size]
		if texts.IsNull(i) {
			continue
		}
		n, err := c.unscaled(texts.Value(i))
		if err != nil {
			return nil, err
		}
		high, low := uint64(n.HighBits()), n.LowBits()
		for at := size - 1; at >= 0; at-- {
			list[i][at] = byte(low)
			low = low>>8 | high<<56
			high = uint64(int64(high) >> 8)
		}
	}
	return list, nil
}

// unscaled is the whole number that a decimal's text stands for if its last digit is the one that Scale allows.
func (c column) unscaled(text string) (decimal128.Num, error) {
	whole, fraction, _ := strings.Cut(text, ".")
	digits := whole + fraction
	n, ok := new(big.Int).SetString(digits, 10)
	if !ok || len(fraction) > c.Scale || len(strings.TrimLeft(strings.TrimPrefix(digits, "-"), "0"))+c.Scale-len(fraction) > c.Precision {
		return decimal128.Num{}, fmt.Errorf("column %q holds numbers of %d digits, %d of them behind the point, and %q is none", c.Name, c.Precision, c.Scale, text)
	}
	return decimal128.FromBigInt(n.Mul(n, tenTo(c.Scale-len(fraction)))), nil
}

func tenTo(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// sampleRows is how many values of a file tell whether a dictionary is worth its making.
const sampleRows = 2048

// repeats tells whether a fifth or more of the first values have come before. Others are not worth a dictionary: most of
// its values would stand there and be named once. NULLs are in no dictionary, so they are no values here.
func repeats(values []arrow.Array) bool {
	switch values[0].(type) {
	case *array.Boolean:
		return false // Parquet has none for them
	case *array.Int64:
		return repeated[int64, *array.Int64](values)
	case *array.Timestamp:
		return repeated[arrow.Timestamp, *array.Timestamp](values)
	case *array.Float64:
		return repeated[float64, *array.Float64](values)
	case *array.String:
		return repeated[string, *array.String](values)
	}
	return true
}

func repeated[T comparable, A interface {
	arrow.Array
	Value(i int) T
}](arrays []arrow.Array) bool {
	seen, n := make(map[T]struct{}), 0
	for _, values := range arrays {
		for i := range values.Len() {
			if n == sampleRows {
				break
			}
			if values.IsValid(i) {
				seen[values.(A).Value(i)] = struct{}{}
				n++
			}
		}
	}
	return len(seen)*5 <= n*4
}
