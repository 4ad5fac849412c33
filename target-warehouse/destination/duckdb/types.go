package duckdb

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"tapline/target-warehouse/table"
)

// typeOf is the DuckDB type of a new column. A Decimal of any length is VARCHAR, as DuckDB's longest DECIMAL has 38
// digits; the text is the one spelling that equal numbers share, so it is fit for keys and comparisons.
func typeOf(c table.Column) string {
	if c.Type == table.Decimal && c.Precision > 0 {
		return fmt.Sprintf("DECIMAL(%d,%d)", c.Precision, c.Scale)
	}
	return newTypes[c.Type]
}

var newTypes = map[table.Type]string{
	table.Boolean:   "BOOLEAN",
	table.Integer:   "BIGINT",
	table.Number:    "DOUBLE",
	table.Decimal:   "VARCHAR",
	table.Text:      "VARCHAR",
	table.Timestamp: "TIMESTAMP WITH TIME ZONE",
	table.Date:      "DATE",
	table.JSON:      "JSON",
}

var decimalType = regexp.MustCompile(`^DECIMAL\((\d+),(\d+)\)$`)

// parseDecimal finds the digits in all, and those behind the point, of a DECIMAL type.
func parseDecimal(typ string) (precision, scale int, ok bool) {
	m := decimalType.FindStringSubmatch(typ)
	if m == nil {
		return 0, 0, false
	}
	precision, _ = strconv.Atoi(m[1]) // both are digits
	scale, _ = strconv.Atoi(m[2])
	return precision, scale, true
}

// logical is what a column of a DuckDB type holds, as the lattice of types sees it. Types that tapline never makes are
// text there or, if they are made of others, JSON.
func logical(typ string) table.Column {
	if precision, scale, ok := parseDecimal(typ); ok {
		return table.Column{Type: table.Decimal, Precision: precision, Scale: scale}
	}
	if nested(typ) {
		return table.Column{Type: table.JSON}
	}
	switch typ {
	case "BOOLEAN":
		return table.Column{Type: table.Boolean}
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER":
		return table.Column{Type: table.Integer}
	case "UBIGINT":
		return table.Column{Type: table.Decimal, Precision: 20}
	case "HUGEINT", "UHUGEINT":
		return table.Column{Type: table.Decimal}
	case "FLOAT", "DOUBLE":
		return table.Column{Type: table.Number}
	case "TIMESTAMP WITH TIME ZONE":
		return table.Column{Type: table.Timestamp}
	case "DATE":
		return table.Column{Type: table.Date}
	case "JSON":
		return table.Column{Type: table.JSON}
	}
	return table.Column{Type: table.Text}
}

// nested tells the types that are made of others.
func nested(typ string) bool {
	for _, prefix := range []string{"STRUCT(", "MAP(", "UNION("} {
		if strings.HasPrefix(typ, prefix) {
			return true
		}
	}
	return strings.HasSuffix(typ, "]")
}

// fill returns the expression that turns the value of a batch's column into that of a DuckDB column of a type, without
// changing it. ok is false if the type cannot hold every such value. DOUBLE is an exception for the sake of columns whose
// numbers are whole at times: it takes those that it can hold exactly, and the statement fails for others (see makeRoom).
func fill(c table.Column, typ, value, name string) (expression string, ok bool) {
	own := typeOf(c)
	precision, scale, decimal := parseDecimal(typ)
	switch {
	case typ == "JSON":
		return asJSON(c, value), true
	case c.Type == table.JSON: // of tapline's types none but JSON keeps an object and its text apart
		return "", false
	case typ == "VARCHAR" && (c.Type == table.Text || c.Type == table.Decimal):
		return value, true // a batch has both as text
	case typ == "VARCHAR":
		return asText(own, value), true
	case c.Type == table.Decimal && c.Precision > 0:
		fits := decimal && scale >= c.Scale && precision-scale >= c.Precision-c.Scale || typ == "HUGEINT" && c.Scale == 0
		return "CAST(" + value + " AS " + typ + ")", fits
	case c.Type == table.Integer && typ == "DOUBLE":
		return fmt.Sprintf(exactDouble, value, text(name)), true
	case c.Type == table.Integer && (typ == "HUGEINT" || decimal && precision-scale >= 19):
		return "CAST(" + value + " AS " + typ + ")", true
	}
	return value, typ == own && c.Type != table.Decimal
}

// exactDouble makes a DOUBLE of a whole number that it can hold exactly.
const exactDouble = `CASE WHEN %[1]s NOT BETWEEN -9007199254740992 AND 9007199254740992 THEN error('column ' || %[2]s || ' is DOUBLE, which cannot hold the whole number ' || %[1]s || ' exactly; give the column the type VARCHAR')::DOUBLE ELSE %[1]s::DOUBLE END`

// asJSON spells the value of a batch's column as JSON.
func asJSON(c table.Column, value string) string {
	switch c.Type {
	case table.JSON:
		return value
	case table.Decimal:
		return "CAST(" + value + " AS JSON)"
	}
	return toJSON(typeOf(c), value)
}

// asText spells a value of a DuckDB type as text: moments as RFC 3339 has them, in UTC, and numbers in plain digits
// without an exponent and without zeros that say nothing, so that equal numbers have one spelling.
func asText(typ, value string) string {
	plain := "CAST(" + value + " AS VARCHAR)"
	_, scale, decimal := parseDecimal(typ)
	switch {
	case typ == "VARCHAR":
		return value
	case typ == "FLOAT" || typ == "DOUBLE":
		return strings.ReplaceAll(floatText, "{v}", plain)
	case decimal && scale > 0:
		return "rtrim(rtrim(" + plain + ", '0'), '.')"
	case typ == "TIMESTAMP WITH TIME ZONE":
		return strings.ReplaceAll(momentText, "{v}", value)
	}
	return plain
}

// floatText makes plain digits of DuckDB's spelling {v} of a float, which is the shortest that leads back to it, such as
// 1.0, -2.5e-07, 1e+21 or inf.
const floatText = `CASE WHEN {v} IN ('nan', 'inf', '-inf') THEN replace(replace({v}, 'nan', 'NaN'), 'inf', 'Infinity')
	WHEN NOT contains({v}, 'e') THEN regexp_replace({v}, '\.0$', '')
	WHEN contains({v}, 'e-') THEN CASE WHEN starts_with({v}, '-') THEN '-' ELSE '' END || '0.' ||
		repeat('0', CAST(split_part({v}, 'e-', 2) AS INTEGER) - 1) || translate(split_part({v}, 'e', 1), '-.', '')
	ELSE CASE WHEN starts_with({v}, '-') THEN '-' ELSE '' END ||
		rpad(translate(split_part({v}, 'e', 1), '-.', ''), CAST(split_part({v}, 'e+', 2) AS INTEGER) + 1, '0') END`

// momentText makes RFC 3339 of the moment {v} without regard to the session's time zone.
const momentText = `CASE WHEN isfinite({v}) THEN regexp_replace(strftime(make_timestamp(epoch_us({v})), '%Y-%m-%dT%H:%M:%S.%f'), '\.?0*$', '') || 'Z' ELSE CAST({v} AS VARCHAR) END`

// toJSON spells a value of a DuckDB type as JSON: numbers and truth values as such, what has no form of its own in JSON
// as a string of its text.
func toJSON(typ, value string) string {
	switch t := logical(typ).Type; {
	case typ == "JSON":
		return value
	case t == table.JSON:
		return "to_json(" + value + ")"
	case t == table.Number:
		return "CASE WHEN isfinite(" + value + ") THEN CAST(" + asText(typ, value) + " AS JSON) ELSE to_json(" + asText(typ, value) + ") END"
	case t == table.Boolean, t == table.Integer, t == table.Decimal:
		return "CAST(" + asText(typ, value) + " AS JSON)"
	}
	return "to_json(" + asText(typ, value) + ")"
}

// convert returns the expressions that turn a stored value into one of another type, and that back into the first one.
// Both are NULL where there is no such value.
func convert(from, to, value string) (there, back string) {
	switch to {
	case "VARCHAR":
		there = asText(from, value)
	case "JSON":
		there = toJSON(from, value)
	default:
		there = "TRY_CAST(" + value + " AS " + to + ")"
	}
	text := there
	switch t := logical(from).Type; {
	case to != "JSON" || t == table.JSON:
	case t == table.Text, t == table.Timestamp, t == table.Date:
		text = "((" + there + ") ->> '$')"
	default: // DuckDB takes numbers out of JSON as DOUBLE, so they are taken from its text; NaN is a string there
		text = "trim(CAST(" + there + " AS VARCHAR), '\"')"
	}
	return there, "TRY_CAST(" + text + " AS " + from + ")"
}
