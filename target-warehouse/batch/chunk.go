package batch

import (
	"errors"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// readFunc reads entries as the library's readers of the physical types do.
type readFunc[T any] func(n int64, values []T, definitions, repetitions []int16) (entries int64, count int, err error)

// typed is the chunk of a column with values of one physical type.
type typed[T any] struct {
	reader   func(file.ColumnChunkReader) readFunc[T]
	text     func(b []byte, value T) []byte
	bytes    func(T) int // nil for values that lie in values
	required bool        // no entry is without a value
	next     readFunc[T]
	values   []T
}

// newChunk makes the chunk of a column; nil for a type that is not read.
func newChunk(c *schema.Column) chunk {
	required := c.MaxDefinitionLevel() == 0
	switch c.PhysicalType() {
	case parquet.Types.Boolean:
		return newTyped(required, appendBool, nil, func(r file.ColumnChunkReader) readFunc[bool] {
			return r.(*file.BooleanColumnChunkReader).ReadBatch
		})
	case parquet.Types.Int32:
		return newTyped(required, int32Text(c.LogicalType()), nil, func(r file.ColumnChunkReader) readFunc[int32] {
			return r.(*file.Int32ColumnChunkReader).ReadBatch
		})
	case parquet.Types.Int64:
		return newTyped(required, int64Text(c.LogicalType()), nil, func(r file.ColumnChunkReader) readFunc[int64] {
			return r.(*file.Int64ColumnChunkReader).ReadBatch
		})
	case parquet.Types.Int96:
		return newTyped(required, appendInt96, nil, func(r file.ColumnChunkReader) readFunc[parquet.Int96] {
			return r.(*file.Int96ColumnChunkReader).ReadBatch
		})
	case parquet.Types.Float:
		return newTyped(required, appendFloat32, nil, func(r file.ColumnChunkReader) readFunc[float32] {
			return r.(*file.Float32ColumnChunkReader).ReadBatch
		})
	case parquet.Types.Double:
		return newTyped(required, appendFloat64, nil, func(r file.ColumnChunkReader) readFunc[float64] {
			return r.(*file.Float64ColumnChunkReader).ReadBatch
		})
	case parquet.Types.ByteArray:
		text := bytesText(c.LogicalType())
		return newTyped(required, func(b []byte, v parquet.ByteArray) []byte { return text(b, v) },
			func(v parquet.ByteArray) int { return len(v) }, func(r file.ColumnChunkReader) readFunc[parquet.ByteArray] {
				return r.(*file.ByteArrayColumnChunkReader).ReadBatch
			})
	case parquet.Types.FixedLenByteArray:
		text := bytesText(c.LogicalType())
		return newTyped(required, func(b []byte, v parquet.FixedLenByteArray) []byte { return text(b, v) },
			func(v parquet.FixedLenByteArray) int { return len(v) }, func(r file.ColumnChunkReader) readFunc[parquet.FixedLenByteArray] {
				return r.(*file.FixedLenByteArrayColumnChunkReader).ReadBatch
			})
	}
	return nil
}

func newTyped[T any](required bool, text func([]byte, T) []byte, bytes func(T) int, reader func(file.ColumnChunkReader) readFunc[T]) chunk {
	if text == nil {
		return nil
	}
	return &typed[T]{reader: reader, text: text, bytes: bytes, required: required, values: make([]T, mostEntries)}
}

func (t *typed[T]) open(r file.ColumnChunkReader) { t.next = t.reader(r) }

func (t *typed[T]) append(b []byte, value int) []byte { return t.text(b, t.values[value]) }

func (t *typed[T]) read(n int, definitions, repetitions []int16) (entries, bytes int, err error) {
	read, count, err := t.next(int64(n), t.values[:n], definitions[:n], repetitions[:n])
	if err == nil && t.required && int(read) != count {
		err = errors.New("a column that is never NULL lacks values")
	}
	if t.bytes != nil {
		for _, v := range t.values[:count] {
			bytes += t.bytes(v)
		}
	}
	return int(read), bytes, err
}
