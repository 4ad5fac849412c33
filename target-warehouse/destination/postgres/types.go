package postgres

import (
	"fmt"

	"github.com/jackc/pgx/v5/pgtype"

	"tapline/target-warehouse/table"
)

// newTypes are the PostgreSQL types of new columns.
var newTypes = map[table.Type]string{
	table.Boolean:   "boolean",
	table.Integer:   "bigint",
	table.Number:    "double precision",
	table.Decimal:   "numeric",
	table.Text:      "text",
	table.Timestamp: "timestamp with time zone",
	table.Date:      "date",
	table.JSON:      "jsonb",
}

// columnType is the PostgreSQL type of a new column, as the server spells it.
func columnType(c table.Column) string {
	if c.Type == table.Decimal && c.Precision > 0 {
		return fmt.Sprintf("numeric(%d,%d)", c.Precision, c.Scale)
	}
	return newTypes[c.Type]
}

// newColumn is a column of a target as it is once it has been added.
func newColumn(name string, c table.Column) stored {
	s := stored{name: name, modifier: -1, typ: columnType(c)}
	for _, h := range holdings {
		if h.value == c.Type {
			s.oid = h.oid
			break
		}
	}
	if c.Type == table.Decimal && c.Precision > 0 {
		s.modifier = int32(c.Precision<<16|c.Scale) + modifierHead
	}
	return s
}

// modifierHead is what the server adds to the modifier of a type that has a length.
// https://github.com/postgres/postgres/blob/master/src/backend/utils/adt/numeric.c, make_numeric_typmod
const modifierHead = 4

// digits are the greatest number of digits of a numeric column and of those behind the point, which from version 15 on
// may be less than 0; ok is false where they are not limited.
func (s *stored) digits() (precision, scale int, ok bool) {
	if s.oid != pgtype.NumericOID || s.modifier < modifierHead {
		return 0, 0, false
	}
	m := int(s.modifier - modifierHead)
	return m >> 16 & 0xffff, (m&0x7ff ^ 1024) - 1024, true
}

// logical is what a column holds, in the types that tapline knows. A type that it does not know is text to it.
func (s *stored) logical() table.Column {
	c := table.Column{Name: s.name, Type: table.Text, Nullable: !s.notNull}
	switch s.oid {
	case pgtype.BoolOID:
		c.Type = table.Boolean
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID:
		c.Type = table.Integer
	case pgtype.Float4OID, pgtype.Float8OID:
		c.Type = table.Number
	case pgtype.NumericOID:
		c.Type = table.Decimal
		if precision, scale, ok := s.digits(); ok && precision <= 38 && scale >= 0 && scale <= precision {
			c.Precision, c.Scale = precision, scale
		}
	case pgtype.TimestamptzOID:
		c.Type = table.Timestamp
	case pgtype.DateOID:
		c.Type = table.Date
	case pgtype.JSONOID, pgtype.JSONBOID:
		c.Type = table.JSON
	default:
		if s.composite {
			c.Type = table.JSON
		}
	}
	return c
}

// hold finds how a column holds every value of c as it is; nil where it cannot.
func (s *stored) hold(c table.Column) *holding {
	precision, scale, limited := s.digits()
	switch {
	case limited && c.Type == table.Integer && precision-scale < 19:
		return nil
	case limited && c.Type == table.Decimal && (c.Precision == 0 || scale < c.Scale || precision-scale < c.Precision-c.Scale):
		return nil
	case limited && c.Type == table.Number:
		return nil
	case !limited && s.modifier != -1: // such as a greatest length
		return nil
	}
	for i := range holdings {
		if holdings[i].value == c.Type && holdings[i].oid == s.oid {
			return &holdings[i]
		}
	}
	return nil
}

// Values of a type are spelled as text in one way, whatever type of column they come from: truth values as true and
// false, numbers in plain digits without zeros that say nothing, moments as RFC 3339 has them in UTC, and dates as ISO
// 8601 has them. Package-internal encodings spell values of batches the same.
const (
	floatText = `CASE WHEN %[1]s::text LIKE '%%e%%' THEN trim_scale(%[1]s::text::numeric)::text ELSE %[1]s::text END`
	// Moments that RFC 3339 cannot write keep PostgreSQL's spelling.
	momentText = `CASE WHEN %[1]s >= '0001-01-01 00:00:00+00' AND %[1]s < '10000-01-01 00:00:00+00' THEN
		rtrim(rtrim(to_char(%[1]s AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), '0'), '.') || 'Z' ELSE %[1]s::text END`
)

// text is the SQL that spells the column's values as text.
func (s *stored) text() string {
	name := quote(s.name)
	switch s.logical().Type {
	case table.Number:
		return fmt.Sprintf(floatText, name)
	case table.Decimal:
		return "trim_scale(" + name + ")::text"
	case table.Timestamp:
		return fmt.Sprintf(momentText, name)
	}
	return name + "::text"
}

// as is the SQL that makes values of another type of the column's, without changing them.
func (s *stored) as(to table.Type) string {
	name, from := quote(s.name), s.logical().Type
	switch {
	case to == table.JSON && from == table.Timestamp:
		return "to_jsonb(" + s.text() + ")"
	case to == table.JSON && s.oid == pgtype.Float4OID: // to_jsonb would go by way of double precision
		return "to_jsonb(" + name + "::text::double precision)"
	case to == table.JSON:
		return "to_jsonb(" + name + ")"
	case to == table.Text:
		return s.text()
	case from == table.Number: // a cast from one number to another would keep 15 digits, or bring forth more
		return name + "::text::" + newTypes[to]
	}
	return name + "::" + newTypes[to]
}
