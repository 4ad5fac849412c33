package table

import (
	"fmt"

	"github.com/apache/arrow/go/v15/arrow"
)

var typeNamesOf = [...]string{"invalid", "boolean", "integer", "number", "decimal", "text", "timestamp", "date", "json"}

// String returns the type's name in lower case, as messages show it.
func (t Type) String() string {
	if int(t) >= len(typeNamesOf) {
		t = 0
	}
	return typeNamesOf[t]
}

// LogicalType returns the column's type as records of tapline's show it, a bounded Decimal with its digits in all and
// those behind the point: decimal(38,9).
func (c Column) LogicalType() string {
	if c.Precision == 0 {
		return c.Type.String()
	}
	return fmt.Sprintf("%s(%d,%d)", c.Type, c.Precision, c.Scale)
}

// Arrow returns the Arrow type in which a [Batch] carries columns of type t.
func (t Type) Arrow() arrow.DataType {
	switch t {
	case Boolean:
		return arrow.FixedWidthTypes.Boolean
	case Integer:
		return arrow.PrimitiveTypes.Int64
	case Number:
		return arrow.PrimitiveTypes.Float64
	case Timestamp:
		return arrow.FixedWidthTypes.Timestamp_us
	case Date:
		return arrow.FixedWidthTypes.Date32
	}
	return arrow.BinaryTypes.String
}

// ArrowSchema returns the schema of the Rows of every [Batch] of t: its columns, then [Ordinal].
func (t *Table) ArrowSchema() *arrow.Schema {
	fields := make([]arrow.Field, 0, len(t.Columns)+1)
	for _, c := range t.Columns {
		fields = append(fields, arrow.Field{Name: c.Name, Type: c.Type.Arrow(), Nullable: c.Nullable})
	}
	fields = append(fields, arrow.Field{Name: Ordinal, Type: arrow.PrimitiveTypes.Int64})
	return arrow.NewSchema(fields, nil)
}
