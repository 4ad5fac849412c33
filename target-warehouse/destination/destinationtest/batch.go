package destinationtest

import (
	"fmt"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"tapline/target-warehouse/table"
)

// Row holds the values of one row in the order of its Table's columns: nil, bool for Boolean, int64 for Integer,
// float64 for Number, string for Text and JSON and, in the spelling
// that package table gives it, for Decimal, and a time.Time in UTC for Timestamp and Date.
type Row []any

// Batch makes a batch of rows with the ordinals first, first+1 and so on. The caller releases it.
func Batch(mem memory.Allocator, t *table.Table, first int64, rows ...Row) *table.Batch {
	b := array.NewRecordBuilder(mem, t.ArrowSchema())
	defer b.Release()
	for i, row := range rows {
		for j, value := range row {
			appendValue(b.Field(j), value)
		}
		b.Field(len(t.Columns)).(*array.Int64Builder).Append(first + int64(i))
	}
	return &table.Batch{Table: t, Rows: b.NewRecord()}
}

func appendValue(b array.Builder, value any) {
	switch b := b.(type) {
	case interface{ Append(bool) }:
		appendOr(b, b.Append, value)
	case interface{ Append(int64) }:
		appendOr(b, b.Append, value)
	case interface{ Append(float64) }:
		appendOr(b, b.Append, value)
	case interface{ Append(string) }:
		appendOr(b, b.Append, value)
	case *array.TimestampBuilder:
		if t, ok := value.(time.Time); ok {
			value = arrow.Timestamp(t.UnixMicro())
		}
		appendOr(b, b.Append, value)
	case *array.Date32Builder:
		if t, ok := value.(time.Time); ok {
			value = arrow.Date32FromTime(t)
		}
		appendOr(b, b.Append, value)
	default:
		panic(fmt.Sprintf("destinationtest: no builder %T", b))
	}
}

// appendOr appends a value of the builder's own Go type, or NULL for nil.
func appendOr[T any](b any, add func(T), value any) {
	if value == nil {
		b.(array.Builder).AppendNull()
		return
	}
	add(value.(T))
}
