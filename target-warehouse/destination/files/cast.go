package files

import (
	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"tapline/target-warehouse/table"
)

// cast gives values of one type the other, which holds all of them (see table.Join): as text or, for JSON, as JSON. The
// caller releases what it returns.
func cast(values arrow.Array, from, to table.Type) arrow.Array {
	if from == to {
		values.Retain()
		return values
	}
	b := array.NewStringBuilder(memory.DefaultAllocator)
	defer b.Release()
	b.Reserve(values.Len())
	var text []byte
	for i := range values.Len() {
		if values.IsNull(i) {
			b.AppendNull()
			continue
		}
		if to == table.JSON {
			text = appendJSON(text[:0], from, values, i)
		} else {
			text = appendText(text[:0], from, values, i)
		}
		b.BinaryBuilder.Append(text)
	}
	return b.NewArray()
}
