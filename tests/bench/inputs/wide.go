package inputs

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// Wide are the contacts of a CRM to which everybody has added fields: 300 columns, a fifth of them null in each row.
var Wide = &Input{Name: "contacts", Rows: 80_000, Mark: "stage", Marks: [2]string{"lead", "customer"}, row: appendContact, Columns: contact}

var contact = contactColumns()

// contactTypes come in turn.
var contactTypes = []string{text, integer, float, boolean, moment}

func contactColumns() []Column {
	columns := []Column{{"id", `{"type":"integer"}`}, {"stage", text}}
	for i := len(columns); i < 300; i++ {
		columns = append(columns, Column{fmt.Sprintf("field_%03d", i), contactTypes[i%len(contactTypes)]})
	}
	return columns
}

func appendContact(b []byte, i int, mark string, rnd *rand.Rand) []byte {
	b = fmt.Appendf(b, `{"id":%d,"stage":%q`, i, mark)
	for c, column := range contact[2:] {
		b = append(append(append(b, `,"`...), column.Name...), `":`...)
		n := rnd.Int64N(1_000_000_000)
		if (int(n)+c)%5 == 0 {
			b = append(b, "null"...)
			continue
		}
		switch column.Schema {
		case text:
			b = append(strconv.AppendInt(append(b, `"answer `...), n, 36), '"')
		case integer:
			b = strconv.AppendInt(b, n, 10)
		case float:
			b = strconv.AppendFloat(b, float64(n)/1000, 'f', -1, 64)
		case boolean:
			b = strconv.AppendBool(b, n%2 == 0)
		case moment:
			b = time.Unix(n, 0).UTC().AppendFormat(b, `"2006-01-02T15:04:05Z"`)
		}
	}
	return append(b, '}')
}
