package destinationtest

import (
	"math"
	"strings"
	"testing"
	"time"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

var rowChecks = []check{
	{"every type comes back unchanged", everyType},
	{"a column can be NULL throughout", allNull},
	{"a value can be a megabyte", bigValues},
	{"many rows come back", manyRows},
	{"an empty batch adds nothing", emptyBatch},
	{"no batch adds nothing", noBatch},
	{"rows without a key are all added", keylessRows},
	{"an append-only table keeps every row of a key", appendOnly},
}

func day(year int, month time.Month, d int) time.Time {
	return time.Date(year, month, d, 0, 0, 0, 0, time.UTC)
}

// allTypes has a column of each type.
func allTypes() *table.Table {
	t := &table.Table{Stream: "types", Schema: "shop", Name: "types"}
	for _, c := range []struct {
		name string
		typ  table.Type
	}{
		{"boolean", table.Boolean}, {"integer", table.Integer}, {"number", table.Number}, {"text", table.Text},
		{"timestamp", table.Timestamp}, {"date", table.Date}, {"json", table.JSON}, {"decimal", table.Decimal},
	} {
		t.Columns = append(t.Columns, table.Column{Name: c.name, Property: c.name, Type: c.typ, Nullable: true})
	}
	money := table.Column{Name: "money", Property: "money", Type: table.Decimal, Precision: 38, Scale: 9, Nullable: true}
	t.Columns = append(t.Columns, money)
	return t
}

// nines are the digits of a Decimal that no machine type holds.
var nines = "-" + strings.Repeat("9", 1000) + "." + strings.Repeat("0", 999) + "1"

// typeRows has the extreme values of each type.
var typeRows = []Row{
	{true, int64(math.MinInt64), math.MaxFloat64, "", day(1, 1, 1), day(1, 1, 1),
		`{"b":1,"a":[ 1.0,1e5 , "\u00e9\/" ],"b":2}`, "0", "0"},
	{false, int64(math.MaxInt64), -math.SmallestNonzeroFloat64, "a\x00b", time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC), day(9999, 12, 31),
		`null`, nines, "-99999999999999999999999999999.999999999"},
	{true, int64(0), 0.1, "naïve 東京 🧾 \u202e\\\"'\r\n\t", time.Date(1969, 12, 31, 23, 59, 59, 999999000, time.UTC), day(1969, 12, 31),
		`12345678901234567890.12345678901234567890`, "12345678901234567890.1234567890123456789", "0.000000001"},
	{false, int64(1<<53 + 1), 1e21, strings.Repeat("x", 4096), time.Date(2024, 3, 10, 2, 30, 0, 1000, time.UTC), day(2024, 2, 29),
		`"text"`, "0.0000001", "99999999999999999999999999999.999999999"},
	{true, int64(-1), math.Copysign(0, -1), "NULL", time.Date(2026, 10, 25, 1, 30, 0, 0, time.UTC), day(1970, 1, 1),
		" \t[]\n", "-1", "-12.5"},
	{nil, nil, nil, nil, nil, nil, nil, nil, nil},
}

func everyType(t *testing.T, h *Harness) {
	s := open(t, h)
	s.load(allTypes(), destination.Counts{Inserted: int64(len(typeRows))}, typeRows)
	s.reopen()
	s.expect(allTypes(), typeRows...)
}

func allNull(t *testing.T, h *Harness) {
	s := open(t, h)
	s.load(keyed(), destination.Counts{Inserted: 2}, []Row{{int64(1), nil}, {int64(2), nil}})
	s.expect(keyed(), Row{int64(1), nil}, Row{int64(2), nil})
}

func bigValues(t *testing.T, h *Harness) {
	tab := keyed()
	tab.Columns = append(tab.Columns, table.Column{Name: "detail", Property: "detail", Type: table.JSON, Nullable: true})
	row := Row{int64(1), strings.Repeat("é", 1<<20), `["` + strings.Repeat("0123456789abcdef", 1<<16) + `"]`}
	s := open(t, h)
	s.load(tab, destination.Counts{Inserted: 1}, []Row{row})
	s.expect(tab, row)
}

// rowsOf makes rows for keyed with the ids from..to-1.
func rowsOf(from, to int64, note string) []Row {
	var rows []Row
	for id := from; id < to; id++ {
		rows = append(rows, Row{id, note})
	}
	return rows
}

func manyRows(t *testing.T, h *Harness) {
	s := open(t, h)
	s.load(keyed(), destination.Counts{Inserted: 7001}, rowsOf(0, 5000, "a"), rowsOf(5000, 7001, "b"))
	s.expect(keyed(), append(rowsOf(0, 5000, "a"), rowsOf(5000, 7001, "b")...)...)
}

func emptyBatch(t *testing.T, h *Harness) {
	s := open(t, h)
	s.load(keyed(), destination.Counts{}, nil)
	s.load(keyed(), destination.Counts{Inserted: 1}, nil, []Row{{int64(1), "a"}}, nil)
	s.load(keyless(), destination.Counts{}, nil)
	s.expect(keyed(), Row{int64(1), "a"})
}

func noBatch(t *testing.T, h *Harness) {
	s := open(t, h)
	s.load(keyed(), destination.Counts{})
	s.expect(keyed())
}

func keylessRows(t *testing.T, h *Harness) {
	s := open(t, h)
	row := Row{int64(1), "same"}
	s.load(keyless(), destination.Counts{Inserted: 3}, []Row{row, row}, []Row{row})
	s.load(keyless(), destination.Counts{Inserted: 1}, []Row{row})
	s.expect(keyless(), row, row, row, row)
}

func appendOnly(t *testing.T, h *Harness) {
	tab := keyed()
	tab.Method = table.AppendOnly
	s := open(t, h)
	s.load(tab, destination.Counts{Inserted: 2}, []Row{{int64(1), "a"}, {int64(1), "b"}})
	s.load(tab, destination.Counts{Inserted: 1}, []Row{{int64(1), "c"}})
	s.expect(tab, Row{int64(1), "a"}, Row{int64(1), "b"}, Row{int64(1), "c"})
}
